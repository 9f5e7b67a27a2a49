//! The functions of the language on plain numbers, independent of the library. A [`Trace`] notes
//! the decisions on the way, so that steps across a kink or a jump are recognized.

use std::cell::Cell;
use std::f64::consts::{FRAC_1_SQRT_2, FRAC_2_SQRT_PI, PI};

/// Notes of one evaluation.
#[derive(Debug)]
pub struct Trace {
    /// A hash of all decisions. Where it is the same, the function is smooth.
    decisions: Cell<u64>,
    /// The smallest relative distance from another decision, ties excluded.
    margin: Cell<f64>,
    /// The largest finite size of a value on the way.
    largest: Cell<f64>,
}

impl Default for Trace {
    fn default() -> Self {
        Self {
            decisions: Cell::new(0xcbf2_9ce4_8422_2325),
            margin: Cell::new(f64::INFINITY),
            largest: Cell::new(0.0),
        }
    }
}

impl Trace {
    /// Returns the hash of all decisions.
    pub fn decisions(&self) -> u64 {
        self.decisions.get()
    }

    /// Returns the smallest relative distance from another decision, ties excluded.
    pub fn margin(&self) -> f64 {
        self.margin.get()
    }

    /// Returns the largest finite size of a value on the way.
    pub fn largest(&self) -> f64 {
        self.largest.get()
    }

    fn hash(&self, word: u64) {
        let mixed = (self.decisions.get() ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.decisions.set(mixed ^ (mixed >> 29));
    }

    fn decide(&self, a: f64, b: f64) {
        self.hash(if a < b {
            1
        } else if a > b {
            2
        } else if a == b {
            3
        } else {
            4
        });
        let distance = (a - b).abs() / a.abs().max(b.abs()).max(1.0);
        if distance > 0.0 && distance < self.margin.get() {
            self.margin.set(distance);
        }
    }

    fn note(&self, value: f64) -> f64 {
        if value.is_finite() {
            self.largest.set(self.largest.get().max(value.abs()));
        }
        value
    }
}

/// A function of one number.
pub type Unary = fn(&Trace, f64) -> f64;

/// All functions of one number, by name.
pub const UNARY: &[(&str, Unary)] = &[
    ("abs", abs),
    ("neg", neg),
    ("square", square),
    ("sqrt", sqrt),
    ("rsqrt", rsqrt),
    ("recip", recip),
    ("exp", exp),
    ("exp_m1", exp_m1),
    ("ln", ln),
    ("ln_1p", ln_1p),
    ("log2", log2),
    ("log10", log10),
    ("logit", logit),
    ("erf", erf),
    ("erfc", erfc),
    ("erfinv", erfinv),
    ("sin", sin),
    ("cos", cos),
    ("tan", tan),
    ("asin", asin),
    ("acos", acos),
    ("atan", atan),
    ("sinh", sinh),
    ("cosh", cosh),
    ("tanh", tanh),
    ("asinh", asinh),
    ("acosh", acosh),
    ("atanh", atanh),
    ("sigmoid", sigmoid),
    ("softplus", softplus),
    ("log_sigmoid", log_sigmoid),
    ("relu", relu),
    ("relu6", relu6),
    ("gelu", gelu),
    ("gelu_tanh", gelu_tanh),
    ("silu", silu),
    ("mish", mish),
    ("selu", selu),
    ("hard_sigmoid", hard_sigmoid),
    ("hard_swish", hard_swish),
    ("hard_tanh", hard_tanh),
    ("floor", floor),
    ("ceil", ceil),
    ("round", round),
    ("trunc", trunc),
    ("sign", sign),
];

macro_rules! plain {
    ($($name:ident($x:ident) = $value:expr;)*) => {$(
        #[doc = concat!("Computes ", stringify!($name), ".")]
        pub fn $name(trace: &Trace, $x: f64) -> f64 {
            trace.note($value)
        }
    )*};
}

plain! {
    neg(x) = -x;
    square(x) = x * x;
    sqrt(x) = x.sqrt();
    rsqrt(x) = x.sqrt().recip();
    recip(x) = x.recip();
    exp(x) = x.exp();
    exp_m1(x) = x.exp_m1();
    ln(x) = x.ln();
    ln_1p(x) = x.ln_1p();
    log2(x) = x.log2();
    log10(x) = x.log10();
    logit(x) = x.ln() - (-x).ln_1p();
    erf(x) = error_function(x);
    erfc(x) = complement(x);
    erfinv(x) = inverse_error_function(x);
    sin(x) = x.sin();
    cos(x) = x.cos();
    tan(x) = x.tan();
    asin(x) = x.asin();
    acos(x) = x.acos();
    atan(x) = x.atan();
    sinh(x) = x.sinh();
    cosh(x) = x.cosh();
    tanh(x) = x.tanh();
    asinh(x) = x.asinh();
    acosh(x) = x.acosh();
    atanh(x) = x.atanh();
    sigmoid(x) = (1.0 + (-x).exp()).recip();
    softplus(x) = x.max(0.0) + (-x.abs()).exp().ln_1p();
    log_sigmoid(x) = x.min(0.0) - (-x.abs()).exp().ln_1p();
    gelu(x) = 0.5 * x * complement(-x * FRAC_1_SQRT_2);
    gelu_tanh(x) = 0.5 * x * (1.0 + ((2.0 / PI).sqrt() * (x + 0.044715 * x * x * x)).tanh());
    silu(x) = x / (1.0 + (-x).exp());
    mish(x) = x * x.exp().ln_1p().tanh();
}

macro_rules! bent {
    ($($name:ident($x:ident $(, $number:ident)*) at $($kink:expr),+; $value:expr;)*) => {$(
        #[doc = concat!("Computes ", stringify!($name), ".")]
        pub fn $name(trace: &Trace, $x: f64 $(, $number: f64)*) -> f64 {
            $(trace.decide($x, $kink);)+
            trace.note($value)
        }
    )*};
}

const SELU_SCALE: f64 = 1.050_700_987_355_480_5;
const SELU_ALPHA: f64 = 1.673_263_242_354_377_2;

bent! {
    abs(x) at 0.0; x.abs();
    relu(x) at 0.0; if x > 0.0 { x } else { 0.0 };
    relu6(x) at 0.0, 6.0; x.clamp(0.0, 6.0);
    selu(x) at 0.0; SELU_SCALE * if x > 0.0 { x } else { SELU_ALPHA * x.exp_m1() };
    hard_sigmoid(x) at -3.0, 3.0; ((x + 3.0) / 6.0).clamp(0.0, 1.0);
    hard_swish(x) at -3.0, 3.0; x * ((x + 3.0) / 6.0).clamp(0.0, 1.0);
    hard_tanh(x) at -1.0, 1.0; x.clamp(-1.0, 1.0);
    sign(x) at 0.0; if x > 0.0 { 1.0 } else if x < 0.0 { -1.0 } else { 0.0 };
    clamp(x, low, high) at low, high; x.max(low).min(high);
    leaky_relu(x, slope) at 0.0; if x > 0.0 { x } else { slope * x };
    elu(x, alpha) at 0.0; if x > 0.0 { x } else { alpha * x.exp_m1() };
    celu(x, alpha) at 0.0; if x > 0.0 { x } else { alpha * (x / alpha).exp_m1() };
}

macro_rules! steps {
    ($($name:ident($x:ident) = $value:expr, jumps at $jump:expr;)*) => {$(
        #[doc = concat!("Computes ", stringify!($name), ".")]
        pub fn $name(trace: &Trace, $x: f64) -> f64 {
            let value = $value;
            trace.hash(value.to_bits());
            trace.decide($x, $jump);
            trace.note(value)
        }
    )*};
}

steps! {
    floor(x) = x.floor(), jumps at x.round();
    ceil(x) = x.ceil(), jumps at x.round();
    round(x) = x.round_ties_even(), jumps at x.floor() + 0.5;
    trunc(x) = x.trunc(), jumps at x.round();
}

macro_rules! binary {
    ($($name:ident($a:ident, $b:ident) = $value:expr;)*) => {$(
        #[doc = concat!("Computes ", stringify!($name), ".")]
        pub fn $name(trace: &Trace, $a: f64, $b: f64) -> f64 {
            trace.note($value)
        }
    )*};
}

binary! {
    add(a, b) = a + b;
    sub(a, b) = a - b;
    mul(a, b) = a * b;
    div(a, b) = a / b;
    pow(a, b) = a.powf(b);
}

/// Computes the larger number.
pub fn max(trace: &Trace, a: f64, b: f64) -> f64 {
    trace.decide(a, b);
    trace.note(a.max(b))
}

/// Computes the smaller number.
pub fn min(trace: &Trace, a: f64, b: f64) -> f64 {
    trace.decide(a, b);
    trace.note(a.min(b))
}

/// Computes the angle of a point, which jumps where x is negative and y passes 0.
pub fn atan2(trace: &Trace, y: f64, x: f64) -> f64 {
    if x <= 0.0 {
        trace.decide(y, 0.0);
    }
    trace.note(y.atan2(x))
}

/// Computes an integer power.
pub fn powi(trace: &Trace, x: f64, exponent: i32) -> f64 {
    trace.note(x.powi(exponent))
}

/// Computes a b + c.
pub fn mul_add(trace: &Trace, a: f64, b: f64, c: f64) -> f64 {
    trace.note(a.mul_add(b, c))
}

macro_rules! comparisons {
    ($($name:ident $op:tt;)*) => {$(
        #[doc = concat!("Returns whether a ", stringify!($op), " b.")]
        pub fn $name(trace: &Trace, a: f64, b: f64) -> bool {
            trace.decide(a, b);
            a $op b
        }
    )*};
}
comparisons! { lt <; le <=; gt >; ge >=; eq ==; ne !=; }

/// The series of A. Abramowitz, I. Stegun (1964, Handbook of Mathematical Functions), 7.1.6, whose
/// terms have one sign.
fn error_function(x: f64) -> f64 {
    if x.abs() > 2.5 {
        return x.signum() * (1.0 - complement(x.abs()));
    }
    let (mut term, mut sum, mut n) = (x, x, 0.0);
    while term.abs() > 1e-18 * sum.abs() {
        n += 1.0;
        term *= 2.0 * x * x / (2.0 * n + 1.0);
        sum += term;
    }
    FRAC_2_SQRT_PI * (-x * x).exp() * sum
}

/// The continued fraction of A. Abramowitz, I. Stegun (1964), 7.1.14, from far inside outwards.
fn complement(x: f64) -> f64 {
    if x < 1.5 {
        return 1.0 - error_function(x);
    }
    let fraction = (1..200)
        .rev()
        .fold(x, |below, n| x + 0.5 * f64::from(n) / below);
    0.5 * FRAC_2_SQRT_PI * (-x * x).exp() / fraction
}

/// Newton's method.
fn inverse_error_function(y: f64) -> f64 {
    if y.abs() >= 1.0 || y.is_nan() {
        return if y.abs() == 1.0 {
            y * f64::INFINITY
        } else {
            f64::NAN
        };
    }
    let mut x = y;
    for _ in 0..40 {
        x -= (error_function(x) - y) / (FRAC_2_SQRT_PI * (-x * x).exp());
    }
    x
}
