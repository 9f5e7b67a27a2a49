//! Elementary functions as vector code. The standard library computes them one value at a time, and
//! does so for those marked "std" below.
//!
//! Each body is straight-line code: selections replace branches, and bit operations replace tables
//! and conversions that have no vector instruction. Inlined into a loop over a slice, it becomes
//! packed code on every instruction set. Each file states its method and its sources.
//!
//! The table lists error bounds in units in the last place (ULP). The tests assert them on every
//! tier over samples. Those for `f32` of one number have a test of all arguments. Zeros keep their
//! sign and NaN stays NaN. Infinities and domain errors give the same results as in the standard
//! library.
//!
//! | function          | `f32` | `f64` | range                                   |
//! |-------------------|-------|-------|-----------------------------------------|
//! | `exp`             | 1.0   | 1.1   | all, subnormal results included         |
//! | `exp_m1`          | 1.25  | 1.5   | all                                     |
//! | `ln`              | 0.9   | 1.0   | all, subnormal arguments included       |
//! | `ln_1p`           | 0.52  | 1.0   | all                                     |
//! | `tanh`            | 1.25  | 1.5   | all                                     |
//! | `sigmoid`         | 1.5   | 1.6   | all, subnormal results included         |
//! | `softplus`        | 1.7   | 1.8   | all, subnormal results included         |
//! | `erf`             | 1.25  | 1.75  | all                                     |
//! | `erfc`            | 6.0   | 6.5   | all, subnormal results included         |
//! | `pow`             | 0.51  | std   | all                                     |
//! | sine and cosine   | 0.505 | 1.8   | all                                     |
//! | tangent           | 0.51  | std   | all                                     |
//! | `asin`, `acos`    | 0.51  | std   | all                                     |
//! | `atan`, `atan2`   | 0.51  | std   | all                                     |
//! | `sinh`, `cosh`    | 0.51  | 2.0   | all                                     |
//! | their inverses    | 0.52  | 3.0   | all                                     |
//! | `exp2`            | 1.2   | 1.2   | all, subnormal results included         |
//! | `log2`            | 0.52  | 1.1   | all, subnormal arguments included       |
//! | `log10`           | 0.52  | 1.5   | all, subnormal arguments included       |
//! | `hypot`           | 0.51  | 1.1   | all                                     |
//! | `fmod`            | 0     | 0     | all                                     |
//! | `lgamma`          | 0.6   | 2.0   | positive; for others see `gamma_f32.rs` |
//! | `digamma`         | 0.6   | 6.0   | positive; for others see `gamma_f32.rs` |
//!
//! `lgamma` and `digamma` of `f64` run one element at a time too (`gamma.rs`), as `fmod` of `f64`
//! does without fused multiply-add.
//!
//! `testdata/minimax.py` derives the coefficients. `testdata/generate.py` computes the reference
//! values of the `f64` tests.

// All functions have one form, whether they use the instruction set or not.
#![allow(clippy::extra_unused_type_parameters)]

/// Evaluates the polynomial in `$x` with these coefficients, the constant one first. It is a macro
/// and not a loop: a loop would have to be unrolled before the loop around it can be vectorized.
macro_rules! horner {
    ($isa:ty, $x:expr; $last:expr $(,)?) => { $last };
    ($isa:ty, $x:expr; $first:expr, $($rest:expr),+ $(,)?) => {
        $crate::kernel::fma::Fma::fma::<$isa>(horner!($isa, $x; $($rest),+), $x, $first)
    };
}

pub(crate) mod atan;
#[cfg(test)]
mod check;
pub(crate) mod erf;
pub(crate) mod erfc;
pub(crate) mod exp;
pub(crate) mod exp2;
pub(crate) mod exp_m1;
pub(crate) mod fmod;
pub(crate) mod functions;
pub(crate) mod gamma;
pub(crate) mod gamma_f32;
pub(crate) mod hyperbolic;
pub(crate) mod hypot;
pub(crate) mod inverse_hyperbolic;
pub(crate) mod ln;
pub(crate) mod ln_1p;
pub(crate) mod logarithms;
pub(crate) mod pow;
pub(crate) mod sigmoid;
pub(crate) mod softplus;
pub(crate) mod tan;
pub(crate) mod tanh;
pub(crate) mod trig;

/// Rounds to an integer if it is added to an `f32` below 2^22 in magnitude and subtracted again.
/// The low bits of the sum are that integer. Neither step needs a rounding or conversion
/// instruction.
const ROUND_F32: f32 = 12582912.0;
/// The counterpart of [`ROUND_F32`] for an `f64` below 2^51.
const ROUND_F64: f64 = 6755399441055744.0;

pub use functions::Functions;
pub use trig::{Angles, AnyAngle, SmallAngles};
