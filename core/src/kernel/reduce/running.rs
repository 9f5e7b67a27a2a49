//! The largest or smallest element so far along an axis, with its place.

use crate::kernel::float::Float;
use crate::kernel::isa::{Isa, Kernel, dispatch};
use crate::kernel::threads::parallel::{self, GRAIN};

/// Finds the largest element so far of each line along the middle axis of `xs` (outer, len, inner),
/// for a `sign` of -1 the smallest, and its place in the line. Of equal elements the last counts.
/// From the first NaN on the last NaN so far counts.
pub(crate) fn extremes<F: Float>(
    xs: &[F],
    [len, inner]: [usize; 2],
    sign: F,
    values: &mut [F],
    places: &mut [usize],
) {
    let plane = len * inner;
    let planes = (GRAIN / plane.max(1)).max(1);
    parallel::pairs_mut(
        [plane; 2],
        planes,
        values,
        places,
        &|first, values, places| {
            dispatch(Extremes {
                xs: &xs[first * plane..][..values.len()],
                lengths: [len, inner],
                sign,
                values,
                places,
            });
        },
    );
}

struct Extremes<'a, F> {
    xs: &'a [F],
    lengths: [usize; 2],
    sign: F,
    values: &'a mut [F],
    places: &'a mut [usize],
}

impl<F: Float> Kernel for Extremes<'_, F> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(self) {
        let [len, inner] = self.lengths;
        let outputs = self.values.chunks_exact_mut(len * inner);
        let outputs = outputs.zip(self.places.chunks_exact_mut(len * inner));
        for (xs, (values, places)) in self.xs.chunks_exact(len * inner).zip(outputs) {
            if inner == 1 {
                in_line(xs, self.sign, values, places);
            } else {
                in_rows(xs, inner, self.sign, values, places);
            }
        }
    }
}

/// Returns whether an element replaces the best one so far.
#[inline(always)]
fn wins<F: Float>(x: F, best: F, sign: F) -> bool {
    x.is_nan() || x * sign >= best * sign
}

/// Elements of a line that are compared with the best one before them at once.
const BLOCK: usize = 64;

#[inline(always)]
fn in_line<F: Float>(xs: &[F], sign: F, values: &mut [F], places: &mut [usize]) {
    let (mut best, mut place) = (F::from_f64(f64::NEG_INFINITY) * sign, 0);
    let outputs = values.chunks_mut(BLOCK).zip(places.chunks_mut(BLOCK));
    for (block, (xs, (values, places))) in xs.chunks(BLOCK).zip(outputs).enumerate() {
        let mut any = false;
        for &x in xs {
            any |= wins(x, best, sign);
        }
        if !any {
            values.fill(best);
            places.fill(place);
            continue;
        }
        let outputs = values.iter_mut().zip(places);
        for ((i, &x), (value, out)) in (block * BLOCK..).zip(xs).zip(outputs) {
            if wins(x, best, sign) {
                (best, place) = (x, i);
            }
            (*value, *out) = (best, place);
        }
    }
}

/// Computes all lines of a plane together, row after row.
#[inline(always)]
fn in_rows<F: Float>(xs: &[F], inner: usize, sign: F, values: &mut [F], places: &mut [usize]) {
    values[..inner].copy_from_slice(&xs[..inner]);
    places[..inner].fill(0);
    for (i, xs) in xs.chunks_exact(inner).enumerate().skip(1) {
        let (best, values) = values[(i - 1) * inner..][..2 * inner].split_at_mut(inner);
        let (place, places) = places[(i - 1) * inner..][..2 * inner].split_at_mut(inner);
        for j in 0..inner {
            let new = wins(xs[j], best[j], sign);
            values[j] = if new { xs[j] } else { best[j] };
            places[j] = if new { i } else { place[j] };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::extremes;

    /// Compares with a loop over each line: ties, NaN, infinities, and lines of several blocks.
    #[test]
    fn extremes_equal_a_plain_loop() {
        for [outer, len, inner] in [[3, 200, 1], [2, 70, 5], [700, 64, 1], [1, 1, 1], [2, 0, 3]] {
            let number = |i: usize| match i * 7919 % 101 {
                0 if i > 300 => f32::NAN,
                1 => f32::NEG_INFINITY,
                2 => f32::INFINITY,
                k => (k % 23) as f32 - 11.0,
            };
            let xs: Vec<f32> = (0..outer * len * inner).map(number).collect();
            for sign in [1.0, -1.0] {
                let (mut values, mut places) = (vec![0.0; xs.len()], vec![0; xs.len()]);
                extremes(&xs, [len, inner], sign, &mut values, &mut places);
                for line in 0..outer * inner {
                    let at = |i: usize| (line / inner * len + i) * inner + line % inner;
                    let mut best = 0;
                    for i in 0..len {
                        let (x, so_far) = (xs[at(i)], xs[at(best)]);
                        if x.is_nan() || x * sign >= so_far * sign {
                            best = i;
                        }
                        assert_eq!(places[at(i)], best, "{outer} {len} {inner}, {line} {i}");
                        let expected = xs[at(best)].to_bits();
                        assert_eq!(values[at(i)].to_bits(), expected, "{line} {i}");
                    }
                }
            }
        }
    }
}
