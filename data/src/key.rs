//! `Key`, from which random changes of samples are drawn, so that the number of workers never
//! matters.

use cotangent_core::random::ChaCha8Rng;

use crate::shuffle::{Purpose, keyed_generator};

/// A seed and the number of an epoch, from which random changes of samples are drawn.
///
/// The generator of a sample depends on the key and the sample's position alone. The order in which
/// samples are drawn, and the thread that draws them, change nothing. Where an epoch contains a
/// sample several times, each occurrence has its own key.
///
/// ```
/// use cotangent::data::Key;
/// use cotangent::random::RngExt;
///
/// let draw = |key: Key, position| key.generator(position).random::<u64>();
/// assert_eq!(draw(Key::new(42, 3), 17), draw(Key::new(42, 3), 17));
/// assert_ne!(draw(Key::new(42, 3), 17), draw(Key::new(42, 4), 17));
/// assert_ne!(draw(Key::new(42, 3), 17), draw(Key::new(42, 3), 18));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Key {
    seed: u64,
    epoch: u64,
    /// The path of [`child`](Self::child) keys.
    path: u64,
}

impl Key {
    /// Creates the key of an epoch.
    pub fn new(seed: u64, epoch: u64) -> Self {
        Self {
            seed,
            epoch,
            path: 0,
        }
    }

    /// Returns the seed.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// Returns the number of the epoch.
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// Returns the generator of the sample at `position`.
    pub fn generator(&self, position: usize) -> ChaCha8Rng {
        let stream = position as u64;
        keyed_generator(Purpose::Sample, self.seed, [self.epoch, self.path], stream)
    }

    /// Returns an unrelated key of the same epoch. A data set that draws random numbers and
    /// contains another one calls it with a child, so that the draws of the two are independent.
    pub fn child(&self, number: u64) -> Self {
        // The constants of SplitMix64 (Steele, Lea and Flood 2014): the paths of nested data sets
        // do not meet.
        let mut path = (self.path ^ number.wrapping_add(1)).wrapping_add(0x9e3779b97f4a7c15);
        path = (path ^ (path >> 30)).wrapping_mul(0xbf58476d1ce4e5b9);
        path = (path ^ (path >> 27)).wrapping_mul(0x94d049bb133111eb);
        Self {
            path: path ^ (path >> 31),
            ..*self
        }
    }

    /// Returns the key of a draw of a sample that was drawn `before` times.
    pub(crate) fn after(&self, before: u32) -> Self {
        // Data sets count their children from 0.
        self.child(!u64::from(before))
    }
}

/// Returns for each of the positions, which are below `samples`, how often it occurs before.
/// Returns an empty vector if none occurs twice.
pub(crate) fn occurrences(positions: &[usize], samples: usize) -> Vec<u32> {
    let mut counts = vec![0; samples];
    let mut repeats = false;
    let before = positions.iter().map(|&position| {
        let count: &mut u32 = &mut counts[position];
        let before = *count;
        *count = before.wrapping_add(1);
        repeats |= before > 0;
        before
    });
    let before = before.collect();
    if repeats { before } else { Vec::new() }
}
