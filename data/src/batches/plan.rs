//! The samples of each batch of an epoch, and their keys.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use cotangent_core::Result as CoreResult;

use super::order::Order;
use super::workers::panicked;
use crate::dataset::{Dataset, stack_of};
use crate::key::{Key, occurrences};

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
        }
    }

    pub(super) fn batch(&self, number: usize) -> CoreResult<D::Sample> {
        let start = number * self.batch_size;
        let end = self.samples.min(start.saturating_add(self.batch_size));
        let draw = |i| {
            let position = self.positions.as_ref().map_or(i, |positions| positions[i]);
            let before = self.occurrences.get(i);
            (position, before.map_or(self.key, |&n| self.key.after(n)))
        };
        self.load(&(start..end).map(draw).collect::<Vec<_>>())
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
