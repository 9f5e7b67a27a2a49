//! Functions of single elements.

use crate::compare::Bound;
use crate::operation::{Operation, op};
use crate::run::Difference;

pub fn unary() -> Vec<Operation> {
    vec![
        op("neg", |x| Ok(x[0].neg())).exact(),
        op("add_scalar(0.75)", |x| Ok(x[0].add_scalar(0.75))).exact(),
        op("add_scalar(-0.1)", |x| Ok(x[0].add_scalar(-0.1))),
        op("mul_scalar(-2.5)", |x| Ok(x[0].mul_scalar(-2.5))).exact(),
        op("mul_scalar(0)", |x| Ok(x[0].mul_scalar(0.0))).exact(),
        op("div_scalar(3)", |x| Ok(x[0].div_scalar(3.0))).exact_output(),
        op("div_scalar(0)", |x| Ok(x[0].div_scalar(0.0))).exact(),
        op("abs", |x| Ok(x[0].abs())).exact(),
        op("square", |x| Ok(x[0].square())).exact_output(),
        op("sqrt", |x| Ok(x[0].sqrt())),
        op("rsqrt", |x| Ok(x[0].rsqrt())),
        op("recip", |x| Ok(x[0].recip())).exact_output(),
        op("exp", |x| Ok(x[0].exp())),
        op("exp_m1", |x| Ok(x[0].exp_m1())),
        op("ln", |x| Ok(x[0].ln())),
        op("ln_1p", |x| Ok(x[0].ln_1p())),
        op("sin", |x| Ok(x[0].sin())),
        op("cos", |x| Ok(x[0].cos())),
        op("erf", |x| Ok(x[0].erf())),
        op("clamp(-1,1)", |x| Ok(x[0].clamp(-1.0, 1.0))).exact(),
        op("clamp(-0.5,inf)", |x| Ok(x[0].clamp(-0.5, f64::INFINITY))).exact(),
        op("clamp(1,-1)", |x| Ok(x[0].clamp(1.0, -1.0))).exact(),
        op("floor", |x| Ok(x[0].floor())).exact(),
        op("round", |x| Ok(x[0].round())).exact(),
        op("erfc", |x| Ok(x[0].erfc())),
        op("tan", |x| Ok(x[0].tan())),
        op("asin", |x| Ok(x[0].asin())),
        op("acos", |x| Ok(x[0].acos())),
        op("atan", |x| Ok(x[0].atan())),
        op("sinh", |x| Ok(x[0].sinh())),
        op("cosh", |x| Ok(x[0].cosh())),
        op("asinh", |x| Ok(x[0].asinh())),
        op("acosh", |x| Ok(x[0].acosh())),
        op("atanh", |x| Ok(x[0].atanh())),
        op("log2", |x| Ok(x[0].log2())),
        op("log10", |x| Ok(x[0].log10())),
        op("ceil", |x| Ok(x[0].ceil())).exact(),
        op("trunc", |x| Ok(x[0].trunc())).exact(),
        op("sign", |x| Ok(x[0].sign())).exact(),
        op("powf(0)", |x| Ok(x[0].powf(0.0))).exact(),
        op("powf(1)", |x| Ok(x[0].powf(1.0))).exact(),
        op("powf(2)", |x| Ok(x[0].powf(2.0))).exact_output(),
        op("powf(3)", |x| Ok(x[0].powf(3.0))),
        op("powf(5)", |x| Ok(x[0].powf(5.0))),
        op("powf(-1)", |x| Ok(x[0].powf(-1.0))).exact_output(),
        op("powf(-2)", |x| Ok(x[0].powf(-2.0))),
        op("powf(-3)", |x| Ok(x[0].powf(-3.0))),
        op("powf(0.5)", |x| Ok(x[0].powf(0.5))),
        op("powf(-0.5)", |x| Ok(x[0].powf(-0.5))),
        op("powf(0.3)", |x| Ok(x[0].powf(0.3))),
        op("powf(1.5)", |x| Ok(x[0].powf(1.5))),
        op("powf(-2.5)", |x| Ok(x[0].powf(-2.5))),
        op("powi(0)", |x| Ok(x[0].powi(0))).exact(),
        op("powi(1)", |x| Ok(x[0].powi(1))).exact(),
        op("powi(2)", |x| Ok(x[0].powi(2))).exact_output(),
        op("powi(3)", |x| Ok(x[0].powi(3))),
        op("powi(6)", |x| Ok(x[0].powi(6))),
        op("powi(-1)", |x| Ok(x[0].powi(-1))).exact_output(),
        op("powi(-2)", |x| Ok(x[0].powi(-2))),
        op("powi(-3)", |x| Ok(x[0].powi(-3))),
    ]
}

pub fn activation() -> Vec<Operation> {
    vec![
        op("relu", |x| Ok(x[0].relu())).exact(),
        op("leaky_relu(0.01)", |x| Ok(x[0].leaky_relu(0.01))),
        op("leaky_relu(0.25)", |x| Ok(x[0].leaky_relu(0.25))).exact(),
        op("leaky_relu(0)", |x| Ok(x[0].leaky_relu(0.0))).exact(),
        op("leaky_relu(-0.5)", |x| Ok(x[0].leaky_relu(-0.5))).exact(),
        op("elu(1)", |x| Ok(x[0].elu(1.0))).gradient_near_one(),
        op("elu(0.5)", |x| Ok(x[0].elu(0.5))).gradient_near_one(),
        op("elu(1.7)", |x| Ok(x[0].elu(1.7))).gradient_near_one(),
        op("elu(0)", |x| Ok(x[0].elu(0.0))).exact(),
        op("elu(-0.5)", |x| Ok(x[0].elu(-0.5))).unsigned_zeros(),
        op("selu", |x| Ok(x[0].selu())).gradient_near_one(),
        op("sigmoid", |x| Ok(x[0].sigmoid())).gradient_near_one(),
        op("tanh", |x| Ok(x[0].tanh())).gradient_near_one(),
        op("celu(1)", |x| x[0].celu(1.0)),
        op("celu(0.5)", |x| x[0].celu(0.5)),
        op("celu(-2)", |x| x[0].celu(-2.0)),
        near_one(op("gelu", |x| Ok(x[0].gelu()))),
        // The error of x / √2 counts as often as the exponent of e^(-x²/2) is large.
        op("gelu, by erfc", |x| Ok(x[0].gelu())).loose(&[
            ("spread", 1e-13, 1e-5),
            ("special", 1e-12, 2e-5),
            ("f64 special", 1e-12, 0.0),
        ]),
        near_one(op("gelu_tanh", |x| Ok(x[0].gelu_tanh()))),
        op("silu", |x| Ok(x[0].silu())),
        op("mish", |x| Ok(x[0].mish())),
        op("softplus", |x| Ok(x[0].softplus())),
        op("log_sigmoid", |x| Ok(x[0].log_sigmoid())),
        op("hard_sigmoid", |x| Ok(x[0].hard_sigmoid())),
        op("hard_tanh", |x| Ok(x[0].hard_tanh())).exact(),
        op("hard_swish", |x| Ok(x[0].hard_swish())),
        op("relu6", |x| Ok(x[0].relu6())).exact(),
        op("prelu", |x| x[0].prelu(&x[1])).exact_output(),
    ]
}

pub fn binary() -> Vec<Operation> {
    vec![
        op("add", |x| x[0].add(&x[1])).exact(),
        op("sub", |x| x[0].sub(&x[1])).exact(),
        op("mul", |x| x[0].mul(&x[1])).exact(),
        op("div", |x| x[0].div(&x[1])).exact_output(),
        op("pow", |x| x[0].pow(&x[1])).loose(&[("outer", 1e-12, 2e-5)]),
        op("maximum", |x| x[0].maximum(&x[1]))
            .exact()
            .unsigned_zeros(),
        op("minimum", |x| x[0].minimum(&x[1]))
            .exact()
            .unsigned_zeros(),
        op("atan2", |x| x[0].atan2(&x[1])),
        op("add(x,x)", |x| x[0].add(&x[0])).exact(),
        op("sub(x,x)", |x| x[0].sub(&x[0])).exact(),
        op("mul(x,x)", |x| x[0].mul(&x[0])).exact(),
        op("div(x,x)", |x| x[0].div(&x[0]))
            .exact_output()
            .gradient_sums()
            .loose(&[("same", 1e-13, 2e-5)]),
        op("pow(x,x)", |x| x[0].pow(&x[0])),
        op("maximum(x,x)", |x| x[0].maximum(&x[0])).exact(),
        op("minimum(x,x)", |x| x[0].minimum(&x[0])).exact(),
        op("atan2(x,x)", |x| x[0].atan2(&x[0])),
    ]
}

/// An operation that PyTorch computes by subtracting from 1.
fn near_one(operation: Operation) -> Operation {
    let output = Bound {
        floor: 1.0,
        ..operation.output
    };
    Operation {
        output,
        ..operation.gradient_near_one()
    }
}

/// Where the results are other than PyTorch's, and meant to be.
pub fn differences() -> Vec<Difference> {
    // PyTorch's x / (1 + e^-x) is 0 where e^-x overflows.
    let tail = |operation, tensor, found| Difference {
        operation,
        tensor,
        at: |x| x[0] == -745.0,
        found,
    };
    // At infinity PyTorch multiplies by 0; these are the limits.
    let lowest = |operation| Difference {
        operation,
        tensor: "output",
        at: |x| x[0] == f64::NEG_INFINITY,
        found: |_, _| 0.0,
    };
    let ends = |operation| Difference {
        operation,
        tensor: "grad.0",
        at: |x| x[0].is_infinite(),
        found: |x, g| if x[0] > 0.0 { g } else { 0.0 },
    };
    // PyTorch squares x where the square is infinite.
    let far = |operation, found| Difference {
        operation,
        tensor: "grad.0",
        at: |x| x[0].is_finite() && x[0].abs() > 1e150,
        found,
    };
    vec![
        lowest("gelu"),
        lowest("gelu, by erfc"),
        lowest("gelu_tanh"),
        lowest("silu"),
        lowest("mish"),
        lowest("hard_swish"),
        lowest("leaky_relu(0)"),
        ends("gelu"),
        ends("gelu, by erfc"),
        ends("gelu_tanh"),
        ends("silu"),
        ends("mish"),
        far("asinh", |x, g| g / x[0].abs()),
        far("acosh", |x, g| g / x[0].abs()),
        far("atan", |x, g| g / x[0] / x[0]),
        tail("silu", "output", |x, _| x[0] * x[0].exp()),
        tail("silu", "grad.0", |x, g| g * (x[0] * x[0].exp())),
        tail("mish", "grad.0", |x, g| g * (x[0] * x[0].exp())),
        // PyTorch's formula multiplies 0 by a square that overflows.
        far("gelu_tanh", |x, g| if x[0] > 0.0 { g } else { 0.0 }),
    ]
}

/// Where the results of functions of two operands are other than PyTorch's, and meant to be.
pub fn binary_differences() -> Vec<Difference> {
    // PyTorch's a² + b² is 0 or infinite, or has lost digits.
    let turn = |tensor, found| Difference {
        operation: "atan2",
        tensor,
        at: |x| !(1e-145..1e150).contains(&x[0].hypot(x[1])),
        found,
    };
    vec![
        turn("grad.0", |x, g| g * turned(x[1], x)),
        turn("grad.1", |x, g| g * turned(-x[0], x)),
    ]
}

/// A component over the square of the distance from the origin; 0 at the origin and at infinity.
fn turned(component: f64, x: &[f64]) -> f64 {
    let distance = x[0].hypot(x[1]);
    if distance == 0.0 || distance == f64::INFINITY {
        return 0.0;
    }
    component / distance / distance
}
