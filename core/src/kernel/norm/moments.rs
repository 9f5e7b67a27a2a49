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
