//! Passes, batches, rates and schedules that do not fit.

use super::{batch, net, rng, says};
use cotangent::prelude::*;
use expect_test::expect;

/// Mistake 6.
#[test]
fn training_under_an_inference_pass() {
    says(
        || {
            let (mut net, (x, labels)) = (net()?, batch()?);
            let mut optimizer = Sgd::new(0.1).build()?;
            let loss = net
                .forward(&x, &Pass::inference())?
                .cross_entropy(&labels)?;
            optimizer.step(&mut net, loss.backward()?)
        },
        expect![[r#"
            backward: the output depends on no tracked tensor; possible causes: a pass that
            does not record (`Pass::record`), `Param::value` in place of `read(&pass)`, only
            frozen parameters, `detach`, or inputs without `tracked()`"#]],
    );
}

/// Mistake 7.
#[test]
fn training_on_predictions() {
    says(
        || {
            let (mut net, (x, labels)) = (net()?, batch()?);
            let mut optimizer = Sgd::new(0.1).build()?;
            let loss = net.predict(&x)?.cross_entropy(&labels)?;
            optimizer.step(&mut net, loss.backward()?)
        },
        expect![[r#"
            backward: the output depends on no tracked tensor; possible causes: a pass that
            does not record (`Pass::record`), `Param::value` in place of `read(&pass)`, only
            frozen parameters, `detach`, or inputs without `tracked()`"#]],
    );
}

/// Mistake 8. It raises no error, because some evaluations use a training pass on purpose. Dropout
/// draws new values for each call, so two evaluations differ; `predict` returns the same twice.
#[test]
fn evaluating_under_a_training_pass() -> Result<()> {
    let net = Mlp::builder([4, 8, 3]).dropout(0.5).build(&mut rng())?;
    let ((x, labels), pass) = (batch()?, Pass::train(0));
    let evaluate = || net.forward(&x, &pass)?.cross_entropy(&labels)?.item();
    assert_ne!(evaluate()?.to_bits(), evaluate()?.to_bits());
    assert_eq!(net.predict(&x)?.to_f64_vec(), net.predict(&x)?.to_f64_vec());
    Ok(())
}

/// Mistake 36.
#[test]
fn a_batch_of_one_in_batch_normalization() {
    says(
        || {
            let net = Mlp::builder([4, 8, 3]).batch_norm().build(&mut rng())?;
            net.forward(&batch()?.0.narrow(0, 0, 1)?, &Pass::train(0))
        },
        expect![[r#"
            `hidden.0.norm`: batch_norm: expected at least 2 values per channel, found 1: a
            single value has no variance (shape (1, 8))"#]],
    );
}

/// Mistake 37.
#[test]
fn an_empty_batch() -> Result<()> {
    let empty = Tensor::zeros([0, 4], DType::F32)?;
    says(
        || {
            let net = Mlp::builder([4, 8, 3]).batch_norm().build(&mut rng())?;
            net.forward(&empty, &Pass::train(0))
        },
        expect![[r#"
            `hidden.0.norm`: batch_norm: expected at least 2 values per channel, found 0
            (shape (0, 8))"#]],
    );
    says(
        || {
            net()?
                .forward(&empty, &Pass::train(0))?
                .cross_entropy(&Indices::from(vec![]))?
                .backward()
        },
        expect![[r#"
            cross_entropy: the batch is empty: there are no losses to take the mean of
            (shape (0,))"#]],
    );
    // An empty batch has empty predictions.
    assert_eq!(net()?.predict(&empty)?.shape(), [0, 3]);
    Ok(())
}

/// Mistake 38. The loss grows until it is not finite, and `backward` refuses it.
#[test]
fn a_learning_rate_too_large() {
    says(
        || {
            let (mut net, (x, _)) = (net()?, batch()?);
            let (pass, mut optimizer) = (Pass::train(0), Sgd::new(1e6).build()?);
            for _ in 0..100 {
                let loss = net.forward(&x, &pass)?.square().mean();
                optimizer.step(&mut net, loss.backward()?)?;
            }
            Ok(())
        },
        expect![[r#"
            backward: the output is not finite (inf); compute it under `Pass::checked` to
            find the operation that caused it, or allow it with `Backward::allow_nonfinite`"#]],
    );
}

/// Mistake 39.
#[test]
fn a_negative_learning_rate() {
    says(
        || Sgd::new(-0.1).build(),
        expect!["optimizer: learning rate must be finite and at least 0, found -0.1"],
    );
    says(
        || Sgd::new(0.1).build()?.set_learning_rate(-0.1),
        expect!["optimizer: learning rate must be finite and at least 0, found -0.1"],
    );
}

/// Mistake 42. It raises no error, because probabilities are valid logits. But the loss cannot come
/// near 0: with 3 classes it stays above 0.55.
#[test]
fn softmax_before_cross_entropy() -> Result<()> {
    let labels = Indices::from([0, 1, 2]);
    let certain = Tensor::from([[99.0f32, 0.0, 0.0], [0.0, 99.0, 0.0], [0.0, 0.0, 99.0]]);
    assert!(certain.cross_entropy(&labels)?.item()? < 1e-6);
    let loss = certain.softmax(1)?.cross_entropy(&labels)?.item()?;
    assert!((0.55..0.56).contains(&loss), "{loss}");
    Ok(())
}

/// Mistake 43.
#[test]
fn a_model_that_is_frozen_as_a_whole() {
    says(
        || {
            let (mut net, (x, labels)) = (net()?, batch()?);
            net.freeze();
            let mut optimizer = Sgd::new(0.1).build()?;
            let loss = net.forward(&x, &Pass::train(0))?.cross_entropy(&labels)?;
            optimizer.step(&mut net, loss.backward()?)
        },
        expect![[r#"
            backward: the output depends on no tracked tensor; possible causes: a pass that
            does not record (`Pass::record`), `Param::value` in place of `read(&pass)`, only
            frozen parameters, `detach`, or inputs without `tracked()`"#]],
    );
}

/// Mistake 44.
#[test]
fn dropout_of_everything() {
    says(
        || Dropout::new(1.0),
        expect!["dropout: p must be in [0, 1), found 1"],
    );
}

/// Mistake 47. It raises no error: the learning rate keeps its value, and the compiler warns of
/// the unused `schedule`.
#[test]
fn a_schedule_that_is_not_advanced() -> Result<()> {
    let mut schedule = Schedule::exponential(0.5)?;
    let mut optimizer = Sgd::new(0.1).build()?;
    schedule.step(&mut optimizer)?;
    for _ in 0..3 {
        let (mut net, (x, labels)) = (net()?, batch()?);
        let loss = net.forward(&x, &Pass::train(0))?.cross_entropy(&labels)?;
        optimizer.step(&mut net, loss.backward()?)?;
    }
    assert!((optimizer.learning_rate() - 0.1).abs() < 1e-12);
    assert_eq!(schedule.steps(), 1);
    Ok(())
}
