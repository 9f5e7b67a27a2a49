//! Logarithms to base 2 and 10.
//!
//! Method: x = 2^k (1 + f) as in [`super::ln`]. `f32` multiplies ln(1 + f) by the logarithm of e in
//! `f64`. `f64` computes f - f^2/2 in two parts, of which the first has so few digits that its
//! product with the first part of the constant is exact, as in FreeBSD's msun (Sun Microsystems,
//! 1993, `e_log2.c` and `e_log10.c`).
//!
//! Powers of 2 have exact logarithms to base 2, and powers of 10 that are exact have exact ones to
//! base 10.

use super::ln::{atanh_series_f64, split_f64, split_positive_f64, with_special};
use super::ln_1p::short_series;
use crate::kernel::fma::Fma;
use crate::kernel::isa::Isa;
use std::f64::consts::{LOG2_E, LOG10_2, LOG10_E};

/// The first digits of log₂ e and the rest.
const LOG2_E_PARTS: [f64; 2] = [1.44269504072144627571e+00, 1.67517131648865118353e-10];
/// The first digits of log₁₀ e and the rest.
const LOG10_E_PARTS: [f64; 2] = [4.34294481878168880939e-01, 2.50829467116452752298e-11];
/// The first digits of log₁₀ 2 and the rest.
const LOG10_2_PARTS: [f64; 2] = [3.01029995663611771306e-01, 3.69423907715893078616e-13];

/// Computes log₂ x within 0.52 ULP.
#[inline(always)]
pub(crate) fn log2_f32<I: Isa>(x: f32) -> f32 {
    let (k, f) = split_f64(f64::from(x), 0.0);
    let log = short_series::<I>(f).fma::<I>(LOG2_E, k) as f32;
    with_special!(f32, x, log)
}

/// Computes log₁₀ x within 0.52 ULP.
#[inline(always)]
pub(crate) fn log10_f32<I: Isa>(x: f32) -> f32 {
    let (k, f) = split_f64(f64::from(x), 0.0);
    let log = short_series::<I>(f).fma::<I>(LOG10_E, k * LOG10_2) as f32;
    with_special!(f32, x, log)
}

/// Returns ln(1 + f) in two parts, of which the first has at most 21 digits.
#[inline(always)]
fn parts<I: Isa>(f: f64) -> (f64, f64) {
    let half_square = 0.5 * f * f;
    let s = f / (2.0 + f);
    let tail = s * (half_square + atanh_series_f64::<I>(s * s));
    let high = f64::from_bits((f - half_square).to_bits() & !0xffff_ffff);
    (high, (f - high) - half_square + tail)
}

/// Computes log₂ x within 1.1 ULP, subnormal arguments included.
#[inline(always)]
pub(crate) fn log2_f64<I: Isa>(x: f64) -> f64 {
    let (k, f) = split_positive_f64(x);
    let (high, low) = parts::<I>(f);
    let first = high * LOG2_E_PARTS[0];
    let rest = low.fma::<I>(LOG2_E_PARTS[0], (low + high) * LOG2_E_PARTS[1]);
    let sum = k + first;
    let log = (rest + ((k - sum) + first)) + sum;
    with_special!(f64, x, log)
}

/// Computes log₁₀ x within 1.5 ULP, subnormal arguments included.
#[inline(always)]
pub(crate) fn log10_f64<I: Isa>(x: f64) -> f64 {
    let (k, f) = split_positive_f64(x);
    let (high, low) = parts::<I>(f);
    let (first, whole) = (high * LOG10_E_PARTS[0], k * LOG10_2_PARTS[0]);
    let rest = k * LOG10_2_PARTS[1] + (low + high) * LOG10_E_PARTS[1] + low * LOG10_E_PARTS[0];
    let sum = whole + first;
    let log = (rest + ((whole - sum) + first)) + sum;
    with_special!(f64, x, log)
}

#[cfg(test)]
mod tests {
    macro_rules! logarithm {
        ($name:ident $base:literal $f32:path, $f64:path, $table:literal, $bound:literal) => {
            mod $name {
                use super::super::super::check::{
                    agrees, exact, exhaustive, functions, sampled, table,
                };

                functions!($f32, $f64);

                #[test]
                fn special_values() {
                    exact::<F32>(&[
                        (1.0, 0.0),
                        (0.0, f32::NEG_INFINITY),
                        (-0.0, f32::NEG_INFINITY),
                        (-1.0, f32::NAN),
                        (f32::NEG_INFINITY, f32::NAN),
                        (f32::INFINITY, f32::INFINITY),
                        (f32::NAN, f32::NAN),
                    ]);
                    exact::<F64>(&[
                        (1.0, 0.0),
                        (0.0, f64::NEG_INFINITY),
                        (-0.0, f64::NEG_INFINITY),
                        (-1.0, f64::NAN),
                        (f64::NEG_INFINITY, f64::NAN),
                        (f64::INFINITY, f64::INFINITY),
                        (f64::NAN, f64::NAN),
                    ]);
                }

                #[test]
                fn logarithms_of_powers_are_exact() {
                    // 10^22 and 10^10 are the largest powers that `f64` and `f32` represent.
                    let power = |n: i32| {
                        let exact = f64::exp2(n.into());
                        if $base == 2 { exact } else { 10f64.powi(n) }
                    };
                    let exponents = if $base == 2 { -149..128 } else { 0..11 };
                    exact::<F32>(
                        &exponents
                            .map(|n| (power(n) as f32, n as f32))
                            .collect::<Vec<_>>(),
                    );
                    let exponents = if $base == 2 { -1074..1024 } else { 0..23 };
                    exact::<F64>(
                        &exponents
                            .map(|n| (power(n), f64::from(n)))
                            .collect::<Vec<_>>(),
                    );
                }

                #[test]
                fn f32_sampled() {
                    use std::f32::consts::{FRAC_1_SQRT_2, SQRT_2};
                    let near = &[1.0, SQRT_2, FRAC_1_SQRT_2, 2.0, 10.0, f32::MIN_POSITIVE];
                    sampled::<F32>(f64::$name, 0.52, near, f32::INFINITY);
                }

                #[test]
                fn f64_table() {
                    table::<F64>(include_str!($table), $bound);
                }

                #[test]
                fn f64_agrees_with_the_standard_library() {
                    agrees::<F64>(f64::$name, $bound, f64::INFINITY);
                }

                #[test]
                #[ignore = "minutes in a release build: all 2^32 arguments"]
                fn f32_exhaustive() {
                    exhaustive::<F32>(f64::$name, 0.52, f32::INFINITY);
                }
            }
        };
    }

    logarithm!(log2 2 super::super::log2_f32, super::super::log2_f64, "testdata/log2.txt", 1.1);
    logarithm!(log10 10 super::super::log10_f32, super::super::log10_f64, "testdata/log10.txt",
        1.5);
}
