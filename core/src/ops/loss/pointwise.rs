//! Losses that compare element by element: squared, absolute and Huber's error, binary
//! cross-entropy. A loss never broadcasts: prediction and target have one shape.

use crate::autograd::{OpKind, Tensor};
use crate::error::{Error, Interval, Result};
use crate::kernel::Real;
use crate::ops::elementwise::arithmetic::{Binary, apply};
use crate::ops::reduce::sum::mean_to_shape;
use crate::tensor::{Shape, broadcast_shapes};

/// What a loss makes of the losses of the single elements or samples.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reduction {
    /// Their mean, a scalar; NaN if there are none. A loss of labels divides by the sum of the
    /// labels' weights.
    #[default]
    Mean,
    /// Their sum, a scalar.
    Sum,
    /// Their sum divided by the length of the first axis (by 1 if there is no axis), a scalar: the
    /// mean over the samples of a batch of the sum of each. PyTorch has it as `batchmean` for the
    /// Kullback-Leibler divergence only.
    #[doc(alias = "batchmean")]
    BatchMean,
    /// Each of them.
    None,
}

impl Reduction {
    /// The losses, reduced.
    pub(crate) fn apply(self, losses: &Tensor) -> Tensor {
        match self {
            Self::Mean => losses.mean(),
            Self::Sum => losses.sum(),
            Self::BatchMean => {
                let samples = losses.shape().first().copied().unwrap_or(1);
                mean_to_shape(losses, &Shape::default(), samples as f64)
            }
            Self::None => losses.clone(),
        }
    }
}

/// An error unless prediction and target have one shape and one dtype.
pub(crate) fn expect_one_shape(
    op: &'static str,
    prediction: &Tensor,
    target: &Tensor,
) -> Result<()> {
    Tensor::expect_one_dtype(
        op,
        &[
            ("the prediction", Some(prediction)),
            ("the target", Some(target)),
        ],
    )?;
    if prediction.shape() == target.shape() {
        return Ok(());
    }
    let reason = "a loss does not broadcast: the prediction and the target must have one shape";
    Err(Error::shape(
        op,
        reason,
        &[prediction.shape(), target.shape()],
    ))
}

/// `x`, and 0 where the weight, which broadcasts to its shape, is 0. A weight of 0 selects: times
/// it, infinity would be NaN.
pub(crate) fn without(x: &Tensor, weight: &Tensor) -> Result<Tensor> {
    let nothing = weight.eq_scalar(0.0);
    if nothing.any() {
        return x.masked_fill(&nothing, 0.0);
    }
    Ok(x.clone())
}

impl Tensor {
    /// The squared error, (prediction - target)², reduced.
    ///
    /// # Errors
    /// [`Error::Shape`] if the target has another shape (a loss does not broadcast),
    /// [`Error::DType`] if it has another dtype.
    ///
    /// ```
    /// # use cotangent::{Reduction, Tensor};
    /// let (prediction, target) = (Tensor::from([1.0f32, 4.0]), Tensor::from([2.0f32, 1.0]));
    /// assert_eq!(prediction.mse_loss(&target, Reduction::Mean)?.item()?, 5.0);
    /// assert!(prediction.unsqueeze(1)?.mse_loss(&target, Reduction::Mean).is_err());
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn mse_loss(&self, target: &Self, reduction: Reduction) -> Result<Self> {
        expect_one_shape(SquaredError::NAME, self, target)?;
        Ok(reduction.apply(&apply(SquaredError, self, target)))
    }

    /// The absolute error, |prediction - target|, reduced. The derivative where the two are equal
    /// is 0.
    ///
    /// # Errors
    /// As [`mse_loss`](Self::mse_loss).
    ///
    /// ```
    /// # use cotangent::{Reduction, Tensor};
    /// let (prediction, target) = (Tensor::from([1.0f32, 4.0]), Tensor::from([2.0f32, 1.0]));
    /// assert_eq!(prediction.l1_loss(&target, Reduction::Sum)?.item()?, 4.0);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn l1_loss(&self, target: &Self, reduction: Reduction) -> Result<Self> {
        expect_one_shape("l1_loss", self, target)?;
        Ok(reduction.apply(&self.sub(target)?.abs()))
    }

    /// Huber's loss (Huber 1964, Robust Estimation of a Location Parameter), reduced: with the
    /// error d = prediction - target it is d² / 2 where |d| <= delta, else
    /// delta (|d| - delta / 2), whose slope is limited to ±delta.
    ///
    /// PyTorch's `smooth_l1_loss` with a `beta` is this with a delta of `beta`, divided by `beta`;
    /// with delta = 1 the two are the same.
    ///
    /// # Errors
    /// As [`mse_loss`](Self::mse_loss); [`Error::Argument`] if delta is not positive.
    ///
    /// ```
    /// # use cotangent::{Reduction, Tensor};
    /// let (prediction, target) = (Tensor::from([1.0f32, 4.0]), Tensor::from([2.0f32, 1.0]));
    /// let losses = prediction.huber_loss(&target, 1.0, Reduction::None)?;
    /// assert_eq!(losses.to_vec::<f32>()?, [0.5, 2.5]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    #[doc(alias = "smooth_l1_loss")]
    pub fn huber_loss(&self, target: &Self, delta: f64, reduction: Reduction) -> Result<Self> {
        expect_one_shape(Huber::NAME, self, target)?;
        Interval::Bound.check(Huber::NAME, "delta", delta)?;
        Ok(reduction.apply(&apply(Huber { delta }, self, target)))
    }

    /// The mean binary cross-entropy of logits with targets between 0 and 1 (soft ones included), a
    /// scalar: `-z ln sigmoid(x) - (1 - z) ln(1 - sigmoid(x))`, finite for logits of any size.
    /// [`BinaryCrossEntropy`] has the options.
    ///
    /// # Errors
    /// As [`mse_loss`](Self::mse_loss).
    ///
    /// ```
    /// # use cotangent::Tensor;
    /// let loss = Tensor::from([0.0f64, 1e4]).bce_with_logits(&Tensor::from([1.0f64, 0.0]))?;
    /// assert!((loss.item()? - (2f64.ln() + 1e4) / 2.0).abs() < 1e-12);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    #[doc(alias = "binary_cross_entropy_with_logits")]
    pub fn bce_with_logits(&self, targets: &Self) -> Result<Self> {
        BinaryCrossEntropy::new().loss(self, targets)
    }
}

const BOTH: [bool; 2] = [true, true];

/// (a - b)²
#[derive(Clone, Copy, Debug)]
struct SquaredError;

impl Binary for SquaredError {
    const NAME: &'static str = "mse_loss";
    const KIND: OpKind = OpKind::Loss;
    const NEEDS: [[bool; 2]; 2] = [BOTH, BOTH];
    #[inline(always)]
    fn value<T: Real>(self, a: T, b: T) -> T {
        (a - b).square()
    }
    #[inline(always)]
    fn partial<T: Real>(self, operand: usize, a: T, b: T) -> T {
        if operand == 0 {
            (a - b) * 2.0
        } else {
            (b - a) * 2.0
        }
    }
}

#[derive(Clone, Copy, Debug)]
struct Huber {
    delta: f64,
}

impl Binary for Huber {
    const NAME: &'static str = "huber_loss";
    const KIND: OpKind = OpKind::Loss;
    const NEEDS: [[bool; 2]; 2] = [BOTH, BOTH];
    #[inline(always)]
    fn value<T: Real>(self, a: T, b: T) -> T {
        // Half of each, which changes no digit: the whole, or its square, may overflow.
        let half = (a * 0.5 - b * 0.5).abs();
        let linear = (half - 0.25 * self.delta) * (2.0 * self.delta);
        let near = half.le(half.constant(0.5 * self.delta));
        T::select(near, half * (half * 2.0), linear)
    }
    /// The error, limited to ±delta.
    #[inline(always)]
    fn partial<T: Real>(self, operand: usize, a: T, b: T) -> T {
        let error = if operand == 0 { a - b } else { b - a };
        let (low, high) = (error.constant(-self.delta), error.constant(self.delta));
        T::select(error.ge(high), high, T::select(error.le(low), low, error))
    }
}

/// Binary cross-entropy of logits with targets between 0 and 1, with options.
///
/// ```
/// # use cotangent::{BinaryCrossEntropy, Reduction, Tensor};
/// let logits = Tensor::from([[0.0f64, 0.0], [0.0, 0.0]]);
/// let targets = Tensor::from([[1.0f64, 0.0], [0.0, 1.0]]);
/// let loss = BinaryCrossEntropy::new()
///     .positive_weight(&Tensor::from([3.0f64, 5.0]))
///     .reduction(Reduction::Sum)
///     .loss(&logits, &targets)?;
/// assert!((loss.item()? - 10.0 * 2f64.ln()).abs() < 1e-14);
/// # Ok::<(), cotangent::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct BinaryCrossEntropy {
    positive: Option<Tensor>,
    weight: Option<Tensor>,
    reduction: Reduction,
}

impl BinaryCrossEntropy {
    /// The mean, everything weighing 1.
    pub fn new() -> Self {
        Self::default()
    }

    /// What the positive part, `-z ln sigmoid(x)`, weighs beside the negative one. It is broadcast
    /// to the shape of the logits: one per class stands in the last axis. No gradient flows to it.
    /// Where it is 0 the positive part is 0, whatever the logit is.
    #[doc(alias = "pos_weight")]
    pub fn positive_weight(mut self, weight: &Tensor) -> Self {
        self.positive = Some(weight.detach());
        self
    }

    /// What each element's loss is multiplied by, broadcast to the shape of the logits; the mean is
    /// over the number of elements all the same, as in PyTorch. No gradient flows to it. Where it
    /// is 0 the loss and its gradients are 0, whatever the logit is.
    pub fn weight(mut self, weight: &Tensor) -> Self {
        self.weight = Some(weight.detach());
        self
    }

    /// What is made of the losses.
    pub fn reduction(mut self, reduction: Reduction) -> Self {
        self.reduction = reduction;
        self
    }

    /// `weight ((1 - z) ln(1 + e^x) + positive_weight z ln(1 + e^-x))` of each logit x and target
    /// z, reduced, the logarithms as `max(x, 0) + ln(1 + e^-|x|)`. It is differentiable in the
    /// targets too.
    ///
    /// Where the loss is much smaller than the logit it keeps its digits, which PyTorch's
    /// `(1 - z) x - ln sigmoid(x)` loses for x < 0. At an infinite logit the loss is the limit, 0
    /// for a target that agrees and else ∞, where PyTorch has NaN at -∞, and at ∞ for a target of
    /// 1.
    ///
    /// # Errors
    /// [`Error::Shape`] if the targets have another shape than the logits (a loss does not
    /// broadcast) or a weight does not broadcast to that shape; [`Error::DType`] if dtypes differ.
    pub fn loss(&self, logits: &Tensor, targets: &Tensor) -> Result<Tensor> {
        let op = Logistic::NAME;
        expect_one_shape(op, logits, targets)?;
        for weight in [&self.positive, &self.weight].into_iter().flatten() {
            Tensor::expect_one_dtype(
                op,
                &[
                    ("the prediction", Some(logits)),
                    ("the weight", Some(weight)),
                ],
            )?;
            if broadcast_shapes(op, weight.shape(), logits.shape())?[..] != *logits.shape() {
                let reason = "the weight has axes that the logits lack";
                let shapes = [weight.shape(), logits.shape()];
                return Err(Error::shape(op, reason, &shapes));
            }
        }
        let counted;
        let logits = match &self.weight {
            None => logits,
            Some(weight) => {
                counted = without(logits, weight)?;
                &counted
            }
        };
        let mut losses = match &self.positive {
            None => apply(Logistic::Both, logits, targets),
            Some(weight) => {
                let (positive, weighted) = (without(logits, weight)?, targets.mul(weight)?);
                let positive = apply(Logistic::Positive, &positive, &weighted);
                apply(Logistic::Negative, logits, targets).add(&positive)?
            }
        };
        if let Some(weight) = &self.weight {
            losses = without(&losses.mul(weight)?, weight)?;
        }
        Ok(self.reduction.apply(&losses))
    }
}

/// Parts of the binary cross-entropy of a logit x and a target z. One type, so that the kernels are
/// compiled once: which part it is does not change during a sweep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Logistic {
    /// z ln(1 + e^-x)
    Positive,
    /// (1 - z) ln(1 + e^x)
    Negative,
    /// Their sum.
    Both,
}

impl Binary for Logistic {
    const NAME: &'static str = "bce_with_logits";
    const KIND: OpKind = OpKind::Loss;
    const NEEDS: [[bool; 2]; 2] = [BOTH, [true, false]];
    #[inline(always)]
    fn value<T: Real>(self, x: T, z: T) -> T {
        match self {
            Self::Positive => share(z, softplus(-x)),
            Self::Negative => share(-z + 1.0, softplus(x)),
            Self::Both => {
                let tail = (-x.abs()).exp().ln_1p();
                let (zero, positive) = (x.zero(), x.gt(x.zero()));
                let above = T::select(positive, x, zero) + tail;
                let below = T::select(positive, zero, -x) + tail;
                share(-z + 1.0, above) + share(z, below)
            }
        }
    }
    /// Two sigmoids rather than sigmoid(x) - z: where one of them is small it keeps its digits.
    #[inline(always)]
    fn partial<T: Real>(self, operand: usize, x: T, z: T) -> T {
        match (operand, self) {
            (0, Self::Positive) => -z * (-x).sigmoid(),
            (0, Self::Negative) => (-z + 1.0) * x.sigmoid(),
            (0, Self::Both) => (-z + 1.0) * x.sigmoid() - z * (-x).sigmoid(),
            (_, Self::Positive) => softplus(-x),
            (_, Self::Negative) => -softplus(x),
            (_, Self::Both) => -x,
        }
    }
}

/// The share of a loss, which may be infinite: nothing of it is 0.
#[inline(always)]
fn share<T: Real>(share: T, loss: T) -> T {
    T::select(share.equals(share.zero()), share, share * loss)
}

/// ln(1 + e^x) as max(x, 0) + ln(1 + e^-|x|), in a form whose derivative is right at 0 too.
#[inline(always)]
fn softplus<T: Real>(x: T) -> T {
    let positive = x.gt(x.zero());
    T::select(positive, x, x.zero()) + T::select(positive, -x, x).exp().ln_1p()
}
