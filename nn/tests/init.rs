//! A million draws of every initializer against the moments, tails and bounds of its law, the laws
//! that have no chance in them exactly, and what is refused.

use cotangent_core::random::{ChaCha8Rng, SeedableRng};
use cotangent_core::{DType, Error, Result, Tensor};
use cotangent_nn::Linear;
use cotangent_nn::init::{self, Distribution, Fan, Init};

/// (out, in, kernel) of a million weights: fan in 5000, fan out 800.
const SHAPE: [usize; 3] = [200, 1250, 4];
const FAN_IN: f64 = 5000.0;
const FAN_OUT: f64 = 800.0;
const FAN_AVERAGE: f64 = 2900.0;

fn draw(init: Init, shape: &[usize], seed: u64) -> Result<Tensor> {
    init.draw(shape, &mut ChaCha8Rng::seed_from_u64(seed))
}

/// What a distribution of mean 0 and variance 1 looks like.
struct Law {
    kurtosis: f64,
    /// Magnitudes, and the probability of a larger one.
    tails: [(f64, f64); 2],
    /// The largest magnitude that there is.
    bound: Option<f64>,
}

const NORMAL: Law = Law {
    kurtosis: 3.0,
    tails: [(1.0, 0.317_310_5), (2.0, 0.045_500_3)],
    bound: None,
};

/// The magnitude 2 before the variance is made 1.
const TRUNCATED_BOUND: f64 = 2.0 / 0.879_625_661;

/// With φ(2) = 0.0539910 and P = 0.9544997 within the bounds the variance is 1 - 4 φ/P and the fourth
/// moment 3 (1 - 4 φ/P) - 16 φ/P. Tails beyond 1 and 3/2, before scaling: (P(1) - P(2)) / (1 - P(2)).
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

/// Six standard errors are allowed of the mean, the variance, the kurtosis (for which the normal
/// distribution's error is an upper bound here) and the shares in the tails.
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
        // Both sides: a distribution that leans would show in one.
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
fn every_combination_of_scale_fan_and_distribution_is_as_its_law() -> Result<()> {
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
fn named_initializers_are_cases_of_variance_scaling() {
    use Distribution::{Normal, TruncatedNormal, Uniform};
    let same = |found: Init, scale: f64, fan: Fan, distribution: Distribution| {
        assert_eq!(found, init::variance_scaling(scale, fan, distribution));
    };
    same(init::glorot_normal(), 1.0, Fan::Average, Normal);
    same(init::glorot_uniform(), 1.0, Fan::Average, Uniform);
    same(init::he_normal(), 2.0, Fan::In, Normal);
    same(init::he_uniform(), 2.0, Fan::In, Uniform);
    same(init::lecun_normal(), 1.0, Fan::In, Normal);
    same(init::lecun_uniform(), 1.0, Fan::In, Uniform);
    same(init::pytorch_linear(), 1.0 / 3.0, Fan::In, Uniform);
    same(init::he_normal().truncated(), 2.0, Fan::In, TruncatedNormal);
    same(
        init::he_normal().fan(Fan::Average),
        2.0,
        Fan::Average,
        Normal,
    );
    same(
        init::he_normal().truncated().truncated(),
        2.0,
        Fan::In,
        TruncatedNormal,
    );
    same(init::glorot_uniform().fan(Fan::Out), 1.0, Fan::Out, Uniform);
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
    // The standard deviation that is given is that before truncation.
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
    // The book's two forms of He's with the average of the fans have one variance, 4 / (in + out).
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

#[test]
fn constants_and_identities_are_exact() -> Result<()> {
    let values = |init, shape: &[usize]| draw(init, shape, 1).and_then(|x| x.to_vec::<f32>());
    assert_eq!(values(init::zeros(), &[2, 2])?, [0.0; 4]);
    assert_eq!(values(init::ones(), &[3])?, [1.0; 3]);
    assert_eq!(values(init::constant(-0.3).gain(2.0), &[2])?, [-0.6; 2]);
    assert_eq!(values(init::identity(), &[2, 2])?, [1.0, 0.0, 0.0, 1.0]);
    let tall = [0.5, 0.0, 0.0, 0.5, 0.0, 0.0];
    assert_eq!(values(init::identity().gain(0.5), &[3, 2])?, tall);
    assert_eq!(
        values(init::identity(), &[2, 3])?,
        [1.0, 0.0, 0.0, 0.0, 1.0, 0.0]
    );
    assert_eq!(values(init::identity(), &[0, 3])?, [0.0; 0]);
    assert_eq!(values(init::identity(), &[3, 0])?, [0.0; 0]);
    assert_eq!(values(init::normal(0.0).mean(1.5), &[2])?, [1.5; 2]);
    assert_eq!(values(init::uniform(1.5, 1.5), &[2])?, [1.5; 2]);
    Ok(())
}

/// How far the shorter side is from being orthonormal.
fn skew(matrix: &Tensor, gain: f64) -> Result<f64> {
    let w = matrix.flatten()?.to_dtype(DType::F64);
    let (rows, columns) = (w.shape()[0], w.shape()[1]);
    let turned = w.transpose(0, 1)?;
    let products = if rows <= columns {
        w.matmul(&turned)?
    } else {
        turned.matmul(&w)?
    };
    let unit = Tensor::eye(rows.min(columns), DType::F64)?.mul_scalar(gain * gain);
    products
        .sub(&unit)?
        .abs()
        .to_f64_vec()
        .into_iter()
        .reduce(f64::max)
        .ok_or_else(|| panic!("empty"))
}

#[test]
fn orthogonal_matrices_are_orthonormal_along_their_shorter_side() -> Result<()> {
    for (shape, gain) in [
        (&[1, 1][..], 1.0),
        (&[40, 40], 1.0),
        (&[150, 150], 1.0),
        (&[70, 30], 1.0),
        (&[30, 70], 1.0),
        (&[1, 9], 2.0),
        (&[9, 1], 0.5),
        (&[20, 20], 5.0 / 3.0),
        (&[6, 4, 3, 3], 1.0),
        (&[50, 2, 3], 1.0),
    ] {
        let w = draw(init::orthogonal().gain(gain), shape, 5)?;
        assert_eq!(w.shape(), shape);
        let skew = skew(&w, gain)?;
        assert!(skew < 1e-6 * gain * gain, "{shape:?}: {skew}");
    }
    Ok(())
}

/// Of the rotations and reflections of the plane each is as likely as any other: without the fixed
/// signs, the first element would have one sign only. A thousand draws, six standard errors.
#[test]
fn orthogonal_matrices_are_drawn_evenly() -> Result<()> {
    let mut rng = ChaCha8Rng::seed_from_u64(6);
    let (mut positive, mut reflections, mut squares) = (0, 0, [0.0; 4]);
    for _ in 0..1000 {
        let w = init::orthogonal().draw(&[2, 2], &mut rng)?.to_f64_vec();
        positive += i32::from(w[0] > 0.0);
        reflections += i32::from(w[0] * w[3] - w[1] * w[2] < 0.0);
        squares
            .iter_mut()
            .zip(&w)
            .for_each(|(sum, w)| *sum += w * w / 1000.0);
    }
    // Standard errors: √(1000 / 4) of a count, √(1/8 / 1000) of the mean of a squared cosine.
    assert!(
        (positive - 500).abs() < 95 && (reflections - 500).abs() < 95,
        "{positive} {reflections}"
    );
    assert!(
        squares.iter().all(|mean| (mean - 0.5).abs() < 0.067),
        "{squares:?}"
    );
    Ok(())
}

#[test]
fn the_same_seed_gives_the_same_bits_and_another_seed_others() -> Result<()> {
    for init in [
        init::normal(1.0),
        init::normal(1.0).truncated(),
        init::uniform(-1.0, 1.0),
        init::glorot_normal(),
        init::he_uniform(),
        init::lecun_normal().truncated(),
        init::orthogonal(),
    ] {
        let bits = |seed| draw(init, &[5, 7], seed).map(|w| w.to_f64_vec());
        assert_eq!(bits(1)?, bits(1)?, "{init:?}");
        let (one, two) = (bits(1)?, bits(2)?);
        assert!(one.iter().zip(&two).all(|(a, b)| a != b), "{init:?}");
    }
    Ok(())
}

#[test]
fn pytorchs_default_draws_the_bias_within_the_weights_bound() -> Result<()> {
    let rng = &mut ChaCha8Rng::seed_from_u64(2);
    let linear = Linear::builder(100, 400).pytorch_default().build(rng)?;
    let largest = |x: &Tensor| {
        x.to_f64_vec()
            .into_iter()
            .fold(0f64, |most, x| most.max(x.abs()))
    };
    let bias = linear
        .bias
        .as_ref()
        .map_or(0.0, |bias| largest(bias.value()));
    for largest in [largest(linear.weight.value()), bias] {
        assert!(largest <= 0.1 + 1e-8 && largest > 0.098, "{largest}");
    }
    let linear = Linear::builder(100, 4)
        .no_bias()
        .pytorch_default()
        .build(rng)?;
    assert!(linear.bias.is_none());
    assert!(Linear::builder(0, 4).pytorch_default().build(rng).is_err());
    Ok(())
}

#[test]
fn what_does_not_fit_is_refused() {
    let refused = |init: Init, shape: &[usize], expected: &str| match draw(init, shape, 1) {
        Err(error @ Error::Argument { .. }) => {
            assert!(error.to_string().contains(expected), "{init:?}: {error}");
        }
        other => panic!("{init:?} for {shape:?}: {other:?}"),
    };
    let square = [4, 4];
    refused(init::normal(-1.0), &square, "at least 0");
    refused(init::normal(-1.0).truncated(), &square, "at least 0");
    refused(init::normal(f64::NAN), &square, "finite");
    refused(init::normal(1.0).mean(f64::INFINITY), &square, "finite");
    refused(init::normal(1e39), &square, "finite");
    refused(init::constant(f64::NAN), &square, "finite");
    refused(init::constant(1e39), &square, "finite");
    refused(init::uniform(1.0, 0.0), &square, "low <= high");
    refused(init::uniform(0.0, f64::INFINITY), &square, "finite");
    for scale in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        let scaled = init::variance_scaling(scale, Fan::In, Distribution::Normal);
        refused(scaled, &square, "the scale must be");
        refused(init::he_normal().gain(scale), &square, "the gain must be");
        refused(
            init::he_normal().gain(scale).gain(-1.0),
            &square,
            "the gain must be",
        );
    }
    refused(init::he_normal(), &[3], "a fan needs a weight");
    refused(init::he_normal(), &[], "a fan needs a weight");
    refused(init::he_normal(), &[3, 0], "is 0");
    refused(init::he_normal().fan(Fan::Out), &[0, 3], "is 0");
    refused(init::orthogonal(), &[3], "two axes");
    refused(init::identity(), &[3], "a matrix");
    refused(init::identity(), &[3, 3, 3], "a matrix");
    refused(
        init::he_uniform().truncated(),
        &square,
        "normal distribution",
    );
    refused(
        init::orthogonal().truncated(),
        &square,
        "normal distribution",
    );
    refused(init::normal(1.0).fan(Fan::In), &square, "divided by a fan");
    refused(init::uniform(0.0, 1.0).mean(1.0), &square, "mean");
}

/// No memory is asked for that there cannot be, of any initializer.
#[test]
fn huge_shapes_are_refused() {
    for init in [
        init::zeros(),
        init::normal(1.0),
        init::normal(1.0).truncated(),
        init::uniform(0.0, 1.0),
        init::he_normal(),
        init::orthogonal(),
        init::identity(),
    ] {
        for shape in [
            [usize::MAX, 2],
            [2, usize::MAX],
            [1 << 31, 1 << 31],
            [1 << 30, 1 << 20],
        ] {
            let result = draw(init, &shape, 1);
            assert!(
                matches!(result, Err(Error::Shape { .. })),
                "{init:?} {shape:?}: {result:?}"
            );
        }
    }
    assert_eq!(
        draw(init::orthogonal(), &[0, 5], 1)
            .map(|w| w.shape().to_vec())
            .ok(),
        Some(vec![0, 5])
    );
    assert_eq!(
        draw(init::orthogonal(), &[5, 0, 3], 1)
            .map(|w| w.shape().to_vec())
            .ok(),
        Some(vec![5, 0, 3])
    );
}

/// Words of a generator that is broken: it repeats itself.
struct Stuck;

impl cotangent_core::random::rand::TryRng for Stuck {
    type Error = std::convert::Infallible;
    fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
        Ok(0x1234_5678)
    }
    fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
        Ok(0x1234_5678_9abc_def0)
    }
    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Self::Error> {
        bytes.fill(0x12);
        Ok(())
    }
}

#[test]
fn a_generator_that_repeats_itself_is_refused() {
    let result = init::orthogonal().draw(&[3, 3], &mut Stuck);
    assert!(matches!(&result, Err(Error::Argument { .. })), "{result:?}");
}
