//! Softmax, normalizations.

use crate::operation::{Operation, op};
use cotangent::{Result, Tensor};

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

/// Over the last axes of the input.
fn layer_norm(
    x: &Tensor,
    axes: usize,
    gamma: Option<&Tensor>,
    beta: Option<&Tensor>,
    epsilon: f64,
) -> Result<Tensor> {
    let normalized = &x.shape()[x.rank() - axes..];
    x.layer_norm(normalized, gamma, beta, epsilon)
}

macro_rules! layer_norms {
    ($(over $axes:literal: $($name:literal $gamma:expr, $beta:expr, $epsilon:expr;)*)*) => {
        vec![$($(
            op(concat!("layer_norm(", $name, ") over ", $axes), |x| {
                let (gamma, beta): (Option<usize>, Option<usize>) = ($gamma, $beta);
                layer_norm(&x[0], $axes, gamma.map(|i| &x[i]), beta.map(|i| &x[i]), $epsilon)
            })
            .sums(),
        )*)*]
    };
}

pub fn layer_norms() -> Vec<Operation> {
    // PyTorch is what rounds: it multiplies by the scale before it subtracts the mean. A constant
    // row's scale is 1 / sqrt(epsilon), by which the roundings of its mean grow.
    const ROUNDED: &[(&str, f64, f64)] = &[("offset", 1e-11, 1e-5), ("constant", 1e-11, 1e-4)];
    layer_norms! {
        over 1:
        "1e-5" None, None, 1e-5;
        "gamma,beta,1e-5" Some(1), Some(2), 1e-5;
        "gamma,beta,1e-1" Some(1), Some(2), 0.1;
        "gamma,1e-5" Some(1), None, 1e-5;
        "beta,1e-5" None, Some(1), 1e-5;
        over 2:
        "1e-5" None, None, 1e-5;
        "gamma,beta,1e-5" Some(1), Some(2), 1e-5;
        "gamma,beta,1e-1" Some(1), Some(2), 0.1;
        "gamma,1e-5" Some(1), None, 1e-5;
        "beta,1e-5" None, Some(1), 1e-5;
        over 3:
        "1e-5" None, None, 1e-5;
        "gamma,beta,1e-5" Some(1), Some(2), 1e-5;
    }
    .into_iter()
    .map(|operation| operation.loose(ROUNDED))
    .collect()
}

pub fn rms_norms() -> Vec<Operation> {
    fn rms_norm(x: &Tensor, axes: usize, gamma: Option<&Tensor>, epsilon: f64) -> Result<Tensor> {
        x.rms_norm(&x.shape()[x.rank() - axes..], gamma, epsilon)
    }
    vec![
        op("rms_norm(1e-5) over 1", |x| rms_norm(&x[0], 1, None, 1e-5)),
        op("rms_norm(gamma,1e-1) over 1", |x| {
            rms_norm(&x[0], 1, Some(&x[1]), 0.1)
        }),
        op("rms_norm(1e-5) over 2", |x| rms_norm(&x[0], 2, None, 1e-5)),
        op("rms_norm(gamma,1e-1) over 2", |x| {
            rms_norm(&x[0], 2, Some(&x[1]), 0.1)
        }),
    ]
    .into_iter()
    .map(Operation::sums)
    .collect()
}
