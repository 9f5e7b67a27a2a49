//! Compares a million draws of every initializer with the moments, tails and bounds of its
//! distribution.

use cotangent_core::random::{ChaCha8Rng, SeedableRng};
use cotangent_core::{Result, Tensor};
use cotangent_nn::init::{self, Distribution, Fan, Init};
use cotangent_nn::{Conv2d, ConvTranspose1d, Linear, Lstm, MultiHeadAttention};

/// (out, in, kernel) of a million weights: fan in 5000, fan out 800.
const SHAPE: [usize; 3] = [200, 1250, 4];
const FAN_IN: f64 = 5000.0;
const FAN_OUT: f64 = 800.0;
const FAN_AVERAGE: f64 = 2900.0;

fn draw(init: Init, shape: &[usize], seed: u64) -> Result<Tensor> {
    init.draw(shape, &mut ChaCha8Rng::seed_from_u64(seed))
}

/// The properties of a distribution with mean 0 and variance 1.
struct Law {
    kurtosis: f64,
    /// Magnitudes, each with the probability of a larger one.
    tails: [(f64, f64); 2],
    /// The largest possible magnitude.
    bound: Option<f64>,
}

const NORMAL: Law = Law {
    kurtosis: 3.0,
    tails: [(1.0, 0.317_310_5), (2.0, 0.045_500_3)],
    bound: None,
};

/// The magnitude 2, before the variance is scaled to 1.
const TRUNCATED_BOUND: f64 = 2.0 / 0.879_625_661;

/// With φ(2) = 0.0539910 and P = 0.9544997 within the bounds the variance is 1 - 4 φ/P and the
/// fourth moment 3 (1 - 4 φ/P) - 16 φ/P. Tails beyond 1 and 3/2, before scaling: (P(1) - P(2)) /
/// (1 - P(2)).
const TRUNCATED: Law = Law {
    kurtosis: 2.365_536,
    tails: [
        (
            TRUNCATED_BOUND / 2.0,
            (0.317_310_5 - 0.045_500_3) / 0.954_499_7,
        ),
        (
            TRUNCATED_BOUND * 0.75,
            (0.133_614_4 - 0.045_500_3) / 0.954_499_7,
        ),
    ],
    bound: Some(TRUNCATED_BOUND),
};

/// √3 times the uniform distribution on [-1, 1]: outer quartiles, and outer hundredth.
const UNIFORM: Law = Law {
    kurtosis: 1.8,
    tails: [(0.866_025_4, 0.5), (1.714_730_3, 0.01)],
    bound: Some(1.732_050_81),
};

/// Checks mean, variance, kurtosis and the shares in the tails within six standard errors. For the
/// kurtosis, the standard error of the normal distribution is an upper bound here.
#[track_caller]
fn check(
    name: &str,
    init: Init,
    shape: &[usize],
    mean: f64,
    deviation: f64,
    law: &Law,
) -> Result<()> {
    let draws = draw(init, shape, 3)?.to_f64_vec();
    let n = draws.len() as f64;
    let scaled: Vec<f64> = draws.iter().map(|x| (x - mean) / deviation).collect();
    let moment = |k: i32| scaled.iter().map(|x| x.powi(k)).sum::<f64>() / n;
    let near = |what: &str, found: f64, expected: f64, error: f64| {
        assert!(
            (found - expected).abs() <= 6.0 * error / n.sqrt(),
            "{name}: {what} is {found}, expected {expected} ± {}",
            error / n.sqrt()
        );
    };
    near("mean", moment(1), 0.0, 1.0);
    near("variance", moment(2), 1.0, (law.kurtosis - 1.0).sqrt());
    near(
        "kurtosis",
        moment(4) / moment(2).powi(2),
        law.kurtosis,
        24f64.sqrt(),
    );
    for (size, share) in law.tails {
        // Both sides, so that a skewed distribution is detected.
        for sign in [-1.0, 1.0] {
            let found = scaled.iter().filter(|x| *x * sign > size).count() as f64 / n;
            let half = share / 2.0;
            near(
                &format!("share beyond {}", sign * size),
                found,
                half,
                (half * (1.0 - half)).sqrt(),
            );
        }
    }
    let largest = scaled.iter().fold(0f64, |most, x| most.max(x.abs()));
    match law.bound {
        // Draws are rounded to f32, relative to their mean as well.
        Some(bound) => assert!(
            largest <= bound + 1e-6 * (1.0 + mean.abs() / deviation) && largest > 0.999 * bound,
            "{name}: largest {largest}, bound {bound}"
        ),
        None => assert!(
            largest > 4.0,
            "{name}: a normal distribution has tails, largest {largest}"
        ),
    }
    Ok(())
}

#[test]
fn every_combination_of_scale_fan_and_distribution_follows_its_law() -> Result<()> {
    for (fan, size) in [
        (Fan::In, FAN_IN),
        (Fan::Out, FAN_OUT),
        (Fan::Average, FAN_AVERAGE),
    ] {
        for (distribution, law) in [
            (Distribution::Normal, &NORMAL),
            (Distribution::TruncatedNormal, &TRUNCATED),
            (Distribution::Uniform, &UNIFORM),
        ] {
            for scale in [0.5f64, 1.0, 2.0] {
                let init = init::variance_scaling(scale, fan, distribution);
                check(
                    &format!("{init:?}"),
                    init,
                    &SHAPE,
                    0.0,
                    (scale / size).sqrt(),
                    law,
                )?;
            }
        }
    }
    Ok(())
}

#[test]
fn given_moments_bounds_and_gains_are_kept() -> Result<()> {
    let million = [1_000_000];
    check("normal", init::normal(1.0), &million, 0.0, 1.0, &NORMAL)?;
    check(
        "normal around 3",
        init::normal(0.25).mean(3.0),
        &million,
        3.0,
        0.25,
        &NORMAL,
    )?;
    // The given standard deviation is the one before truncation.
    let deviation = 0.5 * 0.879_625_661;
    check(
        "truncated",
        init::normal(0.5).truncated(),
        &million,
        0.0,
        deviation,
        &TRUNCATED,
    )?;
    let around = init::normal(0.5).truncated().mean(-1.0);
    check(
        "truncated around -1",
        around,
        &million,
        -1.0,
        deviation,
        &TRUNCATED,
    )?;
    check(
        "uniform",
        init::uniform(-1.0, 2.0),
        &million,
        0.5,
        0.75f64.sqrt(),
        &UNIFORM,
    )?;
    // Both textbook forms of He's initializer with the average fan have the variance 4 / (in +
    // out).
    let deviation = (4.0 / (FAN_IN + FAN_OUT)).sqrt();
    check(
        "he, average",
        init::he_normal().fan(Fan::Average),
        &SHAPE,
        0.0,
        deviation,
        &NORMAL,
    )?;
    let uniform = init::he_uniform().fan(Fan::Average);
    assert!((3f64.sqrt() * deviation - (12.0 / (FAN_IN + FAN_OUT)).sqrt()).abs() < 1e-15);
    check(
        "he uniform, average",
        uniform,
        &SHAPE,
        0.0,
        deviation,
        &UNIFORM,
    )?;
    for gain in [0.5f64, 5.0 / 3.0] {
        let deviation = gain / FAN_AVERAGE.sqrt();
        check(
            "gain",
            init::glorot_normal().gain(gain),
            &SHAPE,
            0.0,
            deviation,
            &NORMAL,
        )?;
        check(
            "gain",
            init::glorot_uniform().gain(gain),
            &SHAPE,
            0.0,
            deviation,
            &UNIFORM,
        )?;
        let truncated = init::glorot_normal().gain(gain).truncated();
        check("gain", truncated, &SHAPE, 0.0, deviation, &TRUNCATED)?;
        let shifted = init::normal(0.1).mean(2.0).gain(gain);
        check("gain", shifted, &million, 2.0 * gain, 0.1 * gain, &NORMAL)?;
    }
    // He's gain is that of ReLU.
    let close = draw(init::lecun_normal().gain(2f64.sqrt()), &[4, 5], 1)?;
    let he = draw(init::he_normal(), &[4, 5], 1)?;
    assert!(close.sub(&he)?.abs().sum().item()? < 1e-6);
    Ok(())
}

/// PyTorch's `_calculate_fan_in_and_fan_out` of weights of two to five axes.
#[test]
fn fans_are_those_of_pytorch() -> Result<()> {
    let shapes: [(&[usize], f64, f64); 4] = [
        (&[6, 4], 4.0, 6.0),
        (&[6, 4, 3], 12.0, 18.0),
        (&[6, 4, 3, 5], 60.0, 90.0),
        (&[6, 4, 2, 3, 5], 120.0, 180.0),
    ];
    for (shape, fan_in, fan_out) in shapes {
        let average = f64::midpoint(fan_in, fan_out);
        for (fan, size) in [
            (Fan::In, fan_in),
            (Fan::Out, fan_out),
            (Fan::Average, average),
        ] {
            let found = draw(scaled(fan), shape, 5)?;
            let expected = draw(within(size), shape, 5)?;
            assert_eq!(
                found.to_vec::<f32>()?,
                expected.to_vec::<f32>()?,
                "{shape:?} {fan:?}"
            );
        }
    }
    Ok(())
}

fn scaled(fan: Fan) -> Init {
    init::variance_scaling(1.0, fan, Distribution::Uniform)
}

/// Draws as [`scaled`] does for a fan of this size.
fn within(fan: f64) -> Init {
    let limit = 3f64.sqrt() * (1.0 / fan).sqrt();
    init::uniform(-limit, limit)
}

/// A unit of a grouped convolution has the inputs of its group alone, and a transposed convolution
/// has the fans of its own direction. Attention draws queries, keys and values each with the fans
/// of a matrix; recurrent layers draw all gates as one, as Keras and PyTorch do.
#[test]
fn layers_draw_with_the_fans_of_their_units() -> Result<()> {
    type Weight = fn(Init) -> Result<Tensor>;
    fn rng() -> ChaCha8Rng {
        ChaCha8Rng::seed_from_u64(5)
    }
    let layers: [(&str, Weight, f64, f64); 6] = [
        (
            "Linear",
            |init| {
                let layer = Linear::builder(4, 6).weight(init).build(&mut rng())?;
                Ok(layer.weight.value().clone())
            },
            4.0,
            6.0,
        ),
        (
            "Conv",
            |init| {
                let layer = Conv2d::builder(4, 6, 3).weight(init).build(&mut rng())?;
                Ok(layer.weight.value().clone())
            },
            36.0,
            54.0,
        ),
        (
            "Conv, two groups",
            |init| {
                let layer = Conv2d::builder(4, 6, 3)
                    .groups(2)
                    .weight(init)
                    .build(&mut rng())?;
                Ok(layer.weight.value().clone())
            },
            18.0,
            27.0,
        ),
        (
            "ConvTranspose, two groups",
            |init| {
                let layer = ConvTranspose1d::builder(4, 6, 5).groups(2).weight(init);
                Ok(layer.build(&mut rng())?.weight.value().clone())
            },
            10.0,
            15.0,
        ),
        (
            "Lstm",
            |init| {
                let layer = Lstm::builder(3, 5).input_weight(init).build(&mut rng())?;
                Ok(layer.weights()[0].weight_ih.value().clone())
            },
            3.0,
            20.0,
        ),
        (
            "MultiHeadAttention",
            |init| {
                let layer = MultiHeadAttention::builder(8, 2)
                    .weight(init)
                    .build(&mut rng())?;
                Ok(layer.in_proj_weight.value().clone())
            },
            8.0,
            8.0,
        ),
    ];
    for (name, weight, fan_in, fan_out) in layers {
        for (fan, size) in [(Fan::In, fan_in), (Fan::Out, fan_out)] {
            let (found, expected) = (weight(scaled(fan))?, weight(within(size))?);
            assert_eq!(
                found.to_vec::<f32>()?,
                expected.to_vec::<f32>()?,
                "{name} {fan:?}"
            );
        }
    }
    Ok(())
}
