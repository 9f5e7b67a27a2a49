//! Activation functions and gated units.

use super::Function;
use cotangent::prelude::*;
use std::f64::consts::{FRAC_1_SQRT_2, FRAC_2_SQRT_PI};

pub const TABLE: &[(&str, Function)] = &[
    ("celu", |x| Ok(celu(&x[0], 1.5))),
    ("elu", |x| Ok(elu(&x[0], 1.25))),
    ("geglu", |x| geglu(&x[0], &x[1])),
    ("gelu", |x| Ok(gelu(&x[0]))),
    ("gelu_tanh", |x| Ok(gelu_tanh(&x[0]))),
    ("glu", |x| glu(&x[0], &x[1])),
    ("hardshrink", |x| Ok(hardshrink(&x[0], 0.5))),
    ("hardsigmoid", |x| Ok(hardsigmoid(&x[0]))),
    ("hardswish", |x| Ok(hardswish(&x[0]))),
    ("hardtanh", |x| Ok(hardtanh(&x[0], -1.5, 0.75))),
    ("leaky_relu", |x| Ok(leaky_relu(&x[0], 0.125))),
    ("logish", |x| Ok(logish(&x[0]))),
    ("logsigmoid", |x| Ok(logsigmoid(&x[0]))),
    ("mish", |x| Ok(mish(&x[0]))),
    ("phish", |x| Ok(phish(&x[0]))),
    ("prelu", |x| prelu(&x[0], &x[1])),
    ("reglu", |x| reglu(&x[0], &x[1])),
    ("relu6", |x| Ok(relu6(&x[0]))),
    ("selu", |x| Ok(selu(&x[0]))),
    ("serf", |x| Ok(serf(&x[0]))),
    ("silu", |x| Ok(silu(&x[0]))),
    ("sinlu", |x| Ok(sinlu(&x[0], 0.75, 1.5))),
    ("snake", |x| snake(&x[0], &x[1])),
    ("softplus", |x| Ok(softplus(&x[0], 2.0, 4.0))),
    ("softshrink", |x| Ok(softshrink(&x[0], 0.5))),
    ("softsign", |x| Ok(softsign(&x[0]))),
    ("squareplus", |x| Ok(squareplus(&x[0], 4.0))),
    ("swiglu", |x| swiglu(&x[0], &x[1])),
    ("swish", |x| Ok(swish(&x[0], 1.5))),
    ("tanhexp", |x| Ok(tanhexp(&x[0]))),
    ("tanhshrink", |x| Ok(tanhshrink(&x[0]))),
    ("threshold", |x| Ok(threshold(&x[0], 0.25, -2.0))),
];

/// Barron 2017, Continuously Differentiable Exponential Linear Units.
#[elementwise(kind = Activation, check(x = -3.0..3.0, alpha = 0.5..2.0))]
fn celu(x: Tensor, alpha: f64) -> Tensor {
    if x > 0.0 {
        x
    } else {
        alpha * exp_m1(x / alpha)
    }
}

/// Clevert, Unterthiner, Hochreiter 2015, Fast and Accurate Deep Network Learning by Exponential
/// Linear Units.
#[elementwise(kind = Activation, check(x = -3.0..3.0, alpha = 0.5..2.0))]
fn elu(x: Tensor, alpha: f64) -> Tensor {
    if x > 0.0 { x } else { alpha * x.exp_m1() }
}

/// Hendrycks, Gimpel 2016, Gaussian Error Linear Units.
#[elementwise(kind = Activation, check(x = -4.0..4.0))]
fn gelu(x: Tensor) -> Tensor {
    0.5 * x * erfc(-x * FRAC_1_SQRT_2)
}

/// The approximation of GELU in the same paper.
#[elementwise(kind = Activation, check(x = -4.0..4.0))]
fn gelu_tanh(x: Tensor) -> Tensor {
    let inner = FRAC_1_SQRT_2 * FRAC_2_SQRT_PI * (x + 0.044715 * powi(x, 3));
    0.5 * x * (1.0 + tanh(inner))
}

/// Dauphin, Fan, Auli, Grangier 2017, Language Modeling with Gated Convolutional Networks.
#[elementwise(check(value = -3.0..3.0, gate = -4.0..4.0))]
fn glu(value: Tensor, gate: Tensor) -> Tensor {
    value * sigmoid(gate)
}

/// Shazeer 2020, GLU Variants Improve Transformer.
#[elementwise(check(value = -3.0..3.0, gate = -4.0..4.0))]
fn swiglu(value: Tensor, gate: Tensor) -> Tensor {
    value * swish(gate, 1.0)
}

/// Shazeer 2020, GLU Variants Improve Transformer.
#[elementwise(check(value = -3.0..3.0, gate = -4.0..4.0))]
fn geglu(value: Tensor, gate: Tensor) -> Tensor {
    value * self::gelu(gate)
}

/// Shazeer 2020, GLU Variants Improve Transformer.
#[elementwise(check(value = -3.0..3.0, gate = -4.0..4.0))]
fn reglu(value: Tensor, gate: Tensor) -> Tensor {
    value * relu(gate)
}

/// PyTorch's `hardshrink`.
#[elementwise(kind = Activation, check(x = -2.0..2.0, lambda = 0.25..1.0))]
fn hardshrink(x: Tensor, lambda: f64) -> Tensor {
    if abs(x) > lambda { x } else { 0.0 }
}

/// PyTorch's `softshrink`.
#[elementwise(kind = Activation, check(x = -2.0..2.0, lambda = 0.25..1.0))]
fn softshrink(x: Tensor, lambda: f64) -> Tensor {
    if x > lambda {
        x - lambda
    } else if x < -lambda {
        x + lambda
    } else {
        0.0
    }
}

/// Howard et al. 2019, Searching for MobileNetV3.
#[elementwise(kind = Activation, check(x = -5.0..5.0))]
fn hardsigmoid(x: Tensor) -> Tensor {
    clamp(x / 6.0 + 0.5, 0.0, 1.0)
}

/// Howard et al. 2019, Searching for MobileNetV3.
#[elementwise(kind = Activation, check(x = -5.0..5.0))]
fn hardswish(x: Tensor) -> Tensor {
    x * hardsigmoid(x)
}

/// Collobert 2004, Large Scale Machine Learning.
#[elementwise(kind = Activation, check(x = -3.0..3.0, low = -2.0..-1.0, high = 0.5..1.0))]
fn hardtanh(x: Tensor, low: f64, high: f64) -> Tensor {
    x.max(low).min(high)
}

/// Maas, Hannun, Ng 2013, Rectifier Nonlinearities Improve Neural Network Acoustic Models.
#[elementwise(kind = Activation, check(x = -3.0..3.0, slope = 0.0..0.5))]
fn leaky_relu(x: Tensor, slope: f64) -> Tensor {
    if x > 0.0 { x } else { slope * x }
}

/// He, Zhang, Ren, Sun 2015, Delving Deep into Rectifiers.
#[elementwise(kind = Activation, check(x = -3.0..3.0, weight = -1.0..1.0))]
fn prelu(x: Tensor, weight: Tensor) -> Tensor {
    if x > 0.0 { x } else { weight * x }
}

/// PyTorch's `logsigmoid`, the logarithm of the logistic function.
#[elementwise(kind = Activation, check(x = -6.0..6.0))]
fn logsigmoid(x: Tensor) -> Tensor {
    min(x, 0.0) - ln_1p(exp(-abs(x)))
}

/// Misra 2019, Mish: A Self Regularized Non-Monotonic Activation Function.
#[elementwise(kind = Activation, check(x = -4.0..4.0))]
fn mish(x: Tensor) -> Tensor {
    x * tanh(self::softplus(x, 1.0, 20.0))
}

/// Krizhevsky 2010, Convolutional Deep Belief Networks on CIFAR-10.
#[elementwise(kind = Activation, check(x = -2.0..8.0))]
fn relu6(x: Tensor) -> Tensor {
    if x <= 0.0 {
        0.0
    } else if x >= 6.0 {
        6.0
    } else {
        x
    }
}

const SELU_ALPHA: f64 = 1.6732632423543772;
const SELU_SCALE: f64 = 1.0507009873554805;

/// Klambauer, Unterthiner, Mayr, Hochreiter 2017, Self-Normalizing Neural Networks.
#[elementwise(kind = Activation, check(x = -3.0..3.0))]
fn selu(x: Tensor) -> Tensor {
    SELU_SCALE * self::elu(x, SELU_ALPHA)
}

/// Elfwing, Uchibe, Doya 2017, Sigmoid-Weighted Linear Units for Neural Network Function
/// Approximation in Reinforcement Learning.
#[elementwise(kind = Activation, check(x = -6.0..6.0))]
fn silu(x: Tensor) -> Tensor {
    x * sigmoid(x)
}

/// Ramachandran, Zoph, Le 2017, Searching for Activation Functions.
#[elementwise(kind = Activation, check(x = -6.0..6.0, beta = 0.5..2.0))]
fn swish(x: Tensor, beta: f64) -> Tensor {
    x * sigmoid(beta * x)
}

/// Dugas, Bengio, Bélisle, Nadeau, Garcia 2000, Incorporating Second-Order Functional Knowledge for
/// Better Option Pricing; linear above the threshold, as in PyTorch.
#[elementwise(kind = Activation, check(x = -3.0..3.0, beta = 0.5..2.0, threshold = 15.0..20.0))]
fn softplus(x: Tensor, beta: f64, threshold: f64) -> Tensor {
    let scaled = beta * x;
    if scaled > threshold {
        x
    } else {
        ln_1p(exp(scaled)) / beta
    }
}

/// Turian, Bergstra, Bengio 2009, Quadratic Features and Deep Architectures for Chunking.
#[elementwise(kind = Activation, check(x = -3.0..3.0))]
fn softsign(x: Tensor) -> Tensor {
    x / (1.0 + abs(x))
}

/// PyTorch's `tanhshrink`.
#[elementwise(kind = Activation, check(x = -3.0..3.0))]
fn tanhshrink(x: Tensor) -> Tensor {
    x - x.tanh()
}

/// PyTorch's `threshold`.
#[elementwise(kind = Activation, check(x = -1.0..1.0, bound = 0.1..0.3, value = -2.0..2.0))]
fn threshold(x: Tensor, bound: f64, value: f64) -> Tensor {
    if x > bound { x } else { value }
}

/// Ziyin, Hartwig, Ueda 2020, Neural Networks Fail to Learn Periodic Functions and How to Fix It.
#[elementwise(kind = Activation, check(x = -3.0..3.0, a = 0.5..3.0))]
fn snake(x: Tensor, a: Tensor) -> Tensor {
    x + square(sin(a * x)) / a
}

/// Nag, Bhattacharyya 2021, SERF: Towards Better Training of Deep Neural Networks Using
/// Log-Softplus Error Activation Function.
#[elementwise(kind = Activation, check(x = -4.0..4.0))]
fn serf(x: Tensor) -> Tensor {
    x * erf(softplus(x))
}

/// Barron 2021, Squareplus: A Softplus-Like Algebraic Rectifier.
#[elementwise(kind = Activation, check(x = -4.0..4.0, b = 1.0..4.0))]
fn squareplus(x: Tensor, b: f64) -> Tensor {
    0.5 * (x + sqrt(x * x + b))
}

/// Naveen 2022, Phish: A Novel Hyper-Optimizable Activation Function.
#[elementwise(kind = Activation, check(x = -4.0..4.0))]
fn phish(x: Tensor) -> Tensor {
    x * tanh(self::gelu(x))
}

/// Zhu, Zeng, Liu, Zhu 2021, Logish: A New Nonlinear Nonmonotonic Activation Function for
/// Convolutional Neural Network.
#[elementwise(kind = Activation, check(x = -4.0..4.0))]
fn logish(x: Tensor) -> Tensor {
    x * ln_1p(sigmoid(x))
}

/// Liu, Di 2020, TanhExp: A Smooth Activation Function with High Convergence Speed for Lightweight
/// Neural Networks. Beyond 4, the hyperbolic tangent is 1, and the exponential may overflow.
#[elementwise(kind = Activation, check(x = -3.0..5.0))]
fn tanhexp(x: Tensor) -> Tensor {
    x * tanh(exp(min(x, 4.0)))
}

/// Paul, Bandyopadhyay, Yasin, Sarkar 2022, SinLU: Sinu-Sigmoidal Linear Unit.
#[elementwise(kind = Activation, check(x = -4.0..4.0, a = 0.5..1.0, b = 1.0..2.0))]
fn sinlu(x: Tensor, a: f64, b: f64) -> Tensor {
    (x + a * sin(b * x)) * sigmoid(x)
}
