//! Reductions, pairwise, so that a sum over n elements loses about log n roundings and not n.

use super::isa::{Isa, Kernel, dispatch};
use super::parallel;
use super::real::{Float, Lane, Real};

/// An associative operation with a neutral element, and what is done to each element before.
pub(crate) trait Reduction: Copy + Send + Sync {
    /// The neutral element.
    fn neutral<T: Real>(self, like: T) -> T;
    /// What an element contributes.
    #[inline(always)]
    fn lift<T: Real>(self, x: T) -> T {
        x
    }
    /// The combination of two contributions.
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
    /// Sum of the elements.
    Sum: 0.0, |x: T| x, |a: T, b: T| a + b;
    /// Sum of the squares.
    SumOfSquares: 0.0, |x: T| x * x, |a: T, b: T| a + b;
    /// Largest element; NaN if there is one.
    Max: f64::NEG_INFINITY, |x: T| x, |a: T, b: T| T::select(b.equals(b), T::select(a.lt(b), b, a), b);
}

/// Accumulators that run side by side, to hide latency and fill vectors.
const LANES: usize = 32;
/// Elements that are accumulated without pairing.
const BLOCK: usize = 32 * LANES;
/// Columns that are accumulated together.
const COLUMNS: usize = 64;
/// Rows that are accumulated without pairing.
const ROWS: usize = 32;
/// Elements that one task reduces.
const TASK: usize = 64 * 1024;

/// Reduces all of `xs`; the neutral element if there is nothing.
pub(crate) fn all<F: Float, R: Reduction>(reduction: R, xs: &[F]) -> F {
    let parts = parallel::collect(xs.len(), TASK, &|range| {
        dispatch(Rows {
            reduction,
            xs: &xs[range.clone()],
            len: range.len(),
        })[0]
    });
    // The parts are lifted already: they are only combined.
    dispatch(Combine {
        reduction,
        xs: &parts,
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
            out.copy_from_slice(&dispatch(Rows { reduction, xs, len }));
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
    for (o, out) in out.chunks_mut(column_count).enumerate() {
        let xs = &xs[o * plane..(o + 1) * plane];
        let rows_per_task = (TASK / column_count).max(ROWS).next_multiple_of(ROWS);
        let parts = parallel::collect(row_count, rows_per_task, &|range| {
            let xs = &xs[range.start * column_count..range.end * column_count];
            dispatch(Columns {
                reduction,
                xs,
                column_count,
                rows: range.len(),
            })
        });
        match parts.as_slice() {
            [] => out.fill(dispatch(Combine { reduction, xs: &[] })),
            [part] => out.copy_from_slice(part),
            parts => {
                for (c, out) in out.iter_mut().enumerate() {
                    let column: Vec<F> = parts.iter().map(|part| part[c]).collect();
                    *out = dispatch(Combine {
                        reduction,
                        xs: &column,
                    });
                }
            }
        }
    }
}

struct Rows<'a, F, R> {
    reduction: R,
    xs: &'a [F],
    len: usize,
}

impl<F: Float, R: Reduction> Kernel for Rows<'_, F, R> {
    type Output = Vec<F>;

    #[inline(always)]
    fn run<I: Isa>(self) -> Vec<F> {
        self.xs
            .chunks_exact(self.len)
            .map(|row| pairwise::<F, I, R>(self.reduction, row))
            .collect()
    }
}

/// Reduces a slice: blocks of [`BLOCK`], then a balanced tree over the blocks.
#[inline(always)]
pub(crate) fn pairwise<F: Float, I: Isa, R: Reduction>(reduction: R, xs: &[F]) -> F {
    // A binary counter of partial results: slot k holds a finished subtree of 2^k blocks.
    let mut slots = [F::default(); 48];
    let mut count = 0usize;
    for chunk in xs.chunks(BLOCK) {
        let mut value = block::<F, I, R>(reduction, chunk);
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

/// Reduces at most [`BLOCK`] elements with [`LANES`] accumulators.
#[inline(always)]
fn block<F: Float, I: Isa, R: Reduction>(reduction: R, xs: &[F]) -> F {
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
    let mut width = LANES / 2;
    while width > 0 {
        for i in 0..width {
            lanes[i] = reduction.combine(lanes[i], lanes[i + width]);
        }
        width /= 2;
    }
    lanes[0].0
}

struct Combine<'a, F, R> {
    reduction: R,
    xs: &'a [F],
}

impl<F: Float, R: Reduction> Kernel for Combine<'_, F, R> {
    type Output = F;

    /// A balanced tree over contributions that are lifted already.
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

struct Columns<'a, F, R> {
    reduction: R,
    xs: &'a [F],
    column_count: usize,
    rows: usize,
}

impl<F: Float, R: Reduction> Kernel for Columns<'_, F, R> {
    type Output = Vec<F>;

    #[inline(always)]
    fn run<I: Isa>(self) -> Vec<F> {
        let neutral = self.reduction.neutral(Lane::<F, I>::new(F::default())).0;
        let mut out = vec![neutral; self.column_count];
        for (block, out) in out.chunks_mut(COLUMNS).enumerate() {
            let first_column = block * COLUMNS;
            let mut slots: Vec<[F; COLUMNS]> = Vec::new();
            let mut count = 0usize;
            for start in (0..self.rows).step_by(ROWS) {
                let mut acc = [neutral; COLUMNS];
                for row in start..(start + ROWS).min(self.rows) {
                    let place = row * self.column_count + first_column;
                    let xs = &self.xs[place..place + out.len()];
                    for (acc, &x) in acc.iter_mut().zip(xs) {
                        let x = self.reduction.lift(Lane::<F, I>::new(x));
                        *acc = self.reduction.combine(Lane::new(*acc), x).0;
                    }
                }
                // As a binary counter: each trailing one is a finished subtree of equal size.
                for _ in 0..count.trailing_ones() {
                    if let Some(slot) = slots.pop() {
                        for (acc, slot) in acc.iter_mut().zip(slot) {
                            *acc = self
                                .reduction
                                .combine(Lane::<F, I>::new(slot), Lane::new(*acc))
                                .0;
                        }
                    }
                }
                slots.push(acc);
                count += 1;
            }
            while slots.len() > 1 {
                if let (Some(last), Some(before)) = (slots.pop(), slots.last_mut()) {
                    for (before, last) in before.iter_mut().zip(last) {
                        *before = self
                            .reduction
                            .combine(Lane::<F, I>::new(*before), Lane::new(last))
                            .0;
                    }
                }
            }
            if let Some(total) = slots.first() {
                out.copy_from_slice(&total[..out.len()]);
            }
        }
        out
    }
}
