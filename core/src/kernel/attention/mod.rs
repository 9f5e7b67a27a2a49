//! Attention by blocks of queries and keys, so that no (queries × keys) matrix is stored
//! ([`forward`], [`backward`]).
//!
//! A block's scores are computed transposed: a row for each key, a lane for each query. So the
//! maxima and sums over the keys are vertical, and every product reads its operands in place (Dao,
//! Fu, Ermon, Rudra, Ré 2022, FlashAttention; Milakov, Gimelshein 2018, Online normalizer
//! calculation for softmax).

pub(crate) mod backward;
mod block;
pub(crate) mod dropout;
pub(crate) mod forward;
pub(crate) mod rotary;

use crate::kernel::float::Float;
use crate::kernel::linear::matrix::Matrix;
use crate::kernel::threads::parallel::Shared;
use dropout::Dropout;
use std::ops::Range;

/// Queries of a block: whole panels of the matrix product on every instruction set.
const QUERIES: usize = 48;
/// Keys of a block. The product reads panels in place up to this number of rows.
const KEYS: usize = 64;
/// Queries are computed side by side in groups of this size. The last group is filled up with
/// zeros.
const LANES: usize = 16;
/// Numbers per query that backward needs of the forward: see [`forward::forward`].
pub(crate) const STATISTICS: usize = 2;

/// The lengths of the operands: those of each query matrix, key matrix and value matrix.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sizes {
    pub queries: usize,
    pub keys: usize,
    /// The length of a query and of a key.
    pub width: usize,
    /// The length of a value.
    pub value_width: usize,
    /// The number of query matrices that share a key matrix.
    pub group: usize,
}

/// The operands and options. Query matrix `i` belongs to key matrix and value matrix `i / group`.
#[derive(Debug)]
pub(crate) struct Attention<'a, F> {
    pub sizes: Sizes,
    pub queries: Vec<Matrix<'a, F>>,
    pub keys: Vec<Matrix<'a, F>>,
    pub values: Vec<Matrix<'a, F>>,
    pub scale: F,
    /// If given, query `i` attends to the keys up to `i` plus this.
    pub causal: Option<usize>,
    /// For each query matrix, which keys (columns) take part for each query (row).
    pub mask: Option<Vec<Matrix<'a, bool>>>,
    /// For each query matrix, the numbers that are added to the scores.
    pub bias: Option<Vec<Matrix<'a, F>>>,
    pub dropout: Option<Dropout>,
}

impl<F: Float> Attention<'_, F> {
    /// Returns the ranges of keys, a block each, that some of the queries attend to.
    fn key_blocks(&self, queries: &Range<usize>) -> impl Iterator<Item = Range<usize>> {
        let keys = self.sizes.keys;
        let seen = self.causal.map(|first| first.saturating_add(queries.end));
        let end = seen.map_or(keys, |seen| seen.min(keys));
        let starts = (0..end).step_by(KEYS);
        starts.map(move |start| start..(start + KEYS).min(end))
    }
}

/// Returns the ranges of a number of queries, a block each.
fn query_blocks(queries: usize) -> impl Iterator<Item = Range<usize>> {
    let starts = (0..queries).step_by(QUERIES);
    starts.map(move |start| start..(start + QUERIES).min(queries))
}

/// The places of the rows of a stack of matrices in memory without gaps.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Places {
    pub heads: usize,
    pub rows: usize,
    pub width: usize,
    /// Whether the rows of one number of all heads are next to each other, instead of all rows of
    /// one head.
    pub rows_first: bool,
}

impl Places {
    fn row(&self, matrix: usize, row: usize) -> Range<usize> {
        let place = if self.rows_first {
            let (sample, head) = (matrix / self.heads, matrix % self.heads);
            (sample * self.rows + row) * self.heads + head
        } else {
            matrix * self.rows + row
        };
        place * self.width..(place + 1) * self.width
    }
}

/// A result, whose rows several threads write.
struct Out<F> {
    elements: Shared<F>,
    places: Places,
}

impl<F> Out<F> {
    fn of(elements: &mut [F], places: Places) -> Self {
        Self {
            elements: Shared::of(elements),
            places,
        }
    }

    /// Returns a row of a matrix.
    ///
    /// # Safety
    /// As for [`Shared::piece`]: the result must still be borrowed, and no row may be in use twice.
    #[allow(clippy::mut_from_ref, reason = "that is why it is unsafe")]
    unsafe fn row(&self, matrix: usize, row: usize) -> &mut [F] {
        // SAFETY: guaranteed by the caller.
        unsafe { self.elements.piece(self.places.row(matrix, row)) }
    }
}
