//! The sums over channels, of transformed elements and weights.

use super::{
    BLOCK, Band, FACTORS, FIRST, Grid, PRODUCTS, four_of_six, transform_elements, vectors,
};
use crate::kernel::conv::tile::add_products;
use crate::kernel::conv::vectors::{square, store_vector};
use crate::kernel::conv::winograd::Sizes;
use crate::kernel::conv::winograd::sums::copy_short;
use crate::kernel::float::Float;
use crate::kernel::isa::{Isa, Kernel, Lanes, dispatch};
use crate::kernel::linear::tile::{by_rows, next_rows, transpose};
use crate::kernel::threads::parallel::{self, GRAIN, Shared};
use crate::kernel::threads::scratch::Scratch;
use std::ops::Range;

/// Vectors in a row of a tile of products.
const VECTORS: usize = 2;

/// Transforms weights (groups, rows, channels, taps in the order of `taps`), 9 taps each, to
/// (products, groups, rows, channels).
pub(in crate::kernel::conv) fn transform_weights<F: Float>(
    weights: &[F],
    taps: &[usize; 9],
    out: &mut [F],
) {
    let blocks = (weights.len() / 9).div_ceil(BLOCK);
    let out = &Shared::of(out);
    parallel::ranges(blocks, GRAIN / (BLOCK * PRODUCTS), &|blocks| {
        dispatch(Transform {
            weights,
            taps,
            out,
            blocks,
        });
    });
}

/// The transform of some blocks of weights.
struct Transform<'a, F> {
    weights: &'a [F],
    taps: &'a [usize; 9],
    out: &'a Shared<F>,
    blocks: Range<usize>,
}

impl<F: Float> Kernel for Transform<'_, F> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(self) {
        let count = self.weights.len() / 9;
        for block in self.blocks {
            let range = block * BLOCK..((block + 1) * BLOCK).min(count);
            let weights = &self.weights[range.start * 9..range.end * 9];
            let mut x = [[[F::zero(); BLOCK]; 3]; 3];
            for (l, weights) in weights.chunks_exact(9).enumerate() {
                for (k, &tap) in self.taps.iter().enumerate() {
                    x[k / 3][k % 3][l] = weights[tap];
                }
            }
            let mut rows = [[[F::zero(); BLOCK]; 6]; 3];
            for y in 0..3 {
                rows[y] = six_of_three::<F, I, BLOCK>(x[y]);
            }
            for j in 0..6 {
                let column = six_of_three::<F, I, BLOCK>([rows[0][j], rows[1][j], rows[2][j]]);
                for i in 0..6 {
                    let first = (i * 6 + j) * count;
                    // SAFETY: each block writes the places of other weights.
                    let out = unsafe { self.out.piece(first + range.start..first + range.end) };
                    store_vector(&column[i], out, 0);
                }
            }
        }
    }
}

/// Transforms 3 vectors of weights.
#[inline(always)]
fn six_of_three<F: Float, I: Isa, const L: usize>(x: [[F; L]; 3]) -> [[F; L]; 6] {
    let [near, far] = FACTORS.map(|factors| factors.map(F::from_f64));
    let first = F::from_f64(FIRST);
    let mut y = [[F::zero(); L]; 6];
    for l in 0..L {
        let x = |i: usize| x[i][l];
        y[0][l] = first * x(0);
        let (even, odd) = (near[0].fma::<I>(x(0), near[2] * x(2)), near[1] * x(1));
        y[1][l] = even + odd;
        y[2][l] = even - odd;
        let (even, odd) = (far[0].fma::<I>(x(0), far[2] * x(2)), far[1] * x(1));
        y[3][l] = even + odd;
        y[4][l] = even - odd;
        y[5][l] = x(2);
    }
    y
}

/// Some rows of tiles of some images of one group, for some channels of the result.
pub(in crate::kernel::conv) struct Task<'a, F> {
    pub sizes: &'a Sizes,
    pub grid: Grid,
    /// The transformed weights.
    pub weights: &'a [F],
    pub bias: Option<&'a [F]>,
    pub out: &'a Shared<F>,
    pub source: &'a [F],
    pub band: Band,
    pub rows: Range<usize>,
}

impl<F: Float> Kernel for Task<'_, F> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(self) {
        match Lanes::<I, F>::COUNT {
            16 => self.sum::<I, 8, 16>(),
            8 => self.sum::<I, 3, 8>(),
            _ => self.sum::<I, 3, 4>(),
        }
    }
}

/// Returns the first elements of memory as the products of some tiles and rows.
#[inline(always)]
fn vectors_of_tiles<F: Float, const L: usize>(
    memory: &mut [F],
    count: usize,
) -> &mut [[[F; L]; PRODUCTS]] {
    let (vectors, _) = memory.as_chunks_mut::<L>();
    let (tiles, _) = vectors.as_chunks_mut::<PRODUCTS>();
    &mut tiles[..count]
}

/// The memory of a task.
struct Memory<'a, F> {
    /// (channels, pixels, lanes)
    planes: &'a mut [F],
    /// (products, channels, tiles of a panel, lanes), with a vector behind each product: otherwise
    /// those of a tile would compete for the same places of the cache.
    elements: &'a mut [F],
    /// (rows, tiles of a panel, products, lanes)
    products: &'a mut [F],
    columns: &'a mut [F],
    /// (rows, pixels, lanes)
    results: &'a mut [F],
}

impl<F: Float> Task<'_, F> {
    #[inline(always)]
    fn sum<I: Isa, const R: usize, const L: usize>(&self) {
        let (grid, channels) = (&self.grid, self.sizes.channels);
        let tiles = self.band.tiles();
        let fitting = super::ELEMENTS / (PRODUCTS * channels * L * size_of::<F>());
        let panels = tiles.div_ceil(fitting.clamp(1, VECTORS));
        let vectors = tiles.div_ceil(panels);
        let lens = [
            channels * grid.plane(self.band.rows.len(), self.band.columns.len()),
            PRODUCTS * (channels * vectors + 1) * L,
            PRODUCTS * R * vectors * L,
            PRODUCTS * L,
            (self.rows.len() * 16 * tiles + L) * L,
        ];
        let mut scratch = Scratch::take(lens.iter().sum::<usize>() * size_of::<F>());
        let (planes, rest) = scratch.elements::<F>().split_at_mut(lens[0]);
        let (elements, rest) = rest.split_at_mut(lens[1]);
        let (products, rest) = rest.split_at_mut(lens[2]);
        let (columns, rest) = rest.split_at_mut(lens[3]);
        let mut memory = Memory {
            planes,
            elements,
            products,
            columns,
            results: &mut rest[..lens[4]],
        };
        self.band
            .copy::<F, L>(self.sizes, 0..channels, self.source, memory.planes);
        for first in (0..tiles).step_by(vectors) {
            self.panel::<I, R, L>(first, vectors, &mut memory);
        }
        self.store::<L>(memory.results);
    }

    /// Computes the results of some tiles, beginning with `first`. Behind the last tile it is
    /// computed again.
    // The transforms are at one place of the code, whatever the numbers of rows and of vectors:
    // each place would be compiled for itself, and they are the largest part of it.
    #[inline(always)]
    fn panel<I: Isa, const R: usize, const L: usize>(
        &self,
        first: usize,
        vectors_of_panel: usize,
        memory: &mut Memory<'_, F>,
    ) {
        let channels = self.sizes.channels;
        let columns = self.band.columns.len();
        let pitch = (4 * columns + 2) * L;
        let last = self.band.tiles() - 1;
        let mut tiles = [[0; 2]; VECTORS];
        let tiles = &mut tiles[..vectors_of_panel];
        for (v, place) in tiles.iter_mut().enumerate() {
            let tile = (first + v).min(last);
            *place = [tile / columns, tile % columns];
        }
        let plane = self.grid.plane(self.band.rows.len(), columns);
        for channel in 0..channels {
            let plane = &memory.planes[channel * plane..][..plane];
            for (v, [row, column]) in tiles.iter().enumerate() {
                let from = &plane[4 * (row * pitch + column * L)..];
                let to = &mut memory.elements[(channel * tiles.len() + v) * L..];
                let columns = vectors(memory.columns);
                let stride = (channels * tiles.len() + 1) * L;
                transform_elements::<F, I, L>(from, pitch, columns, to, stride);
            }
        }
        let Range { start, end } = self.rows;
        let mut row = start;
        while row < end {
            let rows = next_rows::<R>(end - row);
            match tiles.len() {
                1 => self.products::<I, R, 1, L>(row, rows, memory),
                _ => self.products::<I, R, VECTORS, L>(row, rows, memory),
            }
            self.outputs::<I, L>(row, rows, tiles, memory);
            row += rows;
        }
    }

    /// Computes the products of a panel for some rows.
    #[inline(always)]
    fn products<I: Isa, const R: usize, const V: usize, const L: usize>(
        &self,
        row: usize,
        rows: usize,
        memory: &mut Memory<'_, F>,
    ) {
        by_rows!(rows, R, self.tile::<I, _, V, L>(row, memory));
    }

    /// Computes the products of a panel for `R` rows.
    #[inline(always)]
    fn tile<I: Isa, const R: usize, const V: usize, const L: usize>(
        &self,
        row: usize,
        memory: &mut Memory<'_, F>,
    ) {
        let Sizes {
            channels,
            rows,
            groups,
            ..
        } = *self.sizes;
        let width = V * L;
        let products = vectors_of_tiles(memory.products, R * V);
        for k in 0..PRODUCTS {
            let first = ((k * groups + self.band.group) * rows + row) * channels;
            let weights = &self.weights[first..][..R * channels];
            let mut factors = [weights.as_ptr(); R];
            for i in 0..R {
                factors[i] = factors[i].wrapping_add(i * channels);
            }
            let source = &memory.elements[k * (channels * width + L)..][..channels * width];
            let zeros = [[[F::zero(); L]; V]; R];
            // SAFETY: the slices of weights and of elements have a row for each channel.
            let tile = unsafe {
                add_products::<F, I, R, V, L>(&zeros, channels, factors, source.as_ptr(), |c| {
                    [c, c * width]
                })
            };
            for i in 0..R {
                for v in 0..V {
                    products[i * V + v][k] = tile[i][v];
                }
            }
        }
    }

    /// Transforms the products of a panel for some rows to their results.
    #[inline(always)]
    fn outputs<I: Isa, const L: usize>(
        &self,
        row: usize,
        rows: usize,
        tiles: &[[usize; 2]],
        memory: &mut Memory<'_, F>,
    ) {
        let line = 4 * self.band.columns.len() * L;
        let lines = vectors::<F, L>(memory.columns);
        let products = vectors_of_tiles(memory.products, rows * tiles.len());
        for i in 0..rows {
            let bias = match self.bias {
                Some(bias) => bias[self.band.group * self.sizes.rows + row + i],
                None => F::zero(),
            };
            let results = &mut memory.results
                [(row + i - self.rows.start) * 4 * self.band.rows.len() * line..];
            for (v, [y, x]) in tiles.iter().enumerate() {
                let out = &mut results[4 * (y * line + x * L)..][..3 * line + 4 * L];
                let products = &products[i * tiles.len() + v];
                for j in 0..6 {
                    let mut column = [[F::zero(); L]; 6];
                    for k in 0..6 {
                        column[k] = products[k * 6 + j];
                    }
                    let column = four_of_six::<F, I, L>(column);
                    for k in 0..4 {
                        lines[k * 6 + j] = column[k];
                    }
                }
                for k in 0..4 {
                    let mut x = [[F::zero(); L]; 6];
                    for j in 0..6 {
                        x[j] = lines[k * 6 + j];
                    }
                    let outputs = four_of_six::<F, I, L>(x);
                    for j in 0..4 {
                        for l in 0..L {
                            out[k * line + j * L + l] = outputs[j][l] + bias;
                        }
                    }
                }
            }
        }
    }

    /// Stores the results of the band.
    #[inline(always)]
    fn store<const L: usize>(&self, results: &[F]) {
        let sizes = self.sizes;
        let [[_, _, height], [_, _, width]] = sizes.axes;
        let columns = 4 * self.band.columns.len();
        let [first, first_column] = [self.band.rows.start * 4, self.band.columns.start * 4];
        let rows = (4 * self.band.rows.len()).min(height - first);
        // Lines without columns behind them are stored in one piece.
        let (lines, len) = if columns == width {
            (1, rows * width)
        } else {
            (rows, columns.min(width - first_column))
        };
        let plane = 4 * self.band.rows.len() * columns * L;
        let images = self.band.images.len();
        let distance = sizes.groups * sizes.rows * height * width;
        for (i, row) in self.rows.clone().enumerate() {
            let image = self.band.images.start * sizes.groups + self.band.group;
            let start = (image * sizes.rows + row) * height * width;
            for line in 0..lines {
                let results = &results[i * plane + line * columns * L..][..(len + L) * L];
                for block in (0..len).step_by(L) {
                    // SAFETY: the memory is longer by this square.
                    let square =
                        transpose(unsafe { square::<F, L>(results[block * L..].as_ptr(), L) });
                    let place = (first + line) * width + first_column + block;
                    let pixels = L.min(len - block);
                    if pixels == L && images == L {
                        for l in 0..L {
                            // SAFETY: no other task computes these pixels of this channel, and only
                            // this slice of the result is in use.
                            let out = unsafe {
                                self.out.piece(
                                    start + l * distance + place..start + l * distance + place + L,
                                )
                            };
                            out.copy_from_slice(&square[l]);
                        }
                    } else {
                        for l in 0..images {
                            // SAFETY: as above.
                            let out = unsafe {
                                self.out.piece(
                                    start + l * distance + place
                                        ..start + l * distance + place + pixels,
                                )
                            };
                            copy_short::<F, L>(&square[l], out);
                        }
                    }
                }
            }
        }
    }
}
