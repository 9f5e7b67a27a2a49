//! Fifty `#[elementwise]` functions, whose build time `run` measures: activations, gates and
//! formulas of updates, of one to three operands, and twelve losses with a reduction.

use cotangent::prelude::*;
use std::f64::consts::{FRAC_1_SQRT_2, LN_2, PI};

const GUMBEL: f64 = 1e-9;

// One operand.

/// Swish with a slope (Ramachandran, Zoph, Le 2017).
#[elementwise]
pub fn swish(x: Tensor, beta: f64) -> Tensor {
    x * sigmoid(beta * x)
}

/// The hyperbolic-tangent form of GELU (Hendrycks, Gimpel 2016).
#[elementwise]
pub fn gelu_by_tanh(x: Tensor) -> Tensor {
    0.5 * x * (1.0 + tanh(0.7978845608028654 * (x + 0.044715 * x * x * x)))
}

/// GELU with the error function (Hendrycks, Gimpel 2016).
#[elementwise]
pub fn gelu_by_erf(x: Tensor) -> Tensor {
    0.5 * x * (1.0 + erf(x * FRAC_1_SQRT_2))
}

/// The sigmoid approximation of GELU (Hendrycks, Gimpel 2016).
#[elementwise]
pub fn quick_gelu(x: Tensor) -> Tensor {
    x * sigmoid(1.702 * x)
}

/// Mish (Misra 2019).
#[elementwise]
pub fn mish_by_parts(x: Tensor) -> Tensor {
    x * tanh(softplus(x))
}

/// Snake (Ziyin, Hartwig, Ueda 2020).
#[elementwise]
pub fn snake(x: Tensor, a: f64) -> Tensor {
    x + square(sin(a * x)) / a
}

/// The tanh of exponential (TanhExp, Liu, Di 2020).
#[elementwise]
pub fn tanh_exp(x: Tensor) -> Tensor {
    x * tanh(exp(min(x, 20.0)))
}

/// Serf (Nag, Bhattacharyya 2021).
#[elementwise]
pub fn serf(x: Tensor) -> Tensor {
    x * erf(softplus(x))
}

/// Phish (Naveen 2022).
#[elementwise]
pub fn phish(x: Tensor) -> Tensor {
    x * tanh(gelu(x))
}

/// Logish (Zhu et al. 2021).
#[elementwise]
pub fn logish(x: Tensor) -> Tensor {
    x * ln_1p(sigmoid(x))
}

/// Smish (Wang, Ren, Wang 2022).
#[elementwise]
pub fn smish(x: Tensor) -> Tensor {
    x * tanh(ln_1p(sigmoid(x)))
}

/// The inverse square root unit (Carlile et al. 2017).
#[elementwise]
pub fn isru(x: Tensor, alpha: f64) -> Tensor {
    x * rsqrt(1.0 + alpha * x * x)
}

/// The inverse square root linear unit (Carlile et al. 2017).
#[elementwise]
pub fn isrlu(x: Tensor, alpha: f64) -> Tensor {
    if x < 0.0 {
        x * rsqrt(1.0 + alpha * x * x)
    } else {
        x
    }
}

/// The squareplus (Barron 2021).
#[elementwise]
pub fn squareplus(x: Tensor, b: f64) -> Tensor {
    0.5 * (x + sqrt(x * x + b))
}

/// The square nonlinearity (Wuraola, Patel 2018).
#[elementwise]
pub fn sqnl(x: Tensor) -> Tensor {
    let bounded = clamp(x, -2.0, 2.0);
    bounded - 0.25 * bounded * abs(bounded)
}

/// Soft exponential (Godfrey, Gashler 2015), for a positive `alpha`.
#[elementwise]
pub fn soft_exponential(x: Tensor, alpha: f64) -> Tensor {
    exp_m1(alpha * x) / alpha + alpha
}

/// The soft shrinkage (PyTorch's `softshrink`).
#[elementwise]
pub fn soft_shrink(x: Tensor, lambda: f64) -> Tensor {
    if x > lambda {
        x - lambda
    } else if x < -lambda {
        x + lambda
    } else {
        0.0
    }
}

/// The hyperbolic-tangent shrinkage (PyTorch's `tanhshrink`).
#[elementwise]
pub fn tanh_shrink(x: Tensor) -> Tensor {
    x - tanh(x)
}

/// The squared ReLU (So et al. 2021, Primer).
#[elementwise]
pub fn squared_relu(x: Tensor) -> Tensor {
    square(relu(x))
}

/// The scaled hyperbolic tangent (LeCun et al. 1998).
#[elementwise]
pub fn lecun_tanh(x: Tensor) -> Tensor {
    1.7159 * tanh(2.0 / 3.0 * x)
}

/// A Morlet wavelet (Zhang, Benveniste 1992, Wavelet Networks).
#[elementwise]
pub fn morlet(x: Tensor, omega: f64) -> Tensor {
    cos(omega * x) * exp(-0.5 * x * x)
}

/// Soft capping of logits (Gemma 2, 2024).
#[elementwise]
pub fn soft_cap(x: Tensor, cap: f64) -> Tensor {
    cap * tanh(x / cap)
}

// Two operands.

/// The gated linear unit (Dauphin et al. 2017).
#[elementwise]
pub fn glu(a: Tensor, b: Tensor) -> Tensor {
    a * sigmoid(b)
}

/// A linear unit gated by swish (Shazeer 2020).
#[elementwise]
pub fn swiglu(a: Tensor, b: Tensor, beta: f64) -> Tensor {
    swish(a, beta) * b
}

/// A linear unit gated by GELU (Shazeer 2020).
#[elementwise]
pub fn geglu(a: Tensor, b: Tensor) -> Tensor {
    gelu_by_tanh(a) * b
}

/// The gate of WaveNet (van den Oord et al. 2016).
#[elementwise]
pub fn wavenet_gate(a: Tensor, b: Tensor) -> Tensor {
    tanh(a) * sigmoid(b)
}

/// PReLU with a slope for each channel (He et al. 2015).
#[elementwise]
pub fn prelu(x: Tensor, slope: Tensor) -> Tensor {
    if x > 0.0 { x } else { slope * x }
}

/// Snake with a trained frequency (Ziyin, Hartwig, Ueda 2020).
#[elementwise]
pub fn trained_snake(x: Tensor, a: Tensor) -> Tensor {
    x + square(sin(a * x)) / a
}

/// The logarithm of a sum of two exponentials (NumPy's `logaddexp`).
#[elementwise]
pub fn log_add_exp(a: Tensor, b: Tensor) -> Tensor {
    max(a, b) + ln_1p(exp(-abs(a - b)))
}

/// The length of the hypotenuse (NumPy's `hypot`).
#[elementwise]
pub fn hypot(a: Tensor, b: Tensor) -> Tensor {
    let large = max(abs(a), abs(b));
    let small = min(abs(a), abs(b));
    if large > 0.0 {
        large * sqrt(1.0 + square(small / large))
    } else {
        0.0
    }
}

/// A sample of the Gumbel distribution around logits (Jang, Gu, Poole 2017).
#[elementwise]
pub fn gumbel(logit: Tensor, uniform: Tensor, temperature: f64) -> Tensor {
    (logit - ln(GUMBEL - ln(uniform + GUMBEL))) / temperature
}

/// A radial basis function (Broomhead, Lowe 1988).
#[elementwise]
pub fn radial(x: Tensor, center: Tensor, gamma: f64) -> Tensor {
    exp(-gamma * square(x - center))
}

// Three operands.

/// The new state of a gated recurrent unit (Cho et al. 2014).
#[elementwise]
pub fn gru_state(update: Tensor, candidate: Tensor, state: Tensor) -> Tensor {
    let z = sigmoid(update);
    (1.0 - z) * tanh(candidate) + z * state
}

/// The state of a cell with coupled gates (Greff et al. 2017).
#[elementwise]
pub fn coupled_cell(forget: Tensor, candidate: Tensor, cell: Tensor) -> Tensor {
    let f = sigmoid(forget);
    f * cell + (1.0 - f) * tanh(candidate)
}

/// An activation between two linear functions (Ma et al. 2021, ACON-C).
#[elementwise]
pub fn acon(x: Tensor, p1: Tensor, p2: Tensor) -> Tensor {
    let d = (p1 - p2) * x;
    d * sigmoid(d) + p2 * x
}

/// A sample of a normal distribution (Kingma, Welling 2014).
#[elementwise]
pub fn reparameterize(mean: Tensor, log_variance: Tensor, noise: Tensor) -> Tensor {
    mean + exp(0.5 * log_variance) * noise
}

/// The log density of a normal distribution.
#[elementwise]
pub fn normal_log_density(x: Tensor, mean: Tensor, log_deviation: Tensor) -> Tensor {
    -0.5 * square((x - mean) * exp(-log_deviation)) - log_deviation - 0.5 * ln(2.0 * PI)
}

/// A sigmoid with trained slope and height (a parametric sigmoid).
#[elementwise]
pub fn sloped_sigmoid(x: Tensor, slope: Tensor, height: Tensor) -> Tensor {
    height * sigmoid(slope * x)
}

// Reductions.

/// The focal loss of logits (Lin et al. 2017).
#[elementwise]
pub fn focal_loss(x: Tensor, target: Tensor, alpha: f64, gamma: f64) -> Mean {
    let p = sigmoid(x);
    let cross_entropy = softplus(x) - x * target;
    let missed = p + target - 2.0 * p * target;
    let weight = alpha * target + (1.0 - alpha) * (1.0 - target);
    weight * powf(missed, gamma) * cross_entropy
}

/// The mean of `ln cosh` of the differences.
#[elementwise]
pub fn log_cosh_loss(prediction: Tensor, target: Tensor) -> Mean {
    let size = abs(prediction - target);
    size + ln_1p(exp(-2.0 * size)) - LN_2
}

/// The general robust loss (Barron 2019), for an `alpha` other than 0 and 2.
#[elementwise]
pub fn robust_loss(prediction: Tensor, target: Tensor, alpha: f64, scale: f64) -> Mean {
    let size = abs(alpha - 2.0);
    let d = square((prediction - target) / scale);
    size / alpha * (powf(d / size + 1.0, 0.5 * alpha) - 1.0)
}

/// The loss of Huber (1964).
#[elementwise]
pub fn huber_loss(prediction: Tensor, target: Tensor, delta: f64) -> Mean {
    let size = abs(prediction - target);
    if size < delta {
        0.5 * size * size
    } else {
        delta * (size - 0.5 * delta)
    }
}

/// The pinball loss (Koenker, Bassett 1978).
#[elementwise]
pub fn quantile_loss(prediction: Tensor, target: Tensor, q: f64) -> Mean {
    let d = target - prediction;
    max(q * d, (q - 1.0) * d)
}

/// The wing loss (Feng et al. 2018).
#[elementwise]
pub fn wing_loss(prediction: Tensor, target: Tensor, w: f64, epsilon: f64) -> Mean {
    let size = abs(prediction - target);
    let constant = w - w * ln_1p(w / epsilon);
    if size < w {
        w * ln_1p(size / epsilon)
    } else {
        size - constant
    }
}

/// The negative log likelihood of counts (PyTorch's `poisson_nll_loss`).
#[elementwise]
pub fn poisson_loss(log_rate: Tensor, target: Tensor) -> Mean {
    exp(log_rate) - target * log_rate
}

/// The divergence of a normal distribution from the standard one (Kingma, Welling 2014).
#[elementwise]
pub fn normal_divergence(mean: Tensor, log_variance: Tensor, axes: Axes) -> Sum {
    0.5 * (square(mean) + exp(log_variance) - 1.0 - log_variance)
}

/// The negative log likelihood with a variance for each element (Nix, Weigend 1994).
#[elementwise]
pub fn gaussian_loss(mean: Tensor, target: Tensor, log_variance: Tensor) -> Mean {
    0.5 * (log_variance + square(target - mean) * exp(-log_variance))
}

/// The clipped objective of PPO (Schulman et al. 2017).
#[elementwise]
pub fn ppo_loss(log_new: Tensor, log_old: Tensor, advantage: Tensor, clip: f64) -> Mean {
    let ratio = exp(log_new - log_old);
    -min(
        ratio * advantage,
        clamp(ratio, 1.0 - clip, 1.0 + clip) * advantage,
    )
}

/// The entropy of independent bits with these logits.
#[elementwise]
pub fn bit_entropy(x: Tensor, axes: Axes) -> Sum {
    softplus(x) - x * sigmoid(x)
}

/// The energy of a double well.
#[elementwise]
pub fn double_well(x: Tensor, a: f64) -> Sum {
    a * square(square(x) - 1.0)
}
