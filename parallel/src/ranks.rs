//! `Ranks`, the handle of one process to those that train with it.

use crate::builder::RanksBuilder;
use crate::courier::{Courier, Ticket};
use crate::engine::Tag;
use crate::frames::{framed, frames};
use crate::jobs::{Combine, Merge, SumByPairs, SumByParts};
use crate::leaves::Plans;
use crate::shared::Main;
use cotangent_core::kernel::Tier;
use cotangent_core::{DType, Error, Result, Tensor};
use std::fmt::{self, Debug, Formatter};
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

/// The size in bytes of the pieces in which long messages are sent.
const PIECE: usize = 4 << 20;

/// One of several processes that train a model together: its number, and the exchange with the
/// others.
///
/// Each batch is split into a fixed number of shards, which the ranks share. [`gradients`] computes
/// the gradients of the whole batch on all ranks, so that every rank does the same step. Sums have
/// the order of a binary tree over the shards, whichever rank holds them. So the same number of
/// shards gives the same bits on any number of ranks.
///
/// [`gradients`]: Self::gradients
pub struct Ranks {
    pub(crate) options: RanksBuilder,
    shards: usize,
    courier: Option<Arc<Courier>>,
    /// The number of sums that layers have asked for.
    sums_of_layers: Arc<AtomicU64>,
    sums: AtomicU64,
    merges: AtomicU64,
    pub(crate) exchanges: AtomicU64,
    pub(crate) plans: Mutex<Plans>,
}

impl Ranks {
    /// Returns the options, to start ranks.
    pub fn builder() -> RanksBuilder {
        RanksBuilder::new()
    }

    pub(crate) fn new(options: RanksBuilder, courier: Option<Courier>) -> Result<Self> {
        let size = courier.as_ref().map_or(1, |courier| courier.shared().ranks);
        let shards = options.shards.unwrap_or(size);
        let ranks = Self {
            options,
            shards,
            courier: courier.map(Arc::new),
            sums_of_layers: Arc::default(),
            sums: AtomicU64::new(0),
            merges: AtomicU64::new(0),
            exchanges: AtomicU64::new(0),
            plans: Mutex::default(),
        };
        let fits = shards.is_multiple_of(size) && (shards / size).is_power_of_two();
        if shards == 0 || (size > 1 && !fits) {
            let reason = format!(
                "expected shards that are the number of ranks, {size}, times a power of two, found \
                 {shards}"
            );
            return Err(ranks.fail(Error::argument("RanksBuilder::shards", reason)));
        }
        ranks.agree("the options of `Ranks`", || {
            let tier = format!("{:?}", Tier::current()).to_lowercase();
            vec![
                format!("version {}", env!("CARGO_PKG_VERSION")),
                format!("architecture {}", std::env::consts::ARCH),
                format!("instruction set {tier} (`COTANGENT_TIER` selects another)"),
                format!("shards {shards}"),
                format!("bucket_bytes {}", ranks.options.bucket_bytes),
                format!("check_every {}", ranks.options.check_every),
            ]
        })?;
        Ok(ranks)
    }

    /// Returns the number of this rank, from 0 on.
    pub fn rank(&self) -> usize {
        self.courier
            .as_ref()
            .map_or(0, |courier| courier.shared().rank)
    }

    /// Returns the number of ranks.
    pub fn count(&self) -> usize {
        self.courier
            .as_ref()
            .map_or(1, |courier| courier.shared().ranks)
    }

    /// Returns whether this is rank 0, the one that writes logs and files.
    pub fn is_first(&self) -> bool {
        self.rank() == 0
    }

    /// Returns the number of shards of a batch.
    pub fn shards(&self) -> usize {
        self.shards
    }

    /// Returns the shards of this rank.
    pub fn own_shards(&self) -> Range<usize> {
        let each = self.shards / self.count();
        self.rank() * each..(self.rank() + 1) * each
    }

    /// Returns the number of threads over which this rank splits its operations.
    pub fn threads(&self) -> usize {
        rayon::current_num_threads()
    }

    /// Returns how often the ranks have exchanged gradients, for tests.
    #[doc(hidden)]
    pub fn exchanges(&self) -> u64 {
        self.exchanges.load(Relaxed)
    }

    /// Runs `work` on rank 0 alone, such as saving a file, while the others wait, however long it
    /// takes. Returns none on the other ranks.
    ///
    /// # Errors
    /// Those of `work`, on all ranks.
    pub fn on_first<T>(&self, work: impl FnOnce() -> Result<T>) -> Result<Option<T>> {
        let result = self.is_first().then(|| self.busy(work)).transpose()?;
        // An error of rank 0 reaches the others here.
        self.merge(Vec::new(), Box::new(|left, _| Ok(left)))
            .wait()?;
        Ok(result)
    }

    /// Runs `work` on this rank, for which the others may have to wait however long it takes.
    ///
    /// # Errors
    /// Those of `work`, which end the job.
    pub fn busy<T>(&self, work: impl FnOnce() -> Result<T>) -> Result<T> {
        let Some(courier) = &self.courier else {
            return work();
        };
        let before = courier.shared().set_main(Main::Busy);
        let result = work();
        courier.shared().set_main(before);
        courier.shared().works();
        result.map_err(|error| self.fail(error))
    }

    /// Returns a message of each rank, by rank. All ranks call it.
    ///
    /// # Errors
    /// [`Error::Rank`] if a rank has failed.
    pub fn gather(&self, message: &[u8]) -> Result<Vec<Vec<u8>>> {
        let join = |mut left: Vec<u8>, right: Vec<u8>| {
            left.extend(right);
            Ok(left)
        };
        let all = self.merge(framed(message), Box::new(join)).wait()?;
        frames(&all).map_err(|error| self.fail(error))
    }

    /// Returns the combination of one message of each rank, the same on all ranks. All ranks call
    /// it. `combine` gets the messages of earlier and of later ranks, in the order of a binary
    /// tree. A message has at most 256 MiB.
    ///
    /// ```
    /// use cotangent::parallel::Ranks;
    /// let texts = Ranks::builder().threads(4, |ranks| {
    ///     let join = |left: &[u8], right: &[u8]| Ok([b"(", left, right, b")"].concat());
    ///     ranks.combine(ranks.rank().to_string().into_bytes(), join)
    /// })?;
    /// assert_eq!(texts, [b"((01)(23))"; 4]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    ///
    /// # Errors
    /// Those of `combine`, which end the job; [`Error::Rank`] if a rank has failed.
    pub fn combine(
        &self,
        message: Vec<u8>,
        combine: impl Fn(&[u8], &[u8]) -> Result<Vec<u8>> + Send + 'static,
    ) -> Result<Vec<u8>> {
        let combine = move |left: Vec<u8>, right: Vec<u8>| combine(&left, &right);
        self.merge(message, Box::new(combine)).wait()
    }

    /// Returns the message of rank 0. All ranks call it; those of the others are not used.
    ///
    /// # Errors
    /// [`Error::Rank`] if a rank has failed.
    pub fn from_first(&self, message: Vec<u8>) -> Result<Vec<u8>> {
        if self.count() == 1 {
            return Ok(message);
        }
        let first = |message: &[u8]| {
            let message = if self.is_first() { message } else { &[] };
            self.merge(message.to_vec(), Box::new(|left, _| Ok(left)))
                .wait()
        };
        let len = first(&(message.len() as u64).to_le_bytes())?;
        let len = u64::from_le_bytes(len.first_chunk().copied().unwrap_or_default());
        let mut received = Vec::new();
        let mut pieces = message.chunks(PIECE);
        while (received.len() as u64) < len {
            received.extend(first(pieces.next().unwrap_or_default())?);
        }
        Ok(received)
    }

    /// Ends the job on all ranks because of an error, and returns that error with the number of
    /// this rank. Errors of this type's methods have ended the job already.
    ///
    /// A program that returns an error from `main` ends the job too, but then the others know only
    /// that this rank has ended.
    #[must_use]
    pub fn fail(&self, error: Error) -> Error {
        match &self.courier {
            Some(courier) => courier.fail(error),
            None => error,
        }
    }

    /// Begins the combination of one message of each rank, in the order of the ranks.
    pub(crate) fn merge(&self, message: Vec<u8>, combine: Combine) -> Pending<Vec<u8>> {
        let Some(courier) = &self.courier else {
            return Pending::Done(message);
        };
        let tag = Tag::of_job(1, self.merges.fetch_add(1, Relaxed));
        let job = |result| Merge::new(message, combine, tag, result);
        Pending::Ticket(courier.begin(job))
    }

    /// Begins the sum of a tensor over the ranks.
    pub(crate) fn sum(&self, values: Tensor) -> Pending<Tensor> {
        let Some(courier) = &self.courier else {
            return Pending::Done(values);
        };
        let tag = Tag::of_job(0, self.sums.fetch_add(1, Relaxed));
        let by_pairs = self.count().is_power_of_two();
        Pending::Ticket(match (values.dtype(), by_pairs) {
            (DType::F32, true) => courier.begin(|to| SumByPairs::<f32>::new(values, tag, to)),
            (_, true) => courier.begin(|to| SumByPairs::<f64>::new(values, tag, to)),
            (DType::F32, false) => courier.begin(|to| SumByParts::<f32>::new(values, tag, to)),
            (_, false) => courier.begin(|to| SumByParts::<f64>::new(values, tag, to)),
        })
    }

    /// Returns what sums over the ranks for layers.
    pub(crate) fn merging(&self) -> Merging {
        Merging {
            courier: self.courier.as_ref().map(Arc::downgrade),
            number: Arc::clone(&self.sums_of_layers),
        }
    }

    /// Returns the plans of the exchange of gradients.
    pub(crate) fn plans(&self) -> MutexGuard<'_, Plans> {
        self.plans.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Sums over the ranks in the middle of forward and backward. It may outlive the ranks.
pub(crate) struct Merging {
    courier: Option<Weak<Courier>>,
    number: Arc<AtomicU64>,
}

impl Merging {
    /// Returns the sums of lists of one length over the ranks.
    pub fn sum(&self, numbers: Vec<f64>) -> Result<Vec<f64>> {
        let Some(courier) = &self.courier else {
            return Ok(numbers);
        };
        let Some(courier) = courier.upgrade() else {
            let reason = "the ranks have ended";
            return Err(Error::argument("AllReduce::sum", reason));
        };
        let tag = Tag::of_job(2, self.number.fetch_add(1, Relaxed));
        let message = numbers.into_iter().flat_map(f64::to_le_bytes).collect();
        let add = |left: Vec<u8>, right: Vec<u8>| add_lists(left, &right);
        let job = |result| Merge::new(message, Box::new(add), tag, result);
        let sums = courier.begin(job).wait()?;
        let sums = sums.as_chunks().0.iter();
        Ok(sums.map(|&bytes| f64::from_le_bytes(bytes)).collect())
    }
}

fn add_lists(mut left: Vec<u8>, right: &[u8]) -> Result<Vec<u8>> {
    if left.len() != right.len() {
        let reason = "ranks have given lists of different lengths";
        return Err(Error::argument("AllReduce::sum", reason));
    }
    for (left, right) in left.as_chunks_mut().0.iter_mut().zip(right.as_chunks().0) {
        *left = (f64::from_le_bytes(*left) + f64::from_le_bytes(*right)).to_le_bytes();
    }
    Ok(left)
}

/// A result that the ranks compute together.
pub(crate) enum Pending<T> {
    Done(T),
    Ticket(Ticket<T>),
}

impl<T> Pending<T> {
    pub fn wait(self) -> Result<T> {
        match self {
            Self::Done(result) => Ok(result),
            Self::Ticket(ticket) => ticket.wait(),
        }
    }
}

impl Debug for Ranks {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ranks")
            .field("rank", &self.rank())
            .field("count", &self.count())
            .field("shards", &self.shards)
            .finish_non_exhaustive()
    }
}
