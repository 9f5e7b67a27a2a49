//! Multi-head attention: projections of queries, keys and values around the attention of the core.

mod builder;
mod cache;

use crate::linear::Linear;
use crate::positions::Rotary;
pub use builder::MultiHeadAttentionBuilder;
pub use cache::KeyValueCache;
use cotangent_core::module::{Layer, Param, Pass};
use cotangent_core::random::Rng;
use cotangent_core::{Attention, Error, Mask, Result, Tensor};
use cotangent_macros::Module;

const OP: &str = "multi_head_attention";

/// Multi-head attention: `softmax(q kᵀ / √width) v` for each head, where q, k and v are projections
/// of the input, and a projection of all heads together.
///
/// Input and output (batch, time, features). The heads divide the features: each has the width
/// features / heads. As a [`Layer`] it is self-attention: queries, keys and values come from the
/// same input. [`attend`](Self::attend) takes a memory for the keys and values, and a mask.
/// [`step`](Self::step) continues a sequence with a [`KeyValueCache`].
///
/// The parameters have the names and shapes of PyTorch's `MultiheadAttention`; its `in_proj_weight`
/// has the rows of q, then those of k and v. The batch is the first axis, as with `batch_first`.
/// Masks are true for keys that take part; PyTorch's are true for keys that do not. Options that
/// PyTorch's layer lacks: [causal](MultiHeadAttentionBuilder::causal),
/// [fewer heads of keys](MultiHeadAttentionBuilder::key_heads) and
/// [rotary positions](MultiHeadAttentionBuilder::rotary). Its `kdim`, `vdim`, `add_bias_kv` and
/// `add_zero_attn` do not exist.
///
/// By default the weights of all four projections are drawn Glorot uniform, each by its own fans,
/// and the biases are 0. PyTorch draws the first three with the fans of `in_proj_weight` as a
/// whole: use [`MultiHeadAttentionBuilder::pytorch_default`].
///
/// Source: Vaswani et al. 2017, Attention Is All You Need.
///
/// ```
/// use cotangent::prelude::*;
///
/// let mut rng = ChaCha8Rng::seed_from_u64(1);
/// let attention = MultiHeadAttention::builder(32, 4).causal().build(&mut rng)?;
/// let x = Tensor::normal([2, 10, 32], 0.0, 1.0, DType::F32, &mut rng)?;
/// assert_eq!(attention.predict(&x)?.shape(), [2, 10, 32]);
/// # Ok::<(), cotangent::Error>(())
/// ```
#[doc(alias = "MultiheadAttention")]
#[doc(alias = "SelfAttention")]
#[derive(Clone, Debug, Module)]
#[module(crate = "cotangent_core")]
pub struct MultiHeadAttention {
    /// The weights of the projections to queries, keys and values, (features + 2 key features,
    /// features).
    pub in_proj_weight: Param,
    /// Their biases, (features + 2 key features).
    pub in_proj_bias: Option<Param>,
    /// The projection of all heads together.
    pub out_proj: Linear,
    #[module(skip)]
    heads: usize,
    #[module(skip)]
    key_heads: usize,
    #[module(skip)]
    causal: bool,
    #[module(skip)]
    dropout: f64,
    #[module(skip)]
    rotary: Option<Rotary>,
}

/// The part of a projection.
#[derive(Clone, Copy)]
enum Part {
    Queries,
    Keys,
    Values,
}

impl MultiHeadAttention {
    /// Creates self-attention over all positions with biases and without dropout.
    ///
    /// # Errors
    /// Returns the errors of [`MultiHeadAttentionBuilder::build`].
    pub fn new(features: usize, heads: usize, rng: &mut (impl Rng + ?Sized)) -> Result<Self> {
        Self::builder(features, heads).build(rng)
    }

    /// Returns a builder for the options.
    pub fn builder(features: usize, heads: usize) -> MultiHeadAttentionBuilder {
        MultiHeadAttentionBuilder::new(features, heads)
    }

    /// Returns the number of features of input and output.
    pub fn features(&self) -> usize {
        self.in_proj_weight.shape()[1]
    }

    /// Computes attention of `x` (batch, time, features) to `memory` (batch, keys, features), with
    /// the keys for which `mask` is true. The mask broadcasts to (batch, heads, time, keys). Of
    /// [`key_mask`] it has the shape (batch, 1, 1, keys).
    ///
    /// In inference, and in training without dropout, a position that attends to no key gets the
    /// bias of `out_proj` (in PyTorch NaN).
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// use cotangent::nn::key_mask;
    ///
    /// let mut rng = ChaCha8Rng::seed_from_u64(1);
    /// let attention = MultiHeadAttention::new(32, 4, &mut rng)?;
    /// let x = Tensor::normal([2, 10, 32], 0.0, 1.0, DType::F32, &mut rng)?;
    /// let memory = Tensor::normal([2, 7, 32], 0.0, 1.0, DType::F32, &mut rng)?;
    /// // The second sample has only 3 of the 7 keys.
    /// let mask = key_mask(&[7, 3], 7)?;
    /// let y = attention.attend(&x, &memory, Some(&mask), &Pass::train(1))?;
    /// assert_eq!(y.shape(), [2, 10, 32]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Shape`] if the shapes do not fit, [`Error::DType`] if the dtypes of inputs and
    /// weights differ.
    pub fn attend(
        &self,
        x: &Tensor,
        memory: &Tensor,
        mask: Option<&Mask>,
        pass: &Pass,
    ) -> Result<Tensor> {
        let attended = self.attended(x, memory, mask, pass);
        attended.map_err(|error| error.placed_in(self))
    }

    /// Continues a sequence: computes self-attention of the new positions `x` (batch, time,
    /// features) to all positions in the cache and, causally, to the new ones. Then the cache has
    /// them too. The result equals that of all positions at once, if attention is causal.
    ///
    /// No gradient flows to the positions of earlier calls.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// use cotangent::nn::KeyValueCache;
    ///
    /// let mut rng = ChaCha8Rng::seed_from_u64(1);
    /// let attention = MultiHeadAttention::builder(32, 4).causal().build(&mut rng)?;
    /// let x = Tensor::normal([2, 10, 32], 0.0, 1.0, DType::F32, &mut rng)?;
    /// let (mut cache, pass) = (KeyValueCache::new(), Pass::inference());
    /// let _ = attention.step(&x.narrow(1, 0, 9)?, &mut cache, &pass)?;
    /// let last = attention.step(&x.narrow(1, 9, 1)?, &mut cache, &pass)?;
    /// let all = attention.predict(&x)?.narrow(1, 9, 1)?;
    /// assert!(last.sub(&all)?.abs().max()?.item()? < 1e-6);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Shape`] if the shapes do not fit, or if the cache is of another batch or layer;
    /// [`Error::DType`] if the dtypes of input, cache and weights differ.
    pub fn step(&self, x: &Tensor, cache: &mut KeyValueCache, pass: &Pass) -> Result<Tensor> {
        let attended = self.continued(x, cache, pass);
        attended.map_err(|error| error.placed_in(self))
    }

    fn attended(
        &self,
        x: &Tensor,
        memory: &Tensor,
        mask: Option<&Mask>,
        pass: &Pass,
    ) -> Result<Tensor> {
        self.expect_sequences(x)?;
        self.expect_sequences(memory)?;
        if x.shape()[0] != memory.shape()[0] {
            let reason = "expected as many samples in the memory as in the input";
            return Err(Error::shape(OP, reason, &[x.shape(), memory.shape()]));
        }
        let queries = self.project(Part::Queries, x, 0, pass)?;
        let keys = self.project(Part::Keys, memory, 0, pass)?;
        let values = self.project(Part::Values, memory, 0, pass)?;
        let mut attention = Attention::new();
        if self.causal {
            attention = attention.causal();
        }
        if let Some(mask) = mask {
            attention = attention.mask(mask);
        }
        self.joined(attention, [&queries, &keys, &values], pass)
    }

    fn continued(&self, x: &Tensor, cache: &mut KeyValueCache, pass: &Pass) -> Result<Tensor> {
        self.expect_sequences(x)?;
        let first = cache.len();
        let queries = self.project(Part::Queries, x, first, pass)?;
        let keys = self.project(Part::Keys, x, first, pass)?;
        let values = self.project(Part::Values, x, first, pass)?;
        let (keys, values) = cache.extend(&keys, &values)?;
        let mut attention = Attention::new();
        // A single position attends to all keys.
        if x.shape()[1] > 1 {
            attention = attention.causal_from(first);
        }
        self.joined(attention, [&queries, &keys, &values], pass)
    }

    fn expect_sequences(&self, x: &Tensor) -> Result<()> {
        let features = self.features();
        if x.rank() == 3 && x.shape()[2] == features {
            return Ok(());
        }
        let reason = format!("expected input (batch, time, {features})");
        Err(Error::shape(OP, reason, &[x.shape()]))
    }

    /// Computes queries, keys or values (batch, heads, time, width) of the positions from `first`
    /// on.
    fn project(&self, part: Part, x: &Tensor, first: usize, pass: &Pass) -> Result<Tensor> {
        let features = self.features();
        let width = features / self.heads;
        let key_features = self.key_heads * width;
        let (start, len) = match part {
            Part::Queries => (0, features),
            Part::Keys => (features, key_features),
            Part::Values => (features + key_features, key_features),
        };
        // Products by a part of the weight each, so that no part of a common result must be copied.
        let weight = self.in_proj_weight.read(pass).narrow(0, start, len)?;
        let bias = self.in_proj_bias.as_ref();
        let bias = bias.map(|bias| bias.read(pass).narrow(0, start, len));
        let projected = x.linear(&weight, bias.transpose()?.as_ref())?;
        let (batch, time) = (x.shape()[0], x.shape()[1]);
        let heads = projected.reshape([batch, time, len / width, width])?;
        let heads = heads.transpose(1, 2)?;
        match (&self.rotary, part) {
            (Some(rotary), Part::Queries | Part::Keys) => rotary.rotate(&heads, first),
            _ => Ok(heads),
        }
    }

    /// Computes attention and the projection of its heads together.
    fn joined(
        &self,
        mut attention: Attention,
        [queries, keys, values]: [&Tensor; 3],
        pass: &Pass,
    ) -> Result<Tensor> {
        if self.dropout > 0.0 && pass.is_training() {
            attention = attention.dropout(self.dropout, pass.next_seed());
        }
        let attended = attention.attend(queries, keys, values)?;
        let (batch, time) = (attended.shape()[0], attended.shape()[2]);
        let attended = attended.transpose(1, 2)?;
        let attended = attended.reshape([batch, time, self.features()])?;
        self.out_proj.forward(&attended, pass)
    }
}

impl Layer for MultiHeadAttention {
    /// # Errors
    /// Returns the errors of [`MultiHeadAttention::attend`].
    fn compute(&self, x: &Tensor, pass: &Pass) -> Result<Tensor> {
        self.attended(x, x, None, pass)
    }
}

/// Returns a mask (batch, 1, 1, time) that is true for the first `lengths[i]` keys of sample `i`,
/// for sequences that are filled up to a common length.
///
/// ```
/// use cotangent::nn::key_mask;
/// let mask = key_mask(&[2, 3], 3)?;
/// assert_eq!(mask.shape(), [2, 1, 1, 3]);
/// assert_eq!(mask.as_slice(), [true, true, false, true, true, true]);
/// # Ok::<(), cotangent::Error>(())
/// ```
///
/// # Errors
/// [`Error::Argument`] if a length is above `time`.
#[doc(alias = "key_padding_mask")]
pub fn key_mask(lengths: &[usize], time: usize) -> Result<Mask> {
    if let Some((sample, length)) = lengths.iter().enumerate().find(|(_, len)| **len > time) {
        let reason = format!("expected lengths up to {time}, found {length} of sample {sample}");
        return Err(Error::argument("key_mask", reason));
    }
    let taking_part = lengths
        .iter()
        .flat_map(|&len| (0..time).map(move |key| key < len));
    Mask::from_vec(taking_part.collect(), [lengths.len(), 1, 1, time])
}
