//! The share of a shard in the result besides gradients.

use crate::untrained::Change;
use cotangent_core::{Error, Result};

/// The share of a part of a batch in the result, besides gradients. Those of all shards are added
/// up in the order of the tree.
#[derive(Default)]
pub(crate) struct Tally {
    pub count: f64,
    /// The sum of the losses.
    pub loss: f64,
    /// The largest of all shards.
    pub draws: u64,
    /// The numbers of samples of the batches, which are the same on all ranks. Shards have none.
    pub rows: Vec<u64>,
    pub counters: Vec<u64>,
    /// Whether a shard has a gradient, by parameter: 0 or 1.
    pub present: Vec<u64>,
    /// The changes of the buffers. A shard without samples has none.
    pub buffers: Vec<Option<Change>>,
    /// The notes of the ranks, in frames.
    pub notes: Vec<u8>,
}

/// Sets each of `left` to the larger of both. The shorter list is filled up with 0.
fn largest(left: &mut Vec<u64>, mut right: Vec<u64>) {
    let len = left.len().max(right.len());
    left.resize(len, 0);
    right.resize(len, 0);
    for (left, right) in left.iter_mut().zip(right) {
        *left = (*left).max(right);
    }
}

impl Tally {
    pub fn add(mut left: Self, mut right: Self) -> Self {
        left.count += right.count;
        left.loss += right.loss;
        left.draws = left.draws.max(right.draws);
        let len = left.buffers.len().max(right.buffers.len());
        left.buffers.resize_with(len, || None);
        right.buffers.resize_with(len, || None);
        for (left, right) in left.buffers.iter_mut().zip(right.buffers) {
            *left = match (left.take(), right) {
                (Some(left), Some(right)) => Some(left.add(right)),
                (left, right) => left.or(right),
            };
        }
        largest(&mut left.counters, right.counters);
        largest(&mut left.present, right.present);
        left.notes.extend(right.notes);
        left
    }

    /// Adds what two parts of the ranks have sent.
    pub fn add_bytes(left: &[u8], right: &[u8]) -> Result<Vec<u8>> {
        let (left, right) = (Self::from_bytes(left)?, Self::from_bytes(right)?);
        if left.rows != right.rows {
            let (left, right) = (&left.rows, &right.rows);
            let reason = format!(
                "ranks have batches of different numbers of samples: {left:?} and {right:?}"
            );
            return Err(Error::argument("Ranks::gradients", reason));
        }
        Ok(Self::add(left, right).to_bytes())
    }

    pub fn to_bytes(&self) -> Vec<u8> {
        let mut numbers = vec![self.count.to_bits(), self.loss.to_bits(), self.draws];
        for list in [&self.rows, &self.counters, &self.present] {
            numbers.push(list.len() as u64);
            numbers.extend(list);
        }
        numbers.push(self.buffers.len() as u64);
        for change in &self.buffers {
            match change {
                None => numbers.push(0),
                Some(change) => {
                    numbers.push(if change.is_same { 1 } else { 2 });
                    numbers.extend([change.count.to_bits(), change.values.len() as u64]);
                    numbers.extend(change.values.iter().map(|value| value.to_bits()));
                }
            }
        }
        let mut bytes: Vec<u8> = numbers.into_iter().flat_map(u64::to_le_bytes).collect();
        bytes.extend(&self.notes);
        bytes
    }

    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let mut rest = bytes;
        let mut next = || -> Result<u64> {
            let Some((number, after)) = rest.split_first_chunk() else {
                let reason = "a message of another rank is too short";
                return Err(Error::argument("Ranks::gradients", reason));
            };
            rest = after;
            Ok(u64::from_le_bytes(*number))
        };
        let (count, loss, draws) = (next()?, next()?, next()?);
        let mut list = || -> Result<Vec<u64>> { (0..next()?).map(|_| next()).collect() };
        let (rows, counters, present) = (list()?, list()?, list()?);
        let mut buffers = Vec::new();
        for _ in 0..next()? {
            let kind = next()?;
            buffers.push(if kind == 0 {
                None
            } else {
                let (count, len) = (f64::from_bits(next()?), next()?);
                let values = (0..len).map(|_| next().map(f64::from_bits));
                Some(Change {
                    count,
                    values: values.collect::<Result<_>>()?,
                    is_same: kind == 1,
                })
            });
        }
        Ok(Self {
            count: f64::from_bits(count),
            loss: f64::from_bits(loss),
            draws,
            rows,
            counters,
            present,
            buffers,
            notes: rest.to_vec(),
        })
    }
}
