//! Operations on operands as they are, where the table moves them away from kinks and poles: for
//! tests that are about such places.

use super::Domain::Signed;
use super::Operation;
use cotangent::prelude::{Indices, Reduction, Result, Tensor};
use cotangent::{Axes, Norm};

/// What the table calls on sums, multiples and exponentials of its operands, and what has no gradient.
#[allow(dead_code)] // Not all tests that hold the table are about such places.
pub fn raw() -> Vec<Operation> {
    let mut all = vec![
        Operation::unary("powf(3) raw", Signed, |x| x.powf(3.0)),
        Operation::unary("powf(-2) raw", Signed, |x| x.powf(-2.0)),
        Operation::unary("powf(-3) raw", Signed, |x| x.powf(-3.0)),
        Operation::unary("powf(-2.3) raw", Signed, |x| x.powf(-2.3)),
        Operation::unary("powf(1e30) raw", Signed, |x| x.powf(1e30)),
        Operation::unary("powf(1e-30) raw", Signed, |x| x.powf(1e-30)),
        Operation::unary("powi(5) raw", Signed, |x| x.powi(5)),
        Operation::unary("powi(-2) raw", Signed, |x| x.powi(-2)),
        Operation::unary("powi(3) raw", Signed, |x| x.powi(3)),
        Operation::unary("tan raw", Signed, Tensor::tan),
        Operation::unary("asin raw", Signed, Tensor::asin),
        Operation::unary("acos raw", Signed, Tensor::acos),
        Operation::unary("acosh raw", Signed, Tensor::acosh),
        Operation::unary("atanh raw", Signed, Tensor::atanh),
    ];
    all.extend(operations! { [m, k, n]
        "max raw", Signed: (m, k) => (), |x| x[0].max(), refused if m * k == 0;
        "max over the last raw", Signed: (m, k) => (m), |x| x[0].max_over(-1), refused if k == 0;
        "max over the first raw", Signed: (m, k) => (k), |x| x[0].max_over(0), refused if m == 0;
        "min raw", Signed: (m, k) => (), |x| x[0].min(), refused if m * k == 0;
        "min over the outer raw", Signed: (m, k, n) => (k), |x| x[0].min_over([0, 2]), refused if m * n == 0;
        "std raw", Signed: (m, k) => (), |x| Ok(x[0].std());
        "std over the first raw", Signed: (m, k) => (k), |x| x[0].std_over(0, 1.0);
        "std over the last, of all, raw", Signed: (m, k) => (m), |x| x[0].std_over(1, 0.0);
        "var raw", Signed: (m, k) => (), |x| Ok(x[0].var());
        "var over the last raw", Signed: (m, k) => (m), |x| x[0].var_over(-1, 1.0);
        "var keeping the outer raw", Signed: (m, k, n) => (1, k, 1), |x| x[0].var_over(Axes::keep([0, 2]), 0.0);
        "norm LInf raw", Signed: (m, k) => (), |x| x[0].norm(Norm::LInf), refused if m * k == 0;
        "norm LInf over the last raw", Signed: (m, k) => (m), |x| x[0].norm_over(Norm::LInf, 1),
            refused if k == 0;
        "norm L2 of pairs raw", Signed: (m, k) (m, k) => (m), |x| x[0].sub(&x[1])?.norm_over(Norm::L2, 1);
        "sort raw", Signed: (m, k) => (m, k), |x| Ok(x[0].sort(-1, false)?.0);
        "sort of columns, descending, raw", Signed: (m, k) => (m, k), |x| Ok(x[0].sort(0, true)?.0);
        "top_k raw", Signed: (m, k) => (m, 1), |x| Ok(x[0].top_k(1, 1, true)?.0), refused if k == 0;
        "softmax of pairs raw", Signed: (m, 2) => (m, 2), |x| x[0].softmax(1);
        "kl_div raw", Signed: (m, k) (m, k) => (m, k), |x| x[0].kl_div(&x[1], Reduction::None);
        "layer_norm, tiny epsilon, raw", Signed: (m, k) => (m, k),
            |x| x[0].layer_norm([x[0].shape()[1]], None, None, 1e-5);
        "batch_norm, tiny epsilon, raw", Signed: (m, k) => (m, k),
            |x| Ok(x[0].batch_norm(None, None, 1e-5)?.0), refused if m < 2;
        "batch_norm statistics: mean, raw", Signed: (m, k) => (k),
            |x| Ok(of_statistics(&x[0])?.0), refused if m < 2;
        "batch_norm statistics: variance, raw", Signed: (m, k) => (k),
            |x| Ok(of_statistics(&x[0])?.1), refused if m < 2;
        "lt raw", Signed: (m, k) (m, k) => (m, k), |x| Ok(x[0].lt(&x[1])?.to_tensor(x[0].dtype()));
        "le raw", Signed: (m, k) (m, k) => (m, k), |x| Ok(x[0].le(&x[1])?.to_tensor(x[0].dtype()));
        "gt raw", Signed: (m, k) (m, k) => (m, k), |x| Ok(x[0].gt(&x[1])?.to_tensor(x[0].dtype()));
        "ge raw", Signed: (m, k) (m, k) => (m, k), |x| Ok(x[0].ge(&x[1])?.to_tensor(x[0].dtype()));
        "eq raw", Signed: (m, k) (m, k) => (m, k), |x| Ok(x[0].eq(&x[1])?.to_tensor(x[0].dtype()));
        "ne raw", Signed: (m, k) (m, k) => (m, k), |x| Ok(x[0].ne(&x[1])?.to_tensor(x[0].dtype()));
        "argmax raw", Signed: (m, k) => (m), |x| numbers(&x[0].argmax(1)?, &x[0]), refused if k == 0;
        "argmin raw", Signed: (m, k) => (m), |x| numbers(&x[0].argmin(1)?, &x[0]), refused if k == 0;
    });
    all
}

fn of_statistics(x: &Tensor) -> Result<(Tensor, Tensor)> {
    let statistics = x.batch_norm(None, None, 1e-5)?.1;
    Ok((statistics.mean, statistics.variance))
}

fn numbers(indices: &Indices, like: &Tensor) -> Result<Tensor> {
    let numbers: Vec<f64> = indices.as_slice().iter().map(|&i| i as f64).collect();
    Ok(Tensor::from_vec(numbers, indices.shape())?.to_dtype(like.dtype()))
}
