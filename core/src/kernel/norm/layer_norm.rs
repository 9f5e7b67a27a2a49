//! Layer normalization: each row is normalized by its own mean and variance, or, for root mean
//! square normalization, by its mean square alone.

use crate::kernel::float::Float;
use crate::kernel::isa::{Isa, Kernel, dispatch};
use crate::kernel::real::Real;
use crate::kernel::reduce::fold::{self, ColumnSums, Reduction, Sum, long_pairwise, pairwise};
use crate::kernel::reduce::range;
use crate::kernel::threads::parallel::{self, GRAIN, Shared};
use std::ops::Range;

/// Numbers per row in the result of [`Statistics`].
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
pub(super) struct Statistics<'a, F> {
    pub xs: &'a [F],
    pub len: usize,
    pub centred: bool,
    pub epsilon: f64,
    pub out: &'a mut [F],
}

impl<F: Float> Kernel for Statistics<'_, F> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(self) {
        let rows = self.xs.chunks_exact(self.len);
        for (row, out) in rows.zip(self.out.chunks_exact_mut(STATISTICS)) {
            let (mut scale, mut epsilon) = (F::one(), F::from_f64(self.epsilon));
            let mut scaled = Vec::new();
            // A loop: the moments are compiled for each place of the code.
            loop {
                let is_scaled = !scaled.is_empty();
                let row = if is_scaled { &scaled } else { row };
                let [mean, rest, variance] = moments::<F, I>(row, self.centred);
                let sum = variance + epsilon;
                out.copy_from_slice(&[scale, mean, rest, F::one() / sum.sqrt()]);
                if is_scaled || range::is_accurate(sum, 1) {
                    break;
                }
                // The squares leave the range of the dtype.
                scale = range::scale(range::largest(row));
                epsilon = range::scaled_epsilon(self.epsilon, scale);
                scaled = row.iter().map(|&x| x * scale).collect();
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
        mean = row_sum::<F, I, _>(Sum, row) / count;
        let mean = mean.to_f64();
        rest = row_sum::<F, I, _>(Deviations { mean }, row) / count;
    }
    let squares = Squares {
        mean: mean.to_f64(),
        rest: rest.to_f64(),
    };
    [mean, rest, row_sum::<F, I, _>(squares, row) / count]
}

/// Rows with their [`Statistics`].
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
pub(super) fn normalized<F: Float>(x: F, [scale, mean, rest, factor]: [F; STATISTICS]) -> F {
    ((x * scale - mean) - rest) * factor
}

/// The coefficients of [`forward`]. Empty ones are ones and zeros.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Coefficients<'a, F> {
    pub gamma: &'a [F],
    pub beta: &'a [F],
}

/// Computes the [`Statistics`] of rows of `len` elements, and `out = normalized x · gamma + beta`
/// while a row is in the cache.
pub(crate) fn forward<F: Float>(
    xs: &[F],
    len: usize,
    (centred, epsilon): (bool, f64),
    coefficients: Coefficients<'_, F>,
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
            coefficients,
            out,
        });
    });
}

struct Normalize<'a, F> {
    rows: Rows<'a, F>,
    coefficients: Coefficients<'a, F>,
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
        let statistics = self.rows.statistics.as_chunks().0;
        for ((row, out), &statistics) in rows.zip(statistics) {
            affine(row, statistics, self.coefficients, out);
        }
    }
}

/// Computes `out = normalized x · gamma + beta` for a row.
#[inline(always)]
pub(super) fn affine<F: Float>(
    row: &[F],
    statistics: [F; STATISTICS],
    Coefficients { gamma, beta }: Coefficients<'_, F>,
    out: &mut [F],
) {
    if !gamma.is_empty() && !beta.is_empty() {
        let coefficients = gamma.iter().zip(beta);
        for ((out, &x), (&gamma, &beta)) in out.iter_mut().zip(row).zip(coefficients) {
            *out = normalized(x, statistics) * gamma + beta;
        }
        return;
    }
    for (out, &x) in out.iter_mut().zip(row) {
        *out = normalized(x, statistics);
    }
    // The row is in the cache, so these loops do not sweep over memory again.
    for (out, &gamma) in out.iter_mut().zip(gamma) {
        *out *= gamma;
    }
    for (out, &beta) in out.iter_mut().zip(beta) {
        *out += beta;
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
    let wanted = [of_gamma.is_some(), of_beta.is_some()];
    let parts = parallel::collect(count, fold::rows_of_task(len), &|range| {
        let elements = range.start * len..range.end * len;
        let mut sums = wanted.map(|wanted| wanted.then(|| ColumnSums::new(len)));
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
        sums.map(|sums| sums.map(ColumnSums::total))
    });
    let (of_gammas, of_betas): (Vec<_>, Vec<_>) = parts.into_iter().map(|[g, b]| (g, b)).unzip();
    for (out, parts) in [(of_gamma, of_gammas), (of_beta, of_betas)] {
        let Some(out) = out else { continue };
        let sums = fold::tree(Sum, parts.into_iter().flatten().collect());
        if sums.is_empty() {
            // There are no rows.
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
    /// The sums of `g · normalized x` and of g, if wanted.
    sums: &'a mut [Option<ColumnSums<F>>; 2],
    /// The cotangent of the rows, or empty if not wanted.
    out: &'a mut [F],
}

impl<F: Float> Kernel for Backward<'_, F> {
    type Output = ();

    /// Runs several loops over each row, which is in the cache. The compiler would not vectorize
    /// one loop over so many slices.
    #[inline(always)]
    fn run<I: Isa>(self) {
        let len = self.rows.len;
        let count = F::from_f64(len as f64);
        let mut xs = vec![F::zero(); len];
        let mut slopes = vec![F::zero(); len];
        let [of_gamma, of_beta] = self.sums;
        let rows = self.rows.xs.chunks_exact(len);
        let all_statistics = self.rows.statistics.as_chunks::<STATISTICS>().0;
        for (i, (row, gs)) in rows.zip(self.gs.chunks_exact(len)).enumerate() {
            let statistics = all_statistics[i];
            for (out, &x) in xs.iter_mut().zip(row) {
                *out = normalized(x, statistics);
            }
            if let Some(sums) = of_gamma {
                let sums = sums.next_row().iter_mut();
                for (sum, (&g, &x)) in sums.zip(gs.iter().zip(&xs)) {
                    *sum += g * x;
                }
            }
            if let Some(sums) = of_beta {
                for (sum, &g) in sums.next_row().iter_mut().zip(gs) {
                    *sum += g;
                }
            }
            let Some(out) = self.out.get_mut(i * len..(i + 1) * len) else {
                continue;
            };
            if self.gamma.is_empty() {
                out.copy_from_slice(gs);
            } else {
                for (out, (&g, &gamma)) in out.iter_mut().zip(gs.iter().zip(self.gamma)) {
                    *out = g * gamma;
                }
            }
            for (slope, (&h, &x)) in slopes.iter_mut().zip(out.iter().zip(&xs)) {
                *slope = h * x;
            }
            let mean = if self.rows.centred {
                row_sum::<F, I, _>(Sum, out) / count
            } else {
                F::zero()
            };
            let slope = row_sum::<F, I, _>(Sum, &slopes) / count;
            let factor = statistics[0] * statistics[3];
            for (out, &x) in out.iter_mut().zip(&xs) {
                *out = ((*out - mean) - x * slope) * factor;
            }
        }
    }
}

/// The length from which a row's sums pay for the call that [`long_pairwise`] makes.
const LONG: usize = 512;

/// Reduces a row pairwise.
#[inline(always)]
pub(super) fn row_sum<F: Float, I: Isa, R: Reduction>(reduction: R, row: &[F]) -> F {
    if row.len() < LONG {
        pairwise::<F, I, R>(reduction, row)
    } else {
        long_pairwise::<F, I, R>(reduction, row)
    }
}
