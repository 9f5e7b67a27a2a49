//! 2^x.
//!
//! Method: x = n + r with |r| <= 1/2, which is exact, and 2^r = e^(r ln 2) as in [`super::exp`].

use super::exp::Reduced;
use super::{ROUND_F32, ROUND_F64};
use crate::kernel::isa::Isa;

/// Computes 2^x within 1.2 ULP, subnormal results included.
#[inline(always)]
pub(crate) fn exp2_f32<I: Isa>(x: f32) -> f32 {
    let x = if 129.0 < x { 129.0 } else { x };
    let x = if -151.0 > x { -151.0 } else { x };
    let shift = ROUND_F32 + 2.0 * 127.0;
    let shifted = x + shift;
    let reduced = Reduced {
        n: 0.0,
        high: (x - (shifted - shift)) * std::f32::consts::LN_2,
        exponent: shifted.to_bits(),
    };
    reduced.power::<I>()
}

/// Computes 2^x within 1.2 ULP, subnormal results included.
#[inline(always)]
pub(crate) fn exp2_f64<I: Isa>(x: f64) -> f64 {
    let x = if 1025.0 < x { 1025.0 } else { x };
    let x = if -1076.0 > x { -1076.0 } else { x };
    let shift = ROUND_F64 + 2.0 * 1023.0;
    let shifted = x + shift;
    let reduced = Reduced {
        n: 0.0,
        high: (x - (shifted - shift)) * std::f64::consts::LN_2,
        exponent: shifted.to_bits(),
    };
    reduced.power::<I>()
}

#[cfg(test)]
mod tests {
    use super::super::check::{agrees, exact, exhaustive, functions, sampled, table};

    functions!(super::exp2_f32, super::exp2_f64);

    #[test]
    fn special_values() {
        exact::<F32>(&[
            (0.0, 1.0),
            (-0.0, 1.0),
            (f32::INFINITY, f32::INFINITY),
            (f32::NEG_INFINITY, 0.0),
            (f32::NAN, f32::NAN),
            (f32::MAX, f32::INFINITY),
            (f32::MIN, 0.0),
            (128.0, f32::INFINITY),
            (-150.0, 0.0),
        ]);
        exact::<F64>(&[
            (0.0, 1.0),
            (-0.0, 1.0),
            (f64::INFINITY, f64::INFINITY),
            (f64::NEG_INFINITY, 0.0),
            (f64::NAN, f64::NAN),
            (f64::MAX, f64::INFINITY),
            (f64::MIN, 0.0),
            (1024.0, f64::INFINITY),
            (-1075.0, 0.0),
        ]);
    }

    #[test]
    fn powers_of_integers_are_exact() {
        let single = (-149..128).map(|n: i16| (f32::from(n), f64::exp2(n.into()) as f32));
        exact::<F32>(&single.collect::<Vec<_>>());
        let double = (-1074..1024).map(|n| (f64::from(n), f64::from(n).exp2()));
        exact::<F64>(&double.collect::<Vec<_>>());
    }

    #[test]
    fn f32_sampled() {
        let near = &[0.5, -0.5, 1.5, -126.0, -149.5, 127.9];
        sampled::<F32>(f64::exp2, 1.2, near, f32::INFINITY);
    }

    #[test]
    fn f64_table() {
        table::<F64>(include_str!("testdata/exp2.txt"), 1.2);
    }

    #[test]
    fn f64_agrees_with_the_standard_library() {
        agrees::<F64>(f64::exp2, 1.2, f64::INFINITY);
    }

    #[test]
    #[ignore = "minutes in a release build: all 2^32 arguments"]
    fn f32_exhaustive() {
        exhaustive::<F32>(f64::exp2, 1.2, f32::INFINITY);
    }
}
