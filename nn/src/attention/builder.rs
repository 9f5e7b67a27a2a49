//! The options of multi-head attention.

use super::{MultiHeadAttention, OP};
use crate::init::{self, Init};
use crate::linear::Linear;
use crate::positions::Rotary;
use cotangent_core::module::Param;
use cotangent_core::random::Rng;
use cotangent_core::{Error, Interval, Result, Tensor};

/// A builder of [`MultiHeadAttention`] layers.
#[derive(Clone, Debug)]
#[must_use]
pub struct MultiHeadAttentionBuilder {
    features: usize,
    heads: usize,
    key_heads: usize,
    causal: bool,
    dropout: f64,
    rotary: Option<Rotary>,
    weight: Init,
    has_bias: bool,
    pytorch_default: bool,
}

impl MultiHeadAttentionBuilder {
    pub(super) fn new(features: usize, heads: usize) -> Self {
        Self {
            features,
            heads,
            key_heads: heads,
            causal: false,
            dropout: 0.0,
            rotary: None,
            weight: init::glorot_uniform(),
            has_bias: true,
            pytorch_default: false,
        }
    }

    /// Lets each position attend to itself and earlier positions only.
    #[doc(alias = "is_causal")]
    pub fn causal(mut self) -> Self {
        self.causal = true;
        self
    }

    /// Sets the number of heads of keys and values, which divides that of the queries. Each serves
    /// a group of consecutive query heads (Ainslie et al. 2023, GQA: Training Generalized
    /// Multi-Query Transformer Models from Multi-Head Checkpoints).
    #[doc(alias = "num_key_value_heads")]
    pub fn key_heads(mut self, key_heads: usize) -> Self {
        self.key_heads = key_heads;
        self
    }

    /// Rotates queries and keys by their positions. The width of a head must be that of `rotary`.
    pub fn rotary(mut self, rotary: &Rotary) -> Self {
        self.rotary = Some(rotary.clone());
        self
    }

    /// Sets weights of the attention to 0 with probability `p` in training. Default: 0.
    pub fn dropout(mut self, p: f64) -> Self {
        self.dropout = p;
        self
    }

    /// Sets the initializer of the four weights. Default:
    /// [`glorot_uniform`](init::glorot_uniform).
    #[doc(alias = "kernel_initializer")]
    pub fn weight(mut self, init: Init) -> Self {
        self.weight = init;
        self.pytorch_default = false;
        self
    }

    /// Leaves out all biases.
    pub fn no_bias(mut self) -> Self {
        self.has_bias = false;
        self
    }

    /// Draws weights as PyTorch does: `in_proj_weight` Glorot uniform by the fans of the whole,
    /// that of `out_proj` uniformly from ±1/√features.
    pub fn pytorch_default(mut self) -> Self {
        self.pytorch_default = true;
        self
    }

    /// Creates the layer: draws the weights of queries, keys, values and output, in this order.
    /// Biases are 0.
    ///
    /// # Errors
    /// [`Error::Argument`] if the heads do not divide the features, if the heads of the keys do not
    /// divide those of the queries, if the rotary positions have another width, or if the
    /// probability of dropout is not in `[0, 1)`; and the errors of [`Init::draw`].
    pub fn build(self, rng: &mut (impl Rng + ?Sized)) -> Result<MultiHeadAttention> {
        let Self {
            features,
            heads,
            key_heads,
            ..
        } = self;
        let refuse = |reason: String| Err(Error::argument(OP, reason));
        if features == 0 || heads == 0 || !features.is_multiple_of(heads) {
            return refuse(format!(
                "expected a number of heads that divides the features, found {heads} heads and \
                 {features} features"
            ));
        }
        if key_heads == 0 || !heads.is_multiple_of(key_heads) {
            return refuse(format!(
                "expected a number of key heads that divides the heads, found {key_heads} key \
                 heads and {heads} heads"
            ));
        }
        let width = features / heads;
        if let Some(rotary) = self
            .rotary
            .as_ref()
            .filter(|rotary| rotary.width() != width)
        {
            return refuse(format!(
                "expected rotary positions of the width {width} of a head, found {}",
                rotary.width()
            ));
        }
        Interval::Below1.check(OP, "p", self.dropout)?;
        let key_features = key_heads * width;
        let rows = features + 2 * key_features;
        let in_proj_weight = if self.pytorch_default {
            init::glorot_uniform().draw(&[rows, features], rng)?
        } else {
            let parts = [features, key_features, key_features];
            let parts = parts.map(|rows| self.weight.draw(&[rows, features], rng));
            let parts = parts.into_iter().collect::<Result<Vec<Tensor>>>()?;
            Tensor::cat(&parts, 0)?
        };
        let out_proj = Linear::builder(features, features);
        let out_proj = if self.pytorch_default {
            out_proj.weight(init::pytorch_linear())
        } else {
            out_proj.weight(self.weight)
        };
        let out_proj = if self.has_bias {
            out_proj
        } else {
            out_proj.no_bias()
        };
        let biases = || init::zeros().draw(&[rows], rng);
        let in_proj_bias = self.has_bias.then(biases).transpose()?;
        Ok(MultiHeadAttention {
            in_proj_weight: Param::new(&in_proj_weight),
            in_proj_bias: in_proj_bias.map(|bias| Param::new(&bias)),
            out_proj: out_proj.build(rng)?,
            heads,
            key_heads,
            causal: self.causal,
            dropout: self.dropout,
            rotary: self.rotary,
        })
    }
}
