//! The trait that formulas are written over: [`Real`].
//!
//! A formula over [`Real`] is written once. With [`Lane`](crate::kernel::Lane) it becomes a vector
//! kernel for each instruction set. With the symbolic tensors of `ops` it becomes a recorded
//! computation. So one line gives the fused derivative and its own derivatives of higher order.

use std::any::Any;
use std::ops::{Add, BitAnd, BitOr, Div, Mul, Neg, Not, Sub};

/// A number in a formula: arithmetic, comparison with selection, and elementary functions.
///
/// Constants are `f64` literals on the right of an operator (`x * 0.5`), or come from
/// [`constant`](Real::constant). Formulas have no branches: use [`select`](Real::select).
pub trait Real:
    Copy
    + Neg<Output = Self>
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Add<f64, Output = Self>
    + Sub<f64, Output = Self>
    + Mul<f64, Output = Self>
    + Div<f64, Output = Self>
{
    /// The result of a comparison. The operators `&`, `|` and `!` combine conditions.
    type Bool: Copy
        + BitAnd<Output = Self::Bool>
        + BitOr<Output = Self::Bool>
        + Not<Output = Self::Bool>;

    /// Returns `value` in the dtype of `self` (and, for symbolic tensors, in its graph).
    fn constant(self, value: f64) -> Self;
    /// Computes `self * factor + term`, fused if that is one instruction.
    fn mul_add(self, factor: Self, term: Self) -> Self;

    /// Returns whether `self < other`. All comparisons are false if either side is NaN.
    fn lt(self, other: Self) -> Self::Bool;
    /// Returns whether `self <= other`.
    fn le(self, other: Self) -> Self::Bool;
    /// Returns whether `self == other`.
    fn equals(self, other: Self) -> Self::Bool;
    /// Returns `yes` if `condition` is true, else `no`. Both are computed.
    fn select(condition: Self::Bool, yes: Self, no: Self) -> Self;

    /// Returns `self`, for use in a part of a formula that is selected where `condition` is true.
    ///
    /// For numbers this does nothing. In a recorded computation the gradient that comes back from
    /// that part is 0 where the condition is false, even if it is infinite or NaN there.
    #[inline(always)]
    fn guard(self, _condition: Self::Bool) -> Self {
        self
    }

    /// Computes a formula of several numbers. In a recorded computation `whole` does it, from
    /// tensors as `Any`, so that the formula is differentiated by the derivatives stated for it.
    #[inline(always)]
    fn call<const N: usize>(
        operands: [Self; N],
        formula: impl FnOnce([Self; N]) -> Self,
        _whole: impl FnOnce([&dyn Any; N]) -> Box<dyn Any>,
    ) -> Self {
        formula(operands)
    }

    /// Computes the absolute value.
    fn abs(self) -> Self;
    /// Computes the square root.
    fn sqrt(self) -> Self;
    /// Computes e^x.
    fn exp(self) -> Self;
    /// Computes e^x - 1, accurate near 0.
    fn exp_m1(self) -> Self;
    /// Computes the natural logarithm.
    fn ln(self) -> Self;
    /// Computes ln(1 + x), accurate near 0.
    fn ln_1p(self) -> Self;
    /// Computes the hyperbolic tangent.
    fn tanh(self) -> Self;
    /// Computes the logistic function 1 / (1 + e^-x).
    fn sigmoid(self) -> Self;
    /// Computes ln(1 + e^x).
    fn softplus(self) -> Self;
    /// Computes the error function.
    fn erf(self) -> Self;
    /// Computes the complementary error function 1 - erf x.
    fn erfc(self) -> Self;
    /// Computes the sine.
    fn sin(self) -> Self;
    /// Computes the cosine.
    fn cos(self) -> Self;
    /// Computes x^exponent.
    fn powf(self, exponent: Self) -> Self;
    /// Rounds down to an integer.
    fn floor(self) -> Self;
    /// Rounds to the nearest integer, ties to even.
    fn round(self) -> Self;
    /// Computes the tangent.
    fn tan(self) -> Self;
    /// Computes the inverse sine.
    fn asin(self) -> Self;
    /// Computes the inverse cosine.
    fn acos(self) -> Self;
    /// Computes the inverse tangent.
    fn atan(self) -> Self;
    /// Computes the hyperbolic sine.
    fn sinh(self) -> Self;
    /// Computes the hyperbolic cosine.
    fn cosh(self) -> Self;
    /// Computes the inverse hyperbolic sine.
    fn asinh(self) -> Self;
    /// Computes the inverse hyperbolic cosine.
    fn acosh(self) -> Self;
    /// Computes the inverse hyperbolic tangent.
    fn atanh(self) -> Self;
    /// Computes the logarithm to base 2.
    fn log2(self) -> Self;
    /// Computes the logarithm to base 10.
    fn log10(self) -> Self;
    /// Computes 2^x.
    fn exp2(self) -> Self;
    /// Computes ln |Γ(x)|.
    fn lgamma(self) -> Self;
    /// Computes the derivative of ln |Γ(x)|.
    fn digamma(self) -> Self;
    /// Computes the derivative of this order of digamma, one element at a time.
    fn polygamma(self, order: u32) -> Self;
    /// Computes the remainder of a quotient with the sign of the dividend.
    fn fmod(self, divisor: Self) -> Self;
    /// Computes the remainder of a quotient with the sign of the divisor.
    fn remainder(self, divisor: Self) -> Self;
    /// Computes the exact quotient, rounded down.
    fn floor_divide(self, divisor: Self) -> Self;
    /// Computes the hypotenuse.
    fn hypot(self, other: Self) -> Self;
    /// Returns `self` with the sign of `sign`.
    fn copysign(self, sign: Self) -> Self;
    /// Computes the angle of the point (`x`, `self`) in radians.
    fn atan2(self, x: Self) -> Self;

    /// Computes x².
    #[inline(always)]
    fn square(self) -> Self {
        self * self
    }
    /// Computes x^exponent for an integer exponent of at most 32 bits.
    #[inline(always)]
    fn powi(self, exponent: i64) -> Self {
        whole_power(self, exponent)
    }
    /// Computes 1 / x.
    #[inline(always)]
    fn recip(self) -> Self {
        self.constant(1.0) / self
    }
    /// Returns zero in the dtype of `self`.
    #[inline(always)]
    fn zero(self) -> Self {
        self.constant(0.0)
    }
    /// Returns one in the dtype of `self`.
    #[inline(always)]
    fn one(self) -> Self {
        self.constant(1.0)
    }
    /// Returns whether `self > other`.
    #[inline(always)]
    fn gt(self, other: Self) -> Self::Bool {
        other.lt(self)
    }
    /// Returns whether `self >= other`.
    #[inline(always)]
    fn ge(self, other: Self) -> Self::Bool {
        other.le(self)
    }
}

/// Computes x^exponent as PyTorch does: exponents of ±0.5 are square roots, and so NaN at -∞.
#[inline(always)]
pub fn float_power<T: Real>(x: T, exponent: f64) -> T {
    if exponent == 0.5 {
        x.sqrt()
    } else if exponent == -0.5 {
        x.sqrt().recip()
    } else if exponent.fract() == 0.0 && (2f64.powi(24)..2f64.powi(47)).contains(&exponent.abs()) {
        // The 24 bits of an `f32` cannot tell whether such an exponent is odd. They suffice for
        // each of its two parts.
        let low = exponent % 2f64.powi(23);
        x.powf(x.constant(exponent - low)) * x.powf(x.constant(low))
    } else {
        x.powf(x.constant(exponent))
    }
}

/// The largest integer power that is computed by repeated multiplication. Each squaring doubles the
/// relative error, so larger ones use `powf`.
const MULTIPLIED: u64 = 64;

/// Computes x^exponent for an integer exponent of at most 32 bits, sign excluded.
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
