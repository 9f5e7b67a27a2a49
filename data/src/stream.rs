//! Samples that arrive one after the other, and may be more than memory holds.

use std::fmt;
use std::iter::FusedIterator;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;

use cotangent_core::Result as CoreResult;
use cotangent_core::random::{ChaCha8Rng, RngExt};

use crate::batches::panicked;
use crate::dataset::misfit;
use crate::epochs::Epochs;
use crate::error::{Error, Result};
use crate::sample::Sample;
use crate::shuffle::{Purpose, generator};

/// The samples of one epoch of a [`Stream`].
pub type Samples<S> = Box<dyn Iterator<Item = CoreResult<S>> + Send>;

/// Samples without positions, which are read from the beginning in every epoch: the lines of a
/// file, the rows of a table larger than memory, generated data.
///
/// A closure that returns an iterator is a stream. Its argument is the number of the epoch:
///
/// ```
/// use cotangent::data::StreamBatches;
/// use cotangent::prelude::*;
///
/// let squares = |_epoch: u64| {
///     let sample = |i: u8| (Tensor::from([f32::from(i)]), Tensor::from([f32::from(i).powi(2)]));
///     Ok((0..100).map(move |i| Ok(sample(i))))
/// };
/// let batches = StreamBatches::new(squares, 32)?.shuffle(50, 42);
/// for batch in batches.epoch(0) {
///     let (x, y) = batch?;
///     assert_eq!(x.square().to_vec::<f32>()?, y.to_vec::<f32>()?);
/// }
/// # Ok::<(), Error>(())
/// ```
#[doc(alias = "IterableDataset")]
pub trait Stream: Send + Sync {
    /// One sample, such as `(Tensor, Indices)`.
    type Sample: Sample;

    /// Begins an epoch. The same number should give the same samples, so that a stopped run can go
    /// on where it was.
    ///
    /// # Errors
    /// An error if the samples cannot be opened.
    fn open(&self, epoch: u64) -> CoreResult<Samples<Self::Sample>>;
}

impl<F, I, S> Stream for F
where
    F: Fn(u64) -> CoreResult<I> + Send + Sync,
    I: Iterator<Item = CoreResult<S>> + Send + 'static,
    S: Sample,
{
    type Sample = S;

    fn open(&self, epoch: u64) -> CoreResult<Samples<S>> {
        Ok(Box::new(self(epoch)?))
    }
}

/// Mini-batches of a [`Stream`].
///
/// Memory holds the samples of one batch, of the buffer of [`shuffle`](Self::shuffle), and of the
/// batches of [`prefetch`](Self::prefetch), however long the stream is. The batches depend on the
/// stream, the seed and the number of the epoch. `.skip(n)` reads the samples of `n` batches and
/// does not assemble them.
pub struct StreamBatches<T> {
    stream: Arc<T>,
    batch_size: usize,
    /// The number of samples in the buffer, and the seed.
    buffer: Option<(usize, u64)>,
    prefetch: usize,
    drop_last: bool,
}

impl<T: Stream> StreamBatches<T> {
    /// Creates batches in the order of the stream.
    ///
    /// # Errors
    /// [`Error::ZeroBatchSize`].
    pub fn new(stream: T, batch_size: usize) -> Result<Self> {
        if batch_size == 0 {
            return Err(Error::ZeroBatchSize);
        }
        Ok(Self {
            stream: Arc::new(stream),
            batch_size,
            buffer: None,
            prefetch: 0,
            drop_last: false,
        })
    }

    /// Shuffles by a buffer of `samples` samples: each sample of a batch is drawn from the buffer,
    /// and the next one of the stream takes its place. A sample moves forward by fewer places than
    /// the buffer has, so give the stream itself a random order too if neighbours are alike.
    pub fn shuffle(mut self, samples: usize, seed: u64) -> Self {
        self.buffer = Some((samples, seed));
        self
    }

    /// Reads the stream on another thread, `batches` batches ahead of the loop. The default is 0:
    /// the loop's own thread reads. The batches are the same.
    pub fn prefetch(mut self, batches: usize) -> Self {
        self.prefetch = batches;
        self
    }

    /// Leaves out the last batch of an epoch if it is smaller than the others.
    pub fn drop_last(mut self) -> Self {
        self.drop_last = true;
        self
    }

    /// Returns the stream.
    pub fn stream(&self) -> &T {
        &self.stream
    }

    /// Returns the number of samples in every batch. The last batch may be smaller.
    pub fn batch_size(&self) -> usize {
        self.batch_size
    }

    /// Returns one pass over the stream: an iterator over batches. After an error it ends.
    pub fn epoch(&self, number: u64) -> StreamEpoch<T::Sample> {
        let reader = match catch_unwind(AssertUnwindSafe(|| self.stream.open(number))) {
            Ok(Ok(samples)) => Ok(self.reader(samples, number)),
            Ok(Err(error)) => Err(error),
            Err(panic) => Err(panicked(&*panic).into()),
        };
        let source = match reader {
            Ok(reader) => Source::Reader(Box::new(reader)),
            Err(error) => Source::Failed(error),
        };
        StreamEpoch {
            source,
            prefetch: self.prefetch,
        }
    }

    fn reader(&self, samples: Samples<T::Sample>, epoch: u64) -> Reader<T::Sample> {
        let (capacity, seed) = self.buffer.unwrap_or((0, 0));
        Reader {
            samples: Some(samples),
            read: 0,
            buffer: Vec::new(),
            capacity,
            generator: generator(Purpose::Buffer, seed, epoch),
            batch_size: self.batch_size,
            drop_last: self.drop_last,
        }
    }
}

impl<T: Stream> Epochs for StreamBatches<T> {
    type Batch = T::Sample;

    fn epoch(&self, number: u64) -> Box<dyn Iterator<Item = CoreResult<T::Sample>> + '_> {
        Box::new(self.epoch(number))
    }

    /// Returns `None`: the length of a stream is not known.
    fn batches_per_epoch(&self) -> Option<usize> {
        None
    }
}

/// Clones share the stream.
impl<T> Clone for StreamBatches<T> {
    fn clone(&self) -> Self {
        Self {
            stream: Arc::clone(&self.stream),
            ..*self
        }
    }
}

/// Writes the options, not the data.
impl<T> fmt::Debug for StreamBatches<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamBatches")
            .field("batch_size", &self.batch_size)
            .field("buffer", &self.buffer)
            .field("prefetch", &self.prefetch)
            .field("drop_last", &self.drop_last)
            .finish_non_exhaustive()
    }
}

/// An iterator over the batches of one epoch; see [`StreamBatches::epoch`].
pub struct StreamEpoch<S> {
    source: Source<S>,
    prefetch: usize,
}

/// The place from which batches come.
enum Source<S> {
    Reader(Box<Reader<S>>),
    Thread(Receiver<CoreResult<S>>),
    Failed(cotangent_core::Error),
    Ended,
}

impl<S: Sample> StreamEpoch<S> {
    /// Skips `skipped` batches and returns the next one.
    fn advance(&mut self, skipped: usize) -> Option<CoreResult<S>> {
        match std::mem::replace(&mut self.source, Source::Ended) {
            Source::Ended => None,
            Source::Failed(error) => Some(Err(error)),
            Source::Reader(mut reader) => {
                if let Err(error) = reader.skip(skipped) {
                    return Some(Err(error));
                }
                if self.prefetch > 0 {
                    self.source = ahead(reader, self.prefetch);
                    return self.advance(0);
                }
                let batch = reader.next()?;
                if batch.is_ok() {
                    self.source = Source::Reader(reader);
                }
                Some(batch)
            }
            Source::Thread(receiver) => {
                for _ in 0..skipped {
                    if let Err(error) = receiver.recv().ok()? {
                        return Some(Err(error));
                    }
                }
                let batch = receiver.recv().ok()?;
                if batch.is_ok() {
                    self.source = Source::Thread(receiver);
                }
                Some(batch)
            }
        }
    }
}

/// Moves a reader to a thread, which ends when the receiver is dropped. If the system refuses a
/// thread, the error is that of the epoch.
fn ahead<S: Sample>(mut reader: Box<Reader<S>>, batches: usize) -> Source<S> {
    // One more batch waits at the thread itself.
    let (sender, receiver) = sync_channel(batches - 1);
    let thread = thread::Builder::new().name("cotangent-data".to_owned());
    let read = move || {
        while let Some(batch) = reader.next() {
            let failed = batch.is_err();
            if sender.send(batch).is_err() || failed {
                break;
            }
        }
    };
    match thread.spawn(read) {
        Ok(_) => Source::Thread(receiver),
        Err(error) => Source::Failed(error.into()),
    }
}

impl<S: Sample> Iterator for StreamEpoch<S> {
    type Item = CoreResult<S>;

    fn next(&mut self) -> Option<Self::Item> {
        self.advance(0)
    }

    fn nth(&mut self, skipped: usize) -> Option<Self::Item> {
        self.advance(skipped)
    }
}

impl<S: Sample> FusedIterator for StreamEpoch<S> {}

impl<S> fmt::Debug for StreamEpoch<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamEpoch")
            .field("prefetch", &self.prefetch)
            .finish_non_exhaustive()
    }
}

/// Reads samples, shuffles them and assembles batches.
struct Reader<S> {
    /// The rest of the stream, until it ends.
    samples: Option<Samples<S>>,
    /// The number of samples that were read.
    read: usize,
    buffer: Vec<(usize, S)>,
    capacity: usize,
    generator: ChaCha8Rng,
    batch_size: usize,
    drop_last: bool,
}

impl<S: Sample> Reader<S> {
    /// Returns the next sample of the stream and its number.
    fn read(&mut self) -> CoreResult<Option<(usize, S)>> {
        let Some(samples) = &mut self.samples else {
            return Ok(None);
        };
        let next = catch_unwind(AssertUnwindSafe(|| samples.next()));
        let next = next.unwrap_or_else(|panic| Some(Err(panicked(&*panic).into())));
        let number = self.read;
        self.read += 1;
        match next {
            Some(Ok(sample)) => Ok(Some((number, sample))),
            Some(Err(error)) => Err(Error::item(number, error)),
            None => {
                self.samples = None;
                Ok(None)
            }
        }
    }

    /// Returns the next sample after the shuffle.
    fn sample(&mut self) -> CoreResult<Option<(usize, S)>> {
        while self.buffer.len() < self.capacity
            && let Some(sample) = self.read()?
        {
            self.buffer.push(sample);
        }
        if self.buffer.is_empty() {
            return self.read();
        }
        let drawn = self.generator.random_range(0..self.buffer.len());
        Ok(Some(match self.read()? {
            Some(sample) => std::mem::replace(&mut self.buffer[drawn], sample),
            None => self.buffer.swap_remove(drawn),
        }))
    }

    fn skip(&mut self, batches: usize) -> CoreResult<()> {
        for _ in 0..batches.saturating_mul(self.batch_size) {
            if self.sample()?.is_none() {
                break;
            }
        }
        Ok(())
    }

    fn next(&mut self) -> Option<CoreResult<S>> {
        let (mut numbers, mut samples) = (Vec::new(), Vec::new());
        while samples.len() < self.batch_size {
            match self.sample() {
                Ok(Some((number, sample))) => {
                    numbers.push(number);
                    samples.push(sample);
                }
                Ok(None) => break,
                Err(error) => return Some(Err(error)),
            }
        }
        if samples.is_empty() || (self.drop_last && samples.len() < self.batch_size) {
            return None;
        }
        let stack = || S::stack(&samples).map_err(|error| misfit(&samples, numbers, error));
        let batch = catch_unwind(AssertUnwindSafe(stack));
        Some(batch.unwrap_or_else(|panic| Err(panicked(&*panic).into())))
    }
}
