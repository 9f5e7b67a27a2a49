//! The number types of kernels: [`Float`], what is stored, and [`Real`], what formulas are written in.
//!
//! A formula over [`Real`] is written once. With [`Lane`] it becomes a vector kernel for each
//! instruction set; with the symbolic tensors of `ops` it becomes a recorded computation, so that
//! the same line gives the fused derivative and the derivative's derivative.

use crate::kernel::elementwise::power::whole_power;
use crate::kernel::isa::Isa;
use crate::kernel::linear::gemm::Gemm;
use crate::kernel::math;
use std::fmt::{Debug, Display, LowerExp};
use std::marker::PhantomData;
use std::ops::{Add, Div, Mul, Neg, Sub};

/// A stored floating-point type: `f32` or `f64`.
///
/// The mathematical functions are vectorizable and branch-free; their accuracy is stated in
/// [`math`].
pub trait Float:
    Gemm
    + num_traits::Float
    + num_traits::NumAssign
    + Default
    + Debug
    + Display
    + LowerExp
    + Send
    + Sync
    + 'static
{
    /// Converts from `f64`, rounding.
    fn from_f64(value: f64) -> Self;
    /// Converts to `f64`, exactly.
    fn to_f64(self) -> f64;
    /// `self * factor + term`, fused where the instruction set does that in one instruction.
    fn fma<I: Isa>(self, factor: Self, term: Self) -> Self;
    /// e^x.
    fn exp_v<I: Isa>(self) -> Self;
    /// e^x - 1.
    fn exp_m1_v<I: Isa>(self) -> Self;
    /// Natural logarithm.
    fn ln_v<I: Isa>(self) -> Self;
    /// ln(1 + x).
    fn ln_1p_v<I: Isa>(self) -> Self;
    /// Hyperbolic tangent.
    fn tanh_v<I: Isa>(self) -> Self;
    /// Logistic function 1 / (1 + e^-x).
    fn sigmoid_v<I: Isa>(self) -> Self;
    /// Error function.
    fn erf_v<I: Isa>(self) -> Self;
    /// Complementary error function.
    fn erfc_v<I: Isa>(self) -> Self;
    /// Sine.
    fn sin_v<I: Isa>(self) -> Self;
    /// Cosine.
    fn cos_v<I: Isa>(self) -> Self;
}

macro_rules! impl_float {
    ($float:ty, $($method:ident => $module:ident::$function:ident),* $(,)?) => {
        impl Float for $float {
            #[inline(always)]
            fn from_f64(value: f64) -> Self {
                value as $float
            }
            #[inline(always)]
            fn to_f64(self) -> f64 {
                f64::from(self)
            }
            #[inline(always)]
            fn fma<I: Isa>(self, factor: Self, term: Self) -> Self {
                if I::FMA { self.mul_add(factor, term) } else { self * factor + term }
            }
            $(#[inline(always)]
            fn $method<I: Isa>(self) -> Self {
                math::$module::$function::<I>(self)
            })*
        }
    };
}

impl_float!(f32,
    exp_v => exp::exp_f32, exp_m1_v => exp_m1::exp_m1_f32, ln_v => ln::ln_f32,
    ln_1p_v => ln_1p::ln_1p_f32, tanh_v => tanh::tanh_f32,
    sigmoid_v => sigmoid::sigmoid_f32, erf_v => erf::erf_f32, erfc_v => erfc::erfc_f32,
    sin_v => trig::sin_f32, cos_v => trig::cos_f32,
);
impl_float!(f64,
    exp_v => exp::exp_f64, exp_m1_v => exp_m1::exp_m1_f64, ln_v => ln::ln_f64,
    ln_1p_v => ln_1p::ln_1p_f64, tanh_v => tanh::tanh_f64,
    sigmoid_v => sigmoid::sigmoid_f64, erf_v => erf::erf_f64, erfc_v => erfc::erfc_f64,
    sin_v => trig::sin_f64, cos_v => trig::cos_f64,
);

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

/// Above this x² + 1 and x² - 1 are x² to the last digit.
const LARGE: f64 = 268_435_456.0;

/// The inverse of sinh, accurate near 0 and for numbers whose square overflows.
fn asinh(x: f64) -> f64 {
    let a = x.abs();
    let magnitude = if a > LARGE {
        a.ln() + std::f64::consts::LN_2
    } else {
        (a + a * a / (1.0 + (1.0 + a * a).sqrt())).ln_1p()
    };
    magnitude.copysign(x)
}

/// The inverse of cosh, accurate near 1 and for numbers whose square overflows; NaN below 1.
fn acosh(x: f64) -> f64 {
    if x > LARGE {
        return x.ln() + std::f64::consts::LN_2;
    }
    let above = x - 1.0;
    (above + above.sqrt() * (above + 2.0).sqrt()).ln_1p()
}

/// The inverse of tanh, accurate near 0; NaN outside [-1, 1].
fn atanh(x: f64) -> f64 {
    let a = x.abs();
    (0.5 * (2.0 * a / (1.0 - a)).ln_1p()).copysign(x)
}

/// One element of a slice, in a kernel compiled for the instruction set `I`.
#[derive(Debug)]
#[repr(transparent)]
pub struct Lane<F, I>(pub F, PhantomData<I>);

impl<F: Copy, I> Copy for Lane<F, I> {}
impl<F: Copy, I> Clone for Lane<F, I> {
    #[inline(always)]
    fn clone(&self) -> Self {
        *self
    }
}

impl<F, I> Lane<F, I> {
    /// Wraps a stored value.
    #[inline(always)]
    pub const fn new(value: F) -> Self {
        Self(value, PhantomData)
    }
}

/// Element `i` of each slice.
#[inline(always)]
pub(crate) fn lanes<F: Float, I: Isa, const N: usize>(
    slices: &[&[F]; N],
    i: usize,
) -> [Lane<F, I>; N] {
    let mut lanes = [Lane::new(F::default()); N];
    for k in 0..N {
        lanes[k] = Lane::new(slices[k][i]);
    }
    lanes
}

macro_rules! lane_operators {
    ($($trait:ident $method:ident;)*) => {$(
        impl<F: Float, I: Isa> $trait for Lane<F, I> {
            type Output = Self;
            #[inline(always)]
            fn $method(self, other: Self) -> Self {
                Self::new($trait::$method(self.0, other.0))
            }
        }
        impl<F: Float, I: Isa> $trait<f64> for Lane<F, I> {
            type Output = Self;
            #[inline(always)]
            fn $method(self, other: f64) -> Self {
                Self::new($trait::$method(self.0, F::from_f64(other)))
            }
        }
    )*};
}
lane_operators! { Add add; Sub sub; Mul mul; Div div; }

impl<F: Float, I: Isa> Neg for Lane<F, I> {
    type Output = Self;
    #[inline(always)]
    fn neg(self) -> Self {
        Self::new(-self.0)
    }
}

macro_rules! lane_functions {
    ($($method:ident => $function:ident;)*) => {$(
        #[inline(always)]
        fn $method(self) -> Self {
            Self::new(F::$function::<I>(self.0))
        }
    )*};
}

impl<F: Float, I: Isa> Real for Lane<F, I> {
    type Bool = bool;

    lane_functions! {
        exp => exp_v; exp_m1 => exp_m1_v; ln => ln_v; ln_1p => ln_1p_v; tanh => tanh_v;
        sigmoid => sigmoid_v; erf => erf_v; erfc => erfc_v; sin => sin_v; cos => cos_v;
    }

    #[inline(always)]
    fn constant(self, value: f64) -> Self {
        Self::new(F::from_f64(value))
    }
    #[inline(always)]
    fn mul_add(self, factor: Self, term: Self) -> Self {
        Self::new(self.0.fma::<I>(factor.0, term.0))
    }
    #[inline(always)]
    fn lt(self, other: Self) -> bool {
        self.0 < other.0
    }
    #[inline(always)]
    fn le(self, other: Self) -> bool {
        self.0 <= other.0
    }
    #[inline(always)]
    fn equals(self, other: Self) -> bool {
        self.0 == other.0
    }
    #[inline(always)]
    fn select(condition: bool, yes: Self, no: Self) -> Self {
        if condition { yes } else { no }
    }
    #[inline(always)]
    fn abs(self) -> Self {
        Self::new(num_traits::Float::abs(self.0))
    }
    #[inline(always)]
    fn sqrt(self) -> Self {
        Self::new(num_traits::Float::sqrt(self.0))
    }
    #[inline(always)]
    fn powf(self, exponent: Self) -> Self {
        Self::new(num_traits::Float::powf(self.0, exponent.0))
    }
    #[inline(always)]
    fn floor(self) -> Self {
        Self::new(num_traits::Float::floor(self.0))
    }
    #[inline(always)]
    fn round(self) -> Self {
        // From 2^mantissa bits on, numbers are integers, and the next number is 1 away: adding this
        // to a smaller magnitude and subtracting it again rounds to even in hardware.
        let integers = F::from_f64(if size_of::<F>() == 4 {
            8_388_608.0
        } else {
            4_503_599_627_370_496.0
        });
        let magnitude = self.0.abs();
        let rounded = ((magnitude + integers) - integers).copysign(self.0);
        Self::new(if magnitude < integers {
            rounded
        } else {
            self.0
        })
    }
    #[inline(always)]
    fn scalar(self, function: ScalarFunction) -> Self {
        use num_traits::Float as N;
        Self::new(match function {
            ScalarFunction::Tan => N::tan(self.0),
            ScalarFunction::Asin => N::asin(self.0),
            ScalarFunction::Acos => N::acos(self.0),
            ScalarFunction::Atan => N::atan(self.0),
            ScalarFunction::Sinh => N::sinh(self.0),
            ScalarFunction::Cosh => N::cosh(self.0),
            ScalarFunction::Asinh => F::from_f64(asinh(self.0.to_f64())),
            ScalarFunction::Acosh => F::from_f64(acosh(self.0.to_f64())),
            ScalarFunction::Atanh => F::from_f64(atanh(self.0.to_f64())),
            ScalarFunction::Log2 => N::log2(self.0),
            ScalarFunction::Log10 => N::log10(self.0),
        })
    }
    #[inline(always)]
    fn atan2(self, x: Self) -> Self {
        Self::new(num_traits::Float::atan2(self.0, x.0))
    }
}
