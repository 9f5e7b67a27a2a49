//! The net that most experiments start from: dense layers with activation, normalization, dropout.

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

/// A multilayer perceptron: hidden blocks of [`Linear`], normalization, activation and dropout,
/// then a linear layer with nothing behind it, whose outputs are logits or values.
///
/// Each part is optional but the linear layers. Without further ado the activation is ReLU, weights
/// are drawn as the activation wants it ([`Activation::initializer`]; the output layer's Glorot
/// uniform), biases are 0, and there is no normalization and no dropout.
///
/// ```
/// use cotangent::random::{ChaCha8Rng, SeedableRng};
/// use cotangent::{DType, ModuleExt, Tensor, module::{Layer, Module}};
/// use cotangent::nn::{Elu, Mlp};
/// let mut rng = ChaCha8Rng::seed_from_u64(1);
/// let net = Mlp::builder([64, 100, 100, 10])
///     .activation(Elu::default())
///     .batch_norm()
///     .build(&mut rng)?;
/// assert_eq!(net.predict(&Tensor::zeros([32, 64], DType::F32)?)?.shape(), [32, 10]);
/// let paths: Vec<String> = net.named_params().into_iter().map(|(path, _)| path).collect();
/// assert_eq!(paths[..3], ["hidden.0.linear.weight", "hidden.0.norm.weight", "hidden.0.norm.bias"]);
/// assert_eq!(paths[6..], ["out.weight", "out.bias"]);
/// // What the third layer is fed:
/// let features = net.hidden[..2].predict(&Tensor::zeros([32, 64], DType::F32)?)?;
/// assert_eq!(features.shape(), [32, 100]);
/// # Ok::<(), cotangent::Error>(())
/// ```
///
/// Not everything goes together, though all of it can be built, so that it can be seen:
///
/// - [`Selu`](crate::Selu) keeps its promise with standardized inputs and LeCun normal weights (the
///   default with it) and nothing that moves mean or variance in between: no batch normalization,
///   no plain dropout, no skip connections ([`Residual`](crate::Residual)). Dropout of a SELU net
///   is [`AlphaDropout`] for that reason.
/// - Dropout in front of a batch normalization, as in each block but the last with both, shifts
///   variances between training and predicting (Li, Chen, Hu, Yang 2019, Understanding the
///   Disharmony between Dropout and Batch Normalization by Variance Shift). Small rates do little
///   harm.
/// - A bias in front of a batch normalization is subtracted again with the mean: there is none
///   where a batch or layer normalization stands between linear layer and activation, whose beta
///   takes its place. In front of root mean square normalization, which subtracts nothing, it
///   stays.
#[derive(Clone, Debug, Layer, Module)]
#[module(crate = "cotangent_core")]
pub struct Mlp {
    /// All layers but the last.
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

/// A normalization of one of the three kinds.
#[derive(Clone, Debug, Layer, Module)]
#[module(crate = "cotangent_core")]
pub enum Normalization {
    /// By the statistics of each feature over the batch.
    Batch(#[module(flatten)] BatchNorm),
    /// By the statistics of each sample over its features.
    Layer(#[module(flatten)] LayerNorm),
    /// By the root mean square of each sample's features.
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
    /// A net of layers of these sizes, the number of inputs first, that of outputs last.
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

/// The choices of an [`Mlp`].
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
    /// The activation of the hidden layers; each has a copy of its own. ReLU by default.
    pub fn activation(mut self, activation: impl Into<Activation>) -> Self {
        self.activation = activation.into();
        self
    }

    /// Batch normalization in the hidden layers, as [`BatchNorm::new`].
    pub fn batch_norm(mut self) -> Self {
        self.norm = Some(Kind::Batch);
        self
    }

    /// Layer normalization in the hidden layers, as [`LayerNorm::new`].
    pub fn layer_norm(mut self) -> Self {
        self.norm = Some(Kind::Layer);
        self
    }

    /// Root mean square normalization in the hidden layers, as [`RmsNorm::new`].
    pub fn rms_norm(mut self) -> Self {
        self.norm = Some(Kind::Rms);
        self
    }

    /// Normalization follows the activation; without this it comes before it, as in the paper on
    /// batch normalization.
    pub fn norm_after_activation(mut self) -> Self {
        self.norm_after_activation = true;
        self
    }

    /// Dropout with this probability at the end of each hidden layer: [`AlphaDropout`] if the
    /// activation is SELU, else [`Dropout`].
    pub fn dropout(mut self, p: f64) -> Self {
        self.dropout = p;
        self
    }

    /// How the weights of all layers are drawn, the output layer's too.
    pub fn weight(mut self, init: Init) -> Self {
        self.weight = Some(init);
        self
    }

    /// How the biases are drawn, where there are any; 0 by default.
    pub fn bias(mut self, init: Init) -> Self {
        self.bias = init;
        self
    }

    /// Draws the layers in order.
    ///
    /// # Errors
    /// [`Error::Argument`] if there are fewer than two sizes or one of 0, if the probability of
    /// dropout is not in `[0, 1)`, or if a setting of the activation is out of range, and as
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
        // Without hidden layers nothing has looked at it.
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
        // Settings that the activation refuses are an error here, not of the first forward.
        let none = Tensor::zeros([0, units], DType::F32)?;
        let checked = self.activation.predict(&none);
        checked.map_err(|error| error.within("activation"))?;
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
