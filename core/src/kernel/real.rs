//! What formulas are written in: [`Real`].
//!
//! A formula over [`Real`] is written once. With [`Lane`](crate::kernel::Lane) it becomes a vector
//! kernel for each instruction set; with the symbolic tensors of `ops` it becomes a recorded
//! computation, so that the same line gives the fused derivative and the derivative's derivative.

use std::ops::{Add, Div, Mul, Neg, Sub};

/// A number in a formula: arithmetic, comparison with selection, and elementary functions.
///
/// Constants are written as `f64` literals on the right of an operator (`x * 0.5`) or made with
/// [`constant`](Real::constant). Formulas have no branches: they select.
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
    /// The result of a comparison.
    type Bool: Copy;

    /// `value` in the precision (and, for symbolic tensors, the place) of `self`.
    fn constant(self, value: f64) -> Self;
    /// `self * factor + term`, fused where that is one instruction.
    fn mul_add(self, factor: Self, term: Self) -> Self;

    /// Whether `self < other`; false if either is NaN, as for all comparisons here.
    fn lt(self, other: Self) -> Self::Bool;
    /// Whether `self <= other`.
    fn le(self, other: Self) -> Self::Bool;
    /// Whether `self == other`.
    fn equals(self, other: Self) -> Self::Bool;
    /// `yes` where `condition` holds, else `no`. Both are computed.
    fn select(condition: Self::Bool, yes: Self, no: Self) -> Self;

    /// Absolute value.
    fn abs(self) -> Self;
    /// Square root.
    fn sqrt(self) -> Self;
    /// e^x.
    fn exp(self) -> Self;
    /// e^x - 1.
    fn exp_m1(self) -> Self;
    /// Natural logarithm.
    fn ln(self) -> Self;
    /// ln(1 + x).
    fn ln_1p(self) -> Self;
    /// Hyperbolic tangent.
    fn tanh(self) -> Self;
    /// Logistic function 1 / (1 + e^-x).
    fn sigmoid(self) -> Self;
    /// Error function.
    fn erf(self) -> Self;
    /// Complementary error function 1 - erf x.
    fn erfc(self) -> Self;
    /// Sine.
    fn sin(self) -> Self;
    /// Cosine.
    fn cos(self) -> Self;
    /// x^exponent.
    fn powf(self, exponent: Self) -> Self;
    /// The largest integer not above x.
    fn floor(self) -> Self;
    /// The nearest integer, ties to even.
    fn round(self) -> Self;
    /// A function that is computed one element at a time, mostly by the standard library.
    fn scalar(self, function: ScalarFunction) -> Self;
    /// The angle of the point (`x`, `self`) in radians.
    fn atan2(self, x: Self) -> Self;

    /// x².
    #[inline(always)]
    fn square(self) -> Self {
        self * self
    }
    /// x^exponent for a whole exponent of at most 32 bits or somewhat less.
    #[inline(always)]
    fn powi(self, exponent: i64) -> Self {
        whole_power(self, exponent)
    }
    /// 1 / x.
    #[inline(always)]
    fn recip(self) -> Self {
        self.constant(1.0) / self
    }
    /// Zero, like `self`.
    #[inline(always)]
    fn zero(self) -> Self {
        self.constant(0.0)
    }
    /// One, like `self`.
    #[inline(always)]
    fn one(self) -> Self {
        self.constant(1.0)
    }
    /// Whether `self > other`.
    #[inline(always)]
    fn gt(self, other: Self) -> Self::Bool {
        other.lt(self)
    }
    /// Whether `self >= other`.
    #[inline(always)]
    fn ge(self, other: Self) -> Self::Bool {
        other.le(self)
    }
}

/// The elementary functions of [`Real::scalar`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // Each is the function of its name.
pub enum ScalarFunction {
    Tan,
    Asin,
    Acos,
    Atan,
    Sinh,
    Cosh,
    Asinh,
    Acosh,
    Atanh,
    Log2,
    Log10,
}

/// x^exponent, as PyTorch has it: roots are roots, and so NaN at -∞.
#[inline(always)]
pub(crate) fn float_power<T: Real>(x: T, exponent: f64) -> T {
    if exponent == 0.5 {
        x.sqrt()
    } else if exponent == -0.5 {
        x.sqrt().recip()
    } else if exponent.fract() == 0.0 && (2f64.powi(24)..2f64.powi(47)).contains(&exponent.abs()) {
        // `f32` has 24 bits for the exponent: enough for each of two parts, and not for telling
        // whether the whole is odd.
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
