//! `Dataset`, the trait of everything that batches can be made of.

use std::sync::Arc;

use cotangent_core::Result;

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

    /// Returns the samples at `positions` as a batch. The default stacks what [`draw`](Self::draw)
    /// returns; a data set in memory gathers all rows at once.
    ///
    /// # Errors
    /// [`Error::Item`](crate::Error::Item), which has the position of the sample that cannot be
    /// read or has another shape than the first; the errors of [`Sample::stack`].
    fn batch(&self, positions: &[usize], key: Key) -> Result<Self::Sample> {
        let draw = |&position: &usize| {
            self.draw(position, key)
                .map_err(|error| Error::item(position, error))
        };
        let samples = positions.iter().map(draw).collect::<Result<Vec<_>>>()?;
        Self::Sample::stack(&samples).map_err(|error| misfit(&samples, positions, error))
    }
}

/// Returns the error of a batch that cannot be stacked, with the position of the first sample that
/// does not fit the first one.
fn misfit<S: Sample>(
    samples: &[S],
    positions: &[usize],
    error: cotangent_core::Error,
) -> cotangent_core::Error {
    for (sample, &position) in samples.iter().zip(positions).skip(1) {
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

            fn batch(&self, positions: &[usize], key: Key) -> Result<Self::Sample> {
                (**self).batch(positions, key)
            }
        }
    )*};
}

pointers!(&D, Arc<D>, Box<D>);

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
