//! One element of a slice as a number in a formula.

use crate::kernel::float::Float;
use crate::kernel::isa::Isa;
use crate::kernel::math::gamma;
use crate::kernel::math::trig::{Angles, AnyAngle};
use crate::kernel::real::Real;
use crate::kernel::unroll::unroll;
use std::marker::PhantomData;
use std::ops::{Add, Div, Mul, Neg, Sub};

/// One element of a slice in a kernel compiled for the instruction set `I`. `A` says how large the
/// angles are whose sine, cosine or tangent the kernel takes, and the quotients of remainders.
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
    unroll!(k in N {
        lanes[k] = Lane::new(slices[k][i]);
    });
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
        sigmoid => sigmoid_v; softplus => softplus_v; erf => erf_v; erfc => erfc_v;
        asin => asin_v; acos => acos_v; atan => atan_v; sinh => sinh_v; cosh => cosh_v;
        asinh => asinh_v; acosh => acosh_v; atanh => atanh_v; log2 => log2_v; log10 => log10_v;
        exp2 => exp2_v; lgamma => lgamma_v; digamma => digamma_v;
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
    fn tan(self) -> Self {
        Self::new(self.0.tan_v::<I, A>())
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
    fn polygamma(self, order: u32) -> Self {
        Self::new(F::from_f64(gamma::polygamma(order, self.0.to_f64())))
    }
    #[inline(always)]
    fn fmod(self, divisor: Self) -> Self {
        Self::new(self.0.fmod_v::<I, A>(divisor.0))
    }
    #[inline(always)]
    fn remainder(self, divisor: Self) -> Self {
        let (rest, divisor, zero) = (self.fmod(divisor).0, divisor.0, F::zero());
        let differ = rest != zero && (rest < zero) != (divisor < zero);
        Self::new(if differ { rest + divisor } else { rest })
    }
    #[inline(always)]
    fn floor_divide(self, divisor: Self) -> Self {
        Self::new(self.0.floor_divide_v::<I, A>(divisor.0))
    }
    #[inline(always)]
    fn hypot(self, other: Self) -> Self {
        Self::new(self.0.hypot_v::<I>(other.0))
    }
    #[inline(always)]
    fn copysign(self, sign: Self) -> Self {
        Self::new(num_traits::Float::copysign(self.0, sign.0))
    }
    #[inline(always)]
    fn atan2(self, x: Self) -> Self {
        Self::new(self.0.atan2_v::<I>(x.0))
    }
}
