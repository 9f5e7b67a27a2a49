//! The forward of attention.

use crate::kernel::attention::block::{self, Scale, Transpose, Weights, shift_of};
use crate::kernel::attention::{
    Attention, KEYS, LANES, Out, Places, QUERIES, STATISTICS, query_blocks,
};
use crate::kernel::float::Float;
use crate::kernel::isa::dispatch;
use crate::kernel::linear::gemm::gemm;
use crate::kernel::linear::matrix::Matrix;
use crate::kernel::threads::parallel;
use std::ops::Range;

/// Multiplications in one task, which begins with memory filled with zeros.
const TASK: usize = 2 << 20;

/// Computes the weighted means of the values for each query, and two numbers for each query that
/// backward needs, `(matrices, queries, `[`STATISTICS`]`)`: the largest score, and 1 / Σ e^(score -
/// largest score). Both are 0 for a query that attends to nothing, and so is its result.
pub(crate) fn forward<F: Float>(
    x: &Attention<'_, F>,
    places: Places,
    out: &mut [F],
    statistics: &mut [F],
) {
    let sizes = x.sizes;
    let blocks: Vec<_> = query_blocks(sizes.queries).collect();
    let out = Out::of(out, places);
    let statistics = Out::of(
        statistics,
        Places {
            heads: 1,
            rows: sizes.queries,
            width: STATISTICS,
            rows_first: false,
        },
    );
    let work = sizes.queries.min(QUERIES) * sizes.keys * (sizes.width + sizes.value_width);
    let tasks = x.queries.len() * blocks.len();
    parallel::ranges(tasks, TASK / work.max(1), &|range| {
        let mut scratch = Scratch::new(x);
        for task in range {
            let (matrix, queries) = (task / blocks.len(), &blocks[task % blocks.len()]);
            scratch.attend(x, matrix, queries);
            for (lane, query) in queries.clone().enumerate() {
                // SAFETY: each task has its own matrix and queries, and `out` and `statistics` are
                // borrowed until all tasks have ended.
                let (out, statistics) =
                    unsafe { (out.row(matrix, query), statistics.row(matrix, query)) };
                scratch.finish(lane, out, statistics);
            }
        }
    });
}

/// The memory of a task.
struct Scratch<F> {
    /// The queries times the scale; in the end, the sums of weights times values.
    rows: Vec<F>,
    /// The queries times the scale, transposed.
    queries: Vec<F>,
    scores: Vec<F>,
    biases: Vec<F>,
    /// The sums of weights times values, transposed.
    means: Vec<F>,
    largest: [F; QUERIES],
    sums: [F; QUERIES],
    factors: [F; QUERIES],
}

impl<F: Float> Scratch<F> {
    fn new(x: &Attention<'_, F>) -> Self {
        let lanes = x.sizes.queries.min(QUERIES).next_multiple_of(LANES);
        let vec = |rows: usize| vec![F::zero(); rows * lanes];
        let masked = x.causal.is_some() || x.mask.is_some() || x.bias.is_some();
        Self {
            rows: vec(x.sizes.width.max(x.sizes.value_width)),
            queries: vec(x.sizes.width),
            scores: vec(KEYS),
            biases: vec(if masked || x.dropout.is_some() {
                KEYS
            } else {
                0
            }),
            means: vec(x.sizes.value_width),
            largest: [F::zero(); QUERIES],
            sums: [F::zero(); QUERIES],
            factors: [F::zero(); QUERIES],
        }
    }

    /// Computes the sums of weights times values of some queries, and the sums of the weights.
    fn attend(&mut self, x: &Attention<'_, F>, matrix: usize, queries: &Range<usize>) {
        let width = x.sizes.width;
        let lanes = queries.len().next_multiple_of(LANES);
        let rows = &mut self.rows[..queries.len() * width];
        if width > 0 {
            for (row, query) in rows.chunks_exact_mut(width).zip(queries.clone()) {
                block::copy_row(&x.queries[matrix], query, row);
                for q in row {
                    *q *= x.scale;
                }
            }
        }
        dispatch(Transpose {
            from: rows,
            columns: width,
            lanes,
            to: &mut self.queries[..width * lanes],
        });
        let means = &mut self.means[..x.sizes.value_width * lanes];
        self.largest.fill(F::neg_infinity());
        self.sums.fill(F::zero());
        for keys in x.key_blocks(queries) {
            let scores = &mut self.scores[..keys.len() * lanes];
            let key_rows = x.keys[matrix / x.sizes.group].below(keys.start);
            let sizes = [keys.len(), width, lanes];
            let panel = Matrix::rows(&self.queries, lanes);
            gemm(sizes, key_rows, panel, F::zero(), scores);
            let biases = &mut self.biases[..];
            let biased = x.biases(matrix, queries, &keys, lanes, biases);
            dispatch(Weights {
                scores,
                biases: if biased {
                    &biases[..keys.len() * lanes]
                } else {
                    &[]
                },
                lanes,
                largest: &mut self.largest[..lanes],
                sums: &mut self.sums[..lanes],
                factors: &mut self.factors[..lanes],
            });
            if let Some(dropout) = &x.dropout {
                let kept = &mut biases[..keys.len() * lanes];
                dropout.factors(matrix, x.sizes.keys, keys.clone(), queries.start, kept);
                for (weight, &kept) in scores.iter_mut().zip(&*kept) {
                    *weight *= kept;
                }
            }
            let first = keys.start == 0;
            if !first {
                dispatch(Scale {
                    rows: means,
                    factors: &self.factors[..lanes],
                });
            }
            let beta = if first { F::zero() } else { F::one() };
            let value_columns = x.values[matrix / x.sizes.group]
                .below(keys.start)
                .transposed();
            let sizes = [x.sizes.value_width, keys.len(), lanes];
            gemm(
                sizes,
                value_columns,
                Matrix::rows(scores, lanes),
                beta,
                means,
            );
        }
        dispatch(Transpose {
            from: means,
            columns: lanes,
            lanes: x.sizes.value_width,
            to: &mut self.rows[..lanes * x.sizes.value_width],
        });
    }

    /// Writes the mean and the statistics of the query of a lane.
    fn finish(&self, lane: usize, out: &mut [F], statistics: &mut [F]) {
        let sum = self.sums[lane];
        if sum == F::zero() {
            out.fill(F::zero());
            statistics.fill(F::zero());
            return;
        }
        let factor = F::one() / sum;
        let means = &self.rows[lane * out.len()..(lane + 1) * out.len()];
        for (out, &mean) in out.iter_mut().zip(means) {
            *out = mean * factor;
        }
        statistics.copy_from_slice(&[shift_of(self.largest[lane]), factor]);
    }
}
