//! The places of values in sorted rows.

use crate::kernel::float::Float;
use crate::kernel::threads::parallel::{self, GRAIN};
use std::hint::select_unpredictable;

/// Writes how many elements of a row are below each value, or with `right`, at most as large.
/// `keys` are the [`key`]s of the elements of rows, which have the first of the lengths. As many
/// values as the second are searched for in each row.
pub(crate) fn places<F: Float>(
    right: bool,
    [len, width]: [usize; 2],
    keys: &[i64],
    values: &[F],
    out: &mut [usize],
) {
    parallel::chunks_mut(out, GRAIN / 16, &|start, out| {
        let (mut start, mut rest) = (start, out);
        while !rest.is_empty() {
            let (row, within) = (start / width, start % width);
            let (out, behind) = rest.split_at_mut((width - within).min(rest.len()));
            let keys = &keys[row * len..(row + 1) * len];
            for (out, &value) in out.iter_mut().zip(&values[start..]) {
                *out = count_below(keys, key(value) + i64::from(right));
            }
            start += out.len();
            rest = behind;
        }
    });
}

/// Returns how many of the sorted numbers are below a bound, without branches that depend on them.
fn count_below(sorted: &[i64], bound: i64) -> usize {
    let (mut first, mut len) = (0, sorted.len());
    while len > 1 {
        let half = len / 2;
        let is_below = sorted[first + half - 1] < bound;
        first = select_unpredictable(is_below, first + half, first);
        len -= half;
    }
    first + usize::from(sorted.get(first).is_some_and(|&last| last < bound))
}

/// Returns an integer that is ordered as the number is. NaN is the largest. Comparisons of integers
/// need no case for it.
pub(crate) fn key<F: Float>(x: F) -> i64 {
    if x.is_nan() {
        return i64::MAX - 1;
    }
    // A negative zero becomes a positive one.
    let bits = (x.to_f64() + 0.0).to_bits().cast_signed();
    // The bits of negative numbers grow with their size.
    bits ^ ((bits >> 63) & i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_ordered_as_the_numbers() {
        let numbers = [
            f64::NEG_INFINITY,
            -1e300,
            -2.0,
            -1e-310,
            0.0,
            5e-324,
            3.0,
            f64::INFINITY,
        ];
        assert!(numbers.windows(2).all(|pair| key(pair[0]) < key(pair[1])));
        assert_eq!(key(-0.0f32), key(0.0f32));
        assert!(key(f64::NAN) > key(f64::INFINITY) && key(-f64::NAN) == key(f64::NAN));
        for len in 0..40 {
            let sorted: Vec<i64> = (0..len).map(|i| i / 3).collect();
            for bound in -1..15 {
                let count = sorted.iter().filter(|&&x| x < bound).count();
                assert_eq!(count_below(&sorted, bound), count, "{len} {bound}");
            }
        }
    }
}
