//! The hyperbolic tangent.
//!
//! Method, after Cephes (S. L. Moshier, 1989, *Methods and Programs for Mathematical Functions*):
//! an odd approximation x + x^3 r(x^2) below 0.625, and 1 - 2 / (e^2x + 1) from there on. Both are
//! computed and one is selected. For `f64`, r is rational, and both share one division.
//!
//! Largest errors found: `f32` 1.198 ULP (all arguments, every tier), `f64` 1.216 ULP (1.2 million
//! arguments, half of them where the error is largest).

use super::exp::{reduce_f32, reduce_f64};
use crate::kernel::fma::Fma;
use crate::kernel::isa::Isa;

/// Computes tanh x within 1.25 ULP.
#[inline(always)]
pub(crate) fn tanh_f32<I: Isa>(x: f32) -> f32 {
    let a = x.abs();
    let clamped = if 10.0 < a { 10.0 } else { a };
    let reduced = reduce_f32::<I>(clamped + clamped, 127);
    let scale = f32::from_bits(reduced.exponent << 23);
    let large = 1.0 - 2.0 / reduced.short_tail::<I>().fma::<I>(scale, scale + 1.0);
    let z = a * a;
    let p = horner!(I, z;
        -3.333328068e-01, 1.333141923e-01, -5.373874679e-02, 2.063846216e-02, -5.706467200e-03,
    );
    let small = (a * z).fma::<I>(p, a);
    // Either side of the selection keeps NaN.
    let magnitude = if a < 0.625 { small } else { large };
    magnitude.copysign(x)
}

/// Computes tanh x within 1.5 ULP.
#[inline(always)]
pub(crate) fn tanh_f64<I: Isa>(x: f64) -> f64 {
    let a = x.abs();
    let clamped = if 22.0 < a { 22.0 } else { a };
    let reduced = reduce_f64::<I>(clamped + clamped, 1023);
    let scale = f64::from_bits(reduced.exponent << 52);
    let power = reduced.tail::<I>().fma::<I>(scale, scale + 1.0);
    let z = a * a;
    let p = horner!(I, z;
        -0.33333333333333326, -0.020496785926299485, -0.00019908890177600144,
    );
    let q = horner!(I, z;
        1.0, 0.46149035777888336, 0.023288647912378398, 0.0002064382738166311,
    );
    let small = a < 0.625;
    let whole = if small { a } else { 1.0 };
    let numerator = if small { a * z * p } else { -2.0 };
    let denominator = if small { q } else { power };
    (whole + numerator / denominator).copysign(x)
}

#[cfg(test)]
mod tests {
    use super::super::check::{agrees, exact, exhaustive, functions, sampled, table};

    functions!(super::tanh_f32, super::tanh_f64);

    #[test]
    fn special_values() {
        exact::<F32>(&[
            (0.0, 0.0),
            (-0.0, -0.0),
            (f32::INFINITY, 1.0),
            (f32::NEG_INFINITY, -1.0),
            (f32::NAN, f32::NAN),
            (f32::MAX, 1.0),
            (f32::MIN, -1.0),
            (9.5, 1.0),
            (f32::from_bits(1), f32::from_bits(1)),
            (-f32::MIN_POSITIVE, -f32::MIN_POSITIVE),
        ]);
        exact::<F64>(&[
            (0.0, 0.0),
            (-0.0, -0.0),
            (f64::INFINITY, 1.0),
            (f64::NEG_INFINITY, -1.0),
            (f64::NAN, f64::NAN),
            (f64::MAX, 1.0),
            (f64::MIN, -1.0),
            (19.5, 1.0),
            (f64::from_bits(1), f64::from_bits(1)),
            (-f64::MIN_POSITIVE, -f64::MIN_POSITIVE),
        ]);
    }

    #[test]
    fn f32_sampled() {
        let near = &[0.625, -0.625, 9.01, 1.0397207, std::f32::consts::LN_2, 1e-4];
        sampled::<F32>(f64::tanh, 1.25, near, f32::INFINITY);
    }

    #[test]
    fn f64_table() {
        table::<F64>(include_str!("testdata/tanh.txt"), 1.5);
    }

    #[test]
    fn f64_agrees_with_the_standard_library() {
        agrees::<F64>(f64::tanh, 1.5, f64::INFINITY);
    }

    #[test]
    #[ignore = "minutes in a release build: all 2^32 arguments"]
    fn f32_exhaustive() {
        exhaustive::<F32>(f64::tanh, 1.25, f32::INFINITY);
    }
}
