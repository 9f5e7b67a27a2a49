//! The hyperbolic sine and cosine.
//!
//! Method: e^|x| / 2 plus or minus its inverse over 4, with the half applied to the exponent, so
//! that results are right up to overflow. Below 1 the sine is an odd minimax polynomial. `f32`
//! computes in `f64`.

use super::exp::reduce_f64;
use crate::kernel::fma::Fma;
use crate::kernel::isa::Isa;

/// Computes e^x / 2 for x not negative.
#[inline(always)]
fn half_power<I: Isa>(x: f64) -> f64 {
    let x = if 712.0 < x { 712.0 } else { x };
    reduce_f64::<I>(x, 2 * 1023 - 1).power::<I>()
}

/// Computes the hyperbolic sine within 0.51 ULP.
#[inline(always)]
pub(crate) fn sinh_f32<I: Isa>(x: f32) -> f32 {
    let a = f64::from(x.abs());
    let half = half_power::<I>(a);
    let z = a * a;
    let p = horner!(I, z;
        0.1666666649756341, 0.008333350058066994, 0.00019836159791733528, 2.8169511699560843e-06,
    );
    let size = if a < 1.0 {
        (a * z).fma::<I>(p, a)
    } else {
        half - 0.25 / half
    };
    (size as f32).copysign(x)
}

/// Computes the hyperbolic cosine within 0.51 ULP.
#[inline(always)]
pub(crate) fn cosh_f32<I: Isa>(x: f32) -> f32 {
    cosh_f64::<I>(f64::from(x)) as f32
}

/// Computes the hyperbolic sine within 2 ULP.
#[inline(always)]
pub(crate) fn sinh_f64<I: Isa>(x: f64) -> f64 {
    let a = x.abs();
    let half = half_power::<I>(a);
    let z = a * a;
    let p = horner!(I, z;
        0.16666666666666666, 0.008333333333333573, 0.00019841269841061157, 2.7557319310093695e-06,
        2.505208941159137e-08, 1.6061339510418684e-10, 7.503216234879106e-13,
        6.477728086099327e-15,
    );
    let size = if a < 1.0 {
        (a * z).fma::<I>(p, a)
    } else {
        half - 0.25 / half
    };
    size.copysign(x)
}

/// Computes the hyperbolic cosine within 2 ULP.
#[inline(always)]
pub(crate) fn cosh_f64<I: Isa>(x: f64) -> f64 {
    let half = half_power::<I>(x.abs());
    half + 0.25 / half
}

#[cfg(test)]
mod tests {
    mod sinh {
        use super::super::super::check::{agrees, exact, exhaustive, functions, sampled, table};

        functions!(super::super::sinh_f32, super::super::sinh_f64);

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
                (f32::MAX, f32::INFINITY),
                (f32::MIN, f32::NEG_INFINITY),
            ]);
            exact::<F64>(&[
                (0.0, 0.0),
                (-0.0, -0.0),
                (f64::NAN, f64::NAN),
                (f64::from_bits(1), f64::from_bits(1)),
                (-f64::MIN_POSITIVE, -f64::MIN_POSITIVE),
                (f64::INFINITY, f64::INFINITY),
                (f64::NEG_INFINITY, f64::NEG_INFINITY),
                (f64::MAX, f64::INFINITY),
                (f64::MIN, f64::NEG_INFINITY),
            ]);
        }

        #[test]
        fn f32_sampled() {
            sampled::<F32>(f64::sinh, 0.51, &[1.0, -1.0, 89.41598, 1e-4], f32::INFINITY);
        }

        #[test]
        fn f64_table() {
            table::<F64>(include_str!("testdata/sinh.txt"), 2.0);
        }

        #[test]
        fn f64_agrees_with_the_standard_library() {
            agrees::<F64>(f64::sinh, 2.0, f64::INFINITY);
        }

        #[test]
        #[ignore = "minutes in a release build: all 2^32 arguments"]
        fn f32_exhaustive() {
            exhaustive::<F32>(f64::sinh, 0.51, f32::INFINITY);
        }
    }

    mod cosh {
        use super::super::super::check::{agrees, exact, exhaustive, functions, sampled, table};

        functions!(super::super::cosh_f32, super::super::cosh_f64);

        #[test]
        fn special_values() {
            exact::<F32>(&[
                (0.0, 1.0),
                (-0.0, 1.0),
                (f32::NAN, f32::NAN),
                (f32::INFINITY, f32::INFINITY),
                (f32::NEG_INFINITY, f32::INFINITY),
                (f32::MAX, f32::INFINITY),
                (f32::MIN, f32::INFINITY),
            ]);
            exact::<F64>(&[
                (0.0, 1.0),
                (-0.0, 1.0),
                (f64::NAN, f64::NAN),
                (f64::INFINITY, f64::INFINITY),
                (f64::NEG_INFINITY, f64::INFINITY),
                (f64::MAX, f64::INFINITY),
                (f64::MIN, f64::INFINITY),
            ]);
        }

        #[test]
        fn f32_sampled() {
            sampled::<F32>(f64::cosh, 0.51, &[1.0, -1.0, 89.41598, 1e-4], f32::INFINITY);
        }

        #[test]
        fn f64_table() {
            table::<F64>(include_str!("testdata/cosh.txt"), 2.0);
        }

        #[test]
        fn f64_agrees_with_the_standard_library() {
            agrees::<F64>(f64::cosh, 2.0, f64::INFINITY);
        }

        #[test]
        #[ignore = "minutes in a release build: all 2^32 arguments"]
        fn f32_exhaustive() {
            exhaustive::<F32>(f64::cosh, 0.51, f32::INFINITY);
        }
    }
}
