//! Softmax and its logarithm, computed in one pass and shifted by the maximum.

use crate::autograd::{Cotangents, Op, OpKind, Tensor, Vjp};
use crate::error::Result;
use crate::kernel::activation::softmax;
use crate::tensor::{Array, Axes, resolve_axis, with_dtype};
use smallvec::smallvec;

/// # Activations
impl Tensor {
    /// Computes `e^x / Σ e^x` along an axis. Negative axes count from the end. If an element is NaN
    /// or ∞, or all are -∞, all results along the axis are NaN, as in PyTorch.
    ///
    /// # Errors
    /// [`Error::Index`](crate::Error::Index) if there is no such axis.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let p = Tensor::from([[1e4f32, 1e4], [0.0, f32::NEG_INFINITY]]).softmax(-1)?;
    /// assert_eq!(p.to_vec::<f32>()?, [0.5, 0.5, 1.0, 0.0]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn softmax(&self, axis: isize) -> Result<Self> {
        self.softmax_or_log("softmax", axis, false)
    }

    /// Computes `ln(e^x / Σ e^x)` along an axis, without the quotient, whose logarithm would lose
    /// small probabilities. The results are NaN if those of [`softmax`](Self::softmax) are.
    ///
    /// # Errors
    /// [`Error::Index`](crate::Error::Index) if there is no such axis.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let p = Tensor::from([0.0f64, -1e4]).log_softmax(0)?;
    /// assert_eq!(p.to_vec::<f64>()?, [0.0, -1e4]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn log_softmax(&self, axis: isize) -> Result<Self> {
        self.softmax_or_log("log_softmax", axis, true)
    }

    /// Computes `e^-x / Σ e^-x` along an axis, the [`softmax`](Self::softmax) of -x.
    ///
    /// # Errors
    /// As [`softmax`](Self::softmax).
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let p = Tensor::from([1e4f32, 1e4, f32::INFINITY]).softmin(0)?;
    /// assert_eq!(p.to_vec::<f32>()?, [0.5, 0.5, 0.0]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn softmin(&self, axis: isize) -> Result<Self> {
        self.neg().softmax_or_log("softmin", axis, false)
    }

    fn softmax_or_log(&self, op: &'static str, axis: isize, logarithm: bool) -> Result<Self> {
        if let Some(vector) = self.as_vector() {
            return Ok(vector.softmax_or_log(op, axis, logarithm)?.as_scalar());
        }
        let axis = resolve_axis(op, axis, self.rank())?;
        let last = self.rank() - 1;
        if axis != last {
            let moved = self
                .transpose(axis as isize, -1)?
                .softmax_or_log(op, -1, logarithm)?;
            return moved.transpose(axis as isize, -1);
        }
        self.reserve_like(op)?;
        let output = with_dtype!(self.dtype(), F => {
            let xs = &*self.array().contiguous::<F>();
            let len = self.shape()[last];
            Array::build::<F>(self.array().shape().clone(), |out| {
                softmax::softmax(xs, len, logarithm, out);
            })
        });
        let output = Self::from(output);
        Ok(Self::from_op(output.clone(), &[self], || Softmax {
            output,
            logarithm,
        }))
    }
}

struct Softmax {
    output: Tensor,
    logarithm: bool,
}

impl Op for Softmax {
    fn name(&self) -> &'static str {
        if self.logarithm {
            "log_softmax"
        } else {
            "softmax"
        }
    }
    fn kind(&self) -> OpKind {
        OpKind::Softmax
    }

    /// Computes y (g - Σ g y), or for the logarithm g - e^y Σ g.
    fn vjp(&self, cotangent: Tensor, context: &Vjp) -> Result<Cotangents> {
        let y = context.output(&self.output);
        if context.records() {
            let dx = if self.logarithm {
                cotangent.sub(&y.exp().mul(&cotangent.sum_over(Axes::keep(-1))?)?)?
            } else {
                let dot = cotangent.mul(&y)?.sum_over(Axes::keep(-1))?;
                y.mul(&cotangent.sub(&dot)?)?
            };
            return Ok(smallvec![Some(dx)]);
        }
        let dx = with_dtype!(y.dtype(), F => {
            let ys = &*y.array().contiguous::<F>();
            let gs = &*cotangent.array().contiguous::<F>();
            let len = y.shape()[y.rank() - 1];
            Array::build::<F>(y.array().shape().clone(), |out| {
                softmax::softmax_backward(ys, gs, len, self.logarithm, out);
            })
        });
        Ok(smallvec![Some(Tensor::from(dx))])
    }

    /// Computes y (t - Σ t y), as for the cotangent, or for the logarithm t - Σ t e^y.
    fn jvp(&self, tangents: &[Option<Tensor>], context: &Vjp) -> Result<Option<Tensor>> {
        let Some(tangent) = &tangents[0] else {
            return Ok(None);
        };
        if self.logarithm {
            let weights = context.output(&self.output).exp();
            let mean = tangent.mul(&weights)?.sum_over(Axes::keep(-1))?;
            return Ok(Some(tangent.sub(&mean)?));
        }
        Ok(self.vjp(tangent.clone(), context)?.swap_remove(0))
    }
}
