//! The dense layer.

use crate::init::{self, Init};
use cotangent_core::module::{Layer, Param, Pass};
use cotangent_core::random::Rng;
use cotangent_core::{Error, Result, Tensor};
use cotangent_macros::Module;

/// `y = x Wᵀ + b`: x (…, in), weight (out, in), bias (out), y (…, out).
///
/// The weight starts Glorot uniform and the bias 0, as in Keras; PyTorch draws both from ±1/√in,
/// which is [`LinearBuilder::pytorch_default`].
///
/// ```
/// use cotangent::{DType, Tensor, module::Layer};
/// use cotangent::nn::{Linear, init};
/// use cotangent::random::SeedableRng;
/// let mut rng = cotangent::random::ChaCha8Rng::seed_from_u64(1);
/// let layer = Linear::new(64, 10, &mut rng)?;
/// assert_eq!(layer.predict(&Tensor::zeros([32, 64], DType::F32)?)?.shape(), [32, 10]);
/// let before_norm = Linear::builder(64, 100).weight(init::he_normal()).no_bias().build(&mut rng)?;
/// # Ok::<(), cotangent::Error>(())
/// ```
#[derive(Clone, Debug, Module)]
#[module(crate = "cotangent_core")]
pub struct Linear {
    /// (out, in).
    pub weight: Param,
    /// (out).
    pub bias: Option<Param>,
}

impl Linear {
    /// A layer from `in_features` to `out_features` with bias and default initialization.
    ///
    /// # Errors
    /// As [`LinearBuilder::build`].
    pub fn new(
        in_features: usize,
        out_features: usize,
        rng: &mut (impl Rng + ?Sized),
    ) -> Result<Self> {
        Self::builder(in_features, out_features).build(rng)
    }

    /// A layer with choices.
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
    /// [`Error::Shape`](cotangent_core::Error::Shape) if the input has another number of features,
    /// [`Error::DType`](cotangent_core::Error::DType) if its dtype is not the weight's.
    fn compute(&self, x: &Tensor, pass: &Pass) -> Result<Tensor> {
        let bias = self.bias.as_ref().map(|bias| bias.read(pass));
        x.linear(&self.weight.read(pass), bias.as_ref())
    }
}

/// The choices of a [`Linear`].
#[derive(Clone, Debug)]
#[must_use]
pub struct LinearBuilder {
    in_features: usize,
    out_features: usize,
    weight: Init,
    bias: Option<Init>,
}

impl LinearBuilder {
    /// How the weight is drawn.
    pub fn weight(mut self, init: Init) -> Self {
        self.weight = init;
        self
    }

    /// How the bias is drawn.
    pub fn bias(mut self, init: Init) -> Self {
        self.bias = Some(init);
        self
    }

    /// Without bias: right in front of a batch normalization, whose beta takes its place.
    pub fn no_bias(mut self) -> Self {
        self.bias = None;
        self
    }

    /// Draws weight and bias as PyTorch does, uniform on ±1/√in both: the fan of the bias is that
    /// of the weight.
    ///
    /// ```
    /// # use cotangent::random::{ChaCha8Rng, SeedableRng};
    /// # use cotangent::nn::Linear;
    /// let layer = Linear::builder(16, 1000).pytorch_default().build(&mut ChaCha8Rng::seed_from_u64(1))?;
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

    /// Draws the weight, then the bias.
    ///
    /// # Errors
    /// [`Error::Argument`] if there are no inputs or no outputs, and as [`Init::draw`].
    pub fn build(self, rng: &mut (impl Rng + ?Sized)) -> Result<Linear> {
        if self.in_features == 0 || self.out_features == 0 {
            let reason = format!(
                "expected sizes above 0, found {} in and {} out",
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
