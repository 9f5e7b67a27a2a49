//! Random numbers from a seed, one for each element. They do not depend on the number of threads.

use crate::autograd::Tensor;
use crate::kernel::Float;
use crate::kernel::threads::parallel;
use crate::tensor::{Array, DType, with_dtype};
use chacha20::ChaCha8Rng;
use rand::{Rng, SeedableRng};

/// Returns a function that limits a draw, so that rounding to the dtype keeps it in the interval
/// from `low` to `high`, which contains `high` if it is `closed`. It changes only draws that would
/// be rounded out of the interval. If the interval contains no number of the dtype, all draws
/// become the number nearest to `low`.
pub(crate) fn within(
    dtype: DType,
    low: f64,
    high: f64,
    closed: bool,
) -> impl Fn(f64) -> f64 + Copy {
    let (mut least, mut largest) = (rounded(dtype, low), rounded(dtype, high));
    if least < low {
        least = next_up(dtype, least);
    }
    if largest > high || (largest == high && !closed) {
        largest = -next_up(dtype, -largest);
    }
    if least > largest {
        (least, largest) = (rounded(dtype, low), rounded(dtype, low));
    }
    // Rounding is monotonic and does not change these two limits.
    move |draw| {
        // `f64::clamp` checks the bounds at each call.
        let raised = if draw < least { least } else { draw };
        if raised > largest { largest } else { raised }
    }
}

/// Rounds x to the nearest number of the dtype, which is infinite beyond its range.
pub(crate) fn rounded(dtype: DType, x: f64) -> f64 {
    with_dtype!(dtype, F => <F as Float>::to_f64(F::from_f64(x)))
}

/// Returns the next larger number of the dtype.
fn next_up(dtype: DType, x: f64) -> f64 {
    with_dtype!(dtype, F => <F as Float>::to_f64((x as F).next_up()))
}

/// The number of elements that share a stream of the generator.
const BLOCK: usize = 4096;

/// Returns `value` of 32 random bits for each element of `x`, in its shape and dtype.
pub(crate) fn like(x: &Tensor, seed: u64, value: impl Fn(u32) -> f64 + Sync) -> Tensor {
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
