//! Losses of the distance between prediction and target, element by element: squared, absolute and
//! Huber's error.

use crate::autograd::Tensor;
use crate::error::{Interval, Result};
use crate::ops::elementwise::operation::Operation;
use crate::ops::loss::options::options;
use crate::ops::loss::reduction::{Reduction, expect_one_shape, reduced_formula};
use cotangent_macros::elementwise;

/// # Losses
impl Tensor {
    /// Returns the mean squared error, the mean of `(prediction - target)²`, a scalar.
    /// [`MseLoss`] has other reductions.
    ///
    /// # Errors
    /// [`Error::Shape`](crate::Error::Shape) if the target has another shape (a loss does not
    /// broadcast) or there are no elements, [`Error::DType`](crate::Error::DType) if it has another
    /// dtype.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let (prediction, target) = (Tensor::from([1.0f32, 4.0]), Tensor::from([2.0f32, 1.0]));
    /// assert_eq!(prediction.mse_loss(&target)?.item()?, 5.0);
    /// // A column and a row would give the differences of all pairs.
    /// assert!(prediction.unsqueeze(1)?.mse_loss(&target).is_err());
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn mse_loss(&self, target: &Self) -> Result<Self> {
        MseLoss::new().loss(self, target)
    }

    /// Returns the mean absolute error, the mean of `|prediction - target|`, a scalar. The
    /// derivative is 0 where the two are equal. [`L1Loss`] has other reductions.
    ///
    /// # Errors
    /// As [`mse_loss`](Self::mse_loss).
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let (prediction, target) = (Tensor::from([1.0f32, 4.0]), Tensor::from([2.0f32, 1.0]));
    /// assert_eq!(prediction.l1_loss(&target)?.item()?, 2.0);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn l1_loss(&self, target: &Self) -> Result<Self> {
        L1Loss::new().loss(self, target)
    }

    /// Returns the mean of Huber's loss (Huber 1964, Robust Estimation of a Location Parameter), a
    /// scalar. With the error `d = prediction - target` it is `d² / 2` if `|d| <= delta`, else
    /// `delta (|d| - delta / 2)`, whose slope is ±delta. [`HuberLoss`] has other reductions.
    ///
    /// PyTorch's `smooth_l1_loss` with a `beta` is this loss with `delta = beta`, divided by
    /// `beta`. For `delta = 1` the two are the same.
    ///
    /// # Errors
    /// As [`mse_loss`](Self::mse_loss); [`Error::Argument`](crate::Error::Argument) if `delta` is
    /// not above 0.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let (prediction, target) = (Tensor::from([1.0f32, 4.0]), Tensor::from([2.0f32, 1.0]));
    /// assert_eq!(prediction.huber_loss(&target, 1.0)?.item()?, 1.5);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    #[doc(alias = "smooth_l1_loss")]
    pub fn huber_loss(&self, target: &Self, delta: f64) -> Result<Self> {
        HuberLoss::new().delta(delta).loss(self, target)
    }
}

options! {
    /// The squared error with a choice of the reduction.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let (prediction, target) = (Tensor::from([1.0f32, 4.0]), Tensor::from([2.0f32, 1.0]));
    /// let squares = MseLoss::new().reduction(Reduction::None);
    /// assert_eq!(squares.loss(&prediction, &target)?.to_vec::<f32>()?, [1.0, 9.0]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    #[doc(alias = "MSELoss")]
    #[derive(Clone, Copy, Debug)]
    pub struct MseLoss;

    /// Creates the loss; it returns the mean.
    pub fn new();

    /// Sets the reduction of the losses of the elements.
    pub fn reduction(reduction: Reduction = Reduction::Mean);
}

impl MseLoss {
    /// Returns `(prediction - target)²`, reduced.
    ///
    /// # Errors
    /// As [`Tensor::mse_loss`].
    pub fn loss(&self, prediction: &Tensor, target: &Tensor) -> Result<Tensor> {
        reduced(mse_loss::new(), prediction, target, self.reduction)
    }
}

options! {
    /// The absolute error with a choice of the reduction.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let (prediction, target) = (Tensor::from([1.0f32, 4.0]), Tensor::from([2.0f32, 1.0]));
    /// let sum = L1Loss::new().reduction(Reduction::Sum);
    /// assert_eq!(sum.loss(&prediction, &target)?.item()?, 4.0);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    #[derive(Clone, Copy, Debug)]
    pub struct L1Loss;

    /// Creates the loss; it returns the mean.
    pub fn new();

    /// Sets the reduction of the losses of the elements.
    pub fn reduction(reduction: Reduction = Reduction::Mean);
}

impl L1Loss {
    /// Returns `|prediction - target|`, reduced.
    ///
    /// # Errors
    /// As [`Tensor::mse_loss`].
    pub fn loss(&self, prediction: &Tensor, target: &Tensor) -> Result<Tensor> {
        reduced(l1_loss::new(), prediction, target, self.reduction)
    }
}

options! {
    /// Huber's loss with a choice of the threshold and the reduction.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let (prediction, target) = (Tensor::from([1.0f32, 4.0]), Tensor::from([2.0f32, 1.0]));
    /// let losses = HuberLoss::new().delta(2.0).reduction(Reduction::None);
    /// assert_eq!(losses.loss(&prediction, &target)?.to_vec::<f32>()?, [0.5, 4.0]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    #[doc(alias = "SmoothL1Loss")]
    #[derive(Clone, Copy, Debug)]
    pub struct HuberLoss;

    /// Creates the loss with a `delta` of 1; it returns the mean.
    pub fn new();

    /// Sets the error above which the loss is linear, above 0.
    pub fn delta(delta: f64 = 1.0);

    /// Sets the reduction of the losses of the elements.
    pub fn reduction(reduction: Reduction = Reduction::Mean);
}

impl HuberLoss {
    /// Returns Huber's loss, reduced; [`Tensor::huber_loss`] has the formula.
    ///
    /// # Errors
    /// As [`Tensor::huber_loss`].
    pub fn loss(&self, prediction: &Tensor, target: &Tensor) -> Result<Tensor> {
        Interval::Bound.check("huber_loss", "delta", self.delta)?;
        reduced(
            huber_loss::new(self.delta),
            prediction,
            target,
            self.reduction,
        )
    }
}

/// Computes a loss of elements and reduces it.
pub(crate) fn reduced<E: Operation<2>>(
    formula: E,
    prediction: &Tensor,
    target: &Tensor,
    reduction: Reduction,
) -> Result<Tensor> {
    expect_one_shape(E::NAME, prediction, target)?;
    reduced_formula(E::NAME, formula, [prediction, target], reduction)
}

#[elementwise(kind = Loss, crate = "crate")]
fn mse_loss(a: Tensor, b: Tensor) -> Tensor {
    square(a - b)
}

#[elementwise(kind = Loss, crate = "crate")]
fn l1_loss(a: Tensor, b: Tensor) -> Tensor {
    abs(a - b)
}

/// x, limited to ±bound. The derivative at the bounds is 0.
#[elementwise(crate = "crate")]
fn within(x: Tensor, bound: f64) -> Tensor {
    if x >= bound {
        bound
    } else if x <= -bound {
        -bound
    } else {
        x
    }
}

/// The derivatives are the error, limited to ±delta.
#[elementwise(kind = Loss, crate = "crate")]
#[derivative(a = within(a - b, delta), b = within(b - a, delta))]
fn huber_loss(a: Tensor, b: Tensor, delta: f64) -> Tensor {
    // Halving changes no digit; the error itself or its square may overflow.
    let half = abs(a * 0.5 - b * 0.5);
    let linear = (half - 0.25 * delta) * (2.0 * delta);
    if half <= 0.5 * delta {
        half * (half * 2.0)
    } else {
        linear
    }
}
