//! Random numbers from a seed, one an element: the same ones for any number of threads.

use crate::autograd::Tensor;
use crate::kernel::{Float, parallel};
use crate::tensor::{Array, with_dtype};
use chacha20::ChaCha8Rng;
use rand::{Rng, SeedableRng};

/// Elements that share a stream of the generator.
const BLOCK: usize = 4096;

/// `value` of 32 random bits for each element of `x`, in its shape and dtype.
pub(super) fn like(x: &Tensor, seed: u64, value: impl Fn(u32) -> f64 + Sync) -> Tensor {
    let noise = with_dtype!(x.dtype(), F => {
        Array::build::<F>(x.array().shape().clone(), |out| {
            parallel::chunks_mut(out, BLOCK, &|start, out| {
                let mut rng = ChaCha8Rng::seed_from_u64(seed);
                rng.set_stream((start / BLOCK) as u64);
                for (block, out) in out.chunks_mut(BLOCK).enumerate() {
                    if block > 0 {
                        rng.set_stream((start / BLOCK + block) as u64);
                        rng.set_word_pos(0);
                    }
                    for out in out {
                        *out = F::from_f64(value(rng.next_u32()));
                    }
                }
            });
        })
    });
    Tensor::from(noise)
}
