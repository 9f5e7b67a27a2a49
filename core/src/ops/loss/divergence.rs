//! How far distributions and directions are from each other: the Kullback-Leibler divergence, the
//! cosine of an angle.

use crate::autograd::{OpKind, Tensor};
use crate::error::{Interval, Result};
use crate::kernel::Real;
use crate::ops::elementwise::arithmetic::{Binary, apply};
use crate::ops::loss::pointwise::{Reduction, expect_one_shape};
use crate::ops::reduce::statistics::{euclidean, scales_of_cubes};
use crate::tensor::{Axes, DType, broadcast_shapes, resolve_axis};

impl Tensor {
    /// The terms of the Kullback-Leibler divergence of the prediction from the target,
    /// `t (ln t - x)`, reduced: `self` holds the logarithms x of the predicted probabilities, as
    /// [`log_softmax`](Self::log_softmax) gives them, the target probabilities t (Kullback, Leibler
    /// 1951, On Information and Sufficiency). It is differentiable in both.
    ///
    /// Of a batch (samples, classes) the mean divergence is [`Reduction::BatchMean`].
    /// [`Reduction::Mean`], the default of PyTorch's function, averages over samples and classes
    /// alike and is smaller by the number of classes.
    ///
    /// A target of 0 contributes 0, and 0 to the gradients, also where the prediction is -∞; in
    /// PyTorch its gradient is NaN, and where the prediction is -∞ the loss too. A prediction of
    /// NaN gives NaN.
    ///
    /// # Errors
    /// [`Error::Shape`](crate::Error::Shape) if the target has another shape (a loss does not
    /// broadcast), [`Error::DType`](crate::Error::DType) if it has another dtype.
    ///
    /// ```
    /// # use cotangent::{Reduction, Tensor};
    /// let predicted = Tensor::from([[0.5f64, 0.5], [0.25, 0.75]]).ln();
    /// let target = Tensor::from([[1.0f64, 0.0], [0.25, 0.75]]);
    /// let divergence = predicted.kl_div(&target, Reduction::BatchMean)?;
    /// assert!((divergence.item()? - 2f64.ln() / 2.0).abs() < 1e-15);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn kl_div(&self, target: &Self, reduction: Reduction) -> Result<Self> {
        expect_one_shape(Divergence::NAME, self, target)?;
        Ok(reduction.apply(&apply(Divergence::OfProbabilities, self, target)))
    }

    /// As [`kl_div`](Self::kl_div) with the logarithms of the target's probabilities,
    /// `e^t (t - x)`; PyTorch's `log_target=True`. A target of -∞, the logarithm of 0, contributes
    /// 0, and 0 to the gradients (in PyTorch NaN); so does one so small that `e^t` is 0. A
    /// prediction of NaN gives NaN.
    ///
    /// # Errors
    /// As [`kl_div`](Self::kl_div).
    ///
    /// ```
    /// # use cotangent::{Reduction, Tensor};
    /// let predicted = Tensor::from([[0.5f64, 0.5]]).ln();
    /// let target = Tensor::from([[1.0f64, 0.0]]).ln();
    /// let divergence = predicted.kl_div_log_target(&target, Reduction::BatchMean)?;
    /// assert!((divergence.item()? - 2f64.ln()).abs() < 1e-15);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn kl_div_log_target(&self, log_target: &Self, reduction: Reduction) -> Result<Self> {
        expect_one_shape(Divergence::NAME, self, log_target)?;
        Ok(reduction.apply(&apply(Divergence::OfLogarithms, self, log_target)))
    }

    /// The cosine of the angle between two vectors along an axis, which is dropped:
    /// `x · y / (max(‖x‖, epsilon) max(‖y‖, epsilon))`. The other axes broadcast (this is no loss).
    /// PyTorch's epsilon is 1e-8. Squares that leave the range of the dtype do no harm.
    ///
    /// The gradient is that of this formula, so a vector of zeros has
    /// `y / (epsilon max(‖y‖, epsilon))`. So it is in PyTorch, which for norms between 0 and
    /// epsilon, however, differentiates as if nothing held them there.
    ///
    /// # Errors
    /// [`Error::Shape`](crate::Error::Shape) if the shapes do not broadcast,
    /// [`Error::DType`](crate::Error::DType) if the dtypes differ,
    /// [`Error::Index`](crate::Error::Index) if there is no such axis,
    /// [`Error::Argument`](crate::Error::Argument) if epsilon is negative or not finite.
    ///
    /// ```
    /// # use cotangent::Tensor;
    /// let (x, y) = (Tensor::from([[3.0f64, 4.0], [0.0, 0.0]]), Tensor::from([4.0f64, 3.0]));
    /// let cosines = x.cosine_similarity(&y, -1, 1e-8)?.to_vec::<f64>()?;
    /// assert!((cosines[0] - 0.96).abs() < 1e-15 && cosines[1] == 0.0);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn cosine_similarity(&self, other: &Self, axis: isize, epsilon: f64) -> Result<Self> {
        let op = "cosine_similarity";
        self.expect_same_dtype(op, other)?;
        let shape = broadcast_shapes(op, self.shape(), other.shape())?;
        let axis = resolve_axis(op, axis, shape.len().max(1))? as isize;
        Interval::AtLeast0.check(op, "epsilon", epsilon)?;
        // No smaller than what has all its digits: else it would vanish.
        let smallest = match self.dtype() {
            DType::F32 => f64::from(f32::MIN_POSITIVE),
            DType::F64 => f64::MIN_POSITIVE,
        };
        let limit = if epsilon > 0.0 {
            epsilon.max(smallest)
        } else {
            0.0
        };
        let axes = Axes::keep(axis).resolve(op, &shape)?;
        let unit = |x: &Self| {
            let x = x.broadcast_to(&shape)?;
            let norm = euclidean(&x, &axes);
            let Some(scales) = scales_of_cubes(&x, &norm, limit, &axes) else {
                return x.div(&norm.clamp(limit, f64::INFINITY));
            };
            let x = x.mul(&scales)?;
            x.div(&euclidean(&x, &axes).maximum(&(scales * limit))?)
        };
        unit(self)?.mul(&unit(other)?)?.sum_over(axis)
    }
}

/// A term of the Kullback-Leibler divergence, of a predicted logarithm x and a target t. One type,
/// so that the kernels are compiled once: which it is does not change during a sweep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Divergence {
    /// t (ln t - x)
    OfProbabilities,
    /// e^t (t - x)
    OfLogarithms,
}

impl Binary for Divergence {
    const NAME: &'static str = "kl_div";
    const KIND: OpKind = OpKind::Loss;
    const NEEDS: [[bool; 2]; 2] = [[false, true], [true, true]];
    #[inline(always)]
    fn value<T: Real>(self, x: T, t: T) -> T {
        match self {
            Self::OfProbabilities => T::select(t.equals(t.zero()), nothing(x), t * (t.ln() - x)),
            Self::OfLogarithms => {
                let probability = t.exp();
                let vanishes = probability.equals(t.zero());
                T::select(vanishes, nothing(x), probability * (t - x))
            }
        }
    }
    /// Where the target vanishes what is not chosen must be finite too, for its derivative is
    /// multiplied by 0.
    #[inline(always)]
    fn partial<T: Real>(self, operand: usize, x: T, t: T) -> T {
        let probability = match self {
            Self::OfProbabilities => t,
            Self::OfLogarithms => t.exp(),
        };
        if operand == 0 {
            return -probability;
        }
        let vanishes = probability.equals(t.zero());
        let x = T::select(vanishes, nothing(x), x);
        let t = T::select(vanishes, t.one(), t);
        let slope = match self {
            Self::OfProbabilities => t.ln() - x + 1.0,
            Self::OfLogarithms => probability * (t - x + 1.0),
        };
        T::select(vanishes, x, slope)
    }
}

/// 0; NaN if x is.
#[inline(always)]
fn nothing<T: Real>(x: T) -> T {
    T::select(x.equals(x), x.zero(), x)
}
