//! Powers with an exponent that is the same for all elements.

use crate::kernel::real::Real;

/// x^exponent, as PyTorch has it: roots are roots, and so NaN at -∞.
#[inline(always)]
pub(crate) fn float_power<T: Real>(x: T, exponent: f64) -> T {
    if exponent == 0.5 {
        x.sqrt()
    } else if exponent == -0.5 {
        x.sqrt().recip()
    } else if exponent.fract() == 0.0 && (2f64.powi(24)..2f64.powi(47)).contains(&exponent.abs()) {
        // `f32` has 24 bits for the exponent: enough for each of two parts, and not for telling whether
        // the whole is odd.
        let low = exponent % 2f64.powi(23);
        x.powf(x.constant(exponent - low)) * x.powf(x.constant(low))
    } else {
        x.powf(x.constant(exponent))
    }
}

/// Each squaring doubles the relative error; this many factors are multiplied up.
const MULTIPLIED: u64 = 64;

/// x^exponent, a number of at most 32 bits or one less.
#[inline(always)]
pub(crate) fn whole_power<T: Real>(x: T, exponent: i64) -> T {
    if exponent.unsigned_abs() > MULTIPLIED {
        return float_power(x, exponent as f64);
    }
    let mut rest = exponent.unsigned_abs();
    let (mut square, mut result) = (x, x.one());
    while rest > 0 {
        if rest & 1 == 1 {
            result = result * square;
        }
        rest >>= 1;
        if rest > 0 {
            square = square * square;
        }
    }
    if exponent < 0 { result.recip() } else { result }
}
