//! e^x - 1, accurate near zero.
//!
//! Method: with x = n ln 2 + r as in [`super::exp`], e^x - 1 = (2^n - 1 + 2^n r) + 2^n r^2 q(r).
//! The bracket is computed from the exact part of r, and is itself exact for -1 < x < 2, where the
//! terms cancel. The remaining rounding errors are those of the small second summand and of the
//! sum.
//!
//! Largest errors found: `f32` 1.193 ULP (all arguments, every tier), `f64` 1.232 ULP (1.2 million
//! arguments, half of them where the error is largest).

use super::exp::{LN2_LOW_F32, LN2_LOW_F64, reduce_f32, reduce_f64};
use crate::kernel::fma::Fma;
use crate::kernel::isa::Isa;

/// Computes e^x - 1 within 1.25 ULP.
#[inline(always)]
pub(crate) fn exp_m1_f32<I: Isa>(x: f32) -> f32 {
    let clamped = if 89.0 < x { 89.0 } else { x };
    let clamped = if -20.0 > clamped { -20.0 } else { clamped };
    // Half of the result is computed: if n is 128, 2^128 overflows, but e^x - 1 may not.
    let reduced = reduce_f32::<I>(clamped, 126);
    let low = reduced.n * LN2_LOW_F32;
    let scale = f32::from_bits(reduced.exponent << 23);
    let r = reduced.high - low;
    let q = horner!(I, r;
        5.000000000e-01, 1.666666567e-01, 4.166646674e-02, 8.333643898e-03, 1.393503626e-03,
        1.966244163e-04,
    );
    let tail = (r * r).fma::<I>(q, -low);
    let half = scale.fma::<I>(tail, scale.fma::<I>(reduced.high, scale - 0.5));
    // Halving would lose the last bit of a subnormal, and the sum would lose the sign of zero.
    if x.abs() < 2.9802322e-8 {
        x
    } else {
        half + half
    }
}

/// Computes e^x - 1 within 1.5 ULP.
#[inline(always)]
pub(crate) fn exp_m1_f64<I: Isa>(x: f64) -> f64 {
    let clamped = if 710.0 < x { 710.0 } else { x };
    let clamped = if -40.0 > clamped { -40.0 } else { clamped };
    let reduced = reduce_f64::<I>(clamped, 1022);
    let low = reduced.n * LN2_LOW_F64;
    let scale = f64::from_bits(reduced.exponent << 52);
    let r = reduced.high - low;
    let q = horner!(I, r;
        0.5, 0.16666666666666677, 0.041666666666666644, 0.008333333333321265, 0.0013888888888893853,
        0.00019841269887333976, 2.4801587328519134e-05, 2.755724272485037e-06,
        2.755722403052982e-07, 2.510965244141953e-08, 2.0950679148459953e-09,
    );
    let tail = (r * r).fma::<I>(q, -low);
    let half = scale.fma::<I>(tail, scale.fma::<I>(reduced.high, scale - 0.5));
    if x.abs() < 5.551115123125783e-17 {
        x
    } else {
        half + half
    }
}

#[cfg(test)]
mod tests {
    use super::super::check::{agrees, exact, exhaustive, functions, sampled, table};

    functions!(super::exp_m1_f32, super::exp_m1_f64);

    #[test]
    fn special_values() {
        exact::<F32>(&[
            (0.0, 0.0),
            (-0.0, -0.0),
            (f32::INFINITY, f32::INFINITY),
            (f32::NEG_INFINITY, -1.0),
            (f32::NAN, f32::NAN),
            (f32::MAX, f32::INFINITY),
            (f32::MIN, -1.0),
            (88.72284, f32::INFINITY),
            (f32::from_bits(1), f32::from_bits(1)),
            (-f32::MIN_POSITIVE, -f32::MIN_POSITIVE),
        ]);
        exact::<F64>(&[
            (0.0, 0.0),
            (-0.0, -0.0),
            (f64::INFINITY, f64::INFINITY),
            (f64::NEG_INFINITY, -1.0),
            (f64::NAN, f64::NAN),
            (f64::MAX, f64::INFINITY),
            (f64::MIN, -1.0),
            (709.7827128933841, f64::INFINITY),
            (f64::from_bits(1), f64::from_bits(1)),
            (-f64::MIN_POSITIVE, -f64::MIN_POSITIVE),
        ]);
    }

    #[test]
    fn f32_sampled() {
        let near = &[
            0.34657359,
            -0.34657359,
            1.0397207,
            -1.0397207,
            2.9802322e-8,
            -17.0,
            88.72284,
        ];
        sampled::<F32>(f64::exp_m1, 1.25, near, f32::INFINITY);
    }

    #[test]
    fn f64_table() {
        table::<F64>(include_str!("testdata/exp_m1.txt"), 1.5);
    }

    #[test]
    fn f64_agrees_with_the_standard_library() {
        agrees::<F64>(f64::exp_m1, 1.5, f64::INFINITY);
    }

    #[test]
    #[ignore = "minutes in a release build: all 2^32 arguments"]
    fn f32_exhaustive() {
        exhaustive::<F32>(f64::exp_m1, 1.25, f32::INFINITY);
    }
}
