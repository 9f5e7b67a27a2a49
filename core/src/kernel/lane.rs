//! One element of a slice as a number in a formula.

use crate::kernel::float::Float;
use crate::kernel::isa::Isa;
use crate::kernel::math::gamma;
use crate::kernel::math::trig::{Angles, AnyAngle};
use crate::kernel::real::{PairFunction, Real, ScalarFunction};
use std::marker::PhantomData;
use std::ops::{Add, Div, Mul, Neg, Sub};

/// One element of a slice in a kernel compiled for the instruction set `I`. `A` says how large the
/// angles are whose sine or cosine the kernel takes.
#[derive(Debug)]
#[repr(transparent)]
pub struct Lane<F, I, A = AnyAngle>(pub F, PhantomData<(I, A)>);

impl<F: Copy, I, A> Copy for Lane<F, I, A> {}
impl<F: Copy, I, A> Clone for Lane<F, I, A> {
    #[inline(always)]
    fn clone(&self) -> Self {
        *self
    }
}

impl<F, I, A> Lane<F, I, A> {
    /// Wraps a stored value.
    #[inline(always)]
    pub const fn new(value: F) -> Self {
        Self(value, PhantomData)
    }
}

/// Returns element `i` of each slice.
#[inline(always)]
pub(crate) fn lanes<F: Float, I: Isa, A: Angles, const N: usize>(
    slices: &[&[F]; N],
    i: usize,
) -> [Lane<F, I, A>; N] {
    let mut lanes = [Lane::new(F::default()); N];
    for k in 0..N {
        lanes[k] = Lane::new(slices[k][i]);
    }
    lanes
}

macro_rules! lane_operators {
    ($($trait:ident $method:ident;)*) => {$(
        impl<F: Float, I: Isa, A: Angles> $trait for Lane<F, I, A> {
            type Output = Self;
            #[inline(always)]
            fn $method(self, other: Self) -> Self {
                Self::new($trait::$method(self.0, other.0))
            }
        }
        impl<F: Float, I: Isa, A: Angles> $trait<f64> for Lane<F, I, A> {
            type Output = Self;
            #[inline(always)]
            fn $method(self, other: f64) -> Self {
                Self::new($trait::$method(self.0, F::from_f64(other)))
            }
        }
    )*};
}
lane_operators! { Add add; Sub sub; Mul mul; Div div; }

impl<F: Float, I: Isa, A: Angles> Neg for Lane<F, I, A> {
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

impl<F: Float, I: Isa, A: Angles> Real for Lane<F, I, A> {
    type Bool = bool;

    lane_functions! {
        exp => exp_v; exp_m1 => exp_m1_v; ln => ln_v; ln_1p => ln_1p_v; tanh => tanh_v;
        sigmoid => sigmoid_v; erf => erf_v; erfc => erfc_v;
    }

    #[inline(always)]
    fn sin(self) -> Self {
        Self::new(self.0.sin_v::<I, A>())
    }
    #[inline(always)]
    fn cos(self) -> Self {
        Self::new(self.0.cos_v::<I, A>())
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
        Self::new(self.0.pow_v::<I>(exponent.0))
    }
    #[inline(always)]
    fn floor(self) -> Self {
        Self::new(num_traits::Float::floor(self.0))
    }
    #[inline(always)]
    fn round(self) -> Self {
        // From 2^mantissa bits on, every number is an integer and neighbours are 1 apart. Adding
        // that power to a smaller magnitude and subtracting it again rounds to even in hardware.
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
            ScalarFunction::Exp2 => N::exp2(self.0),
            ScalarFunction::Lgamma => F::from_f64(gamma::lgamma(self.0.to_f64())),
            ScalarFunction::Polygamma(order) => {
                F::from_f64(gamma::polygamma(order, self.0.to_f64()))
            }
        })
    }
    #[inline(always)]
    fn pair(self, other: Self, function: PairFunction) -> Self {
        use num_traits::Float as N;
        Self::new(match function {
            PairFunction::Remainder => remainder(self.0, other.0),
            PairFunction::Fmod => self.0 % other.0,
            PairFunction::FloorDivide => floor_divide(self.0, other.0),
            PairFunction::Hypot => N::hypot(self.0, other.0),
            PairFunction::Copysign => N::copysign(self.0, other.0),
        })
    }
    #[inline(always)]
    fn atan2(self, x: Self) -> Self {
        Self::new(num_traits::Float::atan2(self.0, x.0))
    }
}

/// Computes the remainder of a / b with the sign of b.
fn remainder<F: Float>(a: F, b: F) -> F {
    let rest = a % b;
    let zero = F::zero();
    if rest != zero && (rest < zero) != (b < zero) {
        rest + b
    } else {
        rest
    }
}

/// Computes the exact quotient a / b, rounded down, as Python does.
fn floor_divide<F: Float>(a: F, b: F) -> F {
    let quotient = a / b;
    if b == F::zero() {
        return quotient;
    }
    let rest = a % b;
    let mut whole = (a - rest) / b;
    if rest != F::zero() && (rest < F::zero()) != (b < F::zero()) {
        whole -= F::one();
    }
    if whole == F::zero() {
        return whole.copysign(quotient);
    }
    // The division of a multiple of b may still have rounded.
    num_traits::Float::round(whole)
}

/// The limit above which x² + 1 and x² - 1 round to x².
const LARGE: f64 = 268_435_456.0;

/// Computes the inverse of sinh, accurate near 0 and for numbers whose square overflows.
fn asinh(x: f64) -> f64 {
    let a = x.abs();
    let magnitude = if a > LARGE {
        a.ln() + std::f64::consts::LN_2
    } else {
        (a + a * a / (1.0 + (1.0 + a * a).sqrt())).ln_1p()
    };
    magnitude.copysign(x)
}

/// Computes the inverse of cosh, accurate near 1 and for numbers whose square overflows. Below 1
/// it returns NaN.
fn acosh(x: f64) -> f64 {
    if x > LARGE {
        return x.ln() + std::f64::consts::LN_2;
    }
    let above = x - 1.0;
    (above + above.sqrt() * (above + 2.0).sqrt()).ln_1p()
}

/// Computes the inverse of tanh, accurate near 0. NaN outside [-1, 1].
fn atanh(x: f64) -> f64 {
    let a = x.abs();
    (0.5 * (2.0 * a / (1.0 - a)).ln_1p()).copysign(x)
}
