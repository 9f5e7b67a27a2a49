//! Softmax, normalizations, dropout.

use super::Domain::{Positive, Signed};
use super::{Operation, values};
use cotangent::prelude::{Result, Tensor};

/// Softmax, batch and layer normalization, dropout.
pub fn normalizations() -> Vec<Operation> {
    operations! { [m, k, n]
        "softmax", Signed: (m, k) => (m, k), |x| x[0].softmax(-1);
        "softmax of columns", Signed: (m, k) => (m, k), |x| x[0].softmax(0);
        "softmax of the middle", Signed: (m, k, n) => (m, k, n), |x| x[0].softmax(1);
        "log_softmax", Signed: (m, k) => (m, k), |x| x[0].log_softmax(-1);
        "log_softmax of columns", Signed: (m, k) => (m, k), |x| x[0].log_softmax(0);
        "log_softmax of the middle", Signed: (m, k, n) => (m, k, n), |x| x[0].log_softmax(1);
        "batch_norm", Signed: (m, k) => (m, k), |x| Ok(x[0].batch_norm(None, None, 0.1)?.0),
            refused if m < 2;
        "batch_norm, affine", Signed: (m, k) (k) (k) => (m, k),
            |x| Ok(x[0].batch_norm(Some(&x[1]), Some(&x[2]), 1e-3)?.0), refused if m < 2;
        "batch_norm, gamma", Signed: (m, k) (k) => (m, k),
            |x| Ok(x[0].batch_norm(Some(&x[1]), None, 0.1)?.0), refused if m < 2;
        "batch_norm, beta", Signed: (m, k) (k) => (m, k),
            |x| Ok(x[0].batch_norm(None, Some(&x[1]), 0.1)?.0), refused if m < 2;
        "batch_norm of lines", Signed: (m, k, n) => (m, k, n),
            |x| Ok(x[0].batch_norm(None, None, 0.1)?.0), refused if m * n < 2;
        "batch_norm of lines, affine", Signed: (m, k, n) (k) (k) => (m, k, n),
            |x| Ok(x[0].batch_norm(Some(&x[1]), Some(&x[2]), 1e-3)?.0), refused if m * n < 2;
        "batch_norm_with", Signed: (m, k) => (m, k), |x| given_statistics(&x[0], None, None);
        "batch_norm_with, affine", Signed: (m, k) (k) (k) => (m, k),
            |x| given_statistics(&x[0], Some(&x[1]), Some(&x[2]));
        "batch_norm_with of lines", Signed: (m, k, n) => (m, k, n), |x| given_statistics(&x[0], None, None);
        "batch_norm_with of lines, affine", Signed: (m, k, n) (k) (k) => (m, k, n),
            |x| given_statistics(&x[0], Some(&x[1]), Some(&x[2]));
        "layer_norm", Signed: (m, k) => (m, k), |x| layer_norm(&x[0], 1, None, None);
        "layer_norm, affine", Signed: (m, k) (k) (k) => (m, k),
            |x| layer_norm(&x[0], 1, Some(&x[1]), Some(&x[2]));
        "layer_norm, gamma", Signed: (m, k) (k) => (m, k),
            |x| layer_norm(&x[0], 1, Some(&x[1]), None);
        "layer_norm, beta", Signed: (m, k) (k) => (m, k),
            |x| layer_norm(&x[0], 1, None, Some(&x[1]));
        "layer_norm of planes, affine", Signed: (m, k, n) (k, n) (k, n) => (m, k, n),
            |x| layer_norm(&x[0], 2, Some(&x[1]), Some(&x[2]));
        "layer_norm of everything", Signed: (m, k) => (m, k), |x| layer_norm(&x[0], 2, None, None);
        "rms_norm", Signed: (m, k) => (m, k), |x| x[0].rms_norm(&x[0].shape()[1..], None, 0.1);
        "rms_norm, gamma", Signed: (m, k) (k) => (m, k),
            |x| x[0].rms_norm(x[1].shape(), Some(&x[1]), 0.1);
        "rms_norm of planes, gamma", Signed: (m, k, n) (k, n) => (m, k, n),
            |x| x[0].rms_norm(x[1].shape(), Some(&x[1]), 0.1);
        "dropout", Signed: (m, k) => (m, k), |x| x[0].dropout(0.4, 7);
        "no dropout", Signed: (m, k) => (m, k), |x| x[0].mul_scalar(2.0).dropout(0.0, 7);
        "alpha_dropout", Signed: (m, k) => (m, k), |x| x[0].alpha_dropout(0.4, 7);
        "no alpha_dropout", Signed: (m, k) => (m, k), |x| x[0].mul_scalar(2.0).alpha_dropout(0.0, 7);
    }
}

fn given_statistics(x: &Tensor, gamma: Option<&Tensor>, beta: Option<&Tensor>) -> Result<Tensor> {
    let channels = [x.shape()[1]];
    let mean = values(&channels, Signed, x.dtype(), 71)?;
    let variance = values(&channels, Positive, x.dtype(), 72)?;
    x.batch_norm_with(&mean, &variance, gamma, beta, 1e-5)
}

fn layer_norm(
    x: &Tensor,
    axes: usize,
    gamma: Option<&Tensor>,
    beta: Option<&Tensor>,
) -> Result<Tensor> {
    x.layer_norm(&x.shape()[x.rank() - axes..], gamma, beta, 0.1)
}
