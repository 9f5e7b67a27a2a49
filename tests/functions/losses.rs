//! Losses, of elements or reduced.

use super::Function;
use cotangent::prelude::*;
use std::f64::consts::LN_2;

pub const TABLE: &[(&str, Function)] = &[
    ("barron", |x| Ok(barron(&x[0], 0.5, 1.5))),
    ("bce_with_logits", |x| bce_with_logits(&x[0], &x[1], 2.5)),
    ("focal", |x| focal(&x[0], &x[1], 2.0)),
    ("gaussian_nll", |x| gaussian_nll(&x[0], &x[1], &x[2])),
    ("geman_mcclure", |x| Ok(geman_mcclure(&x[0]))),
    ("hinge_embedding", |x| hinge_embedding(&x[0], &x[1], 1.5)),
    ("huber", |x| huber(&x[0], &x[1], 0.75)),
    ("kl_div", |x| kl_div(&x[0], &x[1])),
    ("l1_mean", |x| l1_mean(&x[0], &x[1])),
    ("log_cosh", |x| log_cosh(&x[0], &x[1])),
    ("margin_ranking", |x| {
        margin_ranking(&x[0], &x[1], &x[2], 0.5)
    }),
    ("mse_mean", |x| mse_mean(&x[0], &x[1])),
    ("mse_sum", |x| mse_sum(&x[0], &x[1], 0)),
    ("pinball", |x| pinball(&x[0], &x[1], 0.9)),
    ("poisson_nll", |x| poisson_nll(&x[0], &x[1])),
    ("smooth_l1", |x| smooth_l1(&x[0], &x[1], 0.75)),
    ("soft_margin", |x| soft_margin(&x[0], &x[1])),
    ("tukey", |x| Ok(tukey(&x[0], 2.0))),
    ("welsch", |x| Ok(welsch(&x[0], 1.5))),
];

/// PyTorch's `mse_loss`.
#[elementwise(check(prediction = -2.0..2.0, target = -2.0..2.0))]
fn mse_mean(prediction: Tensor, target: Tensor) -> Mean {
    square(prediction - target)
}

/// PyTorch's `mse_loss` with `reduction="sum"`.
#[elementwise(check(prediction = -2.0..2.0, target = -2.0..2.0))]
fn mse_sum(prediction: Tensor, target: Tensor, axes: Axes) -> Sum {
    let error = prediction - target;
    error * error
}

/// PyTorch's `l1_loss`.
#[elementwise(check(prediction = -2.0..2.0, target = -2.0..2.0))]
fn l1_mean(prediction: Tensor, target: Tensor) -> Mean {
    abs(prediction - target)
}

/// Girshick 2015, Fast R-CNN.
#[elementwise(check(prediction = -2.0..2.0, target = -2.0..2.0, beta = 0.5..1.0))]
fn smooth_l1(prediction: Tensor, target: Tensor, beta: f64) -> Tensor {
    let size = abs(prediction - target);
    if size < beta {
        0.5 * size * size / beta
    } else {
        size - 0.5 * beta
    }
}

/// Huber 1964, Robust Estimation of a Location Parameter.
#[elementwise(check(prediction = -2.0..2.0, target = -2.0..2.0, delta = 0.5..1.0))]
fn huber(prediction: Tensor, target: Tensor, delta: f64) -> Tensor {
    let size = abs(prediction - target);
    if size <= delta {
        0.5 * square(size)
    } else {
        delta * (size - 0.5 * delta)
    }
}

/// PyTorch's `binary_cross_entropy_with_logits` of one element, with a weight of the positive
/// class.
#[elementwise(check(x = -4.0..4.0, target = 0.0..1.0, positive = 0.5..3.0))]
fn bce_with_logits(x: Tensor, target: Tensor, positive: f64) -> Tensor {
    let rest = 1.0 - target;
    positive * target * softplus(-x) + rest * softplus(x)
}

/// PyTorch's `soft_margin_loss` of one element.
#[elementwise(check(x = -4.0..4.0, label = -1.0..1.0))]
fn soft_margin(x: Tensor, label: Tensor) -> Tensor {
    softplus(-label * x)
}

/// Nix, Weigend 1994, Estimating the Mean and Variance of the Target Probability Distribution.
#[elementwise(check(x = -2.0..2.0, target = -2.0..2.0, variance = 0.5..2.0))]
fn gaussian_nll(x: Tensor, target: Tensor, variance: Tensor) -> Tensor {
    let variance = max(variance, 1e-6);
    0.5 * (ln(variance) + square(x - target) / variance)
}

/// PyTorch's `poisson_nll_loss` of one element.
#[elementwise(check(x = -2.0..2.0, target = 0.0..3.0))]
fn poisson_nll(x: Tensor, target: Tensor) -> Tensor {
    exp(x) - target * x
}

/// A term of the divergence of Kullback, Leibler 1951, On Information and Sufficiency.
#[elementwise(check(x = -2.0..-0.1, target = 0.1..1.0))]
fn kl_div(x: Tensor, target: Tensor) -> Tensor {
    if target > 0.0 {
        target * (ln(target) - x)
    } else {
        0.0
    }
}

/// PyTorch's `hinge_embedding_loss` of one element.
#[elementwise(check(x = -2.0..2.0, label = -1.0..1.0, margin = 0.5..1.5))]
fn hinge_embedding(x: Tensor, label: Tensor, margin: f64) -> Tensor {
    if label > 0.0 { x } else { max(margin - x, 0.0) }
}

/// PyTorch's `margin_ranking_loss` of one element.
#[elementwise(check(a = -2.0..2.0, b = -2.0..2.0, label = -1.0..1.0, margin = 0.25..0.75))]
fn margin_ranking(a: Tensor, b: Tensor, label: Tensor, margin: f64) -> Tensor {
    max(0.0, margin - label * (a - b))
}

/// Lin, Goyal, Girshick, He, Dollár 2017, Focal Loss for Dense Object Detection.
#[elementwise(check(x = -4.0..4.0, target = 0.0..1.0, gamma = 0.5..3.0))]
fn focal(x: Tensor, target: Tensor, gamma: f64) -> Mean {
    let right = if target > 0.5 { x } else { -x };
    powf(sigmoid(-right), gamma) * softplus(-right)
}

/// Barron 2019, A General and Adaptive Robust Loss Function, for a shape other than 0 and 2.
#[elementwise(check(x = -3.0..3.0, alpha = -2.0..-0.5, scale = 0.5..2.0))]
fn barron(x: Tensor, alpha: f64, scale: f64) -> Tensor {
    let distance = abs(alpha - 2.0);
    distance / alpha * (powf(square(x / scale) / distance + 1.0, alpha / 2.0) - 1.0)
}

/// Saleh, Saleh 2022, Statistical Properties of the Log-Cosh Loss Function Used in Machine
/// Learning.
#[elementwise(check(prediction = -3.0..3.0, target = -3.0..3.0))]
fn log_cosh(prediction: Tensor, target: Tensor) -> Mean {
    let size = abs(prediction - target);
    size + ln_1p(exp(-2.0 * size)) - LN_2
}

/// Beaton, Tukey 1974, The Fitting of Power Series, Meaning Polynomials, Illustrated on
/// Band-Spectroscopic Data.
#[elementwise(check(x = -3.0..3.0, c = 1.5..2.5))]
fn tukey(x: Tensor, c: f64) -> Tensor {
    let rest = 1.0 - square(x / c);
    if abs(x) <= c {
        c * c / 6.0 * (1.0 - powi(rest, 3))
    } else {
        c * c / 6.0
    }
}

/// Dennis, Welsch 1978, Techniques for Nonlinear Least Squares and Robust Regression.
#[elementwise(check(x = -3.0..3.0, c = 1.0..2.0))]
fn welsch(x: Tensor, c: f64) -> Tensor {
    0.5 * c * c * -exp_m1(-square(x / c))
}

/// Geman, McClure 1985, Bayesian Image Analysis: An Application to Single Photon Emission
/// Tomography.
#[elementwise(check(x = -3.0..3.0))]
fn geman_mcclure(x: Tensor) -> Tensor {
    let square = x * x;
    2.0 * square / (square + 4.0)
}

/// Koenker, Bassett 1978, Regression Quantiles.
#[elementwise(check(prediction = -2.0..2.0, target = -2.0..2.0, quantile = 0.1..0.9))]
fn pinball(prediction: Tensor, target: Tensor, quantile: f64) -> Tensor {
    let error = target - prediction;
    if error >= 0.0 {
        quantile * error
    } else {
        (quantile - 1.0) * error
    }
}
