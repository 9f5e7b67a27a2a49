//! The gradient of the weights: sums over tiles, of transformed elements and cotangents.

use super::{A, B, BLOCK, Band, FACTORS, FIRST, Grid, PRODUCTS, transform_elements, vectors};
use crate::kernel::conv::tile::{panel, pitch_of_sums};
use crate::kernel::conv::vectors::{Rectangle, copy_pixels, vector};
use crate::kernel::conv::winograd::Sizes;
use crate::kernel::conv::winograd::products::{Factors, Sums, add_parts};
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
/// Tiles of an image that are summed at once.
const TILES: usize = 4;
/// Multiplications that pay for waking a thread.
const TASK: usize = 1 << 20;

/// Computes the gradient of the weights (groups, outputs, inputs, 9) of a convolution of `x`, whose
/// result has the cotangents `g`.
pub(in crate::kernel::conv) fn gradient<F: Float>(
    sizes: &Sizes,
    grid: &Grid,
    work: usize,
    [x, g]: [&[F]; 2],
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
    // As many rows of tiles as are summed at once.
    let rows = (TILES / grid.columns).clamp(1, grid.rows);
    let bands = grid.bands(images, 1, [rows, grid.columns::<F>(per_chunk, rows)]);
    let units = bands.len();
    let parts = TASKS.div_ceil(chunks * groups).min(most);
    let per_part = units.div_ceil(parts);
    let parts = units.div_ceil(per_part);

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
                grid,
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
                bands: &bands[part * per_part..((part + 1) * per_part).min(units)],
                group,
            });
        }
    });
    transform_sums(sizes, add_parts(partial, len), out);
}

/// Transforms sums (groups, products, channels, `pitch`) to weights (groups, outputs, channels, 9).
fn transform_sums<F: Float>(sizes: &Sizes, sums: &[F], out: &mut [F]) {
    let blocks = sizes.rows.div_ceil(BLOCK);
    let out = &Shared::of(out);
    let tasks = sizes.groups * blocks * sizes.channels;
    parallel::ranges(tasks, GRAIN / (BLOCK * PRODUCTS), &|range| {
        dispatch(Transform {
            sizes,
            sums,
            out,
            range,
        });
    });
}

/// The transform of the sums of some channels and blocks of outputs.
struct Transform<'a, F> {
    sizes: &'a Sizes,
    sums: &'a [F],
    out: &'a Shared<F>,
    range: Range<usize>,
}

impl<F: Float> Kernel for Transform<'_, F> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(self) {
        let (channels, outputs) = (self.sizes.channels, self.sizes.rows);
        let pitch = pitch_of_sums::<F>(outputs);
        let blocks = outputs.div_ceil(BLOCK);
        for index in self.range {
            let (block, channel) = (index / channels, index % channels);
            let (group, first) = (block / blocks, block % blocks * BLOCK);
            let len = BLOCK.min(outputs - first);
            let mut lines = [[[F::zero(); BLOCK]; 6]; 3];
            for j in 0..6 {
                let mut x = [[F::zero(); BLOCK]; 6];
                for i in 0..6 {
                    let row = (group * PRODUCTS + i * 6 + j) * channels + channel;
                    x[i] = vector(&self.sums[row * pitch..][..outputs], first);
                }
                let y = three_of_six::<F, I, BLOCK>(x);
                for i in 0..3 {
                    lines[i][j] = y[i];
                }
            }
            let mut weights = [[[F::zero(); BLOCK]; 3]; 3];
            for i in 0..3 {
                weights[i] = three_of_six::<F, I, BLOCK>(lines[i]);
            }
            let weights = weights.as_flattened();
            for l in 0..len {
                let place = ((group * outputs + first + l) * channels + channel) * 9;
                // SAFETY: each index writes the weights of other channels.
                let out = unsafe { self.out.piece(place..place + 9) };
                for k in 0..9 {
                    out[k] = weights[k][l];
                }
            }
        }
    }
}

/// Transforms 6 vectors of sums to 3: the transpose of the transform of weights.
#[inline(always)]
fn three_of_six<F: Float, I: Isa, const L: usize>(x: [[F; L]; 6]) -> [[F; L]; 3] {
    let [near, far] = FACTORS.map(|factors| factors.map(F::from_f64));
    let first = F::from_f64(FIRST);
    let mut y = [[F::zero(); L]; 3];
    for l in 0..L {
        let x = |i: usize| x[i][l];
        let (sums, differences) = ([x(1) + x(2), x(3) + x(4)], [x(1) - x(2), x(3) - x(4)]);
        y[0][l] = first.fma::<I>(x(0), near[0].fma::<I>(sums[0], far[0] * sums[1]));
        y[1][l] = near[1].fma::<I>(differences[0], far[1] * differences[1]);
        y[2][l] = near[2].fma::<I>(sums[0], far[2].fma::<I>(sums[1], x(5)));
    }
    y
}

/// Some bands of some images, and some channels of a group.
struct Task<'a, F> {
    sizes: &'a Sizes,
    grid: &'a Grid,
    x: &'a [F],
    g: &'a [F],
    sums: Sums<'a, F>,
    /// Bands of tiles, of any group.
    bands: &'a [Band],
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
        let (sizes, grid) = (self.sizes, self.grid);
        let outputs = sizes.rows;
        let channels = self.sums.chunk.len();
        let width = panel::<L>(outputs);
        let terms = TILES * L;
        let plane = self.bands.iter();
        let plane = plane.map(|band| grid.plane(band.rows.len(), band.columns.len()));
        let lens = [
            channels * plane.max().unwrap_or(0),
            PRODUCTS * (channels * terms + L),
            PRODUCTS * (terms * width + L),
            16 * TILES * width,
            PRODUCTS * L,
        ];
        let mut scratch = Scratch::take(lens.iter().sum::<usize>() * size_of::<F>());
        let (planes, rest) = scratch.elements::<F>().split_at_mut(lens[0]);
        let (elements, rest) = rest.split_at_mut(lens[1]);
        let (cotangents, rest) = rest.split_at_mut(lens[2]);
        let (patch, rest) = rest.split_at_mut(lens[3]);
        let columns = vectors::<F, L>(rest);
        // A vector more: otherwise the products of a tile would compete for places of the cache.
        let strides = [channels * terms + L];
        let mut begins = true;
        for band in self.bands {
            let band = Band {
                group: self.group,
                ..band.clone()
            };
            let chunk = self.sums.chunk.clone();
            band.copy::<F, L>(sizes, chunk, self.x, planes);
            let plane = grid.plane(band.rows.len(), band.columns.len());
            let pitch = (4 * band.columns.len() + 2) * L;
            let at_once = (TILES / band.rows.len()).min(band.columns.len());
            for first in band.columns.clone().step_by(at_once) {
                let across = first..(first + at_once).min(band.columns.end);
                let tiles = band.rows.len() * across.len();
                for channel in 0..channels {
                    let plane = &planes[channel * plane..][..plane];
                    for tile in 0..tiles {
                        let row = tile / across.len();
                        let column = first - band.columns.start + tile % across.len();
                        let from = &plane[4 * (row * pitch + column * L)..];
                        let to = &mut elements[channel * terms + tile * L..];
                        transform_elements::<F, I, L>(from, pitch, columns, to, strides[0]);
                    }
                }
                for start in (0..outputs).step_by(width) {
                    let outputs = start..(start + width).min(outputs);
                    let lanes = outputs.len().next_multiple_of(L);
                    self.cotangents::<I, L>(&band, &across, &outputs, patch, cotangents);
                    let factors = Factors {
                        elements,
                        pitch: terms,
                        cotangents,
                        strides: [strides[0], terms * lanes + L],
                        terms: tiles * L,
                        begins,
                    };
                    self.sums.add::<I, R, L>(&factors, &outputs);
                }
                begins = false;
            }
        }
    }

    /// Transforms the cotangents of some tiles of all images of a band: (products, tiles, images,
    /// outputs). Those of images that are missing are zeros.
    #[inline(always)]
    fn cotangents<I: Isa, const L: usize>(
        &self,
        band: &Band,
        across: &Range<usize>,
        outputs: &Range<usize>,
        patch: &mut [F],
        cotangents: &mut [F],
    ) {
        let sizes = self.sizes;
        let [[_, _, height], [_, _, length]] = sizes.axes;
        let width = outputs.len().next_multiple_of(L);
        let results = height * length;
        let lines = 4 * band.rows.start..(4 * band.rows.end).min(height);
        let pixels = 4 * across.start..(4 * across.end).min(length);
        let pitch = 4 * across.len() * width;
        let is_partial = lines.len() < 4 * band.rows.len() || pixels.len() < 4 * across.len();
        if is_partial {
            patch[..4 * band.rows.len() * pitch].fill(F::zero());
        }
        let stride = TILES * L * width + L;
        for lane in 0..L {
            let image = band.images.start + lane;
            let is_missing = image >= band.images.end;
            let first = (image * sizes.groups + self.group) * sizes.rows + outputs.start;
            for start in (0..outputs.len()).step_by(L) {
                let planes = [L.min(outputs.len() - start), results];
                let rectangle = |width_of: usize| Rectangle {
                    width: width_of,
                    step: width,
                    pitch,
                };
                if is_missing {
                    continue;
                }
                let g = &self.g[(first + start) * results..][..planes[0] * results];
                if pixels.len() == length {
                    let range = lines.start * length..lines.end * length;
                    copy_pixels(g, planes, range, rectangle(length), &mut patch[start..]);
                } else {
                    for (y, line) in lines.clone().enumerate() {
                        let range = line * length + pixels.start..line * length + pixels.end;
                        let to = &mut patch[y * pitch + start..];
                        copy_pixels(g, planes, range, rectangle(pixels.len()), to);
                    }
                }
            }
            for tile in 0..band.rows.len() * across.len() {
                let (row, column) = (tile / across.len(), tile % across.len());
                for start in (0..width).step_by(L) {
                    let from = &patch[4 * (row * pitch + column * width) + start..];
                    let to = &mut cotangents[(tile * L + lane) * width + start..];
                    if is_missing {
                        for k in 0..PRODUCTS {
                            to[k * stride..][..L].copy_from_slice(&[F::zero(); L]);
                        }
                    } else {
                        transform_cotangents::<F, I, L>(from, [width, pitch], to, stride);
                    }
                }
            }
        }
    }
}

/// Transforms 4 vectors of cotangents to 6: the transpose of the transform of products.
#[inline(always)]
fn six_of_four<F: Float, I: Isa, const L: usize>(x: [[F; L]; 4]) -> [[F; L]; 6] {
    let number = F::from_f64;
    let ([a, aa, aaa], [b, bb, bbb]) = (A.map(number), B.map(number));
    let mut y = [[F::zero(); L]; 6];
    for l in 0..L {
        let x = |i: usize| x[i][l];
        y[0][l] = x(0);
        let (even, odd) = (aa.fma::<I>(x(2), x(0)), aaa.fma::<I>(x(3), a * x(1)));
        y[1][l] = even + odd;
        y[2][l] = even - odd;
        let (even, odd) = (bb.fma::<I>(x(2), x(0)), bbb.fma::<I>(x(3), b * x(1)));
        y[3][l] = even + odd;
        y[4][l] = even - odd;
        y[5][l] = x(3);
    }
    y
}

/// Transforms the cotangents of a tile, whose columns and rows are `steps` apart. The products of
/// the result are `stride` apart.
#[inline(always)]
fn transform_cotangents<F: Float, I: Isa, const L: usize>(
    from: &[F],
    steps: [usize; 2],
    to: &mut [F],
    stride: usize,
) {
    assert!(
        3 * (steps[0] + steps[1]) + L <= from.len() && (PRODUCTS - 1) * stride + L <= to.len(),
        "a tile outside of its memory"
    );
    let mut lines = [[[F::zero(); L]; 4]; 6];
    for j in 0..4 {
        let mut x = [[F::zero(); L]; 4];
        for i in 0..4 {
            // SAFETY: just checked.
            x[i] = unsafe {
                *from
                    .as_ptr()
                    .add(i * steps[1] + j * steps[0])
                    .cast::<[F; L]>()
            };
        }
        let y = six_of_four::<F, I, L>(x);
        for i in 0..6 {
            lines[i][j] = y[i];
        }
    }
    for i in 0..6 {
        let y = six_of_four::<F, I, L>(lines[i]);
        for j in 0..6 {
            // SAFETY: checked above.
            unsafe { *to.as_mut_ptr().add((i * 6 + j) * stride).cast::<[F; L]>() = y[j] };
        }
    }
}
