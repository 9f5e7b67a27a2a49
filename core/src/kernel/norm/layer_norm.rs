//! Layer normalization: each row is normalized by its own mean and variance, or, for root mean
//! square normalization, by its mean square alone.

use crate::kernel::float::Float;
use crate::kernel::isa::{Isa, Kernel, dispatch};
use crate::kernel::real::Real;
use crate::kernel::reduce::fold::{self, ColumnSums, Reduction, Sum, pairwise_row};
use crate::kernel::reduce::range;
use crate::kernel::threads::parallel::{self, GRAIN, Shared};
use std::ops::Range;

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
        mean = pairwise_row::<F, I, _>(Sum, row) / count;
        let mean = mean.to_f64();
        rest = pairwise_row::<F, I, _>(Deviations { mean }, row) / count;
    }
    let squares = Squares {
        mean: mean.to_f64(),
        rest: rest.to_f64(),
    };
    [mean, rest, pairwise_row::<F, I, _>(squares, row) / count]
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
    /// Returns some of the rows.
    fn cut(&self, rows: &Range<usize>) -> Self {
        Self {
            xs: &self.xs[rows.start * self.len..rows.end * self.len],
            statistics: &self.statistics[STATISTICS * rows.start..STATISTICS * rows.end],
            ..*self
        }
    }
}

/// Returns the normalized deviation from the mean.
#[inline(always)]
pub(super) fn normalized<F: Float>(x: F, statistics: &[F]) -> F {
    ((x * statistics[0] - statistics[1]) - statistics[2]) * statistics[3]
}

/// The coefficients of [`forward`]. Empty ones are ones and zeros.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Coefficients<'a, F> {
    pub gamma: &'a [F],
    pub beta: &'a [F],
}

/// Computes the [`statistics`] of rows of `len` elements, and `out = normalized x · gamma + beta`
/// while a row is in the cache.
pub(crate) fn forward<F: Float>(
    xs: &[F],
    len: usize,
    (centred, epsilon): (bool, f64),
    Coefficients { gamma, beta }: Coefficients<'_, F>,
    statistics: &mut [F],
    out: &mut [F],
) {
    let rows = (GRAIN / len.max(1)).max(1);
    let lens = [STATISTICS, len];
    parallel::pairs_mut(lens, rows, statistics, out, &|first, statistics, out| {
        let xs = &xs[first * len..first * len + out.len()];
        dispatch(Statistics {
            xs,
            len,
            centred,
            epsilon,
            out: statistics,
        });
        let rows = Rows {
            xs,
            statistics,
            len,
            centred,
        };
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
            if !self.gamma.is_empty() && !self.beta.is_empty() {
                let coefficients = self.gamma.iter().zip(self.beta);
                for ((out, &x), (&gamma, &beta)) in out.iter_mut().zip(row).zip(coefficients) {
                    *out = normalized(x, statistics) * gamma + beta;
                }
                continue;
            }
            for (out, &x) in out.iter_mut().zip(row) {
                *out = normalized(x, statistics);
            }
            // The row is in the cache, so these loops do not sweep over memory again.
            for (out, &gamma) in out.iter_mut().zip(self.gamma) {
                *out *= gamma;
            }
            for (out, &beta) in out.iter_mut().zip(self.beta) {
                *out += beta;
            }
        }
    }
}

/// The cotangents to compute, those that are wanted: of the rows, and of the coefficients.
#[derive(Debug)]
pub(crate) struct Pulled<'a, F> {
    pub rows: Option<&'a mut [F]>,
    pub gamma: Option<&'a mut [F]>,
    pub beta: Option<&'a mut [F]>,
}

/// Computes the cotangents in one sweep over memory.
///
/// With h = g gamma, that of the rows is
/// `(h - mean of h - normalized x · mean of (h · normalized x)) / sqrt(variance + epsilon)`,
/// without the mean of h if the rows are not centred. That of gamma is the sum of
/// `g · normalized x` over the rows, that of beta the sum of g.
pub(crate) fn backward<F: Float>(
    rows: Rows<'_, F>,
    gamma: &[F],
    gs: &[F],
    Pulled {
        rows: out,
        gamma: of_gamma,
        beta: of_beta,
    }: Pulled<'_, F>,
) {
    let len = rows.len;
    let count = rows.statistics.len() / STATISTICS;
    let out = out.map(Shared::of);
    let ones = vec![F::one(); if gamma.is_empty() { len } else { 0 }];
    let gamma = if gamma.is_empty() { &ones } else { gamma };
    let parts = parallel::collect(count, fold::rows_of_task(len), &|range| {
        let elements = range.start * len..range.end * len;
        let mut sums = [ColumnSums::new(len), ColumnSums::new(len)];
        dispatch(Backward {
            rows: rows.cut(&range),
            gamma,
            gs: &gs[elements.clone()],
            sums: &mut sums,
            out: out.as_ref().map_or(&mut [], |out| {
                // SAFETY: the ranges of tasks do not overlap, and the result is borrowed until all
                // tasks have ended.
                unsafe { out.piece(elements) }
            }),
        });
        sums.map(ColumnSums::total)
    });
    let (of_gammas, of_betas): (Vec<_>, Vec<_>) = parts.into_iter().map(|[g, b]| (g, b)).unzip();
    for (out, parts) in [(of_gamma, of_gammas), (of_beta, of_betas)] {
        let Some(out) = out else { continue };
        let sums = fold::tree(Sum, parts);
        if sums.is_empty() {
            out.fill(F::zero());
        } else {
            out.copy_from_slice(&sums);
        }
    }
}

struct Backward<'a, F> {
    rows: Rows<'a, F>,
    gamma: &'a [F],
    gs: &'a [F],
    /// The sums of `g · normalized x` and of g.
    sums: &'a mut [ColumnSums<F>; 2],
    /// The cotangent of the rows, or empty if not wanted.
    out: &'a mut [F],
}

impl<F: Float> Kernel for Backward<'_, F> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(self) {
        let len = self.rows.len;
        let count = F::from_f64(len as f64);
        let [mut normalized, mut hs, mut slopes] = [(); 3].map(|()| vec![F::zero(); len]);
        let [of_gamma, of_beta] = self.sums;
        let rows = self.rows.xs.chunks_exact(len);
        for (i, (xs, gs)) in rows.zip(self.gs.chunks_exact(len)).enumerate() {
            let statistics = &self.rows.statistics[STATISTICS * i..STATISTICS * (i + 1)];
            let mut row = Row {
                xs,
                gs,
                gamma: &self.gamma[..len],
                statistics,
                normalized: &mut normalized[..len],
                hs: &mut hs[..len],
                slopes: &mut slopes[..len],
                of_gamma: &mut of_gamma.next_row()[..len],
                of_beta: &mut of_beta.next_row()[..len],
            };
            let whole = len - len % LANES;
            for start in (0..whole).step_by(LANES) {
                row.step::<LANES>(start);
            }
            for start in whole..len {
                row.step::<1>(start);
            }
            let Some(out) = self.out.get_mut(i * len..(i + 1) * len) else {
                continue;
            };
            let mean = if self.rows.centred {
                pairwise_row::<F, I, _>(Sum, &hs) / count
            } else {
                F::zero()
            };
            let slope = pairwise_row::<F, I, _>(Sum, &slopes) / count;
            let factor = statistics[0] * statistics[3];
            for (out, (&h, &x)) in out.iter_mut().zip(hs.iter().zip(&normalized)) {
                *out = ((h - mean) - x * slope) * factor;
            }
        }
    }
}

/// Elements of a row that are computed side by side.
const LANES: usize = 16;

/// A row's operands of the backward, and what is computed from them in one loop.
struct Row<'a, F> {
    xs: &'a [F],
    gs: &'a [F],
    gamma: &'a [F],
    statistics: &'a [F],
    normalized: &'a mut [F],
    /// `g gamma`.
    hs: &'a mut [F],
    /// `g gamma · normalized x`.
    slopes: &'a mut [F],
    of_gamma: &'a mut [F],
    of_beta: &'a mut [F],
}

impl<F: Float> Row<'_, F> {
    /// Computes `N` elements. They are copied into arrays first: the compiler would have to check
    /// whether this many slices overlap.
    #[inline(always)]
    fn step<const N: usize>(&mut self, start: usize) {
        let (xs, gs) = (lanes::<F, N>(self.xs, start), lanes::<F, N>(self.gs, start));
        let gamma = lanes::<F, N>(self.gamma, start);
        let mut of_gamma = lanes::<F, N>(self.of_gamma, start);
        let mut of_beta = lanes::<F, N>(self.of_beta, start);
        let [mut all, mut hs, mut slopes] = [[F::zero(); N]; 3];
        for l in 0..N {
            all[l] = normalized(xs[l], self.statistics);
            of_gamma[l] += gs[l] * all[l];
            of_beta[l] += gs[l];
            hs[l] = gs[l] * gamma[l];
            slopes[l] = hs[l] * all[l];
        }
        let end = start + N;
        self.normalized[start..end].copy_from_slice(&all);
        self.hs[start..end].copy_from_slice(&hs);
        self.slopes[start..end].copy_from_slice(&slopes);
        self.of_gamma[start..end].copy_from_slice(&of_gamma);
        self.of_beta[start..end].copy_from_slice(&of_beta);
    }
}

#[inline(always)]
fn lanes<F: Float, const N: usize>(row: &[F], start: usize) -> [F; N] {
    let mut lanes = [F::zero(); N];
    lanes.copy_from_slice(&row[start..start + N]);
    lanes
}
