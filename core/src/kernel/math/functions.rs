//! The elementary functions as methods of `f32` and `f64`.

use super::trig::Angles;
use super::{
    atan, erf, erfc, exp, exp_m1, exp2, fmod, gamma, gamma_f32, hyperbolic, hypot,
    inverse_hyperbolic, ln, ln_1p, logarithms, pow, sigmoid, softplus, tan, tanh, trig,
};
use crate::kernel::isa::Isa;

/// The elementary functions of `f32` and `f64`. They are vectorizable and free of branches, except
/// that functions of [`AnyAngle`](super::AnyAngle) have one, and that [`math`](super), which states
/// the accuracy, lists some that run one element at a time.
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
    /// Computes ln(1 + e^x).
    fn softplus_v<I: Isa>(self) -> Self;
    /// Computes the error function.
    fn erf_v<I: Isa>(self) -> Self;
    /// Computes the complementary error function.
    fn erfc_v<I: Isa>(self) -> Self;
    /// Computes 2^x.
    fn exp2_v<I: Isa>(self) -> Self;
    /// Computes the logarithm to base 2.
    fn log2_v<I: Isa>(self) -> Self;
    /// Computes the logarithm to base 10.
    fn log10_v<I: Isa>(self) -> Self;
    /// Computes the inverse sine.
    fn asin_v<I: Isa>(self) -> Self;
    /// Computes the inverse cosine.
    fn acos_v<I: Isa>(self) -> Self;
    /// Computes the inverse tangent.
    fn atan_v<I: Isa>(self) -> Self;
    /// Computes the hyperbolic sine.
    fn sinh_v<I: Isa>(self) -> Self;
    /// Computes the hyperbolic cosine.
    fn cosh_v<I: Isa>(self) -> Self;
    /// Computes the inverse hyperbolic sine.
    fn asinh_v<I: Isa>(self) -> Self;
    /// Computes the inverse hyperbolic cosine.
    fn acosh_v<I: Isa>(self) -> Self;
    /// Computes the inverse hyperbolic tangent.
    fn atanh_v<I: Isa>(self) -> Self;
    /// Computes ln |Γ(x)|.
    fn lgamma_v<I: Isa>(self) -> Self;
    /// Computes the derivative of ln |Γ(x)|.
    fn digamma_v<I: Isa>(self) -> Self;
    /// Computes the power x^y. Of `f64` it is the standard library's, one element at a time.
    fn pow_v<I: Isa>(self, y: Self) -> Self;
    /// Computes the angle of the point (x, self).
    fn atan2_v<I: Isa>(self, x: Self) -> Self;
    /// Computes the hypotenuse.
    fn hypot_v<I: Isa>(self, y: Self) -> Self;
    /// Computes the remainder of x / y with the sign of x. The quotient is one of `A`.
    fn fmod_v<I: Isa, A: Angles>(self, y: Self) -> Self;
    /// Computes x / y rounded down. The quotient is one of `A`.
    fn floor_divide_v<I: Isa, A: Angles>(self, y: Self) -> Self;
    /// Computes the sine of an angle that is one of `A`.
    fn sin_v<I: Isa, A: Angles>(self) -> Self;
    /// Computes the cosine of an angle that is one of `A`.
    fn cos_v<I: Isa, A: Angles>(self) -> Self;
    /// Computes the tangent of an angle that is one of `A`.
    fn tan_v<I: Isa, A: Angles>(self) -> Self;
}

macro_rules! impl_functions {
    ($float:ty:
        ($($unary:ident = $unary_in:ident::$unary_body:ident),*)
        ($($binary:ident = $binary_in:ident::$binary_body:ident),*)
        ($($angle:ident = $angle_in:ident::$angle_body:ident),*)
        ($($quotient:ident = $quotient_in:ident::$quotient_body:ident),*)
    ) => {
        impl Functions for $float {
            $(#[inline(always)]
            fn $unary<I: Isa>(self) -> Self {
                $unary_in::$unary_body::<I>(self)
            })*
            $(#[inline(always)]
            fn $binary<I: Isa>(self, y: Self) -> Self {
                $binary_in::$binary_body::<I>(self, y)
            })*
            $(#[inline(always)]
            fn $angle<I: Isa, A: Angles>(self) -> Self {
                $angle_in::$angle_body::<I, A>(self)
            })*
            $(#[inline(always)]
            fn $quotient<I: Isa, A: Angles>(self, y: Self) -> Self {
                $quotient_in::$quotient_body::<I, A>(self, y)
            })*
        }
    };
}

impl_functions!(f32:
    (
        exp_v = exp::exp_f32,
        exp_m1_v = exp_m1::exp_m1_f32,
        ln_v = ln::ln_f32,
        ln_1p_v = ln_1p::ln_1p_f32,
        tanh_v = tanh::tanh_f32,
        sigmoid_v = sigmoid::sigmoid_f32,
        softplus_v = softplus::softplus_f32,
        erf_v = erf::erf_f32,
        erfc_v = erfc::erfc_f32,
        exp2_v = exp2::exp2_f32,
        log2_v = logarithms::log2_f32,
        log10_v = logarithms::log10_f32,
        asin_v = atan::asin_f32,
        acos_v = atan::acos_f32,
        atan_v = atan::atan_f32,
        sinh_v = hyperbolic::sinh_f32,
        cosh_v = hyperbolic::cosh_f32,
        asinh_v = inverse_hyperbolic::asinh_f32,
        acosh_v = inverse_hyperbolic::acosh_f32,
        atanh_v = inverse_hyperbolic::atanh_f32,
        lgamma_v = gamma_f32::lgamma_f32,
        digamma_v = gamma_f32::digamma_f32
    )
    (pow_v = pow::pow_f32,
        hypot_v = hypot::hypot_f32,
        atan2_v = atan::atan2_f32)
    (sin_v = trig::sin_f32,
        cos_v = trig::cos_f32,
        tan_v = tan::tan_f32)
    (fmod_v = fmod::fmod_f32,
        floor_divide_v = fmod::floor_divide_f32)
);
impl_functions!(f64:
    (
        exp_v = exp::exp_f64,
        exp_m1_v = exp_m1::exp_m1_f64,
        ln_v = ln::ln_f64,
        ln_1p_v = ln_1p::ln_1p_f64,
        tanh_v = tanh::tanh_f64,
        sigmoid_v = sigmoid::sigmoid_f64,
        softplus_v = softplus::softplus_f64,
        erf_v = erf::erf_f64,
        erfc_v = erfc::erfc_f64,
        exp2_v = exp2::exp2_f64,
        log2_v = logarithms::log2_f64,
        log10_v = logarithms::log10_f64,
        asin_v = atan::asin_f64,
        acos_v = atan::acos_f64,
        atan_v = atan::atan_f64,
        sinh_v = hyperbolic::sinh_f64,
        cosh_v = hyperbolic::cosh_f64,
        asinh_v = inverse_hyperbolic::asinh_f64,
        acosh_v = inverse_hyperbolic::acosh_f64,
        atanh_v = inverse_hyperbolic::atanh_f64,
        lgamma_v = gamma::lgamma_f64,
        digamma_v = gamma::digamma_f64
    )
    (pow_v = pow::pow_f64,
        hypot_v = hypot::hypot_f64,
        atan2_v = atan::atan2_f64)
    (sin_v = trig::sin_f64,
        cos_v = trig::cos_f64,
        tan_v = tan::tan_f64)
    (fmod_v = fmod::fmod_f64,
        floor_divide_v = fmod::floor_divide_f64)
);
