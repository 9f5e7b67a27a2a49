//! The fully connected layer.

use crate::init::{self, Init};
use cotangent_core::module::{Layer, Param, Pass};
use cotangent_core::random::Rng;
use cotangent_core::{Error, Result, Tensor};
use cotangent_macros::Module;

/// A fully connected (dense) layer: `y = x Wᵀ + b`.
///
/// Input (…, in), output (…, out). The weight is (out, in) and the bias (out), as in PyTorch's
/// `Linear`. Keras's `Dense` stores the transposed weight.
///
/// By default the weight is drawn Glorot uniform and the bias is 0, as in Keras. PyTorch draws both
/// uniformly from ±1/√in: use [`LinearBuilder::pytorch_default`].
///
/// ```
/// use cotangent::prelude::*;
///
/// let mut rng = ChaCha8Rng::seed_from_u64(1);
/// let layer = Linear::new(64, 10, &mut rng)?;
/// assert_eq!(layer.predict(&Tensor::zeros([32, 64], DType::F32)?)?.shape(), [32, 10]);
///
/// let before_norm = Linear::builder(64, 100).weight(init::he_normal()).no_bias().build(&mut rng)?;
/// assert!(before_norm.bias.is_none());
/// # Ok::<(), cotangent::Error>(())
/// ```
#[doc(alias = "Dense")]
#[derive(Clone, Debug, Module)]
#[module(crate = "cotangent_core")]
pub struct Linear {
    /// The weight W, (out, in).
    pub weight: Param,
    /// The bias b, (out).
    pub bias: Option<Param>,
}

impl Linear {
    /// Creates a layer from `in_features` to `out_features` with a bias and the default
    /// initialization.
    ///
    /// # Errors
    /// Returns the errors of [`LinearBuilder::build`].
    pub fn new(
        in_features: usize,
        out_features: usize,
        rng: &mut (impl Rng + ?Sized),
    ) -> Result<Self> {
        Self::builder(in_features, out_features).build(rng)
    }

    /// Returns a builder for the options.
    pub fn builder(in_features: usize, out_features: usize) -> LinearBuilder {
        LinearBuilder {
            in_features,
            out_features,
            weight: init::glorot_uniform(),
            bias: Some(init::constant(0.0)),
        }
    }
}

impl Layer for Linear {
    /// # Errors
    /// [`Error::Shape`](cotangent_core::Error::Shape) if the last axis of the input is not
    /// `in_features` long, [`Error::DType`](cotangent_core::Error::DType) if the input and the
    /// weight have different dtypes.
    fn compute(&self, x: &Tensor, pass: &Pass) -> Result<Tensor> {
        let bias = self.bias.as_ref().map(|bias| bias.read(pass));
        x.linear(&self.weight.read(pass), bias.as_ref())
    }
}

/// A builder of [`Linear`] layers.
#[derive(Clone, Debug)]
#[must_use]
pub struct LinearBuilder {
    in_features: usize,
    out_features: usize,
    weight: Init,
    bias: Option<Init>,
}

impl LinearBuilder {
    /// Sets the initializer of the weight. Default: [`glorot_uniform`](init::glorot_uniform).
    #[doc(alias = "kernel_initializer")]
    pub fn weight(mut self, init: Init) -> Self {
        self.weight = init;
        self
    }

    /// Sets the initializer of the bias. Default: zeros.
    #[doc(alias = "bias_initializer")]
    pub fn bias(mut self, init: Init) -> Self {
        self.bias = Some(init);
        self
    }

    /// Leaves out the bias. Do this before a batch normalization, which subtracts the bias again:
    /// its beta replaces it.
    #[doc(alias = "use_bias")]
    pub fn no_bias(mut self) -> Self {
        self.bias = None;
        self
    }

    /// Draws weight and bias as PyTorch does, both uniformly from ±1/√in. So the bias has the fan
    /// of the weight.
    ///
    /// ```
    /// use cotangent::prelude::*;
    ///
    /// let mut rng = ChaCha8Rng::seed_from_u64(1);
    /// let layer = Linear::builder(16, 1000).pytorch_default().build(&mut rng)?;
    /// let bias = layer.bias.unwrap().value().to_f64_vec();
    /// assert!(bias.iter().all(|b| b.abs() <= 0.25) && bias.iter().any(|b| b.abs() > 0.24));
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn pytorch_default(mut self) -> Self {
        let limit = 1.0 / (self.in_features as f64).sqrt();
        self.weight = init::pytorch_linear();
        self.bias = self.bias.map(|_| init::uniform(-limit, limit));
        self
    }

    /// Creates the layer: draws the weight, then the bias.
    ///
    /// # Errors
    /// [`Error::Argument`] if `in_features` or `out_features` is 0, and the errors of
    /// [`Init::draw`].
    pub fn build(self, rng: &mut (impl Rng + ?Sized)) -> Result<Linear> {
        if self.in_features == 0 || self.out_features == 0 {
            let reason = format!(
                "expected in_features and out_features above 0, found {} and {}",
                self.in_features, self.out_features
            );
            return Err(Error::argument("linear", reason));
        }
        let weight = self
            .weight
            .draw(&[self.out_features, self.in_features], rng)?;
        let bias = match self.bias {
            Some(init) => Some(Param::new(&init.draw(&[self.out_features], rng)?)),
            None => None,
        };
        Ok(Linear {
            weight: Param::new(&weight),
            bias,
        })
    }
}
