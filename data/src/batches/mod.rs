//! Mini-batches in a fixed or random order. The order of an epoch does not depend on the epochs
//! before it.

use std::fmt;
use std::iter::FusedIterator;
use std::ops::Range;
use std::sync::Arc;

use cotangent_core::Result as CoreResult;

use crate::dataset::Dataset;
use crate::epochs::Epochs;
use crate::error::{Error, Result};
use crate::key::Key;
use crate::shuffle::{Purpose, generator, shuffle};

/// Mini-batches of a data set.
///
/// Batches follow the order of the data set, as evaluation needs them, unless an option such as
/// [`shuffle`](Self::shuffle) says otherwise. Batches in order of a data set in memory are views,
/// not copies.
///
/// `ChaCha8` draws the order of an epoch from the seed and the epoch's number alone, so that a
/// resumed run sees the batches that it would have seen. Call `epoch(k)`, and within the epoch
/// `.skip(n)`, which skips batches without assembling them.
///
/// ```
/// use cotangent::data::{Batches, digits};
///
/// let digits = digits()?;
/// let batches = Batches::new(&digits, 128)?.shuffle(42);
/// assert_eq!(batches.epoch(0).len(), 15); // 14 of 128 samples, and one of 5
///
/// let (images, labels) = batches.epoch(3).skip(10).next().expect("batch 10 of 15")?;
/// assert_eq!((images.shape(), labels.len()), (&[128, 64][..], 128));
/// # Ok::<(), cotangent::Error>(())
/// ```
#[doc(alias = "DataLoader")]
pub struct Batches<D> {
    dataset: Arc<D>,
    batch_size: usize,
    order: Order,
    drop_last: bool,
}

/// The order of the samples of an epoch.
#[derive(Clone, Debug)]
enum Order {
    InOrder,
    Shuffled { seed: u64 },
}

impl<D: Dataset> Batches<D> {
    /// Creates batches in the order of the data set. Every epoch is the same.
    ///
    /// ```
    /// use cotangent::data::{Batches, digits};
    ///
    /// let mut samples = 0;
    /// for batch in Batches::new(digits()?, 500)?.epoch(0) {
    ///     let (_images, labels) = batch?;
    ///     samples += labels.len();
    /// }
    /// assert_eq!(samples, 1797);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::ZeroBatchSize`], [`Error::EmptyDataset`].
    pub fn new(dataset: D, batch_size: usize) -> Result<Self> {
        if batch_size == 0 {
            return Err(Error::ZeroBatchSize);
        }
        if dataset.is_empty() {
            return Err(Error::EmptyDataset {
                operation: "batches",
            });
        }
        Ok(Self {
            dataset: Arc::new(dataset),
            batch_size,
            order: Order::InOrder,
            drop_last: false,
        })
    }

    /// Shuffles the samples in every epoch, for training. The order depends on the seed and the
    /// number of the epoch.
    pub fn shuffle(mut self, seed: u64) -> Self {
        self.order = Order::Shuffled { seed };
        self
    }

    /// Leaves out the last batch of an epoch if it is smaller than the others. Batch normalization
    /// cannot train on a batch of one sample, for example.
    ///
    /// # Errors
    /// [`Error::NoFullBatch`] if that would leave no batch at all.
    pub fn drop_last(mut self) -> Result<Self> {
        let samples = self.dataset.len();
        if samples < self.batch_size {
            return Err(Error::NoFullBatch {
                batch_size: self.batch_size,
                samples,
            });
        }
        self.drop_last = true;
        Ok(self)
    }

    /// Returns the data set.
    pub fn dataset(&self) -> &D {
        &self.dataset
    }

    /// Returns the number of samples in every batch. The last batch may be smaller.
    pub fn batch_size(&self) -> usize {
        self.batch_size
    }

    /// Returns the number of batches in an epoch, at least one.
    pub fn batches_per_epoch(&self) -> usize {
        let samples = self.dataset.len();
        if self.drop_last {
            samples / self.batch_size
        } else {
            samples.div_ceil(self.batch_size)
        }
    }

    /// Returns one pass over the data set: an iterator over batches, such as `(inputs, labels)`.
    pub fn epoch(&self, number: u64) -> Epoch<'_, D> {
        let (seed, order) = match self.order {
            Order::InOrder => (0, None),
            Order::Shuffled { seed } => {
                let mut order: Vec<usize> = (0..self.dataset.len()).collect();
                shuffle(&mut order, &mut generator(Purpose::Epoch, seed, number));
                (seed, Some(order))
            }
        };
        Epoch {
            batches: self,
            order,
            key: Key::new(seed, number),
            left: 0..self.batches_per_epoch(),
        }
    }
}

impl<D: Dataset> Epochs for Batches<D> {
    type Batch = D::Sample;

    fn epoch(&self, number: u64) -> Box<dyn Iterator<Item = CoreResult<D::Sample>> + '_> {
        Box::new(self.epoch(number))
    }

    fn batches_per_epoch(&self) -> Option<usize> {
        Some(self.batches_per_epoch())
    }
}

/// Clones share the data set.
impl<D> Clone for Batches<D> {
    fn clone(&self) -> Self {
        Self {
            dataset: Arc::clone(&self.dataset),
            order: self.order.clone(),
            ..*self
        }
    }
}

/// Writes the options, not the data.
impl<D> fmt::Debug for Batches<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Batches")
            .field("batch_size", &self.batch_size)
            .field("order", &self.order)
            .field("drop_last", &self.drop_last)
            .finish_non_exhaustive()
    }
}

/// An iterator over the batches of one epoch; see [`Batches::epoch`].
///
/// A failed item ends the epoch.
pub struct Epoch<'a, D> {
    batches: &'a Batches<D>,
    /// If none, batches follow the order of the data set.
    order: Option<Vec<usize>>,
    key: Key,
    /// The remaining batches.
    left: Range<usize>,
}

impl<D: Dataset> Epoch<'_, D> {
    fn batch(&mut self, number: usize) -> CoreResult<D::Sample> {
        let Batches {
            dataset,
            batch_size,
            ..
        } = self.batches;
        let start = number * batch_size;
        let end = dataset.len().min(start.saturating_add(*batch_size));
        let batch = match &self.order {
            Some(order) => dataset.batch(&order[start..end], self.key),
            None => dataset.batch(&(start..end).collect::<Vec<_>>(), self.key),
        };
        if batch.is_err() {
            self.left = 0..0;
        }
        batch
    }
}

impl<D: Dataset> Iterator for Epoch<'_, D> {
    type Item = CoreResult<D::Sample>;

    fn next(&mut self) -> Option<Self::Item> {
        let number = self.left.next()?;
        Some(self.batch(number))
    }

    fn nth(&mut self, skipped: usize) -> Option<Self::Item> {
        let number = self.left.nth(skipped)?;
        Some(self.batch(number))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.left.size_hint()
    }
}

impl<D: Dataset> ExactSizeIterator for Epoch<'_, D> {}

impl<D: Dataset> FusedIterator for Epoch<'_, D> {}

impl<D> fmt::Debug for Epoch<'_, D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Epoch")
            .field("left", &self.left)
            .finish_non_exhaustive()
    }
}
