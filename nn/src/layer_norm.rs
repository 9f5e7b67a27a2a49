//! Layer normalization: each sample by its own mean and variance.

use cotangent_core::module::{Layer, Param, Pass};
use cotangent_core::{DType, Error, Interval, Result, Shape, Tensor};
use cotangent_macros::Module;

/// Layer normalization (Ba, Kiros, Hinton 2016) of (…, normalized axes): each sample gets mean 0
/// and (biased) variance 1 over its last axes, and is then scaled by gamma and shifted by beta.
/// Nothing depends on the rest of the batch: training and predicting are the same.
///
/// Epsilon is 1e-5 by default, as in PyTorch (Keras: 1e-3). The leaves are named as in PyTorch:
/// `weight` (gamma), `bias` (beta), both of the shape that is normalized.
///
/// ```
/// use cotangent::{Tensor, module::Layer};
/// use cotangent::nn::LayerNorm;
/// let norm = LayerNorm::builder(2).epsilon(0.0).build()?;
/// let y = norm.predict(&Tensor::from([[1.0f32, 3.0], [-20.0, 20.0]]))?;
/// assert_eq!(y.to_vec::<f32>()?, [-1.0, 1.0, -1.0, 1.0]);
/// # Ok::<(), cotangent::Error>(())
/// ```
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
    /// A layer with PyTorch's defaults for inputs whose last axes have the lengths `normalized`:
    /// `100`, or `[28, 28]`.
    ///
    /// # Errors
    /// As [`LayerNormBuilder::build`].
    pub fn new(normalized: impl Into<Shape>) -> Result<Self> {
        Self::builder(normalized).build()
    }

    /// A layer with choices.
    pub fn builder(normalized: impl Into<Shape>) -> LayerNormBuilder {
        LayerNormBuilder {
            normalized: normalized.into(),
            epsilon: 1e-5,
            scales: true,
            shifts: true,
        }
    }
}

impl Layer for LayerNorm {
    /// # Errors
    /// As [`Tensor::layer_norm`].
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

/// The choices of a [`LayerNorm`].
#[derive(Clone, Debug)]
#[must_use]
pub struct LayerNormBuilder {
    normalized: Shape,
    epsilon: f64,
    scales: bool,
    shifts: bool,
}

impl LayerNormBuilder {
    /// What is added to the variance, at least 0; 1e-5 by default.
    pub fn epsilon(mut self, epsilon: f64) -> Self {
        self.epsilon = epsilon;
        self
    }

    /// Without gamma and beta.
    pub fn no_affine(mut self) -> Self {
        self.scales = false;
        self.no_bias()
    }

    /// Without beta.
    pub fn no_bias(mut self) -> Self {
        self.shifts = false;
        self
    }

    /// The layer: gamma 1, beta 0.
    ///
    /// # Errors
    /// [`Error::Argument`] if there is no axis or one of length 0, or epsilon is negative or not
    /// finite, and as [`Tensor::full`].
    pub fn build(self) -> Result<LayerNorm> {
        check("layer_norm", &self.normalized, self.epsilon)?;
        let param = |wanted: bool, value| {
            let value = wanted.then(|| Tensor::full(&self.normalized, value, DType::F32));
            Ok::<_, Error>(value.transpose()?.map(|value| Param::new(&value)))
        };
        Ok(LayerNorm {
            weight: param(self.scales, 1.0)?,
            bias: param(self.shifts, 0.0)?,
            normalized: self.normalized,
            epsilon: self.epsilon,
        })
    }
}

/// What a normalization over the last axes needs.
pub(crate) fn check(op: &'static str, normalized: &Shape, epsilon: f64) -> Result<()> {
    if normalized.is_empty() || normalized.contains(&0) {
        let reason = "expected at least one axis and lengths above 0";
        return Err(Error::argument(op, format!("{reason}, found {normalized}")));
    }
    Interval::AtLeast0.check(op, "epsilon", epsilon)
}
