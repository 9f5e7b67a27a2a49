//! Mini-batches in random order. The order of an epoch does not depend on the epochs before it.

use std::iter::FusedIterator;
use std::ops::Range;

use cotangent_core::{Indices, Tensor};

use crate::dataset::Dataset;
use crate::error::{Error, Result};
use crate::shuffle::{Purpose, generator, shuffle};

/// Mini-batches of a data set.
///
/// `ChaCha8` draws the order of an epoch from the seed and the epoch's number alone, so that a
/// resumed run sees the batches that it would have seen. Call `epoch(k)`, and within the epoch
/// `.skip(n)`, which skips batches without assembling them.
///
/// ```
/// use cotangent::data::{Batches, digits};
///
/// let digits = digits()?;
/// let batches = Batches::new(&digits, 128, 42)?;
/// assert_eq!(batches.epoch(0).len(), 15); // 14 of 128 samples, and one of 5
///
/// let (images, labels) = batches.epoch(3).skip(10).next().expect("batch 10 of 15")?;
/// assert_eq!((images.shape(), labels.len()), (&[128, 64][..], 128));
/// # Ok::<(), cotangent::Error>(())
/// ```
#[doc(alias = "DataLoader")]
#[derive(Clone, Debug)]
pub struct Batches {
    dataset: Dataset,
    batch_size: usize,
    /// If none, batches follow the order of the data set.
    seed: Option<u64>,
    drop_last: bool,
}

impl Batches {
    /// Creates shuffled batches, for training.
    ///
    /// # Errors
    /// [`Error::ZeroBatchSize`], [`Error::EmptyDataset`].
    pub fn new(dataset: &Dataset, batch_size: usize, seed: u64) -> Result<Self> {
        Self::build(dataset, batch_size, Some(seed))
    }

    /// Creates batches in the order of the data set, for evaluation. Every epoch is the same, and
    /// the inputs are views of the data set's, not copies.
    ///
    /// ```
    /// use cotangent::data::{Batches, digits};
    ///
    /// let mut samples = 0;
    /// for batch in Batches::sequential(&digits()?, 500)?.epoch(0) {
    ///     let (_images, labels) = batch?;
    ///     samples += labels.len();
    /// }
    /// assert_eq!(samples, 1797);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::ZeroBatchSize`], [`Error::EmptyDataset`].
    pub fn sequential(dataset: &Dataset, batch_size: usize) -> Result<Self> {
        Self::build(dataset, batch_size, None)
    }

    fn build(dataset: &Dataset, batch_size: usize, seed: Option<u64>) -> Result<Self> {
        if batch_size == 0 {
            return Err(Error::ZeroBatchSize);
        }
        if dataset.is_empty() {
            return Err(Error::EmptyDataset {
                operation: "batches",
            });
        }
        Ok(Self {
            dataset: dataset.clone(),
            batch_size,
            seed,
            drop_last: false,
        })
    }

    /// Whether to leave out the last batch of an epoch if it is smaller than the others; the
    /// default is to keep it. Batch normalization cannot train on a batch of one sample, for
    /// example.
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
    pub fn dataset(&self) -> &Dataset {
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

    /// Returns one pass over the data set: an iterator over `(inputs, labels)`.
    pub fn epoch(&self, number: u64) -> Epoch<'_> {
        let order = self.seed.map(|seed| {
            let mut order: Vec<usize> = (0..self.dataset.len()).collect();
            shuffle(&mut order, &mut generator(Purpose::Epoch, seed, number));
            order
        });
        let batches = 0..self.batches_per_epoch();
        Epoch {
            dataset: &self.dataset,
            order,
            batch_size: self.batch_size,
            batches,
        }
    }
}

/// An iterator over the batches of one epoch; see [`Batches::epoch`].
///
/// An item is an error only if the rows cannot be gathered, for example for lack of memory.
#[derive(Clone, Debug)]
pub struct Epoch<'a> {
    dataset: &'a Dataset,
    /// If none, batches follow the order of the data set, and its rows need no copy.
    order: Option<Vec<usize>>,
    batch_size: usize,
    /// The remaining batches.
    batches: Range<usize>,
}

impl Epoch<'_> {
    fn batch(&self, number: usize) -> Result<(Tensor, Indices)> {
        let start = number * self.batch_size;
        let end = self
            .dataset
            .len()
            .min(start.saturating_add(self.batch_size));
        let rows = start..end;
        if let Some(order) = &self.order {
            return self.dataset.gather(&order[rows]);
        }
        let inputs = self.dataset.inputs().narrow(0, start, rows.len())?;
        Ok((
            inputs,
            Indices::from(&self.dataset.labels().as_slice()[rows]),
        ))
    }
}

impl Iterator for Epoch<'_> {
    type Item = Result<(Tensor, Indices)>;

    fn next(&mut self) -> Option<Self::Item> {
        let number = self.batches.next()?;
        Some(self.batch(number))
    }

    fn nth(&mut self, skipped: usize) -> Option<Self::Item> {
        let number = self.batches.nth(skipped)?;
        Some(self.batch(number))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.batches.size_hint()
    }
}

impl ExactSizeIterator for Epoch<'_> {}

impl FusedIterator for Epoch<'_> {}
