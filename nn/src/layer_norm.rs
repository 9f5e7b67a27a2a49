//! Layer normalization: each sample is normalized by its own mean and variance.

use cotangent_core::module::{Layer, Param, Pass};
use cotangent_core::{DType, Error, Interval, Result, Shape, Tensor};
use cotangent_macros::Module;

/// Layer normalization of each sample: `y = (x - mean) / √(variance + epsilon) · gamma + beta`.
///
/// Mean and biased variance are those of the sample's last axes. Input and output (…, normalized
/// axes). The result does not depend on the rest of the batch, so training and inference are the
/// same.
///
/// The default epsilon is 1e-5, as in PyTorch's `LayerNorm` (Keras: 1e-3). The parameters have
/// PyTorch's names: `weight` (gamma) and `bias` (beta). Both have the normalized shape.
///
/// Source: Ba, Kiros, Hinton 2016, Layer Normalization.
///
/// ```
/// use cotangent::prelude::*;
///
/// let norm = LayerNorm::builder(2).epsilon(0.0).build()?;
/// let y = norm.predict(&Tensor::from([[1.0f32, 3.0], [-20.0, 20.0]]))?;
/// assert_eq!(y.to_vec::<f32>()?, [-1.0, 1.0, -1.0, 1.0]);
/// # Ok::<(), cotangent::Error>(())
/// ```
#[doc(alias = "LayerNormalization")]
#[derive(Clone, Debug, Module)]
#[module(crate = "cotangent_core")]
pub struct LayerNorm {
    /// Gamma, in the normalized shape.
    pub weight: Option<Param>,
    /// Beta, in the normalized shape.
    pub bias: Option<Param>,
    #[module(skip)]
    normalized: Shape,
    #[module(skip)]
    epsilon: f64,
}

impl LayerNorm {
    /// Creates a layer with PyTorch's defaults. `normalized` has the lengths of the last axes of
    /// the input: `100` or `[28, 28]`.
    ///
    /// # Errors
    /// Returns the errors of [`LayerNormBuilder::build`].
    pub fn new(normalized: impl Into<Shape>) -> Result<Self> {
        Self::builder(normalized).build()
    }

    /// Returns a builder for the options.
    pub fn builder(normalized: impl Into<Shape>) -> LayerNormBuilder {
        LayerNormBuilder {
            normalized: normalized.into(),
            epsilon: 1e-5,
            has_gamma: true,
            has_beta: true,
        }
    }
}

impl Layer for LayerNorm {
    /// # Errors
    /// Returns the errors of [`Tensor::layer_norm`].
    fn compute(&self, x: &Tensor, pass: &Pass) -> Result<Tensor> {
        let gamma = self.weight.as_ref().map(|weight| weight.read(pass));
        let beta = self.bias.as_ref().map(|bias| bias.read(pass));
        x.layer_norm(
            &self.normalized,
            gamma.as_ref(),
            beta.as_ref(),
            self.epsilon,
        )
    }
}

/// A builder of [`LayerNorm`] layers.
#[derive(Clone, Debug)]
#[must_use]
pub struct LayerNormBuilder {
    normalized: Shape,
    epsilon: f64,
    has_gamma: bool,
    has_beta: bool,
}

impl LayerNormBuilder {
    /// Sets the number added to the variance, at least 0. Default: 1e-5.
    #[doc(alias = "eps")]
    pub fn epsilon(mut self, epsilon: f64) -> Self {
        self.epsilon = epsilon;
        self
    }

    /// Leaves out gamma and beta.
    #[doc(alias = "elementwise_affine")]
    pub fn no_affine(mut self) -> Self {
        self.has_gamma = false;
        self.no_bias()
    }

    /// Leaves out beta.
    pub fn no_bias(mut self) -> Self {
        self.has_beta = false;
        self
    }

    /// Creates the layer with gamma 1 and beta 0.
    ///
    /// # Errors
    /// [`Error::Argument`] if there is no axis or one of length 0, or if epsilon is negative or not
    /// finite, and the errors of [`Tensor::full`].
    pub fn build(self) -> Result<LayerNorm> {
        check("layer_norm", &self.normalized, self.epsilon)?;
        let param = |exists: bool, value| {
            let value = exists.then(|| Tensor::full(&self.normalized, value, DType::F32));
            Ok::<_, Error>(value.transpose()?.map(|value| Param::new(&value)))
        };
        Ok(LayerNorm {
            weight: param(self.has_gamma, 1.0)?,
            bias: param(self.has_beta, 0.0)?,
            normalized: self.normalized,
            epsilon: self.epsilon,
        })
    }
}

/// Checks the settings of a normalization over the last axes.
pub(crate) fn check(op: &'static str, normalized: &Shape, epsilon: f64) -> Result<()> {
    if normalized.is_empty() || normalized.contains(&0) {
        let reason = "expected at least one axis and lengths above 0";
        return Err(Error::argument(op, format!("{reason}, found {normalized}")));
    }
    Interval::AtLeast0.check(op, "epsilon", epsilon)
}
