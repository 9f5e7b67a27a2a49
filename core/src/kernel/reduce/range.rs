//! Sums of squares whose terms leave the range of their dtype, although the final result does not.
//! This file detects them, and computes the power of two that scales the numbers back into the
//! range.

use crate::kernel::float::Float;

/// Returns whether a sum of `count` squares has all of its digits: no square was infinite, and
/// squares that lost digits below the smallest normal number would change the sum by less than its
/// rounding error.
#[inline(always)]
pub(crate) fn is_accurate<F: Float>(sum: F, count: usize) -> bool {
    sum.is_finite() && sum >= F::min_positive_value() * F::from_f64(count as f64)
}

/// Returns the power of two that scales a number of this magnitude to about 1, as near as a normal
/// number can. It is 1 for 0, infinity and NaN. Multiplying by it or by its reciprocal is exact.
pub(crate) fn scale<F: Float>(magnitude: F) -> F {
    if magnitude == F::zero() || !magnitude.is_finite() {
        return F::one();
    }
    let exponent = |x: F| {
        let (mantissa, exponent, _) = x.integer_decode();
        i64::from(exponent) + i64::from(mantissa.ilog2())
    };
    let most = -exponent(F::min_positive_value());
    let power = (-exponent(magnitude)).clamp(-most, most);
    F::from_f64(f64::from_bits(((1023 + power) as u64) << 52))
}

/// Returns the epsilon for the variance of scaled numbers: `epsilon` · `scale`². It does not
/// underflow to 0 if `epsilon` is positive. Then rows of equal numbers give 0 / sqrt(epsilon) and
/// not 0 / 0.
pub(crate) fn scaled_epsilon<F: Float>(epsilon: f64, scale: F) -> F {
    let scaled = F::from_f64(epsilon * scale.to_f64() * scale.to_f64());
    if scaled == F::zero() && F::from_f64(epsilon) > F::zero() {
        F::min_positive_value()
    } else {
        scaled
    }
}

/// Returns whether the cubes of a number and of its reciprocal are far from the ends of the range.
pub(crate) fn cubes_are_in_range<F: Float>(x: F) -> bool {
    (1e-6..=1e6).contains(&x.to_f64())
}

/// Returns the scale for a recorded derivative of a normalization by `factor`, which is scaled
/// already unless `scale` is 1. Such derivatives contain cubes of the factor.
pub(crate) fn scale_of_cubes<F: Float>(scale: F, factor: F) -> F {
    if scale == F::one() && !cubes_are_in_range(factor) {
        self::scale(factor.recip())
    } else {
        scale
    }
}

/// Returns the scales and the epsilon scaled by each, or `None` if all scales are 1.
pub(crate) fn scales_and_epsilons<F: Float>(
    scales: impl Iterator<Item = F>,
    epsilon: f64,
) -> Option<[Vec<F>; 2]> {
    let scales: Vec<F> = scales.collect();
    if scales.iter().all(|&scale| scale == F::one()) {
        return None;
    }
    let epsilons = scales.iter().map(|&scale| scaled_epsilon(epsilon, scale));
    let epsilons = epsilons.collect();
    Some([scales, epsilons])
}

/// Returns the largest magnitude in `xs`, or NaN if there is one.
pub(crate) fn largest<F: Float>(xs: &[F]) -> F {
    xs.iter().fold(F::zero(), |largest, x| {
        let x = x.abs();
        if x > largest || x.is_nan() {
            x
        } else {
            largest
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scaled_squares_are_in_range() {
        for x in [1e-45f32, 3e-39, 1e-30, 0.3, 1.0, 1e30, f32::MAX] {
            let scaled = x * scale(x);
            assert!(is_accurate(scaled * scaled, 1) && scaled < 4.0, "{x}");
            assert_eq!(scaled * scale(x).recip(), x);
        }
        for x in [5e-324f64, 1e-300, 1.5, 1e300, f64::MAX] {
            let scaled = x * scale(x);
            assert!(is_accurate(scaled * scaled, 1) && scaled < 4.0, "{x}");
            assert_eq!(scaled * scale(x).recip(), x);
        }
        assert_eq!(scale(1.5f32), 1.0);
        assert_eq!([0.0, f32::INFINITY, f32::NAN].map(scale), [1.0; 3]);
    }

    #[test]
    fn sums_that_lost_digits_are_detected() {
        assert!(
            is_accurate(1e-30f32, 1000) && is_accurate(f32::MAX, 1000) && is_accurate(1e-37f32, 1)
        );
        for lost in [0.0, 1e-40, 1e-37, f32::INFINITY, f32::NAN] {
            assert!(!is_accurate(lost, 1000), "{lost}");
        }
    }

    #[test]
    fn nan_is_the_largest_magnitude() {
        assert_eq!(largest(&[1.0f32, -3.0, 2.0]), 3.0);
        assert!(largest(&[f32::NAN, -3.0, f32::INFINITY]).is_nan());
        assert!(largest(&[2.0, f32::NAN, -3.0]).is_nan());
    }
}
