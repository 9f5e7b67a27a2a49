//! The elementary functions as methods of `f32` and `f64`.

use super::trig::Angles;
use super::{erf, erfc, exp, exp_m1, ln, ln_1p, pow, sigmoid, tanh, trig};
use crate::kernel::isa::Isa;

/// The elementary functions of `f32` and `f64`. They are vectorizable and free of branches, except
/// that sine and cosine of [`AnyAngle`](super::AnyAngle) have one. [`math`](super) states their
/// accuracy.
pub trait Functions: Sized {
    /// Computes e^x.
    fn exp_v<I: Isa>(self) -> Self;
    /// Computes e^x - 1, accurate near 0.
    fn exp_m1_v<I: Isa>(self) -> Self;
    /// Computes the natural logarithm.
    fn ln_v<I: Isa>(self) -> Self;
    /// Computes ln(1 + x), accurate near 0.
    fn ln_1p_v<I: Isa>(self) -> Self;
    /// Computes the hyperbolic tangent.
    fn tanh_v<I: Isa>(self) -> Self;
    /// Computes the logistic function 1 / (1 + e^-x).
    fn sigmoid_v<I: Isa>(self) -> Self;
    /// Computes the error function.
    fn erf_v<I: Isa>(self) -> Self;
    /// Computes the complementary error function.
    fn erfc_v<I: Isa>(self) -> Self;
    /// Computes the power x^y. Of `f64` it is the standard library's, one element at a time.
    fn pow_v<I: Isa>(self, y: Self) -> Self;
    /// Computes the sine of an angle that is one of `A`.
    fn sin_v<I: Isa, A: Angles>(self) -> Self;
    /// Computes the cosine of an angle that is one of `A`.
    fn cos_v<I: Isa, A: Angles>(self) -> Self;
}

macro_rules! impl_functions {
    ($float:ty: $($method:ident => $module:ident::$function:ident),*;
        |$base:ident, $exponent:ident| $pow:expr;
        $($of_angle:ident => $of_module:ident::$of_function:ident),*) => {
        impl Functions for $float {
            $(#[inline(always)]
            fn $method<I: Isa>(self) -> Self {
                $module::$function::<I>(self)
            })*
            #[inline(always)]
            fn pow_v<I: Isa>(self, $exponent: Self) -> Self {
                let $base = self;
                $pow
            }
            $(#[inline(always)]
            fn $of_angle<I: Isa, A: Angles>(self) -> Self {
                $of_module::$of_function::<I, A>(self)
            })*
        }
    };
}

impl_functions!(f32:
    exp_v => exp::exp_f32, exp_m1_v => exp_m1::exp_m1_f32, ln_v => ln::ln_f32,
    ln_1p_v => ln_1p::ln_1p_f32, tanh_v => tanh::tanh_f32,
    sigmoid_v => sigmoid::sigmoid_f32, erf_v => erf::erf_f32, erfc_v => erfc::erfc_f32;
    |x, y| pow::pow_f32::<I>(x, y);
    sin_v => trig::sin_f32, cos_v => trig::cos_f32
);
impl_functions!(f64:
    exp_v => exp::exp_f64, exp_m1_v => exp_m1::exp_m1_f64, ln_v => ln::ln_f64,
    ln_1p_v => ln_1p::ln_1p_f64, tanh_v => tanh::tanh_f64,
    sigmoid_v => sigmoid::sigmoid_f64, erf_v => erf::erf_f64, erfc_v => erfc::erfc_f64;
    |x, y| x.powf(y);
    sin_v => trig::sin_f64, cos_v => trig::cos_f64
);
