//! Elementwise functions of one tensor, and activations.

use super::Domain::{self, Moved, Positive, Signed};
use super::drawn::{Drawn, Layout, Outcome, single};
use super::golden::{Difference, Operands, golden};
use super::{Entry, Operation};
use cotangent::{Result, Tensor};

/// Inside of (-1, 1).
const UNIT: Domain = Moved(0.45, 0.0);
/// Inside of (-π/2, π/2).
const ANGLE: Domain = Moved(0.6, 0.0);
/// Inside of (0, 1).
const PROBABLE: Domain = Moved(0.2, 0.5);
/// As `Signed`, but away from multiples of 0.65.
const LARGE: Domain = Moved(1.3, 0.0);
/// From 1 to 3.
const ABOVE_ONE: Domain = Moved(0.5, 2.0);
// The bases of powers are of similar size, because numeric differences need one step for all.
const NEAR_ONE: Domain = Moved(0.2, 1.0);
const NEAR_MINUS_ONE: Domain = Moved(0.2, -1.0);

/// Entries of methods of one tensor: the method with its arguments and the domain of the gradient
/// check. An entry may add PyTorch's expression of `x`, the argument of `elementwise` in
/// `golden/cases.py` (the domain and further special points), and bounds and differences of
/// [`Golden`]. A method without further arguments is drawn too.
macro_rules! unary {
    ($file:literal: $($method:ident($($argument:expr),*) $domain:ident
        $(, $torch:literal, $cases:literal $(.$bound:ident($($given:expr),*))*)?;)*) => {
        vec![$({
            let name = named(stringify!($method($($argument),*)));
            #[allow(unused_variables)]
            let run: fn(&Operands) -> Result<Tensor> = |x| single(x[0].$method($($argument),*));
            Entry {
                function: stringify!($method),
                checked: unary!(@check $domain, &name, |x| single(x[0].$method($($argument),*))),
                extreme: vec![],
                golden: vec![$(
                    golden($file, &name, run)
                        .torch($torch, concat!("elementwise(", $cases, ")"))
                        $(.$bound($($given),*))*
                )?],
                drawn: unary!(@drawn $method $($argument)*),
                without: vec![],
                calls: [
                    concat!(".", stringify!($method), "()"),
                    unary!(@golden $method $($torch)?),
                    unary!(@text $method $($argument)*),
                    "",
                ],
            }
        }),*]
    };
    (@check unchecked, $name:expr, $f:expr) => { vec![] };
    (@check $domain:ident, $name:expr, $f:expr) => {
        vec![Operation {
            name: $name.clone(),
            operands: |[m, k, _]| vec![vec![m, k]],
            output: |[m, k, _]| vec![m, k],
            domain: $domain,
            f: Box::new($f),
            refuses: |_| false,
        }]
    };
    (@golden $method:ident) => { "" };
    (@golden $method:ident $torch:literal) => { concat!(".", stringify!($method), "()") };
    (@drawn $method:ident) => {
        vec![Drawn {
            name: stringify!($method),
            operands: 1,
            layout: Layout::Same,
            f: |x, _| Outcome::tensors(x[0].$method()),
        }]
    };
    (@drawn $method:ident $($argument:expr)+) => { vec![] };
    (@text $method:ident) => { concat!(".", stringify!($method), "()") };
    (@text $method:ident $($argument:expr)+) => { "" };
}

/// Returns the name of a call in the golden files: `clamp(-1.0, f64::INFINITY)` is `clamp(-1,inf)`.
fn named(call: &str) -> String {
    let name = call.replace(' ', "").replace("f64::INFINITY", "inf");
    name.replace(".0)", ")")
        .replace(".0,", ",")
        .replace("()", "")
}

/// Elementwise functions of one tensor, activations, and scalars on either side of an operator.
pub fn elementwise() -> Vec<Entry> {
    [functions(), activations(), further(), drawn()]
        .into_iter()
        .flatten()
        .collect()
}

fn functions() -> Vec<Entry> {
    unary! { "unary":
        neg() Signed, "torch.neg(x)", "real" .exact();
        add_scalar(0.75) Signed, "x + 0.75", "real" .exact();
        add_scalar(-0.1) Signed, "x - 0.1", "real";
        mul_scalar(-2.5) Signed, "x * -2.5", "real" .exact();
        mul_scalar(0.0) Signed, "x * 0.0", "real" .exact();
        div_scalar(3.0) Signed, "x / 3.0", "real" .exact_output();
        div_scalar(0.0) unchecked, "x / 0.0", "real" .exact();
        abs() Signed, "torch.abs(x)", "real" .exact();
        square() Signed, "torch.square(x)", "real" .exact_output();
        sqrt() Positive, "torch.sqrt(x)", "positive, 4.0";
        rsqrt() Positive, "torch.rsqrt(x)", "positive, 4.0";
        recip() Signed, "torch.reciprocal(x)", "nonzero" .exact_output();
        exp() Signed, "torch.exp(x)", "real, 88.0, -87.0, -100.0, 1e-8";
        exp_m1() Signed, "torch.expm1(x)", "real, 88.0, -87.0, 1e-8, -1e-8, 1e-4, 0.3, -0.3";
        ln() Positive, "torch.log(x)", "positive, 0.999, 1.001, 4.0";
        ln_1p() Positive, "torch.log1p(x)", "above_minus_one, 1e-8, -1e-8, -0.999, -2.0";
        logit() PROBABLE, "torch.logit(x)",
            "lambda random, *shape: random.uniform(*shape, low=0.01, high=0.99), 0.25, 0.75, 1e-8, \
             0.999";
        sin() Signed, "torch.sin(x)",
            "real, math.pi, -math.pi / 2, 1e6, -1e9, f64_large=LARGE, f64_huge=HUGE";
        cos() Signed, "torch.cos(x)",
            "real, math.pi, -math.pi / 2, 1e6, -1e9, f64_large=LARGE, f64_huge=HUGE";
        erf() Signed, "torch.erf(x)", "real, 0.9, -0.9, 1e-8, 3.9, -5.0, 6.0";
        erfc() Signed, "torch.erfc(x)", "real, 0.9, -0.9, 1e-8, 3.9, -5.0, 6.0, 9.0";
        erfinv() UNIT, "torch.erfinv(x)", "unit, 0.3, -0.79, 0.81, 0.999, -0.99999";
        tan() ANGLE, "torch.tan(x)", "real, 1.5, -1.5";
        asin() UNIT, "torch.asin(x)", "unit, 0.999, -0.999";
        acos() UNIT, "torch.acos(x)", "unit, 0.999, -0.999";
        atan() Signed, "torch.atan(x)", "real" .differs([far(|x, g| g / x[0] / x[0])]);
        sinh() Signed, "torch.sinh(x)", "real, 1e-8, 80.0, -80.0";
        cosh() Signed, "torch.cosh(x)", "real, 1e-8, 80.0, -80.0";
        asinh() Signed, "torch.asinh(x)",
            "real, 1e-8, -1e-4" .differs([far(|x, g| g / x[0].abs())]);
        acosh() ABOVE_ONE, "torch.acosh(x)",
            "above_one, 1.5, 3.0" .differs([far(|x, g| g / x[0].abs())]);
        atanh() UNIT, "torch.atanh(x)", "unit, 0.999, -0.999, 1e-8";
        log2() Positive, "torch.log2(x)", "positive, 0.999, 8.0, 0.125";
        log10() Positive, "torch.log10(x)", "positive, 0.999, 1000.0, 0.1";
        exp2() Signed, "torch.exp2(x)", "real, 10.0, -20.0, 0.3";
        lgamma() Positive, "torch.lgamma(x)",
            "positive, 0.999, 1.001, 1.999, 2.001, 10.5, 170.5, -0.5, -1.5, -2.7, -10.3, -200.25"
                .loose(&TRIGAMMA[..2]);
        digamma() Positive, "torch.digamma(x)",
            "positive, 0.999, 1.001, 1.4, 1.5, 10.5, 170.5, -0.25, -1.3, -2.7, -10.3, -200.25"
                .loose(TRIGAMMA).differs([Difference {
                    // PyTorch's π²/sin² is finite at the poles of trigamma.
                    tensor: "grad.0",
                    at: |x| x[0] < 0.0 && x[0].fract() == 0.0,
                    found: |_, g| g * f64::INFINITY,
                }]);
        polygamma(0) Signed;
        nan_to_num(0.5, Some(2.0), Some(-3.0)) Signed, "torch.nan_to_num(x, 0.5, 2.0, -3.0)", "real"
            .exact();
        powf(0.0) Signed, "x.pow(0.0)", "real" .exact();
        powf(1.0) Signed, "x.pow(1.0)", "real" .exact();
        powf(2.0) Signed, "x.pow(2.0)", "real" .exact_output();
        powf(3.0) NEAR_MINUS_ONE, "x.pow(3.0)", "real";
        powf(5.0) NEAR_MINUS_ONE, "x.pow(5.0)", "real";
        powf(-1.0) Signed, "x.pow(-1.0)", "nonzero" .exact_output();
        powf(-2.0) NEAR_ONE, "x.pow(-2.0)", "nonzero";
        powf(-3.0) NEAR_MINUS_ONE, "x.pow(-3.0)", "nonzero";
        powf(0.5) Positive, "x.pow(0.5)", "positive";
        powf(-0.5) Positive, "x.pow(-0.5)", "positive";
        powf(0.3) Positive, "x.pow(0.3)", "positive";
        powf(1.5) Positive, "x.pow(1.5)", "positive";
        powf(-2.5) NEAR_ONE, "x.pow(-2.5)", "positive";
        powi(0) Signed, "x.pow(0)", "real" .exact();
        powi(1) Signed, "x.pow(1)", "real" .exact();
        powi(2) Signed, "x.pow(2)", "real" .exact_output();
        powi(3) NEAR_MINUS_ONE, "x.pow(3)", "real";
        powi(6) NEAR_MINUS_ONE, "x.pow(6)", "real";
        powi(-1) Signed, "x.pow(-1)", "nonzero" .exact_output();
        powi(-2) NEAR_MINUS_ONE, "x.pow(-2)", "nonzero";
        powi(-3) NEAR_ONE, "x.pow(-3)", "nonzero";
        clamp(-1.0, 1.0) Signed, "x.clamp(-1.0, 1.0)", "real" .exact();
        clamp(-0.5, f64::INFINITY) Signed, "x.clamp(-0.5, INF)", "real" .exact();
        clamp(1.0, -1.0) Signed, "x.clamp(1.0, -1.0)", "real" .exact();
        floor() Signed, "torch.floor(x)",
            "real, 1.5, -1.5, 8388607.5, 4194304.5, -4194305.5, f64_halves=HALVES" .exact();
        ceil() Signed, "torch.ceil(x)",
            "real, 1.5, -1.5, 8388607.5, 4194304.5, -4194305.5" .exact();
        trunc() Signed, "torch.trunc(x)",
            "real, 1.5, -1.5, 8388607.5, 4194304.5, -4194305.5" .exact();
        sign() Signed, "torch.sign(x)", "real" .exact();
        round() Signed, "torch.round(x)",
        "real, 1.5, -1.5, 2.5, -2.5, 8388607.5, 4194304.5, 4194305.5, -4194305.5, f64_halves=HALVES"
            .exact();
    }
}

fn activations() -> Vec<Entry> {
    unary! { "activation":
        relu() Signed, "torch.relu(x)", "real" .exact();
        leaky_relu(0.01) Signed, "F.leaky_relu(x, 0.01)", "real";
        leaky_relu(0.25) Signed, "F.leaky_relu(x, 0.25)", "real" .exact();
        leaky_relu(0.0) Signed, "F.leaky_relu(x, 0.0)", "real" .exact().differs([LOWEST]);
        leaky_relu(-0.5) Signed, "F.leaky_relu(x, -0.5)", "real" .exact();
        elu(1.0) Signed, "F.elu(x)", "real, -1e-8, -20.0, -40.0" .gradient_near_one();
        elu(0.5) Signed, "F.elu(x, 0.5)", "real, -1e-8, -20.0, -40.0" .gradient_near_one();
        elu(1.7) Signed, "F.elu(x, 1.7)", "real, -1e-8, -20.0, -40.0" .gradient_near_one();
        elu(0.0) Signed, "F.elu(x, 0.0)", "real" .exact();
        elu(-0.5) Signed, "F.elu(x, -0.5)", "real" .unsigned_zeros();
        selu() Signed, "F.selu(x)", "real, -1e-8, -20.0, -40.0" .gradient_near_one();
        sigmoid() Signed, "torch.sigmoid(x)",
            "real, -1e-8, 20.0, -20.0, -87.0, -100.0, 40.0" .gradient_near_one();
        tanh() Signed, "torch.tanh(x)", "real, 1e-8, 0.625, 10.0, -20.0, 1e-4" .gradient_near_one();
        celu(1.0) Signed, "F.celu(x)", "real, -1e-8, -20.0, -40.0";
        celu(0.5) Signed, "F.celu(x, 0.5)", "real, -1e-8, -20.0, -40.0";
        celu(-2.0) Signed, "F.celu(x, -2.0)", "real, -1e-8, -20.0";
        gelu() Signed, "F.gelu(x)", "real, *TAILS" .near_one().differs([LOWEST, ENDS]);
        gelu_tanh() Signed, "F.gelu(x, approximate='tanh')",
            "real, *TAILS" .near_one()
                .differs([LOWEST, ENDS, far(|x, g| if x[0] > 0.0 { g } else { 0.0 })]);
        silu() Signed, "F.silu(x)",
            "real, *TAILS, -20.0, -40.0, 40.0"
                .differs([
                    LOWEST,
                    ENDS,
                    tail("output", |x, _| x[0] * x[0].exp()),
                    tail("grad.0", SLOPE),
                ]);
        mish() Signed, "F.mish(x)",
            "real, *TAILS, -20.0, -40.0, 20.0, 40.0"
                .differs([LOWEST, ENDS, tail("grad.0", SLOPE)]);
        softplus() Signed, "F.softplus(x)", "real, *TAILS, -20.0, -40.0, 19.5, 20.0, 20.5, 40.0";
        log_sigmoid() Signed, "F.logsigmoid(x)", "real, *TAILS, -20.0, -40.0, 20.0, 40.0";
        hard_sigmoid() Signed, "hard_sigmoid(x)", "real, *KINKS";
        hard_tanh() Signed, "F.hardtanh(x)", "real, *KINKS" .exact();
        hard_swish() Signed, "F.hardswish(x)", "real, *KINKS" .differs([LOWEST]);
        relu6() Signed, "F.relu6(x)", "real, *KINKS" .exact();
        softsign() Signed, "F.softsign(x)", "real, *TAILS"
            .gradient_near_one().differs([Difference {
                tensor: "output",
                at: |x| x[0].is_infinite(),
                found: |x, _| x[0].signum(),
            }, ENDLESS]);
        tanh_shrink() Signed, "F.tanhshrink(x)", "real, *TAILS, 1.24, -1.26"
            .near_one().unsigned_zeros();
        hard_shrink(0.5) LARGE, "F.hardshrink(x)", "real, *KINKS" .exact();
        hard_shrink(1.75) Signed, "F.hardshrink(x, 1.75)", "real, *KINKS" .exact();
        soft_shrink(0.5) LARGE, "F.softshrink(x)", "real, *KINKS" .exact().unsigned_zeros();
        soft_shrink(0.0) Signed, "F.softshrink(x, 0.0)", "real" .exact().unsigned_zeros();
        threshold(0.5, -3.0) Signed, "F.threshold(x, 0.5, -3.0)", "real" .exact();
        softplus_with(2.0, 5.0) Signed, "F.softplus(x, 2.0, 5.0)",
            "real, *TAILS, -20.0, 2.4, 2.5, 2.6, 40.0";
        softplus_with(-0.5, 20.0) Signed, "F.softplus(x, -0.5, 20.0)", "real, *TAILS, -41.0";
    }
}

/// Activations of several tensors or of random numbers, and further points of those above.
fn further() -> Vec<Entry> {
    operations! { [m, k, n]
        add_scalar {
            check "x - 2", Signed: (m, k) => (m, k), |x| Ok(&x[0] - 2.0);
            check "2 - x", Signed: (m, k) => (m, k), |x| Ok(2.0 - &x[0]);
        }
        div_scalar {
            check "2 / x", Signed: (m, k) => (m, k), |x| Ok(2.0 / &x[0]);
        }
        powi {
            check "powi(5)", NEAR_MINUS_ONE: (m, k) => (m, k), |x| Ok(x[0].powi(5));
        }
        polygamma {
            check "polygamma(1)", Positive: (m, k) => (m, k), |x| Ok(x[0].polygamma(1));
            golden golden("unary", "polygamma(1)", |x| Ok(x[0].polygamma(1)))
                .torch("torch.polygamma(1, x)", "above_zero(0.999, 1.001, 10.5, 170.5, -0.3, -9.7)")
                .loose(TRIGAMMA);
            golden golden("unary", "polygamma(2)", |x| Ok(x[0].polygamma(2)))
                .torch("torch.polygamma(2, x)", "above_zero(0.999, 1.001, 10.5, 170.5)");
            golden golden("unary", "polygamma(5)", |x| Ok(x[0].polygamma(5)))
                .torch("torch.polygamma(5, x)", "above_zero(0.999, 1.001, 10.5, 170.5)");
        }
        logit {
            golden golden("unary", "logit of a clamped number",
                |x| Ok(x[0].clamp(0.1, 0.9).logit()))
                .torch("torch.logit(x, eps=0.1)", "elementwise(unit, 0.2, 0.95)");
        }
        powf {
            extreme "powf(1e30)", Signed: (m, k) => (m, k), |x| Ok(x[0].powf(1e30));
            extreme "powf(1e-30)", Signed: (m, k) => (m, k), |x| Ok(x[0].powf(1e-30));
        }
        softplus {
            check "softplus far up", Positive: (m, k) => (m, k), |x| Ok((&x[0] * 20.0).softplus());
        }
        relu6 {
            check "relu6 of a larger range", Signed: (m, k) => (m, k),
                |x| Ok((&x[0] * 4.0).relu6());
        }
        hard_sigmoid {
            check "hard_sigmoid of a larger range", Signed: (m, k) => (m, k),
                |x| Ok((&x[0] * 2.0).hard_sigmoid());
        }
        hard_swish {
            check "hard_swish of a larger range", Signed: (m, k) => (m, k),
                |x| Ok((&x[0] * 2.0).hard_swish());
        }
        gelu_tanh {
            check "gelu_tanh of a larger range", Signed: (m, k) => (m, k),
                |x| Ok((&x[0] * 3.0).gelu_tanh());
        }
        mish {
            check "mish of a larger range", Signed: (m, k) => (m, k), |x| Ok((&x[0] * 3.0).mish());
        }
        gelu {
            // The error of x / √2 is multiplied by the exponent of e^(-x²/2).
            golden golden("activation", "gelu, by erfc", |x| Ok(x[0].gelu()))
                .torch("gelu_by_erfc(x)", "elementwise(real, *TAILS, -8.0, -12.0)")
                .loose(&[
                    ("spread", 1e-13, 1e-5),
                    ("special", 1e-12, 2e-5),
                    ("f64 special", 1e-12, 0.0),
                ])
                .differs([LOWEST, ENDS]);
        }
        glu {
            check "glu", Signed: (m, 2 * k) => (m, k), |x| x[0].glu(-1);
            check "glu of rows", Signed: (2 * m, k) => (m, k), |x| x[0].glu(0);
            check "glu of the middle", Signed: (m, 2 * k, n) => (m, k, n), |x| x[0].glu(1);
            golden golden("activation", "glu", |x| x[0].glu(-1))
                .torch("F.glu(x)", "normal(rows=[[5, 8]], axes=[[2, 3, 4]], empty=[[0, 4]]) \
                    + normal(nothing=[[3, 0]], vector=[[6]])").sums();
            golden golden("activation", "glu(1)", |x| x[0].glu(1))
                .torch("F.glu(x, 1)", "normal(rows=[[5, 8]], axes=[[2, 6, 4]])").sums();
            draw 1 Same |x, p| x[0].glu(p.axis);
        }
        softmin {
            check "softmin", Signed: (m, k) => (m, k), |x| x[0].softmin(-1);
            golden golden("activation", "softmin", |x| x[0].softmin(0))
                .torch("F.softmin(x, 0)", "normal(rows=[[5, 8]], axes=[[2, 3, 4]], empty=[[0, 4]])")
                .sums();
            draw 1 Same |x, p| x[0].softmin(p.axis);
        }
        prelu {
            check "prelu", Signed: (m, k) (k) => (m, k), |x| x[0].prelu(&x[1]);
            check "prelu of lines", Signed: (m, k, n) (k) => (m, k, n), |x| x[0].prelu(&x[1]);
            check "prelu with one weight", Signed: (m, k, n) (1) => (m, k, n),
                |x| x[0].prelu(&x[1]);
            check "prelu with a scalar", Signed: (m, k) () => (m, k), |x| x[0].prelu(&x[1]);
            check "prelu of a vector", Signed: (m) (1) => (m), |x| x[0].prelu(&x[1]);
            check "prelu of x with x", Signed: (k) => (1, k), |x| {
                let row = x[0].unsqueeze(0)?;
                row.prelu(&x[0])
            };
            golden golden("activation", "prelu", |x| x[0].prelu(&x[1]))
                .torch("F.prelu(x, y)", "prelu()").exact_output();
            draw 2 Same |x, p| x[0].prelu(&x[1]);
        }
        rrelu {
            check "rrelu", Signed: (m, k) => (m, k), |x| x[0].rrelu(0.125, 1.0 / 3.0, 7);
            check "rrelu with slopes of either sign", Signed: (m, k, n) => (m, k, n),
                |x| x[0].rrelu(-0.7, 0.5, 7);
            draw 1 Same |x, p| x[0].rrelu(p.number, p.other_number, p.seed);
            without Golden: "draws random numbers, other than PyTorch's";
        }
        to_dtype {
            draw 1 Same |x, p| x[0].to_dtype(p.dtype);
            without Check:
                "rounds, which numeric differences see: a test of its own in `support/laws.rs`";
            without Golden: "has a test of its own: `golden/other.rs`";
            without Extreme: "both dtypes are what that test compares";
        }
    }
}

/// Methods with drawn arguments.
fn drawn() -> Vec<Entry> {
    operations! { [m, k, n]
        add_scalar { draw 1 Same |x, p| x[0].add_scalar(p.number); }
        mul_scalar { draw 1 Same |x, p| x[0].mul_scalar(p.number); }
        div_scalar { draw 1 Same |x, p| x[0].div_scalar(p.number); }
        clamp { draw 1 Same |x, p| x[0].clamp(p.number, p.other_number); }
        leaky_relu { draw 1 Same |x, p| x[0].leaky_relu(p.number); }
        elu { draw 1 Same |x, p| x[0].elu(p.number); }
        celu { draw 1 Same |x, p| x[0].celu(p.number); }
        powf { draw 1 Same |x, p| x[0].powf(p.number); }
        hard_shrink { draw 1 Same |x, p| x[0].hard_shrink(p.number); }
        soft_shrink { draw 1 Same |x, p| x[0].soft_shrink(p.number); }
        threshold { draw 1 Same |x, p| x[0].threshold(p.number, p.other_number); }
        softplus_with { draw 1 Same |x, p| x[0].softplus_with(p.number, p.other_number); }
        powi { draw 1 Same |x, p| x[0].powi(p.power); }
        polygamma { draw 1 Same |x, p| x[0].polygamma(p.power.unsigned_abs()); }
        nan_to_num {
            draw 1 Same |x, p| x[0].nan_to_num(p.number, None, Some(p.other_number));
        }
    }
}

/// PyTorch computes trigamma to 9 digits only; unit tests compare with more.
const TRIGAMMA: &[(&str, f64, f64)] = &[
    ("spread", 1e-8, 5e-6),
    ("scalar", 1e-8, 2e-6),
    ("special", 1e-8, 5e-6),
    ("f64 special", 1e-8, 0.0),
];

/// PyTorch multiplies -∞ by 0; the expected value is the limit.
const LOWEST: Difference = Difference {
    tensor: "output",
    at: |x| x[0] == f64::NEG_INFINITY,
    found: |_, _| 0.0,
};

/// The expected values are the limits of the derivative at ±∞.
const ENDS: Difference = Difference {
    tensor: "grad.0",
    at: |x| x[0].is_infinite(),
    found: |x, g| if x[0] > 0.0 { g } else { 0.0 },
};

/// The derivative of softsign is 0 at ±∞.
const ENDLESS: Difference = Difference {
    tensor: "grad.0",
    at: |x| x[0].is_infinite(),
    found: |_, _| 0.0,
};

/// PyTorch squares x where the square is infinite.
fn far(found: fn(&[f64], f64) -> f64) -> Difference {
    Difference {
        tensor: "grad.0",
        at: |x| x[0].is_finite() && x[0].abs() > 1e150,
        found,
    }
}

/// PyTorch's x / (1 + e^-x) is 0 where e^-x overflows.
fn tail(tensor: &'static str, found: fn(&[f64], f64) -> f64) -> Difference {
    Difference {
        tensor,
        at: |x| x[0] == -745.0,
        found,
    }
}

const SLOPE: fn(&[f64], f64) -> f64 = |x, g| g * (x[0] * x[0].exp());
