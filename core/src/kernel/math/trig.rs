//! Sine and cosine.
//!
//! Method: x = h pi + r with |r| <= pi/2, where h is an integer for the sine, and an integer plus a
//! half for the cosine. So both equal the sine of r up to sign, for which one odd minimax
//! polynomial is used. Pi is split into parts of 23 bits, so that h times a part is exact for |x|
//! <= 2^30 (W. J. Cody and W. Waite, 1980, *Software Manual for the Elementary Functions*). `f32`
//! computes in `f64`.
//!
//! A larger finite x is divided by pi with as many digits as it needs, in integers and one element
//! at a time. This keeps a loop from being vectorized. Therefore kernels look for such arguments
//! first, block by block, and compute the usual blocks with [`SmallAngles`]. The result of an
//! element does not depend on its neighbours.
//!
//! Largest errors found: `f32` 0.5004 ULP (all arguments to 2^31, every tier), `f64` 1.666 ULP (2.4
//! million arguments, half of them where the error is largest).

use super::ROUND_F64;
use crate::kernel::fma::Fma;
use crate::kernel::isa::Isa;
use std::f64::consts::FRAC_1_PI;

/// Four parts of pi of 23 bits each, and the remainder.
const PI: [f64; 5] = [
    3.141592502593994,
    1.5099578831723193e-07,
    1.078060505991553e-14,
    6.564006326744847e-22,
    7.590021545442451e-29,
];
/// The remainder of pi after two parts.
const PI_AFTER_TWO: f64 = 1.0780605716316238e-14;
/// Pi as the sum of two numbers of 53 bits: this and [`PI_REST`].
const PI_ROUNDED: f64 = std::f64::consts::PI;
/// The remainder of [`PI_ROUNDED`].
const PI_REST: f64 = 1.2246467991473532e-16;

/// Returns h for x, and a word whose lowest bit is set if the sign of sine r must flip.
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

/// The largest angle whose reduction is exact in the fast way: 2^30, for either dtype.
pub(crate) const LARGEST_ANGLE: f64 = 1073741824.0;

/// The range of the angles whose sine, cosine or tangent a loop takes, as a type. The quotients of
/// remainders have a range too: four times a quotient is treated as an angle.
pub trait Angles: Send + Sync + 'static {
    /// Whether no angle is above 2^30 in magnitude. If true, the functions have no branches. If
    /// false, they test each angle, which keeps the loop from being vectorized.
    const SMALL: bool;
}

/// Angles of any size.
#[derive(Clone, Copy, Debug)]
pub struct AnyAngle;

impl Angles for AnyAngle {
    const SMALL: bool = false;
}

/// Angles of at most 2^30 in magnitude.
#[derive(Clone, Copy, Debug)]
pub struct SmallAngles;

impl Angles for SmallAngles {
    const SMALL: bool = true;
}

/// Returns whether x is too large for the fast reduction.
#[inline(always)]
fn is_large<A: Angles>(x: f64) -> bool {
    !A::SMALL && x.abs() > LARGEST_ANGLE
}

/// 1 / pi in binary, 64 digits per word. The first word is the integer part.
const INVERSE_PI: [u64; 20] = [
    0x0000_0000_0000_0000,
    0x517c_c1b7_2722_0a94,
    0xfe13_abe8_fa9a_6ee0,
    0x6db1_4acc_9e21_c820,
    0xff28_b1d5_ef5d_e2b0,
    0xdb92_371d_2126_e970,
    0x0324_9775_04e8_c90e,
    0x7f0e_f58e_5894_d39f,
    0x7441_1afa_975d_a242,
    0x74ce_3813_5a2f_bf20,
    0x9cc8_eb1c_c1a9_9cfa,
    0x4e42_2fc5_defc_941d,
    0x8ffc_4bff_ef02_cc07,
    0xf797_88c5_ad05_368f,
    0xb69b_3f67_93e5_84db,
    0xa7a3_1fb3_4f2f_f516,
    0xba93_dd63_f5f2_f8bd,
    0x9e83_9cfb_c529_4975,
    0x35fd_afd8_8fc6_ae84,
    0x2b01_9823_7e3d_b5d5,
];

/// Reduces a finite x above 2^30 in magnitude to h pi + r, with h as in the fast reduction. Returns
/// r, the rest of r below its last digit, and a word whose lowest bit is set if the sign of sine r
/// must flip. An infinite x gives NaN.
///
/// With x = m 2^e and m an integer, only 192 digits of 1 / pi matter. The products of the higher
/// ones with m 2^e are multiples of 2, and those of the lower ones are negligible. No `f64` is so
/// near to a multiple of pi / 2 that fewer than 120 digits of the fraction remain (M. H. Payne and
/// R. N. Hanek, 1983, Radian Reduction for Trigonometric Functions).
#[cold]
#[inline(never)]
fn reduced(x: f64, cosine: bool) -> (f64, f64, u64) {
    if x.is_infinite() {
        return (f64::NAN, f64::NAN, 0);
    }
    let (fraction_bits, bits) = (52, x.abs().to_bits());
    let m = u128::from(bits & ((1 << fraction_bits) - 1) | 1 << fraction_bits);
    // The position of the digit of weight 2^-e from the start. The digit of weight 1 has position
    // 63.
    let start = (bits >> fraction_bits) as usize + 63 - (1023 + 52);
    let (word, shift) = (start / 64, start % 64);
    let digits = |i: usize| {
        let behind = INVERSE_PI[word + i + 1] >> 1 >> (63 - shift);
        u128::from(INVERSE_PI[word + i] << shift | behind)
    };
    // x / pi modulo 2. Its highest bit has weight 1.
    let low = m * digits(2);
    let middle = m * digits(1) + (low >> 64);
    let high = (m * digits(0) + (middle >> 64)) as u64;
    let high = if cosine {
        high.wrapping_sub(1 << 62)
    } else {
        high
    };
    let flips = (high >> 63) ^ (high >> 62) ^ u64::from(cosine) ^ u64::from(x < 0.0 && !cosine);
    // The distance from the nearest integer. Its highest bit has weight 1/2 and is the sign.
    let low = low as u64;
    let first = (u128::from(high) << 64 | u128::from(middle as u64)) << 1 | u128::from(low >> 63);
    let negative = first >> 127 == 1;
    let (first, last) = if negative {
        (!first, !(low << 1))
    } else {
        (first, low << 1)
    };
    let zeros = first.leading_zeros();
    let digits = first << zeros | (u128::from(last) << zeros) >> 64;
    // Two numbers of 53 bits each, multiplied by pi, which is two numbers as well.
    let weight = |exponent: u32| f64::from_bits(u64::from(1023 - exponent) << fraction_bits);
    let high = (digits >> 75) as u64 as f64 * weight(53 + zeros);
    let low = (digits >> 22 & ((1 << 53) - 1)) as f64 * weight(106 + zeros);
    let r = high * PI_ROUNDED;
    let low = high.mul_add(PI_ROUNDED, -r) + (high * PI_REST + low * PI_ROUNDED);
    if negative {
        (-r, -low, flips)
    } else {
        (r, low, flips)
    }
}

/// Reduces an `f32` to h pi + r. Returns r, and a word whose lowest bit is set if the sign of
/// sine r must flip.
#[inline(always)]
pub(super) fn reduce_f32<I: Isa, A: Angles>(x: f64, cosine: bool) -> (f64, u64) {
    if is_large::<A>(x) {
        let (r, _, bits) = reduced(x, cosine);
        (r, bits)
    } else {
        let (h, bits) = nearest::<I>(x, cosine);
        let r = (-h).fma::<I>(PI[1], (-h).fma::<I>(PI[0], x));
        ((-h).fma::<I>(PI_AFTER_TWO, r), bits)
    }
}

/// Computes sin r for |r| <= pi/2 to the accuracy of an `f32`.
#[inline(always)]
pub(super) fn sine_of_reduced<I: Isa>(r: f64) -> f64 {
    let p = horner!(I, r * r;
        1.0, -0.16666666626108526, 0.008333331107006582, -0.00019840868000138817,
        2.7525373355667675e-06, -2.388870776417377e-08,
    );
    r * p
}

#[inline(always)]
fn sine_f32<I: Isa, A: Angles>(x: f32, cosine: bool) -> f32 {
    let (r, bits) = reduce_f32::<I, A>(f64::from(x), cosine);
    f64::from_bits(sine_of_reduced::<I>(r).to_bits() ^ (bits << 63)) as f32
}

#[inline(always)]
fn sine_f64<I: Isa, A: Angles>(x: f64, cosine: bool) -> f64 {
    let (r, low, bits) = if is_large::<A>(x) {
        reduced(x, cosine)
    } else {
        let (h, bits) = nearest::<I>(x, cosine);
        let first = (-h).fma::<I>(PI[1], (-h).fma::<I>(PI[0], x));
        let third = h * PI[2];
        let second = first - third;
        let fourth = h * PI[3];
        let r = second - fourth;
        let low = ((first - second) - third) + ((second - r) - fourth);
        (r, (-h).fma::<I>(PI[4], low), bits)
    };
    let z = r * r;
    let cube = z * r;
    // An eighth of the cube, which is an exact product, is kept out of the polynomial. Where r is
    // large, its first term and the rounding error of that would be large.
    let p = horner!(I, z;
        -0.16666666666666666 + 0.125, 0.008333333333333207, -0.0001984126984121248,
        2.7557319211569482e-06, -2.5052106904423402e-08, 1.605894100241293e-10,
        -7.643019379508501e-13, 2.7214197385250896e-15,
    );
    // The lost part of r changes the sine by itself times cos r, which is about 1 - z / 2.
    let low = low - 0.5 * z * low;
    let sine = r + cube.fma::<I>(-0.125, cube.fma::<I>(p, low));
    let sine = f64::from_bits(sine.to_bits() ^ (bits << 63));
    if x == 0.0 && !cosine { x } else { sine }
}

/// Computes sin x within 0.505 ULP.
#[inline(always)]
pub(crate) fn sin_f32<I: Isa, A: Angles>(x: f32) -> f32 {
    sine_f32::<I, A>(x, false)
}

/// Computes cos x within 0.505 ULP.
#[inline(always)]
pub(crate) fn cos_f32<I: Isa, A: Angles>(x: f32) -> f32 {
    sine_f32::<I, A>(x, true)
}

/// Computes sin x within 1.8 ULP.
#[inline(always)]
pub(crate) fn sin_f64<I: Isa, A: Angles>(x: f64) -> f64 {
    sine_f64::<I, A>(x, false)
}

/// Computes cos x within 1.8 ULP.
#[inline(always)]
pub(crate) fn cos_f64<I: Isa, A: Angles>(x: f64) -> f64 {
    sine_f64::<I, A>(x, true)
}

#[cfg(test)]
mod tests {
    use super::super::check::{agrees, identical};
    use super::{AnyAngle, LARGEST_ANGLE, SmallAngles};
    use crate::kernel::isa::Isa;

    /// Declares the functions for any angle and for small angles only.
    macro_rules! of_angles {
        ($f32:ident $f64:ident) => {
            fn any_f32<I: Isa>(x: f32) -> f32 {
                super::super::$f32::<I, AnyAngle>(x)
            }
            fn any_f64<I: Isa>(x: f64) -> f64 {
                super::super::$f64::<I, AnyAngle>(x)
            }
            fn small_f32<I: Isa>(x: f32) -> f32 {
                super::super::$f32::<I, SmallAngles>(x)
            }
            fn small_f64<I: Isa>(x: f64) -> f64 {
                super::super::$f64::<I, SmallAngles>(x)
            }
            functions!(self::any_f32, self::any_f64);
            mod small {
                use super::functions;
                functions!(super::small_f32, super::small_f64);
            }
        };
    }

    mod sine {
        use super::super::super::check::{exact, exhaustive, functions, sampled, table};
        use super::*;

        of_angles!(sin_f32 sin_f64);

        #[test]
        fn special_values() {
            exact::<F32>(&[
                (0.0, 0.0),
                (-0.0, -0.0),
                (f32::from_bits(1), f32::from_bits(1)),
                (-f32::MIN_POSITIVE, -f32::MIN_POSITIVE),
                (std::f32::consts::FRAC_PI_2, 1.0),
                (5e9, 0.25187334),
                (1e20, 0.6565767),
                (-3e38, -0.8749049),
                (f32::MAX, -0.5218765),
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
                (1e22, -0.8522008497671888),
                // No other f64 is so near to a multiple of pi / 2.
                (6381956970095103.0 * 2f64.powi(797), 1.0),
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
                    LARGEST_ANGLE as f32,
                    1e20,
                ],
                f32::INFINITY,
            );
        }

        #[test]
        fn f64_table() {
            table::<F64>(include_str!("testdata/sin.txt"), 1.8);
        }

        #[test]
        fn f64_agrees_with_the_standard_library() {
            agrees::<F64>(f64::sin, 1.8, f64::INFINITY);
        }

        #[test]
        fn branch_free_code_gives_the_same_bits() {
            identical::<F32, small::F32>(LARGEST_ANGLE);
            identical::<F64, small::F64>(LARGEST_ANGLE);
        }

        #[test]
        #[ignore = "minutes in a release build: all 2^32 arguments"]
        fn f32_exhaustive() {
            exhaustive::<F32>(f64::sin, 0.505, f32::INFINITY);
        }
    }

    mod cosine {
        use super::super::super::check::{exact, exhaustive, functions, sampled, table};
        use super::*;

        of_angles!(cos_f32 cos_f64);

        #[test]
        fn special_values() {
            exact::<F32>(&[
                (0.0, 1.0),
                (-0.0, 1.0),
                (f32::from_bits(1), 1.0),
                (1e-20, 1.0),
                (std::f32::consts::PI, -1.0),
                (5e9, -0.9677602),
                (1e20, 0.7542593),
                (-3e38, -0.48429477),
                (f32::MAX, 0.853021),
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
                (-1e16, -0.6261681981330862),
                // No other f64 is so near to a multiple of pi / 2.
                (6381956970095103.0 * 2f64.powi(797), -4.687165924254628e-19),
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
                    LARGEST_ANGLE as f32,
                    1e20,
                ],
                f32::INFINITY,
            );
        }

        #[test]
        fn f64_table() {
            table::<F64>(include_str!("testdata/cos.txt"), 1.8);
        }

        #[test]
        fn f64_agrees_with_the_standard_library() {
            agrees::<F64>(f64::cos, 1.8, f64::INFINITY);
        }

        #[test]
        fn branch_free_code_gives_the_same_bits() {
            identical::<F32, small::F32>(LARGEST_ANGLE);
            identical::<F64, small::F64>(LARGEST_ANGLE);
        }

        #[test]
        #[ignore = "minutes in a release build: all 2^32 arguments"]
        fn f32_exhaustive() {
            exhaustive::<F32>(f64::cos, 0.505, f32::INFINITY);
        }
    }
}
