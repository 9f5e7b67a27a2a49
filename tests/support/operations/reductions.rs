//! Reductions, and running results along an axis.

use super::Domain::Signed;
use super::Entry;
use super::golden::golden;
use cotangent::{Axes, Indices, Norm, Result, Tensor};

/// A reduction over several lists of axes, dropped and kept: the data file, the begin and the end
/// of its name, the call, PyTorch's expression, the cases, the bounds.
macro_rules! over_axes {
    ($file:literal, $name:literal, $behind:literal, |$x:ident, $axes:ident| $call:expr,
        $torch:literal, $cases:literal $($bound:tt)*) => {
        over_axes!(@ $file, $name, $behind, |$x, $axes| $call, $torch, $cases, ($($bound)*);
            "0" [0], "1" [1], "-1" [-1], "0,1" [0, 1], "1,2" [1, 2], "-1,0" [-1, 0],
                "0,1,2" [0, 1, 2])
    };
    (@ $file:literal, $name:literal, $behind:literal, |$x:ident, $axes:ident| $call:expr,
        $torch:literal, $cases:literal, $bound:tt; $($text:literal $list:expr),*) => {
        vec![$(
            over_axes!(@row $file, concat!($name, "_over(", $text, ")", $behind), |$x, $axes| $call,
                $torch, concat!("(", $text, ",)"), "False", $cases, Axes::from($list), $bound),
            over_axes!(@row $file, concat!($name, "_over(keep ", $text, ")", $behind), |$x,
                $axes| $call,
                $torch, concat!("(", $text, ",)"), "True", $cases, Axes::keep($list), $bound),
        )*]
    };
    (@row $file:literal, $name:expr, |$x:ident, $axes:ident| $call:expr,
        $torch:literal, $text:expr, $keep:literal, $cases:literal, $list:expr, ($($bound:tt)*)) => {
        golden($file, $name, |$x| {
            let $axes = $list;
            $call
        })
        .torch($torch.replace("{axes}", $text).replace("{keep}", $keep), $cases)
        $($bound)*
    };
}

/// For rows of elements of 1e4 in `f64`: PyTorch's gradient is e^(x - y) with a rounded y.
const ROUNDED: &[(&str, f64, f64)] = &[("rows", 1e-12, 2e-6)];

/// Sums, means, products, extremes, variances, norms, log-sum-exp, running sums and products.
pub fn reductions() -> Vec<Entry> {
    operations! { [m, k, n]
        sum {
            check "sum", Signed: (m, k) => (), |x| Ok(x[0].sum());
            golden golden("reduce", "sum", |x| Ok(x[0].sum()))
                .torch("torch.sum(x)", "reduced()").sums();
            draw 1 Close |x, p| x[0].sum();
        }
        mean {
            check "mean", Signed: (m, k) => (), |x| Ok(x[0].mean());
            golden golden("reduce", "mean", |x| Ok(x[0].mean()))
                .torch("torch.mean(x)", "reduced()").sums();
            draw 1 Close |x, p| x[0].mean();
        }
        sum_over {
            check "sum over nothing", Signed: (m, k) => (m, k), |x| x[0].sum_over([]);
            check "sum over the first", Signed: (m, k) => (k), |x| x[0].sum_over(0);
            check "sum over the last", Signed: (m, k) => (m), |x| x[0].sum_over(-1);
            check "sum over the middle", Signed: (m, k, n) => (m, n), |x| x[0].sum_over(1);
            check "sum over the outer", Signed: (m, k, n) => (k), |x| x[0].sum_over([2, 0]);
            check "sum over all", Signed: (m, k, n) => (), |x| x[0].sum_over([0, 1, 2]);
            check "sum keeping the first", Signed: (m, k) => (1, k),
                |x| x[0].sum_over(Axes::keep(0));
            check "sum keeping the outer", Signed: (m, k, n) => (1, k, 1),
                |x| x[0].sum_over(Axes::keep([0, 2]));
            golden over_axes!("reduce", "sum", "", |x, axes| x[0].sum_over(axes),
                "torch.sum(x, dim={axes}, keepdim={keep})", "reduced()".sums());
            draw 1 Close |x, p| x[0].sum_over(p.axes.clone());
            draw 1 Close |x, p| x[0].sum_over(Axes::keep(p.axes.clone()));
        }
        mean_over {
            check "mean over the first", Signed: (m, k) => (k), |x| x[0].mean_over(0);
            check "mean over the outer", Signed: (m, k, n) => (k), |x| x[0].mean_over([0, 2]);
            check "mean keeping the last", Signed: (m, k, n) => (m, k, 1),
                |x| x[0].mean_over(Axes::keep(-1));
            check "mean of a broadcast axis", Signed: (1, k) => (k), |x| x[0].mean_over(0);
            golden over_axes!("reduce", "mean", "", |x, axes| x[0].mean_over(axes),
                "torch.mean(x, dim={axes}, keepdim={keep})", "reduced()".sums());
            draw 1 Close |x, p| x[0].mean_over(p.axes.clone());
        }
        prod {
            check "prod", Signed: (m, k) => (), |x| Ok(x[0].prod());
            golden golden("product", "prod", |x| Ok(x[0].prod()))
                .torch("x.prod()", "product()").sums();
            draw 1 Close |x, p| x[0].prod();
        }
        prod_over {
            check "prod over the last", Signed: (m, k) => (m), |x| x[0].prod_over(-1);
            check "prod over nothing", Signed: (m, k) => (m, k), |x| x[0].prod_over([]);
            check "prod over the middle", Signed: (m, k, n) => (m, n), |x| x[0].prod_over(1);
            check "prod keeping the outer", Signed: (m, k, n) => (1, k, 1),
                |x| x[0].prod_over(Axes::keep([0, -1]));
            golden over_axes!("product", "prod", "", |x, axes| x[0].prod_over(axes),
                "prod_over(x, {axes}, {keep})", "product()".sums());
            draw 1 Close |x, p| x[0].prod_over(p.axes.clone());
        }
        cumsum {
            check "cumsum", Signed: (m, k) => (m, k), |x| x[0].cumsum(-1);
            check "cumsum of columns", Signed: (m, k) => (m, k), |x| x[0].cumsum(0);
            check "cumsum of the middle", Signed: (m, k, n) => (m, k, n), |x| x[0].cumsum(1);
            golden golden("product", "cumsum(0)", |x| x[0].cumsum(0))
                .torch("x.cumsum(0)", "product()").sums();
            golden golden("product", "cumsum(1)", |x| x[0].cumsum(1))
                .torch("x.cumsum(1)", "product()").sums();
            golden golden("product", "cumsum(-1)", |x| x[0].cumsum(-1))
                .torch("x.cumsum(-1)", "product()").sums();
            draw 1 Same |x, p| x[0].cumsum(p.axis);
        }
        cumprod {
            check "cumprod", Signed: (m, k) => (m, k), |x| x[0].cumprod(-1);
            check "cumprod of columns", Signed: (m, k) => (m, k), |x| x[0].cumprod(0);
            check "cumprod of the middle", Signed: (m, k, n) => (m, k, n), |x| x[0].cumprod(1);
            golden golden("product", "cumprod(0)", |x| x[0].cumprod(0))
                .torch("x.cumprod(0)", "product()").sums();
            golden golden("product", "cumprod(1)", |x| x[0].cumprod(1))
                .torch("x.cumprod(1)", "product()").sums();
            golden golden("product", "cumprod(-1)", |x| x[0].cumprod(-1))
                .torch("x.cumprod(-1)", "product()").sums();
            draw 1 Same |x, p| x[0].cumprod(p.axis);
        }
        max {
            check "max", Signed: (m, k) => (), |x| apart(&x[0])?.max(), refused if m * k == 0;
            extreme "max raw", Signed: (m, k) => (), |x| x[0].max(), refused if m * k == 0;
            golden golden("extremes", "max", |x| x[0].max())
                .torch("torch.max(x)", "extremes()").moves();
            draw 1 Equal |x, p| x[0].max();
        }
        max_over {
            check "max over the first", Signed: (m, k) => (k),
                |x| apart(&x[0])?.max_over(0), refused if m == 0;
            check "max over the last", Signed: (m, k) => (m),
                |x| apart(&x[0])?.max_over(-1), refused if k == 0;
            check "max over the middle", Signed: (m, k, n) => (m, n),
                |x| apart(&x[0])?.max_over(1), refused if k == 0;
            check "max over nothing", Signed: (m, k) => (m, k), |x| x[0].max_over([]);
            extreme "max over the last raw", Signed: (m, k) => (m),
                |x| x[0].max_over(-1), refused if k == 0;
            extreme "max over the first raw", Signed: (m, k) => (k),
                |x| x[0].max_over(0), refused if m == 0;
            golden over_axes!("extremes", "max", "", |x, axes| x[0].max_over(axes),
                "torch.amax(x, dim={axes}, keepdim={keep})", "extremes()".moves());
            draw 1 Equal |x, p| x[0].max_over(p.axes.clone());
        }
        min {
            check "min", Signed: (m, k) => (), |x| apart(&x[0])?.min(), refused if m * k == 0;
            extreme "min raw", Signed: (m, k) => (), |x| x[0].min(), refused if m * k == 0;
            golden golden("extremes", "min", |x| x[0].min())
                .torch("torch.min(x)", "extremes()").moves();
            draw 1 Equal |x, p| x[0].min();
        }
        min_over {
            check "min over the outer", Signed: (m, k, n) => (k),
                |x| apart(&x[0])?.min_over([2, 0]), refused if m * n == 0;
            check "min keeping the last", Signed: (m, k) => (m, 1),
                |x| apart(&x[0])?.min_over(Axes::keep(1)), refused if k == 0;
            extreme "min over the outer raw", Signed: (m, k, n) => (k),
                |x| x[0].min_over([0, 2]), refused if m * n == 0;
            golden over_axes!("extremes", "min", "", |x, axes| x[0].min_over(axes),
                "torch.amin(x, dim={axes}, keepdim={keep})", "extremes()".moves());
            draw 1 Equal |x, p| x[0].min_over(p.axes.clone());
        }
        argmax {
            extreme "argmax raw", Signed: (m, k) => (m),
                |x| numbers(&x[0].argmax(1)?, &x[0]), refused if k == 0;
            draw 1 Same |x, p| x[0].argmax(p.axis);
            without Check: "gives indices";
            without Golden: "has a test of its own: `golden/other.rs`";
        }
        argmin {
            extreme "argmin raw", Signed: (m, k) => (m),
                |x| numbers(&x[0].argmin(1)?, &x[0]), refused if k == 0;
            draw 1 Same |x, p| x[0].argmin(p.axis);
            without Check: "gives indices";
            without Golden: "has a test of its own: `golden/other.rs`";
        }
        var {
            check "var", Signed: (m, 3) => (), |x| Ok(x[0].var());
            extreme "var raw", Signed: (m, k) => (), |x| Ok(x[0].var());
            golden golden("statistics", "var", |x| Ok(x[0].var()))
                .torch("torch.var(x)", "statistics()").sums();
            draw 1 Close |x, p| x[0].var();
        }
        var_over {
            check "var over the first", Signed: (3, k) => (k), |x| x[0].var_over(0, 1.0);
            check "var over the last, of all", Signed: (m, k) => (m), |x| x[0].var_over(-1, 0.0);
            check "var keeping the outer", Signed: (m, k, 3) => (1, k, 1),
                |x| x[0].var_over(Axes::keep([0, 2]), 0.5);
            extreme "var over the last raw", Signed: (m, k) => (m), |x| x[0].var_over(-1, 1.0);
            extreme "var keeping the outer raw", Signed: (m, k, n) => (1, k, 1),
                |x| x[0].var_over(Axes::keep([0, 2]), 0.0);
            golden golden("statistics", "var_over(0) - 2", |x| x[0].var_over(0, 2.0))
                .torch("torch.var(x, dim=0, correction=2)",
                    "case('too large', torch.tensor([[1.0, 2.0, 4.0], [3.0, 2.0, 5.0]]), \
                        second=False)").sums();
            golden over_axes!("statistics", "var", " - 1", |x, axes| x[0].var_over(axes, 1.0),
                "torch.var(x, correction=1, dim={axes}, keepdim={keep})", "statistics()".sums());
            golden over_axes!("statistics", "var", " - 0", |x, axes| x[0].var_over(axes, 0.0),
                "torch.var(x, correction=0, dim={axes}, keepdim={keep})", "statistics()".sums());
            golden over_axes!("statistics", "var", " - 0.5", |x, axes| x[0].var_over(axes, 0.5),
                "torch.var(x, correction=0.5, dim={axes}, keepdim={keep})", "statistics()".sums());
            draw 1 Close |x, p| x[0].var_over(p.axes.clone(), p.number);
        }
        std {
            check "std", Signed: (m, 3) => (), |x| Ok(apart(&x[0])?.std());
            extreme "std raw", Signed: (m, k) => (), |x| Ok(x[0].std());
            golden golden("statistics", "std", |x| Ok(x[0].std()))
                .torch("torch.std(x)", "statistics()").sums();
            draw 1 Close |x, p| x[0].std();
        }
        std_over {
            check "std over the first", Signed: (4, k) => (k), |x| apart(&x[0])?.std_over(0, 1.0);
            check "std over the last, of all", Signed: (m, 3) => (m),
                |x| apart(&x[0])?.std_over(1, 0.0);
            extreme "std over the first raw", Signed: (m, k) => (k), |x| x[0].std_over(0, 1.0);
            extreme "std over the last, of all, raw", Signed: (m, k) => (m),
                |x| x[0].std_over(1, 0.0);
            golden golden("statistics", "std_over(0) - 2", |x| x[0].std_over(0, 2.0))
                .torch("torch.std(x, dim=0, correction=2)",
                    "case('too large', torch.tensor([[1.0, 2.0, 4.0], [3.0, 2.0, 5.0]]), \
                        second=False)").sums();
            golden over_axes!("statistics", "std", " - 1", |x, axes| x[0].std_over(axes, 1.0),
                "torch.std(x, correction=1, dim={axes}, keepdim={keep})", "statistics()".sums());
            golden over_axes!("statistics", "std", " - 0", |x, axes| x[0].std_over(axes, 0.0),
                "torch.std(x, correction=0, dim={axes}, keepdim={keep})", "statistics()".sums());
            golden over_axes!("statistics", "std", " - 0.5", |x, axes| x[0].std_over(axes, 0.5),
                "torch.std(x, correction=0.5, dim={axes}, keepdim={keep})", "statistics()".sums());
            draw 1 Close |x, p| x[0].std_over(p.axes.clone(), p.number);
        }
        norm {
            check "norm L1", Signed: (m, k) => (), |x| x[0].norm(Norm::L1);
            check "norm L2", Signed: (m, k) => (), |x| x[0].norm(Norm::L2);
            check "norm LInf", Signed: (m, k) => (),
                |x| apart(&x[0])?.norm(Norm::LInf), refused if m * k == 0;
            extreme "norm LInf raw", Signed: (m, k) => (),
                |x| x[0].norm(Norm::LInf), refused if m * k == 0;
            golden golden("statistics", "norm L1", |x| x[0].norm(Norm::L1))
                .torch("torch.linalg.vector_norm(x, 1)", "statistics()").sums();
            golden golden("statistics", "norm L2", |x| x[0].norm(Norm::L2))
                .torch("torch.linalg.vector_norm(x, 2)", "statistics()").sums();
            golden golden("statistics", "norm LInf", |x| x[0].norm(Norm::LInf))
                .torch("torch.linalg.vector_norm(x, INF)", "statistics()").sums();
            draw 1 Close |x, p| x[0].norm(p.norm);
        }
        norm_over {
            check "norm L1 over the first", Signed: (m, k) => (k), |x| x[0].norm_over(0, Norm::L1);
            check "norm L2 over the last", Signed: (m, k) => (m), |x| x[0].norm_over(1, Norm::L2);
            check "norm L2 keeping the outer", Signed: (m, k, n) => (1, k, 1),
                |x| x[0].norm_over(Axes::keep([0, 2]), Norm::L2);
            check "norm LInf over the middle", Signed: (m, k, n) => (m, n),
                |x| apart(&x[0])?.norm_over(1, Norm::LInf), refused if k == 0;
            extreme "norm LInf over the last raw", Signed: (m, k) => (m),
                |x| x[0].norm_over(1, Norm::LInf), refused if k == 0;
            extreme "norm L2 of pairs raw", Signed: (m, k) (m, k) => (m),
                |x| x[0].sub(&x[1])?.norm_over(1, Norm::L2);
            golden over_axes!("statistics", "norm L1", "", |x, axes| x[0].norm_over(axes, Norm::L1),
                "torch.linalg.vector_norm(x, 1, dim={axes}, keepdim={keep})",
                    "statistics()".sums());
            golden over_axes!("statistics", "norm L2", "", |x, axes| x[0].norm_over(axes, Norm::L2),
                "torch.linalg.vector_norm(x, 2, dim={axes}, keepdim={keep})",
                    "statistics()".sums());
            golden over_axes!("statistics", "norm LInf", "", |x,
                axes| x[0].norm_over(axes, Norm::LInf),
                "torch.linalg.vector_norm(x, INF, dim={axes}, keepdim={keep})",
                    "statistics()".sums());
            draw 1 Close |x, p| x[0].norm_over(p.axes.clone(), p.norm);
        }
        logsumexp {
            check "logsumexp", Signed: (m, k) => (), |x| Ok(x[0].logsumexp());
            golden golden("statistics", "logsumexp", |x| Ok(x[0].logsumexp()))
                .torch("x.logsumexp(tuple(range(x.dim())))", "statistics()").sums();
            draw 1 Close |x, p| x[0].logsumexp();
        }
        logsumexp_over {
            check "logsumexp over the first", Signed: (m, k) => (k), |x| x[0].logsumexp_over(0);
            check "logsumexp over the outer", Signed: (m, k, n) => (k),
                |x| x[0].logsumexp_over([0, 2]);
            check "logsumexp keeping the last", Signed: (m, k) => (m, 1),
                |x| x[0].logsumexp_over(Axes::keep(-1));
            golden over_axes!("statistics", "logsumexp", "", |x, axes| x[0].logsumexp_over(axes),
                "torch.logsumexp(x, dim={axes}, keepdim={keep})", "statistics()".sums()
                    .loose(ROUNDED));
            draw 1 Close |x, p| x[0].logsumexp_over(p.axes.clone());
        }
        sum_of_squares {
            draw 1 Close |x, p| x[0].sum_of_squares();
            without Check Golden Extreme: "gives numbers: held against others where it is defined";
        }
    }
}

/// Returns a tenth of the operand plus constants. Up to 29 elements are then further apart than a
/// numeric difference reaches, since ties are kinks.
pub(super) fn apart(x: &Tensor) -> Result<Tensor> {
    let mut place = 0u32;
    let steps = Tensor::from_fn(x.shape(), x.dtype(), || {
        place += 1;
        // The numbers 0 to 28 in another order, minus their middle.
        0.5 * (f64::from(place * 11 % 29) - 14.0)
    })?;
    x.mul_scalar(0.1).add(&steps)
}

fn numbers(indices: &Indices, like: &Tensor) -> Result<Tensor> {
    let numbers: Vec<f64> = indices.as_slice().iter().map(|&i| i as f64).collect();
    Ok(Tensor::from_vec(numbers, indices.shape())?.to_dtype(like.dtype()))
}
