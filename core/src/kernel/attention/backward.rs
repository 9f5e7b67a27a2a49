//! The backward of attention. It computes the weights again, block by block.

use crate::kernel::attention::block::{self, Pull, Transpose};
use crate::kernel::attention::{
    Attention, KEYS, LANES, Out, Places, QUERIES, STATISTICS, query_blocks,
};
use crate::kernel::float::Float;
use crate::kernel::isa::dispatch;
use crate::kernel::linear::gemm::gemm;
use crate::kernel::linear::matrix::Matrix;
use crate::kernel::threads::parallel;
use std::ops::Range;

/// The forward's results and the cotangent of its output, a matrix for each query matrix.
pub(crate) struct Saved<'a, F> {
    pub outputs: Vec<Matrix<'a, F>>,
    pub statistics: &'a [F],
    pub cotangents: Vec<Matrix<'a, F>>,
}

/// The cotangents of the operands, those that are wanted.
pub(crate) struct Pulled<'a, F> {
    pub queries: Option<(&'a mut [F], Places)>,
    pub keys: Option<(&'a mut [F], Places)>,
    pub values: Option<(&'a mut [F], Places)>,
    /// `(matrices, queries, keys)`.
    pub bias: Option<&'a mut [F]>,
}

/// Computes the cotangents of the operands.
///
/// With weights p = e^(score - shift) / sum, a cotangent g of the result y, and dot = g · y, the
/// cotangent of a score is p (g · value - dot). That of a value is the sum of p g over the queries.
pub(crate) fn backward<F: Float>(x: &Attention<'_, F>, saved: &Saved<'_, F>, out: Pulled<'_, F>) {
    let sizes = x.sizes;
    let shared = |(elements, places)| Out::of(elements, places);
    let queries = out.queries.map(shared);
    let keys = out.keys.map(shared);
    let values = out.values.map(shared);
    let rows_of_keys = Places {
        heads: 1,
        rows: sizes.queries,
        width: sizes.keys,
        rows_first: false,
    };
    let bias = out.bias.map(|elements| Out::of(elements, rows_of_keys));
    // A task has all queries of a key matrix, so that sums over the queries are in order.
    parallel::ranges(x.keys.len(), 1, &|range| {
        let mut scratch = Scratch::new(x, keys.is_some(), values.is_some());
        for of_keys in range {
            scratch.of_keys.fill(F::zero());
            scratch.of_values.fill(F::zero());
            for matrix in of_keys * sizes.group..(of_keys + 1) * sizes.group {
                for block in query_blocks(sizes.queries) {
                    scratch.take(x, saved, matrix, &block);
                    scratch.pull(x, matrix, &block, queries.is_some(), bias.as_ref());
                    if let Some(out) = &queries {
                        scratch.put_queries(x, matrix, &block, out);
                    }
                }
            }
            for (out, rows) in [(&keys, &scratch.of_keys), (&values, &scratch.of_values)] {
                let Some(out) = out else { continue };
                for key in 0..sizes.keys {
                    let width = out.places.width;
                    // SAFETY: each task has its own key matrices, and the result is borrowed until
                    // all tasks have ended.
                    let row = unsafe { out.row(of_keys, key) };
                    row.copy_from_slice(&rows[key * width..(key + 1) * width]);
                }
            }
        }
    });
}

/// The memory of a task.
struct Scratch<F> {
    /// The number of lanes in use.
    lanes: usize,
    /// The queries times the scale, and transposed.
    queries: [Vec<F>; 2],
    /// The cotangents, and transposed.
    cotangents: [Vec<F>; 2],
    /// A row of the output.
    output: Vec<F>,
    scores: Vec<F>,
    /// The cotangents of the weights, then of the scores.
    pulled: Vec<F>,
    biases: Vec<F>,
    kept: Vec<F>,
    shifts: [F; QUERIES],
    factors: [F; QUERIES],
    dots: [F; QUERIES],
    /// The cotangents of the scaled queries, transposed.
    of_queries: Vec<F>,
    of_keys: Vec<F>,
    of_values: Vec<F>,
}

impl<F: Float> Scratch<F> {
    fn new(x: &Attention<'_, F>, keys: bool, values: bool) -> Self {
        let sizes = x.sizes;
        let lanes = sizes.queries.min(QUERIES).next_multiple_of(LANES);
        let vec = |rows: usize| vec![F::zero(); rows * lanes];
        let masked = x.causal.is_some() || x.mask.is_some() || x.bias.is_some();
        let all = |wanted: bool, width: usize| {
            vec![F::zero(); if wanted { sizes.keys * width } else { 0 }]
        };
        Self {
            lanes,
            queries: [vec(sizes.width), vec(sizes.width)],
            cotangents: [vec(sizes.value_width), vec(sizes.value_width)],
            output: vec![F::zero(); sizes.value_width],
            scores: vec(KEYS),
            pulled: vec(KEYS),
            biases: vec(if masked { KEYS } else { 0 }),
            kept: vec(if x.dropout.is_some() { KEYS } else { 0 }),
            shifts: [F::zero(); QUERIES],
            factors: [F::zero(); QUERIES],
            dots: [F::zero(); QUERIES],
            of_queries: vec(sizes.width),
            of_keys: all(keys, sizes.width),
            of_values: all(values, sizes.value_width),
        }
    }

    /// Copies the queries of a block and their cotangents.
    fn take(
        &mut self,
        x: &Attention<'_, F>,
        saved: &Saved<'_, F>,
        matrix: usize,
        block: &Range<usize>,
    ) {
        let (width, value_width) = (x.sizes.width, x.sizes.value_width);
        let lanes = block.len().next_multiple_of(LANES);
        self.lanes = lanes;
        self.shifts.fill(F::zero());
        self.factors.fill(F::zero());
        self.dots.fill(F::zero());
        let (queries, cotangents) = (&mut self.queries[0], &mut self.cotangents[0]);
        for (lane, query) in block.clone().enumerate() {
            let row = &mut queries[lane * width..(lane + 1) * width];
            block::copy_row(&x.queries[matrix], query, row);
            for q in row {
                *q *= x.scale;
            }
            let place = STATISTICS * (matrix * x.sizes.queries + query);
            let (shift, factor) = (saved.statistics[place], saved.statistics[place + 1]);
            let row = &mut cotangents[lane * value_width..(lane + 1) * value_width];
            block::copy_row(&saved.cotangents[matrix], query, row);
            block::copy_row(&saved.outputs[matrix], query, &mut self.output);
            if factor == F::zero() {
                // A query that attends to nothing, whatever its cotangent is.
                row.fill(F::zero());
            }
            self.shifts[lane] = shift;
            self.factors[lane] = factor;
            self.dots[lane] = block::dot(row, &self.output);
        }
        let rows = block.len();
        for ([from, to], columns) in [
            (&mut self.queries, width),
            (&mut self.cotangents, value_width),
        ] {
            dispatch(Transpose {
                from: &from[..rows * columns],
                columns,
                lanes,
                to: &mut to[..columns * lanes],
            });
        }
    }

    /// Adds the cotangents that the queries of a block contribute.
    fn pull(
        &mut self,
        x: &Attention<'_, F>,
        matrix: usize,
        block: &Range<usize>,
        of_queries: bool,
        bias: Option<&Out<F>>,
    ) {
        let (width, value_width, lanes) = (x.sizes.width, x.sizes.value_width, self.lanes);
        let rows = block.len();
        if x.sizes.keys == 0 {
            self.of_queries.fill(F::zero());
        }
        for keys in x.key_blocks(block) {
            let len = keys.len() * lanes;
            let (scores, pulled) = (&mut self.scores[..len], &mut self.pulled[..len]);
            let key_rows = x.keys[matrix / x.sizes.group].below(keys.start);
            let value_rows = x.values[matrix / x.sizes.group].below(keys.start);
            let panel = Matrix::rows(&self.queries[1], lanes);
            gemm(
                [keys.len(), width, lanes],
                key_rows,
                panel,
                F::zero(),
                scores,
            );
            let panel = Matrix::rows(&self.cotangents[1], lanes);
            gemm(
                [keys.len(), value_width, lanes],
                value_rows,
                panel,
                F::zero(),
                pulled,
            );
            let biased = x.biases(matrix, block, &keys, lanes, &mut self.biases);
            if let Some(dropout) = &x.dropout {
                let kept = &mut self.kept[..len];
                dropout.factors(matrix, x.sizes.keys, keys.clone(), block.start, kept);
            }
            dispatch(Pull {
                scores,
                cotangents: pulled,
                biases: if biased { &self.biases[..len] } else { &[] },
                kept: if x.dropout.is_some() {
                    &self.kept[..len]
                } else {
                    &[]
                },
                lanes,
                shifts: &self.shifts[..lanes],
                factors: &self.factors[..lanes],
                dots: &self.dots[..lanes],
            });
            // Lanes beyond the queries are left out of sums over the queries.
            if !self.of_values.is_empty() {
                let out = &mut self.of_values[keys.start * value_width..keys.end * value_width];
                let weights = Matrix::rows(scores, lanes);
                let panel = Matrix::rows(&self.cotangents[0], value_width);
                gemm(
                    [keys.len(), rows, value_width],
                    weights,
                    panel,
                    F::one(),
                    out,
                );
            }
            if !self.of_keys.is_empty() {
                let out = &mut self.of_keys[keys.start * width..keys.end * width];
                let panel = Matrix::rows(&self.queries[0], width);
                gemm(
                    [keys.len(), rows, width],
                    Matrix::rows(pulled, lanes),
                    panel,
                    F::one(),
                    out,
                );
            }
            if of_queries {
                let out = &mut self.of_queries[..width * lanes];
                let panel = Matrix::rows(pulled, lanes);
                let beta = if keys.start == 0 { F::zero() } else { F::one() };
                gemm(
                    [width, keys.len(), lanes],
                    key_rows.transposed(),
                    panel,
                    beta,
                    out,
                );
            }
            if let Some(bias) = bias {
                for (lane, query) in block.clone().enumerate() {
                    // SAFETY: each task has its own query matrices, and the result is borrowed
                    // until all tasks have ended.
                    let row = unsafe { bias.row(matrix, query) };
                    let column = pulled.iter().skip(lane).step_by(lanes);
                    for (out, &pulled) in row[keys.clone()].iter_mut().zip(column) {
                        *out = pulled;
                    }
                }
            }
        }
        if let Some(bias) = bias {
            let seen = x.key_blocks(block).last().map_or(0, |keys| keys.end);
            for query in block.clone() {
                // SAFETY: as above.
                let row = unsafe { bias.row(matrix, query) };
                row[seen..].fill(F::zero());
            }
        }
    }

    /// Writes the cotangents of the queries of a block.
    fn put_queries(
        &mut self,
        x: &Attention<'_, F>,
        matrix: usize,
        block: &Range<usize>,
        out: &Out<F>,
    ) {
        let (width, lanes) = (x.sizes.width, self.lanes);
        // The copies of the queries are not needed any more.
        let rows = &mut self.queries[0][..lanes * width];
        dispatch(Transpose {
            from: &self.of_queries[..width * lanes],
            columns: lanes,
            lanes: width,
            to: rows,
        });
        for (lane, query) in block.clone().enumerate() {
            // SAFETY: each task has its own query matrices, and the result is borrowed until all
            // tasks have ended.
            let out = unsafe { out.row(matrix, query) };
            for (out, &pulled) in out.iter_mut().zip(&rows[lane * width..]) {
                *out = pulled * x.scale;
            }
        }
    }
}
