//! Sine and cosine.
//!
//! Method: x = h pi + r with |r| <= pi/2, h an integer for the sine and a half more for the cosine,
//! so that both are plus or minus the sine of r, for which one odd minimax polynomial serves. Pi is
//! taken in parts of 23 bits, so that h times a part is exact while |x| <= 2^30 (W. J. Cody and W.
//! Waite, 1980, *Software Manual for the Elementary Functions*). `f32` goes through `f64`.
//!
//! A larger finite x has to be divided by pi to more digits than vectors have: it is left to the
//! standard library in `f64`, which reduces any argument exactly. As a call would keep a loop from
//! being vectorized, kernels look for such arguments first, block by block, and compute the usual
//! blocks under [`SmallAngles`](crate::kernel::isa::SmallAngles). An element's result does not depend
//! on its neighbours.
//!
//! Largest errors found: `f32` 0.5004 ULP (all arguments to 2^31, every tier), `f64` 1.666 ULP (2.4
//! million arguments, half of them where the error is largest).

use super::ROUND_F64;
use crate::kernel::isa::Isa;
use crate::kernel::real::Float;
use std::f64::consts::FRAC_1_PI;

/// Four parts of pi of 23 bits each, and the rest.
const PI: [f64; 5] = [
    3.141592502593994,
    1.5099578831723193e-07,
    1.078060505991553e-14,
    6.564006326744847e-22,
    7.590021545442451e-29,
];
/// The rest of pi after two parts.
const PI_AFTER_TWO: f64 = 1.0780605716316238e-14;

/// A multiple h of pi near x, and the bits whose lowest is set where the sign of sine r must flip.
#[inline(always)]
fn nearest<I: Isa>(x: f64, cosine: bool) -> (f64, u64) {
    if cosine {
        let shifted = x.fma::<I>(FRAC_1_PI, -0.5) + (ROUND_F64 + 1.0);
        (shifted - (ROUND_F64 + 1.0) + 0.5, shifted.to_bits())
    } else {
        let shifted = x.fma::<I>(FRAC_1_PI, ROUND_F64);
        (shifted - ROUND_F64, shifted.to_bits())
    }
}

/// The largest angle whose reduction is exact here: 2^30, in either dtype.
pub(crate) const LARGEST_ANGLE: f64 = 1073741824.0;

/// Whether the fast reduction does not do. False where the instruction set says that none such comes,
/// so that no branch is left.
#[inline(always)]
fn is_large<I: Isa>(x: f64) -> bool {
    !I::SMALL_ANGLES && x.abs() > LARGEST_ANGLE
}

/// The sine or cosine of any number.
#[cold]
#[inline(never)]
fn exactly_reduced(x: f64, cosine: bool) -> f64 {
    if cosine { x.cos() } else { x.sin() }
}

#[inline(always)]
fn sine_f32<I: Isa>(x: f32, cosine: bool) -> f32 {
    let x = f64::from(x);
    if is_large::<I>(x) {
        return exactly_reduced(x, cosine) as f32;
    }
    let (h, bits) = nearest::<I>(x, cosine);
    let r = (-h).fma::<I>(PI[1], (-h).fma::<I>(PI[0], x));
    let r = (-h).fma::<I>(PI_AFTER_TWO, r);
    let z = r * r;
    let p = horner!(I, z;
        1.0, -0.16666666626108526, 0.008333331107006582, -0.00019840868000138817,
        2.7525373355667675e-06, -2.388870776417377e-08,
    );
    f64::from_bits((r * p).to_bits() ^ (bits << 63)) as f32
}

#[inline(always)]
fn sine_f64<I: Isa>(x: f64, cosine: bool) -> f64 {
    if is_large::<I>(x) {
        return exactly_reduced(x, cosine);
    }
    let (h, bits) = nearest::<I>(x, cosine);
    let first = (-h).fma::<I>(PI[1], (-h).fma::<I>(PI[0], x));
    let third = h * PI[2];
    let second = first - third;
    let fourth = h * PI[3];
    let r = second - fourth;
    let low = ((first - second) - third) + ((second - r) - fourth);
    let low = (-h).fma::<I>(PI[4], low);
    let z = r * r;
    let cube = z * r;
    // An eighth of the cube, an exact product, is kept out of the polynomial: where r is large, so
    // is its first term, and the rounding of it.
    let p = horner!(I, z;
        -0.16666666666666666 + 0.125, 0.008333333333333207, -0.0001984126984121248,
        2.7557319211569482e-06, -2.5052106904423402e-08, 1.605894100241293e-10,
        -7.643019379508501e-13, 2.7214197385250896e-15,
    );
    // The cosine of r weighs what r lost; it matters only where z is small.
    let low = low - 0.5 * z * low;
    let sine = r + cube.fma::<I>(-0.125, cube.fma::<I>(p, low));
    let sine = f64::from_bits(sine.to_bits() ^ (bits << 63));
    if x == 0.0 && !cosine { x } else { sine }
}

/// sin x within 0.505 ULP.
#[inline(always)]
pub(crate) fn sin_f32<I: Isa>(x: f32) -> f32 {
    sine_f32::<I>(x, false)
}

/// cos x within 0.505 ULP.
#[inline(always)]
pub(crate) fn cos_f32<I: Isa>(x: f32) -> f32 {
    sine_f32::<I>(x, true)
}

/// sin x within 1.8 ULP.
#[inline(always)]
pub(crate) fn sin_f64<I: Isa>(x: f64) -> f64 {
    sine_f64::<I>(x, false)
}

/// cos x within 1.8 ULP.
#[inline(always)]
pub(crate) fn cos_f64<I: Isa>(x: f64) -> f64 {
    sine_f64::<I>(x, true)
}

#[cfg(test)]
mod tests {
    use super::super::check::{agrees, degrades};

    const LIMIT_F32: f32 = 2147483648.0;
    const LIMIT_F64: f64 = 1073741824.0;

    mod sine {
        use super::super::super::check::{exact, exhaustive, functions, sampled, table};
        use super::*;

        functions!(super::super::sin_f32, super::super::sin_f64);

        #[test]
        fn special_values() {
            exact::<F32>(&[
                (0.0, 0.0),
                (-0.0, -0.0),
                (f32::from_bits(1), f32::from_bits(1)),
                (-f32::MIN_POSITIVE, -f32::MIN_POSITIVE),
                (std::f32::consts::FRAC_PI_2, 1.0),
                (f32::INFINITY, f32::NAN),
                (f32::NEG_INFINITY, f32::NAN),
                (f32::NAN, f32::NAN),
            ]);
            exact::<F64>(&[
                (0.0, 0.0),
                (-0.0, -0.0),
                (f64::from_bits(1), f64::from_bits(1)),
                (-f64::MIN_POSITIVE, -f64::MIN_POSITIVE),
                (std::f64::consts::FRAC_PI_2, 1.0),
                (f64::INFINITY, f64::NAN),
                (f64::NEG_INFINITY, f64::NAN),
                (f64::NAN, f64::NAN),
            ]);
        }

        #[test]
        fn f32_sampled() {
            sampled::<F32>(
                f64::sin,
                0.505,
                &[
                    1.5707964,
                    std::f32::consts::PI,
                    -6.2831855,
                    355.0,
                    1e5,
                    LIMIT_F32,
                ],
                LIMIT_F32,
            );
        }

        #[test]
        fn f64_table() {
            table::<F64>(include_str!("testdata/sin.txt"), 1.8);
        }

        #[test]
        fn f64_agrees_with_the_standard_library() {
            agrees::<F64>(f64::sin, 1.8, LIMIT_F64);
        }

        #[test]
        fn large_arguments_lose_accuracy_slowly() {
            degrades::<F32>(f64::sin, LIMIT_F32);
            degrades::<F64>(f64::sin, LIMIT_F64);
        }

        #[test]
        #[ignore = "minutes in a release build: all 2^32 arguments"]
        fn f32_exhaustive() {
            exhaustive::<F32>(f64::sin, 0.505, LIMIT_F32);
        }
    }

    mod cosine {
        use super::super::super::check::{exact, exhaustive, functions, sampled, table};
        use super::*;

        functions!(super::super::cos_f32, super::super::cos_f64);

        #[test]
        fn special_values() {
            exact::<F32>(&[
                (0.0, 1.0),
                (-0.0, 1.0),
                (f32::from_bits(1), 1.0),
                (1e-20, 1.0),
                (std::f32::consts::PI, -1.0),
                (f32::INFINITY, f32::NAN),
                (f32::NEG_INFINITY, f32::NAN),
                (f32::NAN, f32::NAN),
            ]);
            exact::<F64>(&[
                (0.0, 1.0),
                (-0.0, 1.0),
                (f64::from_bits(1), 1.0),
                (1e-20, 1.0),
                (std::f64::consts::PI, -1.0),
                (f64::INFINITY, f64::NAN),
                (f64::NEG_INFINITY, f64::NAN),
                (f64::NAN, f64::NAN),
            ]);
        }

        #[test]
        fn f32_sampled() {
            sampled::<F32>(
                f64::cos,
                0.505,
                &[
                    1.5707964,
                    std::f32::consts::PI,
                    -4.712389,
                    0.0,
                    1e5,
                    LIMIT_F32,
                ],
                LIMIT_F32,
            );
        }

        #[test]
        fn f64_table() {
            table::<F64>(include_str!("testdata/cos.txt"), 1.8);
        }

        #[test]
        fn f64_agrees_with_the_standard_library() {
            agrees::<F64>(f64::cos, 1.8, LIMIT_F64);
        }

        #[test]
        fn large_arguments_lose_accuracy_slowly() {
            degrades::<F32>(f64::cos, LIMIT_F32);
            degrades::<F64>(f64::cos, LIMIT_F64);
        }

        #[test]
        #[ignore = "minutes in a release build: all 2^32 arguments"]
        fn f32_exhaustive() {
            exhaustive::<F32>(f64::cos, 0.505, LIMIT_F32);
        }
    }
}
