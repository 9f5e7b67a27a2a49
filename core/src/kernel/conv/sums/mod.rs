//! The convolution of an input with weights and its transpose: sums over channels and taps.

mod panel;

use self::panel::{Panel, Part, Run, Sums, Task, whole};
use super::copies::{copy_panel, copy_planes};
use super::planes::{AxisPart, Plan, Tap};
use super::tile::{VECTORS, panels};
use super::{Geometry, winograd};
use crate::kernel::float::Float;
use crate::kernel::isa::{Isa, Kernel, Lanes, dispatch};
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
            copy_planes(plan, self.source, 0..self.sums.channels, self.band, planes);
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
}
