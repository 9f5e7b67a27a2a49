//! The natural logarithm.
//!
//! Method: x = 2^k m with m between sqrt(1/2) and sqrt(2), and ln x = k ln 2 + ln m with ln 2 in
//! two parts. Let f = m - 1. For `f32`, ln m = f - f^2/2 + f^3 p(f) with a minimax polynomial p, as
//! in Cephes (S. L. Moshier, 1989, *Methods and Programs for Mathematical Functions*). `f64` uses
//! the series in s = f / (2 + f), arranged as in FreeBSD's msun (Sun Microsystems, 1993,
//! `e_log.c`).
//!
//! Largest errors found: `f32` 0.812 ULP (all arguments, every tier), `f64` 0.856 ULP (1.2 million
//! arguments, half of them where the error is largest).

use super::exp::{LN2_HIGH_F32, LN2_HIGH_F64, LN2_LOW_F32, LN2_LOW_F64};
use crate::kernel::fma::Fma;
use crate::kernel::isa::Isa;

/// `1.0f32` and `sqrt(0.5f32)` as bits.
const ONE_F32: u32 = 0x3f80_0000;
const SQRT_HALF_F32: u32 = 0x3f35_04f3;
const MANTISSA_F32: u32 = 0x007f_ffff;
/// `1.0f64` and `sqrt(0.5f64)` as bits.
const ONE_F64: u64 = 0x3ff0_0000_0000_0000;
const SQRT_HALF_F64: u64 = 0x3fe6_a09e_667f_3bcd;
const MANTISSA_F64: u64 = 0x000f_ffff_ffff_ffff;
/// 2^52. If a number below 2^52 is added to it, its low bits are that number.
const TWO_52: f64 = 4503599627370496.0;

/// Returns the result for every x, given the result for finite x above zero.
macro_rules! with_special {
    ($float:ident, $x:expr, $ln:expr) => {{
        let (x, ln) = ($x, $ln);
        let not_above = if x == 0.0 {
            $float::NEG_INFINITY
        } else {
            $float::NAN
        };
        let ln = if x < $float::INFINITY { ln } else { x };
        if x > 0.0 { ln } else { not_above }
    }};
}
pub(super) use with_special;

/// Splits normal x > 0 into (k, f) with x = 2^k (1 + f). `offset` is subtracted from k.
#[inline(always)]
pub(super) fn split_f64(x: f64, offset: f64) -> (f64, f64) {
    let bits = x.to_bits().wrapping_add(ONE_F64 - SQRT_HALF_F64);
    // 64-bit integers have no packed conversion before AVX-512, so the exponent is inserted as
    // bits.
    let k = f64::from_bits(TWO_52.to_bits() | (bits >> 52)) - (TWO_52 + 1023.0 + offset);
    let m = f64::from_bits((bits & MANTISSA_F64).wrapping_add(SQRT_HALF_F64));
    (k, m - 1.0)
}

/// Splits x > 0 as [`split_f64`] does, subnormal or not.
#[inline(always)]
pub(super) fn split_positive_f64(x: f64) -> (f64, f64) {
    let subnormal = x < f64::MIN_POSITIVE;
    let (scaled, offset) = (x * TWO_52, if subnormal { 52.0 } else { 0.0 });
    split_f64(if subnormal { scaled } else { x }, offset)
}

/// Computes ln x within 0.9 ULP, subnormal arguments included.
#[inline(always)]
pub(crate) fn ln_f32<I: Isa>(x: f32) -> f32 {
    let subnormal = x < f32::MIN_POSITIVE;
    let (scaled, offset) = (x * 8388608.0, if subnormal { 127 + 23 } else { 127 });
    let scaled = if subnormal { scaled } else { x };
    let bits = scaled.to_bits().wrapping_add(ONE_F32 - SQRT_HALF_F32);
    let k = ((bits >> 23) as i32 - offset) as f32;
    let f = f32::from_bits((bits & MANTISSA_F32).wrapping_add(SQRT_HALF_F32)) - 1.0;
    let p = horner!(I, f;
        3.333331347e-01, -2.500015795e-01, 2.000221163e-01, -1.665973663e-01, 1.421011984e-01,
        -1.254488081e-01, 1.210070327e-01, -1.093654186e-01, 5.376778170e-02,
    );
    let z = f * f;
    let tail = (z * f).fma::<I>(p, k * LN2_LOW_F32);
    let tail = z.fma::<I>(-0.5, tail);
    let ln = k.fma::<I>(LN2_HIGH_F32, f + tail);
    with_special!(f32, x, ln)
}

/// Computes 2 atanh(s) / s - 2 as a series in z = s^2.
#[inline(always)]
pub(super) fn atanh_series_f64<I: Isa>(z: f64) -> f64 {
    z * horner!(I, z;
        0.6666666666666734, 0.3999999999941704, 0.28571428741894145, 0.22222198621472586,
        0.18183561912798557, 0.15314110246597795, 0.14795370080635717,
    )
}

/// Computes ln x within 1.0 ULP, subnormal arguments included.
#[inline(always)]
pub(crate) fn ln_f64<I: Isa>(x: f64) -> f64 {
    let (k, f) = split_positive_f64(x);
    let half_square = 0.5 * f * f;
    let s = f / (2.0 + f);
    let tail = s.fma::<I>(half_square + atanh_series_f64::<I>(s * s), k * LN2_LOW_F64);
    let ln = k.fma::<I>(LN2_HIGH_F64, f - (half_square - tail));
    with_special!(f64, x, ln)
}

#[cfg(test)]
mod tests {
    use super::super::check::{agrees, exact, exhaustive, functions, sampled, table};

    functions!(super::ln_f32, super::ln_f64);

    #[test]
    fn special_values() {
        exact::<F32>(&[
            (1.0, 0.0),
            (0.0, f32::NEG_INFINITY),
            (-0.0, f32::NEG_INFINITY),
            (-1.0, f32::NAN),
            (-f32::from_bits(1), f32::NAN),
            (f32::NEG_INFINITY, f32::NAN),
            (f32::INFINITY, f32::INFINITY),
            (f32::NAN, f32::NAN),
            (f32::from_bits(1), -103.27893),
        ]);
        exact::<F64>(&[
            (1.0, 0.0),
            (0.0, f64::NEG_INFINITY),
            (-0.0, f64::NEG_INFINITY),
            (-1.0, f64::NAN),
            (-f64::from_bits(1), f64::NAN),
            (f64::NEG_INFINITY, f64::NAN),
            (f64::INFINITY, f64::INFINITY),
            (f64::NAN, f64::NAN),
            (f64::from_bits(1), -744.4400719213812),
        ]);
    }

    #[test]
    fn f32_sampled() {
        let near = &[
            1.0,
            0.70710677,
            std::f32::consts::SQRT_2,
            f32::MIN_POSITIVE,
            1e-44,
            f32::MAX,
        ];
        sampled::<F32>(f64::ln, 0.9, near, f32::INFINITY);
    }

    #[test]
    fn f64_table() {
        table::<F64>(include_str!("testdata/ln.txt"), 1.0);
    }

    #[test]
    fn f64_agrees_with_the_standard_library() {
        agrees::<F64>(f64::ln, 1.0, f64::INFINITY);
    }

    #[test]
    #[ignore = "minutes in a release build: all 2^32 arguments"]
    fn f32_exhaustive() {
        exhaustive::<F32>(f64::ln, 0.9, f32::INFINITY);
    }
}
