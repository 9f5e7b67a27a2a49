//! The embedding: a trained table with one vector for each word or category.

use crate::init::{self, Init};
use cotangent_core::module::{Param, Pass};
use cotangent_core::random::Rng;
use cotangent_core::{Axes, Error, Indices, Interval, Mask, Norm, Result, Tensor, elementwise};
use cotangent_macros::Module;

/// A table of trained vectors, from which indices select rows.
///
/// Indices (…) give vectors (…, dim). The weight is (count, dim), as in PyTorch's `Embedding`. It
/// is drawn from the standard normal distribution, as in PyTorch (Keras: uniform on ±0.05).
///
/// If an index occurs several times, its row gets the sum of the gradients. If few rows are used,
/// the gradient stores [these rows alone](Tensor::sparse_rows), and an optimizer skips the others
/// if its formula allows it. There is no option such as PyTorch's `sparse`, because results do not
/// depend on it. PyTorch's option `scale_grad_by_freq` does not exist.
///
/// An embedding is not a [`Layer`](cotangent_core::module::Layer): its input is `Indices`, not a
/// tensor. Call it first in the `forward` of your own model.
///
/// Source: Bengio, Ducharme, Vincent, Jauvin 2003, A Neural Probabilistic Language Model.
///
/// ```
/// use cotangent::prelude::*;
///
/// let mut rng = ChaCha8Rng::seed_from_u64(1);
/// let words = Embedding::new(1000, 16, &mut rng)?;
/// let sentences = Indices::from([[17, 4, 999], [4, 4, 0]]);
/// assert_eq!(words.forward(&sentences, &Pass::train(0))?.shape(), [2, 3, 16]);
/// # Ok::<(), cotangent::Error>(())
/// ```
///
/// In a model:
///
/// ```
/// use cotangent::prelude::*;
///
/// #[derive(Module, Clone, Debug)]
/// struct Tagger {
///     words: Embedding,
///     tags: Mlp,
/// }
///
/// impl Tagger {
///     /// Computes logits (batch, time, tags) for words (batch, time).
///     fn forward(&self, words: &Indices, pass: &Pass) -> Result<Tensor> {
///         self.tags.forward(&self.words.forward(words, pass)?, pass)
///     }
/// }
///
/// let mut rng = ChaCha8Rng::seed_from_u64(1);
/// let words = Embedding::new(1000, 16, &mut rng)?;
/// let net = Tagger { words, tags: Mlp::builder([16, 32, 5]).build(&mut rng)? };
/// let logits = net.forward(&Indices::from([[17, 4, 999], [4, 4, 0]]), &Pass::inference())?;
/// assert_eq!(logits.shape(), [2, 3, 5]);
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone, Debug, Module)]
#[module(crate = "cotangent_core")]
pub struct Embedding {
    /// The table, (count, dim).
    pub weight: Param,
    #[module(skip)]
    padding_index: Option<usize>,
    #[module(skip)]
    max_norm: Option<(f64, Norm)>,
}

impl Embedding {
    /// Creates a table of `count` vectors of length `dim`.
    ///
    /// # Errors
    /// Returns the errors of [`EmbeddingBuilder::build`].
    pub fn new(count: usize, dim: usize, rng: &mut (impl Rng + ?Sized)) -> Result<Self> {
        Self::builder(count, dim).build(rng)
    }

    /// Returns a builder for the options.
    pub fn builder(count: usize, dim: usize) -> EmbeddingBuilder {
        EmbeddingBuilder {
            count,
            dim,
            weight: init::normal(1.0),
            padding_index: None,
            max_norm: None,
        }
    }

    /// Returns the vectors (…, dim) at the given indices (…).
    ///
    /// # Errors
    /// [`Error::Index`] if an index is not below the number of rows, [`Error::Shape`] if the result
    /// would have more elements than memory can hold.
    pub fn forward(&self, indices: &Indices, pass: &Pass) -> Result<Tensor> {
        let vectors = self.weight.read(pass).embedding(indices);
        let mut vectors = vectors.map_err(|error| error.placed_in(self))?;
        if let Some((max, norm)) = self.max_norm {
            let norms = vectors.norm_over(Axes::keep(-1), norm)?;
            vectors = vectors.mul(&shrink(&norms, max))?;
        }
        let Some(padding) = self.padding_index else {
            return Ok(vectors);
        };
        zero_padding(&vectors, indices, padding)
    }
}

/// Computes the factor that shrinks a vector of this norm to the norm `max`: 1 if it is shorter.
/// PyTorch adds 1e-7, too.
#[elementwise(kind = Blend, crate = "cotangent_core")]
fn shrink(norm: Tensor, max: f64) -> Tensor {
    if norm > max { max / (norm + 1e-7) } else { 1.0 }
}

/// Returns the vectors (…, dim) of indices (…), with zeros where an index is `padding`.
fn zero_padding(vectors: &Tensor, indices: &Indices, padding: usize) -> Result<Tensor> {
    let padded = indices.as_slice().iter().map(|&index| index == padding);
    let shape: Vec<usize> = indices.shape().iter().copied().chain([1]).collect();
    vectors.masked_fill(&Mask::from_vec(padded.collect(), shape)?, 0.0)
}

/// A builder of [`Embedding`] tables.
#[derive(Clone, Debug)]
#[must_use]
pub struct EmbeddingBuilder {
    count: usize,
    dim: usize,
    weight: Init,
    padding_index: Option<usize>,
    max_norm: Option<(f64, Norm)>,
}

impl EmbeddingBuilder {
    /// Sets the initializer of the table. Default: [`normal(1.0)`](init::normal).
    #[doc(alias = "embeddings_initializer")]
    pub fn weight(mut self, init: Init) -> Self {
        self.weight = init;
        self
    }

    /// Sets the index that pads sequences to a common length. It gives zeros and gets no gradient,
    /// and its row starts as 0.
    ///
    /// PyTorch returns the row's current values instead, which may have been changed by hand. It
    /// gives no gradient either.
    #[doc(alias = "padding_idx")]
    pub fn padding_index(mut self, index: usize) -> Self {
        self.padding_index = Some(index);
        self
    }

    /// Scales each vector whose norm is above `max` to this norm when it is looked up, in training
    /// and in prediction. A vector `w` gives `w · max / (‖w‖ + 1e-7)`. PyTorch: `max_norm`, with
    /// `norm_type` 1, 2 or ∞.
    ///
    /// The values are PyTorch's, but PyTorch also writes the scaled vectors into the weight, and
    /// takes the scale as a constant in the gradient. Here a lookup does not change the weight, and
    /// the gradient is that of the scaled vector: it has no part along a long vector, for the norm
    /// L2. TensorFlow's `embedding_lookup` does the same. To keep the weight itself within a bound,
    /// apply [`max_norm`](crate::regularize::max_norm) after each step.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let mut rng = ChaCha8Rng::seed_from_u64(1);
    /// let words = Embedding::builder(1000, 16).max_norm(1.0, Norm::L2).build(&mut rng)?;
    /// let vector = words.forward(&Indices::from([17]), &Pass::inference())?;
    /// assert!(words.weight.value().norm(Norm::L2)?.item()? > 100.0);
    /// assert!((vector.norm(Norm::L2)?.item()? - 1.0).abs() < 1e-6);
    /// # Ok::<(), Error>(())
    /// ```
    #[doc(alias = "norm_type")]
    pub fn max_norm(mut self, max: f64, norm: Norm) -> Self {
        self.max_norm = Some((max, norm));
        self
    }

    /// Creates the table and draws its weight.
    ///
    /// # Errors
    /// [`Error::Argument`] if `count` or `dim` is 0 or the largest norm is not above 0,
    /// [`Error::Index`] if the padding index is not
    /// below `count`, and the errors of [`Init::draw`].
    pub fn build(self, rng: &mut (impl Rng + ?Sized)) -> Result<Embedding> {
        let (count, dim) = (self.count, self.dim);
        if count == 0 || dim == 0 {
            let reason = format!("expected count and dim above 0, found {count} and {dim}");
            return Err(Error::argument("embedding", reason));
        }
        if let Some((max, _)) = self.max_norm {
            Interval::Bound.check("embedding", "the largest norm", max)?;
        }
        let mut weight = self.weight.draw(&[count, dim], rng)?;
        if let Some(padding) = self.padding_index {
            if padding >= count {
                let index = i64::try_from(padding).unwrap_or(i64::MAX);
                let what = "padding index";
                return Err(Error::index("embedding", what, index, count, "vectors"));
            }
            weight = zero_padding(&weight, &Indices::range(count)?, padding)?;
        }
        Ok(Embedding {
            weight: Param::new(&weight),
            padding_index: self.padding_index,
            max_norm: self.max_norm,
        })
    }
}
