//! Root mean square normalization: layer normalization without the mean.

use crate::layer_norm::check;
use cotangent_core::module::{Layer, Param, Pass};
use cotangent_core::{DType, Result, Shape, Tensor};
use cotangent_macros::Module;

/// Root mean square normalization of each sample: `y = x / √(mean x² + epsilon) · gamma`.
///
/// The mean is over the sample's last axes. Input and output (…, normalized axes). Compared to
/// [`LayerNorm`](crate::LayerNorm), it subtracts no mean and has no beta.
///
/// The default epsilon is 1.19e-7, the spacing of `f32` at 1. PyTorch's `RMSNorm` uses this for
/// `f32`, but 2.2e-16 for `f64`. The parameter has PyTorch's name: `weight` (gamma).
///
/// Source: Zhang, Sennrich 2019, Root Mean Square Layer Normalization.
///
/// ```
/// use cotangent::prelude::*;
///
/// let norm = RmsNorm::builder(2).epsilon(0.0).build()?;
/// let y = norm.predict(&Tensor::from([[1.0f32, 7.0]]))?;
/// assert_eq!(y.to_vec::<f32>()?, [0.2, 1.4]);
/// # Ok::<(), cotangent::Error>(())
/// ```
#[doc(alias = "RMSNormalization")]
#[derive(Clone, Debug, Module)]
#[module(crate = "cotangent_core")]
pub struct RmsNorm {
    /// Gamma, in the normalized shape.
    pub weight: Option<Param>,
    #[module(skip)]
    normalized: Shape,
    #[module(skip)]
    epsilon: f64,
}

impl RmsNorm {
    /// Creates a layer with PyTorch's defaults. `normalized` has the lengths of the last axes of
    /// the input: `100` or `[28, 28]`.
    ///
    /// # Errors
    /// Returns the errors of [`RmsNormBuilder::build`].
    pub fn new(normalized: impl Into<Shape>) -> Result<Self> {
        Self::builder(normalized).build()
    }

    /// Returns a builder for the options.
    pub fn builder(normalized: impl Into<Shape>) -> RmsNormBuilder {
        RmsNormBuilder {
            normalized: normalized.into(),
            epsilon: f64::from(f32::EPSILON),
            has_gamma: true,
        }
    }
}

impl Layer for RmsNorm {
    /// # Errors
    /// Returns the errors of [`Tensor::rms_norm`].
    fn compute(&self, x: &Tensor, pass: &Pass) -> Result<Tensor> {
        let gamma = self.weight.as_ref().map(|weight| weight.read(pass));
        x.rms_norm(&self.normalized, gamma.as_ref(), self.epsilon)
    }
}

/// A builder of [`RmsNorm`] layers.
#[derive(Clone, Debug)]
#[must_use]
pub struct RmsNormBuilder {
    normalized: Shape,
    epsilon: f64,
    has_gamma: bool,
}

impl RmsNormBuilder {
    /// Sets the number added to the mean square, at least 0. Default: 1.19e-7.
    #[doc(alias = "eps")]
    pub fn epsilon(mut self, epsilon: f64) -> Self {
        self.epsilon = epsilon;
        self
    }

    /// Leaves out gamma.
    #[doc(alias = "elementwise_affine")]
    pub fn no_affine(mut self) -> Self {
        self.has_gamma = false;
        self
    }

    /// Creates the layer with gamma 1.
    ///
    /// # Errors
    /// [`Error::Argument`](cotangent_core::Error::Argument) if there is no axis or one of length 0,
    /// or if epsilon is negative or not finite, and the errors of [`Tensor::full`].
    pub fn build(self) -> Result<RmsNorm> {
        check("rms_norm", &self.normalized, self.epsilon)?;
        let ones = self
            .has_gamma
            .then(|| Tensor::full(&self.normalized, 1.0, DType::F32));
        Ok(RmsNorm {
            weight: ones.transpose()?.map(|ones| Param::new(&ones)),
            normalized: self.normalized,
            epsilon: self.epsilon,
        })
    }
}
