//! A trained table of vectors, one for each word or category.

use crate::init::{self, Init};
use cotangent_core::module::{Param, Pass};
use cotangent_core::random::Rng;
use cotangent_core::{Error, Indices, Mask, Result, Tensor};
use cotangent_macros::Module;

/// The rows of a table that indices name (Bengio, Ducharme, Vincent, Jauvin 2003, A Neural
/// Probabilistic Language Model): indices (…) give vectors (…, dim).
///
/// The weight, (count, dim), starts normal with standard deviation 1, as in PyTorch (Keras: uniform
/// on ±0.05). A row that is named more than once gets the sum of the gradients; the gradient is a
/// whole table, also for few rows. PyTorch's options `max_norm`, `scale_grad_by_freq` and `sparse`
/// are not there.
///
/// It is no [`Layer`](cotangent_core::module::Layer), whose input is a tensor: in a model's own
/// `forward` it comes first.
///
/// ```
/// use cotangent::{Indices, module::Pass};
/// use cotangent::nn::Embedding;
/// # use cotangent::random::{ChaCha8Rng, SeedableRng};
/// # let mut rng = ChaCha8Rng::seed_from_u64(1);
/// let words = Embedding::new(1000, 16, &mut rng)?;
/// let sentences = Indices::from([[17, 4, 999], [4, 4, 0]]);
/// assert_eq!(words.forward(&sentences, &Pass::train(0))?.shape(), [2, 3, 16]);
/// # Ok::<(), cotangent::Error>(())
/// ```
#[derive(Clone, Debug, Module)]
#[module(crate = "cotangent_core")]
pub struct Embedding {
    /// (count, dim).
    pub weight: Param,
    #[module(skip)]
    padding_index: Option<usize>,
}

impl Embedding {
    /// A table of `count` vectors of length `dim`.
    ///
    /// # Errors
    /// As [`EmbeddingBuilder::build`].
    pub fn new(count: usize, dim: usize, rng: &mut (impl Rng + ?Sized)) -> Result<Self> {
        Self::builder(count, dim).build(rng)
    }

    /// A table with choices.
    pub fn builder(count: usize, dim: usize) -> EmbeddingBuilder {
        EmbeddingBuilder {
            count,
            dim,
            weight: init::normal(1.0),
            padding_index: None,
        }
    }

    /// The vectors, (…, dim), that the indices, (…), name.
    ///
    /// # Errors
    /// [`Error::Index`] if an index is not below the number of rows, [`Error::Shape`] if the result
    /// had more elements than memory can hold.
    pub fn forward(&self, indices: &Indices, pass: &Pass) -> Result<Tensor> {
        let vectors = self.weight.read(pass).embedding(indices);
        let vectors = vectors.map_err(|error| error.placed_in(self))?;
        let Some(padding) = self.padding_index else {
            return Ok(vectors);
        };
        blank(&vectors, indices, padding)
    }
}

/// The vectors (…, dim) of indices (…), zeros where an index is `padding`.
fn blank(vectors: &Tensor, indices: &Indices, padding: usize) -> Result<Tensor> {
    let padded = indices.as_slice().iter().map(|&index| index == padding);
    let shape: Vec<usize> = indices.shape().iter().copied().chain([1]).collect();
    vectors.masked_fill(&Mask::from_vec(padded.collect(), shape)?, 0.0)
}

/// The choices of an [`Embedding`].
#[derive(Clone, Debug)]
#[must_use]
pub struct EmbeddingBuilder {
    count: usize,
    dim: usize,
    weight: Init,
    padding_index: Option<usize>,
}

impl EmbeddingBuilder {
    /// How the weight is drawn.
    pub fn weight(mut self, init: Init) -> Self {
        self.weight = init;
        self
    }

    /// The index that fills sequences up to one length. It gives zeros and gets no gradient; its
    /// row starts as 0.
    ///
    /// PyTorch gives what the row holds, should somebody have changed it, but no gradient either.
    pub fn padding_index(mut self, index: usize) -> Self {
        self.padding_index = Some(index);
        self
    }

    /// Draws the weight.
    ///
    /// # Errors
    /// [`Error::Argument`] if `count` or `dim` is 0, [`Error::Index`] if the padding index is not
    /// below `count`, and as [`Init::draw`].
    pub fn build(self, rng: &mut (impl Rng + ?Sized)) -> Result<Embedding> {
        let (count, dim) = (self.count, self.dim);
        if count == 0 || dim == 0 {
            let reason = format!("expected sizes above 0, found {count} vectors of length {dim}");
            return Err(Error::argument("embedding", reason));
        }
        let mut weight = self.weight.draw(&[count, dim], rng)?;
        if let Some(padding) = self.padding_index {
            if padding >= count {
                let index = i64::try_from(padding).unwrap_or(i64::MAX);
                let what = "padding index";
                return Err(Error::index("embedding", what, index, count, "vectors"));
            }
            weight = blank(&weight, &Indices::range(count)?, padding)?;
        }
        Ok(Embedding {
            weight: Param::new(&weight),
            padding_index: self.padding_index,
        })
    }
}
