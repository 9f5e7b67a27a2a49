//! Root mean square normalization: layer normalization without the mean.

use crate::layer_norm::check;
use cotangent_core::module::{Layer, Param, Pass};
use cotangent_core::{DType, Result, Shape, Tensor};
use cotangent_macros::Module;

/// `x / √(mean x² + epsilon) · gamma` over the last axes of (…, normalized axes) (Zhang, Sennrich
/// 2019, Root Mean Square Layer Normalization): [`LayerNorm`](crate::LayerNorm) without subtracting
/// a mean and without beta.
///
/// Epsilon is 1.19e-7 by default, the spacing of `f32` at 1, as in PyTorch for `f32`; PyTorch's is
/// 2.2e-16 for `f64`, ours the same for both. The leaf is named as in PyTorch: `weight` (gamma).
///
/// ```
/// use cotangent::{Tensor, module::Layer};
/// use cotangent::nn::RmsNorm;
/// let norm = RmsNorm::builder(2).epsilon(0.0).build()?;
/// let y = norm.predict(&Tensor::from([[1.0f32, 7.0]]))?;
/// assert_eq!(y.to_vec::<f32>()?, [0.2, 1.4]);
/// # Ok::<(), cotangent::Error>(())
/// ```
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
    /// A layer with PyTorch's defaults for inputs whose last axes have the lengths `normalized`:
    /// `100`, or `[28, 28]`.
    ///
    /// # Errors
    /// As [`RmsNormBuilder::build`].
    pub fn new(normalized: impl Into<Shape>) -> Result<Self> {
        Self::builder(normalized).build()
    }

    /// A layer with choices.
    pub fn builder(normalized: impl Into<Shape>) -> RmsNormBuilder {
        RmsNormBuilder {
            normalized: normalized.into(),
            epsilon: f64::from(f32::EPSILON),
            scales: true,
        }
    }
}

impl Layer for RmsNorm {
    /// # Errors
    /// As [`Tensor::rms_norm`].
    fn compute(&self, x: &Tensor, pass: &Pass) -> Result<Tensor> {
        let gamma = self.weight.as_ref().map(|weight| weight.read(pass));
        x.rms_norm(&self.normalized, gamma.as_ref(), self.epsilon)
    }
}

/// The choices of an [`RmsNorm`].
#[derive(Clone, Debug)]
#[must_use]
pub struct RmsNormBuilder {
    normalized: Shape,
    epsilon: f64,
    scales: bool,
}

impl RmsNormBuilder {
    /// What is added to the mean square, at least 0; 1.19e-7 by default.
    pub fn epsilon(mut self, epsilon: f64) -> Self {
        self.epsilon = epsilon;
        self
    }

    /// Without gamma.
    pub fn no_affine(mut self) -> Self {
        self.scales = false;
        self
    }

    /// The layer: gamma 1.
    ///
    /// # Errors
    /// [`Error::Argument`](cotangent_core::Error::Argument) if there is no axis or one of length 0,
    /// or epsilon is negative or not finite, and as [`Tensor::full`].
    pub fn build(self) -> Result<RmsNorm> {
        check("rms_norm", &self.normalized, self.epsilon)?;
        let ones = self
            .scales
            .then(|| Tensor::full(&self.normalized, 1.0, DType::F32));
        Ok(RmsNorm {
            weight: ones.transpose()?.map(|ones| Param::new(&ones)),
            normalized: self.normalized,
            epsilon: self.epsilon,
        })
    }
}
