//! Sums over 3×3 taps by Winograd's minimal filtering, for `f32`: 16 products instead of 36 for
//! each channel and 2×2 outputs (Lavin, Gray 2016, Fast Algorithms for Convolutional Neural
//! Networks).
//!
//! A tile of 2×2 outputs reads 4×4 elements. Elements and weights are transformed by sums along
//! both axes, multiplied, summed over the channels, and transformed back. Since neighbouring tiles
//! are two elements apart, the padded planes are split by even and odd places, so that neighbouring
//! tiles read neighbours.

use super::planes::{AxisPlan, Plan};
use super::sums::copy_panel;
use super::tile::{Tile, VECTORS, add_products, panel};
use super::{Axis, Geometry};
use crate::kernel::float::Float;
use crate::kernel::isa::{Isa, Kernel};
use crate::kernel::threads::parallel::{self, GRAIN, Shared};
use crate::kernel::threads::scratch::Scratch;
use std::ops::Range;

/// Products for each tile and channel.
pub(super) const PRODUCTS: usize = 16;
/// The fewest channels, of the source and of the result, for which the transforms pay.
const LEAST_CHANNELS: usize = 12;
/// The bytes of a panel's transformed elements, which must fit in the near caches.
const ELEMENTS: usize = 512 * 1024;

/// The sizes of sums over 3×3 taps, one axis by one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sizes {
    /// Channels of the source in a group.
    pub channels: usize,
    /// Channels of the result in a group.
    pub rows: usize,
    pub groups: usize,
    /// Samples.
    pub images: usize,
    /// The lengths of the source, the zeros before it, and the lengths of the result.
    axes: [[usize; 3]; 2],
}

impl Sizes {
    /// Returns the sizes if a plan's sums have this form and enough channels.
    pub(super) fn of<F>(
        plan: &Plan,
        [channels, rows]: [usize; 2],
        groups: usize,
        images: usize,
    ) -> Option<Self> {
        let [z, y, x] = &plan.axes;
        let is_flat = z.source == 1 && z.results == 1 && z.parts[0].taps.len() == 1;
        let axis = |axis: &AxisPlan| {
            let before = usize::try_from(-axis.low).ok()?;
            let has_three = axis.is_dense() && axis.parts[0].taps.len() == 3 && axis.reach == 2;
            has_three.then_some([axis.source, before, axis.results])
        };
        let axes = [axis(y)?, axis(x)?];
        let pays = size_of::<F>() == 4 && channels.min(rows) >= LEAST_CHANNELS;
        (is_flat && pays).then_some(Self {
            channels,
            rows,
            groups,
            images,
            axes,
        })
    }

    /// Returns the number of elements of a channel of the source.
    fn pixels(&self) -> usize {
        self.axes[0][0] * self.axes[1][0]
    }

    /// Returns the number of images that a task computes together: as many as fill a panel.
    pub(super) fn together<F>(&self, plan: &Plan) -> usize {
        let widest = VECTORS * 64 / size_of::<F>();
        if plan.bands() > 1 {
            return 1;
        }
        let tiles: usize = plan.outputs(0).iter().map(Range::len).product();
        (widest / tiles).clamp(1, self.images)
    }

    /// Returns the plan that reads 4×4 elements for each tile.
    pub(super) fn plan(&self) -> Plan {
        let [y, x] = self.axes.map(|[len, padding, results]| Axis {
            len,
            outputs: results.div_ceil(2),
            taps: 4,
            stride: 2,
            padding,
            dilation: 1,
        });
        Plan::convolution(&Geometry {
            batch: 1,
            groups: 1,
            inputs: 1,
            outputs: 1,
            axes: [Axis::MISSING, y, x],
        })
    }
}

/// Transforms weights (groups, rows, channels, taps in the order of `taps`), 9 taps each, to
/// (products, groups, rows, channels).
pub(super) fn transform_weights<F: Float>(weights: &[F], taps: &[usize; 9], out: &mut [F]) {
    const BLOCK: usize = 16;
    let count = weights.len() / 9;
    let out = Shared::of(out);
    let half = F::from_f64(0.5);
    let line = |[a, b, c]: [F; 3]| {
        let (even, odd) = ((a + c) * half, b * half);
        [a, even + odd, even - odd, c]
    };
    parallel::ranges(
        count.div_ceil(BLOCK),
        GRAIN / (BLOCK * PRODUCTS),
        &|blocks| {
            for block in blocks {
                let range = block * BLOCK..((block + 1) * BLOCK).min(count);
                let mut products = [[F::zero(); BLOCK]; PRODUCTS];
                for (l, weights) in weights[range.start * 9..range.end * 9]
                    .chunks_exact(9)
                    .enumerate()
                {
                    let mut rows = [[F::zero(); 4]; 3];
                    for y in 0..3 {
                        let at = |x: usize| weights[taps[y * 3 + x]];
                        rows[y] = line([at(0), at(1), at(2)]);
                    }
                    for x in 0..4 {
                        let column = line([rows[0][x], rows[1][x], rows[2][x]]);
                        for y in 0..4 {
                            products[y * 4 + x][l] = column[y];
                        }
                    }
                }
                for (k, products) in products.iter().enumerate() {
                    // SAFETY: each block writes the places of other weights.
                    let out = unsafe { out.piece(k * count + range.start..k * count + range.end) };
                    out.copy_from_slice(&products[..range.len()]);
                }
            }
        },
    );
}

/// A band of some images of one group, for some channels of the result.
pub(super) struct Task<'a, F> {
    pub sizes: &'a Sizes,
    pub plan: &'a Plan,
    /// The transformed weights.
    pub weights: &'a [F],
    pub bias: Option<&'a [F]>,
    pub out: &'a Shared<F>,
    pub source: &'a [F],
    /// The number of the first image and group.
    pub image: usize,
    /// The number of images. They are `groups` apart.
    pub images: usize,
    pub group: usize,
    pub band: usize,
    pub rows: Range<usize>,
}

/// Tiles of a row that are neighbours in a panel.
struct Run {
    lane: usize,
    /// The number of the image and group.
    image: usize,
    row: usize,
    column: usize,
    len: usize,
}

impl<F: Float> Kernel for Task<'_, F> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(self) {
        match I::VECTOR_BYTES / size_of::<F>() {
            16 => self.sum::<I, 8, 16>(),
            8 => self.sum::<I, 4, 8>(),
            _ => self.sum::<I, 4, 4>(),
        }
    }
}

impl<F: Float> Task<'_, F> {
    #[inline(always)]
    fn sum<I: Isa, const R: usize, const L: usize>(&self) {
        let (plan, channels) = (self.plan, self.sizes.channels);
        let [_, rows, columns] = plan.outputs(self.band);
        let tiles = rows.len() * columns.len();
        let total = tiles * self.images;
        let fitting = ELEMENTS / (PRODUCTS * channels * size_of::<F>());
        let vectors = (fitting / L).clamp(1, VECTORS);
        let width = panel::<L>(total).min(vectors * L);
        let image_planes = channels * plan.channel();
        let planes = image_planes * self.images + VECTORS * L;
        let elements = PRODUCTS * channels * width;
        // The last copy may reach beyond its run.
        let copies = (PRODUCTS + 1) * width;
        let products = PRODUCTS * R * width;
        let lines = 4 * width + L;
        let all = planes + elements + copies + products + lines;
        let mut scratch = Scratch::take(all * size_of::<F>());
        let (planes, rest) = scratch.elements::<F>()[..all].split_at_mut(planes);
        let (elements, rest) = rest.split_at_mut(elements);
        let (copies, rest) = rest.split_at_mut(copies);
        let (products, lines) = rest.split_at_mut(products);
        let image_len = channels * self.sizes.pixels();
        for i in 0..self.images {
            let image = self.image + i * self.sizes.groups;
            let source = &self.source[image * image_len..][..image_len];
            let planes = &mut planes[i * image_planes..];
            plan.copy::<F, L>(source, 0..channels, self.band, planes);
        }
        let mut steps = [0; PRODUCTS];
        (0..PRODUCTS).for_each(|k| steps[k] = k * width);
        let mut shifts = [0; PRODUCTS];
        let [z, y, x] = plan.axes.each_ref().map(|axis| &axis.parts[0].taps);
        for i in 0..4 {
            for j in 0..4 {
                shifts[i * 4 + j] = plan.shift([&z[0], &y[i], &x[j]]);
            }
        }
        let (mut runs, mut moves) = (Vec::new(), Vec::new());
        for first in (0..total).step_by(width) {
            let lanes = width.min(total - first);
            runs.clear();
            moves.clear();
            // The place of each vector whose tiles are neighbours.
            let mut whole = [None; VECTORS];
            let mut lane = 0;
            while lane < lanes {
                let (image, tile) = ((first + lane) / tiles, (first + lane) % tiles);
                let (row, column) = (tile / columns.len(), tile % columns.len());
                let len = (columns.len() - column).min(lanes - lane);
                let place = image * image_planes + row * plan.lengths[2] + column;
                if lane.is_multiple_of(L) {
                    (0..len / L).for_each(|v| whole[lane / L + v] = Some(place + v * L));
                }
                for at in (0..len).step_by(L) {
                    moves.push([place + at, lane + at]);
                }
                runs.push(Run {
                    lane,
                    image: self.image + image * self.sizes.groups,
                    row: rows.start + row,
                    column: columns.start + column,
                    len,
                });
                lane += len;
            }
            // Moves into other vectors only.
            moves.retain(|&[_, lane]| whole[lane / L].is_none() || !lane.is_multiple_of(L));
            for channel in 0..channels {
                let planes = &planes[channel * plan.channel()..];
                copy_panel::<F, L>(planes, &shifts, &moves, width, copies);
                let to = &mut elements[channel * width..];
                for v in 0..width / L {
                    let (from, places) = match whole[v] {
                        Some(place) => (&planes[place..], shifts),
                        None => (&copies[v * L..], steps),
                    };
                    transform_elements::<F, L>(from, &places, &mut to[v * L..], channels * width);
                }
            }
            match width / L {
                1 => self.rows::<I, R, 1, L>(elements, products, lines, &runs),
                2 => self.rows::<I, R, 2, L>(elements, products, lines, &runs),
                _ => self.rows::<I, R, VECTORS, L>(elements, products, lines, &runs),
            }
        }
    }

    #[inline(always)]
    fn rows<I: Isa, const R: usize, const V: usize, const L: usize>(
        &self,
        elements: &[F],
        products: &mut [F],
        lines: &mut [F],
        runs: &[Run],
    ) {
        let Range { start, end } = self.rows;
        let mut row = start;
        while row + R <= end {
            self.tile::<I, R, V, L>(row, elements, products, lines, runs);
            row += R;
        }
        if row + 4 <= end {
            self.tile::<I, 4, V, L>(row, elements, products, lines, runs);
            row += 4;
        }
        if row + 2 <= end {
            self.tile::<I, 2, V, L>(row, elements, products, lines, runs);
            row += 2;
        }
        if row < end {
            self.tile::<I, 1, V, L>(row, elements, products, lines, runs);
        }
    }

    /// Computes a panel of tiles for `R` rows.
    #[inline(always)]
    fn tile<I: Isa, const R: usize, const V: usize, const L: usize>(
        &self,
        row: usize,
        elements: &[F],
        products: &mut [F],
        lines: &mut [F],
        runs: &[Run],
    ) {
        let Sizes {
            channels,
            rows,
            groups,
            ..
        } = *self.sizes;
        let width = V * L;
        assert!(
            products.len() >= PRODUCTS * R * width && lines.len() >= 4 * width,
            "a panel outside of its memory"
        );
        // SAFETY: the slices have at least as many elements, which need no further alignment.
        let (products, lines) = unsafe {
            (
                &mut *products.as_mut_ptr().cast::<[Tile<F, R, V, L>; PRODUCTS]>(),
                &mut *lines.as_mut_ptr().cast::<[[[[F; L]; 2]; V]; 2]>(),
            )
        };
        for (k, products) in products.iter_mut().enumerate() {
            let first = ((k * groups + self.group) * rows + row) * channels;
            let weights = &self.weights[first..][..R * channels];
            let mut factors = [weights.as_ptr(); R];
            for i in 0..R {
                factors[i] = factors[i].wrapping_add(i * channels);
            }
            let source = &elements[k * channels * width..][..channels * width];
            let zeros = [[[F::zero(); L]; V]; R];
            // SAFETY: the slices of weights and of elements have a row for each channel.
            *products = unsafe {
                add_products::<F, I, R, V, L>(&zeros, channels, factors, source.as_ptr(), |c| {
                    [c, c * width]
                })
            };
        }
        let [[_, _, height], [_, _, length]] = self.sizes.axes;
        for i in 0..R {
            let bias = match self.bias {
                Some(bias) => bias[self.group * rows + row + i],
                None => F::zero(),
            };
            for v in 0..V {
                let from =
                    &products.as_flattened().as_flattened().as_flattened()[(i * V + v) * L..];
                let [even, odd] = transform_products(from, R * width, bias);
                (lines[0][v], lines[1][v]) = (even, odd);
            }
            let lines = [
                lines[0].as_flattened().as_flattened(),
                lines[1].as_flattened().as_flattened(),
            ];
            for run in runs {
                let plane = (run.image * rows + row + i) * height * length;
                let len = (2 * run.len).min(length - 2 * run.column);
                for line in 0..2.min(height - 2 * run.row) {
                    let start = plane + (2 * run.row + line) * length + 2 * run.column;
                    // SAFETY: no other task computes these tiles of this channel, and only this
                    // slice of the result is in use.
                    let out = unsafe { self.out.piece(start..start + len) };
                    let from = &lines[line][2 * run.lane..];
                    copy_short::<F, L>(from, out);
                }
            }
        }
    }
}

/// Copies a slice whose length is not known before. A call of a library function would take longer.
#[inline(always)]
fn copy_short<F: Float, const L: usize>(from: &[F], to: &mut [F]) {
    let mut at = 0;
    while at + L <= to.len() {
        to[at..at + L].copy_from_slice(&from[at..at + L]);
        at += L;
    }
    if at + 8 <= to.len() {
        to[at..at + 8].copy_from_slice(&from[at..at + 8]);
        at += 8;
    }
    if at + 4 <= to.len() {
        to[at..at + 4].copy_from_slice(&from[at..at + 4]);
        at += 4;
    }
    for at in at..to.len() {
        to[at] = from[at];
    }
}

/// Transforms the elements of a vector of tiles, whose 4×4 elements are at `places`. The rows of the
/// result are `stride` apart.
#[inline(always)]
fn transform_elements<F: Float, const L: usize>(
    from: &[F],
    places: &[usize; PRODUCTS],
    to: &mut [F],
    stride: usize,
) {
    let last = places.iter().max().map_or(0, |last| last + L);
    assert!(
        last <= from.len() && (PRODUCTS - 1) * stride + L <= to.len(),
        "a vector outside of its memory"
    );
    let mut x = [[F::zero(); L]; PRODUCTS];
    for k in 0..PRODUCTS {
        // SAFETY: just checked.
        x[k] = unsafe { *from.as_ptr().add(places[k]).cast::<[F; L]>() };
    }
    // Along the columns of the 4×4 elements, then along the rows.
    let mut columns = [[F::zero(); L]; PRODUCTS];
    for j in 0..4 {
        for l in 0..L {
            columns[j][l] = x[j][l] - x[8 + j][l];
            columns[4 + j][l] = x[4 + j][l] + x[8 + j][l];
            columns[8 + j][l] = x[8 + j][l] - x[4 + j][l];
            columns[12 + j][l] = x[4 + j][l] - x[12 + j][l];
        }
    }
    for i in 0..4 {
        let mut row = [[F::zero(); L]; 4];
        let c = 4 * i;
        for l in 0..L {
            row[0][l] = columns[c][l] - columns[c + 2][l];
            row[1][l] = columns[c + 1][l] + columns[c + 2][l];
            row[2][l] = columns[c + 2][l] - columns[c + 1][l];
            row[3][l] = columns[c + 1][l] - columns[c + 3][l];
        }
        for j in 0..4 {
            // SAFETY: checked above.
            unsafe { *to.as_mut_ptr().add((c + j) * stride).cast::<[F; L]>() = row[j] };
        }
    }
}

/// Transforms the products of a vector of tiles to their outputs: for both lines of the tiles, the
/// outputs in order, as two vectors.
#[inline(always)]
fn transform_products<F: Float, const L: usize>(
    from: &[F],
    stride: usize,
    bias: F,
) -> [[[F; L]; 2]; 2] {
    let mut lines = [[[F::zero(); L]; 4]; 2];
    for j in 0..4 {
        let mut m = [[F::zero(); L]; 4];
        for i in 0..4 {
            m[i].copy_from_slice(&from[(i * 4 + j) * stride..][..L]);
        }
        for l in 0..L {
            lines[0][j][l] = m[0][l] + m[1][l] + m[2][l];
            lines[1][j][l] = m[1][l] - m[2][l] - m[3][l];
        }
    }
    let mut out = [[[F::zero(); L]; 2]; 2];
    for line in 0..2 {
        let m = &lines[line];
        let mut pair = [[F::zero(); L]; 2];
        for l in 0..L {
            pair[0][l] = m[0][l] + m[1][l] + m[2][l] + bias;
            pair[1][l] = m[1][l] - m[2][l] - m[3][l] + bias;
        }
        for l in 0..L {
            out[line][0][l] = pair[l % 2][l / 2];
            out[line][1][l] = pair[l % 2][L / 2 + l / 2];
        }
    }
    out
}
