//! The quotient of two numbers as a whole number and a remainder, both exact.
//!
//! Method: the quotient of the magnitudes is rounded to the nearest integer t, and a - t b is exact
//! (in `f64` for numbers of `f32`, and by fused multiply-add for those of `f64`). If it is
//! negative, t is 1 too large. This holds for quotients below 2^28 in magnitude (`f32`) or 2^51.
//!
//! Larger quotients are computed one element at a time. As for sine and cosine, kernels look for
//! them first ([`super::trig`]), and the usual blocks are computed with [`SmallAngles`].
//!
//! [`SmallAngles`]: super::SmallAngles

use super::trig::Angles;
use crate::kernel::isa::Isa;

/// 2^52. It rounds to an integer if it is added to a smaller positive `f64` and subtracted again.
const TWO_52: f64 = 4503599627370496.0;

/// The quotient of two magnitudes.
#[derive(Clone, Copy)]
struct Division {
    /// The integer below the quotient, or at it.
    whole: f64,
    /// The dividend without that many divisors. If it is NaN, so is a remainder.
    rest: f64,
}

/// Divides two magnitudes that are numbers of `f32`.
#[inline(always)]
fn divide_f32<A: Angles>(a: f64, b: f64) -> Division {
    const LIMIT: f64 = 268435456.0;
    let quotient = a / b;
    if !A::SMALL && quotient > LIMIT {
        return divide_slowly(a, b);
    }
    let whole = (quotient + TWO_52) - TWO_52;
    // An infinite divisor times 0 would be NaN.
    let rest = if whole == 0.0 { a } else { a - whole * b };
    corrected(whole, rest, b)
}

/// Divides two magnitudes.
#[inline(always)]
fn divide_f64<I: Isa, A: Angles>(a: f64, b: f64) -> Division {
    const LIMIT: f64 = 2251799813685248.0;
    let quotient = a / b;
    if !I::FMA || (!A::SMALL && quotient > LIMIT) {
        return divide_slowly(a, b);
    }
    let whole = (quotient + TWO_52) - TWO_52;
    let rest = if whole == 0.0 {
        a
    } else {
        (-whole).mul_add(b, a)
    };
    corrected(whole, rest, b)
}

/// Returns the division if the quotient was rounded to the nearest integer.
#[inline(always)]
fn corrected(whole: f64, rest: f64, divisor: f64) -> Division {
    let is_over = rest < 0.0;
    Division {
        whole: if is_over { whole - 1.0 } else { whole },
        rest: if is_over { rest + divisor } else { rest },
    }
}

#[cold]
#[inline(never)]
fn divide_slowly(a: f64, b: f64) -> Division {
    let rest = a % b;
    // The division of a multiple of b may still round.
    let whole = ((a - rest) / b).round();
    Division { whole, rest }
}

/// Returns the whole number of the quotient rounded down, given whether it is negative.
#[inline(always)]
fn floor(division: Division, is_negative: bool) -> f64 {
    let Division { whole, rest } = division;
    // The product is NaN if the rest is.
    let is_between = is_negative && rest > 0.0;
    let whole = whole + if is_between { 1.0 } else { rest * 0.0 };
    if is_negative { -whole } else { whole }
}

/// Computes the remainder of a / b with the sign of a, exactly.
#[inline(always)]
pub(crate) fn fmod_f32<I: Isa, A: Angles>(a: f32, b: f32) -> f32 {
    let division = divide_f32::<A>(f64::from(a.abs()), f64::from(b.abs()));
    (division.rest as f32).copysign(a)
}

/// Computes the remainder of a / b with the sign of a, exactly.
#[inline(always)]
pub(crate) fn fmod_f64<I: Isa, A: Angles>(a: f64, b: f64) -> f64 {
    divide_f64::<I, A>(a.abs(), b.abs()).rest.copysign(a)
}

/// Computes a / b rounded down, exactly if the dtype represents it.
#[inline(always)]
pub(crate) fn floor_divide_f32<I: Isa, A: Angles>(a: f32, b: f32) -> f32 {
    let division = divide_f32::<A>(f64::from(a.abs()), f64::from(b.abs()));
    let is_negative = a.is_sign_negative() != b.is_sign_negative();
    let whole = floor(division, is_negative) as f32;
    if b == 0.0 { a / b } else { whole }
}

/// Computes a / b rounded down, exactly if the dtype represents it.
#[inline(always)]
pub(crate) fn floor_divide_f64<I: Isa, A: Angles>(a: f64, b: f64) -> f64 {
    let division = divide_f64::<I, A>(a.abs(), b.abs());
    let is_negative = a.is_sign_negative() != b.is_sign_negative();
    let whole = floor(division, is_negative);
    if b == 0.0 { a / b } else { whole }
}

#[cfg(test)]
mod tests {
    use super::super::{Angles, AnyAngle, SmallAngles};
    use super::*;
    use crate::kernel::isa::{Kernel, Tier, dispatch_on};
    use std::marker::PhantomData;

    /// Remainders and whole quotients of pairs.
    struct Divided<'a, A>(&'a [(f64, f64)], PhantomData<A>);

    type Results = (Vec<(f32, f32)>, Vec<(f64, f64)>);

    impl<A: Angles> Kernel for Divided<'_, A> {
        type Output = Results;
        #[inline(always)]
        fn run<I: Isa>(self) -> Results {
            let single = |&(a, b): &(f64, f64)| {
                let (a, b) = (a as f32, b as f32);
                (fmod_f32::<I, A>(a, b), floor_divide_f32::<I, A>(a, b))
            };
            let double =
                |&(a, b): &(f64, f64)| (fmod_f64::<I, A>(a, b), floor_divide_f64::<I, A>(a, b));
            (
                self.0.iter().map(single).collect(),
                self.0.iter().map(double).collect(),
            )
        }
    }

    fn divided<A: Angles>(tier: Tier, pairs: &[(f64, f64)]) -> Results {
        dispatch_on(tier, Divided::<A>(pairs, PhantomData))
    }

    /// Pairs whose quotients are up to 2^`exponents`, many of them next to an integer.
    fn pairs(exponents: i32) -> Vec<(f64, f64)> {
        let pair = |i: i32| {
            let b = f64::from((f64::from(i) * 0.7).sin() as f32) * 2f64.powi(i % 60 - 30);
            let quotient = f64::from(i).cos() * 2f64.powi(i % exponents);
            let near = f64::from((quotient.round() * b) as f32);
            match i % 4 {
                0 => (near, b),
                1 => (f64::from((near as f32).next_up()), b),
                2 => (f64::from((near as f32).next_down()), b),
                _ => (quotient * b, b),
            }
        };
        (1..100_000).map(pair).collect()
    }

    /// Asserts that the remainders are the standard library's, and the quotients correct.
    fn check(tier: Tier, pairs: &[(f64, f64)], (single, double): &Results) {
        for ((&(a, b), single), double) in pairs.iter().zip(single).zip(double) {
            let text = |x: f64| format!("{x:?}").replace("-NaN", "NaN");
            assert_eq!(text(double.0), text(a % b), "{tier:?}: {a:e} % {b:e}");
            let (c, d) = (a as f32, b as f32);
            let rest = f64::from(c % d);
            assert_eq!(text(single.0.into()), text(rest), "{tier:?}: {c:e} % {d:e}");
            let expected = {
                let whole = ((f64::from(c) - rest) / f64::from(d)).round();
                let down = rest != 0.0 && (rest < 0.0) != (d < 0.0);
                if down { whole - 1.0 } else { whole }
            };
            let expected = expected as f32;
            let same = single.1 == expected || single.1.is_nan() && expected.is_nan();
            assert!(
                same,
                "{tier:?}: {c:e} // {d:e} = {}, not {expected}",
                single.1
            );
        }
    }

    #[test]
    fn remainders_and_whole_quotients_are_exact() {
        for tier in Tier::available() {
            let small = pairs(28);
            let usual = divided::<SmallAngles>(tier, &small);
            check(tier, &small, &usual);
            let any = divided::<AnyAngle>(tier, &small);
            assert_eq!(format!("{usual:?}"), format!("{any:?}"), "{tier:?}");
            let large = pairs(120);
            check(tier, &large, &divided::<AnyAngle>(tier, &large));
        }
    }

    #[test]
    fn special_values() {
        const INF: f64 = f64::INFINITY;
        const NAN: f64 = f64::NAN;
        let cases = [
            ((1.0, 0.0), (NAN, INF)),
            ((-1.0, 0.0), (NAN, -INF)),
            ((0.0, 0.0), (NAN, NAN)),
            ((INF, 1.0), (NAN, NAN)),
            ((INF, INF), (NAN, NAN)),
            ((1.0, INF), (1.0, 0.0)),
            ((-1.0, INF), (-1.0, -1.0)),
            ((1.0, -INF), (1.0, -1.0)),
            ((0.0, INF), (0.0, 0.0)),
            ((-0.0, 2.0), (-0.0, -0.0)),
            ((-4.0, 2.0), (-0.0, -2.0)),
            ((NAN, 2.0), (NAN, NAN)),
            ((2.0, NAN), (NAN, NAN)),
        ];
        let text = |x: f64| {
            if x.is_nan() {
                "NaN".to_owned()
            } else {
                format!("{x:?}")
            }
        };
        for tier in Tier::available() {
            for (pair, expected) in cases {
                let (single, double) = divided::<AnyAngle>(tier, &[pair]);
                let single = (f64::from(single[0].0), f64::from(single[0].1));
                let all = [single.0, single.1, double[0].0, double[0].1].map(text);
                let wanted = [expected.0, expected.1, expected.0, expected.1].map(text);
                assert_eq!(all, wanted, "{tier:?}: {pair:?}");
                let small = divided::<SmallAngles>(tier, &[pair]).1[0];
                if pair.1 != 0.0 {
                    assert_eq!([small.0, small.1].map(text), wanted[2..], "{pair:?}");
                }
            }
        }
    }
}
