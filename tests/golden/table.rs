//! Which call each golden operation stands for, and where the bound on its error has to give.

use crate::operation::{Operation, op};
use crate::run::Difference;

pub fn unary() -> Vec<Operation> {
    vec![
        op("neg", |x| Ok(x[0].neg())),
        op("add_scalar(0.75)", |x| Ok(x[0].add_scalar(0.75))),
        op("add_scalar(-0.1)", |x| Ok(x[0].add_scalar(-0.1))),
        op("mul_scalar(-2.5)", |x| Ok(x[0].mul_scalar(-2.5))),
        op("mul_scalar(0)", |x| Ok(x[0].mul_scalar(0.0))),
        op("div_scalar(3)", |x| Ok(x[0].div_scalar(3.0))),
        op("div_scalar(0)", |x| Ok(x[0].div_scalar(0.0))),
        op("abs", |x| Ok(x[0].abs())),
        op("square", |x| Ok(x[0].square())),
        op("sqrt", |x| Ok(x[0].sqrt())),
        op("rsqrt", |x| Ok(x[0].rsqrt())),
        op("recip", |x| Ok(x[0].recip())),
        op("exp", |x| Ok(x[0].exp())),
        op("exp_m1", |x| Ok(x[0].exp_m1())),
        op("ln", |x| Ok(x[0].ln())),
        op("ln_1p", |x| Ok(x[0].ln_1p())),
        op("sin", |x| Ok(x[0].sin())),
        op("cos", |x| Ok(x[0].cos())),
        op("erf", |x| Ok(x[0].erf())),
        op("clamp(-1,1)", |x| Ok(x[0].clamp(-1.0, 1.0))),
        op("clamp(-0.5,inf)", |x| Ok(x[0].clamp(-0.5, f64::INFINITY))),
        op("clamp(1,-1)", |x| Ok(x[0].clamp(1.0, -1.0))),
        op("floor", |x| Ok(x[0].floor())),
        op("round", |x| Ok(x[0].round())),
    ]
}

pub fn activation() -> Vec<Operation> {
    vec![
        op("relu", |x| Ok(x[0].relu())),
        op("leaky_relu(0.01)", |x| Ok(x[0].leaky_relu(0.01))),
        op("leaky_relu(0.25)", |x| Ok(x[0].leaky_relu(0.25))),
        op("leaky_relu(0)", |x| Ok(x[0].leaky_relu(0.0))),
        op("leaky_relu(-0.5)", |x| Ok(x[0].leaky_relu(-0.5))),
        op("elu(1)", |x| Ok(x[0].elu(1.0))).gradient_near_one(),
        op("elu(0.5)", |x| Ok(x[0].elu(0.5))).gradient_near_one(),
        op("elu(1.7)", |x| Ok(x[0].elu(1.7))).gradient_near_one(),
        op("elu(0)", |x| Ok(x[0].elu(0.0))),
        op("elu(-0.5)", |x| Ok(x[0].elu(-0.5))).unsigned_zeros(),
        op("selu", |x| Ok(x[0].selu())).gradient_near_one(),
        op("sigmoid", |x| Ok(x[0].sigmoid())).gradient_near_one(),
        op("tanh", |x| Ok(x[0].tanh())).gradient_near_one(),
    ]
}

pub fn binary() -> Vec<Operation> {
    vec![
        op("add", |x| x[0].add(&x[1])),
        op("sub", |x| x[0].sub(&x[1])),
        op("mul", |x| x[0].mul(&x[1])),
        op("div", |x| x[0].div(&x[1])),
        op("pow", |x| x[0].pow(&x[1])).loose(&[("outer", 1e-12, 2e-5)]),
        op("maximum", |x| x[0].maximum(&x[1])).unsigned_zeros(),
        op("minimum", |x| x[0].minimum(&x[1])).unsigned_zeros(),
        op("atan2", |x| x[0].atan2(&x[1])).only_f64(&["special"]),
        op("add(x,x)", |x| x[0].add(&x[0])),
        op("sub(x,x)", |x| x[0].sub(&x[0])),
        op("mul(x,x)", |x| x[0].mul(&x[0])),
        op("div(x,x)", |x| x[0].div(&x[0]))
            .gradient_sums()
            .loose(&[("same", 1e-13, 2e-5)]),
        op("pow(x,x)", |x| x[0].pow(&x[0])),
        op("maximum(x,x)", |x| x[0].maximum(&x[0])),
        op("minimum(x,x)", |x| x[0].minimum(&x[0])),
        op("atan2(x,x)", |x| x[0].atan2(&x[0])),
    ]
}

pub fn reduce() -> Vec<Operation> {
    vec![
        op("sum", |x| Ok(x[0].sum())).sums(),
        op("mean", |x| Ok(x[0].mean())).sums(),
        op("sum_axes(0)", |x| x[0].sum_axes(&[0])).sums(),
        op("sum_axes(1)", |x| x[0].sum_axes(&[1])).sums(),
        op("sum_axes(-1)", |x| x[0].sum_axes(&[-1])).sums(),
        op("sum_axes(0,1)", |x| x[0].sum_axes(&[0, 1])).sums(),
        op("sum_axes(1,2)", |x| x[0].sum_axes(&[1, 2])).sums(),
        op("sum_axes(-1,0)", |x| x[0].sum_axes(&[-1, 0])).sums(),
        op("sum_axes(0,1,2)", |x| x[0].sum_axes(&[0, 1, 2])).sums(),
        op("sum_axes_keep(0)", |x| x[0].sum_axes_keep(&[0])).sums(),
        op("sum_axes_keep(1)", |x| x[0].sum_axes_keep(&[1])).sums(),
        op("sum_axes_keep(-1)", |x| x[0].sum_axes_keep(&[-1])).sums(),
        op("sum_axes_keep(0,1)", |x| x[0].sum_axes_keep(&[0, 1])).sums(),
        op("sum_axes_keep(1,2)", |x| x[0].sum_axes_keep(&[1, 2])).sums(),
        op("sum_axes_keep(-1,0)", |x| x[0].sum_axes_keep(&[-1, 0])).sums(),
        op("sum_axes_keep(0,1,2)", |x| x[0].sum_axes_keep(&[0, 1, 2])).sums(),
        op("mean_axes(0)", |x| x[0].mean_axes(&[0])).sums(),
        op("mean_axes(1)", |x| x[0].mean_axes(&[1])).sums(),
        op("mean_axes(-1)", |x| x[0].mean_axes(&[-1])).sums(),
        op("mean_axes(0,1)", |x| x[0].mean_axes(&[0, 1])).sums(),
        op("mean_axes(1,2)", |x| x[0].mean_axes(&[1, 2])).sums(),
        op("mean_axes(-1,0)", |x| x[0].mean_axes(&[-1, 0])).sums(),
        op("mean_axes(0,1,2)", |x| x[0].mean_axes(&[0, 1, 2])).sums(),
        op("mean_axes_keep(0)", |x| x[0].mean_axes_keep(&[0])).sums(),
        op("mean_axes_keep(1)", |x| x[0].mean_axes_keep(&[1])).sums(),
        op("mean_axes_keep(-1)", |x| x[0].mean_axes_keep(&[-1])).sums(),
        op("mean_axes_keep(0,1)", |x| x[0].mean_axes_keep(&[0, 1])).sums(),
        op("mean_axes_keep(1,2)", |x| x[0].mean_axes_keep(&[1, 2])).sums(),
        op("mean_axes_keep(-1,0)", |x| x[0].mean_axes_keep(&[-1, 0])).sums(),
        op("mean_axes_keep(0,1,2)", |x| x[0].mean_axes_keep(&[0, 1, 2])).sums(),
    ]
}

pub fn shape() -> Vec<Operation> {
    vec![
        op("reshape(6,4)", |x| x[0].reshape([6, 4])).moves(),
        op("reshape(24)", |x| x[0].reshape([24])).moves(),
        op("reshape(2,3,1,4)", |x| x[0].reshape([2, 3, 1, 4])).moves(),
        op("flatten", |x| x[0].flatten()).moves(),
        op("permute(2,0,1)", |x| x[0].permute(&[2, 0, 1])).moves(),
        op("permute(1,0,2)", |x| x[0].permute(&[1, 0, 2])).moves(),
        op("permute(0,1,2)", |x| x[0].permute(&[0, 1, 2])).moves(),
        op("permute(2,0,1).reshape(8,3)", |x| {
            x[0].permute(&[2, 0, 1])?.reshape([8, 3])
        })
        .moves(),
        op("transpose(0,2)", |x| x[0].transpose(0, 2)).moves(),
        op("transpose(-1,-2)", |x| x[0].transpose(-1, -2)).moves(),
        op("transpose(1,1)", |x| x[0].transpose(1, 1)).moves(),
        op("unsqueeze(0)", |x| x[0].unsqueeze(0)).moves(),
        op("unsqueeze(2)", |x| x[0].unsqueeze(2)).moves(),
        op("unsqueeze(-1)", |x| x[0].unsqueeze(-1)).moves(),
        op("unsqueeze(1).broadcast_to(2,5,3,4)", |x| {
            x[0].unsqueeze(1)?.broadcast_to([2, 5, 3, 4])
        })
        .copies(),
        op("broadcast_to(3,2,3,4)", |x| x[0].broadcast_to([3, 2, 3, 4])).copies(),
        op("broadcast_to(2,3,4,5)", |x| x[0].broadcast_to([2, 3, 4, 5])).copies(),
        op("narrow(1,1,2)", |x| x[0].narrow(1, 1, 2)).moves(),
        op("narrow(-1,0,1)", |x| x[0].narrow(-1, 0, 1)).moves(),
        op("narrow(0,1,0)", |x| x[0].narrow(0, 1, 0)).moves(),
        op("narrow(2,1,3).transpose(0,2)", |x| {
            x[0].narrow(2, 1, 3)?.transpose(0, 2)
        })
        .moves(),
        op("squeeze(1)", |x| x[0].squeeze(1)).moves(),
        op("squeeze(-1)", |x| x[0].squeeze(-1)).moves(),
        op("index_select(0)", |x| x[0].index_select(0, x.indices())).copies(),
        op("index_select(1)", |x| x[0].index_select(1, x.indices())).copies(),
        op("index_select(-1)", |x| x[0].index_select(-1, x.indices())).copies(),
    ]
}

pub fn matmul() -> Vec<Operation> {
    vec![
        op("matmul", |x| x[0].matmul(&x[1])).sums(),
        op("matmul(x,x)", |x| x[0].matmul(&x[0])).sums(),
        op("linear", |x| x[0].linear(&x[1], Some(&x[2]))).sums(),
        op("linear without bias", |x| x[0].linear(&x[1], None)).sums(),
    ]
}

pub fn softmax() -> Vec<Operation> {
    vec![
        op("softmax(0)", |x| x[0].softmax(0)).gradient_sums(),
        op("softmax(1)", |x| x[0].softmax(1)).gradient_sums(),
        op("softmax(-1)", |x| x[0].softmax(-1)).gradient_sums(),
        op("log_softmax(0)", |x| x[0].log_softmax(0)).sums(),
        op("log_softmax(1)", |x| x[0].log_softmax(1)).sums(),
        op("log_softmax(-1)", |x| x[0].log_softmax(-1)).sums(),
    ]
}

pub fn losses() -> Vec<Operation> {
    vec![
        op("cross_entropy", |x| x[0].cross_entropy(x.indices())).gradient_sums(),
        op("linear cross_entropy", |x| {
            x[0].linear(&x[1], Some(&x[2]))?.cross_entropy(x.indices())
        })
        .sums(),
        op("linear tanh linear cross_entropy", |x| {
            let hidden = x[0].linear(&x[1], Some(&x[2]))?.tanh();
            hidden
                .linear(&x[3], Some(&x[4]))?
                .cross_entropy(x.indices())
        })
        .sums(),
        op("linear batch_norm elu cross_entropy", |x| {
            let (hidden, _) =
                x[0].linear(&x[1], None)?
                    .batch_norm(Some(&x[2]), Some(&x[3]), 1e-5)?;
            hidden.elu(1.0).cross_entropy(x.indices())
        })
        .sums(),
    ]
}

/// A mean of 1e4 is known to the digits that its type has left, half of 1e-3 in `f32`; in `f64` it is
/// PyTorch that rounds, which multiplies by the scale before it subtracts the mean. A channel that is
/// constant has a scale of 1 / sqrt(epsilon) by which such roundings grow.
const ROUNDED: &[(&str, f64, f64)] = &[("offset", 1e-11, 2e-3), ("constant", 1e-12, 1e-3)];

pub fn batch_norm() -> Vec<Operation> {
    vec![
        op("batch_norm(1e-5)", |x| {
            x.keep(x[0].batch_norm(None, None, 1e-5))
        }),
        op("batch_norm(gamma,1e-5)", |x| {
            x.keep(x[0].batch_norm(Some(&x[1]), None, 1e-5))
        }),
        op("batch_norm(beta,1e-5)", |x| {
            x.keep(x[0].batch_norm(None, Some(&x[1]), 1e-5))
        }),
        op("batch_norm(gamma,beta,1e-5)", |x| {
            x.keep(x[0].batch_norm(Some(&x[1]), Some(&x[2]), 1e-5))
        }),
        op("batch_norm(gamma,beta,1e-1)", |x| {
            x.keep(x[0].batch_norm(Some(&x[1]), Some(&x[2]), 1e-1))
        }),
        op("batch_norm_with(1e-5)", |x| {
            let (mean, variance) = x.given();
            x[0].batch_norm_with(mean, variance, None, None, 1e-5)
        }),
        op("batch_norm_with(gamma,beta,1e-5)", |x| {
            let (mean, variance) = x.given();
            x[0].batch_norm_with(mean, variance, Some(&x[1]), Some(&x[2]), 1e-5)
        }),
        op("batch_norm_with(gamma,beta,1e-1)", |x| {
            let (mean, variance) = x.given();
            x[0].batch_norm_with(mean, variance, Some(&x[1]), Some(&x[2]), 1e-1)
        }),
    ]
    .into_iter()
    .map(|operation| operation.sums().loose(ROUNDED))
    .collect()
}

/// Where the results are other than PyTorch's, and meant to be.
pub fn differences() -> Vec<Difference> {
    // The argument is reduced exactly up to 2^30 and no longer at all from 2^50 on, where a finite
    // one counts as 0: what depends on such an angle depends on rounding errors.
    let beyond = |operation, tensor, found| Difference {
        operation,
        tensor,
        at: |x| x[0].is_finite() && x[0].abs() >= 2f64.powi(50),
        found,
    };
    vec![
        beyond("sin", "output", |x, _| 0f64.copysign(x[0])),
        beyond("sin", "grad.0", |_, g| g),
        beyond("cos", "output", |_, _| 1.0),
        beyond("cos", "grad.0", |_, _| 0.0),
    ]
}
