//! Pointwise functions of two and three operands.

use super::Function;
use cotangent::prelude::*;
use std::f64::consts::PI;

pub const TABLE: &[(&str, Function)] = &[
    ("addcdiv", |x| addcdiv(&x[0], &x[1], &x[2], 0.5)),
    ("addcmul", |x| addcmul(&x[0], &x[1], &x[2], 0.5)),
    ("hypot", |x| hypot(&x[0], &x[1])),
    ("lerp", |x| lerp(&x[0], &x[1], &x[2])),
    ("log_or_linear", |x| Ok(log_or_linear(&x[0]))),
    ("logaddexp", |x| logaddexp(&x[0], &x[1])),
    ("root_or_zero", |x| root_or_zero(&x[0], &x[1])),
    ("rotated", |x| rotated(&x[0], &x[1], &x[2])),
    ("sinc", |x| Ok(sinc(&x[0]))),
    ("xlogy", |x| xlogy(&x[0], &x[1])),
];

/// PyTorch's `addcdiv`.
#[elementwise(check(a = -2.0..2.0, b = -2.0..2.0, c = 0.5..2.0, value = -1.0..1.0))]
fn addcdiv(a: Tensor, b: Tensor, c: Tensor, value: f64) -> Tensor {
    a + value * b / c
}

/// PyTorch's `addcmul`.
#[elementwise(check(a = -2.0..2.0, b = -2.0..2.0, c = -2.0..2.0, value = -1.0..1.0))]
fn addcmul(a: Tensor, b: Tensor, c: Tensor, value: f64) -> Tensor {
    mul_add(value * b, c, a)
}

/// PyTorch's `hypot`.
#[elementwise(check(a = -2.0..2.0, b = 0.5..2.0))]
fn hypot(a: Tensor, b: Tensor) -> Tensor {
    sqrt(a * a + b * b)
}

/// PyTorch's `lerp`.
#[elementwise(check(start = -2.0..2.0, end = -2.0..2.0, weight = 0.0..1.0))]
fn lerp(start: Tensor, end: Tensor, weight: Tensor) -> Tensor {
    start + weight * (end - start)
}

/// PyTorch's `logaddexp`.
#[elementwise(check(a = -2.0..2.0, b = -2.0..2.0))]
fn logaddexp(a: Tensor, b: Tensor) -> Tensor {
    max(a, b) + ln_1p(exp(-abs(a - b)))
}

/// The first coordinate of a rotated point (Su, Lu, Pan, Murtadha, Wen, Liu 2021, RoFormer:
/// Enhanced Transformer with Rotary Position Embedding).
#[elementwise(check(x = -2.0..2.0, y = -2.0..2.0, angle = -3.0..3.0))]
fn rotated(x: Tensor, y: Tensor, angle: Tensor) -> Tensor {
    x * cos(angle) - y * sin(angle)
}

/// PyTorch's `sinc`: sin(πx) / (πx), 1 at 0.
#[elementwise(check(x = -2.0..2.0))]
#[derivative(x = sinc_slope(x))]
fn sinc(x: Tensor) -> Tensor {
    let angle = PI * x;
    if x == 0.0 { 1.0 } else { sin(angle) / angle }
}

/// The derivative of [`sinc`]. Near 0 it is a series, because the difference of the cosine and the
/// quotient, which are both almost 1, has no digits left.
#[elementwise(check(x = -2.0..2.0))]
fn sinc_slope(x: Tensor) -> Tensor {
    let angle = PI * x;
    let s = angle * angle;
    let rest = 1.0 - s / 88.0 * (1.0 - s / 130.0 * (1.0 - s / 180.0 * (1.0 - s / 238.0)));
    let series = 1.0 - s / 10.0 * (1.0 - s / 28.0 * (1.0 - s / 54.0 * rest));
    if s < 1.0 {
        -PI * angle / 3.0 * series
    } else {
        (cos(angle) - sin(angle) / angle) / x
    }
}

/// PyTorch's `xlogy`: x ln y, 0 for x = 0.
#[elementwise(check(x = -2.0..2.0, y = 0.5..2.0))]
fn xlogy(x: Tensor, y: Tensor) -> Tensor {
    if x == 0.0 { 0.0 } else { x * ln(y) }
}

/// Made for this test: the logarithm of a negative number and 1/0 are on the side that is not
/// chosen.
#[elementwise(check(x = -2.0..2.0))]
fn log_or_linear(x: Tensor) -> Tensor {
    let logarithm = ln(x);
    if x > 1.0 { logarithm / x } else { x - 1.0 }
}

/// Made for this test: a root of a negative number is on the side that is not chosen, in a nested
/// condition.
#[elementwise(check(x = -2.0..2.0, y = -2.0..2.0))]
fn root_or_zero(x: Tensor, y: Tensor) -> Tensor {
    let root = sqrt(x * y);
    if x > 0.0 {
        if y > 0.0 { root } else { y * x }
    } else if y < 0.0 && x < 0.0 {
        -root
    } else {
        x - y
    }
}
