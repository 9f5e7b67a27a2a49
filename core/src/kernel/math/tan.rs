//! The tangent.
//!
//! Method: x = h pi + r as for the sine ([`super::trig`]), and tan x = sin r / sin(pi/2 - |r|) with
//! the sign of r. The distance pi/2 - |r| is that of the cosine's reduction: a difference would
//! lose digits near the poles. `f32` computes in `f64`; `f64` is the standard library's, one
//! element at a time.

use super::trig::{Angles, reduce_f32, sine_of_reduced};
use crate::kernel::isa::Isa;
use std::f64::consts::FRAC_PI_2;

/// Computes tan x within 0.51 ULP.
#[inline(always)]
pub(crate) fn tan_f32<I: Isa, A: Angles>(x: f32) -> f32 {
    let size = f64::from(x.abs());
    let (r, _) = reduce_f32::<I, A>(size, false);
    let (distance, _) = reduce_f32::<I, A>(size, true);
    // Of a number next to a pole, r may be rounded beyond pi/2. No `f32` is so near that this is in
    // doubt.
    let rest = distance.abs().copysign(FRAC_PI_2 - r.abs());
    let tangent = (sine_of_reduced::<I>(r) / sine_of_reduced::<I>(rest)) as f32;
    if x.is_sign_negative() {
        -tangent
    } else {
        tangent
    }
}

/// Computes tan x by the standard library, one element at a time.
#[inline(always)]
pub(crate) fn tan_f64<I: Isa, A: Angles>(x: f64) -> f64 {
    x.tan()
}

#[cfg(test)]
mod tests {
    use super::super::check::{exact, exhaustive, functions, identical, sampled};
    use super::super::trig::{AnyAngle, LARGEST_ANGLE, SmallAngles};
    use crate::kernel::isa::Isa;

    fn any_f32<I: Isa>(x: f32) -> f32 {
        super::tan_f32::<I, AnyAngle>(x)
    }
    fn small_f32<I: Isa>(x: f32) -> f32 {
        super::tan_f32::<I, SmallAngles>(x)
    }
    functions!(@ F32 f32 self::any_f32);
    mod small {
        use super::functions;
        functions!(@ F32 f32 super::small_f32);
    }

    #[test]
    fn special_values() {
        exact::<F32>(&[
            (0.0, 0.0),
            (-0.0, -0.0),
            (f32::from_bits(1), f32::from_bits(1)),
            (-f32::MIN_POSITIVE, -f32::MIN_POSITIVE),
            (std::f32::consts::FRAC_PI_2, -22877332.0),
            (f32::INFINITY, f32::NAN),
            (f32::NEG_INFINITY, f32::NAN),
            (f32::NAN, f32::NAN),
        ]);
    }

    #[test]
    fn f32_sampled() {
        let near = &[
            1.5707964,
            -4.712389,
            std::f32::consts::PI,
            std::f32::consts::FRAC_PI_4,
            1e5,
            LARGEST_ANGLE as f32,
            7.729179e28,
            1e20,
        ];
        sampled::<F32>(f64::tan, 0.51, near, f32::INFINITY);
    }

    #[test]
    fn branch_free_code_gives_the_same_bits() {
        identical::<F32, small::F32>(LARGEST_ANGLE);
    }

    #[test]
    #[ignore = "minutes in a release build: all 2^32 arguments"]
    fn f32_exhaustive() {
        exhaustive::<F32>(f64::tan, 0.51, f32::INFINITY);
    }
}
