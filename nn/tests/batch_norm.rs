//! The statistics of batch normalization: running, cumulative, recalibrated, frozen, folded.

use cotangent_core::module::{Buffer, Layer, Pass};
use cotangent_core::random::{ChaCha8Rng, SeedableRng};
use cotangent_core::state::Stateful;
use cotangent_core::{DType, Error, ModuleExt, Result, Tensor};
use cotangent_nn::{BatchNorm, BatchNormBuilder, Dropout, Linear, Sequential, Tanh, recalibrate};
use std::cell::Cell;

fn batches() -> Result<Vec<Tensor>> {
    let mut rng = ChaCha8Rng::seed_from_u64(5);
    [3, 5, 2, 7]
        .iter()
        .map(|&n| Tensor::normal([n, 4], 3.0, 2.0, DType::F32, &mut rng))
        .collect()
}

fn values(buffer: Option<&Buffer>) -> Vec<f64> {
    let value = buffer.map(Buffer::value);
    value.map(|value| value.to_f64_vec()).unwrap_or_default()
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

/// Returns the mean and the unbiased variance of every channel over all rows of all batches.
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
    assert_close(&values(norm.running_mean.as_ref()), &mean, 1e-6);
    assert_close(&values(norm.running_var.as_ref()), &variance, 1e-6);
    assert!(norm.recalibrate([]).is_err());
    assert!(
        norm.recalibrate(&[Tensor::zeros([3, 5], DType::F32)?])
            .is_err()
    );
    assert_close(&values(norm.running_mean.as_ref()), &mean, 1e-6);
    Ok(())
}

#[test]
fn cumulative_statistics_are_the_average_over_the_batches() -> Result<()> {
    let norm = BatchNorm::builder(4).cumulative().build()?;
    let batches = batches()?;
    let mut means = vec![0.0; 4];
    for batch in &batches {
        let _ = norm.forward(batch, &Pass::train(0))?;
        for (sum, m) in means.iter_mut().zip(batch.mean_over(0)?.to_f64_vec()) {
            *sum += m / batches.len() as f64;
        }
    }
    assert_close(&values(norm.running_mean.as_ref()), &means, 1e-6);
    Ok(())
}

#[test]
fn momentum_and_decay_agree_and_keras_variance_is_biased() -> Result<()> {
    let x = &batches()?[1];
    let run = |builder: BatchNormBuilder| -> Result<(Vec<f64>, Vec<f64>)> {
        let norm = builder.build()?;
        let _ = norm.forward(x, &Pass::train(0))?;
        Ok((
            values(norm.running_mean.as_ref()),
            values(norm.running_var.as_ref()),
        ))
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
fn a_frozen_layer_keeps_its_running_statistics() -> Result<()> {
    let mut norm = BatchNorm::new(4)?;
    let batches = batches()?;
    let _ = norm.forward(&batches[0], &Pass::train(0))?;
    let before = (
        values(norm.running_mean.as_ref()),
        values(norm.running_var.as_ref()),
    );
    norm.freeze();
    let trained = norm.forward(&batches[1], &Pass::train(0))?;
    assert_eq!(
        trained.to_f64_vec(),
        norm.predict(&batches[1])?.to_f64_vec()
    );
    assert_eq!(
        before,
        (
            values(norm.running_mean.as_ref()),
            values(norm.running_var.as_ref())
        )
    );
    norm.unfreeze();
    let _ = norm.forward(&batches[1], &Pass::train(0).hold_statistics())?;
    assert_eq!(
        before,
        (
            values(norm.running_mean.as_ref()),
            values(norm.running_var.as_ref())
        )
    );
    let _ = norm.forward(&batches[1], &Pass::train(0))?;
    assert_ne!(before.0, values(norm.running_mean.as_ref()));
    Ok(())
}

#[test]
fn inference_uses_the_batch_without_running_statistics() -> Result<()> {
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

#[test]
fn one_value_per_channel_is_an_error_in_training() -> Result<()> {
    let norm = BatchNorm::new(3)?;
    for shape in [&[1, 3][..], &[1, 3, 1], &[1, 3, 1, 1]] {
        let x = Tensor::ones(shape, DType::F32)?;
        let error = norm.forward(&x, &Pass::train(0)).unwrap_err().to_string();
        assert!(
            error.contains("at least 2 values per channel, found 1"),
            "{error}"
        );
        assert_eq!(norm.predict(&x)?.shape(), shape);
    }
    let before = values(norm.running_var.as_ref());
    assert_eq!(before, [1.0; 3]);
    let _ = norm.forward(&Tensor::ones([1, 3, 2], DType::F32)?, &Pass::train(0))?;
    assert_close(&values(norm.running_var.as_ref()), &[0.9; 3], 1e-6);
    Ok(())
}

/// The statistics of (samples, channels, …) equal those of the channels as columns.
#[test]
fn further_axes_count_as_samples() -> Result<()> {
    for inner in [&[5][..], &[2, 3], &[2, 1, 2]] {
        let shape = [&[4, 3], inner].concat();
        let x = Tensor::normal(
            &shape[..],
            1.0,
            3.0,
            DType::F32,
            &mut ChaCha8Rng::seed_from_u64(6),
        )?;
        let columns = x.transpose(0, 1)?.flatten_from(1)?.transpose(0, 1)?;
        let (deep, flat) = (BatchNorm::new(3)?, BatchNorm::new(3)?);
        let y = deep.forward(&x, &Pass::train(0))?;
        assert_eq!(y.shape(), shape);
        let flat_y = flat.forward(&columns, &Pass::train(0))?;
        let y = y.transpose(0, 1)?.flatten_from(1)?.transpose(0, 1)?;
        assert_close(&y.to_f64_vec(), &flat_y.to_f64_vec(), 1e-5);
        assert_close(
            &values(deep.running_mean.as_ref()),
            &values(flat.running_mean.as_ref()),
            1e-6,
        );
        assert_close(
            &values(deep.running_var.as_ref()),
            &values(flat.running_var.as_ref()),
            1e-6,
        );
        deep.recalibrate([&x])?;
        flat.recalibrate([&columns])?;
        assert_close(
            &values(deep.running_mean.as_ref()),
            &values(flat.running_mean.as_ref()),
            1e-6,
        );
        assert_close(
            &values(deep.running_var.as_ref()),
            &values(flat.running_var.as_ref()),
            1e-6,
        );
    }
    Ok(())
}

/// E[x²] - E[x]² has no correct digit here: 1e8 has a spacing of 8 in single precision.
#[test]
fn a_variance_of_1_around_10000_is_accurate_in_f32() -> Result<()> {
    let mut rng = ChaCha8Rng::seed_from_u64(7);
    for shape in [&[512, 4][..], &[64, 4, 32]] {
        let x = Tensor::normal(shape, 1e4, 1.0, DType::F32, &mut rng)?;
        let norm = BatchNorm::builder(4).momentum(1.0).build()?;
        let _ = norm.forward(&x, &Pass::train(0))?;
        let exact = x.to_dtype(DType::F64).transpose(0, 1)?.flatten_from(1)?;
        let (mean, var) = (exact.mean_over(1)?, exact.var_over(1, 1.0)?);
        assert_close(
            &values(norm.running_mean.as_ref()),
            &mean.to_f64_vec(),
            1e-7,
        );
        assert_close(&values(norm.running_var.as_ref()), &var.to_f64_vec(), 1e-3);
        norm.recalibrate([&x])?;
        assert_close(
            &values(norm.running_mean.as_ref()),
            &mean.to_f64_vec(),
            1e-7,
        );
        assert_close(&values(norm.running_var.as_ref()), &var.to_f64_vec(), 1e-6);
    }
    Ok(())
}

/// Splits the rows of a data set into batches of these sizes.
fn cut(rows: &Tensor, sizes: &[usize]) -> Result<Vec<Tensor>> {
    rows.split_sizes(0, sizes)
}

fn rows(count: usize) -> Result<Tensor> {
    Tensor::normal(
        [count, 4],
        3.0,
        2.0,
        DType::F64,
        &mut ChaCha8Rng::seed_from_u64(8),
    )
}

fn statistics(norm: &BatchNorm) -> [Vec<f64>; 2] {
    [
        values(norm.running_mean.as_ref()),
        values(norm.running_var.as_ref()),
    ]
}

fn assert_statistics(norm: &BatchNorm, input: &Tensor, tolerance: f64) -> Result<()> {
    let [mean, var] = statistics(norm);
    assert_close(&mean, &input.mean_over(0)?.to_f64_vec(), tolerance);
    assert_close(&var, &input.var_over(0, 1.0)?.to_f64_vec(), tolerance);
    Ok(())
}

#[test]
fn a_model_of_one_layer_gets_the_statistics_of_the_data_set() -> Result<()> {
    let x = rows(40)?;
    for sizes in [&[40][..], &[1, 20, 3, 16], &[13, 0, 13, 13, 1]] {
        let norm = BatchNorm::new(4)?.to_dtype(DType::F64);
        recalibrate(&norm, &cut(&x, sizes)?, |x, pass| norm.forward(x, pass))?;
        assert_statistics(&norm, &x, 1e-12)?;
        let biased = BatchNorm::builder(4).biased_running_variance().build()?;
        let biased = biased.to_dtype(DType::F64);
        recalibrate(&biased, &cut(&x, sizes)?, |x, pass| biased.forward(x, pass))?;
        let [_, var] = statistics(&biased);
        assert_close(&var, &x.var_over(0, 0.0)?.to_f64_vec(), 1e-12);
    }
    Ok(())
}

/// Two normalizations, each after a layer.
#[derive(Clone, Debug, cotangent_macros::Module, cotangent_macros::Layer)]
#[module(crate = "cotangent_core")]
struct Two {
    first: Linear,
    lower: BatchNorm,
    tanh: Tanh,
    dropout: Dropout,
    second: Linear,
    upper: BatchNorm,
}

fn two() -> Result<Two> {
    let mut rng = ChaCha8Rng::seed_from_u64(9);
    let two = Two {
        first: Linear::new(4, 5, &mut rng)?,
        lower: BatchNorm::new(5)?,
        tanh: Tanh,
        dropout: Dropout::new(0.5)?,
        second: Linear::new(5, 3, &mut rng)?,
        upper: BatchNorm::new(3)?,
    };
    Ok(two.to_dtype(DType::F64))
}

/// Returns the inputs of the two normalizations in inference.
fn inputs(net: &Two, x: &Tensor) -> Result<[Tensor; 2]> {
    let lower = net.first.predict(x)?;
    let upper = net.lower.predict(&lower)?.tanh();
    Ok([lower, net.second.predict(&upper)?])
}

#[test]
fn every_layer_gets_the_statistics_of_its_input_in_inference() -> Result<()> {
    let x = rows(40)?;
    for sizes in [&[40][..], &[1, 20, 3, 16]] {
        let net = two()?;
        let passes = Cell::new(0);
        recalibrate(&net, &cut(&x, sizes)?, |x, pass| {
            passes.set(passes.get() + 1);
            net.forward(x, pass)
        })?;
        assert_eq!(passes.get(), 2 * sizes.len());
        let [lower, upper] = inputs(&net, &x)?;
        assert_statistics(&net.lower, &lower, 1e-12)?;
        assert_statistics(&net.upper, &upper, 1e-12)?;
        assert_eq!(net.named_params().len(), 8);
    }
    // A single pass in training mode gives the upper layer other statistics.
    let net = two()?;
    for batch in cut(&x, &[10, 10, 10, 10])? {
        let h = net
            .lower
            .forward(&net.first.predict(&batch)?, &Pass::train(0))?;
        let _ = net
            .upper
            .forward(&net.second.predict(&h.tanh())?, &Pass::train(0))?;
    }
    let [_, upper] = inputs(&net, &x)?;
    let [mean, _] = statistics(&net.upper);
    let exact = upper.mean_over(0)?.to_f64_vec();
    assert!(mean.iter().zip(exact).any(|(a, b)| (a - b).abs() > 1e-3));
    Ok(())
}

#[test]
fn frozen_layers_keep_their_statistics_and_layers_above_use_them() -> Result<()> {
    let x = rows(30)?;
    let mut net = two()?;
    net.lower.freeze();
    let before = statistics(&net.lower);
    recalibrate(&net, &cut(&x, &[11, 19])?, |x, pass| net.forward(x, pass))?;
    assert_eq!(statistics(&net.lower), before);
    let [_, upper] = inputs(&net, &x)?;
    assert_statistics(&net.upper, &upper, 1e-12)?;
    assert!(net.lower.recalibrate([&rows(3)?]).is_err());
    net.freeze();
    let result = recalibrate(&net, [&x], |x, pass| net.forward(x, pass));
    assert!(matches!(result, Err(Error::Argument { .. })));
    Ok(())
}

#[test]
fn an_error_in_the_last_pass_changes_nothing() -> Result<()> {
    let x = rows(30)?;
    let net = two()?;
    let before = [statistics(&net.lower), statistics(&net.upper)];
    let batches = cut(&x, &[15, 15])?;
    let calls = Cell::new(0);
    let fail_at = |last: usize| {
        calls.set(0);
        recalibrate(&net, &batches, |x, pass| {
            calls.set(calls.get() + 1);
            if calls.get() == last {
                return net.forward(&x.narrow(1, 0, 2)?, pass);
            }
            net.forward(x, pass)
        })
    };
    for last in 1..=4 {
        assert!(fail_at(last).is_err());
        assert_eq!([statistics(&net.lower), statistics(&net.upper)], before);
    }
    fail_at(5)?;
    assert_ne!(statistics(&net.upper), before[1]);

    let net = two()?;
    let large = x.mul_scalar(f64::INFINITY);
    let error = recalibrate(&net, [&x, &large], |x, pass| net.forward(x, pass)).unwrap_err();
    assert!(
        matches!(error, Error::NonFinite { .. } | Error::Within { .. }),
        "{error}"
    );
    assert!(error.to_string().contains("lower.running_mean"), "{error}");
    let error = recalibrate(&net, [&x.narrow(0, 0, 1)?], |x, pass| net.forward(x, pass));
    let error = error.unwrap_err().to_string();
    assert!(
        error.contains("at least 2 values per channel, found 1"),
        "{error}"
    );
    assert_eq!([statistics(&net.lower), statistics(&net.upper)], before);
    Ok(())
}

#[test]
fn a_model_without_statistics_to_set_is_an_error() -> Result<()> {
    let x = rows(10)?.to_dtype(DType::F32);
    let refused = |result: Result<()>| matches!(result, Err(Error::Argument { .. }));
    let mut rng = ChaCha8Rng::seed_from_u64(10);
    let linear = Linear::new(4, 2, &mut rng)?;
    assert!(refused(
        recalibrate(&linear, [&x], |x, pass| linear.forward(x, pass))
    ));
    let norm = BatchNorm::new(4)?;
    assert!(refused(recalibrate(&norm, &[] as &[Tensor], |x, pass| {
        norm.forward(x, pass)
    })));
    // A clone is another model.
    assert!(refused(recalibrate(&norm, [&x], |x, pass| norm
        .clone()
        .forward(x, pass))));
    let without = BatchNorm::builder(4).no_running_statistics().build()?;
    assert!(refused(
        recalibrate(&without, [&x], |x, pass| without.forward(x, pass))
    ));
    assert_eq!(statistics(&norm), [vec![0.0; 4], vec![1.0; 4]]);
    Ok(())
}

#[test]
fn a_layer_used_twice_gets_the_statistics_of_both_inputs() -> Result<()> {
    let x = rows(12)?;
    let norm = BatchNorm::new(4)?.to_dtype(DType::F64);
    recalibrate(&norm, [&x], |x, pass| {
        let _ = norm.forward(x, pass)?;
        norm.forward(&x.square(), pass)
    })?;
    assert_statistics(&norm, &Tensor::cat(&[&x, &x.square()], 0)?, 1e-12)?;
    let net = Sequential::new().push(norm.clone()).push(norm);
    recalibrate(&net, [&x], |x, pass| net.forward(x, pass))?;
    let y = net.predict(&x)?;
    // The input of the second is normalized by the first, with the unbiased variance.
    assert_close(&y.mean_over(0)?.to_f64_vec(), &[0.0; 4], 1e-10);
    assert_close(&y.var_over(0, 1.0)?.to_f64_vec(), &[1.0; 4], 1e-4);
    Ok(())
}

#[test]
fn a_batch_that_is_not_finite_leaves_the_running_statistics() -> Result<()> {
    let net = Sequential::new().push(BatchNorm::new(3)?);
    let sound = Tensor::from([[1.0f32, 2.0, 3.0], [4.0, 5.0, 7.0]]);
    let _ = net.forward(&sound, &Pass::train(0))?;
    let before = net.state()?.to_bytes()?;
    for (bad, expected) in [
        (f32::NAN, "the batch's mean of channel 1"),
        (f32::INFINITY, "the batch's mean of channel 1"),
        // Its square overflows, but the mean does not.
        (3e38, "the batch's variance of channel 1"),
    ] {
        let batch = Tensor::from([[1.0f32, 2.0, 3.0], [4.0, bad, 7.0]]);
        let error = net.forward(&batch, &Pass::train(0)).unwrap_err();
        assert!(matches!(error.root(), Error::NonFinite { .. }), "{error}");
        for expected in ["`0`: batch_norm", expected, "`Pass::checked`"] {
            assert!(error.to_string().contains(expected), "{error}");
        }
        assert!(net.state()?.to_bytes()? == before, "{bad}");
        // The running statistics are held: the batch is normalized by its own.
        let _ = net.forward(&batch, &Pass::train(0).hold_statistics())?;
        let _ = net.predict(&batch)?;
        assert!(net.state()?.to_bytes()? == before, "{bad}");
    }
    // A checked pass reports the operation, and the statistics do not move either.
    let linear = Linear::new(3, 3, &mut ChaCha8Rng::seed_from_u64(1))?;
    let pass = Pass::train(0).checked(&linear);
    let infinite = linear.forward(&sound, &pass)?.mul_scalar(f64::INFINITY);
    let y = net.forward(&infinite, &pass)?;
    for error in [pass.check().unwrap_err(), y.sum().backward().unwrap_err()] {
        let error = error.to_string();
        assert!(
            error.starts_with("`weight`: mul_scalar: element"),
            "{error}"
        );
    }
    assert!(net.state()?.to_bytes()? == before);

    let nan = Tensor::full([2, 3], f64::NAN, DType::F32)?;
    let _ = net.forward(&nan, &Pass::train(0).allow_nonfinite())?;
    assert!(net.state()?.to_bytes()? != before);
    Ok(())
}

#[test]
fn a_statistic_whose_square_overflows_is_finite() -> Result<()> {
    let norm = BatchNorm::new(2)?.to_dtype(DType::F64);
    let large = Tensor::from([[1e200f64, 1.0], [1e200, 2.0]]);
    let _ = norm.forward(&large, &Pass::train(0))?;
    assert_close(
        &[values(norm.running_mean.as_ref())[0] / 1e199],
        &[1.0],
        1e-12,
    );
    Ok(())
}
