//! The mean of each channel, and the sum of its squared deviations.

use crate::kernel::Real;
use crate::kernel::float::Float;
use crate::kernel::norm::channels::{self, Channels, Terms};

/// Samples whose mean is the first guess of the mean of many. With it, all samples are read once.
const FIRST: usize = 32;
/// The fewest samples for a guess: of fewer, most are in the near caches for a second sweep.
const MANY: usize = 4 * FIRST;

/// The moments of each channel.
pub(crate) struct Moments<F> {
    /// The rounded mean.
    pub(crate) mean: Vec<F>,
    /// The exact mean minus the rounded one.
    pub(crate) rest: Vec<F>,
    /// The sum of the squared deviations from the mean.
    pub(crate) squares: Vec<F>,
    /// The number of elements of a channel.
    count: F,
}

impl<F: Float> Moments<F> {
    pub(crate) fn of(xs: &[F], sizes: Channels) -> Self {
        if sizes.samples >= MANY {
            let first = Channels {
                samples: FIRST,
                ..sizes
            };
            let len = first.per_channel() * sizes.channels;
            let guess = means(&xs[..len], first);
            let sums = channels::sums(Deviations, [xs], [&guess], sizes);
            if are_close(&sums, sizes) {
                return Self::about(guess, sums, sizes);
            }
        }
        let mean = means(xs, sizes);
        let sums = channels::sums(Deviations, [xs], [&mean], sizes);
        Self::about(mean, sums, sizes)
    }

    /// Computes the moments from the sums of the deviations from numbers near the mean.
    fn about(mut mean: Vec<F>, [mut squares, mut rest]: [Vec<F>; 2], sizes: Channels) -> Self {
        let count = count::<F>(sizes);
        for ((square, mean), rest) in squares.iter_mut().zip(&mut mean).zip(&mut rest) {
            let lost = *rest / count;
            // A sum that overflows stays infinite, and NaN stays NaN. Rounding may make a sum of 0
            // negative.
            let of_lost = lost * *rest;
            *square = if square.is_infinite() {
                *square
            } else if *square < of_lost {
                F::zero()
            } else {
                *square - of_lost
            };
            // The rounding error of the sum, whichever of the two is larger (Knuth 1969, The Art of
            // Computer Programming, volume 2, section 4.2.2).
            let rounded = *mean + lost;
            let added = rounded - *mean;
            *rest = (*mean - (rounded - added)) + (lost - added);
            *mean = rounded;
        }
        Self {
            mean,
            rest,
            squares,
            count,
        }
    }

    /// Returns the biased variances.
    pub(crate) fn variances(&self) -> Vec<F> {
        self.squares.iter().map(|&x| x / self.count).collect()
    }
}

fn count<F: Float>(sizes: Channels) -> F {
    F::from_f64(sizes.per_channel() as f64)
}

fn means<F: Float>(xs: &[F], sizes: Channels) -> Vec<F> {
    let [mut sums] = channels::sums(Plain, [xs], [], sizes);
    for sum in &mut sums {
        *sum /= count(sizes);
    }
    sums
}

/// Returns whether the sums of deviations from a guess give the variance to nearly all digits: in
/// all channels, half of the sum of squares is the variance or more.
fn are_close<F: Float>([squares, deviations]: &[Vec<F>; 2], sizes: Channels) -> bool {
    let half = F::from_f64(0.5 * sizes.per_channel() as f64);
    let is_close = |square: F, sum: F| sum * sum <= half * square;
    let pairs = squares.iter().zip(deviations);
    // No early exit, so that the loop is vectorized. NaN is not close.
    pairs.fold(true, |all, (&square, &sum)| all & is_close(square, sum))
}

/// x
#[derive(Clone, Copy)]
struct Plain;

impl Terms<1, 0, 1> for Plain {
    #[inline(always)]
    fn apply<T: Real>(self, [x]: [T; 1], []: [T; 0]) -> [T; 1] {
        [x]
    }
}

/// (x - mean)², x - mean
#[derive(Clone, Copy)]
struct Deviations;

impl Terms<1, 1, 2> for Deviations {
    #[inline(always)]
    fn apply<T: Real>(self, [x]: [T; 1], [mean]: [T; 1]) -> [T; 2] {
        let deviation = x - mean;
        [deviation * deviation, deviation]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Compares the moments of one column of many samples with sums in `f64`.
    fn check(name: &str, value: impl Fn(usize) -> f32) {
        for [samples, inner] in [[5, 1], [MANY - 1, 1], [MANY, 1], [100_000, 1], [200, 3]] {
            let xs: Vec<f32> = (0..samples * inner).map(&value).collect();
            let sizes = Channels {
                samples,
                channels: 1,
                inner,
            };
            let found = Moments::of(&xs, sizes);
            let count = xs.len() as f64;
            let mean = xs.iter().map(|&x| f64::from(x)).sum::<f64>() / count;
            let squares: f64 = xs.iter().map(|&x| (f64::from(x) - mean).powi(2)).sum();
            let spread = (squares / count).sqrt();
            let error = f64::from(found.mean[0]) + f64::from(found.rest[0]) - mean;
            let noise = mean.abs() * 1e-7;
            assert!(
                error.abs() <= 1e-6 * spread + 1e-7 * noise,
                "{name} {samples}: mean {error:e}"
            );
            let error = f64::from(found.squares[0]) - squares;
            let bound = 2e-6 * squares + count * noise.powi(2);
            assert!(
                error.abs() <= bound,
                "{name} {samples}: squares {error:e} of {squares:e}"
            );
        }
    }

    #[test]
    fn moments_are_right_whatever_the_first_samples_are() {
        let noise = |i: usize| ((i * 7919 + 13) % 1009) as f32 / 1009.0 - 0.5;
        check("uniform", noise);
        check("a large mean", |i| 1e4 + noise(i));
        check("equal", |_| 0.1);
        check(
            "equal first samples",
            |i| if i < 150 { 3.0 } else { noise(i) },
        );
        check("first samples far off", |i| {
            if i < FIRST { 1e4 } else { noise(i) }
        });
        check("one outlier", |i| if i == 100 { 1e6 } else { noise(i) });
        check("ascending", |i| i as f32);
    }

    #[test]
    fn numbers_that_are_not_finite_reach_the_result() {
        for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            for place in [0, 300] {
                let mut xs = [1.0; 400];
                xs[place] = bad;
                let sizes = Channels {
                    samples: 400,
                    channels: 1,
                    inner: 1,
                };
                assert!(
                    !Moments::of(&xs, sizes).squares[0].is_finite(),
                    "{bad} at {place}"
                );
            }
        }
    }
}
