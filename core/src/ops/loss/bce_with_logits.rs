//! Binary cross-entropy of logits.

use crate::autograd::Tensor;
use crate::error::Result;
use crate::ops::activation::rectifier::exact;
use crate::ops::elementwise::operation::{self, Reduced};
use crate::ops::loss::distance::reduced;
use crate::ops::loss::options::options;
use crate::ops::loss::reduction::{Reduction, expect_one_shape, expect_weight, weighted, without};
use crate::tensor::Axes;
use cotangent_macros::elementwise;

/// # Losses
impl Tensor {
    /// Returns the mean binary cross-entropy of logits x with targets z, a scalar:
    /// `-z ln sigmoid(x) - (1 - z) ln(1 - sigmoid(x))`, finite for all finite logits. The targets
    /// are between 0 and 1, and may be soft. [`BceWithLogitsLoss`] has the options.
    ///
    /// # Errors
    /// As [`mse_loss`](Self::mse_loss).
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let loss = Tensor::from([0.0f64, 1e4]).bce_with_logits(&Tensor::from([1.0f64, 0.0]))?;
    /// assert!((loss.item()? - (2f64.ln() + 1e4) / 2.0).abs() < 1e-12);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    #[doc(alias = "loss")]
    #[doc(alias = "binary_cross_entropy_with_logits")]
    pub fn bce_with_logits(&self, targets: &Self) -> Result<Self> {
        BceWithLogitsLoss::new().loss(self, targets)
    }
}

options! {
    /// Binary cross-entropy of logits with targets between 0 and 1, with options.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let logits = Tensor::from([[0.0f64, 0.0], [0.0, 0.0]]);
    /// let targets = Tensor::from([[1.0f64, 0.0], [0.0, 1.0]]);
    /// let loss = BceWithLogitsLoss::new()
    ///     .positive_weight(&Tensor::from([3.0f64, 5.0]))
    ///     .reduction(Reduction::Sum)
    ///     .loss(&logits, &targets)?;
    /// assert!((loss.item()? - 10.0 * 2f64.ln()).abs() < 1e-14);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    #[doc(alias = "BCEWithLogitsLoss")]
    #[doc(alias = "binary_cross_entropy_with_logits")]
    #[derive(Clone, Debug)]
    pub struct BceWithLogitsLoss;

    /// Creates the loss: all weights are 1, and the result is the mean.
    pub fn new();

    /// Sets the weight of the positive part, `-z ln sigmoid(x)`, relative to the negative part. The
    /// weight is broadcast to the shape of the logits: `(classes)` has one for each class of the
    /// last axis. No gradient flows to it. If it is 0, the positive part is 0 for every logit.
    #[doc(alias = "pos_weight")]
    pub fn positive_weight(weight: &Tensor);

    /// Sets the weight of each class of the last axis, `(classes)`. Any shape that broadcasts to
    /// that of the logits is allowed: `(samples, 1)` sets the weights of the samples. The mean
    /// divides by the number of elements, not by the sum of the weights, as in PyTorch. No gradient
    /// flows to the weights. If a weight is 0, the loss and its gradients are 0 for every logit.
    #[doc(alias = "weight")]
    pub fn class_weights(weights: &Tensor);

    /// Sets the reduction of the losses of the elements.
    pub fn reduction(reduction: Reduction = Reduction::Mean);
}

impl BceWithLogitsLoss {
    /// Returns `weight ((1 - z) ln(1 + e^x) + positive_weight z ln(1 + e^-x))` for each logit x and
    /// target z, reduced. It is differentiable in the targets too.
    ///
    /// The logarithms are computed as `max(x, 0) + ln(1 + e^-|x|)`. A loss that is much smaller
    /// than the logit keeps its digits; PyTorch's `(1 - z) x - ln sigmoid(x)` loses them for x < 0.
    /// At an infinite logit the loss is the limit: 0 for a target that agrees, else ∞. PyTorch has
    /// NaN at -∞, and at ∞ for a target of 1.
    ///
    /// # Errors
    /// [`Error::Shape`](crate::Error::Shape) if the targets have another shape than the logits (a
    /// loss does not broadcast), if a weight does not broadcast to that shape, or if there is no
    /// element for a mean; [`Error::DType`](crate::Error::DType) if dtypes differ.
    pub fn loss(&self, logits: &Tensor, targets: &Tensor) -> Result<Tensor> {
        let op = "bce_with_logits";
        expect_one_shape(op, logits, targets)?;
        for weight in [&self.positive_weight, &self.class_weights]
            .into_iter()
            .flatten()
        {
            expect_weight(op, weight, logits)?;
        }
        let counted;
        let logits = match &self.class_weights {
            None => logits,
            Some(weight) => {
                counted = without(logits, weight)?;
                &counted
            }
        };
        if let (None, None) = (&self.positive_weight, &self.class_weights) {
            return reduced(bce_with_logits::new(), logits, targets, self.reduction);
        }
        let mut losses = match &self.positive_weight {
            None => bce_with_logits(logits, targets)?,
            Some(weight) => {
                let (positive, weighted) = (without(logits, weight)?, targets.mul(weight)?);
                let positive = bce_of_positives(&positive, &weighted)?;
                bce_of_negatives(logits, targets)?.add(&positive)?
            }
        };
        if let Some(weight) = &self.class_weights {
            losses = weighted(&losses, weight)?;
        }
        self.reduction.apply(op, &losses)
    }
}

/// Computes the means over the last axis of the losses of logits and targets of one shape.
pub(crate) fn means_over_classes(logits: &Tensor, targets: &Tensor) -> Result<Tensor> {
    let (formula, axes) = (bce_with_logits::new(), Some(Axes::from(-1)));
    operation::reduce(formula, Reduced::Mean, axes, [logits, targets])
}

/// The binary cross-entropy of a logit x and a target z. The derivative has two sigmoids rather
/// than sigmoid(x) - z: a small one keeps its digits.
#[elementwise(kind = Loss, crate = "crate")]
#[derivative(x = (1.0 - z) * sigmoid(x) - z * sigmoid(-x), z = -x)]
pub(crate) fn bce_with_logits(x: Tensor, z: Tensor) -> Tensor {
    let tail = exact::softplus(-abs(x));
    let above = (if x > 0.0 { x } else { 0.0 }) + tail;
    let below = (if x > 0.0 { 0.0 } else { -x }) + tail;
    share(1.0 - z, above) + share(z, below)
}

/// The part of positive targets, z ln(1 + e^-x).
#[elementwise(kind = Loss, name = "bce_with_logits", crate = "crate")]
#[derivative(x = -z * sigmoid(-x), z = exact::softplus(-x))]
fn bce_of_positives(x: Tensor, z: Tensor) -> Tensor {
    share(z, exact::softplus(-x))
}

/// The part of negative targets, (1 - z) ln(1 + e^x).
#[elementwise(kind = Loss, name = "bce_with_logits", crate = "crate")]
#[derivative(x = (1.0 - z) * sigmoid(x), z = -exact::softplus(x))]
fn bce_of_negatives(x: Tensor, z: Tensor) -> Tensor {
    share(1.0 - z, exact::softplus(x))
}

/// A loss times its share. A share of 0 gives 0, even if the loss is infinite.
#[elementwise(crate = "crate")]
fn share(share: Tensor, loss: Tensor) -> Tensor {
    if share == 0.0 { share } else { share * loss }
}
