//! Elementary functions that vectorize: what the standard library computes one value at a time.
//!
//! Each body is straight-line: selections in place of branches, bit operations in place of table
//! look-ups and of conversions that have no vector instruction. Inlined into a loop over a slice,
//! it becomes packed code on every instruction set. Each file states its method and error bound.

macro_rules! horner {
    ($isa:ty, $x:expr; $last:expr $(,)?) => { $last };
    ($isa:ty, $x:expr; $first:expr, $($rest:expr),+ $(,)?) => {
        $crate::kernel::real::Float::fma::<$isa>(horner!($isa, $x; $($rest),+), $x, $first)
    };
}

#[cfg(test)]
mod check;
pub(crate) mod erf;
pub(crate) mod exp;
pub(crate) mod exp_m1;
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
