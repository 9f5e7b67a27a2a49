//! The Kullback-Leibler divergence of predicted from given probabilities.

use crate::autograd::Tensor;
use crate::error::Result;
use crate::ops::loss::distance::reduced;
use crate::ops::loss::options::options;
use crate::ops::loss::reduction::Reduction;
use cotangent_macros::elementwise;

/// # Losses
impl Tensor {
    /// Returns the mean of the terms `t (ln t - x)` of the Kullback-Leibler divergence, a scalar.
    /// `self` is x, the logarithms of the predicted probabilities, as
    /// [`log_softmax`](Self::log_softmax) returns them. The target t is probabilities (Kullback,
    /// Leibler 1951, On Information and Sufficiency).
    ///
    /// **The mean is over all elements, as in PyTorch.** For a batch `(samples, classes)` that is
    /// the divergence divided by the number of classes. PyTorch's documentation advises the
    /// reduction `batchmean` for the mean divergence of the samples; here it is
    /// [`Reduction::BatchMean`] of [`KlDivLoss`].
    ///
    /// # Errors
    /// As [`mse_loss`](Self::mse_loss).
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let predicted = Tensor::from([[0.5f64, 0.5], [0.25, 0.75]]).ln();
    /// let target = Tensor::from([[1.0f64, 0.0], [0.25, 0.75]]);
    /// // One sample diverges by ln 2; there are four elements and two samples.
    /// let mean = predicted.kl_div(&target)?;
    /// assert!((mean.item()? - 2f64.ln() / 4.0).abs() < 1e-15);
    /// let loss = KlDivLoss::new().reduction(Reduction::BatchMean);
    /// let divergence = loss.loss(&predicted, &target)?;
    /// assert!((divergence.item()? - 2f64.ln() / 2.0).abs() < 1e-15);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    #[doc(alias = "loss")]
    #[doc(alias = "kl_div_loss")]
    pub fn kl_div(&self, target: &Self) -> Result<Self> {
        KlDivLoss::new().loss(self, target)
    }

    /// Returns the mean of the terms `e^t (t - x)`: [`kl_div`](Self::kl_div) with the logarithms t
    /// of the target's probabilities. In PyTorch it is `kl_div` with `log_target=True`.
    ///
    /// # Errors
    /// As [`mse_loss`](Self::mse_loss).
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let predicted = Tensor::from([[0.5f64, 0.5]]).ln();
    /// let target = Tensor::from([[1.0f64, 0.0]]).ln();
    /// let mean = predicted.kl_div_log_target(&target)?;
    /// assert!((mean.item()? - 2f64.ln() / 2.0).abs() < 1e-15);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    #[doc(alias = "loss")]
    #[doc(alias = "kl_div_loss")]
    pub fn kl_div_log_target(&self, log_target: &Self) -> Result<Self> {
        KlDivLoss::new().log_target().loss(self, log_target)
    }
}

options! {
    /// The Kullback-Leibler divergence with a choice of the target and the reduction.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let predicted = Tensor::from([[0.5f64, 0.5], [0.25, 0.75]]).ln();
    /// let target = Tensor::from([[1.0f64, 0.0], [0.25, 0.75]]);
    /// let loss = KlDivLoss::new().reduction(Reduction::BatchMean);
    /// let divergence = loss.loss(&predicted, &target)?.item()?;
    /// assert!((divergence - 2f64.ln() / 2.0).abs() < 1e-15);
    /// assert_eq!(loss.log_target().loss(&predicted, &target.ln())?.item()?, divergence);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    #[doc(alias = "KLDivLoss")]
    #[doc(alias = "kl_div_loss")]
    #[derive(Clone, Copy, Debug)]
    pub struct KlDivLoss;

    /// Creates the loss for a target of probabilities; it returns the mean over all elements.
    pub fn new();

    /// Takes the target as logarithms of probabilities.
    pub fn log_target();

    /// Sets the reduction of the terms. [`Reduction::BatchMean`] gives the mean divergence of
    /// `(samples, classes)`, [`Reduction::Mean`] divides by the number of classes too.
    pub fn reduction(reduction: Reduction = Reduction::Mean);
}

impl KlDivLoss {
    /// Returns the terms `t (ln t - x)`, or `e^t (t - x)` for logarithms t, reduced. x are the
    /// logarithms of the predicted probabilities. The terms are differentiable in both.
    ///
    /// A target of 0 contributes 0 to the loss and to the gradients, even if the prediction is -∞.
    /// In PyTorch the gradient of such a target is NaN, and with a prediction of -∞ the loss is
    /// NaN too. The same holds for a logarithm whose `e^t` is 0. A prediction of NaN gives NaN.
    ///
    /// # Errors
    /// As [`Tensor::mse_loss`].
    pub fn loss(&self, log_prediction: &Tensor, target: &Tensor) -> Result<Tensor> {
        if self.log_target {
            reduced(
                kl_div_of_logarithms::new(),
                log_prediction,
                target,
                self.reduction,
            )
        } else {
            reduced(kl_div::new(), log_prediction, target, self.reduction)
        }
    }
}

/// A term of the divergence, t (ln t - x), of a predicted logarithm x and a target t.
#[elementwise(kind = Loss, crate = "crate")]
#[derivative(x = -t, t = if t == 0.0 { nothing(x) } else { ln(t) - x + 1.0 })]
fn kl_div(x: Tensor, t: Tensor) -> Tensor {
    if t == 0.0 {
        nothing(x)
    } else {
        t * (ln(t) - x)
    }
}

/// A term of the divergence for the logarithm t of a target, e^t (t - x).
#[elementwise(kind = Loss, name = "kl_div", crate = "crate")]
#[derivative(
    x = -exp(t),
    t = {
        let probability = exp(t);
        if probability == 0.0 { nothing(x) } else { probability * (t - x + 1.0) }
    },
)]
fn kl_div_of_logarithms(x: Tensor, t: Tensor) -> Tensor {
    let probability = exp(t);
    if probability == 0.0 {
        nothing(x)
    } else {
        probability * (t - x)
    }
}

/// 0, or NaN if x is NaN.
#[elementwise(crate = "crate")]
fn nothing(x: Tensor) -> Tensor {
    if x == x { 0.0 } else { x }
}
