//! Optimizers, clipping and accumulation near the ends of the dtype's range; NaN must stay visible.

use crate::optimizers::OPTIMIZERS;
use cotangent::nn::regularize;
use cotangent::optim::clip;
use cotangent::prelude::*;
use cotangent::{DType, Gradients, Result};

type Build = fn() -> Result<Box<dyn Optimizer>>;

/// Returns the weight after each step with these gradients, starting at 1.
fn path(
    build: impl Fn() -> Result<Box<dyn Optimizer>>,
    gradients: &[f64],
    dtype: DType,
) -> Result<Vec<f64>> {
    let scalar = |x: f64| Tensor::from([x]).to_dtype(dtype);
    let mut w = Param::new(&scalar(1.0));
    let mut optimizer = build()?;
    let step = |&gradient: &f64| {
        let mut gradients = Gradients::default();
        gradients.insert(&w, scalar(gradient));
        optimizer.step(&mut w, gradients)?;
        Ok(w.value().to_f64_vec()[0])
    };
    gradients.iter().map(step).collect()
}

#[test]
fn one_extreme_gradient_before_ordinary_ones() -> Result<()> {
    for first in [1e20, 1e-20, 1e-30] {
        let gradients = [&[first][..], &[1.0; 19]].concat();
        for row in OPTIMIZERS {
            let (name, build) = (row.name, || row.with_rate(0.1));
            // The square of the gradient, and a tenth of it, are beyond the range: `v` is infinite,
            // as in PyTorch.
            let squares = ["AdaGrad", "AdaDelta", "Adafactor"];
            if first == 1e20 && squares.contains(&row.algorithm) && name != "AdaDelta, slow" {
                let kept = 1.0 - 0.1 * build()?.settings().weight_decay;
                let found = path(build, &gradients, DType::F32)?;
                for (step, w) in (1..).zip(&found) {
                    assert!((w - kept.powi(step)).abs() < 1e-6, "{name}: {found:?}");
                }
                continue;
            }
            let found = path(build, &gradients, DType::F32)?;
            let expected = path(build, &gradients, DType::F64)?;
            for (found, expected) in found.iter().zip(&expected) {
                let error = (found - expected).abs() / expected.abs().max(1.0);
                assert!(
                    error < 2e-6,
                    "{name}, {first}: {found}, expected {expected}"
                );
            }
        }
    }
    // PyTorch's weights after 1, 4, 7 and 10 steps.
    let gradients = [&[1e20][..], &[1.0; 9]].concat();
    let pytorch: [(Build, [f64; 4]); 4] = [
        (
            || Adam::new(0.1).build(),
            [0.9, 0.738_770_6, 0.645_009_76, 0.581_238_8],
        ),
        (
            || AdamW::new(0.1).build(),
            [0.899, 0.735_262_16, 0.639_400_3, 0.573_781_85],
        ),
        (
            || Adam::new(0.1).amsgrad().build(),
            [0.9, 0.738_919_56, 0.645_388_5, 0.581_869_8],
        ),
        (
            || AdaMax::new(0.1).build(),
            [0.9, 0.801_373_2, 0.762_373_9, 0.740_831_26],
        ),
    ];
    for (build, expected) in pytorch {
        let found = path(build, &gradients, DType::F32)?;
        for (i, expected) in expected.into_iter().enumerate() {
            assert!(
                (found[3 * i] - expected).abs() < 1e-6,
                "{found:?}, expected {expected}"
            );
        }
    }
    // In its first steps RAdam does not use the mean square, which is infinite here.
    let far = path(|| RAdam::new(0.1).build(), &[3e38, 1.0], DType::F32)?;
    assert!(far.iter().all(|w| w.is_finite()), "{far:?}");
    Ok(())
}

#[test]
fn a_nan_gradient_stays_visible() -> Result<()> {
    for row in OPTIMIZERS {
        let (name, build) = (row.name, || row.with_rate(0.1));
        for dtype in [DType::F32, DType::F64] {
            let found = path(build, &[1.0, f64::NAN, 1.0, 1.0], dtype)?;
            assert!(found[0].is_finite(), "{name}: {found:?}");
            assert!(found[1..].iter().all(|w| w.is_nan()), "{name}: {found:?}");
        }
    }
    // Also in state that is a running maximum.
    for (slot, build) in [
        ("u", (|| AdaMax::new(0.1).build()) as Build),
        ("v_max", || Adam::new(0.1).amsgrad().build()),
    ] {
        let mut w = (
            Param::new(&Tensor::from([1.0f32])),
            Param::new(&Tensor::from([1.0f32])),
        );
        let mut optimizer = build()?;
        for gradient in [1.0f32, f32::NAN, 1.0] {
            let mut gradients = Gradients::default();
            gradients.insert(&w.0, Tensor::from([gradient]));
            optimizer.step(&mut w, gradients)?;
        }
        let state = optimizer.state()?;
        assert!(
            state.tensor(&format!("slot.{slot}.0"))?.to_f64_vec()[0].is_nan(),
            "{slot}"
        );
    }
    Ok(())
}

fn clipped(clip: &clip::Clip, weight: &Tensor, gradient: &Tensor) -> Result<(f64, Tensor)> {
    let weight = Param::new(weight);
    let mut gradients = Gradients::default();
    gradients.insert(&weight, gradient.clone());
    let norm = clip.apply(&weight, &mut gradients)?;
    Ok((norm, gradients.get(&weight).expect("a gradient").clone()))
}

fn assert_close(found: &Tensor, expected: &[f64], tolerance: f64) {
    let found = found.to_f64_vec();
    let finite = expected.iter().filter(|x| x.is_finite());
    let largest = finite.fold(0.0f64, |most, x| most.max(x.abs()));
    let near = |(found, expected): (&f64, &f64)| {
        found == expected || (found - expected).abs() <= tolerance * largest
    };
    let fits = found.len() == expected.len() && found.iter().zip(expected).all(near);
    assert!(fits, "{found:?}, expected {expected:?}");
}

#[test]
fn clipping_of_gradients_of_any_size() -> Result<()> {
    let weight = Tensor::from([[3.0f32, 4.0]]);
    let adaptive = clip::adaptive(0.01);
    let (_, gradient) = clipped(&adaptive, &weight, &Tensor::from([[1e25f32, 0.0]]))?;
    assert_close(&gradient, &[0.05, 0.0], 1e-6);
    let most = Tensor::from([[f32::MAX, f32::MAX]]);
    let (_, gradient) = clipped(&adaptive, &weight, &most)?;
    assert_close(&gradient, &[0.05 * 0.5f64.sqrt(); 2], 1e-6);
    let (_, gradient) = clipped(&clip::adaptive(1e-20), &weight, &most)?;
    assert_close(&gradient, &[5e-20 * 0.5f64.sqrt(); 2], 1e-6);
    let (_, gradient) = clipped(
        &adaptive,
        &(&weight * 1e25),
        &Tensor::from([[6e24f32, 8e24]]),
    )?;
    assert_close(&gradient, &[3e23, 4e23], 1e-6);
    let (_, gradient) = clipped(
        &adaptive,
        &(&weight * 1e-25),
        &Tensor::from([[6e-24f32, 8e-24]]),
    )?;
    assert_close(&gradient, &[6e-24, 8e-24], 1e-6);

    for clip in [clip::global_norm(1.0), clip::norm(1.0)] {
        for size in [1e25f32, 1e37] {
            let (norm, gradient) =
                clipped(&clip, &weight, &Tensor::from([[3.0 * size, 4.0 * size]]))?;
            assert!((norm / f64::from(size) / 5.0 - 1.0).abs() < 1e-6);
            assert_close(&gradient, &[0.6, 0.8], 1e-6);
        }
        // No type wider than `f64` could hold these squares.
        let weight = weight.to_dtype(DType::F64);
        let (norm, gradient) = clipped(&clip, &weight, &Tensor::from([[3e200f64, 4e200]]))?;
        assert!((norm / 5e200 - 1.0).abs() < 1e-14);
        assert_close(&gradient, &[0.6, 0.8], 1e-14);
    }
    // The bound is so low that the factor is subnormal in `f32`.
    let low = clip::global_norm(1e-5);
    let (_, gradient) = clipped(&low, &weight, &Tensor::from([[3e37f32, 4e37]]))?;
    assert_close(&gradient, &[6e-6, 8e-6], 1e-6);
    let (norm, gradient) = clipped(&low, &weight, &Tensor::from([[3e-24f32, 4e-24]]))?;
    assert!((norm / 5e-24 - 1.0).abs() < 1e-6);
    assert_close(&gradient, &[3e-24, 4e-24], 1e-6);
    // If non-finite gradients are allowed, clipping by value keeps NaN.
    let (_, gradient) = clipped(
        &clip::value(1.0).allow_nonfinite(),
        &weight,
        &Tensor::from([[f32::NAN, f32::INFINITY]]),
    )?;
    let found = gradient.to_f64_vec();
    assert!(found[0].is_nan() && found[1] == 1.0, "{found:?}");
    Ok(())
}

#[test]
fn max_norm_of_weights_of_any_size() -> Result<()> {
    for size in [1e25f32, 6e37] {
        let mut weight = Param::new(&Tensor::from([[3.0 * size, 4.0 * size], [0.6, 0.8]]));
        regularize::max_norm(2.0)?.apply(&mut weight)?;
        assert_close(weight.value(), &[1.2, 1.6, 0.6, 0.8], 1e-6);
    }
    // The penalty of such weights is infinite; its gradient is finite.
    let weight = Param::new(&Tensor::from([[1e20f32, -2e20]]));
    let penalty = regularize::l2(0.5)?.penalty(&weight, &Pass::train(0))?;
    assert_eq!(penalty.item()?, f64::INFINITY);
    let gradients = Backward::new().allow_nonfinite().run(&penalty)?;
    assert_close(
        gradients.get(&weight).expect("a gradient"),
        &[1e20, -2e20],
        1e-6,
    );
    Ok(())
}

#[test]
fn trust_ratios_of_weights_of_any_size() -> Result<()> {
    for (size, dtype) in [
        (1e25, DType::F32),
        (1e-25, DType::F32),
        (1e200, DType::F64),
        (1e-200, DType::F64),
    ] {
        let w = Tensor::from([3.0 * size, 4.0 * size]).to_dtype(dtype);
        let mut w = Param::new(&w);
        let mut gradients = Gradients::default();
        gradients.insert(&w, Tensor::from([1.0f64, 1.0]).to_dtype(dtype));
        Lamb::new(0.1).build()?.step(&mut w, gradients)?;
        // The update is (1, 1), up to epsilon.
        let step = 0.1 * 5.0 / 2f64.sqrt();
        assert_close(w.value(), &[(3.0 - step) * size, (4.0 - step) * size], 3e-6);
    }
    Ok(())
}

#[test]
fn gradients_whose_sum_overflows_have_a_mean() -> Result<()> {
    let weight = Param::new(&Tensor::from([0.0f32, 0.0]));
    let mut accumulator = Accumulator::new();
    for (gradient, samples) in [
        ([1e38f32, -2e38], 32.0),
        ([3e38, -2e38], 64.0),
        ([1e38, 4e37], 1.0),
    ] {
        let mut gradients = Gradients::default();
        gradients.insert(&weight, Tensor::from(gradient));
        accumulator.add(&weight, gradients, samples)?;
        // The state survives saving and loading.
        let state = accumulator.state()?;
        accumulator = Accumulator::new();
        accumulator.load_state(&state)?;
    }
    let mean = accumulator.take(&weight)?;
    let expected = [
        (32.0 + 3.0 * 64.0 + 1.0) / 97.0 * 1e38,
        (-2.0 * 96.0 + 0.4) / 97.0 * 1e38,
    ];
    assert_close(mean.get(&weight).expect("a gradient"), &expected, 1e-6);
    // Tiny gradients with tiny weights do not vanish.
    let mut gradients = Gradients::default();
    gradients.insert(&weight, Tensor::from([1e-30f32, 2e-30]));
    accumulator.add(&weight, gradients.clone(), 1e-15)?;
    accumulator.add(&weight, gradients, 3e-15)?;
    assert_close(
        accumulator.take(&weight)?.get(&weight).expect("a gradient"),
        &[1e-30, 2e-30],
        1e-6,
    );
    Ok(())
}

#[test]
fn weights_whose_distance_overflows_have_a_mean() -> Result<()> {
    const INF: f64 = f64::INFINITY;
    for (dtype, large) in [(DType::F32, 3e38), (DType::F64, 1.7e308)] {
        // The first and the last weight, their mean by 3/4 and 1/4, and their equal mean.
        for (first, last, unequal, equal) in [
            (large, -large, large / 2.0, 0.0),
            (-large, 0.0, -0.75 * large, -0.5 * large),
            (INF, 1.0, INF, INF),
            (1.0, INF, INF, INF),
            (-INF, -INF, -INF, -INF),
            (2.0, 6.0, 3.0, 4.0),
        ] {
            let weights = |x: f64| Param::new(&Tensor::from([x, 1.0]).to_dtype(dtype));
            let (first, last) = (weights(first), weights(last));
            let mut average = WeightAverage::exponential(&first, 0.75)?;
            let mut mean = WeightAverage::equal(&first);
            for w in [&first, &last] {
                average.update(w)?;
                mean.update(w)?;
            }
            for (found, expected) in [(average, unequal), (mean, equal)] {
                assert_close(found.model().value(), &[expected, 1.0], 1e-7);
            }
        }
        // The fast weights move from one end of the range to the other.
        let mut w = Param::new(&Tensor::from([large]).to_dtype(dtype));
        let mut optimizer = Lookahead::new(Sgd::new(1.0).build()?, 2, 0.5)?;
        for _ in 0..2 {
            let mut gradients = Gradients::default();
            gradients.insert(&w, Tensor::from([large]).to_dtype(dtype));
            optimizer.step(&mut w, gradients)?;
        }
        assert_close(w.value(), &[0.0], 0.0);
    }
    Ok(())
}

#[test]
fn a_nan_metric_is_no_improvement() -> Result<()> {
    let mut schedule = Schedule::reduce_on_plateau()
        .factor(0.5)
        .patience(0)
        .build()?;
    let lowered = [1.0, f64::NAN, 0.5, f64::NAN].map(|metric| schedule.observe(metric));
    assert_eq!(lowered, [false, true, false, true]);
    assert!(
        Schedule::from_fn(|_| f64::NAN)
            .step(&mut Sgd::new(0.1).build()?)
            .is_err()
    );
    Ok(())
}

#[test]
fn bounds_are_checked_in_inference_too() {
    let x = Tensor::from([-1.0f32, 2.0]);
    for (lower, upper) in [(0.5, 0.1), (f64::NAN, 0.1), (0.1, f64::INFINITY)] {
        let layer = RRelu { lower, upper };
        let refused = layer.forward(&x, &Pass::train(0)).unwrap_err();
        assert_eq!(
            layer.predict(&x).unwrap_err().to_string(),
            refused.to_string()
        );
        let layer = Activation::from(layer);
        assert_eq!(
            layer.predict(&x).unwrap_err().to_string(),
            refused.to_string()
        );
    }
    for p in [-0.1, 1.0, 1.5, f64::NAN] {
        let refused = Pass::train(0).dropout(&x, p).unwrap_err().to_string();
        let predicting = Pass::inference().dropout(&x, p).unwrap_err().to_string();
        assert_eq!(predicting, refused);
    }
}
