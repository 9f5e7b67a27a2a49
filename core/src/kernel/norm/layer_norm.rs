//! Layer normalization: each row is normalized by its own mean and variance, or, for root mean
//! square normalization, by its mean square alone.

use crate::kernel::float::Float;
use crate::kernel::isa::{Isa, Kernel, dispatch};
use crate::kernel::real::Real;
use crate::kernel::reduce::fold::{Reduction, Sum, pairwise};
use crate::kernel::reduce::range;
use crate::kernel::threads::parallel::{self, GRAIN};

/// Numbers per row in the result of [`statistics`].
pub(crate) const STATISTICS: usize = 4;

/// The reduction Σ (x - mean).
#[derive(Clone, Copy, Debug)]
struct Deviations {
    mean: f64,
}

/// The reduction Σ (x - mean)², with the mean in two parts.
#[derive(Clone, Copy, Debug)]
struct Squares {
    mean: f64,
    rest: f64,
}

macro_rules! sums_of_deviations {
    ($($name:ident |$own:ident, $deviation:ident| $lift:expr;)*) => {$(
        impl Reduction for $name {
            #[inline(always)]
            fn neutral<T: Real>(self, like: T) -> T {
                like.zero()
            }
            #[inline(always)]
            fn lift<T: Real>(self, x: T) -> T {
                let ($own, $deviation) = (self, x - self.mean);
                $lift
            }
            #[inline(always)]
            fn combine<T: Real>(self, a: T, b: T) -> T {
                a + b
            }
        }
    )*};
}
sums_of_deviations! {
    Deviations |_own, deviation| deviation;
    Squares |own, deviation| (deviation - own.rest).square();
}

/// Computes four numbers for each row of `len` elements: its scale, and, for the scaled row, the
/// rounded mean, the rest (mean minus rounded mean), and 1 / sqrt(variance + epsilon).
/// [`normalized`] uses them.
///
/// Rounded mean and rest are kept apart: if the mean is large, adding them would round the rest
/// away. Both are 0 if the rows are not `centred`. The scale is a power of two. It is 1 unless
/// squares leave the range of the dtype.
pub(crate) fn statistics<F: Float>(
    xs: &[F],
    len: usize,
    centred: bool,
    epsilon: f64,
    out: &mut [F],
) {
    if len == 0 {
        out.fill(F::zero());
        return;
    }
    let rows = (GRAIN / len).max(1);
    parallel::chunks_mut(out, STATISTICS * rows, &|start, out| {
        let first = start / STATISTICS;
        let xs = &xs[first * len..(first + out.len() / STATISTICS) * len];
        dispatch(Statistics {
            xs,
            len,
            centred,
            epsilon,
            out,
        });
    });
}

struct Statistics<'a, F> {
    xs: &'a [F],
    len: usize,
    centred: bool,
    epsilon: f64,
    out: &'a mut [F],
}

impl<F: Float> Kernel for Statistics<'_, F> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(self) {
        let rows = self.xs.chunks_exact(self.len);
        for (row, out) in rows.zip(self.out.chunks_exact_mut(STATISTICS)) {
            let [mean, rest, variance] = moments::<F, I>(row, self.centred);
            let sum = variance + F::from_f64(self.epsilon);
            out.copy_from_slice(&[F::one(), mean, rest, F::one() / sum.sqrt()]);
            if !range::is_accurate(sum, 1) {
                scaled_statistics::<F, I>(row, self.centred, self.epsilon, out);
            }
        }
    }
}

/// Returns the rounded mean, the rest (mean minus rounded mean), and the biased variance.
#[inline(always)]
fn moments<F: Float, I: Isa>(row: &[F], centred: bool) -> [F; 3] {
    let count = F::from_f64(row.len() as f64);
    let (mut mean, mut rest) = (F::zero(), F::zero());
    if centred {
        mean = pairwise::<F, I, _>(Sum, row) / count;
        let mean = mean.to_f64();
        rest = pairwise::<F, I, _>(Deviations { mean }, row) / count;
    }
    let squares = Squares {
        mean: mean.to_f64(),
        rest: rest.to_f64(),
    };
    [mean, rest, pairwise::<F, I, _>(squares, row) / count]
}

/// Computes the statistics of a row whose squares leave the range of the dtype.
#[inline(always)]
fn scaled_statistics<F: Float, I: Isa>(row: &[F], centred: bool, epsilon: f64, out: &mut [F]) {
    let scale = range::scale(range::largest(row));
    let row: Vec<F> = row.iter().map(|&x| x * scale).collect();
    let [mean, rest, variance] = moments::<F, I>(&row, centred);
    let epsilon = range::scaled_epsilon(epsilon, scale);
    let factor = F::one() / (variance + epsilon).sqrt();
    out.copy_from_slice(&[scale, mean, rest, factor]);
}

/// Rows with their [`statistics`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rows<'a, F> {
    pub xs: &'a [F],
    pub statistics: &'a [F],
    pub len: usize,
    pub centred: bool,
}

impl<F: Float> Rows<'_, F> {
    /// Returns the rows that start at element `start` and have `len` elements together.
    fn cut(&self, start: usize, len: usize) -> Self {
        let (first, count) = (start / self.len, len / self.len);
        Self {
            xs: &self.xs[start..start + len],
            statistics: &self.statistics[STATISTICS * first..STATISTICS * (first + count)],
            ..*self
        }
    }

    /// Calls `body(first element, piece, its rows)` for pieces of `out` that are whole rows.
    fn pieces(self, out: &mut [F], body: &(dyn Fn(usize, &mut [F], Self) + Sync)) {
        if self.len == 0 {
            return;
        }
        let piece = (GRAIN / self.len).max(1) * self.len;
        parallel::chunks_mut(out, piece, &|start, out| {
            body(start, out, self.cut(start, out.len()));
        });
    }
}

/// Returns the normalized deviation from the mean.
#[inline(always)]
pub(super) fn normalized<F: Float>(x: F, statistics: &[F]) -> F {
    ((x * statistics[0] - statistics[1]) - statistics[2]) * statistics[3]
}

/// Computes `out = normalized x · gamma + beta`. Empty coefficients are ones and zeros.
pub(crate) fn normalize<F: Float>(rows: Rows<'_, F>, gamma: &[F], beta: &[F], out: &mut [F]) {
    rows.pieces(out, &|_, out, rows| {
        dispatch(Normalize {
            rows,
            gamma,
            beta,
            out,
        });
    });
}

struct Normalize<'a, F> {
    rows: Rows<'a, F>,
    gamma: &'a [F],
    beta: &'a [F],
    out: &'a mut [F],
}

impl<F: Float> Kernel for Normalize<'_, F> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(self) {
        let len = self.rows.len;
        let rows = self
            .rows
            .xs
            .chunks_exact(len)
            .zip(self.out.chunks_exact_mut(len));
        for ((row, out), statistics) in rows.zip(self.rows.statistics.chunks_exact(STATISTICS)) {
            for (out, &x) in out.iter_mut().zip(row) {
                *out = normalized(x, statistics);
            }
            // The row is in the cache, so these loops do not sweep over memory again.
            if !self.gamma.is_empty() {
                out.iter_mut()
                    .zip(self.gamma)
                    .for_each(|(out, &c)| *out *= c);
            }
            if !self.beta.is_empty() {
                out.iter_mut()
                    .zip(self.beta)
                    .for_each(|(out, &c)| *out += c);
            }
        }
    }
}

/// Computes `out = g · normalized x`. Its sums over the rows are the cotangent of gamma.
pub(crate) fn products<F: Float>(rows: Rows<'_, F>, gs: &[F], out: &mut [F]) {
    rows.pieces(out, &|start, out, rows| {
        dispatch(Products {
            rows,
            gs: &gs[start..start + out.len()],
            out,
        });
    });
}

struct Products<'a, F> {
    rows: Rows<'a, F>,
    gs: &'a [F],
    out: &'a mut [F],
}

impl<F: Float> Kernel for Products<'_, F> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(self) {
        let len = self.rows.len;
        let rows = self
            .rows
            .xs
            .chunks_exact(len)
            .zip(self.gs.chunks_exact(len));
        let rows = rows.zip(self.rows.statistics.chunks_exact(STATISTICS));
        for (((row, gs), statistics), out) in rows.zip(self.out.chunks_exact_mut(len)) {
            for ((out, &x), &g) in out.iter_mut().zip(row).zip(gs) {
                *out = g * normalized(x, statistics);
            }
        }
    }
}

/// Computes the cotangent of the rows. With h = g gamma it is
/// `(h - mean of h - normalized x · mean of (h · normalized x)) / sqrt(variance + epsilon)`,
/// without the mean of h if the rows are not centred.
pub(crate) fn backward<F: Float>(rows: Rows<'_, F>, gamma: &[F], gs: &[F], out: &mut [F]) {
    rows.pieces(out, &|start, out, rows| {
        dispatch(Backward {
            rows,
            gamma,
            gs: &gs[start..start + out.len()],
            out,
        });
    });
}

struct Backward<'a, F> {
    rows: Rows<'a, F>,
    gamma: &'a [F],
    gs: &'a [F],
    out: &'a mut [F],
}

impl<F: Float> Kernel for Backward<'_, F> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(self) {
        let len = self.rows.len;
        let count = F::from_f64(len as f64);
        let mut xs = vec![F::zero(); len];
        let mut products = vec![F::zero(); len];
        let rows = self
            .rows
            .xs
            .chunks_exact(len)
            .zip(self.gs.chunks_exact(len));
        let rows = rows.zip(self.rows.statistics.chunks_exact(STATISTICS));
        for (((row, gs), statistics), out) in rows.zip(self.out.chunks_exact_mut(len)) {
            out.copy_from_slice(gs);
            if !self.gamma.is_empty() {
                out.iter_mut().zip(self.gamma).for_each(|(h, &c)| *h *= c);
            }
            for i in 0..len {
                xs[i] = normalized(row[i], statistics);
                products[i] = out[i] * xs[i];
            }
            let mean = if self.rows.centred {
                pairwise::<F, I, _>(Sum, out) / count
            } else {
                F::zero()
            };
            let slope = pairwise::<F, I, _>(Sum, &products) / count;
            let factor = statistics[0] * statistics[3];
            for (out, &x) in out.iter_mut().zip(&xs) {
                *out = ((*out - mean) - x * slope) * factor;
            }
        }
    }
}
