//! Activation functions that shrink x towards 0 or cut it off, and softplus with its scale. First
//! derivatives at the kinks are PyTorch's.

use crate::autograd::Tensor;
use crate::error::{Error, Interval, Result};
use crate::ops::activation::rectifier::exact;
use crate::ops::elementwise::functions::functions;
use cotangent_macros::elementwise;

functions! { "# Activations" Activation:
    /// Computes `x / (1 + |x|)` (Bergstra, Desjardins, Lamblin, Bengio 2009, Quadratic Polynomials
    /// Learn Better Image Features). At ±∞ it is ±1; in PyTorch it is NaN.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let y = Tensor::from([-1.0f32, 3.0, f32::INFINITY]).softsign();
    /// assert_eq!(y.to_vec::<f32>()?, [-0.5, 0.75, 1.0]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn softsign(x) = {
        let x = min(max(x, -FLAT), FLAT);
        x / (abs(x) + 1.0)
    } derivative { square(1.0 / (abs(x) + 1.0)) }

    /// Computes `x - tanh x` to within 3 units in the last place. Near 0, where it is about x³/3,
    /// PyTorch's difference loses all digits.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let y = Tensor::from([1e-4f64, -2.0]).tanh_shrink().to_vec::<f64>()?;
    /// assert!((y[0] / 3.33333332e-13 - 1.0).abs() < 1e-9);
    /// assert_eq!(y[1], -2.0 + 2f64.tanh());
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    #[doc(alias = "tanhshrink")]
    pub fn tanh_shrink(x) = {
        // The continued fraction of tanh, cut off after ten parts.
        let u = x * x;
        let above = (((u + 1430.0) * u + 289575.0) * u + 16081065.0) * u + 218243025.0;
        let below = ((((u + 1485.0) * u + 315315.0) * u + 18918900.0) * u + 310134825.0) * u
            + 654729075.0;
        if abs(x) < 1.25 { x * (u * above / below) } else { x - tanh(x) }
    } derivative { square(tanh(x)) }
}

/// The size of x from which softsign is 1 in either dtype.
const FLAT: f64 = 1e30;

/// # Activations
impl Tensor {
    /// Computes `x` if `|x| > lambda`, else 0. PyTorch's default for lambda is 0.5. The derivative
    /// at ±lambda and for NaN is 0.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let y = Tensor::from([-1.0f32, 0.25, 0.5, 0.75]).hard_shrink(0.5);
    /// assert_eq!(y.to_vec::<f32>()?, [-1.0, 0.0, 0.0, 0.75]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    #[doc(alias = "hardshrink")]
    #[track_caller]
    pub fn hard_shrink(&self, lambda: f64) -> Self {
        shrink(self, lambda, 0.0)
    }

    /// Moves x towards 0 by `lambda`: `x - lambda` if `x > lambda`, `x + lambda` if `x < -lambda`,
    /// else 0. It is the proximal operator of `lambda |x|`, also known as soft thresholding
    /// (Donoho, Johnstone 1994, Ideal Spatial Adaptation by Wavelet Shrinkage). PyTorch's default
    /// for lambda is 0.5. The derivative at ±lambda and for NaN is 0.
    ///
    /// # Errors
    /// [`Error::Argument`] if lambda is negative or not finite.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let y = Tensor::from([-1.0f32, 0.25, 0.75]).soft_shrink(0.5)?;
    /// assert_eq!(y.to_vec::<f32>()?, [-0.5, 0.0, 0.25]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    #[doc(alias = "softshrink")]
    #[doc(alias = "soft_threshold")]
    pub fn soft_shrink(&self, lambda: f64) -> Result<Self> {
        Interval::AtLeast0.check("soft_shrink", "lambda", lambda)?;
        Ok(shrink(self, lambda, lambda))
    }

    /// Computes `x` if `x > threshold`, else `value`. The derivative at the threshold is 0.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let y = Tensor::from([-1.0f32, 0.5, 2.0]).threshold(0.5, 7.0);
    /// assert_eq!(y.to_vec::<f32>()?, [7.0, 7.0, 2.0]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    #[track_caller]
    pub fn threshold(&self, threshold: f64, value: f64) -> Self {
        threshold_at(self, threshold, value)
    }

    /// Computes `ln(1 + e^(beta x)) / beta`, which is x where `beta x` is above the threshold.
    /// [`softplus`](Self::softplus) has PyTorch's defaults, a beta of 1 and a threshold of 20.
    ///
    /// # Errors
    /// [`Error::Argument`] if beta is 0 or not finite, or the threshold is NaN.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let y = Tensor::from([0.0f64, 3.0]).softplus_with(2.0, 5.0)?;
    /// assert_eq!(y.to_vec::<f64>()?, [2f64.ln() / 2.0, 3.0]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn softplus_with(&self, beta: f64, threshold: f64) -> Result<Self> {
        if beta == 0.0 || !beta.is_finite() {
            let reason = format!("beta must be finite and not 0, found {beta}");
            return Err(Error::argument("softplus_with", reason));
        }
        if threshold.is_nan() {
            return Err(Error::argument("softplus_with", "the threshold is NaN"));
        }
        Ok(softplus_with(self, beta, threshold))
    }
}

/// x beyond ±lambda, moved towards 0, else 0. NaN stays NaN.
#[elementwise(kind = Activation, crate = "crate")]
#[derivative(x = if abs(x) > lambda { 1.0 } else { 0.0 })]
fn shrink(x: Tensor, lambda: f64, shift: f64) -> Tensor {
    let moved = if x > 0.0 { x - shift } else { x + shift };
    if abs(x) <= lambda { 0.0 } else { moved }
}

#[elementwise(kind = Activation, name = "threshold", crate = "crate")]
fn threshold_at(x: Tensor, threshold: f64, value: f64) -> Tensor {
    if x <= threshold { value } else { x }
}

#[elementwise(kind = Activation, crate = "crate")]
#[derivative(x = if x * beta > threshold { 1.0 } else { sigmoid(x * beta) })]
fn softplus_with(x: Tensor, beta: f64, threshold: f64) -> Tensor {
    let scaled = x * beta;
    if scaled > threshold {
        x
    } else {
        exact::softplus(scaled) / beta
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::DType;

    /// The expected values are those of mpmath.
    #[test]
    fn x_minus_its_tanh_keeps_its_digits() -> Result<()> {
        for (x, expected) in [
            (1e-05, 3.333333333200001e-16),
            (0.1, 0.00033200537504418296),
            (0.7, 0.09563222288283649),
            (1.2, 0.3663453929878447),
            (1.249, 0.40099701288833434),
            (1.251, 0.40243618293935185),
            (2.0, 1.035972419924183),
            (5.0, 4.000090795737405),
        ] {
            for (dtype, epsilon) in [(DType::F64, f64::EPSILON), (DType::F32, 1.2e-7)] {
                let found = Tensor::from(x).to_dtype(dtype).tanh_shrink().item()?;
                // The argument was rounded too, which the cube multiplies by 3.
                let allowed = if dtype == DType::F64 { 3.0 } else { 5.0 } * epsilon * expected;
                assert!(
                    (found - expected).abs() <= allowed,
                    "{x}: {found:e}, expected {expected:e}"
                );
            }
        }
        Ok(())
    }

    #[test]
    fn options_out_of_range_are_errors() {
        let x = Tensor::from([1.0f32]);
        for lambda in [-0.5, f64::NAN, f64::INFINITY] {
            assert!(x.soft_shrink(lambda).is_err(), "{lambda}");
        }
        for (beta, threshold) in [(0.0, 20.0), (f64::NAN, 20.0), (1.0, f64::NAN)] {
            let error = x.softplus_with(beta, threshold).unwrap_err().to_string();
            assert!(error.starts_with("softplus_with: "), "{error}");
        }
    }
}
