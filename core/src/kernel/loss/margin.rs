//! The margin losses of rows of scores: hinges of all pairs of a class that applies and one that
//! does not.

use crate::kernel::float::Float;
use crate::kernel::threads::parallel::{self, GRAIN};

/// The hinge `max(0, margin - x + y)` of the score x of a class that applies and the score y of one
/// that does not, or its square.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Hinge {
    pub margin: f64,
    pub squared: bool,
}

impl Hinge {
    /// Returns the hinge. NaN stays NaN.
    fn value<F: Float>(self, x: F, y: F) -> F {
        let missing = F::from_f64(self.margin) - x + y;
        if missing <= F::zero() {
            F::zero()
        } else if self.squared {
            missing * missing
        } else {
            missing
        }
    }

    /// Returns the derivative by y; that by x is its negative.
    fn slope<F: Float>(self, x: F, y: F) -> F {
        let missing = F::from_f64(self.margin) - x + y;
        if missing <= F::zero() {
            F::zero()
        } else if self.squared {
            missing + missing
        } else {
            F::one()
        }
    }
}

/// The number of rows of a task: about `GRAIN` pairs if one class in each row applies.
fn rows(len: usize) -> usize {
    (GRAIN / len).max(1)
}

/// Computes the sums of the hinges of each row of `len` scores, in `f64`. `applies` says which
/// classes of a row apply.
pub(crate) fn losses<F: Float>(
    hinge: Hinge,
    xs: &[F],
    applies: &[bool],
    len: usize,
    out: &mut [F],
) {
    parallel::chunks_mut(out, rows(len), &|start, out| {
        let rows = start * len..(start + out.len()) * len;
        let rows = xs[rows.clone()]
            .chunks_exact(len)
            .zip(applies[rows].chunks_exact(len));
        for ((row, applies), out) in rows.zip(out) {
            let mut sum = 0.0;
            for (&x, _) in row.iter().zip(applies).filter(|(_, applies)| **applies) {
                for (&y, applies) in row.iter().zip(applies) {
                    let value = hinge.value(x, y);
                    sum += if *applies { 0.0 } else { value.to_f64() };
                }
            }
            *out = F::from_f64(sum);
        }
    });
}

/// Computes the cotangents of the scores from those of the sums, `gs`.
pub(crate) fn backward<F: Float>(
    hinge: Hinge,
    xs: &[F],
    applies: &[bool],
    gs: &[F],
    len: usize,
    out: &mut [F],
) {
    parallel::chunks_mut(out, rows(len) * len, &|start, out| {
        let range = start..start + out.len();
        let rows = xs[range.clone()]
            .chunks_exact(len)
            .zip(applies[range].chunks_exact(len));
        let rows = rows.zip(out.chunks_exact_mut(len)).zip(&gs[start / len..]);
        for (((row, applies), out), &g) in rows {
            out.fill(F::zero());
            for j in (0..len).filter(|&j| applies[j]) {
                let mut sum = F::zero();
                for i in (0..len).filter(|&i| !applies[i]) {
                    let slope = hinge.slope(row[j], row[i]);
                    sum += slope;
                    out[i] += slope;
                }
                out[j] -= sum;
            }
            for out in out {
                // A slope of 0 stays 0, even if the cotangent is infinite or NaN.
                *out = if *out == F::zero() { *out } else { *out * g };
            }
        }
    });
}
