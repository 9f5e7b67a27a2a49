//! Sums of products of transformed elements and cotangents, for the gradient of the weights.

use crate::kernel::conv::tile::{Tile, VECTORS, add_products};
use crate::kernel::float::Float;
use crate::kernel::isa::Isa;
use crate::kernel::linear::tile::{by_rows, next_rows};
use crate::kernel::threads::parallel::{self, GRAIN, Shared};
use std::ops::Range;

/// Transformed elements and cotangents of some tiles.
pub(super) struct Factors<'a, F> {
    /// (products, channels, `pitch`)
    pub elements: &'a [F],
    pub pitch: usize,
    /// (products, terms, outputs of a panel)
    pub cotangents: &'a [F],
    /// The distances of products, of elements and of cotangents.
    pub strides: [usize; 2],
    /// The tiles.
    pub terms: usize,
    /// Whether there are no sums yet.
    pub begins: bool,
}

/// The sums of a part of the tiles, for some channels.
pub(super) struct Sums<'a, F> {
    pub partial: &'a Shared<F>,
    /// The place of the first sum. The sums are (products, channels, `pitch`).
    pub first: usize,
    pub products: usize,
    pub channels: usize,
    /// The outputs, filled up to whole vectors.
    pub pitch: usize,
    /// The channels that are computed.
    pub chunk: Range<usize>,
}

impl<F: Float> Sums<'_, F> {
    /// Adds the products of some outputs.
    #[inline(always)]
    pub(super) fn add<I: Isa, const R: usize, const L: usize>(
        &self,
        factors: &Factors<'_, F>,
        columns: &Range<usize>,
    ) {
        match columns.len().div_ceil(L) {
            1 => self.rows::<I, R, 1, L>(factors, columns),
            2 => self.rows::<I, R, 2, L>(factors, columns),
            _ => self.rows::<I, R, VECTORS, L>(factors, columns),
        }
    }

    #[inline(always)]
    fn rows<I: Isa, const R: usize, const V: usize, const L: usize>(
        &self,
        factors: &Factors<'_, F>,
        columns: &Range<usize>,
    ) {
        let channels = self.chunk.len();
        for k in 0..self.products {
            let mut row = 0;
            while row < channels {
                let rows = next_rows::<R>(channels - row);
                by_rows!(rows, R, self.tile::<I, _, V, L>(factors, k, row, columns));
                row += rows;
            }
        }
    }

    #[inline(always)]
    fn tile<I: Isa, const R: usize, const V: usize, const L: usize>(
        &self,
        factors: &Factors<'_, F>,
        k: usize,
        row: usize,
        columns: &Range<usize>,
    ) {
        let width = V * L;
        let place = |i: usize| {
            let row = k * self.channels + self.chunk.start + row + i;
            let start = self.first + row * self.pitch + columns.start;
            start..start + width
        };
        let mut sums: Tile<F, R, V, L> = [[[F::zero(); L]; V]; R];
        if !factors.begins {
            for i in 0..R {
                // SAFETY: no other task uses these rows, and only this slice of them is in use.
                let old = unsafe { self.partial.piece(place(i)) };
                for v in 0..V {
                    sums[i][v].copy_from_slice(&old[v * L..(v + 1) * L]);
                }
            }
        }
        let pitch = factors.pitch;
        let elements = &factors.elements[k * factors.strides[0] + row * pitch..][..R * pitch];
        let mut rows = [elements.as_ptr(); R];
        for i in 0..R {
            rows[i] = rows[i].wrapping_add(i * pitch);
        }
        let source = &factors.cotangents[k * factors.strides[1]..][..factors.terms * width];
        // SAFETY: a row has `pitch` elements, at least as many as there are terms, and there are
        // `width` cotangents for each term.
        let sums = unsafe {
            let terms = factors.terms;
            add_products::<F, I, R, V, L>(&sums, terms, rows, source.as_ptr(), |t| [t, t * width])
        };
        for i in 0..R {
            // SAFETY: as above.
            let out = unsafe { self.partial.piece(place(i)) };
            for v in 0..V {
                out[v * L..(v + 1) * L].copy_from_slice(&sums[i][v]);
            }
        }
    }
}

/// Adds the sums of all parts, of `len` each, to those of the first, and returns them.
pub(super) fn add_parts<F: Float>(parts: &mut [F], len: usize) -> &[F] {
    let (sums, rest) = parts.split_at_mut(len);
    parallel::chunks_mut(sums, GRAIN, &|start, sums| {
        for part in rest.chunks_exact(len) {
            let part = &part[start..start + sums.len()];
            sums.iter_mut().zip(part).for_each(|(sum, &x)| *sum += x);
        }
    });
    sums
}
