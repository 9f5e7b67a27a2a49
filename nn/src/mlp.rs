//! The multilayer perceptron, the usual first network: dense layers with activation, normalization
//! and dropout.

use crate::activation::Activation;
use crate::batch_norm::BatchNorm;
use crate::dropout::{AlphaDropout, Dropout};
use crate::init::Init;
use crate::layer_norm::LayerNorm;
use crate::linear::{Linear, LinearBuilder};
use crate::rms_norm::RmsNorm;
use crate::{Relu, init};
use cotangent_core::module::{Layer, Pass};
use cotangent_core::random::Rng;
use cotangent_core::{DType, Error, Result, Tensor};
use cotangent_macros::{Layer, Module};

/// A multilayer perceptron: hidden layers, then a linear output layer.
///
/// Each hidden layer is a [`Linear`] layer, and optionally normalization, an activation and
/// dropout. The outputs are logits or values. Input (batch, first size), output (batch, last size).
///
/// By default the activation is ReLU, biases are 0, and there is no normalization and no dropout.
/// The weights of hidden layers are drawn for the activation ([`Activation::initializer`]), those
/// of the output layer Glorot uniform.
///
/// ```
/// use cotangent::prelude::*;
///
/// let mut rng = ChaCha8Rng::seed_from_u64(1);
/// let net = Mlp::builder([64, 100, 100, 10])
///     .activation(Elu::default())
///     .batch_norm()
///     .build(&mut rng)?;
/// assert_eq!(net.predict(&Tensor::zeros([32, 64], DType::F32)?)?.shape(), [32, 10]);
///
/// let paths: Vec<String> = net.named_params().into_iter().map(|(path, _)| path).collect();
/// assert_eq!(paths[0], "hidden.0.linear.weight");
/// assert_eq!(paths[1..3], ["hidden.0.norm.weight", "hidden.0.norm.bias"]);
/// assert_eq!(paths[6..], ["out.weight", "out.bias"]);
///
/// // The input of the third layer:
/// let features = net.hidden[..2].predict(&Tensor::zeros([32, 64], DType::F32)?)?;
/// assert_eq!(features.shape(), [32, 100]);
/// # Ok::<(), cotangent::Error>(())
/// ```
///
/// Some options do not work well together. All combinations can be built, so that their effect can
/// be observed:
///
/// - [`Selu`](crate::Selu) keeps mean and variance only with standardized inputs, LeCun normal
///   weights (its default) and nothing in between that changes them: no batch normalization, no
///   plain dropout and no skip connections ([`Residual`](crate::Residual)). Therefore a SELU
///   network gets [`AlphaDropout`].
/// - Dropout before a batch normalization changes variances between training and inference (Li,
///   Chen, Hu, Yang 2019, Understanding the Disharmony between Dropout and Batch Normalization by
///   Variance Shift). If a network has both, this happens in each hidden layer except the last.
///   Small rates do little harm.
/// - A batch normalization subtracts the bias before it with the mean, and its beta replaces it. So
///   the linear layer has no bias if a batch or layer normalization follows it directly. It has one
///   before root mean square normalization, which subtracts nothing.
#[doc(alias = "MultilayerPerceptron")]
#[doc(alias = "FeedForward")]
#[derive(Clone, Debug, Layer, Module)]
#[module(crate = "cotangent_core")]
pub struct Mlp {
    /// All layers except the last.
    pub hidden: Vec<MlpBlock>,
    /// The last layer.
    pub out: Linear,
}

/// A hidden layer of an [`Mlp`].
#[derive(Clone, Debug, Module)]
#[module(crate = "cotangent_core")]
pub struct MlpBlock {
    /// The dense layer.
    pub linear: Linear,
    /// The normalization, if there is one.
    pub norm: Option<Normalization>,
    /// The activation.
    pub activation: Activation,
    dropout: Option<AnyDropout>,
    #[module(skip)]
    norm_after_activation: bool,
}

/// One of the three normalizations.
#[derive(Clone, Debug, Layer, Module)]
#[module(crate = "cotangent_core")]
pub enum Normalization {
    /// Batch normalization: by the statistics of each feature over the batch.
    Batch(#[module(flatten)] BatchNorm),
    /// Layer normalization: by the statistics of each sample over its features.
    Layer(#[module(flatten)] LayerNorm),
    /// Root mean square normalization: by the root mean square of each sample's features.
    Rms(#[module(flatten)] RmsNorm),
}

#[derive(Clone, Debug, Layer, Module)]
#[module(crate = "cotangent_core")]
enum AnyDropout {
    Plain(#[module(flatten)] Dropout),
    Alpha(#[module(flatten)] AlphaDropout),
}

impl Layer for MlpBlock {
    fn compute(&self, x: &Tensor, pass: &Pass) -> Result<Tensor> {
        let normalize = |x: &Tensor| {
            let norm = self.norm.forward(x, pass);
            norm.map_err(|error| error.within("norm"))
        };
        let activate = |x: &Tensor| {
            let y = self.activation.forward(x, pass);
            y.map_err(|error| error.within("activation"))
        };
        let z = self.linear.forward(x, pass);
        let z = z.map_err(|error| error.within("linear"))?;
        let y = if self.norm_after_activation {
            normalize(&activate(&z)?)?
        } else {
            activate(&normalize(&z)?)?
        };
        self.dropout.forward(&y, pass)
    }
}

impl Mlp {
    /// Returns a builder. `sizes` has the number of inputs first and the number of outputs last.
    pub fn builder(sizes: impl Into<Vec<usize>>) -> MlpBuilder {
        MlpBuilder {
            sizes: sizes.into(),
            activation: Relu.into(),
            norm: None,
            norm_after_activation: false,
            dropout: 0.0,
            weight: None,
            bias: init::constant(0.0),
        }
    }
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    Batch,
    Layer,
    Rms,
}

/// A builder of [`Mlp`]s.
#[derive(Clone, Debug)]
#[must_use]
pub struct MlpBuilder {
    sizes: Vec<usize>,
    activation: Activation,
    norm: Option<Kind>,
    norm_after_activation: bool,
    dropout: f64,
    weight: Option<Init>,
    bias: Init,
}

impl MlpBuilder {
    /// Sets the activation of the hidden layers, each of which gets a copy. Default: ReLU.
    pub fn activation(mut self, activation: impl Into<Activation>) -> Self {
        self.activation = activation.into();
        self
    }

    /// Adds batch normalization to the hidden layers, as from [`BatchNorm::new`].
    pub fn batch_norm(mut self) -> Self {
        self.norm = Some(Kind::Batch);
        self
    }

    /// Adds layer normalization to the hidden layers, as from [`LayerNorm::new`].
    pub fn layer_norm(mut self) -> Self {
        self.norm = Some(Kind::Layer);
        self
    }

    /// Adds root mean square normalization to the hidden layers, as from [`RmsNorm::new`].
    pub fn rms_norm(mut self) -> Self {
        self.norm = Some(Kind::Rms);
        self
    }

    /// Places normalization after the activation. By default it is before it, as in the paper on
    /// batch normalization.
    pub fn norm_after_activation(mut self) -> Self {
        self.norm_after_activation = true;
        self
    }

    /// Adds dropout with probability `p` at the end of each hidden layer: [`AlphaDropout`] if the
    /// activation is SELU, else [`Dropout`].
    pub fn dropout(mut self, p: f64) -> Self {
        self.dropout = p;
        self
    }

    /// Sets the initializer of the weights of all layers, including the output layer.
    pub fn weight(mut self, init: Init) -> Self {
        self.weight = Some(init);
        self
    }

    /// Sets the initializer of the biases. Default: zeros.
    pub fn bias(mut self, init: Init) -> Self {
        self.bias = init;
        self
    }

    /// Creates the network: draws the layers in order.
    ///
    /// # Errors
    /// [`Error::Argument`] if there are fewer than two sizes, a size is 0, the dropout probability
    /// is not in `[0, 1)`, or a setting of the activation is out of range, and the errors of
    /// [`Init::draw`].
    pub fn build(self, rng: &mut (impl Rng + ?Sized)) -> Result<Mlp> {
        let &[ref hidden @ .., last, outputs] = &self.sizes[..] else {
            let reason = format!("expected at least two sizes, found {:?}", self.sizes);
            return Err(Error::argument("mlp", reason));
        };
        let inputs = hidden.iter();
        let units = hidden.iter().skip(1).chain([&last]);
        let blocks = inputs.zip(units).enumerate();
        let hidden = blocks.map(|(i, (&inputs, &units))| {
            let block = self.block(inputs, units, rng);
            block.map_err(|error| error.within(&i.to_string()).within("hidden"))
        });
        let hidden = hidden.collect::<Result<_>>()?;
        // Without hidden layers no block has checked it.
        Dropout::new(self.dropout)?;
        Ok(Mlp {
            hidden,
            out: self
                .linear(last, outputs, init::glorot_uniform())
                .build(rng)
                .map_err(|error| error.within("out"))?,
        })
    }

    fn linear(&self, inputs: usize, units: usize, weight: Init) -> LinearBuilder {
        Linear::builder(inputs, units)
            .weight(self.weight.unwrap_or(weight))
            .bias(self.bias)
    }

    fn block(
        &self,
        inputs: usize,
        units: usize,
        rng: &mut (impl Rng + ?Sized),
    ) -> Result<MlpBlock> {
        // An invalid setting of the activation is an error of `build`, not of the first forward.
        let none = Tensor::zeros([0, units], DType::F32)?;
        let checked = self.activation.predict(&none);
        let _ = checked.map_err(|error| error.within("activation"))?;
        let linear = self.linear(inputs, units, self.activation.initializer());
        let shifted = matches!(self.norm, Some(Kind::Batch | Kind::Layer));
        let linear = if shifted && !self.norm_after_activation {
            linear.no_bias()
        } else {
            linear
        };
        let linear = linear.build(rng)?;
        let norm = self.norm.map(|kind| {
            Ok::<_, Error>(match kind {
                Kind::Batch => Normalization::Batch(BatchNorm::new(units)?),
                Kind::Layer => Normalization::Layer(LayerNorm::new(units)?),
                Kind::Rms => Normalization::Rms(RmsNorm::new(units)?),
            })
        });
        let p = self.dropout;
        let dropout = match self.activation {
            Activation::Selu(_) => AnyDropout::Alpha(AlphaDropout::new(p)?),
            _ => AnyDropout::Plain(Dropout::new(p)?),
        };
        Ok(MlpBlock {
            linear,
            norm: norm.transpose()?,
            activation: self.activation.clone(),
            dropout: (p > 0.0).then_some(dropout),
            norm_after_activation: self.norm_after_activation,
        })
    }
}
