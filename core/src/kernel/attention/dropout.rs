//! Dropout of attention weights: random numbers that depend on the seed and on the places of query
//! and key only, so that backward draws them again.

use crate::kernel::float::Float;
use chacha20::ChaCha8Rng;
use rand::{Rng, SeedableRng};
use std::ops::Range;

/// Sets weights to 0 at random, and divides the others by the probability of keeping them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Dropout {
    seed: u64,
    /// A weight is dropped if its 32 random bits, as a number, are below this.
    threshold: u64,
    /// The factor of a weight that is kept.
    factor: f64,
}

impl Dropout {
    pub(crate) fn new(p: f64, seed: u64) -> Self {
        Self {
            seed,
            threshold: (p * 2f64.powi(32)).round() as u64,
            factor: 1.0 / (1.0 - p),
        }
    }

    /// Computes the factors of the weights of some keys (rows) for the queries (columns) from
    /// `first` on. `matrix` is the number of the query matrix, `keys` the number of all keys.
    ///
    /// Each key has a stream of the generator, in which queries are counted.
    pub(super) fn factors<F: Float>(
        &self,
        matrix: usize,
        keys: usize,
        block: Range<usize>,
        first: usize,
        out: &mut [F],
    ) {
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
        let columns = out.len() / block.len().max(1);
        let factor = F::from_f64(self.factor);
        for (key, row) in block.zip(out.chunks_exact_mut(columns.max(1))) {
            rng.set_stream((matrix * keys + key) as u64);
            rng.set_word_pos(first as u128);
            for out in row {
                let dropped = u64::from(rng.next_u32()) < self.threshold;
                *out = if dropped { F::zero() } else { factor };
            }
        }
    }

    /// Computes the factors of all weights, `(matrices, queries, keys)`.
    pub(crate) fn all<F: Float>(&self, queries: usize, keys: usize, out: &mut [F]) {
        let mut column = vec![F::zero(); queries];
        if queries * keys == 0 {
            return;
        }
        for (matrix, out) in out.chunks_exact_mut(queries * keys).enumerate() {
            for key in 0..keys {
                self.factors(matrix, keys, key..key + 1, 0, &mut column);
                for (query, &factor) in column.iter().enumerate() {
                    out[query * keys + key] = factor;
                }
            }
        }
    }
}
