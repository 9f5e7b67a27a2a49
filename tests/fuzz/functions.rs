//! The functions of the language in plain `f64`, written without the library. The build script draws
//! formulas with them, and the test compares with them.

use std::f64::consts::{FRAC_1_SQRT_2, FRAC_2_SQRT_PI, PI};

/// A function of one number.
pub struct Unary {
    pub name: &'static str,
    pub value: fn(f64) -> f64,
    /// The smooth piece on which a number lies.
    pub piece: fn(f64) -> i64,
}

/// A function of two numbers or three. The build script knows which of them may be operands.
pub struct Other {
    pub name: &'static str,
    pub value: fn([f64; 3]) -> f64,
    pub piece: fn([f64; 3]) -> i64,
    /// How many arguments vary from element to element, and how many more are the same for all.
    pub varying: usize,
    pub uniform: usize,
}

const fn smooth(name: &'static str, value: fn(f64) -> f64) -> Unary {
    Unary {
        name,
        value,
        piece: |_| 0,
    }
}

const fn pieces(name: &'static str, value: fn(f64) -> f64, piece: fn(f64) -> i64) -> Unary {
    Unary { name, value, piece }
}

const fn other(
    name: &'static str,
    [varying, uniform]: [usize; 2],
    value: fn([f64; 3]) -> f64,
    piece: fn([f64; 3]) -> i64,
) -> Other {
    Other {
        name,
        value,
        piece,
        varying,
        uniform,
    }
}

pub const UNARY: &[Unary] = &[
    pieces("abs", f64::abs, side),
    smooth("neg", |x| -x),
    smooth("square", |x| x * x),
    smooth("sqrt", f64::sqrt),
    smooth("rsqrt", |x| 1.0 / x.sqrt()),
    smooth("recip", |x| 1.0 / x),
    smooth("exp", f64::exp),
    smooth("exp_m1", f64::exp_m1),
    smooth("ln", f64::ln),
    smooth("ln_1p", f64::ln_1p),
    smooth("log2", f64::log2),
    smooth("log10", f64::log10),
    smooth("logit", |x| (x / (1.0 - x)).ln()),
    smooth("erf", erf),
    smooth("erfc", erfc),
    smooth("erfinv", erfinv),
    smooth("sin", f64::sin),
    smooth("cos", f64::cos),
    smooth("tan", f64::tan),
    smooth("asin", f64::asin),
    smooth("acos", f64::acos),
    smooth("atan", f64::atan),
    smooth("sinh", f64::sinh),
    smooth("cosh", f64::cosh),
    smooth("tanh", f64::tanh),
    smooth("asinh", f64::asinh),
    smooth("acosh", f64::acosh),
    smooth("atanh", f64::atanh),
    smooth("sigmoid", sigmoid),
    smooth("softplus", softplus),
    smooth("log_sigmoid", |x| -softplus(-x)),
    pieces("relu", |x| x.max(0.0), side),
    pieces("relu6", |x| x.clamp(0.0, 6.0), |x| within(x, 0.0, 6.0)),
    smooth("gelu", |x| 0.5 * x * erfc(-x * FRAC_1_SQRT_2)),
    smooth("gelu_tanh", |x| {
        0.5 * x * (1.0 + ((2.0 / PI).sqrt() * (x + 0.044715 * x * x * x)).tanh())
    }),
    smooth("silu", |x| x * sigmoid(x)),
    smooth("mish", |x| x * softplus(x).tanh()),
    pieces("selu", selu, side),
    pieces(
        "hard_sigmoid",
        |x| (x + 3.0).clamp(0.0, 6.0) / 6.0,
        |x| within(x, -3.0, 3.0),
    ),
    pieces(
        "hard_swish",
        |x| x * (x + 3.0).clamp(0.0, 6.0) / 6.0,
        |x| within(x, -3.0, 3.0),
    ),
    pieces(
        "hard_tanh",
        |x| x.clamp(-1.0, 1.0),
        |x| within(x, -1.0, 1.0),
    ),
    pieces("floor", f64::floor, whole),
    pieces("ceil", f64::ceil, whole),
    pieces("round", f64::round_ties_even, |x| whole(x + 0.5)),
    pieces("trunc", f64::trunc, whole),
    pieces("sign", |x| if x == 0.0 { 0.0 } else { x.signum() }, side),
];

pub const OTHERS: &[Other] = &[
    other("max", [2, 0], |[a, b, _]| a.max(b), |[a, b, _]| side(a - b)),
    other("min", [2, 0], |[a, b, _]| a.min(b), |[a, b, _]| side(a - b)),
    other(
        "maximum",
        [2, 0],
        |[a, b, _]| a.max(b),
        |[a, b, _]| side(a - b),
    ),
    other(
        "minimum",
        [2, 0],
        |[a, b, _]| a.min(b),
        |[a, b, _]| side(a - b),
    ),
    // Negative bases are finite for whole exponents only.
    other("pow", [2, 0], |[a, b, _]| a.powf(b), |[a, _, _]| side(a)),
    other("powf", [2, 0], |[a, b, _]| a.powf(b), |[a, _, _]| side(a)),
    other("pow", [1, 1], |[a, b, _]| a.powf(b), |[a, _, _]| side(a)),
    other("powf", [1, 1], |[a, b, _]| a.powf(b), |[a, _, _]| side(a)),
    other(
        "atan2",
        [2, 0],
        |[y, x, _]| y.atan2(x),
        |[y, x, _]| if x < 0.0 { side(y) } else { 2 },
    ),
    other("mul_add", [3, 0], |[a, b, c]| a * b + c, |_| 0),
    other(
        "leaky_relu",
        [1, 1],
        |[x, s, _]| if x > 0.0 { x } else { s * x },
        first,
    ),
    other(
        "elu",
        [1, 1],
        |[x, a, _]| if x > 0.0 { x } else { a * x.exp_m1() },
        first,
    ),
    other(
        "celu",
        [1, 1],
        |[x, a, _]| if x > 0.0 { x } else { a * (x / a).exp_m1() },
        first,
    ),
    other(
        "clamp",
        [1, 2],
        // `f64::clamp` panics if the limits are in the wrong order; formulas may not use them so.
        |[x, low, high]| {
            if low <= high {
                x.clamp(low, high)
            } else {
                f64::NAN
            }
        },
        |[x, low, high]| within(x, low, high),
    ),
];

fn first([x, ..]: [f64; 3]) -> i64 {
    side(x)
}

/// Returns which side of 0 a number is on.
fn side(x: f64) -> i64 {
    i64::from(x > 0.0) - i64::from(x < 0.0)
}

fn within(x: f64, low: f64, high: f64) -> i64 {
    side(x - low) + 10 * side(x - high)
}

/// Returns the place between whole numbers, or at one.
fn whole(x: f64) -> i64 {
    (x.floor() as i64).wrapping_add(x.ceil() as i64)
}

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

fn softplus(x: f64) -> f64 {
    (-x.abs()).exp().ln_1p() + x.max(0.0)
}

fn selu(x: f64) -> f64 {
    let (alpha, scale) = (
        1.6732632423543772848170429916717,
        1.0507009873554804934193349852946,
    );
    scale * if x > 0.0 { x } else { alpha * x.exp_m1() }
}

/// The series of positive terms e^(-x²) Σ 2ⁿ x^(2n+1) / (2n+1)!!, and for large x the continued
/// fraction.
fn erf(x: f64) -> f64 {
    if x.abs() > 3.0 {
        return x.signum() * (1.0 - tail(x.abs()));
    }
    let (mut term, mut sum, mut n) = (x, x, 1.0);
    while term.abs() > 1e-18 * sum.abs() && n < 500.0 {
        term *= 2.0 * x * x / (2.0 * n + 1.0);
        sum += term;
        n += 1.0;
    }
    FRAC_2_SQRT_PI * (-x * x).exp() * sum
}

fn erfc(x: f64) -> f64 {
    if x > 1.5 { tail(x) } else { 1.0 - erf(x) }
}

/// Returns erfc x for large x, by Laplace's continued fraction.
fn tail(x: f64) -> f64 {
    let fraction = (1..200)
        .rev()
        .fold(x, |below, k| x + f64::from(k) / 2.0 / below);
    (-x * x).exp() / PI.sqrt() / fraction
}

/// Returns the inverse of [`erf`] by Newton's method, from Winitzki's approximation.
fn erfinv(y: f64) -> f64 {
    if y.is_nan() || y.abs() >= 1.0 {
        return if y.abs() == 1.0 { y / 0.0 } else { f64::NAN };
    }
    let (a, l) = (0.147, (-y * y).ln_1p());
    let half = 2.0 / (PI * a) + l / 2.0;
    let mut x = y.signum() * ((half * half - l / a).sqrt() - half).sqrt();
    for _ in 0..5 {
        let miss = if y > 0.5 {
            (1.0 - y) - erfc(x)
        } else if y < -0.5 {
            erfc(-x) - (1.0 + y)
        } else {
            erf(x) - y
        };
        x -= miss / (FRAC_2_SQRT_PI * (-x * x).exp());
    }
    x
}
