//! Reductions, and running results along an axis.

use super::Domain::Signed;
use super::Operation;
use cotangent::{Axes, Norm, Result, Tensor};

/// Sums, means, products, extremes, variances, norms, log-sum-exp, running sums and products.
pub fn reductions() -> Vec<Operation> {
    let mut all = sums_and_products();
    all.extend(extremes());
    all.extend(statistics());
    all
}

fn sums_and_products() -> Vec<Operation> {
    operations! { [m, k, n]
        "sum", Signed: (m, k) => (), |x| Ok(x[0].sum());
        "mean", Signed: (m, k) => (), |x| Ok(x[0].mean());
        "sum over nothing", Signed: (m, k) => (m, k), |x| x[0].sum_over([]);
        "sum over the first", Signed: (m, k) => (k), |x| x[0].sum_over(0);
        "sum over the last", Signed: (m, k) => (m), |x| x[0].sum_over(-1);
        "sum over the middle", Signed: (m, k, n) => (m, n), |x| x[0].sum_over(1);
        "sum over the outer", Signed: (m, k, n) => (k), |x| x[0].sum_over([2, 0]);
        "sum over all", Signed: (m, k, n) => (), |x| x[0].sum_over([0, 1, 2]);
        "sum keeping the first", Signed: (m, k) => (1, k), |x| x[0].sum_over(Axes::keep(0));
        "sum keeping the outer", Signed: (m, k, n) => (1, k, 1), |x| x[0].sum_over(Axes::keep([0, 2]));
        "mean over the first", Signed: (m, k) => (k), |x| x[0].mean_over(0);
        "mean over the outer", Signed: (m, k, n) => (k), |x| x[0].mean_over([0, 2]);
        "mean keeping the last", Signed: (m, k, n) => (m, k, 1), |x| x[0].mean_over(Axes::keep(-1));
        "mean of a broadcast axis", Signed: (1, k) => (k), |x| x[0].mean_over(0);
        "prod", Signed: (m, k) => (), |x| Ok(x[0].prod());
        "prod over the last", Signed: (m, k) => (m), |x| x[0].prod_over(-1);
        "prod over nothing", Signed: (m, k) => (m, k), |x| x[0].prod_over([]);
        "prod over the middle", Signed: (m, k, n) => (m, n), |x| x[0].prod_over(1);
        "prod keeping the outer", Signed: (m, k, n) => (1, k, 1), |x| x[0].prod_over(Axes::keep([0, -1]));
        "cumsum", Signed: (m, k) => (m, k), |x| x[0].cumsum(-1);
        "cumsum of columns", Signed: (m, k) => (m, k), |x| x[0].cumsum(0);
        "cumsum of the middle", Signed: (m, k, n) => (m, k, n), |x| x[0].cumsum(1);
        "cumprod", Signed: (m, k) => (m, k), |x| x[0].cumprod(-1);
        "cumprod of columns", Signed: (m, k) => (m, k), |x| x[0].cumprod(0);
        "cumprod of the middle", Signed: (m, k, n) => (m, k, n), |x| x[0].cumprod(1);
    }
}

fn extremes() -> Vec<Operation> {
    operations! { [m, k, n]
        "max", Signed: (m, k) => (), |x| apart(&x[0])?.max(), refused if m * k == 0;
        "max over the first", Signed: (m, k) => (k), |x| apart(&x[0])?.max_over(0), refused if m == 0;
        "max over the last", Signed: (m, k) => (m), |x| apart(&x[0])?.max_over(-1), refused if k == 0;
        "max over the middle", Signed: (m, k, n) => (m, n), |x| apart(&x[0])?.max_over(1), refused if k == 0;
        "max over nothing", Signed: (m, k) => (m, k), |x| x[0].max_over([]);
        "min", Signed: (m, k) => (), |x| apart(&x[0])?.min(), refused if m * k == 0;
        "min over the outer", Signed: (m, k, n) => (k), |x| apart(&x[0])?.min_over([2, 0]),
            refused if m * n == 0;
        "min keeping the last", Signed: (m, k) => (m, 1), |x| apart(&x[0])?.min_over(Axes::keep(1)),
            refused if k == 0;
    }
}

/// Several elements in each group, for a single one has no variance.
fn statistics() -> Vec<Operation> {
    operations! { [m, k, n]
        "var", Signed: (m, 3) => (), |x| Ok(x[0].var());
        "var over the first", Signed: (3, k) => (k), |x| x[0].var_over(0, 1.0);
        "var over the last, of all", Signed: (m, k) => (m), |x| x[0].var_over(-1, 0.0);
        "var keeping the outer", Signed: (m, k, 3) => (1, k, 1), |x| x[0].var_over(Axes::keep([0, 2]), 0.5);
        "std", Signed: (m, 3) => (), |x| Ok(apart(&x[0])?.std());
        "std over the first", Signed: (4, k) => (k), |x| apart(&x[0])?.std_over(0, 1.0);
        "std over the last, of all", Signed: (m, 3) => (m), |x| apart(&x[0])?.std_over(1, 0.0);
        "norm L1", Signed: (m, k) => (), |x| x[0].norm(Norm::L1);
        "norm L1 over the first", Signed: (m, k) => (k), |x| x[0].norm_over(Norm::L1, 0);
        "norm L2", Signed: (m, k) => (), |x| x[0].norm(Norm::L2);
        "norm L2 over the last", Signed: (m, k) => (m), |x| x[0].norm_over(Norm::L2, 1);
        "norm L2 keeping the outer", Signed: (m, k, n) => (1, k, 1),
            |x| x[0].norm_over(Norm::L2, Axes::keep([0, 2]));
        "norm LInf", Signed: (m, k) => (), |x| apart(&x[0])?.norm(Norm::LInf), refused if m * k == 0;
        "norm LInf over the middle", Signed: (m, k, n) => (m, n),
            |x| apart(&x[0])?.norm_over(Norm::LInf, 1), refused if k == 0;
        "logsumexp", Signed: (m, k) => (), |x| Ok(x[0].logsumexp());
        "logsumexp over the first", Signed: (m, k) => (k), |x| x[0].logsumexp_over(0);
        "logsumexp over the outer", Signed: (m, k, n) => (k), |x| x[0].logsumexp_over([0, 2]);
        "logsumexp keeping the last", Signed: (m, k) => (m, 1), |x| x[0].logsumexp_over(Axes::keep(-1));
    }
}

/// A tenth of the operand plus constants that keep the elements, if they are fewer than 30, further
/// apart than a numeric difference reaches: ties are kinks.
fn apart(x: &Tensor) -> Result<Tensor> {
    let mut place = 0u32;
    let steps = Tensor::from_fn(x.shape(), x.dtype(), || {
        place += 1;
        // The numbers 0 to 28 in another order, less their middle.
        0.5 * (f64::from(place * 11 % 29) - 14.0)
    })?;
    x.mul_scalar(0.1).add(&steps)
}
