//! The convolution of an input with weights and its transpose: sums over channels and taps.

use super::planes::{AxisPart, Plan, Tap, copy_panel};
use super::tile::{Tile, VECTORS, add_products, panels};
use super::{Geometry, winograd};
use crate::kernel::float::Float;
use crate::kernel::isa::{Isa, Kernel, Lanes, dispatch};
use crate::kernel::linear::tile::{Below, next_rows};
use crate::kernel::threads::parallel::{self, GRAIN, Shared};
use crate::kernel::threads::scratch::Scratch;
use std::borrow::Cow;
use std::ops::Range;

/// Terms of a sum that are copied at once.
const TERMS: usize = 512;
/// The bytes of a task's padded planes that fit in the near caches with what else is read.
const PLANES: usize = 256 * 1024;
/// Multiplications that pay for waking a thread.
const TASK: usize = 1 << 20;
/// Tasks per thread, so that all threads end at about the same time.
const TASKS_PER_THREAD: usize = 4;
/// The cycles that copying a panel's vectors takes, about.
const COPY: usize = 8;
/// The cycles that it takes more to store a panel's row if it has parts, about.
const SPLIT_STORE: usize = 12;

/// Computes the convolution of `x` with `weights`, plus `bias` for each channel of the result.
pub(crate) fn convolve<F: Float>(
    geometry: &Geometry,
    x: &[F],
    weights: &[F],
    bias: Option<&[F]>,
    out: &mut [F],
) {
    let plan = Plan::convolution(geometry);
    let (channels, rows) = (geometry.inputs, geometry.outputs);
    sums(geometry, plan, [channels, rows], x, bias, out, &|_| {
        Cow::Borrowed(weights)
    });
}

/// Computes the transpose of a convolution with `weights`, plus `bias` for each channel of the
/// result: `g` has the shape of the convolution's result, `out` that of its input.
pub(crate) fn transpose<F: Float>(
    geometry: &Geometry,
    g: &[F],
    weights: &[F],
    bias: Option<&[F]>,
    out: &mut [F],
) {
    let plan = Plan::transpose(geometry);
    let (channels, rows) = (geometry.outputs, geometry.inputs);
    let [_, height, width] = geometry.axes.map(|axis| axis.taps);
    let all = geometry.taps();
    sums(geometry, plan, [channels, rows], g, bias, out, &|[
        z,
        y,
        x,
    ]| {
        let mut taps = Vec::new();
        for z in &z.taps {
            for y in &y.taps {
                let start = (z.tap * height + y.tap) * width;
                taps.extend(x.taps.iter().map(|x| start + x.tap));
            }
        }
        let terms = channels * taps.len();
        let mut packed = vec![F::zero(); geometry.groups * rows * terms];
        if let Some(at_once) = GRAIN.checked_div(terms) {
            let piece = at_once.max(1) * terms;
            parallel::chunks_mut(&mut packed, piece, &|start, packed| {
                for (i, packed) in packed.chunks_exact_mut(terms).enumerate() {
                    let (group, row) = ((start / terms + i) / rows, (start / terms + i) % rows);
                    for (c, packed) in packed.chunks_exact_mut(taps.len()).enumerate() {
                        let weights =
                            &weights[((group * channels + c) * rows + row) * all..][..all];
                        for (packed, &tap) in packed.iter_mut().zip(&taps) {
                            *packed = weights[tap];
                        }
                    }
                }
            });
        }
        Cow::Owned(packed)
    });
}

/// Computes all sums. `pack` returns the weights of a part of the results: (groups, rows, channels,
/// taps that reach the part).
fn sums<'w, F: Float>(
    geometry: &Geometry,
    mut plan: Plan,
    [channels, rows]: [usize; 2],
    source: &[F],
    bias: Option<&[F]>,
    out: &mut [F],
    pack: &dyn Fn([&AxisPart; 3]) -> Cow<'w, [F]>,
) {
    let images = geometry.batch * geometry.groups;
    if out.is_empty() {
        return;
    }
    let pixels: usize = plan.axes.iter().map(|axis| axis.source).product();
    let len = channels * pixels;
    let out = Shared::of(out);
    let work = geometry.multiplications();
    if winograd::Pays::<F>::YES
        && let Some(sizes) =
            winograd::Sizes::of::<F>(&plan, [channels, rows], geometry.groups, geometry.batch)
    {
        let [z, y, x] = plan.axes.each_ref().map(|axis| &axis.parts[0]);
        let mut taps = [0; 9];
        for (i, y) in y.taps.iter().enumerate() {
            for (j, x) in x.taps.iter().enumerate() {
                taps[y.shift * 3 + x.shift] = i * 3 + j;
            }
        }
        let weights = pack([z, y, x]);
        filtered(&sizes, work, [&weights, source], &taps, bias, &out);
        return;
    }
    cut::<F>(&mut plan, images, channels);
    let mut parts = Vec::new();
    let [z, y, x] = &plan.axes;
    for (i, z) in z.parts.iter().enumerate() {
        for (j, y) in y.parts.iter().enumerate() {
            for (k, x) in x.parts.iter().enumerate() {
                parts.push(Part {
                    start: [i, j, k],
                    counts: [z.count, y.count, x.count],
                    places: places(&plan, channels, [z, y, x]),
                    weights: pack([z, y, x]),
                });
            }
        }
    }
    let sums = Sums {
        plan: &plan,
        parts: &parts,
        channels,
        rows,
        bias,
        out: &out,
    };
    in_tasks(plan.bands(), images, rows, work, &|image, band, rows| {
        dispatch(Task {
            sums: &sums,
            source: &source[image * len..][..len],
            image,
            group: image % geometry.groups,
            band,
            rows,
        });
    });
}

/// Computes sums over 3×3 taps by minimal filtering. The weights have the order of `taps`.
fn filtered<F: Float>(
    sizes: &winograd::Sizes,
    work: usize,
    [weights, source]: [&[F]; 2],
    taps: &[usize; 9],
    bias: Option<&[F]>,
    out: &Shared<F>,
) {
    let &winograd::Sizes {
        channels,
        rows,
        groups,
        images,
        ..
    } = sizes;
    let grid = winograd::four::Grid::of::<F>(sizes);
    let products = grid.map_or(winograd::PRODUCTS, |_| winograd::four::PRODUCTS);
    let len = weights.len() / 9 * products;
    let mut transformed = Scratch::take(len * size_of::<F>());
    let transformed = &mut transformed.elements::<F>()[..len];
    if let Some(grid) = grid {
        winograd::four::sums::transform_weights(weights, taps, transformed);
        let bands = grid.bands(images, groups, grid.task::<F>(sizes));
        in_tasks(1, bands.len(), rows, work, &|band, _, rows| {
            dispatch(winograd::four::sums::Task {
                sizes,
                grid,
                weights: transformed,
                bias,
                out,
                source,
                band: bands[band].clone(),
                rows,
            });
        });
        return;
    }
    winograd::sums::transform_weights(weights, taps, transformed);
    let mut plan = sizes.plan();
    cut::<F>(&mut plan, images * groups, channels);
    let together = sizes.together::<F>(&plan);
    let bundles = images.div_ceil(together) * groups;
    in_tasks(plan.bands(), bundles, rows, work, &|bundle, band, rows| {
        let (group, first) = (bundle % groups, bundle / groups * together);
        dispatch(winograd::sums::Task {
            sizes,
            plan: &plan,
            weights: transformed,
            bias,
            out,
            source,
            image: first * groups + group,
            images: together.min(images - first),
            group,
            band,
            rows,
        });
    });
}

/// Cuts the outputs of a plan into bands that fit in the caches, and enough of them for all
/// threads. Their number does not change how an element is computed.
fn cut<F>(plan: &mut Plan, images: usize, channels: usize) {
    let total = plan.band;
    let row_bytes = (plan.row() * channels * size_of::<F>()).max(1);
    let wanted = TASKS_PER_THREAD * parallel::threads();
    let fitting = (PLANES / row_bytes).max(1);
    let spread = total.div_ceil(wanted.div_ceil(images));
    let reaches = plan.axes.iter().map(|axis| axis.reach);
    let least = reaches.max().unwrap_or(0).max(4);
    plan.cut(fitting.min(spread).max(least).min(total));
}

/// Calls `body(image, band, rows)` for all of them, in tasks for all threads. `work` is the number
/// of multiplications of all.
fn in_tasks(
    bands: usize,
    images: usize,
    rows: usize,
    work: usize,
    body: &(dyn Fn(usize, usize, Range<usize>) + Sync),
) {
    // Every task copies what it reads, so rows are split only to keep all threads busy.
    let wanted = (2 * parallel::threads()).div_ceil(images * bands);
    let per_task = rows.div_ceil(wanted).max(32).next_multiple_of(8).min(rows);
    let row_tasks = rows.div_ceil(per_task);
    let tasks = images * bands * row_tasks;
    let together = TASK / (work / tasks).max(1);
    parallel::ranges(tasks, together.max(1), &|range| {
        for index in range {
            let (image, rest) = (index / (bands * row_tasks), index % (bands * row_tasks));
            let (band, first) = (rest / row_tasks, rest % row_tasks * per_task);
            body(image, band, first..(first + per_task).min(rows));
        }
    });
}

/// Returns the place of each term in the padded planes.
fn places(plan: &Plan, channels: usize, [z, y, x]: [&AxisPart; 3]) -> Vec<usize> {
    let mut shifts = Vec::new();
    for z in &z.taps {
        for y in &y.taps {
            let shift = |x: &Tap| plan.shift([z, y, x]);
            shifts.extend(x.taps.iter().map(shift));
        }
    }
    let channel = plan.channel();
    let places = (0..channels).flat_map(|c| shifts.iter().map(move |shift| c * channel + shift));
    places.collect()
}

/// The results with the same remainders by the steps of the result.
struct Part<'w, F: Clone> {
    /// The remainders.
    start: [usize; 3],
    counts: [usize; 3],
    places: Vec<usize>,
    /// The weights: (groups, rows, terms).
    weights: Cow<'w, [F]>,
}

struct Sums<'a, F: Clone> {
    plan: &'a Plan,
    parts: &'a [Part<'a, F>],
    /// Channels of the source in a group.
    channels: usize,
    /// Channels of the result in a group.
    rows: usize,
    bias: Option<&'a [F]>,
    out: &'a Shared<F>,
}

/// A band of one image and group, for some channels of the result.
struct Task<'a, F: Clone> {
    sums: &'a Sums<'a, F>,
    /// The channels of the image and group.
    source: &'a [F],
    /// The number of the image and group.
    image: usize,
    group: usize,
    band: usize,
    rows: Range<usize>,
}

impl<F: Float> Kernel for Task<'_, F> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(self) {
        match Lanes::<I, F>::COUNT {
            16 => self.sum::<I, 8, 16>(),
            8 if I::WIDE => self.sum::<I, 8, 8>(),
            8 => self.sum::<I, 4, 8>(),
            4 => self.sum::<I, 4, 4>(),
            _ => self.sum::<I, 4, 2>(),
        }
    }
}

/// Elements of an image's row that are neighbours in a panel.
struct Run {
    lane: usize,
    /// The place in the padded planes.
    place: usize,
    /// The place in the result's plane.
    out: usize,
    len: usize,
}

/// A store of a panel's lanes, or a load: of a whole vector if `len` is its length.
#[derive(Clone, Copy)]
struct Store {
    lane: usize,
    out: usize,
    len: usize,
}

/// The panel of one part of the results that is computed now.
struct Panel<'a, F: Clone> {
    task: &'a Task<'a, F>,
    part: &'a Part<'a, F>,
    stores: &'a [Store],
    /// The distance of neighbours in the result.
    step: usize,
    /// The place of the panel in the result, if it is stored in one piece.
    whole: Option<usize>,
}

impl<F: Float> Task<'_, F> {
    #[inline(always)]
    fn sum<I: Isa, const R: usize, const L: usize>(&self) {
        let plan = self.sums.plan;
        let pitch = VECTORS * L;
        let reads_source = plan.is_source() && plan.channel() >= pitch;
        let planes = if reads_source {
            0
        } else {
            self.sums.channels * plan.channel() + pitch
        };
        let most = self.sums.parts.iter().map(|part| part.places.len());
        let terms = most.max().unwrap_or(0).min(TERMS);
        let mut scratch = Scratch::take((planes + (terms + 1) * pitch) * size_of::<F>());
        let (planes, copies) = scratch.elements::<F>().split_at_mut(planes);
        let planes = if reads_source {
            self.source
        } else {
            plan.copy(self.source, 0..self.sums.channels, self.band, planes);
            &*planes
        };
        let band = plan.outputs(self.band);
        let places_of_terms: Vec<usize> = (0..terms).map(|k| k * pitch).collect();
        let (mut runs, mut moves, mut stores) = (Vec::new(), Vec::new(), Vec::new());
        for part in self.sums.parts {
            let start = [0, 1, 2].map(|i| band[i].start.min(part.counts[i]));
            let n = [0, 1, 2].map(|i| band[i].end.min(part.counts[i]) - start[i]);
            if n.contains(&0) {
                continue;
            }
            let [_, height, width] = plan.lengths;
            let compact: usize = n.iter().product();
            let padded = ((n[0] - 1) * height + n[1] - 1) * width + n[2];
            // A panel that is read in place has lanes in the padding between rows of the image.
            let (rows, count) = (self.rows.len(), part.places.len());
            let wasted = VECTORS * count * rows * (padded - compact) / compact;
            let in_place = padded == compact || wasted + SPLIT_STORE * rows <= COPY * count;
            let (total, pitches) = if in_place {
                (padded, [height, width])
            } else {
                (compact, [n[1], n[2]])
            };
            for Range { start: first, end } in panels::<L>(total) {
                let width = (end - first).next_multiple_of(L);
                // A panel at the end begins earlier instead of being narrower than its vectors.
                let first = if padded == compact && total >= pitch {
                    first.min(total - width)
                } else {
                    first
                };
                let lanes = end - first;
                self.runs(part, start, n, pitches, first..first + lanes, &mut runs);
                let step = self.stores::<L>(part, start, n, &runs, &mut stores);
                moves.clear();
                for run in &runs {
                    let starts = (0..run.len).step_by(L);
                    moves.extend(starts.map(|at| [run.place + at, run.lane + at]));
                }
                let panel_of = Panel {
                    task: self,
                    part,
                    stores: &stores,
                    step,
                    whole: whole::<L>(&stores, step, lanes.div_ceil(L)),
                };
                let most = if in_place { count } else { terms };
                let depth = count.div_ceil(count.div_ceil(most.max(1)).max(1)).max(1);
                for begin in (0..count.max(1)).step_by(depth) {
                    let terms = begin..(begin + depth).min(count);
                    let places = &part.places[terms.clone()];
                    let (source, places) = if in_place {
                        (planes[first..].as_ptr(), places)
                    } else {
                        copy_panel::<F, L>(planes, places, &moves, pitch, copies);
                        (copies.as_ptr(), &places_of_terms[..terms.len()])
                    };
                    panel_of.rows::<I, R, L>(lanes.div_ceil(L), begin, source, places);
                }
            }
        }
    }

    /// Finds the runs of a panel: the lanes `panel` of an enumeration of the band's outputs, `n`
    /// along each axis, in which rows are `pitches[1]` apart and planes `pitches[0]` rows.
    fn runs(
        &self,
        part: &Part<'_, F>,
        start: [usize; 3],
        n: [usize; 3],
        pitches: [usize; 2],
        panel: Range<usize>,
        runs: &mut Vec<Run>,
    ) {
        let plan = self.sums.plan;
        let [_, height, width] = plan.lengths;
        runs.clear();
        let (mut z, rest) = (
            panel.start / (pitches[0] * pitches[1]),
            panel.start % (pitches[0] * pitches[1]),
        );
        let (mut y, mut x) = (rest / pitches[1], rest % pitches[1]);
        let mut lane = 0;
        while lane < panel.len() && z < n[0] {
            if y >= n[1] {
                lane += (pitches[0] - y) * pitches[1] - x;
                (z, y, x) = (z + 1, 0, 0);
            } else if x >= n[2] {
                lane += pitches[1] - x;
                (y, x) = (y + 1, 0);
            } else {
                let len = (n[2] - x).min(panel.len() - lane);
                let out = [z, y, x].iter().enumerate().fold(0, |place, (i, at)| {
                    let axis = &plan.axes[i];
                    place * axis.results + (start[i] + at) * axis.out_step + part.start[i]
                });
                runs.push(Run {
                    lane,
                    place: (z * height + y) * width + x,
                    out,
                    len,
                });
                lane += len;
                x += len;
            }
        }
    }

    /// Finds the stores of a panel, and returns the distance of neighbours in the result.
    fn stores<const L: usize>(
        &self,
        part: &Part<'_, F>,
        start: [usize; 3],
        n: [usize; 3],
        runs: &[Run],
        stores: &mut Vec<Store>,
    ) -> usize {
        let axes = &self.sums.plan.axes;
        stores.clear();
        let step = axes[2].out_step;
        // The end of the results that this task stores after a run. Within them, a vector may
        // overwrite what a later store writes.
        let is_gapless = axes.iter().all(|axis| axis.out_step == 1);
        let end = (0..3).fold(0, |place, i| {
            place * axes[i].results + start[i] + n[i] - 1 + part.start[i]
        }) + 1;
        let mut merged: Vec<Store> = Vec::new();
        for run in runs {
            match merged.last_mut() {
                Some(last)
                    if step == 1
                        && last.lane + last.len == run.lane
                        && last.out + last.len == run.out =>
                {
                    last.len += run.len;
                }
                _ => merged.push(Store {
                    lane: run.lane,
                    out: run.out,
                    len: run.len,
                }),
            }
        }
        for run in merged {
            for at in (0..run.len).step_by(L) {
                let (lane, out) = (run.lane + at, run.out + at * step);
                let overwrites = is_gapless && out + L <= end;
                let len = if overwrites { L } else { L.min(run.len - at) };
                stores.push(Store { lane, out, len });
            }
        }
        step
    }
}

/// Returns the place of the first lane in the result, if all `vectors` of the panel are stored next
/// to each other.
fn whole<const L: usize>(stores: &[Store], step: usize, vectors: usize) -> Option<usize> {
    let first = stores.first()?.out;
    let mut in_order = stores.iter().enumerate();
    let in_order = in_order.all(|(v, store)| {
        step == 1 && store.len == L && store.lane == v * L && store.out == first + v * L
    });
    (in_order && stores.len() == vectors).then_some(first)
}

impl<F: Float> Panel<'_, F> {
    /// Computes the panel for all rows: the sums of some terms, added to the bias at the first
    /// terms, or to the current result.
    // Loads and stores of single lanes are at one place of the code, whatever the numbers of rows
    // and of vectors: each place would be compiled for itself.
    #[inline(always)]
    fn rows<I: Isa, const R: usize, const L: usize>(
        &self,
        vectors: usize,
        begin: usize,
        source: *const F,
        places: &[usize],
    ) {
        let Range { start, end } = self.task.rows;
        let mut lanes = [[[F::zero(); L]; VECTORS + 1]; R];
        let mut row = start;
        while row < end {
            let rows = next_rows::<R>(end - row);
            if begin > 0 {
                self.load(row, &mut lanes[..rows]);
            }
            let terms = (begin, source, places);
            match vectors {
                1 => self.tiles::<I, R, 1, L>(row, rows, terms, &mut lanes),
                2 => self.tiles::<I, R, 2, L>(row, rows, terms, &mut lanes),
                _ => self.tiles::<I, R, VECTORS, L>(row, rows, terms, &mut lanes),
            }
            if self.whole.is_none() {
                self.store(row, &lanes[..rows]);
            }
            row += rows;
        }
    }

    /// Computes the panel for the rows of one tile.
    #[inline(always)]
    fn tiles<I: Isa, const R: usize, const V: usize, const L: usize>(
        &self,
        row: usize,
        rows: usize,
        terms: (usize, *const F, &[usize]),
        lanes: &mut Tile<F, R, { VECTORS + 1 }, L>,
    ) {
        if rows == R {
            self.tile::<I, R, V, L>(row, terms, lanes);
        } else if Below::<4, R>::YES && rows == 4 {
            self.tile::<I, 4, V, L>(row, terms, lanes);
        } else if rows == 2 {
            self.tile::<I, 2, V, L>(row, terms, lanes);
        } else {
            self.tile::<I, 1, V, L>(row, terms, lanes);
        }
    }

    /// Computes the panel for `R` rows. `lanes` has their current result if these are not the first
    /// terms, and the new one afterwards, unless that is stored in one piece.
    #[inline(always)]
    fn tile<I: Isa, const R: usize, const V: usize, const L: usize>(
        &self,
        row: usize,
        (begin, source, places): (usize, *const F, &[usize]),
        lanes: &mut [[[F; L]; VECTORS + 1]],
    ) {
        let sums = self.task.sums;
        let terms = self.part.places.len();
        let mut before = [[[F::zero(); L]; V]; R];
        if begin > 0 {
            for i in 0..R {
                for v in 0..V {
                    before[i][v] = lanes[i][v];
                }
            }
        } else if let Some(bias) = sums.bias {
            for i in 0..R {
                before[i] = [[bias[self.task.group * sums.rows + row + i]; L]; V];
            }
        }
        let first = (self.task.group * sums.rows + row) * terms + begin;
        let weights = &self.part.weights[first..][..(R - 1) * terms + places.len()];
        let mut factors = [weights.as_ptr(); R];
        for i in 0..R {
            factors[i] = factors[i].wrapping_add(i * terms);
        }
        // SAFETY: the weights were just counted. The planes and the copied panel have room for `V *
        // L` elements from each place on, see `sum`.
        let tile = unsafe {
            add_products::<F, I, R, V, L>(&before, places.len(), factors, source, |k| {
                [k, *places.get_unchecked(k)]
            })
        };
        if let Some(first) = self.whole {
            for i in 0..R {
                let (out, plane) = self.plane(row + i);
                let start = plane + first;
                // SAFETY: as in `load`.
                let out = unsafe { out.piece(start..start + V * L) };
                for v in 0..V {
                    out[v * L..(v + 1) * L].copy_from_slice(&tile[i][v]);
                }
            }
        } else {
            for i in 0..R {
                for v in 0..V {
                    lanes[i][v] = tile[i][v];
                }
            }
        }
    }

    /// Returns the plane of the result of a row.
    ///
    /// # Safety
    /// No other task may use the elements that the stores name, and only one plane may be in use at
    /// a time.
    #[inline(always)]
    fn plane(&self, row: usize) -> (&Shared<F>, usize) {
        let sums = self.task.sums;
        let plane: usize = sums.plan.axes.iter().map(|axis| axis.results).product();
        (sums.out, (self.task.image * sums.rows + row) * plane)
    }

    /// Reads the current results of some rows.
    #[inline(always)]
    fn load<const L: usize>(&self, row: usize, lanes: &mut [[[F; L]; VECTORS + 1]]) {
        for (i, lanes) in lanes.iter_mut().enumerate() {
            let (out, plane) = self.plane(row + i);
            for store in self.stores {
                let len = (store.len - 1) * self.step + 1;
                // SAFETY: no other task uses these elements, and only this slice of them is in use.
                let out = unsafe { out.piece(plane + store.out..plane + store.out + len) };
                let lanes = &mut lanes.as_flattened_mut()[store.lane..];
                if store.len == L && self.step == 1 {
                    lanes[..L].copy_from_slice(&out[..L]);
                } else {
                    for l in 0..store.len {
                        lanes[l] = out[l * self.step];
                    }
                }
            }
        }
    }

    /// Stores the results of some rows.
    #[inline(always)]
    fn store<const L: usize>(&self, row: usize, lanes: &[[[F; L]; VECTORS + 1]]) {
        for (i, lanes) in lanes.iter().enumerate() {
            let (out, plane) = self.plane(row + i);
            for store in self.stores {
                let len = (store.len - 1) * self.step + 1;
                // SAFETY: as in `load`.
                let out = unsafe { out.piece(plane + store.out..plane + store.out + len) };
                let lanes = &lanes.as_flattened()[store.lane..];
                if store.len == L && self.step == 1 {
                    out[..L].copy_from_slice(&lanes[..L]);
                } else {
                    for l in 0..store.len {
                        out[l * self.step] = lanes[l];
                    }
                }
            }
        }
    }
}
