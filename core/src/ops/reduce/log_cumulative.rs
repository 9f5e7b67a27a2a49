//! Running logarithms of sums of exponentials, ln Σ eˣ up to each element.

use crate::autograd::{Cotangents, Op, OpKind, Tensor, Vjp};
use crate::error::Result;
use crate::kernel::Float;
use crate::kernel::reduce::scan::{Lines, scan};
use crate::ops::elementwise::arithmetic;
use crate::tensor::{Array, Element, Span, resolve_axis, with_dtype};
use smallvec::smallvec;

/// # Reductions
impl Tensor {
    /// Computes `yᵢ = ln(e^x₀ + … + e^xᵢ)` along an axis, shifted by the largest element so far, so
    /// that nothing overflows. If a result is infinite, the gradients of the elements that are
    /// equal to it are NaN, as for [`logsumexp_over`](Self::logsumexp_over).
    ///
    /// # Errors
    /// [`Error::Index`](crate::Error::Index) if there is no such axis.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let y = Tensor::from([1e4f64, 1e4, -1e4]).logcumsumexp(0)?;
    /// assert_eq!(y.to_vec::<f64>()?, [1e4, 1e4 + 2f64.ln(), 1e4 + 2f64.ln()]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn logcumsumexp(&self, axis: isize) -> Result<Self> {
        if let Some(vector) = self.as_vector() {
            return Ok(vector.logcumsumexp(axis)?.as_scalar());
        }
        let axis = resolve_axis("logcumsumexp", axis, self.rank())?;
        self.reserve_like("logcumsumexp")?;
        let [peaks, logs] = with_dtype!(self.dtype(), F => peaks_and_logs::<F>(self, axis));
        let logs = Tensor::from_op(logs.clone(), &[self], || LogSums {
            x: self.clone(),
            peaks: peaks.clone(),
            logs,
            axis,
        });
        Ok(arithmetic::plus(&peaks, &logs))
    }
}

fn lines(x: &Tensor, axis: usize) -> Lines<'static> {
    Lines::Axis([x.shape()[axis], x.shape()[axis + 1..].iter().product()])
}

/// Returns the largest element so far, m, and ln Σ e^(x - m).
fn peaks_and_logs<F: Element>(x: &Tensor, axis: usize) -> [Tensor; 2] {
    let xs = &*x.array().contiguous::<F>();
    let (shape, lines) = (x.array().shape(), lines(x, axis));
    let mut pairs = vec![[F::default(); 2]; xs.len()];
    let first = [f64::NEG_INFINITY, 0.0];
    scan(
        false,
        lines,
        first,
        &mut pairs,
        &|[peak, sum]: &mut [f64; 2], i, _| {
            let x = xs[i].to_f64();
            if x == *peak {
                *sum += 1.0; // Their difference is NaN if both are infinite.
            } else if x < *peak {
                *sum += (x - *peak).exp();
            } else {
                *sum = *sum * (*peak - x).exp() + 1.0;
                *peak = x;
            }
            [*peak, sum.ln()].map(F::from_f64)
        },
    );
    [0, 1].map(|part| {
        Array::build::<F>(shape.clone(), |out| {
            for (out, pair) in out.iter_mut().zip(&pairs) {
                *out = pair[part];
            }
        })
        .into()
    })
}

/// l = ln Σ e^(x - m) up to each element, where m is constant. Saves x, m and l. The sum m + l does
/// not depend on m, so that its derivatives are those of l.
struct LogSums {
    x: Tensor,
    peaks: Tensor,
    logs: Tensor,
    axis: usize,
}

impl LogSums {
    /// Computes mⱼ - mⱼ₊₁, and -∞ for the last j.
    fn falls<F: Element>(&self) -> Tensor {
        let peaks = &*self.peaks.array().contiguous::<F>();
        let shape = self.peaks.array().shape().clone();
        let lines = lines(&self.peaks, self.axis);
        Array::build::<F>(shape, |out| {
            scan(true, lines, f64::INFINITY, out, &|next: &mut f64, i, _| {
                let peak = peaks[i].to_f64();
                F::from_f64(fall(peak, std::mem::replace(next, peak)))
            });
        })
        .into()
    }

    /// Computes the gradient without recording.
    fn gradient<F: Element>(&self, g: &Tensor) -> Tensor {
        let [x, m, l, g] =
            [&self.x, &self.peaks, &self.logs, g].map(|tensor| tensor.array().contiguous::<F>());
        let [x, m, l, g] = [&*x, &*m, &*l, &*g];
        let shape = self.x.array().shape().clone();
        Array::build::<F>(shape, |out| {
            let first = [0.0, f64::INFINITY, 0.0];
            scan(
                true,
                lines(&self.x, self.axis),
                first,
                out,
                &|[sum, next_m, next_l]: &mut [f64; 3], i, [count, _]| {
                    let [x, m, l, g] = [x[i], m[i], l[i], g[i]].map(Float::to_f64);
                    if count == 0 {
                        *sum = g;
                    } else {
                        *sum = g + (fall(m, *next_m) + (l - *next_l)).exp() * *sum;
                    }
                    (*next_m, *next_l) = (m, l);
                    F::from_f64((x - m - l).exp() * *sum)
                },
            );
        })
        .into()
    }
}

/// Computes a - b, and 0 also if both are infinite.
fn fall(a: f64, b: f64) -> f64 {
    if a == b { 0.0 } else { a - b }
}

impl Op for LogSums {
    fn name(&self) -> &'static str {
        "logcumsumexp"
    }
    fn kind(&self) -> OpKind {
        OpKind::Reduction
    }
    /// Computes dxⱼ = e^(xⱼ - yⱼ) rⱼ with rⱼ = Σ gᵢ e^(yⱼ - yᵢ) over i ≥ j, which is
    /// gⱼ + e^(yⱼ - yⱼ₊₁) rⱼ₊₁. No exponent is positive.
    fn vjp(&self, cotangent: Tensor, context: &Vjp) -> Result<Cotangents> {
        if !context.records() {
            let dx = with_dtype!(self.x.dtype(), F => self.gradient::<F>(&cotangent));
            return Ok(smallvec![Some(dx)]);
        }
        let (x, logs) = (context.saved(&self.x), context.output(&self.logs));
        let falls = with_dtype!(x.dtype(), F => self.falls::<F>());
        let next = beside(&logs, self.axis, true);
        let factors = arithmetic::plus(&falls, &arithmetic::minus(&logs, &next)).exp();
        let sums = recurrence(&cotangent, &factors, self.axis, true);
        let shares = arithmetic::minus(&arithmetic::minus(&x, &self.peaks), &logs).exp();
        Ok(smallvec![Some(arithmetic::times(&shares, &sums))])
    }
}

/// Returns for each element the next one along the axis, or the one before; 0 at the end.
fn beside(x: &Tensor, axis: usize, next: bool) -> Tensor {
    let Some(len) = x.shape()[axis].checked_sub(1) else {
        return x.clone();
    };
    let span = |start: usize| Span {
        axis,
        start,
        len,
        step: 1,
    };
    let (from, to) = if next { (1, 0) } else { (0, 1) };
    let shape = x.array().shape().clone();
    x.seen_through("narrow", span(from))
        .put_behind("pad", span(to), shape, 0.0)
}

/// Computes rⱼ = gⱼ + aⱼ rⱼ₋₁ along an axis, or with `reverse` rⱼ = gⱼ + aⱼ rⱼ₊₁.
fn recurrence(g: &Tensor, factors: &Tensor, axis: usize, reverse: bool) -> Tensor {
    let output = Tensor::from(with_dtype!(g.dtype(), F => {
        let gs = &*g.array().contiguous::<F>();
        let factors = &*factors.array().contiguous::<F>();
        Array::build::<F>(g.array().shape().clone(), |out| {
            scan(reverse, lines(g, axis), 0.0, out, &|sum: &mut f64, i, [count, _]| {
                let g = gs[i].to_f64();
                *sum = if count == 0 { g } else { g + factors[i].to_f64() * *sum };
                F::from_f64(*sum)
            });
        })
    }));
    Tensor::from_op(output.clone(), &[g, factors], || Recurrence {
        factors: factors.clone(),
        output,
        axis,
        reverse,
    })
}

struct Recurrence {
    factors: Tensor,
    output: Tensor,
    axis: usize,
    reverse: bool,
}

impl Op for Recurrence {
    fn name(&self) -> &'static str {
        "logcumsumexp"
    }
    fn kind(&self) -> OpKind {
        OpKind::Reduction
    }
    /// Computes dg by the recurrence in the other direction, and daⱼ = dgⱼ rⱼ₊₁.
    fn vjp(&self, cotangent: Tensor, context: &Vjp) -> Result<Cotangents> {
        let factors = beside(&context.saved(&self.factors), self.axis, !self.reverse);
        let dg = recurrence(&cotangent, &factors, self.axis, !self.reverse);
        let da = context.wants(1).then(|| {
            let sums = beside(&context.output(&self.output), self.axis, self.reverse);
            arithmetic::times(&dg, &sums)
        });
        Ok(smallvec![Some(dg), da])
    }
}
