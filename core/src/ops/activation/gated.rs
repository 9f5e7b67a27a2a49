//! Activation functions that multiply x by a gate between 0 and 1 that depends on x, and piecewise
//! linear approximations of smooth ones. First derivatives at the kinks are PyTorch's.
//!
//! At ±∞ all functions and their derivatives are the limits. PyTorch's are NaN if a gate of 0 meets
//! an infinite x.

use crate::autograd::Tensor;
use crate::ops::elementwise::functions::functions;
use cotangent_macros::elementwise;
use std::f64::consts::{FRAC_1_SQRT_2, FRAC_2_SQRT_PI};

/// The size of x from which the smooth gates are 0 (below) or 1 (above) in either dtype. x is
/// limited to it, so that no infinite x is multiplied by a gate or a slope of 0.
const CLOSED: f64 = 1000.0;
/// √(2/π).
const SQRT_2_OVER_PI: f64 = FRAC_1_SQRT_2 * FRAC_2_SQRT_PI;
/// 1/√(2π), the normal density at 0.
const DENSITY: f64 = 0.5 * SQRT_2_OVER_PI;
/// The cubic term of [`Tensor::gelu_tanh`].
const CUBIC: f64 = 0.044715;

functions! { "# Activations" Activation:
    /// Computes the Gaussian error linear unit `x Φ(x)`, with Φ the distribution function of a
    /// standard normal variable (Hendrycks, Gimpel 2016, Gaussian Error Linear Units).
    /// [`gelu_tanh`](Self::gelu_tanh) approximates it.
    ///
    /// Far below 0 the result keeps its digits; PyTorch subtracts the error function from 1 and
    /// loses them. At -∞ the result is 0; in PyTorch it is NaN.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let y = Tensor::from([0.0f64, 1e4, -10.0]).gelu().to_vec::<f64>()?;
    /// assert_eq!(y[..2], [0.0, 1e4]);
    /// assert!((y[2] / -7.619_853_024_160_526e-23 - 1.0).abs() < 1e-13);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn gelu(x) = {
        let x = max(x, -CLOSED);
        x * normal_distribution(x)
    } derivative {
        let x = min(max(x, -CLOSED), CLOSED);
        let density = exp(x * x * -0.5) * DENSITY;
        normal_distribution(x) + x * density
    }

    /// Approximates [`gelu`](Self::gelu) with the hyperbolic tangent: `x/2 (1 + tanh u)` with
    /// `u = √(2/π) (x + 0.044715 x³)` (Hendrycks, Gimpel 2016, Gaussian Error Linear Units). In
    /// PyTorch it is `gelu(x, approximate="tanh")`.
    ///
    /// The derivative is finite even if x² overflows, and the result at -∞ is 0; PyTorch's are NaN.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let y = Tensor::from([0.0f64, 1e4, -1e4]).gelu_tanh().to_vec::<f64>()?;
    /// assert_eq!(y, [0.0, 1e4, 0.0]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn gelu_tanh(x) = {
        // (1 + tanh u) / 2 = sigmoid 2u, whose small values keep their digits.
        let x = max(x, -CLOSED);
        x * sigmoid(tanh_gate(x))
    } derivative {
        let x = min(max(x, -CLOSED), CLOSED);
        let gate = sigmoid(tanh_gate(x));
        let slope = x * x * (6.0 * CUBIC * SQRT_2_OVER_PI) + 2.0 * SQRT_2_OVER_PI;
        gate + x * (gate * (1.0 - gate) * slope)
    }

    /// Computes the sigmoid linear unit `x sigmoid(x)`, also known as swish (Hendrycks, Gimpel
    /// 2016, Gaussian Error Linear Units; Elfwing, Uchibe, Doya 2017, Sigmoid-Weighted Linear Units
    /// for Neural Network Function Approximation in Reinforcement Learning; Ramachandran, Zoph, Le
    /// 2017, Searching for Activation Functions). At -∞ it is 0; in PyTorch it is NaN.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// assert_eq!(Tensor::from([0.0f32, 1e4, -1e4]).silu().to_vec::<f32>()?, [0.0, 1e4, 0.0]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    #[doc(alias = "swish")]
    pub fn silu(x) = {
        let x = max(x, -CLOSED);
        x * sigmoid(x)
    } derivative {
        let x = min(max(x, -CLOSED), CLOSED);
        let gate = sigmoid(x);
        gate * (x * (1.0 - gate) + 1.0)
    }

    /// Computes `x tanh(softplus(x))` (Misra 2019, Mish: A Self Regularized Non-Monotonic
    /// Activation Function). At -∞ it is 0; in PyTorch it is NaN.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// assert_eq!(Tensor::from([0.0f32, 1e4, -1e4]).mish().to_vec::<f32>()?, [0.0, 1e4, 0.0]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn mish(x) = {
        // With e = e^x, tanh(ln(1 + e)) = n / (n + 2) for n = e (e + 2).
        let x = max(x, -CLOSED);
        let e = exp(min(x, MISH_OPEN));
        let n = e * (e + 2.0);
        x * (n / (n + 2.0))
    } derivative {
        let x = min(max(x, -CLOSED), CLOSED);
        let e = exp(min(x, MISH_OPEN));
        let n = e * (e + 2.0);
        let slope = e * (e + 1.0) * 4.0 / (n + 2.0) / (n + 2.0);
        n / (n + 2.0) + x * if x > MISH_OPEN { 0.0 } else { slope }
    }

    /// Computes a piecewise linear [`sigmoid`](Self::sigmoid): `(x + 3) / 6` limited to `[0, 1]`
    /// (Howard, Sandler, Chu, Chen, Chen, Tan, Wang, Zhu, Pang, Vasudevan, Le, Adam 2019, Searching
    /// for `MobileNetV3`; after Courbariaux, Bengio, David 2015, `BinaryConnect`: Training Deep
    /// Neural Networks with Binary Weights during Propagations). The derivative at -3 and 3 is 0.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let y = Tensor::from([-4.0f32, 0.0, 3.0]).hard_sigmoid();
    /// assert_eq!(y.to_vec::<f32>()?, [0.0, 0.5, 1.0]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    #[doc(alias = "hardsigmoid")]
    pub fn hard_sigmoid(x) = { clamp((x + 3.0) / 6.0, 0.0, 1.0) } derivative {
        if x > -3.0 && x < 3.0 { 1.0 / 6.0 } else { 0.0 }
    }

    /// Computes x times [`hard_sigmoid`](Self::hard_sigmoid), a piecewise quadratic
    /// [`silu`](Self::silu) (Howard, Sandler, Chu, Chen, Chen, Tan, Wang, Zhu, Pang, Vasudevan, Le,
    /// Adam 2019, Searching for `MobileNetV3`). The derivative is 0 at -3 and 1 at 3. At -∞ the
    /// result is 0; in PyTorch it is NaN.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let y = Tensor::from([-4.0f32, -1.5, 5.0]).hard_swish();
    /// assert_eq!(y.to_vec::<f32>()?, [0.0, -0.375, 5.0]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    #[doc(alias = "hardswish")]
    pub fn hard_swish(x) = { max(x, -3.0) * clamp((x + 3.0) / 6.0, 0.0, 1.0) } derivative {
        if x <= -3.0 {
            0.0
        } else if x >= 3.0 {
            1.0
        } else {
            x / 3.0 + 0.5
        }
    }
}

/// # Activations
impl Tensor {
    /// Limits x to `[-1, 1]`, a piecewise linear [`tanh`](Self::tanh) (Collobert 2004, Large Scale
    /// Machine Learning). The derivative at -1 and 1 is 0. [`clamp`](Self::clamp) takes other
    /// limits.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let y = Tensor::from([-4.0f32, 0.25, 1.5]).hard_tanh();
    /// assert_eq!(y.to_vec::<f32>()?, [-1.0, 0.25, 1.0]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    #[doc(alias = "hardtanh")]
    pub fn hard_tanh(&self) -> Self {
        hard_tanh(self)
    }

    /// Limits x to `[0, 6]` (Krizhevsky 2010, Convolutional Deep Belief Networks on CIFAR-10). The
    /// derivative at 0 and 6 is 0.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// assert_eq!(Tensor::from([-4.0f32, 0.25, 7.0]).relu6().to_vec::<f32>()?, [0.0, 0.25, 6.0]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn relu6(&self) -> Self {
        relu6(self)
    }
}

#[doc(hidden)]
#[elementwise(kind = Activation, crate = "crate")]
pub fn hard_tanh(x: Tensor) -> Tensor {
    clamp(x, -1.0, 1.0)
}

#[doc(hidden)]
#[elementwise(kind = Activation, crate = "crate")]
pub fn relu6(x: Tensor) -> Tensor {
    clamp(x, 0.0, 6.0)
}

/// Φ(x), the probability that a standard normal variable is below x.
#[elementwise(crate = "crate")]
fn normal_distribution(x: Tensor) -> Tensor {
    erfc(x * -FRAC_1_SQRT_2) * 0.5
}

/// 2u for the gate sigmoid 2u of [`Tensor::gelu_tanh`].
#[elementwise(crate = "crate")]
fn tanh_gate(x: Tensor) -> Tensor {
    x * (x * x * (2.0 * CUBIC * SQRT_2_OVER_PI) + 2.0 * SQRT_2_OVER_PI)
}

/// The threshold above which mish is the identity to the last digit; the square of e^x is finite
/// there.
const MISH_OPEN: f64 = 40.0;

#[cfg(test)]
mod tests {
    use crate::{DType, Result, Tensor};

    type Function = fn(&Tensor) -> Tensor;

    /// Returns f and its derivative at x.
    fn both(f: Function, x: f64, dtype: DType) -> Result<[f64; 2]> {
        let x = Tensor::from(x).to_dtype(dtype).tracked();
        let y = f(&x);
        let grads = y.backward()?;
        Ok([y.item()?, grads.get(&x).map_or(Ok(f64::NAN), Tensor::item)?])
    }

    /// The references have 60 digits; PyTorch loses digits here.
    #[test]
    fn values_far_below_0_keep_their_digits() -> Result<()> {
        let cases: [(Function, f64, [f64; 2]); 4] = [
            (
                Tensor::gelu,
                -10.0,
                [-7.619853024160526e-23, -7.618400096464814e-22],
            ),
            (
                Tensor::gelu,
                -5.5,
                [-1.0444259356238245e-07, -5.733472398739924e-07],
            ),
            (
                Tensor::gelu_tanh,
                -6.0,
                [-8.439646700762303e-11, -7.709973930953701e-10],
            ),
            (
                Tensor::mish,
                -60.0,
                [-5.253906457617913e-25, -5.166341349990947e-25],
            ),
        ];
        for (f, x, expected) in cases {
            for (dtype, relative) in [(DType::F64, 1e-13), (DType::F32, 3e-5)] {
                for (found, expected) in both(f, x, dtype)?.into_iter().zip(expected) {
                    assert!(
                        (found / expected - 1.0).abs() < relative,
                        "{dtype} at {x}: {found:e}, expected {expected:e}"
                    );
                }
            }
        }
        Ok(())
    }

    #[test]
    fn large_operands_give_the_limits() -> Result<()> {
        let functions: [Function; 5] = [
            Tensor::gelu,
            Tensor::gelu_tanh,
            Tensor::silu,
            Tensor::mish,
            Tensor::hard_swish,
        ];
        for f in functions {
            for (dtype, size) in [(DType::F32, 1e30), (DType::F32, 3e38), (DType::F64, 1e308)] {
                let x = Tensor::from(size).to_dtype(dtype).item()?;
                assert_eq!(both(f, x, dtype)?, [x, 1.0]);
                assert_eq!(both(f, -x, dtype)?, [0.0, 0.0]);
            }
        }
        Ok(())
    }
}
