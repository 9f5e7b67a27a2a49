//! `Dataset`, the trait of everything that batches can be made of.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use cotangent_core::Result;
use cotangent_core::random::ChaCha8Rng;

use crate::batches::panicked;
use crate::combine::{Augment, Concat, Map, Subset};
use crate::error::Error;
use crate::key::Key;
use crate::sample::Sample;

/// Samples with positions from 0 to [`len`](Self::len), each of which can be read by itself.
///
/// In memory [`Table`](crate::Table) and [`Labeled`](crate::Labeled) are data sets. Implement the
/// trait for samples that are read or computed when a batch needs them. Two methods are required:
///
/// ```
/// use cotangent::data::{Batches, Dataset};
/// use cotangent::prelude::*;
///
/// /// The squares of the numbers 0, 1, 2 and so on, with their roots.
/// struct Squares(usize);
///
/// impl Dataset for Squares {
///     type Sample = (Tensor, Tensor);
///
///     fn len(&self) -> usize {
///         self.0
///     }
///
///     fn get(&self, position: usize) -> Result<(Tensor, Tensor)> {
///         let root = position as f32;
///         Ok((Tensor::from([root * root]), Tensor::from([root])))
///     }
/// }
///
/// let (squares, _roots) = Batches::new(Squares(100), 32)?.epoch(0).next().unwrap()?;
/// assert_eq!(squares.shape(), [32, 1]);
/// # Ok::<(), Error>(())
/// ```
#[doc(alias = "TensorDataset")]
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no data set",
    note = "tensors in memory become a data set by `Table::new((inputs, targets))?`, or by \
            `Labeled::new(inputs, labels)?`"
)]
pub trait Dataset: Send + Sync {
    /// One sample, such as `(Tensor, Indices)`. A batch has the same type.
    type Sample: Sample;

    /// Returns the number of samples.
    fn len(&self) -> usize;

    /// Returns the sample at `position`.
    ///
    /// # Errors
    /// An error if the sample cannot be read, or if `position` is not below [`len`](Self::len).
    /// Batches add the position to the error.
    fn get(&self, position: usize) -> Result<Self::Sample>;

    /// Returns whether there are no samples.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the sample at `position` with the random changes of `key`. Without such changes it
    /// is [`get`](Self::get).
    ///
    /// # Errors
    /// As [`get`](Self::get).
    fn draw(&self, position: usize, key: Key) -> Result<Self::Sample> {
        let _ = key;
        self.get(position)
    }

    /// Returns a batch of samples, each given by its position and its key. The default stacks what
    /// [`draw`](Self::draw) returns; a data set in memory gathers all rows at once.
    ///
    /// # Errors
    /// [`Error::Item`](crate::Error::Item), which has the position of the sample that cannot be
    /// read, panics, or has another shape than the first; the errors of [`Sample::stack`].
    fn batch(&self, draws: &[(usize, Key)]) -> Result<Self::Sample> {
        stack_of(self, draws)
    }

    /// Returns the samples changed by `f`, whenever one is read.
    ///
    /// ```
    /// use cotangent::data::Dataset;
    /// use cotangent::prelude::*;
    ///
    /// let inverted = digits()?.map(|(image, label)| Ok((1.0 - image, label)));
    /// assert_eq!(inverted.get(0)?.0.to_vec::<f32>()?[0], 1.0);
    /// # Ok::<(), Error>(())
    /// ```
    fn map<S: Sample, F>(self, f: F) -> Map<Self, F>
    where
        Self: Sized,
        F: Fn(Self::Sample) -> Result<S> + Send + Sync,
    {
        Map { dataset: self, f }
    }

    /// Returns the samples changed at random by `f`, anew in every epoch. The generator depends on
    /// the seed of the batches, the epoch and the position of the sample, but not on the number of
    /// workers. A sample that an epoch contains several times is changed anew each time.
    /// [`get`](Self::get) returns the sample unchanged.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// use cotangent::random::Rng;
    ///
    /// let noisy = digits()?.augment(|(image, label), rng| {
    ///     let noise = image.normal_like(0.0, 0.1, rng)?;
    ///     Ok((image + noise, label))
    /// });
    /// let batches = Batches::new(noisy, 32)?.shuffle(42).workers(2);
    /// assert_eq!(batches.epoch(0).count(), 57);
    /// # Ok::<(), Error>(())
    /// ```
    fn augment<F>(self, f: F) -> Augment<Self, F>
    where
        Self: Sized,
        F: Fn(Self::Sample, &mut ChaCha8Rng) -> Result<Self::Sample> + Send + Sync,
    {
        Augment { dataset: self, f }
    }

    /// Returns the samples at `positions`, in that order, as a view. A position may occur more than
    /// once.
    ///
    /// # Errors
    /// [`Error::SampleOutOfRange`](crate::Error::SampleOutOfRange) for a position that is not below
    /// [`len`](Self::len).
    fn subset(self, positions: impl Into<Vec<usize>>) -> crate::Result<Subset<Self>>
    where
        Self: Sized,
    {
        Subset::new(self, positions.into())
    }

    /// Returns two views, such as a training and a test set, from the positions of each. The
    /// functions of [`split`](crate::split) choose positions.
    ///
    /// ```
    /// use cotangent::data::split;
    /// use cotangent::prelude::*;
    ///
    /// let table = Table::new((Tensor::zeros([100, 3], DType::F32)?, Indices::range(100)?))?;
    /// let (train, test) = table.split(split::random(100, 0.2, 42)?)?;
    /// assert_eq!((train.len(), test.len()), (80, 20));
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`subset`](Self::subset).
    fn split(
        &self,
        (train, test): (Vec<usize>, Vec<usize>),
    ) -> crate::Result<(Subset<Self>, Subset<Self>)>
    where
        Self: Sized + Clone,
    {
        Ok((self.clone().subset(train)?, self.clone().subset(test)?))
    }

    /// Returns the samples of this data set and then those of `other`.
    fn concat<D: Dataset<Sample = Self::Sample>>(self, other: D) -> Concat<Self, D>
    where
        Self: Sized,
    {
        Concat::new(self, other)
    }
}

/// Returns the batch of samples that are drawn one by one.
pub(crate) fn stack_of<D: Dataset + ?Sized>(
    dataset: &D,
    draws: &[(usize, Key)],
) -> Result<D::Sample> {
    let draw = |&(position, key): &(usize, Key)| {
        let drawn = catch_unwind(AssertUnwindSafe(|| dataset.draw(position, key)));
        let drawn = drawn.unwrap_or_else(|panic| Err(panicked(&*panic).into()));
        drawn.map_err(|error| Error::item(position, error))
    };
    let samples = draws.iter().map(draw).collect::<Result<Vec<_>>>()?;
    let positions = draws.iter().map(|&(position, _)| position);
    D::Sample::stack(&samples).map_err(|error| misfit(&samples, positions, error))
}

/// Returns the error of a batch that cannot be stacked, with the position of the first sample that
/// does not fit the first one.
pub(crate) fn misfit<S: Sample>(
    samples: &[S],
    positions: impl IntoIterator<Item = usize>,
    error: cotangent_core::Error,
) -> cotangent_core::Error {
    for (sample, position) in samples.iter().zip(positions).skip(1) {
        if let Err(error) = S::stack(&[samples[0].clone(), sample.clone()]) {
            return Error::item(position, error);
        }
    }
    error
}

/// Implements [`Dataset`] for a pointer to a data set.
macro_rules! pointers {
    ($($pointer:ty),*) => {$(
        impl<D: Dataset + ?Sized> Dataset for $pointer {
            type Sample = D::Sample;

            fn len(&self) -> usize {
                (**self).len()
            }

            fn get(&self, position: usize) -> Result<Self::Sample> {
                (**self).get(position)
            }

            fn draw(&self, position: usize, key: Key) -> Result<Self::Sample> {
                (**self).draw(position, key)
            }

            fn batch(&self, draws: &[(usize, Key)]) -> Result<Self::Sample> {
                (**self).batch(draws)
            }
        }
    )*};
}

pointers!(&D, Arc<D>, Box<D>);

/// Returns the positions of draws, or an error for one that is not below `samples`.
pub(crate) fn positions_of(draws: &[(usize, Key)], samples: usize) -> Result<Vec<usize>> {
    let position = |&(position, _): &(usize, Key)| {
        if position < samples {
            Ok(position)
        } else {
            Err(Error::SampleOutOfRange { position, samples }.into())
        }
    };
    draws.iter().map(position).collect()
}

/// Returns rows of samples in memory: views if the positions follow each other, else copies.
pub(crate) fn rows_of<S: Sample>(all: &S, positions: &[usize]) -> Result<S> {
    match *positions {
        [first, ..]
            if positions
                .iter()
                .zip(first..)
                .all(|(&p, expected)| p == expected) =>
        {
            all.narrow(first, positions.len())
        }
        _ => all.select(positions),
    }
}
