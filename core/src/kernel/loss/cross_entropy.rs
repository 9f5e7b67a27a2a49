//! Cross-entropy over rows of logits. It reads the pairs that
//! [`log_sums`](crate::kernel::activation::softmax::log_sums) computes, and so never stores
//! probabilities.

use crate::kernel::float::Float;
use crate::kernel::isa::{Isa, Kernel, dispatch};
use crate::kernel::lane::Lane;
use crate::kernel::real::Real;
use crate::kernel::reduce::fold::{Sum, pairwise};
use crate::kernel::threads::parallel::{self, GRAIN};

/// Computes `out[i] = Σ_j coefficients[i, j] (log_sum - (x[i, j] - shift))` for rows of `len`
/// logits. There is a row of coefficients for each row of logits, or one row for all. A coefficient
/// of 0 adds nothing, even if the logit is infinite or NaN.
pub(crate) fn losses<F: Float>(
    xs: &[F],
    log_sums: &[F],
    coefficients: &[F],
    len: usize,
    out: &mut [F],
) {
    if len == 0 {
        out.fill(F::zero());
        return;
    }
    let shared = coefficients.len() == len;
    parallel::chunks_mut(out, (GRAIN / len).max(1), &|start, out| {
        let rows = start..start + out.len();
        let range = rows.start * len..rows.end * len;
        dispatch(Losses {
            xs: &xs[range.clone()],
            log_sums: &log_sums[2 * rows.start..2 * rows.end],
            coefficients: if shared {
                coefficients
            } else {
                &coefficients[range]
            },
            len,
            out,
        });
    });
}

struct Losses<'a, F> {
    xs: &'a [F],
    log_sums: &'a [F],
    coefficients: &'a [F],
    len: usize,
    out: &'a mut [F],
}

impl<F: Float> Kernel for Losses<'_, F> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(self) {
        let mut terms = vec![F::zero(); self.len];
        // A single row of coefficients is repeated for every row of logits.
        let coefficients = self.coefficients.chunks_exact(self.len).cycle();
        let rows = self.xs.chunks_exact(self.len).zip(coefficients);
        let pairs = self.log_sums.chunks_exact(2);
        for (((xs, coefficients), pair), out) in rows.zip(pairs).zip(self.out.iter_mut()) {
            let (shift, log_sum) = (pair[0], pair[1]);
            for ((term, &x), &coefficient) in terms.iter_mut().zip(xs).zip(coefficients) {
                let loss = coefficient * (log_sum - (x - shift));
                *term = if coefficient == F::zero() {
                    coefficient
                } else {
                    loss
                };
            }
            *out = pairwise::<F, I, _>(Sum, &terms);
        }
    }
}

/// The target distribution of each row, times the row's cotangent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Targets<'a, F> {
    /// The sum of each row's target.
    pub totals: &'a [F],
    /// Each row's label, and the mass of the target at the label beside `spread`. A row whose label
    /// is out of range is not counted.
    pub labels: Option<(&'a [usize], &'a [F])>,
    /// The mass of the target at every class, as one row per row of logits or one row for all, and
    /// a factor for each row.
    pub spread: Option<(&'a [F], &'a [F])>,
}

impl<'a, F> Targets<'a, F> {
    fn rows(self, rows: &std::ops::Range<usize>, len: usize) -> Self {
        Self {
            totals: &self.totals[rows.clone()],
            labels: self
                .labels
                .map(|(labels, hits)| (&labels[rows.clone()], &hits[rows.clone()])),
            spread: self.spread.map(|(coefficients, factors)| {
                let shared = coefficients.len() == len;
                let coefficients: &'a [F] = if shared {
                    coefficients
                } else {
                    &coefficients[rows.start * len..rows.end * len]
                };
                (coefficients, &factors[rows.clone()])
            }),
        }
    }
}

/// Computes the cotangent of the logits: softmax times the target's sum, minus the target. It is 0
/// in a row that is not counted, and in a row whose target is 0 throughout, even if its softmax or
/// its cotangent is NaN.
pub(crate) fn backward<F: Float>(
    xs: &[F],
    log_sums: &[F],
    targets: Targets<'_, F>,
    len: usize,
    out: &mut [F],
) {
    if len == 0 {
        return;
    }
    let rows = (GRAIN / len).max(1);
    parallel::chunks_mut(out, rows * len, &|start, out| {
        let rows = start / len..(start + out.len()) / len;
        dispatch(Backward {
            xs: &xs[start..start + out.len()],
            log_sums: &log_sums[2 * rows.start..2 * rows.end],
            targets: targets.rows(&rows, len),
            len,
            out,
        });
    });
}

struct Backward<'a, F> {
    xs: &'a [F],
    log_sums: &'a [F],
    targets: Targets<'a, F>,
    len: usize,
    out: &'a mut [F],
}

impl<F: Float> Kernel for Backward<'_, F> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(self) {
        let rows = self
            .xs
            .chunks_exact(self.len)
            .zip(self.out.chunks_exact_mut(self.len));
        for (i, (row, out)) in rows.enumerate() {
            let (shift, log_sum) = (self.log_sums[2 * i], self.log_sums[2 * i + 1]);
            let total = self.targets.totals[i];
            let label = (self.targets.labels).map(|(labels, hits)| (labels[i], hits[i]));
            let spread = self.targets.spread.map(|(coefficients, factors)| {
                let shared = coefficients.len() == self.len;
                let place = if shared { 0 } else { i * self.len };
                (&coefficients[place..place + self.len], factors[i])
            });
            let counted = match (label, spread) {
                (Some((label, _)), _) => label < self.len,
                (None, Some((target, _))) if log_sum.is_nan() || total.is_nan() => {
                    target.iter().any(|&target| target != F::zero())
                }
                _ => true,
            };
            if !counted {
                out.fill(F::zero());
                continue;
            }
            for (out, &x) in out.iter_mut().zip(row) {
                *out = Lane::<F, I>::new((x - shift) - log_sum).exp().0 * total;
            }
            if let Some((coefficients, factor)) = spread {
                for (out, &coefficient) in out.iter_mut().zip(coefficients) {
                    *out -= coefficient * factor;
                }
            }
            if let Some((label, hit)) = label {
                out[label] -= hit;
            }
        }
    }
}
