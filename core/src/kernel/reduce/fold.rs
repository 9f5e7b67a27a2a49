//! Pairwise reductions: a sum over n elements accumulates about log n rounding errors instead of n.

use crate::kernel::float::Float;
use crate::kernel::isa::{Baseline, Isa, Kernel, dispatch};
use crate::kernel::lane::Lane;
use crate::kernel::real::Real;
use crate::kernel::threads::parallel;

/// An associative operation with a neutral element, and a function applied to each element first.
pub(crate) trait Reduction: Copy + Send + Sync {
    /// Returns the neutral element.
    fn neutral<T: Real>(self, like: T) -> T;
    /// Maps an element to its contribution.
    #[inline(always)]
    fn lift<T: Real>(self, x: T) -> T {
        x
    }
    /// Combines two contributions.
    fn combine<T: Real>(self, a: T, b: T) -> T;
}

macro_rules! reductions {
    ($($(#[$doc:meta])* $name:ident: $neutral:expr, $lift:expr, $combine:expr;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug)]
        pub(crate) struct $name;
        impl Reduction for $name {
            #[inline(always)]
            fn neutral<T: Real>(self, like: T) -> T {
                like.constant($neutral)
            }
            #[inline(always)]
            fn lift<T: Real>(self, x: T) -> T {
                ($lift)(x)
            }
            #[inline(always)]
            fn combine<T: Real>(self, a: T, b: T) -> T {
                ($combine)(a, b)
            }
        }
    )*};
}

reductions! {
    /// The sum of the elements.
    Sum: 0.0, |x: T| x, |a: T, b: T| a + b;
    /// The sum of the squares.
    SumOfSquares: 0.0, |x: T| x * x, |a: T, b: T| a + b;
    /// The sum of the elements that are not NaN.
    SumOfNumbers: 0.0, |x: T| T::select(x.equals(x), x, x.zero()), |a: T, b: T| a + b;
    /// The number of elements that are not 0.
    Nonzeros: 0.0, |x: T| T::select(x.equals(x.zero()), x.zero(), x.one()), |a: T, b: T| a + b;
    /// The number of elements that are not NaN.
    Numbers: 0.0, |x: T| T::select(x.equals(x), x.one(), x.zero()), |a: T, b: T| a + b;
}

/// Returns the larger number, or NaN if either is NaN.
#[inline(always)]
fn larger<T: Real>(a: T, b: T) -> T {
    T::select(b.equals(b), T::select(a.lt(b), b, a), b)
}

/// The largest of the elements times `sign`, which is 1 or -1. With -1 this is the negated smallest
/// element. The sign is a field and not a type parameter, so that both share one kernel.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Extreme {
    pub sign: f64,
}

impl Reduction for Extreme {
    #[inline(always)]
    fn neutral<T: Real>(self, like: T) -> T {
        like.constant(f64::NEG_INFINITY)
    }
    #[inline(always)]
    fn lift<T: Real>(self, x: T) -> T {
        x * self.sign
    }
    #[inline(always)]
    fn combine<T: Real>(self, a: T, b: T) -> T {
        larger(a, b)
    }
}

/// Accumulators that run side by side, to hide latency and fill vectors.
const LANES: usize = 32;
/// Elements that are accumulated without pairing.
const BLOCK: usize = 32 * LANES;
/// Columns that are accumulated together.
const COLUMNS: usize = 64;
/// Rows that are accumulated without pairing.
const ROWS: usize = 32;
/// Elements that one task reduces: blocks, whose number is a power of two.
const TASK: usize = 64 * BLOCK;

/// Reduces all of `xs`. An empty slice gives the neutral element.
pub(crate) fn all<F: Float, R: Reduction>(reduction: R, xs: &[F]) -> F {
    let parts = parallel::collect(xs.len(), TASK, &|range| {
        let mut part = [F::default()];
        dispatch(Rows {
            reduction,
            xs: &xs[range.clone()],
            len: range.len(),
            out: &mut part,
        });
        part[0]
    });
    // The parts are lifted already, so they are only combined.
    dispatch(Combine {
        reduction,
        xs: &parts,
    })
}

/// Reduces `len` elements that are 0 except in some rows of a table, with the bits of [`all`]. The
/// rows have ascending numbers `indices` and elements `values`. Zeros must contribute 0.
pub(crate) fn all_of_rows<F: Float, R: Reduction>(
    reduction: R,
    len: usize,
    indices: &[usize],
    values: &[F],
) -> F {
    let width = values.len() / indices.len();
    // A task reduces a power of two of blocks as a balanced tree, so that one tree over all blocks
    // is the same.
    let mut blocks = vec![F::default(); len.div_ceil(BLOCK)];
    let mut elements = [F::default(); BLOCK];
    let mut reduce = |block: usize, elements: &mut [F; BLOCK]| {
        let len = BLOCK.min(len - block * BLOCK);
        dispatch(Rows {
            reduction,
            xs: &elements[..len],
            len,
            out: &mut blocks[block..=block],
        });
        elements.fill(F::default());
    };
    let mut block = indices[0] * width / BLOCK;
    for (row, mut rest) in indices.iter().zip(values.chunks_exact(width)) {
        let mut start = row * width;
        while !rest.is_empty() {
            if start / BLOCK != block {
                reduce(block, &mut elements);
                block = start / BLOCK;
            }
            let piece = rest.len().min(BLOCK - start % BLOCK);
            elements[start % BLOCK..][..piece].copy_from_slice(&rest[..piece]);
            (start, rest) = (start + piece, &rest[piece..]);
        }
    }
    reduce(block, &mut elements);
    dispatch(Combine {
        reduction,
        xs: &blocks,
    })
}

/// Reduces each row of `len` consecutive elements into one element of `out`.
pub(crate) fn rows<F: Float, R: Reduction>(reduction: R, xs: &[F], len: usize, out: &mut [F]) {
    if len >= TASK || out.len() == 1 {
        for (i, out) in out.iter_mut().enumerate() {
            *out = all(reduction, &xs[i * len..(i + 1) * len]);
        }
        return;
    }
    let per_task = (TASK / len.max(1)).max(1);
    parallel::chunks_mut(out, per_task, &|start, out| {
        let xs = &xs[start * len..(start + out.len()) * len];
        if len == 0 {
            out.fill(dispatch(Combine { reduction, xs: &[] }));
        } else {
            dispatch(Rows {
                reduction,
                xs,
                len,
                out,
            });
        }
    });
}

/// Reduces the middle axis of `xs` (outer, rows, columns) into `out` (outer, columns).
pub(crate) fn columns<F: Float, R: Reduction>(
    reduction: R,
    xs: &[F],
    [row_count, column_count]: [usize; 2],
    out: &mut [F],
) {
    if column_count == 0 {
        return;
    }
    let plane = row_count * column_count;
    if plane < TASK {
        let planes = (TASK / plane.max(1)).max(1);
        parallel::chunks_mut(out, planes.saturating_mul(column_count), &|start, out| {
            dispatch(Columns {
                reduction,
                xs: &xs[start * row_count..(start + out.len()) * row_count],
                column_count,
                out,
            });
        });
        return;
    }
    for (o, out) in out.chunks_mut(column_count).enumerate() {
        let xs = &xs[o * plane..(o + 1) * plane];
        let parts = parallel::collect(row_count, rows_of_task(column_count), &|range| {
            let mut part = vec![F::default(); column_count];
            dispatch(Columns {
                reduction,
                xs: &xs[range.start * column_count..range.end * column_count],
                column_count,
                out: &mut part,
            });
            part
        });
        out.copy_from_slice(&tree(reduction, parts));
    }
}

/// Returns the number of rows that one task reduces.
pub(crate) fn rows_of_task(column_count: usize) -> usize {
    (TASK / column_count.max(1))
        .max(ROWS)
        .next_multiple_of(ROWS)
}

/// Sums of columns to which rows are added one by one, in the order of [`columns`]. Each task of
/// [`rows_of_task`] has its own; [`tree`] combines their results.
#[derive(Debug)]
pub(crate) struct ColumnSums<F> {
    len: usize,
    /// The number of rows.
    rows: usize,
    /// Finished subtrees, the larger ones first, and a block of [`ROWS`] rows that is not finished.
    blocks: Vec<Vec<F>>,
}

impl<F: Float> ColumnSums<F> {
    /// Creates the sums of `len` columns without rows.
    pub(crate) fn new(len: usize) -> Self {
        Self {
            len,
            rows: 0,
            blocks: Vec::new(),
        }
    }

    /// Returns the sums to which the next row is to be added.
    pub(crate) fn next_row(&mut self) -> &mut [F] {
        if self.rows.is_multiple_of(ROWS) {
            self.finish_block();
            self.blocks.push(vec![F::zero(); self.len]);
        }
        self.rows += 1;
        self.blocks.last_mut().map_or(&mut [], |block| block)
    }

    /// Combines the last block with the subtrees of equal size, as in a binary counter.
    fn finish_block(&mut self) {
        let Some(before) = self.rows.div_ceil(ROWS).checked_sub(1) else {
            return;
        };
        for _ in 0..before.trailing_ones() {
            self.combine();
        }
    }

    /// Adds the last subtree to the one before.
    fn combine(&mut self) {
        if let (Some(last), Some(before)) = (self.blocks.pop(), self.blocks.last_mut()) {
            before.iter_mut().zip(last).for_each(|(sum, x)| *sum += x);
        }
    }

    /// Returns the sums of all rows.
    pub(crate) fn total(mut self) -> Vec<F> {
        self.finish_block();
        while self.blocks.len() > 1 {
            self.combine();
        }
        let total = self.blocks.pop();
        total.unwrap_or_else(|| vec![F::zero(); self.len])
    }
}

/// Combines parts of equal length as a balanced tree. Without parts, the result is empty.
pub(crate) fn tree<F: Float, R: Reduction>(reduction: R, mut parts: Vec<Vec<F>>) -> Vec<F> {
    while parts.len() > 1 {
        let pairs = parts.chunks_mut(2).map(|pair| {
            let (first, second) = pair.split_at_mut(1);
            let mut sum = std::mem::take(&mut first[0]);
            for part in second {
                for (sum, &x) in sum.iter_mut().zip(&*part) {
                    let (a, b) = (Lane::<F, Baseline>::new(*sum), Lane::new(x));
                    *sum = reduction.combine(a, b).0;
                }
            }
            sum
        });
        parts = pairs.collect();
    }
    parts.pop().unwrap_or_default()
}

struct Rows<'a, F, R> {
    reduction: R,
    xs: &'a [F],
    len: usize,
    out: &'a mut [F],
}

impl<F: Float, R: Reduction> Kernel for Rows<'_, F, R> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(self) {
        // A loop, because a closure passed to `collect` is not inlined and so is compiled for the
        // baseline.
        for (out, row) in self.out.iter_mut().zip(self.xs.chunks_exact(self.len)) {
            *out = if self.len < 4 * LANES {
                pairwise::<F, I, R>(self.reduction, row)
            } else {
                long_pairwise::<F, I, R>(self.reduction, row)
            };
        }
    }
}

/// Reduces a slice: blocks of [`BLOCK`] elements, then a balanced tree over the blocks.
#[inline(always)]
pub(crate) fn pairwise<F: Float, I: Isa, R: Reduction>(reduction: R, xs: &[F]) -> F {
    pairwise_with::<F, I, R, false>(reduction, xs)
}

/// Reduces a slice as [`pairwise`] does, faster if it is long.
#[inline(always)]
pub(crate) fn long_pairwise<F: Float, I: Isa, R: Reduction>(reduction: R, xs: &[F]) -> F {
    pairwise_with::<F, I, R, true>(reduction, xs)
}

/// Reduces a slice as [`pairwise`] does. See [`block`] for `OUTLINED`.
#[inline(always)]
fn pairwise_with<F: Float, I: Isa, R: Reduction, const OUTLINED: bool>(
    reduction: R,
    xs: &[F],
) -> F {
    if xs.len() <= BLOCK {
        return block::<F, I, R, OUTLINED>(reduction, xs);
    }
    // A binary counter of partial results: slot k contains a finished subtree of 2^k blocks.
    let mut slots = [F::default(); 48];
    let mut count = 0usize;
    for chunk in xs.chunks(BLOCK) {
        let mut value = block::<F, I, R, OUTLINED>(reduction, chunk);
        let mut level = 0;
        while count >> level & 1 == 1 {
            value = reduction
                .combine(Lane::<F, I>::new(slots[level]), Lane::new(value))
                .0;
            level += 1;
        }
        slots[level] = value;
        count += 1;
    }
    let mut result = reduction.neutral(Lane::<F, I>::new(F::default()));
    let mut first = true;
    for (level, slot) in slots.iter().enumerate() {
        if count >> level & 1 == 1 {
            let slot = Lane::new(*slot);
            result = if first {
                slot
            } else {
                reduction.combine(slot, result)
            };
            first = false;
        }
    }
    result.0
}

/// Reduces at most [`BLOCK`] elements with [`LANES`] accumulators. If `OUTLINED`, a function that
/// is not inlined combines the accumulators. The call costs some nanoseconds, but the loop keeps
/// vectors of full width.
#[inline(always)]
fn block<F: Float, I: Isa, R: Reduction, const OUTLINED: bool>(reduction: R, xs: &[F]) -> F {
    let neutral = reduction.neutral(Lane::<F, I>::new(F::default()));
    let lift = |x: F| reduction.lift(Lane::<F, I>::new(x));
    if xs.len() < LANES {
        return xs
            .iter()
            .fold(neutral, |acc, &x| reduction.combine(acc, lift(x)))
            .0;
    }
    let mut lanes = [neutral; LANES];
    let chunks = xs.chunks_exact(LANES);
    for (lane, &x) in lanes.iter_mut().zip(chunks.remainder()) {
        *lane = lift(x);
    }
    for chunk in chunks {
        for (lane, &x) in lanes.iter_mut().zip(chunk) {
            *lane = reduction.combine(*lane, lift(x));
        }
    }
    if OUTLINED {
        halve_outlined::<F, R>(reduction, &mut lanes.map(|lane| Lane::new(lane.0)))
    } else {
        halve(reduction, &mut lanes)
    }
}

/// Combines the accumulators by halves.
#[inline(always)]
fn halve<F: Float, I: Isa, R: Reduction>(reduction: R, lanes: &mut [Lane<F, I>; LANES]) -> F {
    let mut width = LANES / 2;
    while width > 0 {
        for i in 0..width {
            lanes[i] = reduction.combine(lanes[i], lanes[i + width]);
        }
        width /= 2;
    }
    lanes[0].0
}

/// Combines the accumulators as [`halve`] does, without being inlined. If the compiler sees this
/// code, it splits the loop before it into the narrow vectors that it finds here. Addition and
/// comparison give the same results on every instruction set.
#[inline(never)]
fn halve_outlined<F: Float, R: Reduction>(
    reduction: R,
    lanes: &mut [Lane<F, Baseline>; LANES],
) -> F {
    halve(reduction, lanes)
}

struct Combine<'a, F, R> {
    reduction: R,
    xs: &'a [F],
}

impl<F: Float, R: Reduction> Kernel for Combine<'_, F, R> {
    type Output = F;

    /// Combines contributions that are lifted already, as a balanced tree.
    #[inline(always)]
    fn run<I: Isa>(self) -> F {
        let mut level: Vec<F> = self.xs.to_vec();
        while level.len() > 1 {
            let pairs = level.chunks(2).map(|pair| match *pair {
                [a, b] => self.reduction.combine(Lane::<F, I>::new(a), Lane::new(b)).0,
                _ => pair[0],
            });
            level = pairs.collect();
        }
        let neutral = self.reduction.neutral(Lane::<F, I>::new(F::default())).0;
        level.first().copied().unwrap_or(neutral)
    }
}

/// The kernel of [`columns`]: stacks of rows, each of which becomes one row of `out`.
struct Columns<'a, F, R> {
    reduction: R,
    xs: &'a [F],
    column_count: usize,
    out: &'a mut [F],
}

impl<F: Float, R: Reduction> Kernel for Columns<'_, F, R> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(self) {
        let neutral = self.reduction.neutral(Lane::<F, I>::new(F::default())).0;
        self.out.fill(neutral);
        let plane = self.xs.len() / (self.out.len() / self.column_count);
        if plane == 0 {
            return;
        }
        let planes = self.xs.chunks_exact(plane);
        for (xs, out) in planes.zip(self.out.chunks_exact_mut(self.column_count)) {
            if plane <= ROWS * self.column_count {
                add_rows::<F, I, R>(self.reduction, xs, self.column_count, out);
            } else {
                pairwise_rows::<F, I, R>(self.reduction, xs, out);
            }
        }
    }
}

/// Combines rows of `stride` elements into `out`, which may be shorter: then only the start of each
/// row counts.
#[inline(always)]
fn add_rows<F: Float, I: Isa, R: Reduction>(reduction: R, xs: &[F], stride: usize, out: &mut [F]) {
    for row in xs.chunks(stride) {
        for (acc, &x) in out.iter_mut().zip(row) {
            let x = reduction.lift(Lane::<F, I>::new(x));
            *acc = reduction.combine(Lane::new(*acc), x).0;
        }
    }
}

/// Reduces blocks of [`ROWS`] rows, then a balanced tree over the blocks. `out` contains the
/// neutral element.
#[inline(always)]
fn pairwise_rows<F: Float, I: Isa, R: Reduction>(reduction: R, xs: &[F], out: &mut [F]) {
    let stride = out.len();
    let combine = |a: &mut [F; COLUMNS], b: [F; COLUMNS], first: bool| {
        for (a, b) in a.iter_mut().zip(b) {
            let (own, other) = (Lane::<F, I>::new(*a), Lane::new(b));
            *a = if first {
                reduction.combine(own, other).0
            } else {
                reduction.combine(other, own).0
            };
        }
    };
    let mut slots: Vec<[F; COLUMNS]> = Vec::new();
    for (block, out) in out.chunks_mut(COLUMNS).enumerate() {
        slots.clear();
        let first_column = block * COLUMNS;
        let neutral = out[0];
        for (count, rows) in xs.chunks(ROWS * stride).enumerate() {
            let mut acc = [neutral; COLUMNS];
            add_rows::<F, I, R>(
                reduction,
                &rows[first_column..],
                stride,
                &mut acc[..out.len()],
            );
            // As in a binary counter: each trailing one bit is a finished subtree of equal size.
            for _ in 0..count.trailing_ones() {
                if let Some(slot) = slots.pop() {
                    combine(&mut acc, slot, false);
                }
            }
            slots.push(acc);
        }
        while slots.len() > 1 {
            if let (Some(last), Some(before)) = (slots.pop(), slots.last_mut()) {
                combine(before, last, true);
            }
        }
        if let Some(total) = slots.first() {
            out.copy_from_slice(&total[..out.len()]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_added_one_by_one_give_the_bits_of_sums_of_columns() {
        let sizes = [
            [1, 1],
            [31, 7],
            [33, 5],
            [64, 3],
            [97, 130],
            [700, 100],
            [3000, 33],
            [70_000, 1],
        ];
        for [rows, len] in sizes {
            let number = |i: usize| ((i * 7919 % 1009) as f32 - 500.0) * 0.37;
            let xs: Vec<f32> = (0..rows * len).map(number).collect();
            let mut expected = vec![0.0; len];
            columns(Sum, &xs, [rows, len], &mut expected);
            let parts = parallel::collect(rows, rows_of_task(len), &|range| {
                let mut sums = ColumnSums::<f32>::new(len);
                for row in range {
                    let row = &xs[row * len..(row + 1) * len];
                    for (sum, &x) in sums.next_row().iter_mut().zip(row) {
                        *sum += x;
                    }
                }
                sums.total()
            });
            assert_eq!(tree(Sum, parts), expected, "{rows} x {len}");
        }
    }
}
