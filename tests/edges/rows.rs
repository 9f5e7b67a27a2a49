//! Infinities and NaN in log-sum-exp, means, and functions of rows: NaN stays visible, and rows do
//! not influence each other.

use super::near::{DTYPES, INF, NAN, assert_gradient, assert_near, vector};
use cotangent::Backward;
use cotangent::prelude::*;

#[test]
fn log_sum_exp_propagates_nan() -> Result<()> {
    for dtype in DTYPES {
        for len in [1, 2, 3, 40, 2000] {
            for other in [0.0, -INF, INF] {
                for place in [0, len / 2, len - 1] {
                    let mut xs = vec![other; len];
                    xs[place] = NAN;
                    let (x, what) = (vector(&xs, dtype), format!("{other} {place} of {len}"));
                    assert_near(&what, &x.logsumexp(), &[NAN]);
                    assert_near(&what, &x.softmax(0)?, &vec![NAN; len]);
                    assert_near(&what, &x.log_softmax(0)?, &vec![NAN; len]);
                    assert_gradient(&what, &x, &|x| Ok(x.logsumexp()), &vec![NAN; len])?;
                    let column = x.reshape([len, 1])?;
                    assert_near(&what, &column.logsumexp_over(0)?, &[NAN]);
                    for label in [0, len / 2, len - 1] {
                        let row = x.reshape([1, len])?;
                        let f = |x: &Tensor| x.cross_entropy(&Indices::from([label]));
                        assert_near(&what, &f(&row)?, &[NAN]);
                        assert_gradient(&what, &row, &f, &vec![NAN; len])?;
                    }
                }
            }
        }
        for (xs, y) in [
            (vec![], -INF),
            (vec![-INF; 5], -INF),
            (vec![INF, -INF, 3.0], INF),
        ] {
            assert_near("infinite", &vector(&xs, dtype).logsumexp(), &[y]);
        }
    }
    Ok(())
}

#[test]
fn log_sum_exp_of_a_row_does_not_depend_on_other_rows() -> Result<()> {
    for dtype in DTYPES {
        let x = vector(&[1e8, 1e8, -INF, -INF, INF, 0.0, NAN, 0.0, 1.0, 1.0], dtype);
        let x = x.reshape([5, 2])?;
        let f = |x: &Tensor| x.logsumexp_over(1);
        // The gradient of an infinite row is NaN, as in PyTorch.
        let gradient = [0.5, 0.5, NAN, NAN, NAN, 0.0, NAN, NAN, 0.5, 0.5];
        assert_gradient("rows", &x, &f, &gradient)?;
        for i in 0..5 {
            let row = x.narrow(0, i, 1)?;
            let at = i * 2;
            assert_gradient("alone", &row, &f, &gradient[at..at + 2])?;
        }
        let two = x.narrow(0, 0, 2)?.tracked();
        for backward in [Backward::new(), Backward::new().create_graph()] {
            let cotangent = vector(&[1.0, 0.0], dtype);
            let found = &backward.grad_with(&f(&two)?, &cotangent, &[&two])?[0];
            assert_near("one of two", &found.narrow(0, 0, 1)?, &[0.5, 0.5]);
        }
        // Second derivatives, through the softmax, do not depend on the other rows either.
        let squares = |x: &Tensor| f(x)?.square().mul(&vector(&[0.5], dtype));
        let alone = x.narrow(0, 4, 1)?.tracked();
        let x = x.tracked();
        let second = |x: &Tensor| -> Result<Vec<f64>> {
            let first = &Backward::new()
                .create_graph()
                .grad(&squares(x)?.sum(), &[x])?[0];
            let weighted = first.mul(&vector(&[1.0, 2.0], dtype))?.sum();
            Ok(Backward::new().grad(&weighted, &[x])?[0].to_f64_vec())
        };
        assert_eq!(second(&x)?[8..], second(&alone)?);
    }
    Ok(())
}

type Named = (&'static str, Box<dyn Fn(&Tensor) -> Result<Tensor>>);

/// Returns functions that map each row of a `(rows, n)` tensor independently.
fn row_functions(dtype: DType) -> Vec<Named> {
    let mut all = reductions();
    all.extend(losses(dtype));
    all
}

fn reductions() -> Vec<Named> {
    vec![
        ("sum", Box::new(|x: &Tensor| x.sum_over(1))),
        ("mean", Box::new(|x: &Tensor| x.mean_over(1))),
        ("prod", Box::new(|x: &Tensor| x.prod_over(1))),
        (
            "cumsum",
            Box::new(|x: &Tensor| x.cumsum(1)?.narrow(1, 2, 1)),
        ),
        (
            "cumprod",
            Box::new(|x: &Tensor| x.cumprod(1)?.narrow(1, 2, 1)),
        ),
        ("max", Box::new(|x: &Tensor| x.max_over(1))),
        ("min", Box::new(|x: &Tensor| x.min_over(1))),
        ("top 1", Box::new(|x: &Tensor| Ok(x.top_k(1, 1)?.0))),
        ("var", Box::new(|x: &Tensor| x.var_over(1, 1.0))),
        ("std", Box::new(|x: &Tensor| x.std_over(1, 1.0))),
        ("l1", Box::new(|x: &Tensor| x.norm_over(1, Norm::L1))),
        ("l2", Box::new(|x: &Tensor| x.norm_over(1, Norm::L2))),
        ("l∞", Box::new(|x: &Tensor| x.norm_over(1, Norm::LInf))),
        ("logsumexp", Box::new(|x: &Tensor| x.logsumexp_over(1))),
        ("softmax", Box::new(|x: &Tensor| x.softmax(1))),
        ("log_softmax", Box::new(|x: &Tensor| x.log_softmax(1))),
        (
            "layer_norm",
            Box::new(|x: &Tensor| x.layer_norm([3], None, None, 1e-5)),
        ),
    ]
}

fn losses(dtype: DType) -> Vec<Named> {
    let none = Reduction::None;
    let each = move || CrossEntropyLoss::new().reduction(none);
    let label = |x: &Tensor| Indices::from_vec(vec![1; x.shape()[0]], [x.shape()[0]]);
    let half = move |x: &Tensor| Tensor::full(x.shape(), 0.5, dtype);
    let (mse, l1) = (
        MseLoss::new().reduction(none),
        L1Loss::new().reduction(none),
    );
    let huber = HuberLoss::new().delta(1.0).reduction(none);
    let bce = BceWithLogitsLoss::new().reduction(none);
    let kl = KlDivLoss::new().reduction(none);
    let kl_of_logs = KlDivLoss::new().log_target().reduction(none);
    vec![
        (
            "cross_entropy",
            Box::new(move |x: &Tensor| each().loss(x, &label(x)?)),
        ),
        (
            "smoothed",
            Box::new(move |x: &Tensor| each().label_smoothing(0.1).loss(x, &label(x)?)),
        ),
        (
            "probabilities",
            Box::new(move |x: &Tensor| each().loss(x, &half(x)?)),
        ),
        (
            "cosine",
            Box::new(move |x: &Tensor| x.cosine_similarity(&half(x)?, 1, 1e-8)),
        ),
        (
            "mse",
            Box::new(move |x: &Tensor| mse.loss(x, &half(x)?)?.sum_over(1)),
        ),
        (
            "l1_loss",
            Box::new(move |x: &Tensor| l1.loss(x, &half(x)?)?.sum_over(1)),
        ),
        (
            "huber",
            Box::new(move |x: &Tensor| huber.loss(x, &half(x)?)?.sum_over(1)),
        ),
        (
            "bce",
            Box::new(move |x: &Tensor| bce.loss(x, &half(x)?)?.sum_over(1)),
        ),
        (
            "kl_div",
            Box::new(move |x: &Tensor| kl.loss(x, &half(x)?)?.sum_over(1)),
        ),
        (
            "kl of logs",
            Box::new(move |x: &Tensor| kl_of_logs.loss(x, &half(x)?)?.sum_over(1)),
        ),
    ]
}

#[test]
fn nan_at_any_position_makes_the_result_nan() -> Result<()> {
    for dtype in DTYPES {
        for (name, f) in row_functions(dtype) {
            for other in [1.0, INF, -INF, 0.0] {
                for place in 0..3 {
                    let mut xs = [other; 3];
                    xs[place] = NAN;
                    let row = vector(&xs, dtype).reshape([1, 3])?;
                    let y = f(&row)?.to_f64_vec();
                    let what = format!("{name} {dtype:?} of {xs:?}: {y:?}");
                    assert!(y.iter().all(|y| y.is_nan()), "{what}");
                    // The same with rows that are strided columns.
                    let columns = vector(&xs, dtype).reshape([3, 1])?.broadcast_to([3, 70])?;
                    let columns = Tensor::from_vec(columns.to_f64_vec(), [3, 70])?.to_dtype(dtype);
                    let y = f(&columns.transpose(0, 1)?)?.to_f64_vec();
                    assert!(y.iter().all(|y| y.is_nan()), "{what}, columns");
                }
            }
        }
    }
    Ok(())
}

#[test]
fn a_row_does_not_change_the_result_of_another() -> Result<()> {
    let plain = [0.5, -1.0, 3.0];
    for dtype in DTYPES {
        for (name, f) in row_functions(dtype) {
            for other in [
                [INF, 1.0, 2.0],
                [-INF; 3],
                [NAN; 3],
                [0.0; 3],
                [1e30, -1e30, 3e30],
                [1e-30, 1e-30, 3e-30],
                [1e8, 1e8, 1e8],
            ] {
                let alone = vector(&plain, dtype).reshape([1, 3])?.tracked();
                let rows = [&plain[..], &other, &plain].concat();
                let rows = vector(&rows, dtype).reshape([3, 3])?.tracked();
                let what = format!("{name} {dtype:?} beside {other:?}");
                let value = f(&alone)?.to_f64_vec();
                let values = f(&rows)?.reshape([3, value.len()])?;
                for i in [0, 2] {
                    assert_near(&what, &values.narrow(0, i, 1)?, &value);
                }
                for backward in [Backward::new(), Backward::new().create_graph()] {
                    let of = |x: &Tensor| -> Result<Tensor> {
                        let y = f(x)?;
                        let weight = |i| (i % value.len()) as f64 - 0.75;
                        let weights: Vec<f64> = (0..y.len()).map(weight).collect();
                        let weights = vector(&weights, dtype).reshape(y.shape())?;
                        Ok(backward.grad_with(&y, &weights, &[x])?[0].clone())
                    };
                    let gradients = of(&rows)?;
                    for i in [0, 2] {
                        let expected = of(&alone)?.to_f64_vec();
                        assert_near(&what, &gradients.narrow(0, i, 1)?, &expected);
                    }
                }
            }
        }
    }
    Ok(())
}

#[test]
fn means_of_finite_elements_are_finite() -> Result<()> {
    for (dtype, large) in [(DType::F32, 3e38), (DType::F64, 1.5e308)] {
        let x = vector(&[large, large, 1.0, 3.0, -large, large], dtype).reshape([3, 2])?;
        assert_near("rows", &x.mean_over(1)?, &[large, 2.0, 0.0]);
        assert_gradient("rows", &x, &|x| x.mean_over(1), &[0.5; 6])?;
        let same = vector(&[large; 700], dtype);
        assert_near("all", &same.mean(), &[large]);
        assert_gradient("all", &same, &|x| Ok(x.mean()), &[1.0 / 700.0; 700])?;
        // Means of losses.
        let zeros = Tensor::zeros([700], dtype)?;
        assert_near("l1", &same.l1_loss(&zeros)?, &[large]);
        let rows = same.neg().reshape([350, 2])?;
        let labels = Indices::from_vec(vec![1; 350], [350])?;
        assert_near("nll", &rows.nll_loss(&labels)?, &[large]);
        // Infinite elements and NaN remain visible.
        for (xs, mean) in [([INF, large], INF), ([INF, -INF], NAN), ([NAN, large], NAN)] {
            assert_near("infinite", &vector(&xs, dtype).mean(), &[mean]);
        }
    }
    Ok(())
}
