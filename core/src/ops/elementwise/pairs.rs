//! Functions of two or three tensors beyond arithmetic: logarithms of products and sums, extremes
//! that ignore NaN, interpolation, and sums of products.

use crate::autograd::Tensor;
use crate::error::Result;
use crate::ops::activation::rectifier::exact;
use cotangent_macros::elementwise;
use std::f64::consts::LN_2;

/// # Arithmetic
impl Tensor {
    /// Computes `self · ln other`, broadcast; 0 where `self` is 0, unless `other` is NaN. The
    /// derivatives where both are 0 are 0; PyTorch's by `other` is NaN there.
    ///
    /// # Errors
    /// [`Error::Shape`](crate::Error::Shape) if the shapes do not broadcast,
    /// [`Error::DType`](crate::Error::DType) if the dtypes differ.
    ///
    /// ```
    /// # use cotangent::Tensor;
    /// let y = Tensor::from([0.0f64, 2.0]).xlogy(&Tensor::from([0.0f64, 1.0]))?;
    /// assert_eq!(y.to_vec::<f64>()?, [0.0, 0.0]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn xlogy(&self, other: &Self) -> Result<Self> {
        xlogy(self, other)
    }

    /// Computes `ln(e^self + e^other)`, broadcast, without overflow. If both are the same infinity,
    /// so is the result, and the derivatives are NaN, as in PyTorch.
    ///
    /// # Errors
    /// As [`xlogy`](Self::xlogy).
    ///
    /// ```
    /// # use cotangent::Tensor;
    /// let y = Tensor::from([1e4f64]).logaddexp(&Tensor::from([1e4f64]))?;
    /// assert_eq!(y.to_vec::<f64>()?, [1e4 + 2f64.ln()]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn logaddexp(&self, other: &Self) -> Result<Self> {
        logaddexp(self, other, 1.0)
    }

    /// Computes `log₂(2^self + 2^other)`, broadcast, as [`logaddexp`](Self::logaddexp) does to
    /// base e.
    ///
    /// # Errors
    /// As [`xlogy`](Self::xlogy).
    ///
    /// ```
    /// # use cotangent::Tensor;
    /// let y = Tensor::from([1e4f64]).logaddexp2(&Tensor::from([1e4f64]))?;
    /// assert_eq!(y.to_vec::<f64>()?, [1e4 + 1.0]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn logaddexp2(&self, other: &Self) -> Result<Self> {
        logaddexp(self, other, LN_2)
    }

    /// Computes the larger of `self` and `other`, broadcast; the other one if one is NaN. Equal
    /// elements get half of the gradient each. [`maximum`](Self::maximum) keeps NaN.
    ///
    /// # Errors
    /// As [`xlogy`](Self::xlogy).
    ///
    /// ```
    /// # use cotangent::Tensor;
    /// let larger = Tensor::from([3.0f32, f32::NAN]).fmax(&Tensor::from([4.0f32, 5.0]))?;
    /// assert_eq!(larger.to_vec::<f32>()?, [4.0, 5.0]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn fmax(&self, other: &Self) -> Result<Self> {
        fmax(self, other, 1.0)
    }

    /// Computes the smaller of `self` and `other`, broadcast; the other one if one is NaN. Equal
    /// elements get half of the gradient each. [`minimum`](Self::minimum) keeps NaN.
    ///
    /// # Errors
    /// As [`xlogy`](Self::xlogy).
    ///
    /// ```
    /// # use cotangent::Tensor;
    /// let smaller = Tensor::from([3.0f32, f32::NAN]).fmin(&Tensor::from([4.0f32, 5.0]))?;
    /// assert_eq!(smaller.to_vec::<f32>()?, [3.0, 5.0]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn fmin(&self, other: &Self) -> Result<Self> {
        fmax(self, other, -1.0)
    }

    /// Interpolates between `self` (weight 0) and `end` (weight 1), broadcast:
    /// `self + weight (end - self)`. Both ends are exact. The weight is not limited to `[0, 1]`. A
    /// weight that is the same for all elements is a tensor with one element.
    ///
    /// # Errors
    /// As [`xlogy`](Self::xlogy).
    ///
    /// ```
    /// # use cotangent::Tensor;
    /// let (start, end) = (Tensor::from([1.0f32, 2.0]), Tensor::from([3.0f32, 6.0]));
    /// assert_eq!(start.lerp(&end, &Tensor::from(0.25f32))?.to_vec::<f32>()?, [1.5, 3.0]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn lerp(&self, end: &Self, weight: &Self) -> Result<Self> {
        lerp(self, end, weight)
    }

    /// Computes `self + value · a · b`, broadcast. PyTorch's default for the value is 1. The
    /// product `value · a` is computed first, which may overflow or underflow.
    ///
    /// # Errors
    /// As [`xlogy`](Self::xlogy).
    ///
    /// ```
    /// # use cotangent::Tensor;
    /// let [x, a, b] = [1.0f32, 2.0, 3.0].map(|number| Tensor::from([number]));
    /// assert_eq!(x.addcmul(&a, &b, 0.5)?.to_vec::<f32>()?, [4.0]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn addcmul(&self, a: &Self, b: &Self, value: f64) -> Result<Self> {
        addcmul(self, a, b, value)
    }

    /// Computes `self + value · a / b`, broadcast. PyTorch's default for the value is 1. The
    /// product `value · a` is computed first, which may overflow or underflow.
    ///
    /// # Errors
    /// As [`xlogy`](Self::xlogy).
    ///
    /// ```
    /// # use cotangent::Tensor;
    /// let [x, a, b] = [1.0f32, 3.0, 2.0].map(|number| Tensor::from([number]));
    /// assert_eq!(x.addcdiv(&a, &b, 2.0)?.to_vec::<f32>()?, [4.0]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn addcdiv(&self, a: &Self, b: &Self, value: f64) -> Result<Self> {
        addcdiv(self, a, b, value)
    }
}

#[elementwise(crate = "crate")]
#[derivative(
    a = if a == 0.0 && b <= 0.0 { 0.0 } else { ln(b) },
    b = if a == 0.0 && b == b { 0.0 } else { a / b },
)]
fn xlogy(a: Tensor, b: Tensor) -> Tensor {
    if a == 0.0 && b == b { 0.0 } else { a * ln(b) }
}

/// The logarithm to base e^unit of the sum of two of its powers.
#[elementwise(crate = "crate")]
#[derivative(a = sigmoid((a - b) * unit), b = sigmoid((b - a) * unit))]
fn logaddexp(a: Tensor, b: Tensor, unit: f64) -> Tensor {
    // The difference of equal infinities is NaN.
    let apart = if a == b { 0.0 } else { abs(a - b) };
    max(a, b) + exact::softplus(-apart * unit) * (1.0 / unit)
}

/// The larger number, or the smaller one for the sign -1.
#[elementwise(crate = "crate")]
#[derivative(
    a = if a == b { 0.5 } else if a * sign > b * sign || b != b { 1.0 } else { 0.0 },
    b = if a == b { 0.5 } else if a * sign > b * sign || b != b { 0.0 } else { 1.0 },
)]
fn fmax(a: Tensor, b: Tensor, sign: f64) -> Tensor {
    if a * sign >= b * sign || b != b { a } else { b }
}

#[elementwise(crate = "crate")]
#[derivative(start = 1.0 - weight, end = weight, weight = end - start)]
fn lerp(start: Tensor, end: Tensor, weight: Tensor) -> Tensor {
    let way = end - start;
    let rest = way * (1.0 - weight);
    // Infinity and NaN times 0 are NaN.
    let finite = start * 0.0 + end * 0.0 + weight * 0.0 == 0.0;
    if finite && rest * 0.0 != 0.0 {
        // A difference of finite numbers, or its multiple, is beyond the range.
        start * (1.0 - weight) + end * weight
    } else if abs(weight) < 0.5 {
        start + weight * way
    } else {
        end - rest
    }
}

#[elementwise(crate = "crate")]
fn addcmul(x: Tensor, a: Tensor, b: Tensor, value: f64) -> Tensor {
    x + a * value * b
}

#[elementwise(crate = "crate")]
fn addcdiv(x: Tensor, a: Tensor, b: Tensor, value: f64) -> Tensor {
    x + a * value / b
}
