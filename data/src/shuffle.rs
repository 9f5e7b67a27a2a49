//! All random orders of this crate, drawn so that equal seeds for different purposes are unrelated.

use cotangent_core::random::ChaCha8Rng;
use cotangent_core::random::SeedableRng;
use cotangent_core::random::rand::seq::SliceRandom;

/// The purpose of an order, which is part of the generator's key.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Purpose {
    Split = 1,
    TakePerClass = 2,
    Epoch = 3,
    Fold = 4,
    Sample = 5,
    Weighted = 6,
    Buffer = 7,
}

/// Returns the generator for a purpose. The cipher's key is the seed and the purpose, and its
/// stream is the number of an epoch or a class, so that no stream depends on another.
pub(crate) fn generator(purpose: Purpose, seed: u64, stream: u64) -> ChaCha8Rng {
    keyed_generator(purpose, seed, [0; 2], stream)
}

/// Returns the generator for a purpose and two more numbers, which are part of the key.
pub(crate) fn keyed_generator(
    purpose: Purpose,
    seed: u64,
    numbers: [u64; 2],
    stream: u64,
) -> ChaCha8Rng {
    let mut key = [0; 32];
    key[..8].copy_from_slice(&seed.to_le_bytes());
    key[8] = purpose as u8;
    key[16..24].copy_from_slice(&numbers[0].to_le_bytes());
    key[24..].copy_from_slice(&numbers[1].to_le_bytes());
    let mut generator = ChaCha8Rng::from_seed(key);
    generator.set_stream(stream);
    generator
}

/// Shuffles `positions` (Fisher and Yates).
pub(crate) fn shuffle(positions: &mut [usize], generator: &mut ChaCha8Rng) {
    positions.shuffle(generator);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(purpose: Purpose, seed: u64, stream: u64) -> Vec<usize> {
        let mut positions: Vec<usize> = (0..10).collect();
        shuffle(&mut positions, &mut generator(purpose, seed, stream));
        positions
    }

    #[test]
    fn purpose_seed_and_stream_each_change_the_order() {
        let reference = order(Purpose::Epoch, 7, 0);
        assert_eq!(reference, order(Purpose::Epoch, 7, 0));
        assert_ne!(reference, order(Purpose::Split, 7, 0));
        assert_ne!(reference, order(Purpose::Epoch, 8, 0));
        assert_ne!(reference, order(Purpose::Epoch, 7, 1));
        assert_ne!(reference, order(Purpose::Epoch, 7, u64::MAX));
    }
}
