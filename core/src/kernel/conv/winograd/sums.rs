//! The sums over channels, of transformed elements and weights.

use super::{Band, PRODUCTS, Panel, Run, Sizes};
use crate::kernel::conv::planes::Plan;
use crate::kernel::conv::tile::{VECTORS, add_products, panel};
use crate::kernel::float::Float;
use crate::kernel::isa::{Isa, Kernel, Lanes};
use crate::kernel::linear::tile::{by_rows, next_rows};
use crate::kernel::threads::parallel::{self, GRAIN, Shared};
use crate::kernel::threads::scratch::Scratch;
use std::ops::Range;

/// The bytes of a panel's transformed elements, which must fit in the near caches.
const ELEMENTS: usize = 512 * 1024;

/// Transforms weights (groups, rows, channels, taps in the order of `taps`), 9 taps each, to
/// (products, groups, rows, channels).
pub(in crate::kernel::conv) fn transform_weights<F: Float>(
    weights: &[F],
    taps: &[usize; 9],
    out: &mut [F],
) {
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
pub(in crate::kernel::conv) struct Task<'a, F> {
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
        let channels = self.sizes.channels;
        let images = [self.image, self.images];
        let band = Band::new(self.sizes, self.plan, self.band, images, 0..channels);
        let total = band.tiles();
        let fitting = ELEMENTS / (PRODUCTS * channels * size_of::<F>());
        let vectors = (fitting / L).clamp(1, VECTORS);
        let width = panel::<L>(total).min(vectors * L);
        let planes = band.planes::<L>();
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
        band.copy(self.band, self.source, planes);
        let mut found = Panel::default();
        for first in (0..total).step_by(width) {
            band.find::<L>(first..(first + width).min(total), &mut found);
            band.transform::<F, L>(planes, &found, width, copies, elements);
            let runs = &found.runs;
            let mut row = self.rows.start;
            while row < self.rows.end {
                let rows = next_rows::<R>(self.rows.end - row);
                match width / L {
                    1 => self.products::<I, R, 1, L>(row, rows, elements, products),
                    2 => self.products::<I, R, 2, L>(row, rows, elements, products),
                    _ => self.products::<I, R, VECTORS, L>(row, rows, elements, products),
                }
                self.outputs::<L>(row, rows, width, products, lines, runs);
                row += rows;
            }
        }
    }

    /// Computes the products of a panel for some rows.
    #[inline(always)]
    fn products<I: Isa, const R: usize, const V: usize, const L: usize>(
        &self,
        row: usize,
        rows: usize,
        elements: &[F],
        products: &mut [F],
    ) {
        by_rows!(rows, R, self.tile::<I, _, V, L>(row, elements, products));
    }

    /// Computes the products of a panel for `R` rows.
    #[inline(always)]
    fn tile<I: Isa, const R: usize, const V: usize, const L: usize>(
        &self,
        row: usize,
        elements: &[F],
        products: &mut [F],
    ) {
        let Sizes {
            channels,
            rows,
            groups,
            ..
        } = *self.sizes;
        let width = V * L;
        // (rows, vectors, products, lanes)
        let (products, _) = products.as_chunks_mut::<L>();
        let products = &mut products[..R * V * PRODUCTS];
        for k in 0..PRODUCTS {
            let first = ((k * groups + self.group) * rows + row) * channels;
            let weights = &self.weights[first..][..R * channels];
            let mut factors = [weights.as_ptr(); R];
            for i in 0..R {
                factors[i] = factors[i].wrapping_add(i * channels);
            }
            let source = &elements[k * channels * width..][..channels * width];
            let zeros = [[[F::zero(); L]; V]; R];
            // SAFETY: the slices of weights and of elements have a row for each channel.
            let tile = unsafe {
                add_products::<F, I, R, V, L>(&zeros, channels, factors, source.as_ptr(), |c| {
                    [c, c * width]
                })
            };
            for i in 0..R {
                for v in 0..V {
                    products[(i * V + v) * PRODUCTS + k] = tile[i][v];
                }
            }
        }
    }

    /// Transforms the products of a panel of `width` tiles for some rows, and stores the results.
    #[inline(always)]
    fn outputs<const L: usize>(
        &self,
        row: usize,
        rows: usize,
        width: usize,
        products: &[F],
        lines: &mut [F],
        runs: &[Run],
    ) {
        let all = self.sizes.rows;
        let [[_, _, height], [_, _, length]] = self.sizes.axes;
        let (even, odd) = lines.split_at_mut(2 * width);
        for i in 0..rows {
            let bias = match self.bias {
                Some(bias) => bias[self.group * all + row + i],
                None => F::zero(),
            };
            for first in (0..width).step_by(L) {
                let from = &products[(i * width + first) * PRODUCTS..];
                let results = transform_products::<F, L>(from, bias);
                even[2 * first..][..2 * L].copy_from_slice(results[0].as_flattened());
                odd[2 * first..][..2 * L].copy_from_slice(results[1].as_flattened());
            }
            let lines = [&*even, &*odd];
            for run in runs {
                let plane = (run.image * all + row + i) * height * length;
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
pub(super) fn copy_short<F: Float, const L: usize>(from: &[F], to: &mut [F]) {
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
    while at < to.len() {
        to[at] = from[at];
        at += 1;
    }
}

/// Transforms the products of a vector of tiles to their outputs: for both lines of the tiles, the
/// outputs in order, as two vectors.
#[inline(always)]
fn transform_products<F: Float, const L: usize>(from: &[F], bias: F) -> [[[F; L]; 2]; 2] {
    let mut lines = [[[F::zero(); L]; 4]; 2];
    for j in 0..4 {
        let mut m = [[F::zero(); L]; 4];
        for i in 0..4 {
            m[i].copy_from_slice(&from[(i * 4 + j) * L..][..L]);
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
