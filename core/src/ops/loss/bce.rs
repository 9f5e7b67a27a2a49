//! Binary cross-entropy of probabilities.

use crate::autograd::Tensor;
use crate::error::{Error, Result};
use crate::kernel::Float;
use crate::ops::loss::options::options;
use crate::ops::loss::reduction::{
    Reduction, expect_one_shape, expect_weight, reduced_formula, weighted,
};
use crate::tensor::with_dtype;
use cotangent_macros::elementwise;

/// # Losses
impl Tensor {
    /// Returns the mean binary cross-entropy of probabilities p with targets z, a scalar:
    /// `-z ln p - (1 - z) ln(1 - p)`. The targets are between 0 and 1, and may be soft. As in
    /// PyTorch, no logarithm is below -100, so that the loss is finite for a probability of 0 or 1.
    /// [`BceLoss`] has the options. [`bce_with_logits`](Self::bce_with_logits) takes logits, and
    /// loses no digits of probabilities near 1.
    ///
    /// # Errors
    /// As [`mse_loss`](Self::mse_loss); [`Error::Argument`] if a probability is not in `[0, 1]`.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let loss = Tensor::from([0.5f64, 0.0]).bce_loss(&Tensor::from([1.0f64, 1.0]))?;
    /// assert_eq!(loss.item()?, (2f64.ln() + 100.0) / 2.0);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    #[doc(alias = "binary_cross_entropy")]
    pub fn bce_loss(&self, targets: &Self) -> Result<Self> {
        BceLoss::new().loss(self, targets)
    }
}

options! {
    /// Binary cross-entropy of probabilities with targets between 0 and 1, with options.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let probabilities = Tensor::from([[0.5f64, 0.5], [0.5, 0.5]]);
    /// let targets = Tensor::from([[1.0f64, 0.0], [0.0, 1.0]]);
    /// let loss = BceLoss::new()
    ///     .class_weights(&Tensor::from([3.0f64, 5.0]))
    ///     .reduction(Reduction::Sum)
    ///     .loss(&probabilities, &targets)?;
    /// assert!((loss.item()? - 16.0 * 2f64.ln()).abs() < 1e-14);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    #[doc(alias = "BCELoss")]
    #[derive(Clone, Debug)]
    pub struct BceLoss;

    /// Creates the loss: all weights are 1, and the result is the mean.
    pub fn new();

    /// Sets the weight of each class of the last axis, `(classes)`. Any shape that broadcasts to
    /// that of the probabilities is allowed: `(samples, 1)` sets the weights of the samples. The
    /// mean divides by the number of elements, not by the sum of the weights, as in PyTorch. No
    /// gradient flows to the weights.
    #[doc(alias = "weight")]
    pub fn class_weights(weights: &Tensor);

    /// Sets the reduction of the losses of the elements.
    pub fn reduction(reduction: Reduction = Reduction::Mean);
}

impl BceLoss {
    /// Returns `-weight (z max(ln p, -100) + (1 - z) max(ln(1 - p), -100))` for each probability p
    /// and target z, reduced. It is differentiable in the targets too.
    ///
    /// The derivative by p is `(p - z) / max(p (1 - p), 1e-12)`, as in PyTorch: finite at 0 and 1.
    ///
    /// # Errors
    /// [`Error::Shape`] if the targets have another shape than the probabilities (a loss does not
    /// broadcast), if the weight does not broadcast to that shape, or if there is no element for a
    /// mean; [`Error::DType`] if dtypes differ; [`Error::Argument`] if a probability is not in
    /// `[0, 1]`.
    pub fn loss(&self, probabilities: &Tensor, targets: &Tensor) -> Result<Tensor> {
        let op = "bce_loss";
        expect_one_shape(op, probabilities, targets)?;
        expect_probabilities(op, probabilities)?;
        let Some(weight) = &self.class_weights else {
            let operands = [probabilities, targets];
            return reduced_formula(op, bce_loss::new(), operands, self.reduction);
        };
        expect_weight(op, weight, probabilities)?;
        let losses = bce_loss(probabilities, targets)?;
        self.reduction.apply(op, &weighted(&losses, weight)?)
    }
}

/// Fails unless all elements are in [0, 1].
fn expect_probabilities(op: &'static str, x: &Tensor) -> Result<()> {
    let wrong = with_dtype!(x.dtype(), F => {
        let xs = &*x.array().contiguous::<F>();
        let place = xs.iter().position(|x| !(0.0..=1.0).contains(x));
        place.map(|place| (place, Float::to_f64(xs[place])))
    });
    let Some((place, found)) = wrong else {
        return Ok(());
    };
    let reason = format!("expected probabilities in [0, 1], found {found} at element {place}");
    Err(Error::argument(op, reason))
}

/// The binary cross-entropy of a probability p and a target z.
#[elementwise(kind = Loss, crate = "crate")]
#[derivative(
    p = (p - z) / max((1.0 - p) * p, 1e-12),
    z = max(ln_1p(-p), -100.0) - max(ln(p), -100.0),
)]
fn bce_loss(p: Tensor, z: Tensor) -> Tensor {
    (z - 1.0) * max(ln_1p(-p), -100.0) - z * max(ln(p), -100.0)
}
