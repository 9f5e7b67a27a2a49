//! The focal loss of logits.

use crate::autograd::Tensor;
use crate::error::{Interval, Result};
use crate::ops::loss::bce_with_logits::bce_with_logits;
use crate::ops::loss::reduction::{Reduction, expect_one_shape, reduced_formula};
use cotangent_macros::elementwise;

/// # Losses
impl Tensor {
    /// Returns the mean focal loss of logits x with targets z, a scalar: the binary cross-entropy
    /// times `(1 - p)^2`, where p is the probability of the target, and times 0.25 for targets of 1
    /// and 0.75 for targets of 0 (Lin, Goyal, Girshick, He, Dollár 2017, Focal Loss for Dense
    /// Object Detection). [`FocalLoss`] has the options.
    ///
    /// # Errors
    /// As [`mse_loss`](Self::mse_loss).
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let loss = Tensor::from([0.0f64]).focal_loss(&Tensor::from([1.0f64]))?;
    /// assert!((loss.item()? - 2f64.ln() / 16.0).abs() < 1e-15);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    #[doc(alias = "sigmoid_focal_loss")]
    pub fn focal_loss(&self, targets: &Self) -> Result<Self> {
        FocalLoss::new().loss(self, targets)
    }
}

/// The focal loss of logits with targets between 0 and 1, with options.
///
/// ```
/// use cotangent::prelude::*;
/// let loss = FocalLoss::new().unbalanced().gamma(1.0).reduction(Reduction::Sum);
/// let loss = loss.loss(&Tensor::from([0.0f64, 0.0]), &Tensor::from([1.0f64, 0.0]))?;
/// assert!((loss.item()? - 2f64.ln()).abs() < 1e-15);
/// # Ok::<(), cotangent::Error>(())
/// ```
#[doc(alias = "sigmoid_focal_loss")]
#[derive(Clone, Copy, Debug)]
#[must_use]
pub struct FocalLoss {
    alpha: Option<f64>,
    gamma: f64,
    reduction: Reduction,
}

impl Default for FocalLoss {
    fn default() -> Self {
        Self {
            alpha: Some(0.25),
            gamma: 2.0,
            reduction: Reduction::Mean,
        }
    }
}

impl FocalLoss {
    /// Creates the loss with an alpha of 0.25 and a gamma of 2; it returns the mean. Torchvision's
    /// `sigmoid_focal_loss` does not reduce unless asked to.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the weight of targets of 1, in `[0, 1]`; that of targets of 0 is `1 - alpha`.
    pub fn alpha(mut self, alpha: f64) -> Self {
        self.alpha = Some(alpha);
        self
    }

    /// Gives both targets the weight 1.
    pub fn unbalanced(mut self) -> Self {
        self.alpha = None;
        self
    }

    /// Sets the power of `1 - p`, at least 0. With 0 the loss is the binary cross-entropy.
    pub fn gamma(mut self, gamma: f64) -> Self {
        self.gamma = gamma;
        self
    }

    /// Sets the reduction of the losses of the elements.
    pub fn reduction(mut self, reduction: Reduction) -> Self {
        self.reduction = reduction;
        self
    }

    /// Returns `weight (1 - p)^gamma bce(x, z)` for logits x and targets z, reduced, where bce is
    /// [`bce_with_logits`](Tensor::bce_with_logits), `p = z sigmoid(x) + (1 - z) sigmoid(-x)` and
    /// `weight = z alpha + (1 - z) (1 - alpha)`. It is differentiable in the targets too.
    ///
    /// # Errors
    /// As [`Tensor::focal_loss`]; [`Error::Argument`](crate::Error::Argument) if alpha is not in
    /// `[0, 1]`, or gamma is negative or not finite.
    pub fn loss(&self, logits: &Tensor, targets: &Tensor) -> Result<Tensor> {
        let op = "focal_loss";
        let (positive, negative) = match self.alpha {
            Some(alpha) => (alpha, 1.0 - alpha),
            None => (1.0, 1.0),
        };
        Interval::Share.check(op, "alpha", positive)?;
        Interval::AtLeast0.check(op, "gamma", self.gamma)?;
        expect_one_shape(op, logits, targets)?;
        let (operands, reduction) = ([logits, targets], self.reduction);
        if self.gamma == 2.0 {
            let formula = focal_loss_of_squares::new(positive, negative);
            return reduced_formula(op, formula, operands, reduction);
        }
        let formula = focal_loss::new(positive, negative, self.gamma);
        reduced_formula(op, formula, operands, reduction)
    }
}

#[elementwise(kind = Loss, crate = "crate")]
fn focal_loss(x: Tensor, z: Tensor, positive: f64, negative: f64, gamma: f64) -> Tensor {
    let missed = z * sigmoid(-x) + (1.0 - z) * sigmoid(x);
    let weight = z * positive + (1.0 - z) * negative;
    weight * pow(missed, gamma) * self::bce_with_logits(x, z)
}

/// The loss for the usual gamma of 2, without a power of any exponent.
#[elementwise(kind = Loss, crate = "crate")]
fn focal_loss_of_squares(x: Tensor, z: Tensor, positive: f64, negative: f64) -> Tensor {
    let missed = z * sigmoid(-x) + (1.0 - z) * sigmoid(x);
    let weight = z * positive + (1.0 - z) * negative;
    weight * square(missed) * self::bce_with_logits(x, z)
}
