//! Functions of single elements.

use super::Domain::{Positive, Signed};
use super::Operation;

macro_rules! unary {
    ($($method:ident($($argument:expr),*) $domain:ident;)*) => {
        vec![$(Operation::unary(&stringify!($method($($argument),*)).replace(' ', ""), $domain, |x| x.$method($($argument),*))),*]
    };
}

/// Elementwise functions of one tensor, activations, and scalars on either side of an operator.
pub fn elementwise() -> Vec<Operation> {
    let mut all = unary! {
            neg() Signed; add_scalar(0.5) Signed; mul_scalar(-1.5) Signed; div_scalar(0.7) Signed;
            abs() Signed; square() Signed; sqrt() Positive; rsqrt() Positive; recip() Signed;
            exp() Signed; exp_m1() Signed; ln() Positive; ln_1p() Positive; sin() Signed; cos() Signed;
            erf() Signed; erfc() Signed; clamp(-0.5, 1.0) Signed; floor() Signed; ceil() Signed;
            round() Signed; trunc() Signed; sign() Signed; atan() Signed; sinh() Signed; cosh() Signed;
            asinh() Signed; log2() Positive; log10() Positive;
    powf(0.0) Signed; powf(1.0) Signed; powf(2.0) Signed; powf(-1.0) Signed; powf(0.5) Positive;
            powf(-0.5) Positive; powf(1.7) Positive; powi(0) Signed; powi(1) Signed; powi(2) Signed;
            powi(-1) Signed; relu() Signed;
            leaky_relu(0.01) Signed; leaky_relu(0.0) Signed; leaky_relu(-0.5) Signed;
            elu(1.0) Signed; elu(0.3) Signed; elu(0.0) Signed; elu(-0.5) Signed; selu() Signed;
            sigmoid() Signed; tanh() Signed; softplus() Signed; log_sigmoid() Signed; gelu() Signed;
            gelu_tanh() Signed; silu() Signed; mish() Signed; hard_sigmoid() Signed; hard_tanh() Signed;
            hard_swish() Signed; relu6() Signed;
        };
    all.extend([
        Operation::unary("x - 2", Signed, |x| x - 2.0),
        Operation::unary("2 - x", Signed, |x| 2.0 - x),
        Operation::unary("2 / x", Signed, |x| 2.0 / x),
        // Operands lie within 2 of 0: moved to where these are defined, or to further kinks.
        // Powers are taken of numbers of about one size, or numeric slopes differ too much in theirs.
        Operation::unary("powf(3)", Signed, |x| (x * 0.5 - 2.0).powf(3.0)),
        Operation::unary("powf(-2)", Signed, |x| (x * 0.5 + 2.0).powf(-2.0)),
        Operation::unary("powf(-3)", Signed, |x| (x * 0.5 - 2.0).powf(-3.0)),
        Operation::unary("powf(-2.3)", Signed, |x| (x * 0.5 + 2.0).powf(-2.3)),
        Operation::unary("powi(5)", Signed, |x| (x * 0.2 - 1.0).powi(5)),
        Operation::unary("powi(-2)", Signed, |x| (x * 0.5 - 2.0).powi(-2)),
        Operation::unary("tan", Signed, |x| (x * 0.6).tan()),
        Operation::unary("asin", Signed, |x| (x * 0.45).asin()),
        Operation::unary("acos", Signed, |x| (x * 0.45).acos()),
        Operation::unary("acosh", Positive, |x| (x + 1.0).acosh()),
        Operation::unary("atanh", Signed, |x| (x * 0.45).atanh()),
        Operation::unary("softplus far up", Positive, |x| (x * 20.0).softplus()),
        Operation::unary("relu6 of a larger range", Signed, |x| (x * 4.0).relu6()),
        Operation::unary("hard_sigmoid of a larger range", Signed, |x| {
            (x * 2.0).hard_sigmoid()
        }),
        Operation::unary("hard_swish of a larger range", Signed, |x| {
            (x * 2.0).hard_swish()
        }),
        Operation::unary("gelu_tanh of a larger range", Signed, |x| {
            (x * 3.0).gelu_tanh()
        }),
        Operation::unary("mish of a larger range", Signed, |x| (x * 3.0).mish()),
    ]);
    all.extend(parametric());
    all
}

/// Activations that can refuse their parameters.
fn parametric() -> Vec<Operation> {
    operations! { [m, k, n]
        "celu(1)", Signed: (m, k) => (m, k), |x| x[0].celu(1.0);
        "celu(0.3)", Signed: (m, k) => (m, k), |x| x[0].celu(0.3);
        "celu(-1.5)", Signed: (m, k) => (m, k), |x| x[0].celu(-1.5);
        "prelu", Signed: (m, k) (k) => (m, k), |x| x[0].prelu(&x[1]);
        "prelu of lines", Signed: (m, k, n) (k) => (m, k, n), |x| x[0].prelu(&x[1]);
        "prelu with one weight", Signed: (m, k, n) (1) => (m, k, n), |x| x[0].prelu(&x[1]);
        "prelu with a scalar", Signed: (m, k) () => (m, k), |x| x[0].prelu(&x[1]);
        "prelu of a vector", Signed: (m) (1) => (m), |x| x[0].prelu(&x[1]);
        "prelu of x with x", Signed: (k) => (1, k), |x| {
            let row = x[0].unsqueeze(0)?;
            row.prelu(&x[0])
        };
        "rrelu", Signed: (m, k) => (m, k), |x| x[0].rrelu(0.125, 1.0 / 3.0, 7);
        "rrelu with slopes of either sign", Signed: (m, k, n) => (m, k, n), |x| x[0].rrelu(-0.7, 0.5, 7);
    }
}

macro_rules! binary {
    ($($method:ident $domain:ident;)*) => {{
        let mut all = Vec::new();
        $(all.extend(operations! { [m, k, n]
            concat!(stringify!($method), " of equal shapes"), $domain:
                (m, k) (m, k) => (m, k), |x| x[0].$method(&x[1]);
            concat!(stringify!($method), " with a row"), $domain:
                (m, k) (k) => (m, k), |x| x[0].$method(&x[1]);
            concat!(stringify!($method), " of a column and a stack"), $domain:
                (m, 1) (n, m, k) => (n, m, k), |x| x[0].$method(&x[1]);
            concat!(stringify!($method), " of a column and a row"), $domain:
                (m, 1) (1, k) => (m, k), |x| x[0].$method(&x[1]);
            concat!(stringify!($method), " of a scalar"), $domain:
                () (m, k) => (m, k), |x| x[0].$method(&x[1]);
        });)*
        all
    }};
}

/// Elementwise functions of two tensors.
pub fn binary() -> Vec<Operation> {
    binary! {
        add Signed; sub Signed; mul Signed; div Signed; pow Positive; maximum Signed;
        minimum Signed; atan2 Signed;
    }
}
