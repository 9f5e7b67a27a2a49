//! Observes one shard of a batch.

use super::measured::Measured;
use super::record::Record;
use super::statistics::Merge;
use super::watch::{Signal, lock};
use cotangent_core::{Forward, LeafId, Observer, Tensor};
use std::sync::{Arc, Mutex};

/// The record of one shard, and then its measurements.
#[derive(Default)]
pub(super) struct Shard {
    record: Mutex<Record>,
    pub measured: Mutex<Option<Measured>>,
}

/// Observes one shard of a batch. When nothing of its computation is left, it is measured, so that
/// not all shards are in memory until the step.
pub(super) struct OfShard {
    pub signal: Signal,
    pub shard: Arc<Shard>,
}

impl Observer for OfShard {
    fn is_active(&self) -> bool {
        self.signal.is_active()
    }

    fn sees_frozen(&self) -> bool {
        true
    }

    fn read(&self, leaf: LeafId, value: &Tensor) {
        if self.signal.shared.paths.contains_key(&leaf) {
            let next_batch = lock(&self.shard.record).backward;
            if next_batch {
                self.signal.measure(&self.shard);
            }
            lock(&self.shard.record).read(leaf, value);
        }
    }

    fn forward(&self, step: &Forward<'_>) {
        self.signal.computes(&self.shard.record, step);
    }

    fn gradient(&self, of: LeafId, gradient: &Tensor) {
        // Those of parameters are summed over the shards.
        if !self.signal.shared.paths.contains_key(&of) {
            lock(&self.shard.record).gradient(of, gradient);
        }
    }
}

impl Drop for OfShard {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.signal.measure(&self.shard);
        }
    }
}

impl Signal {
    /// Measures what was recorded of a shard, and keeps the parameters. If the shard has a part of
    /// several batches, those are samples of one large batch.
    pub(super) fn measure(&self, shard: &Shard) {
        let mut record = std::mem::take(&mut *lock(&shard.record));
        if record.rows.is_empty() {
            return;
        }
        let more = Measured::of(&record, &self.shared.paths, &self.shared.running);
        let mut measured = lock(&shard.measured).take();
        measured.merge(Some(more));
        *lock(&shard.measured) = measured;
        self.state().values.append(&mut record.values);
    }
}
