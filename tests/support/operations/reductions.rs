//! Reductions, and running results along an axis.

use super::Domain::{Positive, Signed};
use super::Entry;
use super::drawn::Arguments;
use super::golden::{Operands, golden};
use cotangent::{
    Axes, Bins, Histogram, Indices, Interpolation, Mask, MatrixNorm, Norm, Result, Tensor,
};

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

/// Quantiles with each interpolation: PyTorch's name and ours.
macro_rules! quantiles {
    ($($text:literal $name:ident),*) => {
        vec![$(
            golden("statistics", concat!("quantile_over(keep 1) ", $text),
                |x| x[0].quantile_over(Axes::keep(1), &LEVELS, Interpolation::$name))
                .torch(concat!("x.quantile(LEVELS, dim=1, keepdim=True, interpolation='", $text,
                    "')"), "middles()").sums()
        ),*]
    };
}

/// Norms of matrices: PyTorch's order and ours.
macro_rules! matrix_norms {
    ($($order:literal $name:ident),*) => {
        vec![$(
            golden("vectors", concat!("matrix_norm ", $order),
                |x| x[0].matrix_norm(MatrixNorm::$name))
                .torch(concat!("torch.linalg.matrix_norm(x, ", $order, ")"), "matrices()").sums()
        ),*]
    };
}

/// Distances of all pairs: PyTorch's order and ours.
macro_rules! distances {
    ($($order:literal $norm:ident $(($p:literal))?),*) => {
        vec![$(
            golden("vectors", concat!("cdist ", $order),
                |x| x[0].cdist(&x[1], Norm::$norm $(($p))?))
                .torch(concat!("cdist(x, y, ", $order, ")"), "vector_lists()").sums()
        ),*]
    };
}

/// The levels of quantiles; `cases.py` has the same.
const LEVELS: [f64; 6] = [0.0, 0.1, 0.5, 0.625, 0.875, 1.0];

/// For rows of elements of 1e4 in `f64`: PyTorch's gradient is e^(x - y) with a rounded y.
const ROUNDED: &[(&str, f64, f64)] = &[("rows", 1e-12, 2e-6)];

/// For exponents of up to 1e4: PyTorch's gradient has the rounding error of the logarithm.
const FAR: &[(&str, f64, f64)] = &[("large", 2e-12, 2e-6)];

/// Sums, means, products, extremes, order statistics, variances, norms, log-sum-exp, and running
/// results.
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
        nansum {
            check "nansum", Signed: (m, k) => (), |x| Ok(with_nan(&x[0])?.nansum());
            extreme "nansum raw", Signed: (m, k) => (), |x| Ok(x[0].nansum());
            golden golden("reduce", "nansum", |x| Ok(x[0].nansum()))
                .torch("torch.nansum(x)", "numbers()").sums();
            draw 1 Close |x, p| x[0].nansum();
        }
        nansum_over {
            check "nansum over the last", Signed: (m, k) => (m),
                |x| with_nan(&x[0])?.nansum_over(-1);
            check "nansum keeping the outer", Signed: (m, k, n) => (1, k, 1),
                |x| with_nan(&x[0])?.nansum_over(Axes::keep([0, 2]));
            extreme "nansum over the first raw", Signed: (m, k) => (k), |x| x[0].nansum_over(0);
            golden over_axes!("reduce", "nansum", "", |x, axes| x[0].nansum_over(axes),
                "torch.nansum(x, dim={axes}, keepdim={keep})", "numbers()".sums());
            draw 1 Close |x, p| x[0].nansum_over(p.axes.clone());
        }
        nanmean {
            check "nanmean", Signed: (m, k) => (), |x| Ok(with_nan(&x[0])?.nanmean());
            check "nanmean of numbers", Signed: (m, k) => (), |x| Ok(x[0].nanmean());
            extreme "nanmean raw", Signed: (m, k) => (), |x| Ok(x[0].nanmean());
            golden golden("reduce", "nanmean", |x| Ok(x[0].nanmean()))
                .torch("torch.nanmean(x)", "numbers()").sums();
            draw 1 Close |x, p| x[0].nanmean();
        }
        nanmean_over {
            check "nanmean over the first", Signed: (m, k) => (k),
                |x| with_nan(&x[0])?.nanmean_over(0);
            check "nanmean keeping the last", Signed: (m, k, n) => (m, k, 1),
                |x| with_nan(&x[0])?.nanmean_over(Axes::keep(-1));
            extreme "nanmean over the last raw", Signed: (m, k) => (m), |x| x[0].nanmean_over(1);
            golden over_axes!("reduce", "nanmean", "", |x, axes| x[0].nanmean_over(axes),
                "torch.nanmean(x, dim={axes}, keepdim={keep})", "numbers()".sums());
            draw 1 Close |x, p| x[0].nanmean_over(p.axes.clone());
        }
        count_over {
            extreme "count_over raw", Signed: (m, k) => (m),
                |x| numbers(&x[0].ne_scalar(0.0).count_over(1)?, &x[0]);
            draw 1 Same |x, p| x[0].ne_scalar(0.0).count_over(p.axes.clone());
            draw 0 Same |x, p| p.mask.count_over(p.axes.clone());
            without Check: "gives numbers";
            without Golden: "gives numbers; `masks.rs` compares them with loops";
        }
        cummax {
            check "cummax", Signed: (m, k) => (m, k), |x| Ok(apart(&x[0])?.cummax(-1)?.0);
            check "cummax of columns", Signed: (m, k, n) => (m, k, n),
                |x| Ok(apart(&x[0])?.cummax(1)?.0);
            extreme "cummax raw", Signed: (m, k) => (m, k), |x| Ok(x[0].cummax(0)?.0);
            golden golden("reduce", "cummax(1)", |x| x.placed(x[0].cummax(1)))
                .torch("x.cummax(1).values", "ordered(lambda x: x.cummax(1))").copies();
            draw 1 Same |x, p| x[0].cummax(p.axis);
        }
        cummin {
            check "cummin", Signed: (m, k) => (m, k), |x| Ok(apart(&x[0])?.cummin(1)?.0);
            extreme "cummin raw", Signed: (m, k) => (m, k), |x| Ok(x[0].cummin(1)?.0);
            golden golden("reduce", "cummin(1)", |x| x.placed(x[0].cummin(1)))
                .torch("x.cummin(1).values", "ordered(lambda x: x.cummin(1))").copies();
            draw 1 Same |x, p| x[0].cummin(p.axis);
        }
        logcumsumexp {
            check "logcumsumexp", Signed: (m, k) => (m, k), |x| x[0].logcumsumexp(-1);
            check "logcumsumexp of columns", Signed: (m, k, n) => (m, k, n),
                |x| x[0].logcumsumexp(1);
            golden golden("reduce", "logcumsumexp(0)", |x| x[0].logcumsumexp(0))
                .torch("x.logcumsumexp(0)", "growing()").sums().loose(FAR);
            golden golden("reduce", "logcumsumexp(1)", |x| x[0].logcumsumexp(1))
                .torch("x.logcumsumexp(1)", "growing()").sums().loose(FAR);
            draw 1 Same |x, p| x[0].logcumsumexp(p.axis);
        }
        kth_value {
            check "kth_value", Signed: (m, k) => (m),
                |x| Ok(away(&x[0])?.kth_value(1, x[0].shape()[1].div_ceil(2))?.0),
                refused if k == 0;
            check "kth_value of columns", Signed: (m, k, n) => (m, n),
                |x| Ok(away(&x[0])?.kth_value(1, 1)?.0), refused if k == 0;
            extreme "kth_value raw", Signed: (m, k) => (k),
                |x| Ok(x[0].kth_value(0, x[0].shape()[0].div_ceil(2))?.0), refused if m == 0;
            golden golden("statistics", "kth_value(1,1)", |x| x.placed(x[0].kth_value(1, 1)))
                .torch("x.kthvalue(1, 1).values", "top(lambda x: x.kthvalue(1, 1))").moves();
            golden golden("statistics", "kth_value(1,3)", |x| x.placed(x[0].kth_value(1, 3)))
                .torch("x.kthvalue(3, 1).values", "top(lambda x: x.kthvalue(3, 1))").moves();
            draw 1 Same |x, p| x[0].kth_value(p.axis, p.size);
        }
        mode {
            check "mode", Signed: (m, k) => (m), |x| Ok(away(&x[0])?.mode(1)?.0),
                refused if k == 0;
            extreme "mode raw", Signed: (m, k) => (k), |x| Ok(x[0].mode(0)?.0), refused if m == 0;
            golden golden("statistics", "mode(1)", |x| x.placed(x[0].mode(1)))
                .torch("x.mode(1).values", "frequent(lambda x: x.mode(1))").moves();
            draw 1 Same |x, p| x[0].mode(p.axis);
        }
        median {
            check "median", Signed: (m, k) => (), |x| away(&x[0])?.median(),
                refused if m * k == 0;
            extreme "median raw", Signed: (m, k) => (), |x| x[0].median(), refused if m * k == 0;
            golden golden("statistics", "median", |x| x[0].median())
                .torch("x.median()", "middles()").moves();
            draw 1 Same |x, p| x[0].median();
        }
        median_over {
            check "median over the last", Signed: (m, k) => (m),
                |x| away(&x[0])?.median_over(-1), refused if k == 0;
            check "median keeping the outer", Signed: (m, k, n) => (1, k, 1),
                |x| away(&x[0])?.median_over(Axes::keep([0, 2])), refused if m * n == 0;
            extreme "median over the first raw", Signed: (m, k) => (k),
                |x| x[0].median_over(0), refused if m == 0;
            golden over_axes!("statistics", "median", "", |x, axes| x[0].median_over(axes),
                "over(x, {axes}, {keep}, lambda x: x.median(-1).values)", "middles()".moves());
            draw 1 Same |x, p| x[0].median_over(p.axes.clone());
        }
        nanmedian {
            check "nanmedian", Signed: (m, k) => (), |x| with_nan(&away(&x[0])?)?.nanmedian(),
                refused if m * k == 0;
            extreme "nanmedian raw", Signed: (m, k) => (), |x| x[0].nanmedian(),
                refused if m * k == 0;
            golden golden("statistics", "nanmedian", |x| x[0].nanmedian())
                .torch("x.nanmedian()", "middles()").moves();
            draw 1 Same |x, p| x[0].nanmedian();
        }
        nanmedian_over {
            check "nanmedian over the first", Signed: (m, k) => (k),
                |x| with_nan(&away(&x[0])?)?.nanmedian_over(0), refused if m == 0;
            extreme "nanmedian over the last raw", Signed: (m, k) => (m),
                |x| x[0].nanmedian_over(1), refused if k == 0;
            golden over_axes!("statistics", "nanmedian", "", |x, axes| x[0].nanmedian_over(axes),
                "over(x, {axes}, {keep}, lambda x: x.nanmedian(-1).values)", "middles()".moves());
            draw 1 Same |x, p| x[0].nanmedian_over(p.axes.clone());
        }
        quantile {
            check "quantile", Signed: (m, k) => (), |x| away(&x[0])?.quantile(0.3),
                refused if m * k == 0;
            extreme "quantile raw", Signed: (m, k) => (), |x| x[0].quantile(0.3),
                refused if m * k == 0;
            golden golden("statistics", "quantile 0.3", |x| x[0].quantile(0.3))
                .torch("x.quantile(0.3)", "middles()").sums();
            draw 1 Same |x, p| x[0].quantile(p.number.abs());
        }
        quantile_over {
            check "quantile_over", Signed: (m, k) => (2, m),
                |x| away(&x[0])?.quantile_over(1, &[0.4, 0.9], Interpolation::Linear),
                refused if k == 0;
            check "quantile_over, many", Signed: (m, k, n) => (5, 1, k, 1),
                |x| away(&x[0])?.quantile_over(Axes::keep([0, 2]), &[0.4, 0.0, 0.6, 1.0, 0.4],
                    Interpolation::Midpoint), refused if m * n == 0;
            extreme "quantile_over raw", Signed: (m, k) => (2, k),
                |x| x[0].quantile_over(0, &[0.4, 0.9], Interpolation::Linear), refused if m == 0;
            golden quantiles!("linear" Linear, "lower" Lower, "higher" Higher, "nearest" Nearest,
                "midpoint" Midpoint);
            golden golden("statistics", "quantile_over(0,2)", |x| x[0].quantile_over([0, 2],
                &LEVELS, Interpolation::Linear))
                .torch("x.transpose(1, 2).flatten(0, 1).quantile(LEVELS, dim=0)", "middles()")
                .sums();
            draw 1 Same |x, p| x[0].quantile_over(p.axes.clone(), &[p.number, p.other_number],
                Interpolation::Midpoint);
            draw 1 Same |x, p| x[0].quantile_over(p.axes.clone(), &vec![0.3; p.size % 9],
                Interpolation::Nearest);
        }
        nanquantile_over {
            check "nanquantile_over", Signed: (m, k) => (2, m),
                |x| with_nan(&away(&x[0])?)?.nanquantile_over(1, &[0.4, 0.9],
                    Interpolation::Linear), refused if k == 0;
            extreme "nanquantile_over raw", Signed: (m, k) => (1, k),
                |x| x[0].nanquantile_over(0, &[0.4], Interpolation::Linear), refused if m == 0;
            golden golden("statistics", "nanquantile_over(1)", |x| x[0].nanquantile_over(1,
                &LEVELS, Interpolation::Linear))
                .torch("x.nanquantile(LEVELS, dim=1)", "middles()").sums();
            golden golden("statistics", "nanquantile_over(keep -1) nearest", |x| {
                x[0].nanquantile_over(Axes::keep(-1), &LEVELS, Interpolation::Nearest)
            }).torch("x.nanquantile(LEVELS, dim=-1, keepdim=True, interpolation='nearest')",
                "middles()").sums();
            draw 1 Same |x, p| x[0].nanquantile_over(p.axes.clone(), &[0.25], Interpolation::Lower);
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
            check "norm P3", Signed: (m, k) => (), |x| x[0].norm(Norm::P(3.0));
            check "norm P-2", Signed: (m, k) => (), |x| x[0].norm(Norm::P(-2.0)),
                refused if m * k == 0;
            check "norm P0", Signed: (m, k) => (), |x| x[0].norm(Norm::P(0.0));
            check "norm P-inf", Signed: (m, k) => (),
                |x| away(&x[0])?.norm(Norm::P(f64::NEG_INFINITY)), refused if m * k == 0;
            extreme "norm LInf raw", Signed: (m, k) => (),
                |x| x[0].norm(Norm::LInf), refused if m * k == 0;
            extreme "norm P3 raw", Signed: (m, k) => (), |x| x[0].norm(Norm::P(3.0));
            golden golden("statistics", "norm L1", |x| x[0].norm(Norm::L1))
                .torch("torch.linalg.vector_norm(x, 1)", "statistics()").sums();
            golden golden("statistics", "norm L2", |x| x[0].norm(Norm::L2))
                .torch("torch.linalg.vector_norm(x, 2)", "statistics()").sums();
            golden golden("statistics", "norm LInf", |x| x[0].norm(Norm::LInf))
                .torch("torch.linalg.vector_norm(x, INF)", "statistics()").sums();
            golden golden("vectors", "norm P0", |x| x[0].norm(Norm::P(0.0)))
                .torch("vector_norm(x, 0)", "lengths(0)").sums();
            golden golden("vectors", "norm P0.5", |x| x[0].norm(Norm::P(0.5)))
                .torch("vector_norm(x, 0.5)", "lengths(0.5)").sums();
            golden golden("vectors", "norm P1", |x| x[0].norm(Norm::P(1.0)))
                .torch("vector_norm(x, 1)", "lengths(1)").sums();
            golden golden("vectors", "norm P1.5", |x| x[0].norm(Norm::P(1.5)))
                .torch("vector_norm(x, 1.5)", "lengths(1.5)").sums();
            golden golden("vectors", "norm P3", |x| x[0].norm(Norm::P(3.0)))
                .torch("vector_norm(x, 3)", "lengths(3)").sums();
            golden golden("vectors", "norm P-1", |x| x[0].norm(Norm::P(-1.0)))
                .torch("vector_norm(x, -1)", "lengths(-1)").sums();
            golden golden("vectors", "norm P inf", |x| x[0].norm(Norm::P(f64::INFINITY)))
                .torch("vector_norm(x, INF)", "lengths(INF)").sums();
            golden golden("vectors", "norm P -inf", |x| x[0].norm(Norm::P(f64::NEG_INFINITY)))
                .torch("vector_norm(x, -INF)", "lengths(-INF)").sums();
            draw 1 Close |x, p| x[0].norm(p.norm);
        }
        norm_over {
            check "norm L1 over the first", Signed: (m, k) => (k), |x| x[0].norm_over(0, Norm::L1);
            check "norm L2 over the last", Signed: (m, k) => (m), |x| x[0].norm_over(1, Norm::L2);
            check "norm L2 keeping the outer", Signed: (m, k, n) => (1, k, 1),
                |x| x[0].norm_over(Axes::keep([0, 2]), Norm::L2);
            check "norm LInf over the middle", Signed: (m, k, n) => (m, n),
                |x| apart(&x[0])?.norm_over(1, Norm::LInf), refused if k == 0;
            check "norm P1.5 over the last", Signed: (m, k) => (m),
                |x| x[0].norm_over(1, Norm::P(1.5));
            check "norm P0.5 keeping the outer", Signed: (m, k, n) => (1, k, 1),
                |x| x[0].norm_over(Axes::keep([0, 2]), Norm::P(0.5));
            extreme "norm LInf over the last raw", Signed: (m, k) => (m),
                |x| x[0].norm_over(1, Norm::LInf), refused if k == 0;
            extreme "norm L2 of pairs raw", Signed: (m, k) (m, k) => (m),
                |x| x[0].sub(&x[1])?.norm_over(1, Norm::L2);
            extreme "norm P1.5 over the last raw", Signed: (m, k) => (m),
                |x| x[0].norm_over(1, Norm::P(1.5));
            golden over_axes!("vectors", "norm P2.5", "",
                |x, axes| x[0].norm_over(axes, Norm::P(2.5)),
                "torch.linalg.vector_norm(x, 2.5, dim={axes}, keepdim={keep})",
                    "lengths(2.5)".sums());
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
        matrix_norm {
            check "Frobenius", Signed: (m, k, n) => (m),
                |x| x[0].matrix_norm(MatrixNorm::Frobenius);
            check "matrix norm 1", Signed: (m, k) => (),
                |x| away(&x[0])?.matrix_norm(MatrixNorm::One), refused if k == 0;
            check "matrix norm -inf", Signed: (m, k, n) => (m),
                |x| away(&x[0])?.matrix_norm(MatrixNorm::MinusInfinity), refused if k == 0;
            extreme "matrix norm -1 raw", Signed: (m, k) => (),
                |x| x[0].matrix_norm(MatrixNorm::MinusOne), refused if k == 0;
            golden matrix_norms!("'fro'" Frobenius, "1" One, "INF" Infinity, "-1" MinusOne,
                "-INF" MinusInfinity);
            draw 1 Close |x, p| x[0].matrix_norm(if p.flag {
                MatrixNorm::Frobenius
            } else {
                MatrixNorm::Infinity
            });
        }
        pairwise_distance {
            check "pairwise distance L2", Signed: (m, k) (k) => (m),
                |x| x[0].pairwise_distance(&x[1], Norm::L2);
            check "pairwise distance P3", Signed: (m, 1, k) (n, k) => (m, n),
                |x| x[0].pairwise_distance(&x[1], Norm::P(3.0));
            extreme "pairwise distance L2 raw", Signed: (m, k) (m, k) => (m),
                |x| x[0].pairwise_distance(&x[1], Norm::L2);
            golden golden("vectors", "pairwise_distance L1",
                |x| x[0].pairwise_distance(&x[1], Norm::L1))
                .torch("F.pairwise_distance(x, y, 1, eps=0)", "vector_pairs()").sums();
            golden golden("vectors", "pairwise_distance L2",
                |x| x[0].pairwise_distance(&x[1], Norm::L2))
                .torch("F.pairwise_distance(x, y, 2, eps=0)", "vector_pairs()").sums();
            golden golden("vectors", "pairwise_distance P3",
                |x| x[0].pairwise_distance(&x[1], Norm::P(3.0)))
                .torch("F.pairwise_distance(x, y, 3, eps=0)", "vector_pairs()").sums();
            draw 2 Close |x, p| x[0].pairwise_distance(&x[1], p.norm);
        }
        cdist {
            check "cdist L1", Signed: (m, k) (n, k) => (m, n), |x| x[0].cdist(&x[1], Norm::L1);
            check "cdist L2", Signed: (m, k) (n, k) => (m, n), |x| x[0].cdist(&x[1], Norm::L2);
            check "cdist L2 of lists", Signed: (n, m, k) (1, 3, k) => (n, m, 3),
                |x| x[0].cdist(&x[1], Norm::L2);
            check "cdist P3 of one list", Signed: (m, k) (n, 2, k) => (n, m, 2),
                |x| x[0].cdist(&x[1], Norm::P(3.0));
            check "cdist LInf", Signed: (m, k) (2, k) => (m, 2),
                |x| away(&x[0])?.cdist(&x[1].mul_scalar(0.01), Norm::LInf), refused if k == 0;
            check "cdist P0", Signed: (m, k) (n, k) => (m, n),
                |x| x[0].cdist(&x[1], Norm::P(0.0));
            extreme "cdist L2 raw", Signed: (m, k) (n, k) => (m, n),
                |x| x[0].cdist(&x[1], Norm::L2);
            extreme "cdist LInf raw", Signed: (m, k) (n, k) => (m, n),
                |x| x[0].cdist(&x[1], Norm::LInf), refused if k == 0;
            golden distances!("0" P(0.0), "0.5" P(0.5), "1" L1, "1.5" P(1.5), "2" L2, "3" P(3.0),
                "INF" LInf);
            draw 2 Close |x, p| x[0].cdist(&x[1], p.norm);
        }
        unique {
            extreme "unique raw", Signed: (m, k) => (m, k),
                |x| numbers(&x[0].unique()?.inverse, &x[0]);
            golden golden("vectors", "unique", |x| {
                let unique = x[0].unique()?;
                let [inverse, counts] = [unique.inverse.flatten(), unique.counts]
                    .map(|indices| indices.to_tensor(x[0].dtype()));
                Tensor::cat(&[unique.values, inverse, counts], 0)?.mul(&x[0].sum())
            }).torch("distinct_values(x)", "repeated()").sums();
            draw 1 Same |x, p| {
                let unique = x[0].unique()?;
                (unique.values, (unique.inverse, unique.counts))
            };
            draw 0 Same |x, p| p.indices.unique().map(|unique| (unique.values, unique.counts));
            without Check: "gives values that are not tracked";
        }
        unique_along {
            extreme "unique_along raw", Signed: (m, k) => (m),
                |x| numbers(&x[0].unique_along(0)?.inverse, &x[0]);
            golden golden("vectors", "unique_along 0", |x| distinct_slices(x, 0))
                .torch("distinct_slices(x, 0)", "repeated_slices()").sums();
            golden golden("vectors", "unique_along -1", |x| distinct_slices(x, -1))
                .torch("distinct_slices(x, -1)", "repeated_slices()").sums();
            draw 1 Same |x, p| {
                let unique = x[0].unique_along(p.axis)?;
                (unique.values, (unique.inverse, unique.counts))
            };
            draw 0 Same |x, p| p.indices.unique_along(p.axis).map(|unique| {
                (unique.values, (unique.inverse, unique.counts))
            });
            without Check: "gives slices that are not tracked";
        }
        histogram {
            extreme "histogram raw", Signed: (m, k) => (3),
                |x| numbers(&x[0].histogram(Bins::Between(3, -1.5, 2.0))?.counts, &x[0]);
            golden golden("vectors", "histogram equal", |x| counted(x, Bins::Equal(7)))
                .torch("histogram(x, 7)", "repeated()").sums();
            golden golden("vectors", "histogram between",
                |x| counted(x, Bins::Between(5, -0.5, 1.5)))
                .torch("histogram(x, 5, range=(-0.5, 1.5))", "repeated()").sums();
            golden golden("vectors", "histogram of edges",
                |x| counted(x, Bins::Edges(&[-1.0, 0.0, 0.25, 3.0])))
                .torch("histogram(x, torch.tensor([-1.0, 0.0, 0.25, 3.0]))", "repeated()").sums();
            golden golden("vectors", "histogram of densities", |x| {
                let histogram = x[0].histogram(Bins::Equal(7))?;
                Tensor::cat(&[histogram.density()?, histogram.edges], 0)?.mul(&x[0].sum())
            }).torch("histogram(x, 7, density=True)", "repeated(empty=False)").sums();
            draw 1 Same |x, p| {
                let edges = [p.number, p.other_number, p.third_number];
                let histogram = x[0].histogram(bins(p, &edges))?;
                (histogram.density()?, (histogram.counts, histogram.edges))
            };
            without Check: "gives numbers";
        }
        weighted_histogram {
            check "weighted_histogram", Signed: (m, k) => (4), |x| Ok(weighted(&x[0])?.counts);
            check "density of weights", Positive: (m, k) => (4), |x| weighted(&x[0])?.density();
            golden golden("vectors", "weighted_histogram", |x| {
                let histogram = x[0].weighted_histogram(Bins::Equal(7), &x[1])?;
                Tensor::cat(&[histogram.counts, histogram.edges], 0)?.mul(&x[0].sum())
            }).torch("weighted_histogram(x, y, 7)", "weights()").sums();
            golden golden("vectors", "weighted_histogram of densities", |x| {
                let histogram = x[0].weighted_histogram(Bins::Between(5, -0.5, 1.5), &x[1])?;
                Tensor::cat(&[histogram.density()?, histogram.edges], 0)?.mul(&x[0].sum())
            }).torch("weighted_histogram(x, y, 5, range=(-0.5, 1.5), density=True)", "weights()")
                .sums();
            draw 2 Close |x, p| {
                let edges = [p.number, p.other_number, p.third_number];
                let histogram = x[0].weighted_histogram(bins(p, &edges), &x[1])?;
                (histogram.counts, histogram.edges)
            };
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

/// As [`apart`], with no two elements of equal size.
fn away(x: &Tensor) -> Result<Tensor> {
    Ok(apart(x)?.add_scalar(20.25))
}

/// Returns the counts and the edges of a histogram, times the sum of the operand: the gradient
/// checks that they are constants.
fn counted(x: &Operands, bins: Bins) -> Result<Tensor> {
    let histogram = x[0].histogram(bins)?;
    let counts = histogram.counts.to_tensor(x[0].dtype());
    Tensor::cat(&[counts, histogram.edges], 0)?.mul(&x[0].sum())
}

/// Returns the distinct slices, their places and their numbers, times the sum of the operand.
fn distinct_slices(x: &Operands, axis: isize) -> Result<Tensor> {
    let unique = x[0].unique_along(axis)?;
    let [inverse, counts] =
        [unique.inverse, unique.counts].map(|indices| indices.to_tensor(x[0].dtype()));
    Tensor::cat(&[unique.values.flatten(), inverse, counts], 0)?.mul(&x[0].sum())
}

/// Returns drawn bins.
fn bins<'a>(p: &Arguments, edges: &'a [f64]) -> Bins<'a> {
    match p.power % 3 {
        0 => Bins::Equal(p.size),
        1 => Bins::Between(p.size, p.number, p.other_number),
        _ => Bins::Edges(edges),
    }
}

/// Returns a histogram whose weights are the squares of the operand, and nine of 1.
fn weighted(x: &Tensor) -> Result<Histogram<Tensor>> {
    let weights = Tensor::cat(&[x.flatten(), Tensor::ones([9], x.dtype())?], 0)?;
    apart(&weights.zeros_like()?)?.weighted_histogram(Bins::Between(4, -5.1, 5.2), &weights)
}

/// Replaces every seventh element by NaN, which no gradient reaches.
fn with_nan(x: &Tensor) -> Result<Tensor> {
    let every_seventh = (0..x.len()).map(|i| i % 7 == 3).collect();
    x.masked_fill(&Mask::from_vec(every_seventh, x.shape())?, f64::NAN)
}

fn numbers(indices: &Indices, like: &Tensor) -> Result<Tensor> {
    let numbers: Vec<f64> = indices.as_slice().iter().map(|&i| i as f64).collect();
    Ok(Tensor::from_vec(numbers, indices.shape())?.to_dtype(like.dtype()))
}
