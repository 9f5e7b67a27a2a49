//! ln(1 + x), accurate near zero.
//!
//! Method: `f32` computes in `f64`, where 1 + x is exact enough, with a polynomial of just the
//! needed degree. `f64` corrects ln(1 + x) by the rounding error of 1 + x, as in FreeBSD's msun
//! (Sun Microsystems, 1993, `s_log1p.c`).
//!
//! Largest errors found: `f32` 0.513 ULP (all arguments, every tier), `f64` 0.845 ULP (1.2 million
//! arguments, half of them where the error is largest).

use super::exp::{LN2_HIGH_F64, LN2_LOW_F64};
use super::ln::{atanh_series_f64, split_f64, with_special};
use crate::kernel::fma::Fma;
use crate::kernel::isa::Isa;

/// Returns ln(1 + f) to the accuracy of an `f32`, for 1 + f between sqrt(1/2) and sqrt(2).
#[inline(always)]
pub(super) fn short_series<I: Isa>(f: f64) -> f64 {
    let p = horner!(I, f;
        0.3333331260464049, -0.25000009600773776, 0.2000211867545093, -0.16667995873181607,
        0.1421955154525812, -0.12405587117739737, 0.11888168230985567, -0.1167566929918335,
        0.06746648409580522,
    );
    (f * f).fma::<I>(f.fma::<I>(p, -0.5), f)
}

/// Computes ln(1 + x) to the accuracy of an `f32`, except that it loses the digits of x below 2^-25
/// in magnitude and the sign of zero.
#[inline(always)]
pub(super) fn short_ln_1p<I: Isa>(x: f64) -> f64 {
    let sum = 1.0 + x;
    let (k, f) = split_f64(sum, 0.0);
    let ln = k.fma::<I>(std::f64::consts::LN_2, short_series::<I>(f));
    with_special!(f64, sum, ln)
}

/// Computes ln(1 + x) within 0.52 ULP.
#[inline(always)]
pub(crate) fn ln_1p_f32<I: Isa>(x: f32) -> f32 {
    let ln = short_ln_1p::<I>(f64::from(x)) as f32;
    if x.abs() < 2.9802322e-8 { x } else { ln }
}

/// Computes ln(1 + x) within 1.0 ULP.
#[inline(always)]
pub(crate) fn ln_1p_f64<I: Isa>(x: f64) -> f64 {
    let sum = 1.0 + x;
    // One of these two differences is exact: the one that subtracts the larger summand from the
    // sum.
    let above = 1.0 - (sum - x);
    let below = x - (sum - 1.0);
    let lost = if sum < 2.0 { below } else { above };
    let (k, f) = split_f64(sum, 0.0);
    let f = if k == 0.0 { x } else { f };
    let correction = if k == 0.0 { 0.0 } else { lost / sum };
    let half_square = 0.5 * f * f;
    let s = f / (2.0 + f);
    let low = k.fma::<I>(LN2_LOW_F64, correction);
    let tail = s.fma::<I>(half_square + atanh_series_f64::<I>(s * s), low);
    let ln = k.fma::<I>(LN2_HIGH_F64, f - (half_square - tail));
    let ln = with_special!(f64, sum, ln);
    if x.abs() < 1.1102230246251565e-16 {
        x
    } else {
        ln
    }
}

#[cfg(test)]
mod tests {
    use super::super::check::{agrees, exact, exhaustive, functions, sampled, table};

    functions!(super::ln_1p_f32, super::ln_1p_f64);

    #[test]
    fn special_values() {
        exact::<F32>(&[
            (0.0, 0.0),
            (-0.0, -0.0),
            (-1.0, f32::NEG_INFINITY),
            (-1.0000001, f32::NAN),
            (f32::MIN, f32::NAN),
            (f32::NEG_INFINITY, f32::NAN),
            (f32::INFINITY, f32::INFINITY),
            (f32::NAN, f32::NAN),
            (f32::from_bits(1), f32::from_bits(1)),
            (-f32::MIN_POSITIVE, -f32::MIN_POSITIVE),
        ]);
        exact::<F64>(&[
            (0.0, 0.0),
            (-0.0, -0.0),
            (-1.0, f64::NEG_INFINITY),
            (-1.0000000000000002, f64::NAN),
            (f64::MIN, f64::NAN),
            (f64::NEG_INFINITY, f64::NAN),
            (f64::INFINITY, f64::INFINITY),
            (f64::NAN, f64::NAN),
            (f64::from_bits(1), f64::from_bits(1)),
            (-f64::MIN_POSITIVE, -f64::MIN_POSITIVE),
        ]);
    }

    #[test]
    fn f32_sampled() {
        let near = &[
            -1.0,
            1.0,
            -0.29289323,
            0.41421354,
            2.9802322e-8,
            -2.9802322e-8,
            f32::MAX,
        ];
        sampled::<F32>(f64::ln_1p, 0.52, near, f32::INFINITY);
    }

    #[test]
    fn f64_table() {
        table::<F64>(include_str!("testdata/ln_1p.txt"), 1.0);
    }

    #[test]
    fn f64_agrees_with_the_standard_library() {
        agrees::<F64>(f64::ln_1p, 1.0, f64::INFINITY);
    }

    #[test]
    #[ignore = "minutes in a release build: all 2^32 arguments"]
    fn f32_exhaustive() {
        exhaustive::<F32>(f64::ln_1p, 0.52, f32::INFINITY);
    }
}
