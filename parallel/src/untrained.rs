//! The leaves of a model that forward changes: buffers and counters.

use crate::tally::Tally;
use cotangent_core::module::{Buffer, Counter, LeafRef, Module, Walk};
use cotangent_core::{Error, Result, Tensor};
use std::collections::HashSet;

/// The leaves of a model that forward changes.
pub(crate) struct Untrained<'m> {
    buffers: Vec<&'m Buffer>,
    counters: Vec<&'m Counter>,
    /// Their values before the batch.
    start: (Vec<Tensor>, Vec<u64>),
}

/// The values to which shards have set a buffer.
pub(crate) struct Change {
    /// The number of samples, or of other things, of the shards that have changed it.
    pub count: f64,
    /// The values, or their sum over the shards, each times its count.
    pub values: Vec<f64>,
    /// Whether all these shards have set the same values, which are not multiplied then.
    pub is_same: bool,
}

impl Change {
    pub fn add(self, other: Self) -> Self {
        let count = self.count + other.count;
        if self.is_same && other.is_same && have_same_bits(&self.values, &other.values) {
            return Self { count, ..self };
        }
        let pairs = self.sums().into_iter().zip(other.sums());
        Self {
            count,
            values: pairs.map(|(left, right)| left + right).collect(),
            is_same: false,
        }
    }

    fn sums(self) -> Vec<f64> {
        if !self.is_same {
            return self.values;
        }
        let sums = self.values.into_iter().map(|value| value * self.count);
        sums.collect()
    }

    /// Returns the means over all shards, of which the others have left the buffer as it was.
    fn means(self, start: &Tensor, all: f64) -> Vec<f64> {
        let unchanged = all - self.count;
        if unchanged == 0.0 && self.is_same {
            return self.values;
        }
        let sums = self.sums().into_iter();
        if unchanged == 0.0 {
            return sums.map(|sum| sum / all).collect();
        }
        let before = start.to_f64_vec().into_iter();
        sums.zip(before)
            .map(|(sum, before)| (sum + before * unchanged) / all)
            .collect()
    }
}

impl<'m> Untrained<'m> {
    pub fn of(model: &'m (impl Module + ?Sized)) -> Self {
        let (mut buffers, mut counters) = (Vec::new(), Vec::new());
        Walk::over(model, |_, leaf| match leaf {
            LeafRef::Buffer(buffer) => buffers.push(buffer),
            LeafRef::Counter(counter) => counters.push(counter),
            _ => {}
        });
        let start = (
            buffers.iter().map(|buffer| buffer.value()).collect(),
            counters.iter().map(|counter| counter.get()).collect(),
        );
        Self {
            buffers,
            counters,
            start,
        }
    }

    /// Sets all leaves to their values before the batch.
    pub fn reset(&self) -> Result<()> {
        for (buffer, value) in self.buffers.iter().zip(&self.start.0) {
            buffer.set(value)?;
        }
        self.set_counters(&self.start.1);
        Ok(())
    }

    fn set_counters(&self, values: &[u64]) {
        for (counter, &value) in self.counters.iter().zip(values) {
            counter.set(value);
        }
    }

    /// Returns the changes by a shard of so many samples. Without samples its changes have no
    /// weight in the means.
    pub fn changes(&self, count: f64) -> Vec<Option<Change>> {
        let pairs = self.buffers.iter().zip(&self.start.0);
        let changes = pairs.map(|(buffer, start)| {
            let values = buffer.value().to_f64_vec();
            let is_changed = count > 0.0 && !have_same_bits(&values, &start.to_f64_vec());
            is_changed.then_some(Change {
                count,
                values,
                is_same: true,
            })
        });
        changes.collect()
    }

    pub fn counts(&self) -> Vec<u64> {
        self.counters.iter().map(|counter| counter.get()).collect()
    }

    /// Sets the buffers that a shard has changed to their means over all shards, and the others to
    /// their values before the batch.
    pub fn set_means(&self, tally: &mut Tally) -> Result<()> {
        let mut changes = std::mem::take(&mut tally.buffers).into_iter();
        for (buffer, start) in self.buffers.iter().zip(&self.start.0) {
            match changes.next().flatten() {
                None => buffer.set(start)?,
                Some(change) => {
                    let means = change.means(start, tally.count);
                    let means = Tensor::from_vec(means, start.shape())?;
                    buffer.set(&means.to_dtype(start.dtype()))?;
                }
            }
        }
        self.set_counters(&tally.counters);
        Ok(())
    }

    /// Returns an error if shards that share the model have changed a buffer of it, unless its
    /// layer has said that the new value is the same on all of them.
    pub fn check_shared(
        &self,
        model: &(impl Module + ?Sized),
        alike: &HashSet<usize>,
    ) -> Result<()> {
        let mut starts = self.start.0.iter();
        let mut changed = None;
        Walk::over(model, |path, leaf| {
            if let LeafRef::Buffer(buffer) = leaf
                && let Some(start) = starts.next()
                && !alike.contains(&address(buffer))
                && !have_same_bits(&buffer.value().to_f64_vec(), &start.to_f64_vec())
            {
                changed.get_or_insert_with(|| path.to_owned());
            }
        });
        let Some(path) = changed else {
            return Ok(());
        };
        let reason = format!(
            "a layer has changed the buffer `{path}`, and shards that are computed at the same \
             time share it: compute them one by one, or let the layer compute the same value on \
             all shards with `AllReduce::sum`, and say so with `AllReduce::sets_alike`"
        );
        Err(Error::argument("Ranks::gradients_at_once", reason))
    }
}

/// Returns what tells one buffer of a model from the others.
pub(crate) fn address(buffer: &Buffer) -> usize {
    std::ptr::from_ref(buffer).addr()
}

fn have_same_bits(left: &[f64], right: &[f64]) -> bool {
    let same = |(left, right): (&f64, &f64)| left.to_bits() == right.to_bits();
    left.len() == right.len() && left.iter().zip(right).all(same)
}
