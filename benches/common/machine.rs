//! The limits of this machine: bytes copied and multiply-adds per second, and the time in which
//! threads hear of each other.

use super::alone;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// Measures the bytes per second, read and written, that two threads (or as many as rayon has) copy
/// between buffers much larger than the last cache. The result is the better of stores that bypass
/// the caches and the system's `memcpy`.
pub fn copy_bandwidth() -> anyhow::Result<f64> {
    const LEN: usize = 64 << 20; // f32: 256 MB a buffer
    let (source, mut target) = (vec![1.0f32; LEN], vec![0.0f32; LEN]);
    let streamed = copied(&source, &mut target, stream)?;
    let plain = copied(&source, &mut target, |to, from| to.copy_from_slice(from))?;
    Ok(streamed.max(plain))
}

/// Measures the same for buffers of 4 MB, which fit into the last cache.
pub fn cached_bandwidth() -> anyhow::Result<f64> {
    const LEN: usize = 1 << 20;
    let (source, mut target) = (vec![1.0f32; LEN], vec![0.0f32; LEN]);
    copied(&source, &mut target, |to, from| to.copy_from_slice(from))
}

fn copied(source: &[f32], target: &mut [f32], copy: fn(&mut [f32], &[f32])) -> anyhow::Result<f64> {
    let piece = source.len().div_ceil(rayon::current_num_threads());
    let times = alone(5, Duration::from_millis(150), || {
        rayon::scope(|scope| {
            for (to, from) in target.chunks_mut(piece).zip(source.chunks(piece)) {
                scope.spawn(move |_| copy(to, from));
            }
        });
        Ok(())
    })?;
    // The bound is the limit of the machine, not of its momentary load, so the quietest run counts.
    Ok(2.0 * size_of_val(source) as f64 / (times.quantile(0.0) * 1e-6))
}

/// Measures the nanoseconds in which a number goes from one thread to another and back. They tell
/// whether the processors share a cache.
pub fn round_trip() -> anyhow::Result<f64> {
    const TURNS: u64 = 100_000;
    let times = alone(1, Duration::from_millis(200), || {
        let place = AtomicU64::new(0);
        let wait = |number| {
            let mut turns = 0u32;
            while place.load(Relaxed) != number {
                turns = turns.wrapping_add(1);
                if turns.is_multiple_of(4096) {
                    // There may be one processor for both.
                    std::thread::yield_now();
                }
                std::hint::spin_loop();
            }
        };
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for turn in 0..TURNS {
                    wait(2 * turn + 1);
                    place.store(2 * turn + 2, Relaxed);
                }
            });
            for turn in 0..TURNS {
                place.store(2 * turn + 1, Relaxed);
                wait(2 * turn + 2);
            }
        });
        Ok(())
    })?;
    Ok(times.median() * 1e3 / TURNS as f64)
}

/// Reads `values` once on one thread, from whatever cache contains them.
pub fn read(values: &[f32]) -> f32 {
    cotangent::kernel::dispatch(Read { values })
}

struct Read<'a> {
    values: &'a [f32],
}

impl cotangent::kernel::Kernel for Read<'_> {
    type Output = f32;

    #[inline(always)]
    fn run<I: cotangent::kernel::Isa>(self) -> f32 {
        let mut sums = [0.0f32; 128];
        for chunk in self.values.chunks_exact(128) {
            for (sum, value) in sums.iter_mut().zip(chunk) {
                *sum += value;
            }
        }
        sums.iter().sum()
    }
}

#[cfg(target_arch = "x86_64")]
fn stream(to: &mut [f32], from: &[f32]) {
    use std::arch::x86_64::{_mm_sfence, _mm256_loadu_ps, _mm256_stream_ps};
    #[target_feature(enable = "avx")]
    fn run(to: &mut [f32], from: &[f32]) {
        let start = to.as_ptr().align_offset(32).min(to.len());
        to[..start].copy_from_slice(&from[..start]);
        let blocks = to[start..].chunks_exact_mut(8);
        for (to, from) in blocks.zip(from[start..].chunks_exact(8)) {
            // SAFETY: both are eight numbers, and `to` is aligned to 32 bytes.
            unsafe { _mm256_stream_ps(to.as_mut_ptr(), _mm256_loadu_ps(from.as_ptr())) };
        }
        let rest = to.len() - (to.len() - start) % 8;
        to[rest..].copy_from_slice(&from[rest..]);
        _mm_sfence();
    }
    if is_x86_feature_detected!("avx") {
        // SAFETY: the machine has the instruction set.
        unsafe { run(to, from) }
    } else {
        to.copy_from_slice(from);
    }
}

#[cfg(not(target_arch = "x86_64"))]
fn stream(to: &mut [f32], from: &[f32]) {
    to.copy_from_slice(from);
}

/// Measures the floating-point operations per second of all threads, with the instruction set of
/// the kernels. A multiply-add counts as two.
pub fn fma_peak() -> anyhow::Result<f64> {
    // Twelve registers of 256 bits, and of 512.
    Ok(multiply_adds::<96>()?.max(multiply_adds::<192>()?))
}

fn multiply_adds<const LANES: usize>() -> anyhow::Result<f64> {
    const STEPS: usize = 20_000;
    let threads = rayon::current_num_threads();
    let times = alone(5, Duration::from_millis(40), || {
        rayon::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|_| {
                    std::hint::black_box(cotangent::kernel::dispatch(MultiplyAdds::<LANES>(STEPS)));
                });
            }
        });
        Ok(())
    })?;
    let operations = (2 * STEPS * LANES * threads) as f64;
    Ok(operations / (times.quantile(0.0) * 1e-6))
}

/// Independent multiply-adds in registers.
struct MultiplyAdds<const LANES: usize>(usize);

impl<const LANES: usize> cotangent::kernel::Kernel for MultiplyAdds<LANES> {
    type Output = f32;

    #[inline(always)]
    fn run<I: cotangent::kernel::Isa>(self) -> f32 {
        let mut sums = [0.5f32; LANES];
        let (factor, term) = std::hint::black_box((0.999f32, 1e-3f32));
        for _ in 0..self.0 {
            for sum in &mut sums {
                *sum = if I::FMA {
                    sum.mul_add(factor, term)
                } else {
                    *sum * factor + term
                };
            }
        }
        sums.iter().sum()
    }
}
