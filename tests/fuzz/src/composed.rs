//! The functions of the language as operations on tensors of one shape. They take tensors by value,
//! so that the calls that the build script writes nest like those of numbers, and panic if the
//! shapes differ.

#![allow(clippy::needless_pass_by_value, clippy::missing_panics_doc)]

use cotangent::{Mask, Tensor};

const FITS: &str = "the tensors have one shape and dtype";

/// Returns a tensor of one number.
pub fn num(like: &Tensor, value: f64) -> Tensor {
    like.full_like(value).expect(FITS)
}

macro_rules! methods {
    ($($name:ident)*) => {$(
        #[doc = concat!("Computes ", stringify!($name), ".")]
        pub fn $name(x: Tensor) -> Tensor {
            x.$name()
        }
    )*};
}
methods! {
    abs neg square sqrt rsqrt recip exp exp_m1 ln ln_1p log2 log10 logit erf erfc erfinv sin cos tan
    asin acos atan sinh cosh tanh asinh acosh atanh sigmoid softplus log_sigmoid relu relu6 gelu
    gelu_tanh silu mish selu hard_sigmoid hard_swish hard_tanh floor ceil round trunc sign
}

macro_rules! of_two {
    ($($name:ident $method:ident $output:ty;)*) => {$(
        #[doc = concat!("Computes ", stringify!($name), ".")]
                pub fn $name(a: Tensor, b: Tensor) -> $output {
            a.$method(&b).expect(FITS)
        }
    )*};
}
of_two! {
    add add Tensor;
    sub sub Tensor;
    mul mul Tensor;
    div div Tensor;
    max maximum Tensor;
    min minimum Tensor;
    pow pow Tensor;
    atan2 atan2 Tensor;
    lt lt Mask;
    le le Mask;
    gt gt Mask;
    ge ge Mask;
    eq eq Mask;
    ne ne Mask;
}

/// Computes an integer power.
pub fn powi(x: Tensor, exponent: i32) -> Tensor {
    x.powi(exponent)
}

/// Computes a b + c.
pub fn mul_add(a: Tensor, b: Tensor, c: Tensor) -> Tensor {
    add(mul(a, b), c)
}

/// Limits x.
pub fn clamp(x: Tensor, low: Tensor, high: Tensor) -> Tensor {
    min(max(x, low), high)
}

fn positive_or(x: &Tensor, other: &Tensor) -> Tensor {
    x.gt_scalar(0.0).select(x, other).expect(FITS)
}

/// Computes the leaky rectifier.
pub fn leaky_relu(x: Tensor, slope: Tensor) -> Tensor {
    positive_or(&x, &mul(x.clone(), slope))
}

/// Computes the exponential linear unit.
pub fn elu(x: Tensor, alpha: Tensor) -> Tensor {
    positive_or(&x, &mul(x.exp_m1(), alpha))
}

/// Computes the continuously differentiable exponential linear unit.
pub fn celu(x: Tensor, alpha: Tensor) -> Tensor {
    positive_or(&x, &mul(div(x.clone(), alpha.clone()).exp_m1(), alpha))
}

/// Selects by a mask.
pub fn select(condition: Mask, yes: Tensor, no: Tensor) -> Tensor {
    condition.select(&yes, &no).expect(FITS)
}

/// Returns where both are true.
pub fn and(a: Mask, b: Mask) -> Mask {
    a & b
}

/// Returns where one of them is true.
pub fn or(a: Mask, b: Mask) -> Mask {
    a | b
}

/// Returns where it is false.
pub fn not(a: Mask) -> Mask {
    !a
}
