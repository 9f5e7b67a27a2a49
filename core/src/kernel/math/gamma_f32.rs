//! The logarithm of the gamma function and its derivative for `f32`, as vector code in `f64`.
//!
//! Method: from 3 on, Stirling's series with minimax coefficients. In [1, 3] a minimax polynomial,
//! times factors that are exactly 0 where the function is. Below 1 the recurrence by one step, and
//! for negative numbers the reflection with the sine of pi times the distance to the nearest
//! integer.
//!
//! Between the poles of negative numbers there are zeros, so that the error there is relative to
//! the larger of 1 and the result.

use super::ln::split_f64;
use super::ln_1p::short_series;
use super::trig::sine_of_reduced;
use crate::kernel::fma::Fma;
use crate::kernel::isa::Isa;
use std::f64::consts::{FRAC_1_PI, LN_2, PI};

/// ln(2 pi) / 2
const HALF_LN_TAU: f64 = 0.9189385332046728;
/// The root of digamma as a sum of two numbers.
const ROOT: [f64; 2] = [1.4616321449683622, 9.549995429965697e-17];
/// From here on all `f32` are integers.
const INTEGERS: f64 = 16777216.0;
/// 2^52. It rounds to an integer if it is added to a smaller positive `f64` and subtracted again.
const TWO_52: f64 = 4503599627370496.0;

/// Computes ln x to the accuracy of an `f32` for finite x above 0.
#[inline(always)]
fn ln<I: Isa>(x: f64) -> f64 {
    let (k, f) = split_f64(x, 0.0);
    k.fma::<I>(LN_2, short_series::<I>(f))
}

/// Returns the difference of a positive number from the nearest integer, which is exact.
#[inline(always)]
fn fraction(a: f64) -> f64 {
    let a = if INTEGERS < a { INTEGERS } else { a };
    a - ((a + TWO_52) - TWO_52)
}

/// Computes ln |Γ(x)| within 0.6 ULP for positive x, and for negative x within 7e-8 times the
/// larger of 1 and the result.
#[inline(always)]
pub(crate) fn lgamma_f32<I: Isa>(x: f32) -> f32 {
    let a = f64::from(x.abs());
    let ln_a = ln::<I>(a);
    let is_low = a < 1.0;
    let t = a - if is_low { 1.0 } else { 2.0 };
    // Even and odd powers are summed apart, because the latency of one chain would show.
    let z = t * t;
    let even = horner!(I, z;
        0.42278433506257357, 0.03296500513858155, 0.004998548295961316, 0.0009160996320950704,
        0.00017981850710801952, 4.368817781608176e-05, 2.2623204388871973e-06,
        4.870415658816434e-06,
    );
    let odd = horner!(I, z;
        -0.10031730151869656, -0.01238419952029969, -0.002108030685292383,
        -0.00040631803195965776, -8.114119066750322e-05, -2.114425529751542e-05,
        -4.3926368236302206e-07, -2.4628344699846707e-06,
    );
    let small = (t * (t + 1.0)) * odd.fma::<I>(t, even) + if is_low { -ln_a } else { 0.0 };
    let inverse = 1.0 / a;
    let series = horner!(I, inverse * inverse;
        0.08333332448168801, -0.00277713162403889, 0.0007775511571049735, -0.00042042096553462774,
    );
    let large = (a - 0.5).fma::<I>(ln_a, series.fma::<I>(inverse, HALF_LN_TAU - a));
    let of_size = if a < 3.0 { small } else { large };
    let of_size = if x == 0.0 { f64::INFINITY } else { of_size };
    // Γ(-a) Γ(a) = -π / (a sin πa)
    let rest = fraction(a);
    let sine = sine_of_reduced::<I>(PI * rest.abs());
    let reflected = -ln::<I>(a * sine * FRAC_1_PI) - of_size;
    let reflected = if rest == 0.0 {
        f64::INFINITY
    } else {
        reflected
    };
    let value = if x < 0.0 { reflected } else { of_size };
    if a == f64::INFINITY {
        f32::INFINITY
    } else {
        value as f32
    }
}

/// Computes the derivative of ln |Γ(x)| within 0.6 ULP for positive x, and for negative x within
/// 7e-8 times the larger of 1 and the result.
#[inline(always)]
pub(crate) fn digamma_f32<I: Isa>(x: f32) -> f32 {
    let is_negative = x < 0.0;
    let x = f64::from(x);
    let v = if is_negative { 1.0 - x } else { x };
    let is_low = v < 1.0;
    let inverse = 1.0 / v;
    let y = v + if is_low { 1.0 } else { 0.0 };
    let t = y - 2.0;
    let z = t * t;
    let even = horner!(I, z;
        0.7853075386282682, 0.10899991276414961, 0.023447429345726172, 0.005550983724237133,
        0.001364767553598546, 0.00031741171955295257, 0.000115006436200754,
        -7.639995310868069e-06, 1.7831015673717697e-05,
    );
    let odd = horner!(I, z;
        -0.26073895236821737, -0.049551142321649574, -0.011336932704682886,
        -0.002748732904990099, -0.0006459994610725633, -0.0002199599905248508,
        8.902448182609357e-06, -3.4078787962851395e-05,
    );
    let above_root = (y - ROOT[0]) - ROOT[1];
    let small = above_root * odd.fma::<I>(t, even) - if is_low { inverse } else { 0.0 };
    let square = inverse * inverse;
    let series = horner!(I, square;
        0.08333327669998486, -0.008328760708801319, 0.0038452362913945397, -0.0027334419943677,
    );
    let large = (-square).fma::<I>(series, (-0.5f64).fma::<I>(inverse, ln::<I>(v)));
    let positive = if v < 3.0 { small } else { large };
    // The reflection adds π cot πa.
    let rest = fraction(x.abs());
    let cosine = sine_of_reduced::<I>(PI * (0.5 - rest.abs()));
    let cotangent = cosine / sine_of_reduced::<I>(PI * rest);
    let reflected = PI.fma::<I>(cotangent, positive);
    let reflected = if rest == 0.0 { f64::NAN } else { reflected };
    let value = if is_negative { reflected } else { positive };
    if x == f64::INFINITY {
        f32::INFINITY
    } else {
        value as f32
    }
}

#[cfg(test)]
mod tests {
    use super::super::gamma;
    use crate::kernel::isa::{Baseline, Isa};

    fn lgamma(x: f64) -> f64 {
        gamma::lgamma_f64::<Baseline>(x)
    }
    fn digamma(x: f64) -> f64 {
        gamma::digamma_f64::<Baseline>(x)
    }

    macro_rules! of_both_signs {
        ($name:ident, $f32:ident, $units:literal, $negative:literal, $special:expr) => {
            mod $name {
                use super::super::super::check::{
                    exact, exhaustive, functions, sampled, sampled_from_one_on,
                };
                use super::Isa;

                fn positive<I: Isa>(x: f32) -> f32 {
                    super::super::$f32::<I>(x.abs())
                }
                fn negative<I: Isa>(x: f32) -> f32 {
                    super::super::$f32::<I>(-x.abs())
                }
                functions!(@ Positive f32 self::positive);
                functions!(@ Negative f32 self::negative);
                functions!(@ Both f32 super::super::$f32);

                #[test]
                fn special_values() {
                    exact::<Both>(&$special);
                }

                #[test]
                fn f32_sampled() {
                    let near = &[1.0, 2.0, 3.0, 1.4616321, 1e-38, 16777216.0];
                    let reference = |x: f64| super::$name(x.abs());
                    sampled::<Positive>(reference, $units, near, f32::INFINITY);
                    let near = &[1.0, 2.0, 2.457, 3.5, 0.504, 1e-38, 16777216.0, 34.0];
                    let reference = |x: f64| super::$name(-x.abs());
                    sampled_from_one_on::<Negative>(reference, $negative, near);
                }

                #[test]
                #[ignore = "minutes in a release build: all 2^32 arguments"]
                fn f32_exhaustive() {
                    let reference = |x: f64| super::$name(x.abs());
                    exhaustive::<Positive>(reference, $units, f32::INFINITY);
                }
            }
        };
    }

    const INF: f32 = f32::INFINITY;
    const NAN: f32 = f32::NAN;

    of_both_signs!(
        lgamma,
        lgamma_f32,
        0.6,
        7e-8,
        [
            (1.0, 0.0),
            (2.0, 0.0),
            (0.0, super::INF),
            (-0.0, super::INF),
            (-3.0, super::INF),
            (super::INF, super::INF),
            (-super::INF, super::INF),
            (f32::MAX, super::INF),
            (f32::MIN, super::INF),
            (super::NAN, super::NAN),
        ]
    );
    of_both_signs!(
        digamma,
        digamma_f32,
        0.6,
        7e-8,
        [
            (0.0, -super::INF),
            (-0.0, super::INF),
            (-3.0, super::NAN),
            (super::INF, super::INF),
            (-super::INF, super::NAN),
            (f32::MIN, super::NAN),
            (super::NAN, super::NAN),
        ]
    );
}
