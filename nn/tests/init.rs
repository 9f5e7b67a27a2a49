//! Initializers: options, constants, orthogonality, seeds and errors. `init_laws.rs` compares the
//! distributions with theory.

use cotangent_core::random::{ChaCha8Rng, SeedableRng};
use cotangent_core::{DType, Error, Result, Tensor};
use cotangent_nn::Linear;
use cotangent_nn::init::{self, Distribution, Fan, Init};

fn draw(init: Init, shape: &[usize], seed: u64) -> Result<Tensor> {
    init.draw(shape, &mut ChaCha8Rng::seed_from_u64(seed))
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

/// Returns the largest deviation of the shorter side from being orthonormal.
fn skew(matrix: &Tensor, gain: f64) -> Result<f64> {
    let w = matrix.flatten_from(1)?.to_dtype(DType::F64);
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

/// All rotations and reflections of the plane are equally likely. Without the fixed signs, the
/// first element would always have the same sign. The bounds are six standard errors of a thousand
/// draws.
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
fn invalid_arguments_are_errors() {
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
    refused(init::he_normal(), &[3], "which has a fan");
    refused(init::he_normal(), &[], "which has a fan");
    refused(init::he_normal(), &[3, 0], "a fan above 0");
    refused(init::he_normal().fan(Fan::Out), &[0, 3], "a fan above 0");
    refused(init::orthogonal(), &[3], "two axes");
    refused(init::identity(), &[3], "a matrix");
    refused(init::identity(), &[3, 3, 3], "a matrix");
    refused(
        init::he_uniform().truncated(),
        &square,
        "normal distributions",
    );
    refused(
        init::orthogonal().truncated(),
        &square,
        "normal distributions",
    );
    refused(init::normal(1.0).fan(Fan::In), &square, "option `fan`");
    refused(init::uniform(0.0, 1.0).mean(1.0), &square, "mean");
}

/// No initializer allocates memory for a shape that cannot exist.
#[test]
fn huge_shapes_are_errors() {
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

/// A broken generator, which repeats itself.
struct Stuck(u64);

impl cotangent_core::random::rand::TryRng for Stuck {
    type Error = std::convert::Infallible;
    fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
        Ok(self.0 as u32)
    }
    fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
        Ok(self.0)
    }
    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Self::Error> {
        bytes.fill(0x12);
        Ok(())
    }
}

#[test]
fn a_generator_that_repeats_itself_is_an_error() {
    // Normal draws of the second are 2.6, which truncation does not accept.
    for (init, bits) in [
        (init::orthogonal(), 0x1234_5678_9abc_def0),
        (init::normal(1.0).truncated(), 0xd999_9999_9999_9001),
    ] {
        let result = init.draw(&[1000, 1000], &mut Stuck(bits));
        assert!(matches!(&result, Err(Error::Argument { .. })), "{result:?}");
    }
}
