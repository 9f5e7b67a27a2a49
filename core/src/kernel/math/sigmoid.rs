//! The logistic function 1 / (1 + e^-x).
//!
//! Method: e^-x = 2^n e^r as in [`super::exp`]. The fraction is expanded by a power of two to 2^-a
//! / (2^-a + 2^b e^r) with a + b = n. Neither power overflows where the result is finite, so one
//! formula serves both tails, down to the smallest subnormal. The quotient is corrected for the
//! rounding error of the denominator, which would otherwise cost up to one unit in the last place.
//!
//! Largest errors found: `f32` 1.437 ULP (all arguments, every tier), `f64` 1.387 ULP (1.2 million
//! arguments, half of them where the error is largest).

use super::exp::{reduce_f32, reduce_f64};
use crate::kernel::fma::Fma;
use crate::kernel::isa::Isa;

/// Computes 1 / (1 + e^-x) within 1.5 ULP, subnormal results included.
#[inline(always)]
pub(crate) fn sigmoid_f32<I: Isa>(x: f32) -> f32 {
    let negated = if -88.0 > -x { -88.0 } else { -x };
    let negated = if 105.0 < negated { 105.0 } else { negated };
    let reduced = reduce_f32::<I>(negated, 2 * 127);
    let half = reduced.exponent >> 1;
    let inverse = f32::from_bits(half << 23);
    let numerator = f32::from_bits(254u32.wrapping_sub(half) << 23);
    let scale = f32::from_bits(reduced.exponent.wrapping_sub(half) << 23);
    let tail = reduced.tail::<I>();
    let denominator = tail.fma::<I>(scale, numerator + scale);
    let (large, small) = if numerator > scale {
        (numerator, scale)
    } else {
        (scale, numerator)
    };
    let lost = tail.fma::<I>(scale, (large - denominator) + small);
    let quotient = numerator / denominator;
    (-quotient).fma::<I>(quotient * inverse * lost, quotient)
}

/// Computes 1 / (1 + e^-x) within 1.6 ULP, subnormal results included.
#[inline(always)]
pub(crate) fn sigmoid_f64<I: Isa>(x: f64) -> f64 {
    let negated = if -709.0 > -x { -709.0 } else { -x };
    let negated = if 747.0 < negated { 747.0 } else { negated };
    let reduced = reduce_f64::<I>(negated, 2 * 1023);
    let half = reduced.exponent >> 1;
    let inverse = f64::from_bits(half << 52);
    let numerator = f64::from_bits(2046u64.wrapping_sub(half) << 52);
    let scale = f64::from_bits(reduced.exponent.wrapping_sub(half) << 52);
    let tail = reduced.tail::<I>();
    let denominator = tail.fma::<I>(scale, numerator + scale);
    let (large, small) = if numerator > scale {
        (numerator, scale)
    } else {
        (scale, numerator)
    };
    let lost = tail.fma::<I>(scale, (large - denominator) + small);
    let quotient = numerator / denominator;
    (-quotient).fma::<I>(quotient * inverse * lost, quotient)
}

#[cfg(test)]
mod tests {
    use super::super::check::{agrees, exact, exhaustive, functions, sampled, table};

    functions!(super::sigmoid_f32, super::sigmoid_f64);

    /// Computes the sigmoid. Where e^-x overflows, the quotient would be 0.
    fn reference(x: f64) -> f64 {
        if x < -40.0 {
            x.exp()
        } else {
            1.0 / (1.0 + (-x).exp())
        }
    }

    #[test]
    fn special_values() {
        exact::<F32>(&[
            (0.0, 0.5),
            (-0.0, 0.5),
            (f32::INFINITY, 1.0),
            (f32::NEG_INFINITY, 0.0),
            (f32::NAN, f32::NAN),
            (f32::MAX, 1.0),
            (f32::MIN, 0.0),
            (-103.97209, 0.0),
            (-103.2789, f32::from_bits(1)),
            (18.0, 1.0),
        ]);
        exact::<F64>(&[
            (0.0, 0.5),
            (-0.0, 0.5),
            (f64::INFINITY, 1.0),
            (f64::NEG_INFINITY, 0.0),
            (f64::NAN, f64::NAN),
            (f64::MAX, 1.0),
            (f64::MIN, 0.0),
            (-745.1332191019412, 0.0),
            (-744.4400719213812, f64::from_bits(1)),
            (38.0, 1.0),
        ]);
    }

    #[test]
    fn f32_sampled() {
        let near = &[0.0, -87.33655, -103.97208, -16.635532, 16.635532, -88.0];
        sampled::<F32>(reference, 1.5, near, f32::INFINITY);
    }

    #[test]
    fn f64_table() {
        table::<F64>(include_str!("testdata/sigmoid.txt"), 1.6);
    }

    #[test]
    fn f64_agrees_with_the_standard_library() {
        agrees::<F64>(reference, 1.6, f64::INFINITY);
    }

    #[test]
    #[ignore = "minutes in a release build: all 2^32 arguments"]
    fn f32_exhaustive() {
        exhaustive::<F32>(reference, 1.5, f32::INFINITY);
    }
}
