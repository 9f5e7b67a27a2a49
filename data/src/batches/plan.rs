//! The samples of each batch of an epoch, and their keys.

use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use cotangent_core::Result as CoreResult;

use super::order::Order;
use super::workers::panicked;
use crate::dataset::{Dataset, stack_of};
use crate::key::{Key, occurrences};
use crate::shards::{Shards, shard_rows};

/// The samples of each batch of an epoch.
pub(super) struct Plan<D> {
    dataset: Arc<D>,
    batch_size: usize,
    samples: usize,
    /// If none, batches follow the order of the data set.
    positions: Option<Vec<usize>>,
    /// How often each of the positions occurs before, if any occurs twice.
    occurrences: Vec<u32>,
    key: Key,
    /// The shards of each batch that are assembled, and into how many a batch is split.
    own: Range<usize>,
    of: usize,
}

impl<D: Dataset> Plan<D> {
    pub(super) fn new(dataset: &Arc<D>, batch_size: usize, order: &Order, epoch: u64) -> Self {
        let samples = dataset.len();
        let positions = order.positions(epoch, samples, batch_size);
        let occurrences = match (order, &positions) {
            (Order::Weighted { .. }, Some(positions)) => occurrences(positions, samples),
            _ => Vec::new(),
        };
        Self {
            dataset: Arc::clone(dataset),
            batch_size,
            samples,
            positions,
            occurrences,
            key: Key::new(order.seed(), epoch),
            own: 0..1,
            of: 1,
        }
    }

    /// Assembles only some of the shards into which each batch is split.
    pub(super) fn share(mut self, own: Range<usize>, of: usize) -> Self {
        (self.own, self.of) = (own, of);
        self
    }

    pub(super) fn batch(&self, number: usize) -> CoreResult<Shards<D::Sample>> {
        let start = number * self.batch_size;
        let rows = self.batch_size.min(self.samples - start);
        let part = |shard| {
            let range = shard_rows(rows, shard, self.of);
            let part = || self.part(start + range.start..start + range.end);
            (!range.is_empty()).then(part).transpose()
        };
        let parts = self.own.clone().map(part).collect::<CoreResult<_>>()?;
        Ok(Shards::new(parts, rows))
    }

    /// Returns some samples of the epoch.
    fn part(&self, range: Range<usize>) -> CoreResult<D::Sample> {
        let draw = |i| {
            let position = self.positions.as_ref().map_or(i, |positions| positions[i]);
            let before = self.occurrences.get(i);
            (position, before.map_or(self.key, |&n| self.key.after(n)))
        };
        self.load(&range.map(draw).collect::<Vec<_>>())
    }

    /// Returns the batch, or an error if the data set panics.
    fn load(&self, draws: &[(usize, Key)]) -> CoreResult<D::Sample> {
        let batch = catch_unwind(AssertUnwindSafe(|| self.dataset.batch(draws)));
        batch.unwrap_or_else(|panic| {
            // One by one, the samples show which of them it is.
            let again = || stack_of(&*self.dataset, draws);
            match catch_unwind(AssertUnwindSafe(again)) {
                Ok(Err(error)) => Err(error),
                _ => Err(panicked(&*panic).into()),
            }
        })
    }
}
