//! Activation functions: rectifiers and sigmoids. First derivatives at the kinks are PyTorch's.
//! Second derivatives there are those of the side that the first is taken from; PyTorch's are 0.

use crate::autograd::Tensor;
use crate::error::{Error, Result};
use crate::ops::elementwise::functions::functions;
use crate::ops::elementwise::operation::apply_one;
use crate::ops::random::noise;
use cotangent_macros::elementwise;
use smallvec::{SmallVec, smallvec};

/// SELU's alpha and scale (Klambauer, Unterthiner, Mayr, Hochreiter 2017, Self-Normalizing Neural
/// Networks).
pub(crate) const SELU_ALPHA: f64 = 1.6732632423543772;
pub(crate) const SELU_SCALE: f64 = 1.0507009873554805;

functions! { "# Activations" Activation:
    /// Computes the rectified linear unit `max(x, 0)` (Nair, Hinton 2010, Rectified Linear Units
    /// Improve Restricted Boltzmann Machines). The derivative at 0 is 0. NaN stays NaN.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// assert_eq!(Tensor::from([-1.0f32, 2.0]).relu().to_vec::<f32>()?, [0.0, 2.0]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn relu(x) = { if x < 0.0 { 0.0 } else { x } } derivative {
        if result <= 0.0 { 0.0 } else { 1.0 }
    }

    /// Computes the scaled exponential linear unit `1.0507 elu(x, 1.6733)` (Klambauer,
    /// Unterthiner, Mayr, Hochreiter 2017, Self-Normalizing Neural Networks). With standardized
    /// inputs and LeCun normal weights, each layer of a sequential net keeps mean 0 and standard
    /// deviation 1. The first and the second derivative at 0 are 1.7581, those from below;
    /// PyTorch's second derivative is 0.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let y = Tensor::from([f64::NEG_INFINITY, 1.0]).selu().to_vec::<f64>()?;
    /// assert_eq!(y, [-1.7580993408473766, 1.0507009873554805]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn selu(x) = {
        let negative = exp_m1(x) * (SELU_ALPHA * SELU_SCALE);
        if x > 0.0 { x * SELU_SCALE } else { negative }
    } derivative { if result > 0.0 { SELU_SCALE } else { result + SELU_ALPHA * SELU_SCALE } }

    /// Computes the logistic function `1 / (1 + e^-x)`.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// assert_eq!(Tensor::from([0.0f32, 1e4]).sigmoid().to_vec::<f32>()?, [0.5, 1.0]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    #[doc(alias = "logistic")]
    pub fn sigmoid(x) = { sigmoid(x) }

    /// Computes the hyperbolic tangent.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// assert_eq!(Tensor::from([0.0f32, 1e4]).tanh().to_vec::<f32>()?, [0.0, 1.0]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn tanh(x) = { tanh(x) }

    /// Computes `ln(1 + e^x)`, a smooth rectifier (Dugas, Bengio, Bélisle, Nadeau, Garcia 2000,
    /// Incorporating Second-Order Functional Knowledge for Better Option Pricing). Above 20 it is
    /// x with a derivative of 1, as in PyTorch.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let y = Tensor::from([0.0f64, -1e4, 1e4]).softplus().to_vec::<f64>()?;
    /// assert_eq!(y, [2f64.ln(), 0.0, 1e4]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn softplus(x) = { if x > SOFTPLUS_LINEAR { x } else { exact::softplus(x) } } derivative {
        if x > SOFTPLUS_LINEAR { 1.0 } else { sigmoid(x) }
    }

    /// Computes the logarithm of [`sigmoid`](Self::sigmoid), `-ln(1 + e^-x)`, finite for all
    /// finite x. It is the log-likelihood of a Bernoulli variable by its logit.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let y = Tensor::from([0.0f64, -1e4, 1e4]).log_sigmoid().to_vec::<f64>()?;
    /// assert_eq!(y, [-(2f64.ln()), -1e4, 0.0]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    #[doc(alias = "logsigmoid")]
    pub fn log_sigmoid(x) = {
        // Zeros are positive.
        0.0 - exact::softplus(-x)
    } derivative { sigmoid(-x) }
}

/// # Activations
impl Tensor {
    /// Computes the leaky ReLU: `x` if `x > 0`, else `negative_slope x` (Maas, Hannun, Ng 2013,
    /// Rectifier Nonlinearities Improve Neural Network Acoustic Models). The usual slope is 0.01.
    /// The derivative at 0 is the slope. With a slope of 0 the result at -∞ is 0; in PyTorch it is
    /// NaN.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// assert_eq!(Tensor::from([-1.0f32, 2.0]).leaky_relu(0.25).to_vec::<f32>()?, [-0.25, 2.0]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    #[track_caller]
    pub fn leaky_relu(&self, negative_slope: f64) -> Self {
        // The sign of the result is that of x, and layers keep the result anyway.
        if negative_slope > 0.0 {
            apply_one(leaky_relu_by_result::new(negative_slope), self)
        } else {
            leaky_relu(self, negative_slope)
        }
    }

    /// Computes the exponential linear unit: `x` if `x > 0`, else `alpha (e^x - 1)` (Clevert,
    /// Unterthiner, Hochreiter 2015, Fast and Accurate Deep Network Learning by Exponential Linear
    /// Units). The usual alpha is 1. The derivative at 0 is alpha.
    ///
    /// For `x < 0` the derivative is computed from the result y as `y + alpha`. Far below 0 its
    /// error is the rounding of alpha; PyTorch's derivative keeps the digits of its own small
    /// value. The second derivative at 0 is alpha, that from below; PyTorch's is 0.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// assert_eq!(Tensor::from([f32::NEG_INFINITY, 2.0]).elu(1.0).to_vec::<f32>()?, [-1.0, 2.0]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    #[track_caller]
    pub fn elu(&self, alpha: f64) -> Self {
        if alpha > 0.0 {
            apply_one(elu_by_result::new(alpha), self)
        } else {
            elu(self, alpha)
        }
    }
}

#[doc(hidden)]
#[elementwise(kind = Activation, crate = "crate")]
#[derivative(x = if x > 0.0 {
    1.0
} else if negative_slope == 0.0 {
    0.0
} else {
    negative_slope
})]
pub fn leaky_relu(x: Tensor, negative_slope: f64) -> Tensor {
    // Limited, since 0 times -∞ is NaN.
    let negative = if negative_slope == 0.0 {
        max(x, -1.0)
    } else {
        x
    };
    if x > 0.0 {
        x
    } else {
        negative * negative_slope
    }
}

/// As [`leaky_relu`], for slopes above 0.
#[elementwise(kind = Activation, name = "leaky_relu", crate = "crate")]
#[derivative(x = if result > 0.0 { 1.0 } else { negative_slope })]
fn leaky_relu_by_result(x: Tensor, negative_slope: f64) -> Tensor {
    leaky_relu(x, negative_slope)
}

#[doc(hidden)]
#[elementwise(kind = Activation, crate = "crate")]
#[derivative(x = if x > 0.0 {
    1.0
} else if alpha == 0.0 && x <= 0.0 {
    0.0
} else {
    exp(x) * alpha
})]
pub fn elu(x: Tensor, alpha: f64) -> Tensor {
    if x > 0.0 { x } else { exp_m1(x) * alpha }
}

/// As [`elu`], for an alpha above 0.
#[elementwise(kind = Activation, name = "elu", crate = "crate")]
#[derivative(x = if result > 0.0 { 1.0 } else { result + alpha })]
fn elu_by_result(x: Tensor, alpha: f64) -> Tensor {
    elu(x, alpha)
}

/// The threshold above which softplus is the identity.
const SOFTPLUS_LINEAR: f64 = 20.0;

/// Softplus without a threshold, for the formulas of other functions.
pub(crate) mod exact {
    use crate::autograd::Tensor;
    use cotangent_macros::elementwise;

    #[elementwise(kind = Activation, crate = "crate")]
    #[derivative(x = sigmoid(x))]
    pub(crate) fn softplus(x: Tensor) -> Tensor {
        softplus(x)
    }
}

/// # Activations
impl Tensor {
    /// Computes the parametric ReLU: `x` if `x > 0`, else `weight x` (He, Zhang, Ren, Sun 2015,
    /// Delving Deep into Rectifiers: Surpassing Human-Level Performance on `ImageNet`
    /// Classification). The weight has one element, or one for each channel of axis 1. Gradients
    /// flow to it too. The derivative at 0 is the weight. The derivative of that by the weight is
    /// 1; in PyTorch's second derivatives it is 0.
    ///
    /// # Errors
    /// [`Error::Shape`] if the weight has neither one element nor one for each channel,
    /// [`Error::DType`] if the dtypes differ.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let x = Tensor::from([[-1.0f32, -1.0], [2.0, -4.0]]);
    /// let y = x.prelu(&Tensor::from([0.25f32, 0.5]))?;
    /// assert_eq!(y.to_vec::<f32>()?, [-0.25, -0.5, 2.0, -2.0]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn prelu(&self, weight: &Self) -> Result<Self> {
        Tensor::expect_one_dtype("prelu", &[("input", Some(self)), ("weight", Some(weight))])?;
        let channels = self.shape().get(1).copied();
        let shape: SmallVec<[usize; 4]> = match weight.shape() {
            [] | [1] => smallvec![],
            [len] if Some(*len) == channels => {
                let mut shape = smallvec![1; self.rank() - 1];
                shape[0] = *len;
                shape
            }
            found => {
                let channels = channels.map_or(String::new(), |n| {
                    format!(", or of {n}, one for each channel")
                });
                let reason = format!("expected a weight of 1 element{channels}");
                return Err(Error::shape("prelu", reason, &[self.shape(), found]));
            }
        };
        let weight = weight.reshape(&shape[..])?;
        prelu(self, &weight)
    }

    /// Computes the randomized leaky ReLU, in its form for training: `x` if `x > 0`, else `a x`
    /// with a slope a drawn uniformly from `[lower, upper]` for each element (Xu, Wang, Chen, Li
    /// 2015, Empirical Evaluation of Rectified Activations in Convolutional Network). The usual
    /// bounds are 1/8 and 1/3; no slope is rounded out of them. The derivative at 0 is the slope.
    /// The same seed draws the same slopes. For predictions, use [`leaky_relu`](Self::leaky_relu)
    /// with the mean of the bounds.
    ///
    /// # Errors
    /// [`Error::Argument`] if the bounds are not finite or the lower one is above the upper one.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let y = Tensor::from([-1.0f64, -1.0, 3.0]).rrelu(0.125, 0.25, 7)?.to_vec::<f64>()?;
    /// assert!(y[..2].iter().all(|y| (-0.25..=-0.125).contains(y)));
    /// assert!(y[0] != y[1] && y[2] == 3.0);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn rrelu(&self, lower: f64, upper: f64, seed: u64) -> Result<Self> {
        let width = upper - lower;
        if !(lower <= upper && width.is_finite()) {
            let reason =
                format!("expected finite bounds with lower <= upper, found {lower} and {upper}");
            return Err(Error::argument("rrelu", reason));
        }
        let within = noise::within(self.dtype(), lower, upper, true);
        // The centres of 2^32 equal parts of the interval.
        let slopes = noise::like(self, seed, |bits| {
            within(lower + width * ((f64::from(bits) + 0.5) / 2f64.powi(32)))
        });
        prelu(self, &slopes)
    }

    /// Computes the continuously differentiable ELU: `x` if `x > 0`, else
    /// `alpha (e^(x / alpha) - 1)` (Barron 2017, Continuously Differentiable Exponential Linear
    /// Units). The usual alpha is 1. The derivative at 0 is 1. The second derivative at 0 is
    /// `1 / alpha`, that from below; PyTorch's is 0.
    ///
    /// # Errors
    /// [`Error::Argument`] if alpha is 0 or NaN.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let y = Tensor::from([f32::NEG_INFINITY, 3.0]).celu(2.0)?;
    /// assert_eq!(y.to_vec::<f32>()?, [-2.0, 3.0]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn celu(&self, alpha: f64) -> Result<Self> {
        if alpha == 0.0 || alpha.is_nan() {
            let reason = format!("alpha must not be 0 or NaN, found {alpha}");
            return Err(Error::argument("celu", reason));
        }
        Ok(celu(self, alpha))
    }
}

/// y = x if x > 0, else w x. The slopes w are trained or drawn.
#[elementwise(kind = Activation, crate = "crate")]
fn prelu(x: Tensor, weight: Tensor) -> Tensor {
    if x > 0.0 { x } else { x * weight }
}

/// The derivative is computed from the operand. From the result it would be as inaccurate as that
/// of [`Tensor::elu`].
#[doc(hidden)]
#[elementwise(kind = Activation, crate = "crate")]
#[derivative(x = if x > 0.0 { 1.0 } else { exp(x * (1.0 / alpha)) })]
pub fn celu(x: Tensor, alpha: f64) -> Tensor {
    if x > 0.0 {
        x
    } else {
        exp_m1(x * (1.0 / alpha)) * alpha
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gradcheck;

    #[test]
    fn prelu_takes_one_weight_or_one_for_each_channel() -> Result<()> {
        let x = Tensor::from([[[-1.0f64, 2.0], [-3.0, -0.5]], [[0.5, -0.7], [1.5, -2.5]]]);
        let weights = [
            Tensor::from(0.3f64),
            Tensor::from([0.3f64]),
            Tensor::from([0.3f64, -1.7]),
        ];
        for weight in weights {
            let inputs = [x.clone(), weight];
            gradcheck::function(&inputs, |x| x[0].prelu(&x[1]))?.assert_ok();
        }
        // A vector has no channels, as in PyTorch.
        let vector = Tensor::from([-1.0f64, -2.0]);
        assert_eq!(
            vector.prelu(&Tensor::from([0.5f64]))?.to_f64_vec(),
            [-0.5, -1.0]
        );
        let refused = |x: &Tensor, weight: &Tensor, text: &str| {
            let error = x.prelu(weight).unwrap_err().to_string();
            assert!(error.contains("prelu") && error.contains(text), "{error}");
        };
        refused(&vector, &vector, "1 element");
        refused(
            &x,
            &Tensor::from([0.1f64, 0.2, 0.3]),
            "of 2, one for each channel",
        );
        refused(&x, &Tensor::from([[0.1f64, 0.2]]), "(1, 2)");
        refused(&x, &Tensor::from([0.1f32]), "dtype");
        Ok(())
    }

    /// The mean of uniform slopes has the standard error (upper - lower) / √(12 n).
    #[test]
    fn slopes_of_rrelu_are_uniform_between_their_bounds() -> Result<()> {
        let (lower, upper, count) = (1.0 / 8.0, 1.0 / 3.0, 100_000);
        let minus_ones = Tensor::full([count], -1.0, crate::DType::F64)?;
        let slopes = minus_ones.rrelu(lower, upper, 3)?.neg().to_vec::<f64>()?;
        assert!(slopes.iter().all(|slope| (lower..=upper).contains(slope)));
        let mean = slopes.iter().sum::<f64>() / count as f64;
        let error = (upper - lower) / (12.0 * count as f64).sqrt();
        assert!((mean - 11.0 / 48.0).abs() < 5.0 * error, "{mean}");
        let variance = slopes.iter().map(|a| (a - mean).powi(2)).sum::<f64>() / count as f64;
        assert!((variance / (upper - lower).powi(2) * 12.0 - 1.0).abs() < 0.02);
        // Above 0 the element is kept. At 0 the derivative is the slope.
        let x = Tensor::from([2.0f64, 0.0]).tracked();
        let gradient = crate::grad(&x.rrelu(lower, upper, 3)?.sum(), &[&x])?;
        assert_eq!(x.rrelu(lower, upper, 3)?.to_f64_vec(), [2.0, 0.0]);
        assert_eq!(gradient[0].to_f64_vec(), [1.0, slopes[1]]);
        Ok(())
    }

    #[test]
    fn rrelu_refuses_bounds_that_are_not_an_interval() {
        let x = Tensor::from([1.0f64]);
        let bounds = [
            (0.5, 0.25),
            (f64::NAN, 1.0),
            (0.0, f64::INFINITY),
            (-f64::MAX, f64::MAX),
        ];
        for (lower, upper) in bounds {
            let error = x.rrelu(lower, upper, 0).unwrap_err().to_string();
            assert!(
                error.contains("rrelu") && error.contains("bounds"),
                "{error}"
            );
        }
    }

    #[test]
    fn celu_refuses_an_alpha_of_0_or_nan() {
        let x = Tensor::from([1.0f64]);
        for alpha in [0.0, -0.0, f64::NAN] {
            assert!(x.celu(alpha).unwrap_err().to_string().contains("celu"));
        }
    }
}
