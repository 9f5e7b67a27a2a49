//! `Epochs`, the trait of everything that a training loop can take its batches from.

use cotangent_core::Result;

use crate::sample::Sample;

/// Batches by epoch, from a data set with positions or from a stream.
///
/// A training loop takes any type that implements the trait. [`Batches`](crate::Batches) does.
pub trait Epochs {
    /// A batch, such as `(Tensor, Indices)`.
    type Batch: Sample;

    /// Returns the batches of epoch `number`. The same number always gives the same batches.
    ///
    /// `.skip(n)` on the iterator is cheap where the batches allow it: those that are skipped are
    /// not assembled. After an error the iterator ends.
    fn epoch(&self, number: u64) -> Box<dyn Iterator<Item = Result<Self::Batch>> + '_>;

    /// Returns the number of batches in an epoch, if it is known before the epoch ends.
    fn batches_per_epoch(&self) -> Option<usize>;
}

impl<E: Epochs + ?Sized> Epochs for &E {
    type Batch = E::Batch;

    fn epoch(&self, number: u64) -> Box<dyn Iterator<Item = Result<Self::Batch>> + '_> {
        (**self).epoch(number)
    }

    fn batches_per_epoch(&self) -> Option<usize> {
        (**self).batches_per_epoch()
    }
}
