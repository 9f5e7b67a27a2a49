//! Data sets: valid and invalid parts, the content of subsets and splits, and the embedded digits.

use std::collections::BTreeSet;

use cotangent_core::{Indices, Tensor};
use cotangent_data::{Error, Labeled, Standardizer, digits};
use proptest::collection::vec;
use proptest::prelude::*;

/// Returns samples of one feature, the sample's number, so that a subset shows which samples it
/// has.
fn numbered(labels: Vec<usize>) -> Labeled {
    let numbers = (0..labels.len()).map(|number| number as f32).collect();
    let inputs = Tensor::from_vec::<f32>(numbers, [labels.len(), 1]).unwrap();
    Labeled::new(inputs, Indices::from(labels)).unwrap()
}

fn samples(dataset: &Labeled) -> Vec<usize> {
    let numbers = dataset.inputs().to_vec::<f32>().unwrap();
    numbers.into_iter().map(|number| number as usize).collect()
}

/// Generates labels in which every class that occurs has at least two samples.
fn labels() -> impl Strategy<Value = Vec<usize>> {
    vec((0_usize..6, 2_usize..40), 1..6).prop_map(|classes| {
        classes
            .into_iter()
            .flat_map(|(class, count)| vec![class; count])
            .collect()
    })
}

proptest! {
    #[test]
    fn folds_test_every_sample_once_and_balance_the_classes(
        labels in labels(),
        folds in 2_usize..6,
        seed in any::<u64>(),
    ) {
        prop_assume!(folds <= labels.len());
        let dataset = numbered(labels.clone());
        let parts = dataset.k_fold(folds, seed).unwrap();
        let again = dataset.k_fold(folds, seed).unwrap();
        prop_assert_eq!(parts.len(), folds);

        let mut tested = Vec::new();
        for ((train, test), (train_again, test_again)) in parts.iter().zip(&again) {
            prop_assert_eq!(samples(train), samples(train_again));
            prop_assert_eq!(samples(test), samples(test_again));
            let mut all = [samples(train), samples(test)].concat();
            all.sort_unstable();
            prop_assert_eq!(all, (0..labels.len()).collect::<Vec<_>>());
            tested.extend(samples(test));
        }
        tested.sort_unstable();
        prop_assert_eq!(tested, (0..labels.len()).collect::<Vec<_>>());

        let differ_by_one = |counts: Vec<usize>| {
            counts.iter().max().unwrap() - counts.iter().min().unwrap() <= 1
        };
        prop_assert!(differ_by_one(parts.iter().map(|(_, test)| test.len()).collect()));
        for class in 0..dataset.classes() {
            let of_class = parts.iter().map(|(_, test)| test.class_counts()[class]);
            prop_assert!(differ_by_one(of_class.collect()));
        }
    }
}

proptest! {
    #[test]
    fn a_split_has_every_sample_once_and_the_classes_in_proportion(
        labels in labels(),
        fraction in 0.01_f64..0.99,
        seed in any::<u64>(),
    ) {
        let dataset = numbered(labels.clone());
        let (train, test) = dataset.split_stratified(fraction, seed).unwrap();
        let (train_again, test_again) = dataset.split_stratified(fraction, seed).unwrap();
        prop_assert_eq!(samples(&train), samples(&train_again));
        prop_assert_eq!(samples(&test), samples(&test_again));

        let mut all = [samples(&train), samples(&test)].concat();
        all.sort_unstable();
        prop_assert_eq!(all, (0..labels.len()).collect::<Vec<_>>());
        for part in [&train, &test] {
            let own: Vec<usize> = samples(part).iter().map(|&sample| labels[sample]).collect();
            prop_assert_eq!(part.labels().as_slice(), own);
            prop_assert_eq!(part.classes(), dataset.classes());
        }

        let [all, train, test] = [&dataset, &train, &test].map(Labeled::class_counts);
        for class in (0..all.len()).filter(|&class| all[class] > 0) {
            prop_assert!((test[class] as f64 - all[class] as f64 * fraction).abs() < 1.0);
            prop_assert!(train[class] > 0 && test[class] > 0);
        }

    }

    #[test]
    fn take_per_class_takes_as_many_of_each_class(labels in labels(), seed in any::<u64>()) {
        let dataset = numbered(labels.clone());
        let one = dataset.take_per_class(1, seed).unwrap();
        let two = dataset.take_per_class(2, seed).unwrap();
        let counts = dataset.class_counts();
        let expected: Vec<usize> = counts.iter().map(|&count| count.min(2)).collect();
        prop_assert_eq!(two.class_counts(), expected);

        let (one, two) = (samples(&one), samples(&two));
        let distinct: BTreeSet<usize> = two.iter().copied().collect();
        prop_assert_eq!(distinct.len(), two.len());
        prop_assert!(one.iter().all(|sample| distinct.contains(sample)));
        prop_assert_eq!(samples(&dataset.take_per_class(2, seed).unwrap()), two);
    }
}

proptest! {
    #[test]
    fn split_per_class_keeps_every_sample_once(
        labels in labels(),
        count in 0_usize..3,
        seed in any::<u64>(),
    ) {
        let dataset = numbered(labels.clone());
        let (few, rest) = dataset.split_per_class(count, seed).unwrap();
        prop_assert_eq!(samples(&few), samples(&dataset.take_per_class(count, seed).unwrap()));
        prop_assert!(samples(&rest).is_sorted());
        let mut all = [samples(&few), samples(&rest)].concat();
        all.sort_unstable();
        prop_assert_eq!(all, (0..labels.len()).collect::<Vec<_>>());
        for part in [&few, &rest] {
            let own: Vec<usize> = samples(part).iter().map(|&sample| labels[sample]).collect();
            prop_assert_eq!(part.labels().as_slice(), own);
            prop_assert_eq!(part.classes(), dataset.classes());
        }
    }

    #[test]
    fn only_classes_keeps_the_listed_classes_renumbered(
        labels in labels(),
        classes in Just((0_usize..6).collect::<Vec<_>>()).prop_shuffle(),
        count in 0_usize..6,
    ) {
        let dataset = numbered(labels).with_class_count(6).unwrap();
        let listed = &classes[..count];
        let only = dataset.only_classes(listed.iter().copied()).unwrap();
        let other = dataset.with_labels(listed).unwrap().relabeled(listed).unwrap();
        prop_assert_eq!(samples(&only), samples(&other));
        prop_assert_eq!(only.labels(), other.labels());
        prop_assert_eq!((only.classes(), other.classes()), (count, count));
    }
}

#[test]
fn the_digits_match_the_published_file() {
    let digits = digits().unwrap();
    assert_eq!(
        (digits.len(), digits.features(), digits.classes()),
        (1797, 64, 10)
    );
    assert_eq!(digits.inputs().shape(), [1797, 64]);
    assert_eq!(
        digits.class_counts(),
        [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
    );

    let pixels = digits.inputs().to_vec::<f32>().unwrap();
    assert!(pixels.iter().all(|pixel| (0.0..=1.0).contains(pixel)));
    // Sixteenths are exact in `f32`, so that the grey levels are recovered exactly.
    let levels = pixels.iter().map(|&pixel| f64::from(pixel) * 16.0);
    assert_eq!(levels.sum::<f64>(), 561_718.0);
    assert_eq!(
        pixels[2..6],
        [5.0 / 16.0, 13.0 / 16.0, 9.0 / 16.0, 1.0 / 16.0]
    );
}

#[test]
fn a_split_is_shuffled_and_depends_on_the_seed() {
    let dataset = numbered((0..100).map(|sample| sample / 50).collect());
    let (train, test) = dataset.split_stratified(0.3, 1).unwrap();
    assert!(!samples(&train).is_sorted() && !samples(&test).is_sorted());
    assert!(!train.labels().as_slice().is_sorted() && !test.labels().as_slice().is_sorted());
    let (other, _) = dataset.split_stratified(0.3, 2).unwrap();
    assert_ne!(samples(&train), samples(&other));
}

#[test]
fn splits_by_seed_match_the_snapshot() {
    // A snapshot: if it changes, the results of all experiments change.
    let dataset = numbered([0, 1].repeat(5));
    let (train, test) = dataset.split_stratified(0.4, 42).unwrap();
    assert_eq!(
        (samples(&train), samples(&test)),
        (vec![5, 8, 6, 9, 7, 0], vec![2, 3, 4, 1])
    );
    assert_eq!(
        samples(&dataset.take_per_class(2, 42).unwrap()),
        [0, 5, 7, 4]
    );
}

#[test]
fn impossible_splits_are_typed_errors() {
    let dataset = numbered(vec![0, 0, 0, 2]);
    for fraction in [0.0, 1.0, -0.1, 1.5, f64::NAN, f64::INFINITY] {
        let error = dataset.split_stratified(fraction, 0).unwrap_err();
        assert!(matches!(error, Error::Fraction { .. }), "{error}");
    }
    let error = dataset.split_stratified(0.5, 0).unwrap_err();
    assert!(
        matches!(
            error,
            Error::ClassTooSmall {
                class: 2,
                found: 1,
                needed: 2,
                ..
            }
        ),
        "{error}"
    );
    let error = dataset.take_per_class(4, 0).unwrap_err();
    assert!(
        matches!(
            error,
            Error::ClassTooSmall {
                class: 0,
                found: 3,
                needed: 4,
                ..
            }
        ),
        "{error}"
    );
    for folds in [0, 1, 5, usize::MAX] {
        let error = dataset.k_fold(folds, 0).unwrap_err();
        assert!(
            matches!(error, Error::FoldCount { found, limit: 4, .. } if found == folds),
            "{error}"
        );
    }
    let error = numbered(vec![]).split_stratified(0.5, 0).unwrap_err();
    assert!(matches!(error, Error::EmptyDataset { .. }), "{error}");
}

#[test]
fn lists_of_classes_are_checked_and_may_be_endless() {
    let dataset = numbered(vec![0, 1, 2, 1]);
    for (classes, wrong) in [
        (vec![0, 3], 3),
        (vec![1, 0, 1], 1),
        (vec![usize::MAX], usize::MAX),
    ] {
        let error = dataset.only_classes(classes).unwrap_err();
        let Error::LabelList {
            operation, label, ..
        } = &error
        else {
            panic!("{error}");
        };
        assert_eq!((*operation, *label), ("only_classes", wrong), "{error}");
    }
    assert!(dataset.only_classes(std::iter::repeat(0)).is_err());
    assert!(dataset.only_classes(0..).is_err());
    let none = dataset.only_classes([]).unwrap();
    assert_eq!((none.len(), none.classes()), (0, 0));
}

#[test]
fn inputs_and_labels_must_fit() {
    let inputs = || Tensor::from_vec(vec![0.0_f32; 6], [3, 2]).unwrap();
    let error = Labeled::new(inputs(), Indices::from([0, 1])).unwrap_err();
    assert!(
        matches!(error, Error::LabelShape { samples: 3, .. }),
        "{error}"
    );
    assert!(error.to_string().contains("(2,)"), "{error}");
    let column = Indices::from_vec(vec![0, 1, 2], [3, 1]).unwrap();
    assert!(matches!(
        Labeled::new(inputs(), column),
        Err(Error::LabelShape { .. })
    ));

    let scalar = Tensor::from_vec::<f32>(vec![1.0], []).unwrap();
    let none = Indices::from_vec(vec![0], []).unwrap();
    assert!(matches!(
        Labeled::new(scalar, none),
        Err(Error::ScalarInputs)
    ));

    let error = Labeled::new(inputs(), Indices::from([0, usize::MAX, 1])).unwrap_err();
    assert!(
        matches!(error, Error::LabelOutOfRange { sample: 1, .. }),
        "{error}"
    );

    let dataset = Labeled::new(inputs(), Indices::from([0, 4, 1])).unwrap();
    assert_eq!(dataset.classes(), 5);
    assert_eq!(
        dataset.clone().with_class_count(7).unwrap().class_counts(),
        [1, 1, 0, 0, 1, 0, 0]
    );
    let error = dataset.clone().with_class_count(4).unwrap_err();
    assert!(
        matches!(
            error,
            Error::LabelOutOfRange {
                label: 4,
                classes: 4,
                ..
            }
        ),
        "{error}"
    );
    assert!(matches!(
        dataset.with_class_count(usize::MAX),
        Err(Error::ClassCount { .. })
    ));
}

#[test]
fn an_empty_data_set_has_no_classes() {
    let dataset = numbered(vec![]);
    assert!(dataset.is_empty());
    assert_eq!(
        (dataset.len(), dataset.classes(), dataset.features()),
        (0, 0, 1)
    );
    assert_eq!(dataset.take_per_class(3, 0).unwrap().len(), 0);
}

#[test]
fn samples_may_be_without_features() {
    let inputs = Tensor::from_vec::<f32>(vec![], [3, 0]).unwrap();
    let dataset = Labeled::new(inputs, Indices::from([0, 1, 0])).unwrap();
    assert_eq!(dataset.features(), 0);
    assert_eq!(dataset.select(&[2, 1]).unwrap().inputs().shape(), [2, 0]);
    let standardizer = Standardizer::fit(dataset.inputs()).unwrap();
    assert_eq!(
        standardizer.apply(dataset.inputs()).unwrap().shape(),
        [3, 0]
    );
}

#[test]
fn classes_are_filtered_and_renumbered() {
    let dataset = numbered(vec![2, 0, 1, 2, 3]);
    let kept = dataset.with_labels(&[3, 2]).unwrap();
    assert_eq!(samples(&kept), [0, 3, 4]);
    assert_eq!(
        (kept.labels().as_slice(), kept.classes()),
        (&[2, 2, 3][..], 4)
    );

    let renumbered = kept.relabeled(&[3, 2]).unwrap();
    assert_eq!(
        (renumbered.labels().as_slice(), renumbered.classes()),
        (&[1, 1, 0][..], 2)
    );
    assert_eq!(samples(&renumbered), [0, 3, 4]);
    assert!(dataset.with_labels(&[]).unwrap().is_empty());

    for (error, expected) in [
        (
            dataset.with_labels(&[0, 4]),
            "label 4 is not a class of the data set",
        ),
        (dataset.with_labels(&[0, 0]), "label 0 is listed twice"),
        (
            dataset.relabeled(&[0, 1, 2]),
            "label 3 has samples but is not listed",
        ),
    ] {
        let text = error.unwrap_err().to_string();
        assert!(text.contains(expected), "{text}");
    }
}

#[test]
fn selections_may_repeat_and_reorder() {
    let dataset = numbered(vec![5, 6, 7]);
    let selected = dataset.select(&[2, 0, 2]).unwrap();
    assert_eq!(samples(&selected), [2, 0, 2]);
    assert_eq!(
        (selected.labels().as_slice(), selected.classes()),
        (&[7, 5, 7][..], 8)
    );
    assert!(dataset.select(&[]).unwrap().is_empty());
    let error = dataset.select(&[0, 3]).unwrap_err();
    assert!(
        matches!(
            error,
            Error::SampleOutOfRange {
                position: 3,
                samples: 3
            }
        ),
        "{error}"
    );
}

#[test]
fn standardized_features_have_mean_zero_and_deviation_one() {
    // The third feature is constant. The mean of the second is so large that its squares lose all
    // digits.
    let rows = [
        [1.0, 1e8 + 1.0, 4.0],
        [3.0, 1e8 + 2.0, 4.0],
        [5.0, 1e8 + 3.0, 4.0],
    ];
    let labels = || Indices::from([0, 0, 1]);
    let inputs = Tensor::from_vec::<f64>(rows.concat(), [3, 3]).unwrap();
    let train = Labeled::new(inputs, labels()).unwrap();
    let standardizer = Standardizer::fit(train.inputs()).unwrap();
    let deviation = (2.0_f64 / 3.0).sqrt();
    assert_eq!(standardizer.mean(), [3.0, 1e8 + 2.0, 4.0]);
    assert_eq!(standardizer.std(), [2.0 * deviation, deviation, 0.0]);

    let scaled = standardizer
        .apply(train.inputs())
        .unwrap()
        .to_vec::<f64>()
        .unwrap();
    let one = deviation.recip();
    let expected = [[-one, -one, 0.0], [0.0; 3], [one, one, 0.0]].concat();
    for (found, expected) in scaled.iter().zip(expected) {
        assert!((found - expected).abs() < 1e-12, "{scaled:?}");
    }

    // The scale of another set does not depend on that set; its shape and dtype stay.
    let other = Tensor::from_vec::<f32>(vec![3.0, 1e8, 5.0], [1, 3, 1]).unwrap();
    let other = Labeled::new(other, Indices::from([0])).unwrap();
    let scaled = standardizer.apply(other.inputs()).unwrap();
    assert_eq!(scaled.shape(), [1, 3, 1]);
    let scaled = scaled.to_vec::<f32>().unwrap();
    assert_eq!((scaled[0], scaled[2]), (0.0, 1.0));

    let narrow = numbered(vec![0, 1]);
    let error = standardizer.apply(narrow.inputs()).unwrap_err();
    assert!(
        matches!(
            error,
            Error::FeatureCount {
                fitted: 3,
                found: 1
            }
        ),
        "{error}"
    );
    assert!(matches!(
        Standardizer::fit(numbered(vec![]).inputs()),
        Err(Error::EmptyDataset { .. })
    ));
}
