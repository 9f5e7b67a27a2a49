//! The keys and values of earlier positions.

use super::OP;
use cotangent_core::{Error, Result, Tensor};

/// The keys and values of the positions that an attention has seen, to continue a sequence without
/// computing them again.
///
/// Each attention of a model needs its own cache. It belongs to one sequence, or to one batch of
/// sequences of equal length. A clone continues the same beginning in another way, as beam search
/// does.
///
/// The memory doubles when it is full, so that adding a position copies only that position on
/// average.
#[derive(Clone, Debug, Default)]
pub struct KeyValueCache {
    /// Keys and values, (batch, heads, capacity, width).
    stored: Option<[Tensor; 2]>,
    len: usize,
}

/// The positions that a cache has room for at first.
const FIRST: usize = 16;

impl KeyValueCache {
    /// Creates an empty cache.
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns the number of positions.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Returns whether there are no positions yet.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Removes all positions. The memory is kept for the next sequence.
    pub fn clear(&mut self) {
        self.len = 0;
    }

    /// Adds the keys and values (batch, heads, time, width) of new positions, and returns those of
    /// all positions.
    pub(super) fn extend(&mut self, keys: &Tensor, values: &Tensor) -> Result<(Tensor, Tensor)> {
        let new = [keys, values];
        let end = self.len + keys.shape()[2];
        let stored = match self.stored.take() {
            // A cache without positions may be used for another batch.
            Some(stored) if self.len > 0 || fits(&stored[0], keys) => stored,
            _ => [room(keys, FIRST.max(end))?, room(values, FIRST.max(end))?],
        };
        let stored = self.stored.insert(stored);
        if !fits(&stored[0], keys) {
            let reason = "expected a cache of this layer and this batch";
            return Err(Error::shape(OP, reason, &[stored[0].shape(), keys.shape()]));
        }
        for (stored, new) in stored.iter_mut().zip(new) {
            let capacity = stored.shape()[2];
            if end > capacity {
                let mut larger = room(new, end.max(2 * capacity))?;
                larger.write_in_place(2, 0, &stored.narrow(2, 0, self.len)?)?;
                *stored = larger;
            }
            stored.write_in_place(2, self.len, &new.detach())?;
        }
        let first = std::mem::replace(&mut self.len, end);
        let seen = |index: usize| {
            if new[index].is_tracked() {
                // The new positions have gradients, which the stored copy does not.
                let earlier = stored[index].narrow(2, 0, first)?;
                return Tensor::cat(&[&earlier, new[index]], 2);
            }
            stored[index].narrow(2, 0, end)
        };
        Ok((seen(0)?, seen(1)?))
    }
}

/// Returns zeros with the shape of `like`, but for `capacity` positions.
fn room(like: &Tensor, capacity: usize) -> Result<Tensor> {
    let mut shape = like.shape().to_vec();
    shape[2] = capacity;
    Tensor::zeros(shape, like.dtype())
}

/// Returns whether keys belong to the batch and the layer of the stored ones.
fn fits(stored: &Tensor, keys: &Tensor) -> bool {
    let place = |x: &Tensor| [x.shape()[0], x.shape()[1], x.shape()[3]];
    place(stored) == place(keys)
}
