//! Activation functions. Derivatives at the kinks are PyTorch's.

use super::elementwise::unary;
use crate::autograd::Tensor;
use crate::kernel::Real;

/// SELU's alpha and scale (Klambauer, Unterthiner, Mayr, Hochreiter 2017, Self-Normalizing Neural
/// Networks).
pub(crate) const SELU_ALPHA: f64 = 1.6732632423543772;
pub(crate) const SELU_SCALE: f64 = 1.0507009873554805;

unary! {
    /// Rectified linear unit, max(x, 0); the derivative at 0 is 0. NaN stays NaN.
    ///
    /// ```
    /// # use cotangent_core::Tensor;
    /// assert_eq!(Tensor::from([-1.0f32, 2.0]).relu().to_vec::<f32>()?, [0.0, 2.0]);
    /// # Ok::<(), cotangent_core::Error>(())
    /// ```
    pub fn relu() as Relu
        saves Output,
        value |x| T::select(x.lt(x.zero()), x.zero(), x),
        derivative |y| T::select(y.le(y.zero()), y.zero(), y.one());

    /// Leaky ReLU: x for x > 0, else negative_slope · x (Maas, Hannun, Ng 2013, Rectifier
    /// Nonlinearities Improve Neural Network Acoustic Models). The derivative at 0 is the slope;
    /// the usual slope is 0.01.
    ///
    /// ```
    /// # use cotangent_core::Tensor;
    /// assert_eq!(Tensor::from([-1.0f32, 2.0]).leaky_relu(0.25).to_vec::<f32>()?, [-0.25, 2.0]);
    /// # Ok::<(), cotangent_core::Error>(())
    /// ```
    pub fn leaky_relu(negative_slope: f64) as LeakyRelu
        saves if negative_slope > 0.0 { Output } else { Input },
        value |x| T::select(x.gt(x.zero()), x, x * negative_slope),
        derivative |s| T::select(s.gt(s.zero()), s.one(), s.constant(negative_slope));

    /// Exponential linear unit: x for x > 0, else alpha (e^x - 1) (Clevert, Unterthiner,
    /// Hochreiter 2015, Fast and Accurate Deep Network Learning by Exponential Linear Units). The
    /// derivative at 0 is alpha; the usual alpha is 1.
    ///
    /// Where x < 0 the derivative is computed from the result, y + alpha: far below 0 it is
    /// accurate to the rounding of alpha, not to that of its own tiny value as PyTorch's is.
    ///
    /// ```
    /// # use cotangent_core::Tensor;
    /// assert_eq!(Tensor::from([f32::NEG_INFINITY, 2.0]).elu(1.0).to_vec::<f32>()?, [-1.0, 2.0]);
    /// # Ok::<(), cotangent_core::Error>(())
    /// ```
    pub fn elu(alpha: f64) as Elu
        saves if alpha > 0.0 { Output } else { Input },
        value |x| T::select(x.gt(x.zero()), x, x.exp_m1() * alpha),
        derivative |s| {
            let negative = if alpha > 0.0 {
                s + alpha
            } else {
                // Where it is not chosen it must be finite too: it is multiplied by 0.
                T::select(s.gt(s.zero()), s.zero(), s).exp() * alpha
            };
            T::select(s.gt(s.zero()), s.one(), negative)
        };

    /// Scaled ELU, 1.0507 · elu(x, 1.6733): with standardized inputs and LeCun normal weights,
    /// each layer of a sequential net keeps mean 0 and standard deviation 1 (Klambauer,
    /// Unterthiner, Mayr, Hochreiter 2017, Self-Normalizing Neural Networks). The derivative at 0
    /// is 1.7581.
    ///
    /// ```
    /// # use cotangent_core::Tensor;
    /// let y = Tensor::from([f64::NEG_INFINITY, 1.0]).selu().to_vec::<f64>()?;
    /// assert_eq!(y, [-1.7580993408473766, 1.0507009873554805]);
    /// # Ok::<(), cotangent_core::Error>(())
    /// ```
    pub fn selu() as Selu
        saves Output,
        value |x| {
            let negative = x.exp_m1() * (SELU_ALPHA * SELU_SCALE);
            T::select(x.gt(x.zero()), x * SELU_SCALE, negative)
        },
        derivative |y| {
            let negative = y + SELU_ALPHA * SELU_SCALE;
            T::select(y.gt(y.zero()), y.constant(SELU_SCALE), negative)
        };

    /// The logistic function 1 / (1 + e^-x).
    ///
    /// ```
    /// # use cotangent_core::Tensor;
    /// assert_eq!(Tensor::from([0.0f32, 1e4]).sigmoid().to_vec::<f32>()?, [0.5, 1.0]);
    /// # Ok::<(), cotangent_core::Error>(())
    /// ```
    #[doc(alias = "logistic")]
    pub fn sigmoid() as Sigmoid
        saves Output,
        value |x| x.sigmoid(),
        derivative |y| y * (-y + 1.0);

    /// The hyperbolic tangent.
    ///
    /// ```
    /// # use cotangent_core::Tensor;
    /// assert_eq!(Tensor::from([0.0f32, 1e4]).tanh().to_vec::<f32>()?, [0.0, 1.0]);
    /// # Ok::<(), cotangent_core::Error>(())
    /// ```
    pub fn tanh() as Tanh
        saves Output,
        value |x| x.tanh(),
        derivative |y| -(y * y) + 1.0;
}
