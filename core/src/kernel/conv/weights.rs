//! The gradient of a convolution's weights: sums over images and outputs.
//!
//! A row of a tile is one tap of a channel, whose elements are read one at a time from the padded
//! planes. Its lanes are output channels, so that the cotangents are copied transposed. The images
//! are added up in a number of parts that the sizes alone decide, and the parts in order.

use super::Geometry;
use super::copies::copy_planes;
use super::planes::Plan;
use super::tile::{Tile, VECTORS, add_products, panel, pitch_of_sums};
use super::vectors::copy_transposed;
use super::winograd::{self, Sizes};
use crate::kernel::float::Float;
use crate::kernel::isa::{Isa, Kernel, Lanes, dispatch};
use crate::kernel::linear::tile::Below;
use crate::kernel::threads::parallel::{self, GRAIN, Shared};
use crate::kernel::threads::scratch::Scratch;
use std::ops::Range;

/// Tasks, for all threads together, that the sums are split into.
const TASKS: usize = 16;
/// The rows of a task, if there are enough of them. The cotangents are copied for each task.
const ROWS: usize = 128;
/// The bytes of partial sums that are held at most, if there is more than one part.
const PARTIAL_SUMS: usize = 2 << 20;
/// Outputs whose cotangents are copied at once.
const OUTPUTS: usize = 512;
/// Rows and columns of a block that is transposed: a cache line of `f32`.
const LINE: usize = 16;
/// The fewest channels for which the transforms of minimal filtering pay.
const LEAST_CHANNELS: usize = 24;
/// Multiplications that pay for waking a thread.
const TASK: usize = 1 << 20;

/// Computes the gradient of the weights of a convolution of `x`, if its result has the cotangents
/// `g`.
pub(crate) fn gradient<F: Float>(geometry: &Geometry, x: &[F], g: &[F], out: &mut [F]) {
    if out.is_empty() {
        return;
    }
    if geometry.batch == 0 {
        out.fill(F::zero());
        return;
    }
    let mut plan = Plan::convolution(geometry);
    let (channels, work) = (
        [geometry.inputs, geometry.outputs],
        geometry.multiplications(),
    );
    if winograd::Pays::<F>::YES
        && let Some(sizes) = Sizes::of::<F>(&plan, channels, geometry.groups, geometry.batch)
    {
        if let Some(grid) = winograd::four::Grid::of::<F>(&sizes) {
            winograd::four::weights::gradient(&sizes, &grid, work, [x, g], out);
            return;
        }
        if channels[0].min(channels[1]) >= LEAST_CHANNELS {
            winograd::weights::gradient(&sizes, work, x, g, out);
            return;
        }
    }
    let pitch = pitch_of_sums::<F>(geometry.outputs);
    let rows = geometry.inputs * geometry.taps();
    let len = geometry.groups * rows * pitch;
    let chunks = (geometry.inputs * geometry.taps() / ROWS).clamp(1, TASKS / 4);
    let channels = geometry.inputs.div_ceil(chunks);
    let chunks = geometry.inputs.div_ceil(channels);
    let most = (PARTIAL_SUMS / (len * size_of::<F>())).max(1);
    let parts = TASKS.div_ceil(chunks * geometry.groups).min(most);
    let images = geometry.batch.div_ceil(parts);
    let parts = geometry.batch.div_ceil(images);

    let total = plan.band;
    let per_output = (geometry.results() / total).max(1);
    plan.cut((OUTPUTS / per_output).clamp(1, total));
    let shifts = shifts(&plan);
    let mut scratch = Scratch::take(parts * len * size_of::<F>());
    let partial = &mut scratch.elements::<F>()[..parts * len];
    let sums = Gradient {
        geometry,
        plan: &plan,
        shifts: &shifts,
        x,
        g,
        partial: &Shared::of(partial),
    };
    let per_part = geometry.groups * chunks;
    let tasks = parts * per_part;
    let task = |index: usize| {
        let (part, rest) = (index / per_part, index % per_part);
        let (group, first) = (rest / chunks, rest % chunks * channels);
        dispatch(Task {
            sums: &sums,
            part,
            images: part * images..((part + 1) * images).min(geometry.batch),
            group,
            channels: first..(first + channels).min(geometry.inputs),
        });
    };
    let together = TASK / (work / tasks).max(1);
    parallel::ranges(tasks, together.max(1), &|range| range.for_each(task));

    let (sum, rest) = partial.split_at_mut(len);
    parallel::chunks_mut(sum, GRAIN, &|start, sum| {
        for part in rest.chunks_exact(len) {
            let part = &part[start..start + sum.len()];
            sum.iter_mut().zip(part).for_each(|(sum, &x)| *sum += x);
        }
    });
    // The sums are (groups, inputs · taps, outputs, filled up to the pitch).
    let columns = geometry.outputs;
    parallel::chunks_mut(out, rows * LINE, &|start, out| {
        for block in (0..rows).step_by(LINE) {
            for (i, out) in out.chunks_exact_mut(rows).enumerate() {
                let column = start / rows + i;
                let place = column / columns * rows * pitch + column % columns;
                let out = out.iter_mut().enumerate().skip(block).take(LINE);
                out.for_each(|(row, out)| *out = sum[place + row * pitch]);
            }
        }
    });
}

/// Returns the shifts of the taps, in order.
fn shifts(plan: &Plan) -> Vec<usize> {
    let [z, y, x] = plan.axes.each_ref().map(|axis| &axis.parts[0].taps);
    let mut shifts = Vec::new();
    for z in z {
        for y in y {
            shifts.extend(x.iter().map(|x| plan.shift([z, y, x])));
        }
    }
    shifts
}

struct Gradient<'a, F> {
    geometry: &'a Geometry,
    plan: &'a Plan,
    shifts: &'a [usize],
    x: &'a [F],
    g: &'a [F],
    /// (parts, groups, inputs, taps, outputs, filled up to the pitch)
    partial: &'a Shared<F>,
}

/// Some images and some channels of a group.
struct Task<'a, F> {
    sums: &'a Gradient<'a, F>,
    part: usize,
    images: Range<usize>,
    group: usize,
    channels: Range<usize>,
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

/// The outputs of a band.
struct Band<'a, F> {
    /// The place of each output in a padded plane.
    outputs: &'a [usize],
    planes: &'a [F],
    /// For each output, the cotangents of a panel's channels.
    cotangents: &'a [F],
}

impl<F: Float> Task<'_, F> {
    #[inline(always)]
    fn sum<I: Isa, const R: usize, const L: usize>(&self) {
        let Gradient {
            geometry,
            plan,
            shifts,
            x,
            g,
            ..
        } = *self.sums;
        let pixels = geometry.pixels();
        let (results, outputs) = (geometry.results(), geometry.outputs);
        let most = plan.outputs(0).iter().map(Range::len).product::<usize>();
        let pitch = VECTORS * L;
        let planes = self.channels.len() * plan.channel() + L;
        let mut scratch = Scratch::take((planes + (most + L) * pitch) * size_of::<F>());
        let (planes, cotangents) = scratch.elements::<F>().split_at_mut(planes);
        // The place of each row of a tile, from the first channel on.
        let places: Vec<usize> = (0..self.channels.len())
            .flat_map(|c| shifts.iter().map(move |shift| c * plan.channel() + shift))
            .collect();
        let mut places_of_outputs = Vec::new();
        for image in self.images.clone() {
            let image = image * geometry.groups + self.group;
            let x = &x[image * geometry.inputs * pixels..][..geometry.inputs * pixels];
            let g = &g[image * outputs * results..][..outputs * results];
            for band in 0..plan.bands() {
                copy_planes(plan, x, self.channels.clone(), band, planes);
                let n = plan.outputs(band);
                places_of_outputs.clear();
                for z in 0..n[0].len() {
                    for y in 0..n[1].len() {
                        let row = (z * plan.lengths[1] + y) * plan.lengths[2];
                        places_of_outputs.extend(row..row + n[2].len());
                    }
                }
                let [z, y, x] = n.map(|range| range.start);
                let lengths = geometry.axes.map(|axis| axis.outputs);
                let first = (z * lengths[1] + y) * lengths[2] + x;
                let begins = image < (self.images.start + 1) * geometry.groups && band == 0;
                let width = panel::<L>(outputs);
                for column in (0..outputs).step_by(width) {
                    let columns = column..(column + width).min(outputs);
                    let here = first..first + places_of_outputs.len();
                    copy_transposed::<F, L>(g, results, &columns, here, cotangents);
                    let band = Band {
                        outputs: &places_of_outputs,
                        planes,
                        cotangents,
                    };
                    match columns.len().div_ceil(L) {
                        1 => self.panel::<I, R, 1, L>(&band, &places, columns, begins),
                        2 => self.panel::<I, R, 2, L>(&band, &places, columns, begins),
                        _ => self.panel::<I, R, VECTORS, L>(&band, &places, columns, begins),
                    }
                }
            }
        }
    }

    /// Adds a band's products for all taps and a panel of output channels.
    #[inline(always)]
    fn panel<I: Isa, const R: usize, const V: usize, const L: usize>(
        &self,
        band: &Band<'_, F>,
        places: &[usize],
        columns: Range<usize>,
        begins: bool,
    ) {
        let mut row = 0;
        while row + R <= places.len() {
            self.tile::<I, R, V, L>(band, places, row, &columns, begins);
            row += R;
        }
        if Below::<4, R>::YES && row + 4 <= places.len() {
            self.tile::<I, 4, V, L>(band, places, row, &columns, begins);
            row += 4;
        }
        if row + 2 <= places.len() {
            self.tile::<I, 2, V, L>(band, places, row, &columns, begins);
            row += 2;
        }
        if row < places.len() {
            self.tile::<I, 1, V, L>(band, places, row, &columns, begins);
        }
    }

    #[inline(always)]
    fn tile<I: Isa, const R: usize, const V: usize, const L: usize>(
        &self,
        band: &Band<'_, F>,
        places: &[usize],
        row: usize,
        columns: &Range<usize>,
        begins: bool,
    ) {
        let geometry = self.sums.geometry;
        let outputs = geometry.outputs;
        let taps = self.sums.shifts.len();
        let rows = geometry.inputs * taps;
        let first =
            (self.part * geometry.groups + self.group) * rows + self.channels.start * taps + row;
        let pitch = pitch_of_sums::<F>(outputs);
        let place = |i: usize| {
            let start = (first + i) * pitch + columns.start;
            start..start + V * L
        };
        let mut sums: Tile<F, R, V, L> = [[[F::zero(); L]; V]; R];
        if !begins {
            for i in 0..R {
                // SAFETY: no other task uses these rows, and only this slice of them is in use.
                let old = unsafe { self.sums.partial.piece(place(i)) };
                for v in 0..V {
                    sums[i][v].copy_from_slice(&old[v * L..(v + 1) * L]);
                }
            }
        }
        let mut taps = [band.planes.as_ptr(); R];
        for i in 0..R {
            taps[i] = taps[i].wrapping_add(places[row + i]);
        }
        let g = band.cotangents.as_ptr();
        // SAFETY: the planes have an element at each output's place from each tap on, and there are
        // cotangents for each output.
        let sums = unsafe {
            add_products::<F, I, R, V, L>(&sums, band.outputs.len(), taps, g, |k| {
                [*band.outputs.get_unchecked(k), k * (V * L)]
            })
        };
        for i in 0..R {
            // SAFETY: as above.
            let out = unsafe { self.sums.partial.piece(place(i)) };
            for v in 0..V {
                out[v * L..(v + 1) * L].copy_from_slice(&sums[i][v]);
            }
        }
    }
}
