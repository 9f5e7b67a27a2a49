//! The gradient of the weights: sums over tiles, of transformed elements and cotangents.

use super::products::{Factors, Sums, add_parts};
use super::{Band, PRODUCTS, Panel, Run, Sizes};
use crate::kernel::conv::planes::Plan;
use crate::kernel::conv::tile::{panel, pitch_of_sums};
use crate::kernel::conv::vectors::copy_transposed;
use crate::kernel::float::Float;
use crate::kernel::isa::{Isa, Kernel, Lanes, dispatch};
use crate::kernel::threads::parallel::{self, GRAIN, Shared};
use crate::kernel::threads::scratch::Scratch;
use std::ops::Range;

/// Tasks, for all threads together, that the sums are split into.
const TASKS: usize = 16;
/// The channels of a task, if there are enough of them. The cotangents are transformed for each
/// task.
const CHANNELS: usize = 32;
/// The bytes of partial sums that are held at most, if there is more than one part.
const PARTIAL_SUMS: usize = 4 << 20;
/// Tiles that are summed at once.
const TILES: usize = 64;
/// Multiplications that pay for waking a thread.
const TASK: usize = 1 << 20;

/// Computes the gradient of the weights (groups, outputs, inputs, 9) of a convolution of `x`, whose
/// result has the cotangents `g`.
pub(in crate::kernel::conv) fn gradient<F: Float>(
    sizes: &Sizes,
    work: usize,
    x: &[F],
    g: &[F],
    out: &mut [F],
) {
    let &Sizes {
        channels,
        rows: outputs,
        groups,
        images,
        ..
    } = sizes;
    let pitch = pitch_of_sums::<F>(outputs);
    let len = groups * PRODUCTS * channels * pitch;
    let chunks = (channels / CHANNELS).clamp(1, TASKS / 4);
    let per_chunk = channels.div_ceil(chunks);
    let chunks = channels.div_ceil(per_chunk);
    let most = (PARTIAL_SUMS / (len * size_of::<F>())).max(1);
    let parts = TASKS.div_ceil(chunks * groups).min(most);
    let per_part = images.div_ceil(parts);
    let parts = images.div_ceil(per_part);

    let mut plan = sizes.plan();
    let tiles: usize = plan.outputs(0).iter().map(Range::len).product();
    plan.cut((TILES / (tiles / plan.band)).clamp(1, plan.band));
    let together = if plan.bands() > 1 {
        1
    } else {
        (TILES / tiles).max(1)
    };
    let mut scratch = Scratch::take(parts * len * size_of::<F>());
    let partial = &mut scratch.elements::<F>()[..parts * len];
    let shared = Shared::of(partial);
    let tasks = parts * groups * chunks;
    let at_once = TASK / (work / tasks).max(1);
    parallel::ranges(tasks, at_once.max(1), &|range| {
        for index in range {
            let (part, rest) = (index / (groups * chunks), index % (groups * chunks));
            let (group, first) = (rest / chunks, rest % chunks * per_chunk);
            dispatch(Task {
                sizes,
                plan: &plan,
                x,
                g,
                sums: Sums {
                    partial: &shared,
                    first: (part * groups + group) * PRODUCTS * channels * pitch,
                    products: PRODUCTS,
                    channels,
                    pitch,
                    chunk: first..(first + per_chunk).min(channels),
                },
                images: part * per_part..((part + 1) * per_part).min(images),
                together,
                group,
            });
        }
    });

    transform_sums(sizes, add_parts(partial, len), out);
}

/// Transforms sums (groups, products, channels, `pitch`) to weights (groups, outputs, channels, 9).
fn transform_sums<F: Float>(sizes: &Sizes, sums: &[F], out: &mut [F]) {
    const BLOCK: usize = 16;
    let (channels, outputs) = (sizes.channels, sizes.rows);
    let half = F::from_f64(0.5);
    let line = |[a, b, c, d]: [F; 4]| {
        let (sum, difference) = ((b + c) * half, (b - c) * half);
        [a + sum, difference, sum + d]
    };
    let pitch = pitch_of_sums::<F>(outputs);
    let blocks = outputs.div_ceil(BLOCK);
    let out = Shared::of(out);
    parallel::ranges(
        sizes.groups * blocks * channels,
        GRAIN / (BLOCK * 25),
        &|range| {
            for index in range {
                let (block, channel) = (index / channels, index % channels);
                let (group, first) = (block / blocks, block % blocks * BLOCK);
                for output in first..(first + BLOCK).min(outputs) {
                    let at = |k: usize| {
                        let row = (group * PRODUCTS + k) * channels + channel;
                        sums[row * pitch + output]
                    };
                    let mut columns = [[F::zero(); 4]; 3];
                    for j in 0..4 {
                        let column = line([at(j), at(4 + j), at(8 + j), at(12 + j)]);
                        for i in 0..3 {
                            columns[i][j] = column[i];
                        }
                    }
                    let place = ((group * outputs + output) * channels + channel) * 9;
                    // SAFETY: each index writes the weights of other channels.
                    let out = unsafe { out.piece(place..place + 9) };
                    for i in 0..3 {
                        out[i * 3..i * 3 + 3].copy_from_slice(&line(columns[i]));
                    }
                }
            }
        },
    );
}

/// Some images and some channels of a group.
struct Task<'a, F> {
    sizes: &'a Sizes,
    plan: &'a Plan,
    x: &'a [F],
    g: &'a [F],
    sums: Sums<'a, F>,
    images: Range<usize>,
    /// The images that are computed together.
    together: usize,
    group: usize,
}

impl<F: Float> Kernel for Task<'_, F> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(self) {
        match Lanes::<I, F>::COUNT {
            16 => self.sum::<I, 8, 16>(),
            8 => self.sum::<I, 4, 8>(),
            _ => self.sum::<I, 4, 4>(),
        }
    }
}

impl<F: Float> Task<'_, F> {
    #[inline(always)]
    fn sum<I: Isa, const R: usize, const L: usize>(&self) {
        let (sizes, plan) = (self.sizes, self.plan);
        let outputs = sizes.rows;
        let band = |band: usize, image: usize| {
            let images = self.together.min(self.images.end - image);
            let first = image * sizes.groups + self.group;
            Band::new(sizes, plan, band, [first, images], self.sums.chunk.clone())
        };
        let width = panel::<L>(outputs);
        let pitch = TILES.next_multiple_of(L);
        let planes = band(0, self.images.start).planes::<L>();
        let elements = PRODUCTS * self.sums.chunk.len() * pitch;
        let copies = (PRODUCTS + 1) * pitch;
        let cotangents = PRODUCTS * TILES * width;
        let lines = 2 * (2 * TILES + L) * width;
        let all = planes + elements + copies + cotangents + lines;
        let mut scratch = Scratch::take(all * size_of::<F>());
        let (planes, rest) = scratch.elements::<F>()[..all].split_at_mut(planes);
        let (elements, rest) = rest.split_at_mut(elements);
        let (copies, rest) = rest.split_at_mut(copies);
        let (cotangents, lines) = rest.split_at_mut(cotangents);
        let mut found = Panel::default();
        let mut begins = true;
        for image in self.images.clone().step_by(self.together) {
            for number in 0..plan.bands() {
                let band = band(number, image);
                band.copy(number, self.x, planes);
                let total = band.tiles();
                for first in (0..total).step_by(TILES) {
                    let tiles = first..(first + TILES).min(total);
                    band.find::<L>(tiles.clone(), &mut found);
                    band.transform::<F, L>(planes, &found, pitch, copies, elements);
                    for column in (0..outputs).step_by(width) {
                        let columns = column..(column + width).min(outputs);
                        let lanes = columns.len().next_multiple_of(L);
                        for run in &found.runs {
                            self.transform_run::<L>(run, &columns, lines, cotangents);
                        }
                        let factors = Factors {
                            elements,
                            pitch,
                            cotangents,
                            strides: [self.sums.chunk.len() * pitch, TILES * lanes],
                            terms: tiles.len(),
                            begins,
                        };
                        self.sums.add::<I, R, L>(&factors, &columns);
                    }
                    begins = false;
                }
            }
        }
    }

    /// Transforms the cotangents of a run of tiles, for some channels of the result.
    #[inline(always)]
    fn transform_run<const L: usize>(
        &self,
        run: &Run,
        columns: &Range<usize>,
        lines: &mut [F],
        cotangents: &mut [F],
    ) {
        let [[_, _, height], [_, _, length]] = self.sizes.axes;
        let width = columns.len().next_multiple_of(L);
        let results = height * length;
        let g = &self.g[run.image * self.sizes.rows * results..][..self.sizes.rows * results];
        let len = (2 * run.len).min(length - 2 * run.column);
        let half = lines.len() / 2;
        for line in 0..2 {
            let lines = &mut lines[line * half..];
            if 2 * run.row + line < height {
                let start = (2 * run.row + line) * length + 2 * run.column;
                copy_transposed::<F, L>(g, results, columns, start..start + len, lines);
                lines[len * width..2 * run.len * width].fill(F::zero());
            } else {
                lines[..2 * run.len * width].fill(F::zero());
            }
        }
        let (first, second) = lines.split_at(half);
        for tile in 0..run.len {
            for lane in (0..width).step_by(L) {
                let place = 2 * tile * width + lane;
                let to = &mut cotangents[(run.lane + tile) * width + lane..];
                transform_cotangents::<F, L>(&first[place..], &second[place..], width, to);
            }
        }
    }
}

/// Transforms the cotangents of a tile: two outputs of both lines, `width` apart. The rows of the
/// result are `TILES * width` apart.
#[inline(always)]
fn transform_cotangents<F: Float, const L: usize>(
    first: &[F],
    second: &[F],
    width: usize,
    to: &mut [F],
) {
    let stride = TILES * width;
    assert!(
        first.len().min(second.len()) >= width + L && to.len() >= (PRODUCTS - 1) * stride + L,
        "a tile outside of its memory"
    );
    let mut x = [[F::zero(); L]; 4];
    for k in 0..2 {
        // SAFETY: just checked.
        unsafe {
            x[k] = *first.as_ptr().add(k * width).cast::<[F; L]>();
            x[2 + k] = *second.as_ptr().add(k * width).cast::<[F; L]>();
        }
    }
    let mut columns = [[F::zero(); L]; 8];
    for j in 0..2 {
        for l in 0..L {
            columns[j][l] = x[j][l];
            columns[2 + j][l] = x[j][l] + x[2 + j][l];
            columns[4 + j][l] = x[j][l] - x[2 + j][l];
            columns[6 + j][l] = -x[2 + j][l];
        }
    }
    for i in 0..4 {
        let mut row = [[F::zero(); L]; 4];
        for l in 0..L {
            row[0][l] = columns[2 * i][l];
            row[1][l] = columns[2 * i][l] + columns[2 * i + 1][l];
            row[2][l] = columns[2 * i][l] - columns[2 * i + 1][l];
            row[3][l] = -columns[2 * i + 1][l];
        }
        for j in 0..4 {
            // SAFETY: checked above.
            unsafe { *to.as_mut_ptr().add((i * 4 + j) * stride).cast::<[F; L]>() = row[j] };
        }
    }
}
