//! The logarithm of a sum of exponentials, ln Σ eˣ.

use crate::autograd::{Cotangents, Op, OpKind, Tensor, Vjp};
use crate::error::Result;
use crate::kernel::activation::softmax;
use crate::kernel::loss::cross_entropy::{self, Targets};
use crate::ops::reduce::sum::{in_one_row, in_rows};
use crate::tensor::{Array, Axes, Mask, Shape, with_dtype};
use smallvec::smallvec;

/// # Reductions
impl Tensor {
    /// Computes `ln Σ eˣ` of all elements, a scalar. The sum is shifted by the largest element, so
    /// that it does not overflow. The result is -∞ without elements, and NaN if an element is NaN.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let y = Tensor::from([1e4f64, 1e4]).logsumexp();
    /// assert_eq!(y.item()?, 1e4 + 2f64.ln());
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn logsumexp(&self) -> Self {
        logsumexp_of_rows(&in_one_row(self)).reshaped(Shape::default())
    }

    /// Computes `ln Σ eˣ` over some axes, as [`logsumexp`](Self::logsumexp). If a result is
    /// infinite, the gradients of the elements that are equal to it are NaN and those of the others
    /// are 0, as in PyTorch.
    ///
    /// # Errors
    /// As [`sum_over`](Self::sum_over).
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let x = Tensor::from([[0.0f32, f32::NEG_INFINITY], [-1e4, -1e4]]);
    /// let y = x.logsumexp_over(1)?.to_vec::<f32>()?;
    /// assert_eq!(y, [0.0, -1e4 + 2f32.ln()]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn logsumexp_over(&self, axes: impl Into<Axes>) -> Result<Self> {
        let axes = axes.into().resolve("logsumexp_over", self.shape())?;
        Ok(logsumexp_of_rows(&in_rows(self, &axes)).reshaped(axes.result))
    }
}

/// Computes ln Σ eˣ of each row: `(rows, n)` becomes `(rows)`.
fn logsumexp_of_rows(x: &Tensor) -> Tensor {
    let (rows, len) = (x.shape()[0], x.shape()[1]);
    let (output, pairs) = with_dtype!(x.dtype(), F => {
        let xs = &*x.array().contiguous::<F>();
        let pairs = Array::build::<F>(Shape::from([rows, 2]), |pairs| {
            pairs.fill(F::NEG_INFINITY);
            softmax::log_sums(xs, len, pairs);
            // The sum is NaN if an element is NaN, and also if the largest is infinite: then the
            // result is the largest.
            for (i, pair) in pairs.chunks_exact_mut(2).enumerate() {
                if pair[1].is_nan() && !xs[i * len..(i + 1) * len].iter().any(|x| x.is_nan()) {
                    pair[1] = 0.0;
                }
            }
        });
        let output = Array::build::<F>(Shape::from([rows]), |out| {
            let pairs = pairs.contiguous::<F>();
            for (out, pair) in out.iter_mut().zip(pairs.chunks_exact(2)) {
                *out = pair[0] + pair[1];
            }
        });
        (Tensor::from(output), Tensor::from(pairs))
    });
    Tensor::from_op(output.clone(), &[x], || LogSumExp {
        x: x.clone(),
        pairs,
        output,
    })
}

/// yᵢ = ln Σⱼ e^xᵢⱼ.
struct LogSumExp {
    x: Tensor,
    /// (rows, 2): the maximum, and the difference of the output from it.
    pairs: Tensor,
    output: Tensor,
}

impl LogSumExp {
    /// Computes e^(xᵢⱼ - yᵢ), recorded. It is the softmax, which has no rounding error of a large
    /// y. If y is infinite, the softmax is NaN throughout, so that the difference is used.
    fn weights(&self, context: &Vjp) -> Result<Tensor> {
        let x = context.saved(&self.x);
        let outputs = self.output.to_f64_vec();
        let infinite: Vec<bool> = outputs.iter().map(|y| y.is_infinite()).collect();
        if !infinite.contains(&true) {
            return x.softmax(1);
        }
        let rows = Mask::from_vec(infinite, [outputs.len(), 1])?;
        let differences = x.sub(&context.output(&self.output).unsqueeze(1)?)?;
        rows.select(&differences.exp(), &x.masked_fill(&rows, 0.0)?.softmax(1)?)
    }
}

impl Op for LogSumExp {
    fn name(&self) -> &'static str {
        "logsumexp"
    }
    fn kind(&self) -> OpKind {
        OpKind::Reduction
    }
    /// Computes dxᵢⱼ = gᵢ e^(xᵢⱼ - yᵢ).
    fn vjp(&self, cotangent: Tensor, context: &Vjp) -> Result<Cotangents> {
        if context.records() {
            let weights = self.weights(context)?;
            return Ok(smallvec![Some(weights.mul(&cotangent.unsqueeze(1)?)?)]);
        }
        let x = self.x.array();
        let dx = with_dtype!(self.x.dtype(), F => {
            let xs = &*x.contiguous::<F>();
            let pairs = &*self.pairs.array().contiguous::<F>();
            let totals = &cotangent.array().to_vec::<F>();
            let targets = Targets { totals, labels: None, spread: None };
            Array::build::<F>(x.shape().clone(), |out| {
                cross_entropy::backward(xs, pairs, targets, self.x.shape()[1], out);
            })
        });
        Ok(smallvec![Some(Tensor::from(dx))])
    }
}
