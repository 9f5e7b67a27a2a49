//! Losses with elements that are infinite, NaN or of very different sizes.

use super::near::{
    DTYPES, Function, INF, NAN, assert_gradient, assert_near, assert_second, vector,
};
use cotangent::Backward;
use cotangent::prelude::*;

/// Returns the same loss with the sum as reduction.
fn summed(loss: &CrossEntropyLoss) -> CrossEntropyLoss {
    loss.clone().reduction(Reduction::Sum)
}

#[test]
fn rows_with_an_ignored_label_may_be_infinite_or_nan() -> Result<()> {
    // The softmax of 1, 2, 3, minus 1 at the label.
    let row = [0.090_030_573_170_380_46, 0.244_728_471_054_797_64];
    let row = [row[0], row[1], -(row[0] + row[1])];
    for dtype in DTYPES {
        for garbage in [
            [-INF; 3],
            [INF; 3],
            [NAN; 3],
            [INF, -INF, NAN],
            [1.0, -INF, 3e38],
        ] {
            let xs = [&garbage[..], &[1.0, 2.0, 3.0]].concat();
            let logits = vector(&xs, dtype).reshape([2, 3])?;
            let gradient = [&[0.0; 3][..], &row].concat();
            // The ignored label may be one of the classes.
            for (ignored, labels) in [(255, [255, 2]), (0, [0, 2])] {
                let labels = Indices::from(labels);
                let what = format!("{garbage:?} {dtype:?} {ignored}");
                let mean = CrossEntropyLoss::new().ignore_label(ignored);
                for loss in [mean.clone(), summed(&mean)] {
                    let f = |x: &Tensor| loss.loss(x, &labels);
                    assert_near(&what, &f(&logits)?, &[0.407_605_964_444_380_3]);
                    assert_gradient(&what, &logits, &f, &gradient)?;
                }
                // With smoothing, to second order: equal to the other row alone.
                let smooth = CrossEntropyLoss::new().label_smoothing(0.5);
                let with = smooth.clone().ignore_label(ignored);
                let both = |x: &Tensor| with.loss(x, &labels);
                let alone = |x: &Tensor| smooth.loss(&x.narrow(0, 1, 1)?, &Indices::from([2]));
                assert_near(&what, &both(&logits)?, &alone(&logits)?.to_f64_vec());
                let x = logits.tracked();
                for backward in [Backward::new(), Backward::new().create_graph()] {
                    let derivatives = |f: Function| -> Result<Vec<f64>> {
                        let loss = f(&x)?.square();
                        let first = Backward::new().create_graph().grad(&loss, &[&x])?;
                        let second = first[0].mul(&vector(&[1.0, 2.0, 3.0], dtype))?.sum();
                        let second = backward.grad(&second, &[&x])?;
                        Ok([first[0].to_f64_vec(), second[0].to_f64_vec()].concat())
                    };
                    let (found, expected) = (derivatives(&both)?, derivatives(&alone)?);
                    let mut pairs = found.iter().zip(&expected);
                    let close = pairs.all(|(a, b)| (a - b).abs() < 1e-5);
                    assert!(close, "{what}: found {found:?}, expected {expected:?}");
                }
                let none = CrossEntropyLoss::new()
                    .ignore_label(ignored)
                    .reduction(Reduction::None);
                assert_near(
                    &what,
                    &none.loss(&logits, &labels)?,
                    &[0.0, 0.407_605_964_444_380_3],
                );
                // Log-probabilities.
                let likelihood = NllLoss::new().ignore_label(ignored);
                let f = |x: &Tensor| likelihood.loss(x, &labels);
                assert_near(&what, &f(&logits)?, &[-3.0]);
                assert_gradient(&what, &logits, &f, &[0.0, 0.0, 0.0, 0.0, 0.0, -1.0])?;
            }
        }
    }
    Ok(())
}

#[test]
fn losses_in_which_no_row_counts() -> Result<()> {
    for row in [[-INF, -INF], [1.0, NAN], [0.0, 2.0]] {
        let (x, labels) = (Tensor::from([row, row]), Indices::from([7, 7]));
        let mean = CrossEntropyLoss::new().ignore_label(7);
        assert_near("mean", &mean.loss(&x, &labels)?, &[NAN]);
        assert_near("sum", &summed(&mean).loss(&x, &labels)?, &[0.0]);
        let likelihood = NllLoss::new().ignore_label(7);
        let weights = CrossEntropyLoss::new().class_weights(&Tensor::from([0.0f64, 0.0]));
        for f in [
            &(|x: &Tensor| mean.loss(x, &labels)) as Function,
            &|x| summed(&mean).loss(x, &labels),
            &|x| likelihood.loss(x, &labels),
            &|x| weights.loss(x, &Indices::from([0, 1])),
        ] {
            assert_gradient("no row", &x, f, &[0.0; 4])?;
        }
    }
    Ok(())
}

#[test]
fn targets_of_0_contribute_nothing_for_any_logit() -> Result<()> {
    for dtype in DTYPES {
        let row = |xs: &[f64]| vector(xs, dtype).reshape([1, xs.len()]);
        let plain = CrossEntropyLoss::new();
        let weighted = CrossEntropyLoss::new().class_weights(&vector(&[0.0, 2.0], dtype));
        let smooth = CrossEntropyLoss::new().label_smoothing(0.5);
        let both = weighted.clone().label_smoothing(0.5);
        let ln2 = std::f64::consts::LN_2;
        for (loss, logits, target, value, gradient) in [
            (&plain, [-INF, 0.0], [0.0, 1.0], 0.0, [0.0, 0.0]),
            (&plain, [0.0, -INF], [1.0, 0.0], 0.0, [0.0, 0.0]),
            (&plain, [-INF, 0.0], [-0.0, 0.5], 0.0, [0.0, 0.0]),
            (&plain, [-INF, 0.0], [1.0, 0.0], INF, [-1.0, 1.0]),
            (&plain, [-INF, 0.0], [0.5, 0.5], INF, [-0.5, 0.5]),
            (&plain, [0.0, 0.0], [0.0, 1.0], ln2, [0.5, -0.5]),
            // The softmax is undefined, and counts only if a target is not 0.
            (&plain, [-INF, -INF], [0.0, 0.0], 0.0, [0.0, 0.0]),
            (&plain, [-INF, -INF], [0.0, 1.0], NAN, [NAN, NAN]),
            (&plain, [INF, 0.0], [1.0, 0.0], NAN, [NAN, NAN]),
            (&plain, [NAN, 0.0], [0.0, 1.0], NAN, [NAN, NAN]),
            (&plain, [-INF, 0.0], [NAN, 1.0], NAN, [NAN, NAN]),
            (&weighted, [-INF, 0.0], [0.5, 0.5], 0.0, [0.0, 0.0]),
            (&weighted, [0.0, 0.0], [0.5, 0.5], ln2, [0.5, -0.5]),
            (&weighted, [-INF, 0.0], [1.0, 0.0], 0.0, [0.0, 0.0]),
            // Label smoothing makes all targets positive, except those of classes with weight 0.
            (&smooth, [-INF, 0.0], [0.0, 1.0], INF, [-0.25, 0.25]),
            (&both, [-INF, 0.0], [0.0, 1.0], 0.0, [0.0, 0.0]),
        ] {
            let what = format!("{loss:?} {logits:?} {target:?}");
            let (logits, target) = (row(&logits)?, row(&target)?);
            let f = |x: &Tensor| loss.loss(x, &target);
            assert_near(&what, &f(&logits)?, &[value]);
            assert_gradient(&what, &logits, &f, &gradient)?;
        }
        // The gradient of the target is 0 too for a class with weight 0.
        let (logits, target) = (row(&[-INF, 0.0])?, row(&[0.5, 0.5])?);
        assert_gradient(
            "target",
            &target,
            &|t| weighted.loss(&logits, t),
            &[0.0, 0.0],
        )?;
        // Rows are independent.
        let logits = vector(&[-INF, 0.0, -INF, -INF, 0.0, 0.0], dtype).reshape([3, 2])?;
        let target = vector(&[0.0, 1.0, 0.5, 0.5, 0.0, 1.0], dtype).reshape([3, 2])?;
        let each = CrossEntropyLoss::new().reduction(Reduction::None);
        assert_near("rows", &each.loss(&logits, &target)?, &[0.0, NAN, ln2]);
        let gradient = [0.0, 0.0, NAN, NAN, 0.5, -0.5];
        assert_gradient("rows", &logits, &|x| each.loss(x, &target), &gradient)?;
    }
    Ok(())
}

/// The square root of a loss of 0 has an infinite slope; the gradient of the loss stays 0.
#[test]
fn rows_without_weight_have_no_gradient_through_a_square_root() -> Result<()> {
    for dtype in DTYPES {
        let each = CrossEntropyLoss::new().reduction(Reduction::None);
        let x = vector(&[0.0, 0.0, 0.0, 0.0], dtype).reshape([2, 2])?;
        let root = (0.5 / std::f64::consts::LN_2.sqrt()) * 0.5;
        let gradient = [0.0, 0.0, root, -root];
        let target = vector(&[0.0, 0.0, 0.0, 1.0], dtype).reshape([2, 2])?;
        let f = |x: &Tensor| Ok(each.loss(x, &target)?.sqrt());
        assert_gradient("probabilities", &x, &f, &gradient)?;
        let ignoring = each.clone().ignore_label(5);
        let f = |x: &Tensor| Ok(ignoring.loss(x, &Indices::from([5, 1]))?.sqrt());
        assert_gradient("labels", &x, &f, &gradient)?;
        let weighted = each.class_weights(&vector(&[0.0, 1.0], dtype));
        let f = |x: &Tensor| Ok(weighted.loss(x, &Indices::from([0, 1]))?.sqrt());
        assert_gradient("weights", &x, &f, &gradient)?;
        let weighted = BceWithLogitsLoss::new()
            .class_weights(&vector(&[0.0], dtype))
            .reduction(Reduction::None);
        let f = |x: &Tensor| Ok(weighted.loss(x, &target)?.sqrt());
        assert_gradient("binary", &x, &f, &[0.0; 4])?;
    }
    Ok(())
}

#[test]
fn a_class_weight_of_0_drops_infinite_terms() -> Result<()> {
    for dtype in DTYPES {
        let weights = vector(&[0.0, 1.0], dtype);
        let loss = CrossEntropyLoss::new().class_weights(&weights);
        let likelihood = NllLoss::new().class_weights(&weights);
        let smooth = loss.clone().label_smoothing(0.5);
        let ln = (1.0 + (-1f64).exp()).ln();
        for row in [[-INF, 0.0], [-INF, -INF], [INF, 0.0]] {
            let logits = vector(&[row[0], row[1], 1.0, 2.0], dtype).reshape([2, 2])?;
            let labels = Indices::from([0, 1]);
            let f = |x: &Tensor| loss.loss(x, &labels);
            assert_near("loss", &f(&logits)?, &[ln]);
            let p = 1.0 / (1.0 + 1f64.exp());
            assert_gradient("loss", &logits, &f, &[0.0, 0.0, p, -p])?;
            let f = |x: &Tensor| likelihood.loss(x, &labels);
            assert_near("likelihood", &f(&logits)?, &[-2.0]);
            assert_gradient("likelihood", &logits, &f, &[0.0, 0.0, 0.0, -1.0])?;
        }
        // With smoothing, such a sample has a quarter of the other class's loss, which is ln 1.
        let logits = vector(&[-INF, 0.0], dtype).reshape([1, 2])?;
        let none = smooth.reduction(Reduction::None);
        let f = |x: &Tensor| none.loss(x, &Indices::from([0]));
        assert_near("smooth", &f(&logits)?, &[0.0]);
        assert_gradient("smooth", &logits, &f, &[0.0, 0.0])?;
        let logits = vector(&[0.0, -INF], dtype).reshape([1, 2])?;
        assert_near("smooth", &f(&logits)?, &[INF]);
        assert_gradient("smooth", &logits, &f, &[0.25, -0.25])?;
        // A label whose logit is -∞ has an infinite loss, as in PyTorch.
        let f = |x: &Tensor| x.cross_entropy(&Indices::from([1]));
        assert_near("label", &f(&logits)?, &[INF]);
        assert_gradient("label", &logits, &f, &[1.0, -1.0])?;
        let smooth = CrossEntropyLoss::new().label_smoothing(0.1);
        let f = |x: &Tensor| smooth.loss(x, &Indices::from([0]));
        assert_near("share", &f(&logits)?, &[INF]);
        assert_gradient("share", &logits, &f, &[0.05, -0.05])?;
    }
    Ok(())
}

#[test]
fn the_binary_loss_at_infinite_logits_is_the_limit() -> Result<()> {
    for dtype in DTYPES {
        let logits = vector(&[INF, INF, INF, -INF, -INF, -INF], dtype);
        let targets = vector(&[0.0, 1.0, 0.5, 0.0, 1.0, 0.5], dtype);
        let limits = [INF, 0.0, INF, 0.0, INF, INF];
        let slopes = [1.0, 0.0, 0.5, 0.0, -1.0, -0.5];
        let plain = BceWithLogitsLoss::new().reduction(Reduction::None);
        let ones = plain.clone().positive_weight(&vector(&[1.0], dtype));
        for loss in [
            &plain,
            &ones,
            &plain.clone().class_weights(&vector(&[1.0], dtype)),
        ] {
            let f = |x: &Tensor| loss.loss(x, &targets);
            assert_near("loss", &f(&logits)?, &limits);
            assert_gradient("loss", &logits, &f, &slopes)?;
            assert_second("loss", &logits, &f, &[0.0; 6])?;
        }
        // A weight of 0: of the positive part, then of the whole element.
        let negative = plain.clone().positive_weight(&vector(&[0.0], dtype));
        let f = |x: &Tensor| negative.loss(x, &targets);
        assert_near("negative", &f(&logits)?, &[INF, 0.0, INF, 0.0, 0.0, 0.0]);
        assert_gradient("negative", &logits, &f, &[1.0, 0.0, 0.5, 0.0, 0.0, 0.0])?;
        let of_targets = |t: &Tensor| negative.loss(&logits, t);
        let expected = [-INF, -INF, -INF, 0.0, 0.0, 0.0];
        assert_gradient("negative, targets", &targets, &of_targets, &expected)?;
        for loss in [&plain, &negative] {
            let nothing = loss.clone().class_weights(&vector(&[0.0], dtype));
            let f = |x: &Tensor| nothing.loss(x, &targets);
            assert_near("nothing", &f(&logits)?, &[0.0; 6]);
            assert_gradient("nothing", &logits, &f, &[0.0; 6])?;
            assert_gradient(
                "nothing",
                &targets,
                &|t| nothing.loss(&logits, t),
                &[0.0; 6],
            )?;
        }
        let nans = vector(&[NAN; 3], dtype);
        let targets = vector(&[0.0, 1.0, 0.5], dtype);
        for loss in [&plain, &ones] {
            assert_near("NaN", &loss.loss(&nans, &targets)?, &[NAN; 3]);
            assert_near("NaN", &loss.loss(&targets, &nans)?, &[NAN; 3]);
        }
    }
    Ok(())
}

#[test]
fn divergences_at_zeros_and_infinities() -> Result<()> {
    let each = KlDivLoss::new().reduction(Reduction::None);
    let of_logs = each.log_target();
    for dtype in DTYPES {
        let x = vector(&[-INF, 0.0, -INF, NAN, -1.0, INF], dtype);
        let t = vector(&[0.0, 0.0, 0.5, 0.0, NAN, 0.0], dtype);
        let f = |x: &Tensor| each.loss(x, &t);
        assert_near("kl", &f(&x)?, &[0.0, 0.0, INF, NAN, NAN, 0.0]);
        assert_gradient("kl", &x, &f, &[0.0, 0.0, -0.5, 0.0, NAN, 0.0])?;
        let f = |t: &Tensor| each.loss(&x, t);
        assert_gradient("kl, targets", &t, &f, &[0.0, 0.0, INF, NAN, NAN, 0.0])?;
        let t = vector(&[-INF, -INF, -1.0, -INF, NAN, -INF], dtype);
        let f = |x: &Tensor| of_logs.loss(x, &t);
        assert_near("kl of logs", &f(&x)?, &[0.0, 0.0, INF, NAN, NAN, 0.0]);
        let p = (-1f64).exp();
        assert_gradient("kl of logs", &x, &f, &[0.0, 0.0, -p, 0.0, NAN, 0.0])?;
        let (far, small) = (vector(&[3e38], dtype), vector(&[-3e38], dtype));
        let rounded = of_logs.loss(&far, &small)?;
        assert_near("kl of a log that is rounded to 0", &rounded, &[0.0]);
        let f = |t: &Tensor| of_logs.loss(&x, t);
        assert_gradient(
            "kl of logs, targets",
            &t,
            &f,
            &[0.0, 0.0, INF, NAN, NAN, 0.0],
        )?;
    }
    Ok(())
}

#[test]
fn losses_of_infinite_differences() -> Result<()> {
    let each = HuberLoss::new().reduction(Reduction::None);
    let absolute = L1Loss::new().reduction(Reduction::None);
    let squared = MseLoss::new().reduction(Reduction::None);
    for dtype in DTYPES {
        let x = vector(&[INF, -INF, INF, 1.0, NAN, 0.0, 2e19], dtype);
        let t = vector(&[INF, INF, 0.0, INF, 0.0, NAN, 0.0], dtype);
        let huber = |delta| each.delta(delta).loss(&x, &t);
        let expected = [NAN, INF, INF, INF, NAN, NAN, 2e19 - 0.5];
        assert_near("huber", &huber(1.0)?, &expected);
        // Half of a square is in range, although the square is not.
        let expected = [NAN, INF, INF, INF, NAN, NAN, 2e38];
        assert_near("huber", &huber(1e30)?, &expected);
        assert_near("huber", &huber(INF)?, &expected);
        let (far, opposite) = (vector(&[3e38], dtype), vector(&[-3e38], dtype));
        assert_near("huber", &each.delta(0.1).loss(&far, &opposite)?, &[6e37]);
        let f = |x: &Tensor| each.loss(x, &t);
        assert_gradient("huber", &x, &f, &[NAN, -1.0, 1.0, -1.0, NAN, NAN, 1.0])?;
        let expected = [NAN, INF, INF, INF, NAN, NAN, 2e19];
        assert_near("l1", &absolute.loss(&x, &t)?, &expected);
        let expected = [NAN, INF, INF, INF, NAN, NAN, 4e38];
        assert_near("mse", &squared.loss(&x, &t)?, &expected);
    }
    Ok(())
}
