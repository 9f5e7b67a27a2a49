//! The error function.
//!
//! Method: an odd minimax polynomial near zero. Further out 1 - e^g(x), where g is a minimax
//! polynomial for ln erfc x. This exponential form is the one that N. Juffa uses for erfc (2023,
//! "Calling all Juffas: what's up with erfcf nowadays", NVIDIA developer forums). With growing x,
//! erfc and so the weight of every error in g become smaller.
//!
//! Largest errors found: `f32` 1.220 ULP (all arguments, every tier), `f64` 1.398 ULP (1.2 million
//! arguments, half of them where the error is largest).

use super::exp::{reduce_f32, reduce_f64};
use crate::kernel::fma::Fma;
use crate::kernel::isa::Isa;

/// Computes erf x within 1.25 ULP.
#[inline(always)]
pub(crate) fn erf_f32<I: Isa>(x: f32) -> f32 {
    let a = x.abs();
    let z = a * a;
    let p = horner!(I, z;
        1.283791661e-01, -3.761263192e-01, 1.128370091e-01, -2.686078660e-02, 5.206132308e-03,
        -8.212799439e-04, 8.702162449e-05,
    );
    let small = a.fma::<I>(p, a);
    // If the clamp takes effect, the result rounds to one.
    let clamped = if 3.93 < a { 3.93 } else { a };
    let g = horner!(I, clamped;
        1.692035148e-04, -1.129488349e+00, -6.334010959e-01, -1.082199365e-01, 2.508018725e-02,
        -4.156030249e-03, 4.313332902e-04, -2.082219544e-05,
    );
    let reduced = reduce_f32::<I>(g, 127);
    let scale = f32::from_bits(reduced.exponent << 23);
    let large = (1.0 - scale) - reduced.short_tail::<I>() * scale;
    let magnitude = if a < 0.9 { small } else { large };
    magnitude.copysign(x)
}

/// Computes erf x within 1.75 ULP.
#[inline(always)]
pub(crate) fn erf_f64<I: Isa>(x: f64) -> f64 {
    let a = x.abs();
    let z = a * a;
    // Even and odd powers are summed apart, here and below, because the latency of one chain of so
    // many dependent steps would show.
    let square = z * z;
    let even = horner!(I, square;
        0.12837916709551256, 0.11283791670942123, 0.0052239776077071766, 0.00012055298810877203,
        1.6448683507730587e-06, 1.376651021698763e-08,
    );
    let odd = horner!(I, square;
        -0.3761263890318341, -0.026866170643087082, -0.0008548326064465083, -1.4924828106402664e-05,
        -1.621879584378047e-07, -7.884633389304279e-10,
    );
    let small = a.fma::<I>(odd.fma::<I>(z, even), a);
    let clamped = if 6.0 < a { 6.0 } else { a };
    let square = clamped * clamped;
    let even = horner!(I, square;
        -5.028721060936893e-07, -0.636643628968466, 0.018990174594217816, -0.001915949357494252,
        -0.00013505361204295752, 2.2821811701873823e-05, 2.1356222956980594e-06,
        4.642142657703173e-08, 2.044880688209173e-10,
    );
    let odd = horner!(I, square;
        -1.1283740892704082, -0.10270343719204203, 0.00041063367139060873, 0.000770648162712704,
        -2.026497492986822e-05, -8.666942528565383e-06, -3.7329241561270234e-07,
        -3.934119638912325e-09, -4.928401851963181e-12,
    );
    let g = odd.fma::<I>(clamped, even);
    let reduced = reduce_f64::<I>(g, 1023);
    let scale = f64::from_bits(reduced.exponent << 52);
    let large = (1.0 - scale) - reduced.tail::<I>() * scale;
    let magnitude = if a < 1.0 { small } else { large };
    magnitude.copysign(x)
}

#[cfg(test)]
mod tests {
    use super::super::check::{exact, exhaustive, functions, sampled, table};
    use crate::kernel::isa::Baseline;

    functions!(super::erf_f32, super::erf_f64);

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
            (3.95, 1.0),
        ]);
        exact::<F64>(&[
            (0.0, 0.0),
            (-0.0, -0.0),
            (f64::INFINITY, 1.0),
            (f64::NEG_INFINITY, -1.0),
            (f64::NAN, f64::NAN),
            (f64::MAX, 1.0),
            (f64::MIN, -1.0),
            (5.95, 1.0),
        ]);
    }

    #[test]
    fn f32_sampled() {
        let near = &[0.9, -0.9, 3.93, 1.0, 2.0];
        sampled::<F32>(super::erf_f64::<Baseline>, 1.25, near, f32::INFINITY);
    }

    #[test]
    fn f64_table() {
        table::<F64>(include_str!("testdata/erf.txt"), 1.75);
    }

    #[test]
    #[ignore = "minutes in a release build: all 2^32 arguments"]
    fn f32_exhaustive() {
        exhaustive::<F32>(super::erf_f64::<Baseline>, 1.25, f32::INFINITY);
    }
}
