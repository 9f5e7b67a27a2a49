//! The decoder layer: causal self-attention, attention to a memory, and a feed-forward layer.

use super::encoder::{Options, around, options};
use crate::activation::Activation;
use crate::attention::{KeyValueCache, MultiHeadAttention};
use crate::dropout::Dropout;
use crate::layer_norm::LayerNorm;
use crate::linear::Linear;
use cotangent_core::module::{Layer, Pass};
use cotangent_core::random::Rng;
use cotangent_core::{Mask, Result, Tensor};
use cotangent_macros::Module;

/// A transformer layer with a memory: causal self-attention, attention to the memory, then two
/// linear layers with an activation between them, each with a residual connection and layer
/// normalization.
///
/// Input and output (batch, time, features), memory (batch, keys, features): the output of an
/// encoder. By default the normalization is last, as in the paper. It is not a [`Layer`], because
/// it has two inputs.
///
/// The names and the places of dropout are those of PyTorch's `TransformerDecoderLayer` with
/// `batch_first`. Self-attention is always causal; PyTorch needs a mask for that. The defaults are
/// those of [`TransformerEncoderLayer`](crate::TransformerEncoderLayer).
///
/// Source: Vaswani et al. 2017, Attention Is All You Need.
///
/// ```
/// use cotangent::prelude::*;
/// use cotangent::nn::TransformerDecoderLayer;
///
/// let mut rng = ChaCha8Rng::seed_from_u64(1);
/// let layer = TransformerDecoderLayer::new(32, 4, &mut rng)?;
/// let x = Tensor::ones([2, 10, 32], DType::F32)?;
/// let memory = Tensor::ones([2, 7, 32], DType::F32)?;
/// assert_eq!(layer.forward(&x, &memory, None, &Pass::train(1))?.shape(), [2, 10, 32]);
/// # Ok::<(), cotangent::Error>(())
/// ```
#[derive(Clone, Debug, Module)]
#[module(crate = "cotangent_core")]
pub struct TransformerDecoderLayer {
    /// The causal self-attention.
    pub self_attn: MultiHeadAttention,
    /// The attention to the memory.
    pub multihead_attn: MultiHeadAttention,
    /// The first layer of the feed-forward part, (hidden, features).
    pub linear1: Linear,
    /// The second layer of the feed-forward part, (features, hidden).
    pub linear2: Linear,
    /// The normalization of the self-attention.
    pub norm1: LayerNorm,
    /// The normalization of the attention to the memory.
    pub norm2: LayerNorm,
    /// The normalization of the feed-forward part.
    pub norm3: LayerNorm,
    /// The activation of the feed-forward part.
    pub activation: Activation,
    dropout: Dropout,
    #[module(skip)]
    norm_first: bool,
}

impl TransformerDecoderLayer {
    /// Creates a layer with default options.
    ///
    /// # Errors
    /// Returns the errors of [`TransformerDecoderLayerBuilder::build`].
    pub fn new(features: usize, heads: usize, rng: &mut (impl Rng + ?Sized)) -> Result<Self> {
        Self::builder(features, heads).build(rng)
    }

    /// Returns a builder for the options.
    pub fn builder(features: usize, heads: usize) -> TransformerDecoderLayerBuilder {
        TransformerDecoderLayerBuilder(Options::new(features, heads))
    }

    /// Computes the output for x (batch, time, features) and a memory (batch, keys, features).
    /// `mask` says which keys of the memory take part, as in [`MultiHeadAttention::attend`].
    ///
    /// # Errors
    /// Those of [`MultiHeadAttention::attend`].
    pub fn forward(
        &self,
        x: &Tensor,
        memory: &Tensor,
        mask: Option<&Mask>,
        pass: &Pass,
    ) -> Result<Tensor> {
        let attend = |x: &Tensor| self.self_attn.forward(x, pass);
        let y = self.through(x, memory, mask, pass, attend);
        y.map_err(|error| error.placed_in(self))
    }

    /// Continues a sequence as [`MultiHeadAttention::step`] does. The cache has the keys and values
    /// of the self-attention; those of the memory are computed at each step.
    ///
    /// # Errors
    /// Those of [`MultiHeadAttention::step`] and [`MultiHeadAttention::attend`].
    pub fn step(
        &self,
        x: &Tensor,
        memory: &Tensor,
        mask: Option<&Mask>,
        cache: &mut KeyValueCache,
        pass: &Pass,
    ) -> Result<Tensor> {
        let attend = |x: &Tensor| self.self_attn.step(x, cache, pass);
        let y = self.through(x, memory, mask, pass, attend);
        y.map_err(|error| error.placed_in(self))
    }

    fn through(
        &self,
        x: &Tensor,
        memory: &Tensor,
        mask: Option<&Mask>,
        pass: &Pass,
        attend: impl FnOnce(&Tensor) -> Result<Tensor>,
    ) -> Result<Tensor> {
        let (first, dropout) = (self.norm_first, self.dropout);
        let h = around(&self.norm1, first, dropout, x, pass, attend)?;
        let h = around(&self.norm2, first, dropout, &h, pass, |x| {
            self.multihead_attn.attend(x, memory, mask, pass)
        })?;
        around(&self.norm3, first, dropout, &h, pass, |x| {
            let hidden = self.linear1.forward(x, pass)?;
            let hidden = self.activation.forward(&hidden, pass)?;
            self.linear2.forward(&dropout.forward(&hidden, pass)?, pass)
        })
    }
}

/// A builder of [`TransformerDecoderLayer`]s.
#[derive(Clone, Debug)]
#[must_use]
pub struct TransformerDecoderLayerBuilder(Options);

options! { TransformerDecoderLayerBuilder }

impl TransformerDecoderLayerBuilder {
    /// Creates the layer: draws the weights of self-attention and attention to the memory, then
    /// those of the feed-forward part, for its activation.
    ///
    /// # Errors
    /// [`Error::Argument`](cotangent_core::Error::Argument) as
    /// [`MultiHeadAttentionBuilder::build`](crate::MultiHeadAttentionBuilder::build), and if the
    /// hidden size is 0.
    pub fn build(self, rng: &mut (impl Rng + ?Sized)) -> Result<TransformerDecoderLayer> {
        let options = self.0;
        let features = options.features;
        let first = Linear::builder(features, options.hidden);
        let first = first.weight(options.activation.initializer());
        Ok(TransformerDecoderLayer {
            self_attn: options.attention.clone().causal().build(rng)?,
            multihead_attn: options.attention.build(rng)?,
            linear1: first.build(rng)?,
            linear2: Linear::new(options.hidden, features, rng)?,
            norm1: LayerNorm::new(features)?,
            norm2: LayerNorm::new(features)?,
            norm3: LayerNorm::new(features)?,
            activation: options.activation,
            dropout: Dropout::new(options.dropout)?,
            norm_first: options.norm_first,
        })
    }
}
