//! The parts of a block that are not products: operands copied into the order of its lanes, masks,
//! and weights from scores.

use crate::kernel::attention::{Attention, LANES};
use crate::kernel::float::Float;
use crate::kernel::isa::{Isa, Kernel, Lanes};
use crate::kernel::linear::matrix::Matrix;
use crate::kernel::linear::tile;
use std::ops::Range;

/// Returns element (`row`, `column`).
fn element<F: Copy>(matrix: &Matrix<'_, F>, row: usize, column: usize) -> F {
    let place = matrix.offset as isize
        + row as isize * matrix.row_stride
        + column as isize * matrix.column_stride;
    matrix.data[place as usize]
}

/// Copies row `row` of a matrix.
pub(super) fn copy_row<F: Copy>(matrix: &Matrix<'_, F>, row: usize, out: &mut [F]) {
    if out.is_empty() {
        // A row without elements may be at any offset.
        return;
    }
    if matrix.column_stride == 1 {
        let start = (matrix.offset as isize + row as isize * matrix.row_stride) as usize;
        out.copy_from_slice(&matrix.data[start..start + out.len()]);
        return;
    }
    for (column, out) in out.iter_mut().enumerate() {
        *out = element(matrix, row, column);
    }
}

/// Computes the scalar product of two rows, in partial sums that are computed side by side.
pub(super) fn dot<F: Float>(a: &[F], b: &[F]) -> F {
    let mut sums = [F::zero(); LANES];
    for (a, b) in a.chunks(LANES).zip(b.chunks(LANES)) {
        for (sum, (&a, &b)) in sums.iter_mut().zip(a.iter().zip(b)) {
            *sum += a * b;
        }
    }
    sums.iter().fold(F::zero(), |sum, &part| sum + part)
}

/// The kernel that writes the transposed matrix of gapless rows of `columns` elements, with rows of
/// `lanes` elements. Missing elements of these are zeros.
pub(super) struct Transpose<'a, F> {
    pub from: &'a [F],
    pub columns: usize,
    pub lanes: usize,
    pub to: &'a mut [F],
}

impl<F: Float> Kernel for Transpose<'_, F> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(self) {
        match Lanes::<I, F>::COUNT {
            16 => self.by_squares::<16>(),
            8 => self.by_squares::<8>(),
            _ => self.by_squares::<4>(),
        }
    }
}

impl<F: Float> Transpose<'_, F> {
    /// Transposes squares of `L` rows and columns in registers.
    #[inline(always)]
    fn by_squares<const L: usize>(self) {
        let Self {
            from,
            columns,
            lanes,
            to,
        } = self;
        let rows = from.len().checked_div(columns).unwrap_or(0);
        let (whole_rows, whole_columns) = (rows - rows % L, columns - columns % L);
        for row in (0..whole_rows).step_by(L) {
            for column in (0..whole_columns).step_by(L) {
                let mut square = [[F::zero(); L]; L];
                for i in 0..L {
                    let start = (row + i) * columns + column;
                    square[i].copy_from_slice(&from[start..start + L]);
                }
                let square = tile::transpose(square);
                for j in 0..L {
                    let start = (column + j) * lanes + row;
                    to[start..start + L].copy_from_slice(&square[j]);
                }
            }
            for column in whole_columns..columns {
                for i in row..row + L {
                    to[column * lanes + i] = from[i * columns + column];
                }
            }
        }
        for column in 0..columns {
            let out = &mut to[column * lanes..(column + 1) * lanes];
            for row in whole_rows..rows {
                out[row] = from[row * columns + column];
            }
            out[rows..].fill(F::zero());
        }
    }
}

impl<F: Float> Attention<'_, F> {
    /// Computes the numbers that are added to the scores of a block, which are -∞ for keys that do
    /// not take part: a row for each key, `lanes` elements each. Returns false if they are all 0;
    /// then nothing is written.
    pub(super) fn biases(
        &self,
        matrix: usize,
        queries: &Range<usize>,
        keys: &Range<usize>,
        lanes: usize,
        out: &mut [F],
    ) -> bool {
        // The last key is the first that a query may not see.
        let future = self.causal.filter(|first| {
            first
                .checked_add(queries.start)
                .is_some_and(|position| position < keys.end.saturating_sub(1))
        });
        if future.is_none() && self.mask.is_none() && self.bias.is_none() {
            return false;
        }
        let never = F::neg_infinity();
        for (key, out) in keys.clone().zip(out.chunks_exact_mut(lanes)) {
            out.fill(F::zero());
            if let Some(bias) = &self.bias {
                for (query, out) in queries.clone().zip(&mut *out) {
                    *out = element(&bias[matrix], query, key);
                }
            }
            if let Some(mask) = &self.mask {
                for (query, out) in queries.clone().zip(&mut *out) {
                    if !element(&mask[matrix], query, key) {
                        *out = never;
                    }
                }
            }
            if let Some(first) = future {
                let hidden = key.saturating_sub(first).saturating_sub(queries.start);
                out[..hidden.min(queries.len())].fill(never);
            }
        }
        true
    }
}

/// Returns a group of lanes of a row.
#[inline(always)]
fn lanes<F: Float>(row: &[F], start: usize) -> [F; LANES] {
    let mut lanes = [F::zero(); LANES];
    lanes.copy_from_slice(&row[start..start + LANES]);
    lanes
}

/// Adds numbers to scores, unless there are none. Where they are -∞ the score is -∞, even if it was
/// ∞ or NaN.
#[inline(always)]
fn add_biases<F: Float>(scores: &mut [F], biases: &[F]) {
    for (score, &bias) in scores.iter_mut().zip(biases) {
        *score = if bias == F::neg_infinity() {
            bias
        } else {
            *score + bias
        };
    }
}

/// The kernel that replaces the scores of some keys (rows) by e^(score - shift), for each query (a
/// lane). `shift` is the largest score until now.
pub(super) struct Weights<'a, F> {
    pub scores: &'a mut [F],
    /// The numbers to add to the scores, or none.
    pub biases: &'a [F],
    /// The length of a row, a multiple of [`LANES`].
    pub lanes: usize,
    /// The largest score of each query, updated.
    pub largest: &'a mut [F],
    /// The sum of each query's weights, updated.
    pub sums: &'a mut [F],
    /// The factors of the earlier sums and weights, e^(earlier shift - shift).
    pub factors: &'a mut [F],
}

/// Returns the shift of scores: their maximum, or 0 if there is none.
#[inline(always)]
pub(super) fn shift_of<F: Float>(largest: F) -> F {
    if largest == F::neg_infinity() {
        F::zero()
    } else {
        largest
    }
}

impl<F: Float> Kernel for Weights<'_, F> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(self) {
        add_biases(self.scores, self.biases);
        for start in (0..self.lanes).step_by(LANES) {
            let before = lanes(self.largest, start);
            let mut largest = before;
            for row in self.scores.chunks_exact(self.lanes) {
                let scores = lanes(row, start);
                for l in 0..LANES {
                    // A NaN may be dropped here: the weights are NaN anyway.
                    largest[l] = if scores[l] > largest[l] {
                        scores[l]
                    } else {
                        largest[l]
                    };
                }
            }
            let mut shift = [F::zero(); LANES];
            for l in 0..LANES {
                shift[l] = shift_of(largest[l]);
            }
            let mut sums = [F::zero(); LANES];
            for row in self.scores.chunks_exact_mut(self.lanes) {
                let mut weights = lanes(row, start);
                for l in 0..LANES {
                    weights[l] = (weights[l] - shift[l]).exp_v::<I>();
                    sums[l] += weights[l];
                }
                row[start..start + LANES].copy_from_slice(&weights);
            }
            let old = lanes(self.sums, start);
            let mut factors = [F::zero(); LANES];
            for l in 0..LANES {
                factors[l] = (before[l] - shift[l]).exp_v::<I>();
                sums[l] += old[l] * factors[l];
            }
            self.sums[start..start + LANES].copy_from_slice(&sums);
            self.largest[start..start + LANES].copy_from_slice(&largest);
            self.factors[start..start + LANES].copy_from_slice(&factors);
        }
    }
}

/// The kernel that multiplies each row by the factors of its lanes.
pub(super) struct Scale<'a, F> {
    pub rows: &'a mut [F],
    pub factors: &'a [F],
}

impl<F: Float> Kernel for Scale<'_, F> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(self) {
        for row in self.rows.chunks_exact_mut(self.factors.len()) {
            for (x, &factor) in row.iter_mut().zip(self.factors) {
                *x *= factor;
            }
        }
    }
}

/// The kernel of a block's backward, for keys (rows) and queries (lanes): it replaces scores by
/// weights w = e^(score - shift) factor, and the weights' cotangents by those of the scores, w
/// (cotangent - dot). Both are 0 for a score of -∞, and the latter for a weight of 0, whatever the
/// other numbers are.
pub(super) struct Pull<'a, F> {
    pub scores: &'a mut [F],
    pub cotangents: &'a mut [F],
    /// The numbers to add to the scores, or none.
    pub biases: &'a [F],
    /// The factors of dropout, or none.
    pub kept: &'a [F],
    pub lanes: usize,
    pub shifts: &'a [F],
    pub factors: &'a [F],
    pub dots: &'a [F],
}

impl<F: Float> Kernel for Pull<'_, F> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(self) {
        add_biases(self.scores, self.biases);
        if !self.kept.is_empty() {
            for (cotangent, &kept) in self.cotangents.iter_mut().zip(self.kept) {
                *cotangent *= kept;
            }
        }
        for start in (0..self.lanes).step_by(LANES) {
            let (shifts, dots) = (lanes(self.shifts, start), lanes(self.dots, start));
            let factors = lanes(self.factors, start);
            let rows = self.scores.chunks_exact_mut(self.lanes);
            for (row, pulled) in rows.zip(self.cotangents.chunks_exact_mut(self.lanes)) {
                let (scores, cotangents) = (lanes(row, start), lanes(pulled, start));
                let (mut weights, mut products) = ([F::zero(); LANES], [F::zero(); LANES]);
                for l in 0..LANES {
                    let weight = (scores[l] - shifts[l]).exp_v::<I>() * factors[l];
                    let excluded = scores[l] == F::neg_infinity();
                    weights[l] = if excluded { F::zero() } else { weight };
                    let product = weights[l] * (cotangents[l] - dots[l]);
                    let none = weights[l] == F::zero();
                    products[l] = if none { F::zero() } else { product };
                }
                row[start..start + LANES].copy_from_slice(&weights);
                pulled[start..start + LANES].copy_from_slice(&products);
            }
        }
        if !self.kept.is_empty() {
            for (weight, &kept) in self.scores.iter_mut().zip(self.kept) {
                *weight *= kept;
            }
        }
    }
}
