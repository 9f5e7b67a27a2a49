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
use crate::shards::{Shards, check};

mod order;
mod plan;
mod workers;

use order::{Order, Weighted, balancing};
use plan::Plan;
use workers::Workers;
pub(crate) use workers::panicked;

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
pub struct Batches<D: Dataset> {
    dataset: Arc<D>,
    batch_size: usize,
    order: Order,
    drop_last: bool,
    workers: usize,
    prefetch: Option<usize>,
    /// Starts the workers. [`workers`](Batches::workers) sets it, where the type of the data set is
    /// known to allow threads that outlive the caller.
    start: Option<Start<D>>,
}

/// A function that starts the workers of an epoch: see [`workers::start`].
type Start<D> = fn(
    &Arc<Plan<D>>,
    (usize, usize),
    (usize, usize),
) -> Option<Workers<Shards<<D as Dataset>::Sample>>>;

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
            order: Order::Fixed,
            drop_last: false,
            workers: 0,
            prefetch: None,
            start: None,
        })
    }

    /// Shuffles the samples in every epoch, for training. The order depends on the seed and the
    /// number of the epoch.
    pub fn shuffle(mut self, seed: u64) -> Self {
        self.order = Order::Shuffled { seed };
        self
    }

    /// Draws samples with replacement, each with a probability in proportion to its weight. An
    /// epoch has as many draws as there are samples. Each draw of a sample is
    /// [augmented](Dataset::augment) anew.
    ///
    /// # Errors
    /// [`Error::WeightCount`] unless there is one weight for each sample, [`Error::Weight`] for a
    /// weight that is negative or not finite, [`Error::NoWeight`] if all are 0.
    #[doc(alias = "WeightedRandomSampler")]
    pub fn weighted(mut self, weights: &[f64], seed: u64) -> Result<Self> {
        self.check_count("weights", weights.len())?;
        let draw = Arc::new(Weighted::new(weights)?);
        self.order = Order::Weighted { draw, seed };
        Ok(self)
    }

    /// Draws samples with replacement, so that all classes are drawn equally often, whatever their
    /// sizes. `classes` has the class of each sample.
    ///
    /// ```
    /// use cotangent::prelude::*;
    ///
    /// // 9 of 10 samples are of class 0.
    /// let inputs = Tensor::zeros([1000, 2], DType::F32)?;
    /// let labels: Indices = (0..1000).map(|i| usize::from(i % 10 == 0)).collect();
    /// let data = Labeled::new(inputs, labels)?;
    /// let batches = Batches::new(&data, 100)?.balanced(data.labels().as_slice(), 42)?;
    /// let mut rare = 0;
    /// for batch in batches.epoch(0) {
    ///     rare += batch?.1.as_slice().iter().sum::<usize>();
    /// }
    /// assert!((400..600).contains(&rare));
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::WeightCount`] unless there is one class for each sample.
    pub fn balanced(self, classes: &[usize], seed: u64) -> Result<Self> {
        self.check_count("classes", classes.len())?;
        self.weighted(&balancing(classes), seed)
    }

    /// Puts samples of similar lengths into the same batch, so that
    /// [sequences](crate::Sequence) need little padding. `lengths` has the length of each sample.
    ///
    /// Samples are shuffled first. Then groups of 64 batches are sorted by length, and the batches
    /// are shuffled. A last batch that is smaller than the others stays the last.
    ///
    /// # Errors
    /// [`Error::WeightCount`] unless there is one length for each sample.
    pub fn bucketed(mut self, lengths: &[usize], seed: u64) -> Result<Self> {
        self.check_count("lengths", lengths.len())?;
        let lengths = lengths.into();
        self.order = Order::Bucketed { lengths, seed };
        Ok(self)
    }

    fn check_count(&self, what: &'static str, found: usize) -> Result<()> {
        let samples = self.dataset.len();
        if found == samples {
            return Ok(());
        }
        Err(Error::WeightCount {
            what,
            found,
            samples,
        })
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

    /// Assembles batches on `workers` threads, while the loop computes. It pays if samples are read
    /// from files or changed at random. The default is 0: the loop's own thread does it.
    ///
    /// Batches have the same order and content for any number of workers. An error or a panic of
    /// the data set is one error, which has the position of the sample, at the place of its batch.
    ///
    /// The threads of an epoch may outlive the iterator for the time of one batch, so the data set
    /// cannot be borrowed. Clones of data sets in memory share the values.
    ///
    /// ```
    /// use cotangent::prelude::*;
    ///
    /// let digits = digits()?;
    /// let batches = Batches::new(digits.clone(), 64)?.shuffle(42);
    /// let ahead = batches.clone().workers(2);
    /// for (left, right) in batches.epoch(0).zip(ahead.epoch(0)) {
    ///     assert_eq!(left?.1, right?.1);
    /// }
    /// # Ok::<(), Error>(())
    /// ```
    #[doc(alias = "num_workers")]
    pub fn workers(mut self, workers: usize) -> Self
    where
        D: 'static,
    {
        self.workers = workers;
        self.start = (workers > 0).then_some(workers::start::<D>);
        self
    }

    /// Sets how many batches the workers assemble ahead, at least 1. The default is two for each
    /// worker. More of them take more memory, and even out samples that take unequal time.
    #[doc(alias = "prefetch_factor")]
    pub fn prefetch(mut self, batches: usize) -> Self {
        self.prefetch = Some(batches.max(1));
        self
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
    pub fn epoch(&self, number: u64) -> Epoch<D> {
        Epoch(self.assemble(self.plan(number)))
    }

    /// Returns one pass over the data set for one of several processes that train together: see
    /// [`Epochs::shards`]. Only the samples of the shards `own` are read.
    ///
    /// # Errors
    /// [`Error::Argument`](cotangent_core::Error::Argument) if there is no shard of such a number.
    pub fn shards(&self, number: u64, own: Range<usize>, of: usize) -> CoreResult<ShardEpoch<D>> {
        check(&own, of)?;
        Ok(self.assemble(self.plan(number).share(own, of)))
    }

    fn plan(&self, number: u64) -> Plan<D> {
        Plan::new(&self.dataset, self.batch_size, &self.order, number)
    }

    fn assemble(&self, plan: Plan<D>) -> ShardEpoch<D> {
        ShardEpoch {
            plan: Arc::new(plan),
            left: 0..self.batches_per_epoch(),
            start: self.start.map(|start| {
                let prefetch = self.prefetch.unwrap_or(self.workers.saturating_mul(2));
                (start, (self.workers, prefetch))
            }),
            workers: None,
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

    fn shards(
        &self,
        number: u64,
        own: Range<usize>,
        of: usize,
    ) -> CoreResult<Box<dyn Iterator<Item = CoreResult<Shards<D::Sample>>> + '_>> {
        Ok(Box::new(self.shards(number, own, of)?))
    }

    fn fingerprint(&self, number: u64) -> CoreResult<Vec<String>> {
        // Workers would assemble the batches after the first one too.
        let alone = Alone(Self {
            start: None,
            ..self.clone()
        });
        let mut lines = vec![format!("{} samples", self.dataset.len())];
        lines.extend(alone.fingerprint(number)?);
        Ok(lines)
    }
}

/// Batches without workers.
struct Alone<D: Dataset>(Batches<D>);

impl<D: Dataset> Epochs for Alone<D> {
    type Batch = D::Sample;

    fn epoch(&self, number: u64) -> Box<dyn Iterator<Item = CoreResult<D::Sample>> + '_> {
        Box::new(self.0.epoch(number))
    }

    fn batches_per_epoch(&self) -> Option<usize> {
        Some(self.0.batches_per_epoch())
    }
}

/// Clones share the data set.
impl<D: Dataset> Clone for Batches<D> {
    fn clone(&self) -> Self {
        Self {
            dataset: Arc::clone(&self.dataset),
            order: self.order.clone(),
            ..*self
        }
    }
}

/// Writes the options, not the data.
impl<D: Dataset> fmt::Debug for Batches<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Batches")
            .field("batch_size", &self.batch_size)
            .field("order", &self.order)
            .field("drop_last", &self.drop_last)
            .field("workers", &self.workers)
            .finish_non_exhaustive()
    }
}

/// An iterator over the batches of one epoch; see [`Batches::epoch`].
///
/// After an error it ends. When it is dropped, its workers end after the batch at which they are.
#[derive(Debug)]
pub struct Epoch<D: Dataset>(ShardEpoch<D>);

/// An iterator over the shards of the batches of one epoch; see [`Batches::shards`].
///
/// After an error it ends. When it is dropped, its workers end after the batch at which they are.
pub struct ShardEpoch<D: Dataset> {
    plan: Arc<Plan<D>>,
    /// The remaining batches.
    left: Range<usize>,
    /// The function that starts workers, with their number and that of batches ahead.
    start: Option<(Start<D>, (usize, usize))>,
    /// The workers, from the first batch on.
    workers: Option<Workers<Shards<D::Sample>>>,
}

impl<D: Dataset> ShardEpoch<D> {
    fn batch(&mut self, number: usize) -> CoreResult<Shards<D::Sample>> {
        if let Some((start, options)) = self.start.take() {
            self.workers = start(&self.plan, options, (number, self.left.end));
        }
        let batch = match &self.workers {
            Some(workers) => workers.take(number),
            None => self.plan.batch(number),
        };
        if batch.is_err() {
            self.left = 0..0;
        }
        if self.left.is_empty() {
            self.workers = None;
        }
        batch
    }
}

impl<D: Dataset> Iterator for ShardEpoch<D> {
    type Item = CoreResult<Shards<D::Sample>>;

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

impl<D: Dataset> Iterator for Epoch<D> {
    type Item = CoreResult<D::Sample>;

    fn next(&mut self) -> Option<Self::Item> {
        whole(self.0.next()?)
    }

    fn nth(&mut self, skipped: usize) -> Option<Self::Item> {
        whole(self.0.nth(skipped)?)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.0.size_hint()
    }
}

/// Returns a batch that is one shard, and is never empty.
fn whole<S>(batch: CoreResult<Shards<S>>) -> Option<CoreResult<S>> {
    batch.map(|mut batch| batch.parts.pop()?).transpose()
}

impl<D: Dataset> ExactSizeIterator for Epoch<D> {}

impl<D: Dataset> ExactSizeIterator for ShardEpoch<D> {}

impl<D: Dataset> FusedIterator for Epoch<D> {}

impl<D: Dataset> FusedIterator for ShardEpoch<D> {}

impl<D: Dataset> fmt::Debug for ShardEpoch<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ShardEpoch")
            .field("left", &self.left)
            .finish_non_exhaustive()
    }
}
