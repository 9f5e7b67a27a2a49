//! The inverse tangent, of one number and of the coordinates of a point, and the inverse sine and
//! cosine, which are angles of points of the unit circle.
//!
//! Method for `f32`, in `f64`: the quotient of the smaller coordinate and the larger is below 1.
//! From tan(pi/8) on, the quotient of their difference and their sum is used, whose angle is pi/4
//! less. An odd minimax polynomial follows. `f64` is the standard library's, one element at a time.

use crate::kernel::fma::Fma;
use crate::kernel::isa::Isa;
use std::f64::consts::{FRAC_PI_2, FRAC_PI_4, PI};

/// Computes the angle of the point (width, height) in the first quadrant to the accuracy of an
/// `f32`; 0 at the origin.
#[inline(always)]
fn angle<I: Isa>(height: f64, width: f64) -> f64 {
    /// tan(pi/8)
    const MIDDLE: f64 = 0.41421356237309503;
    let is_steep = height > width;
    let (smaller, larger) = if is_steep {
        (width, height)
    } else {
        (height, width)
    };
    let is_middle = smaller > MIDDLE * larger;
    let above = if is_middle { smaller - larger } else { smaller };
    let below = if is_middle { smaller + larger } else { larger };
    let t = above / if below == 0.0 { 1.0 } else { below };
    let z = t * t;
    let p = horner!(I, z;
        -0.33333332498714674, 0.1999990387288531, -0.14282006706287592, 0.11044677761725054,
        -0.08476186921989112, 0.047438682704647815,
    );
    let angle = (t * z).fma::<I>(p, t) + if is_middle { FRAC_PI_4 } else { 0.0 };
    if is_steep { FRAC_PI_2 - angle } else { angle }
}

/// Computes the inverse tangent within 0.51 ULP.
#[inline(always)]
pub(crate) fn atan_f32<I: Isa>(x: f32) -> f32 {
    (angle::<I>(f64::from(x.abs()), 1.0) as f32).copysign(x)
}

/// Computes the angle of the point (x, y) within 0.51 ULP.
#[inline(always)]
pub(crate) fn atan2_f32<I: Isa>(y: f32, x: f32) -> f32 {
    let (height, width) = (y.abs(), x.abs());
    // Points at infinity on a diagonal.
    let is_diagonal = height == f32::INFINITY && width == f32::INFINITY;
    let height = if is_diagonal { 1.0 } else { height };
    let width = if is_diagonal { 1.0 } else { width };
    let right = angle::<I>(f64::from(height), f64::from(width));
    let left = x.is_sign_negative();
    (if left { PI - right } else { right } as f32).copysign(y)
}

/// Returns √(1 - x²), NaN outside of [-1, 1].
#[inline(always)]
fn other_side(x: f64) -> f64 {
    ((1.0 - x) * (1.0 + x)).sqrt()
}

/// Computes the inverse sine within 0.51 ULP; NaN outside of [-1, 1].
#[inline(always)]
pub(crate) fn asin_f32<I: Isa>(x: f32) -> f32 {
    let a = f64::from(x.abs());
    (angle::<I>(a, other_side(a)) as f32).copysign(x)
}

/// Computes the inverse cosine within 0.51 ULP; NaN outside of [-1, 1].
#[inline(always)]
pub(crate) fn acos_f32<I: Isa>(x: f32) -> f32 {
    let a = f64::from(x.abs());
    let right = angle::<I>(other_side(a), a);
    if x < 0.0 {
        (PI - right) as f32
    } else {
        right as f32
    }
}

/// Computes the inverse tangent.
#[inline(always)]
pub(crate) fn atan_f64<I: Isa>(x: f64) -> f64 {
    x.atan()
}

/// Computes the angle of the point (x, y).
#[inline(always)]
pub(crate) fn atan2_f64<I: Isa>(y: f64, x: f64) -> f64 {
    y.atan2(x)
}

/// Computes the inverse sine.
#[inline(always)]
pub(crate) fn asin_f64<I: Isa>(x: f64) -> f64 {
    x.asin()
}

/// Computes the inverse cosine.
#[inline(always)]
pub(crate) fn acos_f64<I: Isa>(x: f64) -> f64 {
    x.acos()
}

#[cfg(test)]
mod tests {
    mod atan {
        use super::super::super::check::{exact, exhaustive, functions, sampled};

        functions!(@ F32 f32 super::super::atan_f32);

        #[test]
        fn special_values() {
            exact::<F32>(&[
                (0.0, 0.0),
                (-0.0, -0.0),
                (f32::NAN, f32::NAN),
                (f32::from_bits(1), f32::from_bits(1)),
                (-f32::MIN_POSITIVE, -f32::MIN_POSITIVE),
                (f32::INFINITY, std::f32::consts::FRAC_PI_2),
                (f32::NEG_INFINITY, -std::f32::consts::FRAC_PI_2),
            ]);
        }

        #[test]
        fn f32_sampled() {
            sampled::<F32>(
                f64::atan,
                0.51,
                &[1.0, -1.0, 0.41421357, 2.4142137],
                f32::INFINITY,
            );
        }

        #[test]
        #[ignore = "minutes in a release build: all 2^32 arguments"]
        fn f32_exhaustive() {
            exhaustive::<F32>(f64::atan, 0.51, f32::INFINITY);
        }
    }

    mod asin {
        use super::super::super::check::{exact, exhaustive, functions, sampled};

        functions!(@ F32 f32 super::super::asin_f32);

        #[test]
        fn special_values() {
            exact::<F32>(&[
                (0.0, 0.0),
                (-0.0, -0.0),
                (f32::NAN, f32::NAN),
                (f32::from_bits(1), f32::from_bits(1)),
                (-f32::MIN_POSITIVE, -f32::MIN_POSITIVE),
                (1.0, std::f32::consts::FRAC_PI_2),
                (-1.0, -std::f32::consts::FRAC_PI_2),
                (1.0000002, f32::NAN),
                (f32::INFINITY, f32::NAN),
            ]);
        }

        #[test]
        fn f32_sampled() {
            sampled::<F32>(
                f64::asin,
                0.51,
                &[1.0, -1.0, 0.5, 0.70710677, 0.38268343],
                f32::INFINITY,
            );
        }

        #[test]
        #[ignore = "minutes in a release build: all 2^32 arguments"]
        fn f32_exhaustive() {
            exhaustive::<F32>(f64::asin, 0.51, f32::INFINITY);
        }
    }

    mod acos {
        use super::super::super::check::{exact, exhaustive, functions, sampled};

        functions!(@ F32 f32 super::super::acos_f32);

        #[test]
        fn special_values() {
            exact::<F32>(&[
                (1.0, 0.0),
                (0.0, std::f32::consts::FRAC_PI_2),
                (-0.0, std::f32::consts::FRAC_PI_2),
                (-1.0, std::f32::consts::PI),
                (1.0000002, f32::NAN),
                (f32::INFINITY, f32::NAN),
                (f32::NAN, f32::NAN),
            ]);
        }

        #[test]
        fn f32_sampled() {
            sampled::<F32>(
                f64::acos,
                0.51,
                &[1.0, -1.0, 0.5, 0.70710677, 0.0],
                f32::INFINITY,
            );
        }

        #[test]
        #[ignore = "minutes in a release build: all 2^32 arguments"]
        fn f32_exhaustive() {
            exhaustive::<F32>(f64::acos, 0.51, f32::INFINITY);
        }
    }

    mod atan2 {
        use crate::kernel::isa::{Isa, Kernel, Tier, dispatch_on};

        struct Angles<'a>(&'a [(f32, f32)]);

        impl Kernel for Angles<'_> {
            type Output = Vec<f32>;
            #[inline(always)]
            fn run<I: Isa>(self) -> Vec<f32> {
                let angle = |&(y, x): &(f32, f32)| super::super::atan2_f32::<I>(y, x);
                self.0.iter().map(angle).collect()
            }
        }

        /// The reference is the standard library's angle of `f64`, rounded. It differs where the
        /// true value is next to the middle of two `f32`.
        #[test]
        fn angles_are_rounded_correctly_and_special_cases_are_the_standard_library_s() {
            const INF: f32 = f32::INFINITY;
            let special = [0.0, 1.0, 1e-45, 3e38, INF].map(|x: f32| [x, -x]).concat();
            let special = [special, vec![f32::NAN]].concat();
            let mut pairs: Vec<(f32, f32)> = Vec::new();
            for y in &special {
                pairs.extend(special.iter().map(|x| (*y, *x)));
            }
            pairs.extend((0..30_000).map(|i: i16| {
                let (t, size) = (f64::from(i), 2f64.powi(i32::from(i) % 40));
                ((t.sin() * size) as f32, (t * 1.7).cos() as f32)
            }));
            for tier in Tier::available() {
                let found = dispatch_on(tier, Angles(&pairs));
                for (found, (y, x)) in found.into_iter().zip(&pairs) {
                    let exact = f64::from(*y).atan2(f64::from(*x));
                    let expected = exact as f32;
                    let unit = f64::from(expected.abs().next_up()) - f64::from(expected.abs());
                    let same = found == expected
                        && found.is_sign_negative() == expected.is_sign_negative();
                    let close = (f64::from(found) - exact).abs() <= 0.51 * unit && found != 0.0;
                    assert!(
                        same || close || found.is_nan() && expected.is_nan(),
                        "{tier:?}: {y:e} and {x:e}: {found:e}, not {expected:e}"
                    );
                }
            }
        }
    }
}
