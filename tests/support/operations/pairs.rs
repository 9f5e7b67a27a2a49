//! Elementwise functions of several tensors.

use super::Domain::{self, Moved, Positive, Signed};
use super::Entry;
use super::golden::{Difference, golden};

/// Positive and smaller than a third of every number of `Signed`, so that no quotient is near a
/// whole number.
const SMALL: Domain = Moved(0.005, 0.02);

/// Entries of methods of two tensors: the domain of the first operand in gradient checks, PyTorch's
/// expression of `x` and `y`, the arguments of `pairs` in `golden/cases.py` (the domain of each
/// operand), and bounds, for two operands and for one that is used twice.
macro_rules! binary {
    ($($method:ident $domain:ident, $torch:literal, $cases:literal
        $(.$bound:ident($($given:expr),*))*, twice $(.$other:ident($($option:expr),*))*;)*) => {{
        let twice = |name: &str, run| {
            golden("binary", format!("{name}(x,x)"), run)
        };
        [$(operations! { [m, k, n] $method {
            check concat!(stringify!($method), " of equal shapes"), $domain:
                (m, k) (m, k) => (m, k), |x| x[0].$method(&x[1]);
            check concat!(stringify!($method), " with a row"), $domain:
                (m, k) (k) => (m, k), |x| x[0].$method(&x[1]);
            check concat!(stringify!($method), " of a column and a stack"), $domain:
                (m, 1) (n, m, k) => (n, m, k), |x| x[0].$method(&x[1]);
            check concat!(stringify!($method), " of a column and a row"), $domain:
                (m, 1) (1, k) => (m, k), |x| x[0].$method(&x[1]);
            check concat!(stringify!($method), " of a scalar"), $domain:
                () (m, k) => (m, k), |x| x[0].$method(&x[1]);
            golden golden("binary", stringify!($method), |x| x[0].$method(&x[1]))
                .torch($torch, concat!("pairs(", $cases, ")"))$(.$bound($($given),*))*;
            golden twice(stringify!($method), |x| x[0].$method(&x[0]))
                .torch($torch.replace("(y)", "(x)"),
                    concat!("doubled(", $cases, ")"))$(.$other($($option),*))*;
            draw 2 Same |x, p| x[0].$method(&x[1]);
        }}),*].into_iter().flatten().collect::<Vec<Entry>>()
    }};
}

/// Elementwise functions of two tensors.
pub fn binary() -> Vec<Entry> {
    binary! {
        add Signed, "x.add(y)", "real, real" .exact(), twice .exact();
        sub Signed, "x.sub(y)", "real, real" .exact(), twice .exact();
        mul Signed, "x.mul(y)", "real, real" .exact(), twice .exact();
        div Signed, "x.div(y)", "real, nonzero" .exact_output(),
            twice .exact_output().gradient_sums().loose(&[("same", 1e-13, 2e-5)]);
        pow Positive, "x.pow(y)",
            "positive, real, integers=integers()" .loose(&[("outer", 1e-12, 2e-5)]), twice;
        maximum Signed, "x.maximum(y)",
            "real, real, ties=ties(0)" .exact().unsigned_zeros(), twice .exact();
        minimum Signed, "x.minimum(y)",
            "real, real, ties=ties(1)" .exact().unsigned_zeros(), twice .exact();
        atan2 Signed, "x.atan2(y)", "real, real"
            .differs([
                turn("grad.0", |x, g| g * turned(x[1], x)),
                turn("grad.1", |x, g| g * turned(-x[0], x)),
            ]),
            twice;
        remainder SMALL, "x.remainder(y)", "real, nonzero", twice;
        fmod SMALL, "x.fmod(y)", "real, nonzero", twice;
        floor_divide SMALL, "x.div(rounding_mode='floor', other=(y))", "real, nonzero" .exact(),
            twice .exact();
        hypot Signed, "torch.hypot(x, other=(y))", "real, real"
            .differs([
                Difference { tensor: "grad.0", at: LEVEL, found: |x, g| g * share(x[0], x) },
                Difference { tensor: "grad.1", at: LEVEL, found: |x, g| g * share(x[1], x) },
            ]),
            twice .loose(&[("same", 1e-13, 2e-5)]);
        copysign Signed, "torch.copysign(x, other=(y))", "real, real"
            .exact()
            .differs([Difference {
                tensor: "grad.0",
                at: |x| !x[0].is_finite(),
                found: |x, g| g * 1f64.copysign(x[0]) * 1f64.copysign(x[1]),
            }]),
            twice .exact();
        logaddexp Signed, "torch.logaddexp(x, other=(y))", "real, real", twice;
        logaddexp2 Signed, "torch.logaddexp2(x, other=(y))", "real, real", twice;
        fmax Signed, "torch.fmax(x, other=(y))", "real, real, ties=ties(0)"
            .exact().unsigned_zeros(), twice .exact();
        fmin Signed, "torch.fmin(x, other=(y))", "real, real, ties=ties(1)"
            .exact().unsigned_zeros(), twice .exact();
    }
    .into_iter()
    .chain(several())
    .collect()
}

/// Functions of several tensors with other domains, or with numbers.
fn several() -> Vec<Entry> {
    operations! { [m, k, n]
        remainder {
            check "remainder of larger numbers", SMALL: (m, k) (m, k) => (m, k),
                |x| (&x[0] + &x[1] * 2.5).remainder(&x[1]);
        }
        fmod {
            check "fmod of larger numbers", SMALL: (m, k) (m, k) => (m, k),
                |x| (&x[0] - &x[1] * 2.5).fmod(&x[1]);
        }
        xlogy {
            check "xlogy", Signed: (m, k) (m, k) => (m, k), |x| x[0].xlogy(&x[1].abs());
            check "xlogy of a column and a row", Signed: (m, 1) (k) => (m, k),
                |x| x[0].xlogy(&x[1].exp());
            golden golden("binary", "xlogy", |x| x[0].xlogy(&x[1]))
                .torch("torch.xlogy(x, y)", "pairs(real, positive)")
                .differs([Difference {
                    tensor: "grad.1",
                    // PyTorch divides 0 by 0, or multiplies a subnormal number first.
                    at: |x| x == [0.0, 0.0] || x[0].is_subnormal(),
                    found: |x, g| if x[0] == 0.0 { 0.0 } else { g * (x[0] / x[1]) },
                }]);
            golden golden("binary", "xlogy(x,x)", |x| x[0].xlogy(&x[0]))
                .torch("torch.xlogy(x, x)", "doubled(real, positive)");
            draw 2 Same |x, p| x[0].xlogy(&x[1]);
        }
        lerp {
            check "lerp", Signed: (m, k) (m, k) (m, k) => (m, k), |x| x[0].lerp(&x[1], &x[2]);
            check "lerp of a column, a row and a scalar", Signed: (m, 1) (k) () => (m, k),
                |x| x[0].lerp(&x[1], &x[2]);
            golden golden("binary", "lerp", |x| x[0].lerp(&x[1], &x[2]))
                .torch("torch.lerp(x, y, z)", "triples(real)");
            draw 3 Same |x, p| x[0].lerp(&x[1], &x[2]);
        }
        addcmul {
            check "addcmul", Signed: (m, k) (m, k) (m, k) => (m, k),
                |x| x[0].addcmul(&x[1], &x[2], 1.0);
            check "addcmul of a row, a scalar and a column", Signed: (k) () (m, 1) => (m, k),
                |x| x[0].addcmul(&x[1], &x[2], -0.7);
            golden golden("binary", "addcmul", |x| x[0].addcmul(&x[1], &x[2], 1.0))
                .torch("torch.addcmul(x, y, z)", "triples(real)");
            golden golden("binary", "addcmul(-2.5)", |x| x[0].addcmul(&x[1], &x[2], -2.5))
                .torch("torch.addcmul(x, y, z, value=-2.5)", "triples(real)");
            draw 3 Same |x, p| x[0].addcmul(&x[1], &x[2], p.number);
        }
        addcdiv {
            check "addcdiv", Signed: (m, k) (m, k) (m, k) => (m, k),
                |x| x[0].addcdiv(&x[1], &x[2], 1.0);
            check "addcdiv of a row, a scalar and a column", Signed: (k) () (m, 1) => (m, k),
                |x| x[0].addcdiv(&x[1], &x[2], -0.7);
            golden golden("binary", "addcdiv", |x| x[0].addcdiv(&x[1], &x[2], 1.0))
                .torch("torch.addcdiv(x, y, z)", "triples(nonzero)");
            golden golden("binary", "addcdiv(-2.5)", |x| x[0].addcdiv(&x[1], &x[2], -2.5))
                .torch("torch.addcdiv(x, y, z, value=-2.5)", "triples(nonzero)");
            draw 3 Same |x, p| x[0].addcdiv(&x[1], &x[2], p.number);
        }
    }
}

/// PyTorch divides by a length of 0, or multiplies a subnormal number by the cotangent first.
const LEVEL: fn(&[f64]) -> bool = |x| x == [0.0, 0.0] || x.iter().any(|x| x.is_subnormal());

/// Computes a component divided by the distance from the origin; 0 at the origin.
fn share(component: f64, x: &[f64]) -> f64 {
    if x == [0.0, 0.0] {
        return 0.0;
    }
    // A subnormal length has few digits.
    let scale = if x[0].abs().max(x[1].abs()) < 1e-200 {
        2f64.powi(200)
    } else {
        1.0
    };
    component * scale / (x[0] * scale).hypot(x[1] * scale)
}

/// PyTorch's a² + b² underflows, overflows or loses digits.
fn turn(tensor: &'static str, found: fn(&[f64], f64) -> f64) -> Difference {
    Difference {
        tensor,
        at: |x| !(1e-145..1e150).contains(&x[0].hypot(x[1])),
        found,
    }
}

/// Computes a component divided by the squared distance from the origin; 0 at the origin and at
/// infinity.
fn turned(component: f64, x: &[f64]) -> f64 {
    let distance = x[0].hypot(x[1]);
    if distance == 0.0 || distance == f64::INFINITY {
        return 0.0;
    }
    component / distance / distance
}
