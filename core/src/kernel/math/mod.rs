//! Elementary functions that vectorize: what the standard library computes one value at a time.
//!
//! Each body is straight-line: selections in place of branches, bit operations in place of table
//! look-ups and of conversions that have no vector instruction. Inlined into a loop over a slice,
//! it becomes packed code on every instruction set. Each file states its method and its sources.
//!
//! Error bounds in units in the last place (ULP), which the tests assert on every tier. Those for
//! `f32` are proven by trying all arguments; zeros keep their sign, NaN stays NaN, infinities and
//! domain errors are as in the standard library.
//!
//! | function          | `f32` | `f64` | range                                   |
//! |-------------------|-------|-------|-----------------------------------------|
//! | `exp`             | 1.0   | 1.1   | all, subnormal results included         |
//! | `exp_m1`          | 1.25  | 1.5   | all                                     |
//! | `ln`              | 0.9   | 1.0   | all, subnormal arguments included       |
//! | `ln_1p`           | 0.52  | 1.0   | all                                     |
//! | `tanh`            | 1.25  | 1.5   | all                                     |
//! | `sigmoid`         | 1.5   | 1.6   | all, subnormal results included         |
//! | `erf`             | 1.25  | 1.75  | all                                     |
//! | `erfc`            | 6.0   | 6.5   | all, subnormal results included         |
//! | sine and cosine   | 0.505 | 1.8   | all                                     |
//!
//! `testdata/minimax.py` derives the coefficients, `testdata/generate.py` the reference values of
//! the `f64` tests.

/// The polynomial in `$x` with these coefficients, the constant one first. A macro and not a loop,
/// so that nothing is left to unroll where the loop around it is to be vectorized.
macro_rules! horner {
    ($isa:ty, $x:expr; $last:expr $(,)?) => { $last };
    ($isa:ty, $x:expr; $first:expr, $($rest:expr),+ $(,)?) => {
        $crate::kernel::fma::Fma::fma::<$isa>(horner!($isa, $x; $($rest),+), $x, $first)
    };
}

#[cfg(test)]
mod check;
pub(crate) mod erf;
pub(crate) mod erfc;
pub(crate) mod exp;
pub(crate) mod exp_m1;
pub(crate) mod functions;
pub(crate) mod ln;
pub(crate) mod ln_1p;
pub(crate) mod sigmoid;
pub(crate) mod tanh;
pub(crate) mod trig;

/// Added to an `f32` below 2^22 and subtracted again, rounds it to an integer, which the low bits
/// of the sum then hold: rounding without an instruction for it, conversion without one either.
const ROUND_F32: f32 = 12582912.0;
/// As [`ROUND_F32`], for an `f64` below 2^51.
const ROUND_F64: f64 = 6755399441055744.0;

pub use functions::Functions;
pub use trig::{Angles, AnyAngle, SmallAngles};
