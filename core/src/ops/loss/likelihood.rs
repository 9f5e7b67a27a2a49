//! Negative log-likelihoods of numbers under predicted distributions: normal and Poisson.

use crate::autograd::Tensor;
use crate::error::{Error, Interval, Result};
use crate::ops::loss::options::options;
use crate::ops::loss::reduction::{Reduction, expect_one_shape, expect_weight, reduced_formula};
use cotangent_macros::elementwise;
use std::f64::consts::TAU;

/// # Losses
impl Tensor {
    /// Returns the mean negative log-likelihood of targets t under normal distributions, a scalar:
    /// `(ln v + (t - m)² / v) / 2` with the predicted means m, which are `self`, and the predicted
    /// variances v (Nix, Weigend 1994, Estimating the Mean and Variance of the Target Probability
    /// Distribution). [`GaussianNllLoss`] has the options.
    ///
    /// # Errors
    /// [`Error::Shape`] if the target has another shape, the variances do not broadcast to it, or
    /// there are no elements; [`Error::DType`] if dtypes differ; [`Error::Argument`] if a variance
    /// is negative.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let (mean, target) = (Tensor::from([1.0f64, 4.0]), Tensor::from([3.0f64, 4.0]));
    /// let loss = mean.gaussian_nll_loss(&target, &Tensor::from([2.0f64, 1.0]))?;
    /// assert!((loss.item()? - (2f64.ln() + 2.0) / 4.0).abs() < 1e-15);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn gaussian_nll_loss(&self, target: &Self, variance: &Self) -> Result<Self> {
        GaussianNllLoss::new().loss(self, target, variance)
    }

    /// Returns the mean negative log-likelihood of counts t under Poisson distributions, without
    /// the part that depends on t alone, a scalar: `e^x - t x`, where `self` is x, the logarithms
    /// of the predicted rates. [`PoissonNllLoss`] has the options.
    ///
    /// # Errors
    /// As [`mse_loss`](Self::mse_loss).
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let loss = Tensor::from([0.0f64, 0.0]).poisson_nll_loss(&Tensor::from([3.0f64, 0.0]))?;
    /// assert_eq!(loss.item()?, 1.0);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn poisson_nll_loss(&self, target: &Self) -> Result<Self> {
        PoissonNllLoss::new().loss(self, target)
    }
}

options! {
    /// The negative log-likelihood under normal distributions, with options.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let (mean, target) = (Tensor::from([[1.0f64], [4.0]]), Tensor::from([[3.0f64], [4.0]]));
    /// let loss = GaussianNllLoss::new().full().reduction(Reduction::Sum);
    /// // One variance for all.
    /// let loss = loss.loss(&mean, &target, &Tensor::from(2.0f64))?;
    /// let expected = (4.0 * std::f64::consts::PI).ln() + 1.0;
    /// assert!((loss.item()? - expected).abs() < 1e-14);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    #[doc(alias = "GaussianNLLLoss")]
    #[derive(Clone, Copy, Debug)]
    pub struct GaussianNllLoss;

    /// Creates the loss without the constant and with an epsilon of 1e-6; it returns the mean.
    pub fn new();

    /// Adds the constant `ln(2π) / 2`.
    pub fn full();

    /// Sets the smallest variance. Smaller ones are raised to it.
    pub fn epsilon(epsilon: f64 = 1e-6);

    /// Sets the reduction of the losses of the elements.
    pub fn reduction(reduction: Reduction = Reduction::Mean);
}

impl GaussianNllLoss {
    /// Returns `(ln v + (t - m)² / v) / 2` for means m, targets t and variances v, reduced. The
    /// variances are broadcast to the shape of the means. The loss is differentiable in all three.
    /// The derivatives by a variance that was raised to epsilon are those at epsilon, not 0, as in
    /// PyTorch.
    ///
    /// # Errors
    /// As [`Tensor::gaussian_nll_loss`]; [`Error::Argument`] if epsilon is negative or not finite.
    pub fn loss(&self, mean: &Tensor, target: &Tensor, variance: &Tensor) -> Result<Tensor> {
        let op = "gaussian_nll_loss";
        Interval::AtLeast0.check(op, "epsilon", self.epsilon)?;
        expect_one_shape(op, mean, target)?;
        expect_weight(op, variance, mean)?;
        if variance.lt_scalar(0.0).any() {
            return Err(Error::argument(op, "a variance is negative"));
        }
        let constant = if self.full { 0.5 * TAU.ln() } else { 0.0 };
        let formula = gaussian_nll_loss::new(self.epsilon, constant);
        reduced_formula(op, formula, [mean, target, variance], self.reduction)
    }
}

options! {
    /// The negative log-likelihood under Poisson distributions, with options.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let (rates, counts) = (Tensor::from([1.0f64, 2.0]), Tensor::from([3.0f64, 0.0]));
    /// let loss = PoissonNllLoss::new().rates().reduction(Reduction::None);
    /// let losses = loss.loss(&rates, &counts)?.to_vec::<f64>()?;
    /// assert!((losses[0] - 1.0).abs() < 1e-7 && losses[1] == 2.0);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    #[doc(alias = "PoissonNLLLoss")]
    #[derive(Clone, Copy, Debug)]
    pub struct PoissonNllLoss;

    /// Creates the loss for logarithms of rates, without Stirling's term; it returns the mean.
    pub fn new();

    /// Takes the prediction as rates, not as their logarithms. In PyTorch it is
    /// `log_input=False`.
    #[doc(alias = "log_input")]
    pub fn rates();

    /// Adds `t ln t - t + ln(2πt) / 2` for targets t above 1: Stirling's approximation of `ln t!`.
    pub fn full();

    /// Sets the number that is added to rates before their logarithm is taken, 1e-8 by default.
    pub fn epsilon(epsilon: f64 = 1e-8);

    /// Sets the reduction of the losses of the elements.
    pub fn reduction(reduction: Reduction = Reduction::Mean);
}

impl PoissonNllLoss {
    /// Returns `e^x - t x` for logarithms x of rates, or `x - t ln(x + epsilon)` for rates x,
    /// reduced. It is differentiable in the targets t too.
    ///
    /// # Errors
    /// As [`Tensor::poisson_nll_loss`]; [`Error::Argument`] if epsilon is negative or not finite.
    pub fn loss(&self, prediction: &Tensor, target: &Tensor) -> Result<Tensor> {
        let op = "poisson_nll_loss";
        Interval::AtLeast0.check(op, "epsilon", self.epsilon)?;
        expect_one_shape(op, prediction, target)?;
        let operands = [prediction, target];
        let reduction = if self.full {
            Reduction::None
        } else {
            self.reduction
        };
        let losses = if self.rates {
            reduced_formula(
                op,
                poisson_nll_loss_of_rates::new(self.epsilon),
                operands,
                reduction,
            )?
        } else {
            reduced_formula(op, poisson_nll_loss::new(), operands, reduction)?
        };
        if self.full {
            return self.reduction.apply(op, &losses.add(&stirling(target))?);
        }
        Ok(losses)
    }
}

#[elementwise(kind = Loss, crate = "crate")]
#[derivative(
    x = (x - t) / raised(v, epsilon),
    t = (t - x) / raised(v, epsilon),
    v = {
        let v = raised(v, epsilon);
        let error = (x - t) / v;
        (1.0 / v - error * error) * 0.5
    },
)]
fn gaussian_nll_loss(x: Tensor, t: Tensor, v: Tensor, epsilon: f64, constant: f64) -> Tensor {
    let v = raised(v, epsilon);
    let error = x - t;
    (ln(v) + error * (error / v)) * 0.5 + constant
}

/// v, but at least a number. The derivative is 1 throughout.
#[elementwise(crate = "crate")]
#[derivative(v = 1.0)]
fn raised(v: Tensor, least: f64) -> Tensor {
    if v < least { least } else { v }
}

#[elementwise(kind = Loss, crate = "crate")]
fn poisson_nll_loss(x: Tensor, t: Tensor) -> Tensor {
    exp(x) - t * x
}

#[elementwise(kind = Loss, name = "poisson_nll_loss", crate = "crate")]
fn poisson_nll_loss_of_rates(x: Tensor, t: Tensor, epsilon: f64) -> Tensor {
    x - t * ln(x + epsilon)
}

/// Stirling's approximation of ln t! for t above 1, else 0.
#[elementwise(name = "poisson_nll_loss", crate = "crate")]
fn stirling(t: Tensor) -> Tensor {
    if t > 1.0 {
        t * ln(t) - t + ln(t * TAU) * 0.5
    } else {
        0.0
    }
}
