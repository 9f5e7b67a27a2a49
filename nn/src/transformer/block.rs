//! The block of most language models since LLaMA.

use super::swiglu::SwiGlu;
use crate::attention::{KeyValueCache, MultiHeadAttention, MultiHeadAttentionBuilder};
use crate::dropout::Dropout;
use crate::positions::Rotary;
use crate::rms_norm::RmsNorm;
use cotangent_core::module::{Layer, Pass};
use cotangent_core::random::Rng;
use cotangent_core::{Mask, Result, Tensor};
use cotangent_macros::Module;

/// A block of a language model: root mean square normalization, causal self-attention and a
/// residual connection, then normalization, a [`SwiGlu`] layer and a residual connection.
///
/// `h = x + attention(attention_norm(x))`, `y = h + feed_forward(feed_forward_norm(h))`. Input and
/// output (batch, time, features). No layer has biases. A language model is an embedding, a stack
/// of such blocks, a normalization and a linear layer.
///
/// Source: Touvron et al. 2023, LLaMA: Open and Efficient Foundation Language Models.
///
/// ```
/// use cotangent::prelude::*;
/// use cotangent::nn::{KeyValueCache, Rotary, TransformerBlock};
///
/// let mut rng = ChaCha8Rng::seed_from_u64(1);
/// let block = TransformerBlock::builder(32, 4)
///     .key_heads(2)
///     .rotary(&Rotary::new(128, 8)?)
///     .build(&mut rng)?;
/// let x = Tensor::normal([2, 10, 32], 0.0, 1.0, DType::F32, &mut rng)?;
/// assert_eq!(block.predict(&x)?.shape(), [2, 10, 32]);
///
/// let mut cache = KeyValueCache::new();
/// let first = block.step(&x.narrow(1, 0, 1)?, &mut cache, &Pass::inference())?;
/// assert_eq!(first.shape(), [2, 1, 32]);
/// # Ok::<(), cotangent::Error>(())
/// ```
#[doc(alias = "LlamaDecoderLayer")]
#[derive(Clone, Debug, Module)]
#[module(crate = "cotangent_core")]
pub struct TransformerBlock {
    /// The normalization before the attention.
    pub attention_norm: RmsNorm,
    /// The self-attention.
    pub attention: MultiHeadAttention,
    /// The normalization before the feed-forward layer.
    pub feed_forward_norm: RmsNorm,
    /// The feed-forward layer.
    pub feed_forward: SwiGlu,
    dropout: Dropout,
}

impl TransformerBlock {
    /// Creates a block with default options.
    ///
    /// # Errors
    /// Returns the errors of [`TransformerBlockBuilder::build`].
    pub fn new(features: usize, heads: usize, rng: &mut (impl Rng + ?Sized)) -> Result<Self> {
        Self::builder(features, heads).build(rng)
    }

    /// Returns a builder for the options.
    pub fn builder(features: usize, heads: usize) -> TransformerBlockBuilder {
        TransformerBlockBuilder {
            features,
            attention: MultiHeadAttention::builder(features, heads)
                .causal()
                .no_bias(),
            hidden: (8 * features).div_ceil(3),
            dropout: 0.0,
        }
    }

    /// Computes the output for x (batch, time, features) with the keys for which `mask` is true, as
    /// [`MultiHeadAttention::attend`] does.
    ///
    /// # Errors
    /// Those of [`MultiHeadAttention::attend`].
    pub fn forward_masked(&self, x: &Tensor, mask: &Mask, pass: &Pass) -> Result<Tensor> {
        let attend = |x: &Tensor| self.attention.attend(x, x, Some(mask), pass);
        let y = self.through(x, pass, attend);
        y.map_err(|error| error.placed_in(self))
    }

    /// Continues a sequence as [`MultiHeadAttention::step`] does.
    ///
    /// # Errors
    /// Those of [`MultiHeadAttention::step`].
    pub fn step(&self, x: &Tensor, cache: &mut KeyValueCache, pass: &Pass) -> Result<Tensor> {
        let y = self.through(x, pass, |x| self.attention.step(x, cache, pass));
        y.map_err(|error| error.placed_in(self))
    }

    fn through(
        &self,
        x: &Tensor,
        pass: &Pass,
        attend: impl FnOnce(&Tensor) -> Result<Tensor>,
    ) -> Result<Tensor> {
        let attended = attend(&self.attention_norm.forward(x, pass)?)?;
        let h = x.add(&self.dropout.forward(&attended, pass)?)?;
        let y = self.feed_forward_norm.forward(&h, pass)?;
        let y = self.feed_forward.forward(&y, pass)?;
        h.add(&self.dropout.forward(&y, pass)?)
    }
}

impl Layer for TransformerBlock {
    /// # Errors
    /// Those of [`MultiHeadAttention::attend`].
    fn compute(&self, x: &Tensor, pass: &Pass) -> Result<Tensor> {
        self.through(x, pass, |x| self.attention.forward(x, pass))
    }
}

/// A builder of [`TransformerBlock`]s.
#[derive(Clone, Debug)]
#[must_use]
pub struct TransformerBlockBuilder {
    features: usize,
    attention: MultiHeadAttentionBuilder,
    hidden: usize,
    dropout: f64,
}

impl TransformerBlockBuilder {
    /// Sets the hidden size of the feed-forward layer. Default: 8/3 of the features, rounded up.
    #[doc(alias = "intermediate_size")]
    pub fn hidden(mut self, hidden: usize) -> Self {
        self.hidden = hidden;
        self
    }

    /// Sets the number of heads of keys and values, which divides that of the queries. Default:
    /// equal.
    #[doc(alias = "num_key_value_heads")]
    pub fn key_heads(mut self, key_heads: usize) -> Self {
        self.attention = self.attention.key_heads(key_heads);
        self
    }

    /// Rotates queries and keys by their positions. Without it the block does not know positions,
    /// except by the causal mask: add [`LearntPositions`](crate::LearntPositions) or
    /// [`SinusoidalPositions`](crate::SinusoidalPositions) to the input of the first block.
    pub fn rotary(mut self, rotary: &Rotary) -> Self {
        self.attention = self.attention.rotary(rotary);
        self
    }

    /// Drops attention weights, and elements of what the attention and the feed-forward layer add,
    /// with probability `p` in training. Default: 0.
    pub fn dropout(mut self, p: f64) -> Self {
        self.attention = self.attention.dropout(p);
        self.dropout = p;
        self
    }

    /// Creates the block: draws the weights of the attention, then those of the feed-forward layer.
    ///
    /// # Errors
    /// [`Error::Argument`](cotangent_core::Error::Argument) as
    /// [`MultiHeadAttentionBuilder::build`], and if the hidden size is 0.
    pub fn build(self, rng: &mut (impl Rng + ?Sized)) -> Result<TransformerBlock> {
        Ok(TransformerBlock {
            attention: self.attention.build(rng)?,
            attention_norm: RmsNorm::new(self.features)?,
            feed_forward_norm: RmsNorm::new(self.features)?,
            feed_forward: SwiGlu::new(self.features, self.hidden, rng)?,
            dropout: Dropout::new(self.dropout)?,
        })
    }
}
