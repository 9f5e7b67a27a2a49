//! Batch normalization's statistics: running, cumulative, recalibrated, frozen, folded.

use cotangent_core::module::{Layer, Module, Pass};
use cotangent_core::random::{ChaCha8Rng, SeedableRng};
use cotangent_core::{DType, Result, Tensor};
use cotangent_nn::{BatchNorm, BatchNormBuilder, Linear};

fn batches() -> Result<Vec<Tensor>> {
    let mut rng = ChaCha8Rng::seed_from_u64(5);
    [3, 5, 2, 7]
        .iter()
        .map(|&n| Tensor::normal([n, 4], 3.0, 2.0, DType::F32, &mut rng))
        .collect()
}

fn values(tensor: Option<Tensor>) -> Vec<f64> {
    tensor.map(|tensor| tensor.to_f64_vec()).unwrap_or_default()
}

fn assert_close(found: &[f64], expected: &[f64], tolerance: f64) {
    assert_eq!(found.len(), expected.len());
    for (f, e) in found.iter().zip(expected) {
        assert!(
            (f - e).abs() <= tolerance * e.abs().max(1.0),
            "{found:?} {expected:?}"
        );
    }
}

/// Mean and unbiased variance of every channel over all rows of all batches.
fn population(batches: &[Tensor]) -> (Vec<f64>, Vec<f64>) {
    let rows: Vec<f64> = batches.iter().flat_map(Tensor::to_f64_vec).collect();
    let channel = |c: usize| {
        rows.iter()
            .skip(c)
            .step_by(4)
            .copied()
            .collect::<Vec<f64>>()
    };
    let mean = |xs: &[f64]| xs.iter().sum::<f64>() / xs.len() as f64;
    let variance = |xs: &[f64]| {
        let m = mean(xs);
        xs.iter().map(|x| (x - m).powi(2)).sum::<f64>() / (xs.len() - 1) as f64
    };
    (
        (0..4).map(|c| mean(&channel(c))).collect(),
        (0..4).map(|c| variance(&channel(c))).collect(),
    )
}

#[test]
fn recalibration_gives_the_statistics_of_all_batches_together() -> Result<()> {
    let norm = BatchNorm::new(4)?;
    let batches = batches()?;
    norm.recalibrate(&batches)?;
    let (mean, variance) = population(&batches);
    assert_close(&values(norm.running_mean()), &mean, 1e-6);
    assert_close(&values(norm.running_var()), &variance, 1e-6);
    assert!(norm.recalibrate([]).is_err());
    assert!(
        norm.recalibrate(&[Tensor::zeros([3, 5], DType::F32)?])
            .is_err()
    );
    assert_close(&values(norm.running_mean()), &mean, 1e-6);
    Ok(())
}

#[test]
fn cumulative_statistics_are_the_average_over_the_batches() -> Result<()> {
    let norm = BatchNorm::builder(4).cumulative().build()?;
    let batches = batches()?;
    let mut means = vec![0.0; 4];
    for batch in &batches {
        norm.forward(batch, &Pass::train(0))?;
        for (sum, m) in means.iter_mut().zip(batch.mean_over(0)?.to_f64_vec()) {
            *sum += m / batches.len() as f64;
        }
    }
    assert_close(&values(norm.running_mean()), &means, 1e-6);
    Ok(())
}

#[test]
fn both_spellings_of_momentum_agree_and_keras_variance_is_biased() -> Result<()> {
    let x = &batches()?[1];
    let run = |builder: BatchNormBuilder| -> Result<(Vec<f64>, Vec<f64>)> {
        let norm = builder.build()?;
        norm.forward(x, &Pass::train(0))?;
        Ok((values(norm.running_mean()), values(norm.running_var())))
    };
    let new = run(BatchNorm::builder(4).momentum(0.25))?;
    let old = run(BatchNorm::builder(4).decay(0.75))?;
    assert_eq!(new, old);
    let keras = run(BatchNorm::builder(4)
        .momentum(0.25)
        .biased_running_variance())?;
    // 5 samples: 0.75 + 0.25 v 5/4 against 0.75 + 0.25 v.
    let expected: Vec<f64> = new
        .1
        .iter()
        .map(|v| 0.75 + (v - 0.75) * 4.0 / 5.0)
        .collect();
    assert_close(&keras.1, &expected, 1e-6);
    Ok(())
}

#[test]
fn frozen_it_predicts_and_stands_still() -> Result<()> {
    let mut norm = BatchNorm::new(4)?;
    let batches = batches()?;
    norm.forward(&batches[0], &Pass::train(0))?;
    let before = (values(norm.running_mean()), values(norm.running_var()));
    norm.freeze();
    let trained = norm.forward(&batches[1], &Pass::train(0))?;
    assert_eq!(
        trained.to_f64_vec(),
        norm.predict(&batches[1])?.to_f64_vec()
    );
    assert_eq!(
        before,
        (values(norm.running_mean()), values(norm.running_var()))
    );
    norm.unfreeze();
    norm.forward(&batches[1], &Pass::train(0).hold_statistics())?;
    assert_eq!(
        before,
        (values(norm.running_mean()), values(norm.running_var()))
    );
    norm.forward(&batches[1], &Pass::train(0))?;
    assert_ne!(before.0, values(norm.running_mean()));
    Ok(())
}

#[test]
fn without_running_statistics_the_batch_is_used_when_predicting() -> Result<()> {
    let norm = BatchNorm::builder(4)
        .no_running_statistics()
        .no_affine()
        .build()?;
    let x = &batches()?[3];
    let y = norm.predict(x)?;
    assert_eq!(
        y.to_f64_vec(),
        norm.forward(x, &Pass::train(0))?.to_f64_vec()
    );
    assert_close(&y.mean_over(0)?.to_f64_vec(), &[0.0; 4], 1e-6);
    assert!(norm.named_params().is_empty());
    Ok(())
}

#[test]
fn folding_refuses_layers_that_do_not_fit() -> Result<()> {
    let mut rng = ChaCha8Rng::seed_from_u64(0);
    let norm = BatchNorm::new(4)?;
    assert!(norm.fold_into(&Linear::new(3, 5, &mut rng)?).is_err());
    assert!(norm.fold_into(&Linear::new(3, 1, &mut rng)?).is_err());
    let without = BatchNorm::builder(4).no_running_statistics().build()?;
    assert!(without.fold_into(&Linear::new(3, 4, &mut rng)?).is_err());
    Ok(())
}
