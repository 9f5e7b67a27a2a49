//! Random changes of images, standardization of any values, and weights of classes.

use cotangent_core::random::{ChaCha8Rng, SeedableRng};
use cotangent_core::{DType, Error, Tensor};
use cotangent_data::{Standardizer, augment, class_weights};

fn rng() -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(7)
}

/// An image `(2, 3, 4)` with the values 1 to 24.
fn image() -> Tensor {
    let values = (1..=24).map(|value: u8| f32::from(value)).collect();
    Tensor::from_vec::<f32>(values, [2, 3, 4]).unwrap()
}

#[test]
fn flips_happen_with_their_probability() {
    let (image, mut rng) = (image(), rng());
    let flipped = augment::flip_horizontal(&image, 1.0, &mut rng).unwrap();
    assert_eq!(flipped.to_f64_vec(), image.flip(2).unwrap().to_f64_vec());
    let flipped = augment::flip_vertical(&image, 1.0, &mut rng).unwrap();
    assert_eq!(flipped.to_f64_vec(), image.flip(1).unwrap().to_f64_vec());
    let same = augment::flip_vertical(&image, 0.0, &mut rng).unwrap();
    assert_eq!(same.to_f64_vec(), image.to_f64_vec());
    let flips = (0..1000).filter(|_| {
        let drawn = augment::flip_horizontal(&image, 0.3, &mut rng).unwrap();
        drawn.to_f64_vec() != image.to_f64_vec()
    });
    assert!((250..350).contains(&flips.count()));
}

#[test]
fn crops_are_parts_of_the_padded_image() {
    let (image, mut rng) = (image(), rng());
    let padded = image.pad(&[(0, 0), (1, 1), (1, 1)], 0.0).unwrap();
    let mut places = std::collections::BTreeSet::new();
    for _ in 0..500 {
        let part = augment::crop(&image, [2, 3], 1, &mut rng).unwrap();
        assert_eq!(part.shape(), [2, 2, 3]);
        let place = (0..4).flat_map(|top| (0..4).map(move |left| (top, left)));
        let found = place.filter(|&(top, left)| {
            let rows = padded.narrow(1, top, 2).unwrap();
            rows.narrow(2, left, 3).unwrap().to_f64_vec() == part.to_f64_vec()
        });
        places.extend(found);
    }
    assert_eq!(places.len(), 16);
    let shifted = augment::shift(&image, 2, &mut rng).unwrap();
    assert_eq!(
        (shifted.shape(), shifted.dtype()),
        (image.shape(), image.dtype())
    );
    let whole = augment::crop(&image, [3, 4], 0, &mut rng).unwrap();
    assert_eq!(whole.to_f64_vec(), image.to_f64_vec());
}

#[test]
fn noise_has_its_standard_deviation_and_the_same_seed_the_same_draws() {
    let zeros = Tensor::zeros([100, 100], DType::F64).unwrap();
    let noisy = augment::noise(&zeros, 0.5, &mut rng()).unwrap();
    let std = noisy.std_over([0, 1], 0.0).unwrap().item().unwrap();
    assert!((std - 0.5).abs() < 0.02, "{std}");
    let again = augment::noise(&zeros, 0.5, &mut rng()).unwrap();
    assert_eq!(noisy.to_f64_vec(), again.to_f64_vec());
}

#[test]
fn bad_images_and_arguments_are_typed_errors() {
    let (image, line, mut rng) = (image(), Tensor::from([1.0f32]), rng());
    for error in [
        augment::flip_horizontal(&line, 0.5, &mut rng),
        augment::crop(&line, [1, 1], 0, &mut rng),
        augment::crop(&image, [4, 4], 0, &mut rng),
        augment::crop(&image, [1, usize::MAX], 4, &mut rng),
        augment::crop(&image, [1, 1], usize::MAX, &mut rng),
        augment::shift(&line, 1, &mut rng),
        augment::shift(&image, usize::MAX / 4, &mut rng),
    ] {
        assert!(matches!(error, Err(Error::Shape { .. })), "{error:?}");
    }
    for error in [
        augment::flip_vertical(&image, 1.5, &mut rng),
        augment::flip_vertical(&image, f64::NAN, &mut rng),
        augment::noise(&image, -1.0, &mut rng),
    ] {
        assert!(matches!(error, Err(Error::Argument { .. })), "{error:?}");
    }
}

#[test]
fn standardization_ignores_missing_values_and_restores() {
    let nan = f64::NAN;
    let values = Tensor::from([[1.0, 10.0], [nan, 30.0], [3.0, nan], [2.0, 20.0]]);
    let standardizer = Standardizer::fit(&values).unwrap();
    assert_eq!(standardizer.mean(), [2.0, 20.0]);
    let present = Standardizer::fit(&Tensor::from([[1.0], [3.0], [2.0]])).unwrap();
    assert_eq!(standardizer.std()[0], present.std()[0]);
    let scaled = standardizer.apply(&values).unwrap().to_f64_vec();
    assert_eq!((scaled[2], scaled[5], scaled[6]), (0.0, 0.0, 0.0));
    // One sample without the axis of samples.
    let one = standardizer.apply(&Tensor::from([3.0, 10.0])).unwrap();
    assert_eq!(one.to_f64_vec(), [scaled[4], scaled[1]]);
    let restored = standardizer.restore(&one).unwrap();
    assert_eq!(restored.to_f64_vec(), [3.0, 10.0]);

    let error = Standardizer::fit(&Tensor::from([[1.0, nan], [2.0, nan]])).unwrap_err();
    assert_eq!(
        error.to_string(),
        "standardizer: all values of feature 1 are NaN"
    );
    assert!(standardizer.apply(&Tensor::from([1.0, 2.0, 3.0])).is_err());
    assert!(Standardizer::fit(&Tensor::from(1.0)).is_err());
}

#[test]
fn weights_of_classes_are_those_of_scikit_learn() {
    // sklearn.utils.class_weight.compute_class_weight("balanced", …) of these counts.
    let weights = class_weights(&[10, 30, 60])
        .unwrap()
        .to_vec::<f32>()
        .unwrap();
    assert_eq!(weights, [100.0 / 30.0, 100.0 / 90.0, 100.0 / 180.0]);
    let error = class_weights(&[3, 0]).unwrap_err().to_string();
    assert_eq!(
        error,
        "class_weights: expected at least 1 samples of class 1, found 0"
    );
}
