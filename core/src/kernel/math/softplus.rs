//! ln(1 + e^x), the soft maximum of 0 and x.
//!
//! Method: max(x, 0) + ln(1 + u) with u = e^-|x|, which is between 0 and 1. For `f32`, ln(1 + u) is
//! ln(1 + f) with f = u, or for u above 1/2 ln 2 + ln(1 + f) with f = (u - 1) / 2, which is exact.
//! ln(1 + f) = f - f^2/2 + f^3 p(f) with a minimax polynomial p for f between -1/4 and 1/2. For
//! `f64` it is that of [`super::ln_1p`].
//!
//! Largest errors found: `f32` 1.648 ULP (all arguments of magnitudes from 2^-10 to 2^7, with and
//! without fused multiply-add), `f64` 1.517 ULP (120,000 arguments).

use super::exp::{LN2_HIGH_F32, LN2_LOW_F32, exp_f64, reduce_f32};
use super::ln_1p::ln_1p_f64;
use crate::kernel::fma::Fma;
use crate::kernel::isa::Isa;

/// Computes ln(1 + e^x) within 1.7 ULP, subnormal results included.
#[inline(always)]
pub(crate) fn softplus_f32<I: Isa>(x: f32) -> f32 {
    // Below the limit the power is 0 anyway. This order of the operands keeps NaN.
    let below = -x.abs();
    let below = if -104.0 > below { -104.0 } else { below };
    let power = reduce_f32::<I>(below, 2 * 127).power::<I>();
    let is_large = power > 0.5;
    let f = if is_large { (power - 1.0) * 0.5 } else { power };
    let low = if is_large { LN2_LOW_F32 } else { 0.0 };
    let high = if is_large { LN2_HIGH_F32 } else { 0.0 };
    let p = horner!(I, f;
        3.333345056e-01, -2.500010431e-01, 1.999082714e-01, -1.664701402e-01, 1.447814703e-01,
        -1.316348165e-01, 1.046941578e-01, -4.512456059e-02,
    );
    let z = f * f;
    let tail = (z * f).fma::<I>(p, low);
    let tail = z.fma::<I>(-0.5, tail);
    let above = if x > 0.0 { x } else { 0.0 };
    above + (high + (f + tail))
}

/// Computes ln(1 + e^x) within 1.8 ULP, subnormal results included.
#[inline(always)]
pub(crate) fn softplus_f64<I: Isa>(x: f64) -> f64 {
    let above = if x > 0.0 { x } else { 0.0 };
    above + ln_1p_f64::<I>(exp_f64::<I>(-x.abs()))
}

#[cfg(test)]
mod tests {
    use super::super::check::{agrees, exact, exhaustive, functions, sampled, table};

    functions!(super::softplus_f32, super::softplus_f64);

    fn reference(x: f64) -> f64 {
        x.max(0.0) + (-x.abs()).exp().ln_1p()
    }

    #[test]
    fn special_values() {
        exact::<F32>(&[
            (0.0, std::f32::consts::LN_2),
            (-0.0, std::f32::consts::LN_2),
            (f32::INFINITY, f32::INFINITY),
            (f32::NEG_INFINITY, 0.0),
            (f32::NAN, f32::NAN),
            (f32::MAX, f32::MAX),
            (f32::MIN, 0.0),
            (-103.97209, 0.0),
            (-103.2789, f32::from_bits(1)),
            (18.0, 18.0),
        ]);
        exact::<F64>(&[
            (0.0, std::f64::consts::LN_2),
            (-0.0, std::f64::consts::LN_2),
            (f64::INFINITY, f64::INFINITY),
            (f64::NEG_INFINITY, 0.0),
            (f64::NAN, f64::NAN),
            (f64::MAX, f64::MAX),
            (f64::MIN, 0.0),
            (-745.1332191019412, 0.0),
            (-744.4400719213812, f64::from_bits(1)),
            (38.0, 38.0),
        ]);
    }

    #[test]
    fn f32_sampled() {
        let near = &[
            0.0,
            -std::f32::consts::LN_2,
            std::f32::consts::LN_2,
            -87.33655,
            -103.97208,
            -16.635532,
            16.635532,
        ];
        sampled::<F32>(reference, 1.7, near, f32::INFINITY);
    }

    #[test]
    fn f64_table() {
        table::<F64>(include_str!("testdata/softplus.txt"), 1.8);
    }

    #[test]
    fn f64_agrees_with_the_standard_library() {
        agrees::<F64>(reference, 1.8, f64::INFINITY);
    }

    #[test]
    #[ignore = "minutes in a release build: all 2^32 arguments"]
    fn f32_exhaustive() {
        exhaustive::<F32>(reference, 1.7, f32::INFINITY);
    }
}
