//! Softmax over rows, shifted by the row's maximum so that nothing overflows.

use crate::kernel::float::Float;
use crate::kernel::isa::{Isa, Kernel, dispatch};
use crate::kernel::lane::Lane;
use crate::kernel::real::Real;
use crate::kernel::reduce::fold::{Reduction, pairwise};
use crate::kernel::threads::parallel::{self, GRAIN};

/// The reduction Σ e^(x - shift).
#[derive(Clone, Copy, Debug)]
struct SumExp {
    shift: f64,
}

impl Reduction for SumExp {
    #[inline(always)]
    fn neutral<T: Real>(self, like: T) -> T {
        like.zero()
    }
    #[inline(always)]
    fn lift<T: Real>(self, x: T) -> T {
        (x - self.shift).exp()
    }
    #[inline(always)]
    fn combine<T: Real>(self, a: T, b: T) -> T {
        a + b
    }
}

/// The largest element. It may drop a NaN: the sum of exponentials is NaN anyway.
#[derive(Clone, Copy, Debug)]
struct Largest;

impl Reduction for Largest {
    #[inline(always)]
    fn neutral<T: Real>(self, like: T) -> T {
        like.constant(f64::NEG_INFINITY)
    }
    #[inline(always)]
    fn combine<T: Real>(self, a: T, b: T) -> T {
        T::select(a.lt(b), b, a)
    }
}

/// Returns the maximum of a row and ln Σ e^(x - maximum). They are kept apart: if the maximum is
/// large, adding them would round the second away. An infinite maximum gives NaN, as in PyTorch.
#[inline(always)]
fn shift_and_log_sum<F: Float, I: Isa>(row: &[F]) -> (F, F) {
    let shift = pairwise::<F, I, _>(Largest, row);
    let sum = pairwise::<F, I, _>(
        SumExp {
            shift: shift.to_f64(),
        },
        row,
    );
    (shift, Lane::<F, I>::new(sum).ln().0)
}

/// Computes, for each row of `len` elements, the maximum and ln Σ e^(x - maximum), as pairs in
/// `out`.
pub(crate) fn log_sums<F: Float>(xs: &[F], len: usize, out: &mut [F]) {
    if len == 0 {
        return;
    }
    let rows = (GRAIN / len).max(1);
    parallel::chunks_mut(out, 2 * rows, &|start, out| {
        let first = start / 2;
        let xs = &xs[first * len..(first + out.len() / 2) * len];
        dispatch(LogSums { xs, len, out });
    });
}

struct LogSums<'a, F> {
    xs: &'a [F],
    len: usize,
    out: &'a mut [F],
}

impl<F: Float> Kernel for LogSums<'_, F> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(self) {
        for (row, out) in self
            .xs
            .chunks_exact(self.len)
            .zip(self.out.chunks_exact_mut(2))
        {
            let (shift, log_sum) = shift_and_log_sum::<F, I>(row);
            out[0] = shift;
            out[1] = log_sum;
        }
    }
}

/// Computes the softmax (or its logarithm) of each row of `len` elements.
pub(crate) fn softmax<F: Float>(xs: &[F], len: usize, logarithm: bool, out: &mut [F]) {
    if len == 0 {
        return;
    }
    let piece = (GRAIN / len).max(1) * len;
    parallel::chunks_mut(out, piece, &|start, out| {
        dispatch(Softmax {
            xs: &xs[start..start + out.len()],
            len,
            logarithm,
            out,
        });
    });
}

struct Softmax<'a, F> {
    xs: &'a [F],
    len: usize,
    logarithm: bool,
    out: &'a mut [F],
}

impl<F: Float> Kernel for Softmax<'_, F> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(self) {
        let rows = self
            .xs
            .chunks_exact(self.len)
            .zip(self.out.chunks_exact_mut(self.len));
        for (row, out) in rows {
            if self.logarithm {
                let (shift, log_sum) = shift_and_log_sum::<F, I>(row);
                for (out, &x) in out.iter_mut().zip(row) {
                    *out = (x - shift) - log_sum;
                }
            } else {
                let max = pairwise::<F, I, _>(Largest, row);
                for (out, &x) in out.iter_mut().zip(row) {
                    *out = Lane::<F, I>::new(x - max).exp().0;
                }
                let sum = pairwise::<F, I, _>(crate::kernel::reduce::fold::Sum, out);
                let scale = F::one() / sum;
                for out in out.iter_mut() {
                    *out *= scale;
                }
            }
        }
    }
}

/// Computes the cotangent of the input of (log-)softmax from the output `ys` and its cotangent
/// `gs`, row by row: `y (g - Σ g y)`, or for the logarithm `g - e^y Σ g`.
pub(crate) fn softmax_backward<F: Float>(
    ys: &[F],
    gs: &[F],
    len: usize,
    logarithm: bool,
    out: &mut [F],
) {
    if len == 0 {
        return;
    }
    let piece = (GRAIN / len).max(1) * len;
    parallel::chunks_mut(out, piece, &|start, out| {
        let range = start..start + out.len();
        dispatch(SoftmaxBackward {
            ys: &ys[range.clone()],
            gs: &gs[range],
            len,
            logarithm,
            out,
        });
    });
}

struct SoftmaxBackward<'a, F> {
    ys: &'a [F],
    gs: &'a [F],
    len: usize,
    logarithm: bool,
    out: &'a mut [F],
}

impl<F: Float> Kernel for SoftmaxBackward<'_, F> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(self) {
        let inputs = self
            .ys
            .chunks_exact(self.len)
            .zip(self.gs.chunks_exact(self.len));
        for ((ys, gs), out) in inputs.zip(self.out.chunks_exact_mut(self.len)) {
            if self.logarithm {
                let sum = pairwise::<F, I, _>(crate::kernel::reduce::fold::Sum, gs);
                for ((out, &y), &g) in out.iter_mut().zip(ys).zip(gs) {
                    *out = g - Lane::<F, I>::new(y).exp().0 * sum;
                }
            } else {
                for ((out, &y), &g) in out.iter_mut().zip(ys).zip(gs) {
                    *out = g * y;
                }
                let sum = pairwise::<F, I, _>(crate::kernel::reduce::fold::Sum, out);
                for ((out, &y), &g) in out.iter_mut().zip(ys).zip(gs) {
                    *out = y * (g - sum);
                }
            }
        }
    }
}
