//! The inverse hyperbolic functions.
//!
//! Method: each is ln(1 + y) of a y that keeps the digits where the result is small. `f32` computes
//! in `f64`, where squares do not overflow.

use super::ln_1p::{ln_1p_f64, short_ln_1p};
use crate::kernel::isa::Isa;
use std::f64::consts::LN_2;

/// The limit above which x² + 1 and x² - 1 round to x².
const LARGE: f64 = 268435456.0;
/// The size below which the odd functions equal their arguments in `f32`.
const TINY_F32: f32 = 2.9802322e-8;

/// Returns e^asinh(a) - 1 for a not negative.
#[inline(always)]
fn of_sinh(a: f64) -> f64 {
    a + a * a / (1.0 + (1.0 + a * a).sqrt())
}

/// Returns e^acosh(x) - 1.
#[inline(always)]
fn of_cosh(x: f64) -> f64 {
    let above = x - 1.0;
    above + above.sqrt() * (above + 2.0).sqrt()
}

/// Returns ln(1 + y), or ln 2a if a is so large that its square may overflow.
#[inline(always)]
fn logarithm<I: Isa>(a: f64, y: f64) -> f64 {
    let is_large = a > LARGE;
    let ln = ln_1p_f64::<I>(if is_large { a - 1.0 } else { y });
    if is_large { ln + LN_2 } else { ln }
}

/// Computes the inverse hyperbolic sine within 0.52 ULP.
#[inline(always)]
pub(crate) fn asinh_f32<I: Isa>(x: f32) -> f32 {
    let size = short_ln_1p::<I>(of_sinh(f64::from(x.abs()))) as f32;
    if (x.abs() < TINY_F32) | (x.abs() == f32::INFINITY) {
        x
    } else {
        size.copysign(x)
    }
}

/// Computes the inverse hyperbolic sine within 3 ULP.
#[inline(always)]
pub(crate) fn asinh_f64<I: Isa>(x: f64) -> f64 {
    let a = x.abs();
    logarithm::<I>(a, of_sinh(a)).copysign(x)
}

/// Computes the inverse hyperbolic cosine, which is not negative, within 0.52 ULP; NaN below 1.
#[inline(always)]
pub(crate) fn acosh_f32<I: Isa>(x: f32) -> f32 {
    short_ln_1p::<I>(of_cosh(f64::from(x))) as f32
}

/// Computes the inverse hyperbolic cosine, which is not negative, within 3 ULP; NaN below 1.
#[inline(always)]
pub(crate) fn acosh_f64<I: Isa>(x: f64) -> f64 {
    logarithm::<I>(x, of_cosh(x))
}

/// Computes the inverse hyperbolic tangent within 0.52 ULP; NaN outside of [-1, 1].
#[inline(always)]
pub(crate) fn atanh_f32<I: Isa>(x: f32) -> f32 {
    let a = f64::from(x.abs());
    let size = (0.5 * short_ln_1p::<I>(2.0 * a / (1.0 - a))) as f32;
    if x.abs() < TINY_F32 {
        x
    } else {
        size.copysign(x)
    }
}

/// Computes the inverse hyperbolic tangent within 3 ULP; NaN outside of [-1, 1].
#[inline(always)]
pub(crate) fn atanh_f64<I: Isa>(x: f64) -> f64 {
    let a = x.abs();
    (0.5 * ln_1p_f64::<I>(2.0 * a / (1.0 - a))).copysign(x)
}

#[cfg(test)]
mod tests {
    mod asinh {
        use super::super::super::check::{exact, exhaustive, functions, sampled, table};

        functions!(super::super::asinh_f32, super::super::asinh_f64);

        #[test]
        fn special_values() {
            exact::<F32>(&[
                (0.0, 0.0),
                (-0.0, -0.0),
                (f32::NAN, f32::NAN),
                (f32::from_bits(1), f32::from_bits(1)),
                (-f32::MIN_POSITIVE, -f32::MIN_POSITIVE),
                (f32::INFINITY, f32::INFINITY),
                (f32::NEG_INFINITY, f32::NEG_INFINITY),
            ]);
            exact::<F64>(&[
                (0.0, 0.0),
                (-0.0, -0.0),
                (f64::NAN, f64::NAN),
                (f64::from_bits(1), f64::from_bits(1)),
                (-f64::MIN_POSITIVE, -f64::MIN_POSITIVE),
                (f64::INFINITY, f64::INFINITY),
                (f64::NEG_INFINITY, f64::NEG_INFINITY),
            ]);
        }

        #[test]
        fn f32_sampled() {
            sampled::<F32>(
                f64::asinh,
                0.52,
                &[1.0, -1.0, 2.9802322e-8, 3e8],
                f32::INFINITY,
            );
        }

        #[test]
        fn f64_table() {
            table::<F64>(include_str!("testdata/asinh.txt"), 3.0);
        }

        #[test]
        #[ignore = "minutes in a release build: all 2^32 arguments"]
        fn f32_exhaustive() {
            exhaustive::<F32>(f64::asinh, 0.52, f32::INFINITY);
        }
    }

    mod acosh {
        use super::super::super::check::{exact, exhaustive, functions, sampled, table};

        functions!(super::super::acosh_f32, super::super::acosh_f64);

        #[test]
        fn special_values() {
            exact::<F32>(&[
                (1.0, 0.0),
                (0.0, f32::NAN),
                (-1.0, f32::NAN),
                (f32::NEG_INFINITY, f32::NAN),
                (0.9999999, f32::NAN),
                (f32::INFINITY, f32::INFINITY),
                (f32::NAN, f32::NAN),
            ]);
            exact::<F64>(&[
                (1.0, 0.0),
                (0.0, f64::NAN),
                (-1.0, f64::NAN),
                (f64::NEG_INFINITY, f64::NAN),
                (0.9999999, f64::NAN),
                (f64::INFINITY, f64::INFINITY),
                (f64::NAN, f64::NAN),
            ]);
        }

        #[test]
        fn f32_sampled() {
            sampled::<F32>(f64::acosh, 0.52, &[1.0, 1.5, 3e8], f32::INFINITY);
        }

        #[test]
        fn f64_table() {
            table::<F64>(include_str!("testdata/acosh.txt"), 3.0);
        }

        #[test]
        #[ignore = "minutes in a release build: all 2^32 arguments"]
        fn f32_exhaustive() {
            exhaustive::<F32>(f64::acosh, 0.52, f32::INFINITY);
        }
    }

    mod atanh {
        use super::super::super::check::{exact, exhaustive, functions, sampled, table};

        functions!(super::super::atanh_f32, super::super::atanh_f64);

        #[test]
        fn special_values() {
            exact::<F32>(&[
                (0.0, 0.0),
                (-0.0, -0.0),
                (f32::NAN, f32::NAN),
                (f32::from_bits(1), f32::from_bits(1)),
                (-f32::MIN_POSITIVE, -f32::MIN_POSITIVE),
                (1.0, f32::INFINITY),
                (-1.0, f32::NEG_INFINITY),
                (1.0000002, f32::NAN),
                (f32::INFINITY, f32::NAN),
                (f32::NEG_INFINITY, f32::NAN),
            ]);
            exact::<F64>(&[
                (0.0, 0.0),
                (-0.0, -0.0),
                (f64::NAN, f64::NAN),
                (f64::from_bits(1), f64::from_bits(1)),
                (-f64::MIN_POSITIVE, -f64::MIN_POSITIVE),
                (1.0, f64::INFINITY),
                (-1.0, f64::NEG_INFINITY),
                (1.0000002, f64::NAN),
                (f64::INFINITY, f64::NAN),
                (f64::NEG_INFINITY, f64::NAN),
            ]);
        }

        #[test]
        fn f32_sampled() {
            sampled::<F32>(
                f64::atanh,
                0.52,
                &[1.0, -1.0, 0.5, 2.9802322e-8],
                f32::INFINITY,
            );
        }

        #[test]
        fn f64_table() {
            table::<F64>(include_str!("testdata/atanh.txt"), 3.0);
        }

        #[test]
        #[ignore = "minutes in a release build: all 2^32 arguments"]
        fn f32_exhaustive() {
            exhaustive::<F32>(f64::atanh, 0.52, f32::INFINITY);
        }
    }
}
