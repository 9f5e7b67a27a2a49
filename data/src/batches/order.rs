//! The orders in which an epoch visits the samples.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use cotangent_core::random::{ChaCha8Rng, RngExt};

use crate::error::{Error, Result};
use crate::shuffle::{Purpose, generator, shuffle};

/// The number of batches that are sorted by length at a time. Within so many the lengths in a batch
/// are nearly equal, and which samples meet still changes from epoch to epoch.
const BATCHES_PER_BUCKET: usize = 64;

/// The order of the samples of an epoch.
#[derive(Clone)]
pub(super) enum Order {
    Fixed,
    Shuffled { seed: u64 },
    Weighted { draw: Arc<Weighted>, seed: u64 },
    Bucketed { lengths: Arc<[usize]>, seed: u64 },
}

impl Order {
    pub(super) fn seed(&self) -> u64 {
        match *self {
            Self::Fixed => 0,
            Self::Shuffled { seed } | Self::Weighted { seed, .. } | Self::Bucketed { seed, .. } => {
                seed
            }
        }
    }

    /// Returns the positions of an epoch, or `None` if they are 0, 1, 2 and so on.
    pub(super) fn positions(
        &self,
        epoch: u64,
        samples: usize,
        batch_size: usize,
    ) -> Option<Vec<usize>> {
        let shuffled = |generator: &mut ChaCha8Rng| {
            let mut order: Vec<usize> = (0..samples).collect();
            shuffle(&mut order, generator);
            order
        };
        match self {
            Self::Fixed => None,
            Self::Shuffled { seed } => Some(shuffled(&mut generator(Purpose::Epoch, *seed, epoch))),
            Self::Weighted { draw, seed } => {
                let mut generator = generator(Purpose::Weighted, *seed, epoch);
                Some(
                    (0..samples)
                        .map(|_| draw.position(&mut generator))
                        .collect(),
                )
            }
            Self::Bucketed { lengths, seed } => {
                let mut generator = generator(Purpose::Epoch, *seed, epoch);
                let order = shuffled(&mut generator);
                Some(bucketed(order, lengths, batch_size, &mut generator))
            }
        }
    }
}

/// Sorts runs of batches by length, and then shuffles the full batches.
fn bucketed(
    mut order: Vec<usize>,
    lengths: &[usize],
    batch_size: usize,
    generator: &mut ChaCha8Rng,
) -> Vec<usize> {
    for bucket in order.chunks_mut(batch_size.saturating_mul(BATCHES_PER_BUCKET)) {
        bucket.sort_by_key(|&position| lengths[position]);
    }
    let full = order.len() / batch_size;
    let mut batches: Vec<usize> = (0..full).collect();
    shuffle(&mut batches, generator);
    let full = batches
        .into_iter()
        .flat_map(|batch| &order[batch * batch_size..][..batch_size]);
    let rest = order.chunks_exact(batch_size).remainder();
    full.chain(rest).copied().collect()
}

/// Draws positions in proportion to weights, with replacement.
pub(super) struct Weighted {
    /// The sums of the weights up to each position, divided by the largest weight.
    sums: Vec<f64>,
    /// The last position whose weight is not 0.
    last: usize,
}

impl Weighted {
    pub(super) fn new(weights: &[f64]) -> Result<Self> {
        let wrong = |&weight: &f64| !(weight.is_finite() && weight >= 0.0);
        if let Some(sample) = weights.iter().position(wrong) {
            let found = weights[sample];
            return Err(Error::Weight { sample, found });
        }
        let last = weights.iter().rposition(|&weight| weight > 0.0);
        let last = last.ok_or(Error::NoWeight)?;
        let largest = weights.iter().copied().fold(0.0, f64::max);
        let mut sum = 0.0;
        let add = |&weight: &f64| {
            sum += weight / largest;
            sum
        };
        let sums = weights.iter().map(add).collect();
        Ok(Self { sums, last })
    }

    fn position(&self, generator: &mut ChaCha8Rng) -> usize {
        let drawn = generator.random::<f64>() * self.sums[self.last];
        let position = self.sums.partition_point(|&sum| sum <= drawn);
        // The product may have been rounded up to the whole sum.
        position.min(self.last)
    }
}

/// Returns weights with which every class is drawn equally often.
pub(super) fn balancing(classes: &[usize]) -> Vec<f64> {
    let mut counts = BTreeMap::<usize, usize>::new();
    for &class in classes {
        *counts.entry(class).or_default() += 1;
    }
    let weight = |class: &usize| (counts[class] as f64).recip();
    classes.iter().map(weight).collect()
}

impl fmt::Debug for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self {
            Self::Fixed => return f.write_str("Fixed"),
            Self::Shuffled { .. } => "Shuffled",
            Self::Weighted { .. } => "Weighted",
            Self::Bucketed { .. } => "Bucketed",
        };
        f.debug_struct(name).field("seed", &self.seed()).finish()
    }
}
