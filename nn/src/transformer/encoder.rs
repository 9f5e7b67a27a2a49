//! The encoder layer: self-attention and a feed-forward layer, with residual connections.

use crate::activation::{Activation, Relu};
use crate::attention::{KeyValueCache, MultiHeadAttention, MultiHeadAttentionBuilder};
use crate::dropout::Dropout;
use crate::layer_norm::LayerNorm;
use crate::linear::Linear;
use crate::positions::Rotary;
use cotangent_core::module::{Layer, Pass};
use cotangent_core::random::Rng;
use cotangent_core::{Mask, Result, Tensor};
use cotangent_macros::Module;

/// A transformer layer without a memory: self-attention, then two linear layers with an activation
/// between them, each with a residual connection and layer normalization.
///
/// Input and output (batch, time, features). By default the normalization is last, as in the paper:
/// `h = norm1(x + self_attn(x))`, `y = norm2(h + linear2(activation(linear1(h))))`. With
/// [`norm_first`](TransformerEncoderLayerBuilder::norm_first) it is `h = x + self_attn(norm1(x))`,
/// `y = h + linear2(activation(linear1(norm2(h))))`, which trains deep stacks without a warm-up of
/// the learning rate (Xiong et al. 2020, On Layer Normalization in the Transformer Architecture).
/// With [`causal`](TransformerEncoderLayerBuilder::causal) it is the layer of GPT.
///
/// The names and the places of dropout are those of PyTorch's `TransformerEncoderLayer` with
/// `batch_first`. Two defaults differ: the hidden size is 4 times the features (PyTorch: 2048), and
/// there is no dropout (PyTorch: 0.1).
///
/// Source: Vaswani et al. 2017, Attention Is All You Need.
///
/// ```
/// use cotangent::prelude::*;
/// use cotangent::nn::TransformerEncoderLayer;
///
/// let mut rng = ChaCha8Rng::seed_from_u64(1);
/// let layer = TransformerEncoderLayer::builder(32, 4)
///     .norm_first()
///     .causal()
///     .activation(Gelu)
///     .build(&mut rng)?;
/// assert_eq!(layer.predict(&Tensor::ones([2, 10, 32], DType::F32)?)?.shape(), [2, 10, 32]);
/// assert_eq!(layer.named_params()[0].0, "self_attn.in_proj_weight");
/// # Ok::<(), cotangent::Error>(())
/// ```
#[derive(Clone, Debug, Module)]
#[module(crate = "cotangent_core")]
pub struct TransformerEncoderLayer {
    /// The self-attention.
    pub self_attn: MultiHeadAttention,
    /// The first layer of the feed-forward part, (hidden, features).
    pub linear1: Linear,
    /// The second layer of the feed-forward part, (features, hidden).
    pub linear2: Linear,
    /// The normalization of the attention.
    pub norm1: LayerNorm,
    /// The normalization of the feed-forward part.
    pub norm2: LayerNorm,
    /// The activation of the feed-forward part.
    pub activation: Activation,
    dropout: Dropout,
    #[module(skip)]
    norm_first: bool,
}

impl TransformerEncoderLayer {
    /// Creates a layer with default options.
    ///
    /// # Errors
    /// Returns the errors of [`TransformerEncoderLayerBuilder::build`].
    pub fn new(features: usize, heads: usize, rng: &mut (impl Rng + ?Sized)) -> Result<Self> {
        Self::builder(features, heads).build(rng)
    }

    /// Returns a builder for the options.
    pub fn builder(features: usize, heads: usize) -> TransformerEncoderLayerBuilder {
        TransformerEncoderLayerBuilder(Options::new(features, heads))
    }

    /// Computes the output for x (batch, time, features) with the keys for which `mask` is true, as
    /// [`MultiHeadAttention::attend`] does.
    ///
    /// # Errors
    /// Those of [`MultiHeadAttention::attend`].
    pub fn forward_masked(&self, x: &Tensor, mask: &Mask, pass: &Pass) -> Result<Tensor> {
        let attend = |x: &Tensor| self.self_attn.attend(x, x, Some(mask), pass);
        let y = self.through(x, pass, attend);
        y.map_err(|error| error.placed_in(self))
    }

    /// Continues a sequence as [`MultiHeadAttention::step`] does.
    ///
    /// # Errors
    /// Those of [`MultiHeadAttention::step`].
    pub fn step(&self, x: &Tensor, cache: &mut KeyValueCache, pass: &Pass) -> Result<Tensor> {
        let y = self.through(x, pass, |x| self.self_attn.step(x, cache, pass));
        y.map_err(|error| error.placed_in(self))
    }

    fn through(
        &self,
        x: &Tensor,
        pass: &Pass,
        attend: impl FnOnce(&Tensor) -> Result<Tensor>,
    ) -> Result<Tensor> {
        let (first, dropout) = (self.norm_first, self.dropout);
        let h = around(&self.norm1, first, dropout, x, pass, attend)?;
        around(&self.norm2, first, dropout, &h, pass, |x| {
            let hidden = self.linear1.forward(x, pass)?;
            let hidden = self.activation.forward(&hidden, pass)?;
            self.linear2.forward(&dropout.forward(&hidden, pass)?, pass)
        })
    }
}

impl Layer for TransformerEncoderLayer {
    /// # Errors
    /// Those of [`MultiHeadAttention::attend`].
    fn compute(&self, x: &Tensor, pass: &Pass) -> Result<Tensor> {
        self.through(x, pass, |x| self.self_attn.forward(x, pass))
    }
}

/// Computes a part with a residual connection, dropout, and normalization first or last.
pub(super) fn around(
    norm: &LayerNorm,
    norm_first: bool,
    dropout: Dropout,
    x: &Tensor,
    pass: &Pass,
    part: impl FnOnce(&Tensor) -> Result<Tensor>,
) -> Result<Tensor> {
    if norm_first {
        let y = part(&norm.forward(x, pass)?)?;
        return x.add(&dropout.forward(&y, pass)?);
    }
    let y = part(x)?;
    norm.forward(&x.add(&dropout.forward(&y, pass)?)?, pass)
}

/// The options that encoder and decoder layers share.
#[derive(Clone, Debug)]
pub(super) struct Options {
    pub features: usize,
    pub attention: MultiHeadAttentionBuilder,
    pub hidden: usize,
    pub activation: Activation,
    pub dropout: f64,
    pub norm_first: bool,
}

impl Options {
    pub(super) fn new(features: usize, heads: usize) -> Self {
        Self {
            features,
            attention: MultiHeadAttention::builder(features, heads),
            hidden: 4 * features,
            activation: Relu.into(),
            dropout: 0.0,
            norm_first: false,
        }
    }
}

/// Defines the options of a builder whose first field is [`Options`].
macro_rules! options {
    ($builder:ident) => {
        impl $builder {
            /// Sets the hidden size of the feed-forward part. Default: 4 times the features.
            #[doc(alias = "dim_feedforward")]
            pub fn hidden(mut self, hidden: usize) -> Self {
                self.0.hidden = hidden;
                self
            }

            /// Sets the activation of the feed-forward part. Default: ReLU.
            pub fn activation(
                mut self,
                activation: impl Into<crate::activation::Activation>,
            ) -> Self {
                self.0.activation = activation.into();
                self
            }

            /// Drops attention weights, activations, and elements of what each part adds, with
            /// probability `p` in training. Default: 0.
            pub fn dropout(mut self, p: f64) -> Self {
                self.0.attention = self.0.attention.dropout(p);
                self.0.dropout = p;
                self
            }

            /// Normalizes the input of each part, instead of the sum after it.
            pub fn norm_first(mut self) -> Self {
                self.0.norm_first = true;
                self
            }
        }
    };
}
pub(super) use options;

/// A builder of [`TransformerEncoderLayer`]s.
#[derive(Clone, Debug)]
#[must_use]
pub struct TransformerEncoderLayerBuilder(Options);

options! { TransformerEncoderLayerBuilder }

impl TransformerEncoderLayerBuilder {
    /// Lets each position attend to itself and earlier positions only.
    #[doc(alias = "is_causal")]
    pub fn causal(mut self) -> Self {
        self.0.attention = self.0.attention.causal();
        self
    }

    /// Sets the number of heads of keys and values, which divides that of the queries.
    pub fn key_heads(mut self, key_heads: usize) -> Self {
        self.0.attention = self.0.attention.key_heads(key_heads);
        self
    }

    /// Rotates queries and keys by their positions.
    pub fn rotary(mut self, rotary: &Rotary) -> Self {
        self.0.attention = self.0.attention.rotary(rotary);
        self
    }

    /// Creates the layer: draws the weights of the attention, then those of the feed-forward part,
    /// for its activation.
    ///
    /// # Errors
    /// [`Error::Argument`](cotangent_core::Error::Argument) as
    /// [`MultiHeadAttentionBuilder::build`], and if the hidden size is 0.
    pub fn build(self, rng: &mut (impl Rng + ?Sized)) -> Result<TransformerEncoderLayer> {
        let options = self.0;
        let features = options.features;
        let first = Linear::builder(features, options.hidden);
        let first = first.weight(options.activation.initializer());
        Ok(TransformerEncoderLayer {
            self_attn: options.attention.build(rng)?,
            linear1: first.build(rng)?,
            linear2: Linear::new(options.hidden, features, rng)?,
            norm1: LayerNorm::new(features)?,
            norm2: LayerNorm::new(features)?,
            activation: options.activation,
            dropout: Dropout::new(options.dropout)?,
            norm_first: options.norm_first,
        })
    }
}
