//! Reductions, and running results along an axis.

use crate::operation::{Operation, op};
use cotangent::{Axes, Norm};

/// A reduction over each list of axes of the golden cases, dropped and kept.
macro_rules! over_axes {
    ($name:literal, $behind:literal, |$x:ident, $axes:ident| $call:expr) => {
        over_axes!(
            $name, $behind, |$x, $axes| $call;
            "0" [0], "1" [1], "-1" [-1], "0,1" [0, 1], "1,2" [1, 2], "-1,0" [-1, 0], "0,1,2" [0, 1, 2]
        )
    };
    ($name:literal, $behind:literal, |$x:ident, $axes:ident| $call:expr; $($text:literal $list:expr),*) => {
        vec![$(
            op(concat!($name, "_over(", $text, ")", $behind), |$x| {
                let $axes = Axes::from($list);
                $call
            }),
            op(concat!($name, "_over(keep ", $text, ")", $behind), |$x| {
                let $axes = Axes::keep($list);
                $call
            }),
        )*]
    };
}

fn joined(parts: Vec<Vec<Operation>>) -> impl Iterator<Item = Operation> {
    parts.into_iter().flatten()
}

pub fn reduce() -> Vec<Operation> {
    joined(vec![
        vec![
            op("sum", |x| Ok(x[0].sum())),
            op("mean", |x| Ok(x[0].mean())),
        ],
        over_axes!("sum", "", |x, axes| x[0].sum_over(axes)),
        over_axes!("mean", "", |x, axes| x[0].mean_over(axes)),
    ])
    .map(Operation::sums)
    .collect()
}

pub fn product() -> Vec<Operation> {
    joined(vec![
        vec![
            op("prod", |x| Ok(x[0].prod())),
            op("cumsum(0)", |x| x[0].cumsum(0)),
            op("cumsum(1)", |x| x[0].cumsum(1)),
            op("cumsum(-1)", |x| x[0].cumsum(-1)),
            op("cumprod(0)", |x| x[0].cumprod(0)),
            op("cumprod(1)", |x| x[0].cumprod(1)),
            op("cumprod(-1)", |x| x[0].cumprod(-1)),
        ],
        over_axes!("prod", "", |x, axes| x[0].prod_over(axes)),
    ])
    .map(Operation::sums)
    .collect()
}

pub fn extremes() -> Vec<Operation> {
    joined(vec![
        vec![op("max", |x| x[0].max()), op("min", |x| x[0].min())],
        over_axes!("max", "", |x, axes| x[0].max_over(axes)),
        over_axes!("min", "", |x, axes| x[0].min_over(axes)),
    ])
    .map(Operation::moves)
    .collect()
}

/// Rows of elements of 1e4, in `f64`: PyTorch's gradient is e^(x - y), with y rounded.
const ROUNDED: &[(&str, f64, f64)] = &[("rows", 1e-12, 2e-6)];

pub fn statistics() -> Vec<Operation> {
    let spreads = joined(vec![
        vec![op("var", |x| Ok(x[0].var())), op("std", |x| Ok(x[0].std()))],
        over_axes!("var", " - 1", |x, axes| x[0].var_over(axes, 1.0)),
        over_axes!("var", " - 0", |x, axes| x[0].var_over(axes, 0.0)),
        over_axes!("var", " - 0.5", |x, axes| x[0].var_over(axes, 0.5)),
        over_axes!("std", " - 1", |x, axes| x[0].std_over(axes, 1.0)),
        over_axes!("std", " - 0", |x, axes| x[0].std_over(axes, 0.0)),
        over_axes!("std", " - 0.5", |x, axes| x[0].std_over(axes, 0.5)),
        vec![
            op("var_over(0) - 2", |x| x[0].var_over(0, 2.0)),
            op("std_over(0) - 2", |x| x[0].std_over(0, 2.0)),
        ],
    ]);
    let others = joined(vec![
        vec![
            op("logsumexp", |x| Ok(x[0].logsumexp())),
            op("norm L1", |x| x[0].norm(Norm::L1)),
            op("norm L2", |x| x[0].norm(Norm::L2)),
            op("norm LInf", |x| x[0].norm(Norm::LInf)),
        ],
        over_axes!("logsumexp", "", |x, axes| x[0].logsumexp_over(axes))
            .into_iter()
            .map(|operation| operation.loose(ROUNDED))
            .collect(),
        over_axes!("norm L1", "", |x, axes| x[0].norm_over(Norm::L1, axes)),
        over_axes!("norm L2", "", |x, axes| x[0].norm_over(Norm::L2, axes)),
        over_axes!("norm LInf", "", |x, axes| x[0].norm_over(Norm::LInf, axes)),
    ]);
    spreads.chain(others).map(Operation::sums).collect()
}
