//! Views, maps and splits of data sets: which samples they have, and what random changes depend on.

use std::collections::BTreeSet;

use cotangent_core::random::RngExt;
use cotangent_core::{DType, Error as CoreError, Indices, Result as CoreResult, Tensor};
use cotangent_data::{Batches, Dataset, Error, Key, Table, split};
use proptest::prelude::*;

fn numbers(count: usize) -> Table<Indices> {
    Table::new(Indices::range(count).unwrap()).unwrap()
}

fn draws(positions: impl IntoIterator<Item = usize>, key: Key) -> Vec<(usize, Key)> {
    positions.into_iter().map(|i| (i, key)).collect()
}

fn all<D: Dataset<Sample = Indices>>(dataset: &D) -> Vec<usize> {
    let batch = dataset.batch(&draws(0..dataset.len(), Key::new(0, 0)));
    let batch = batch.unwrap();
    for (position, &expected) in batch.as_slice().iter().enumerate() {
        assert_eq!(dataset.get(position).unwrap().as_slice(), [expected]);
    }
    batch.as_slice().to_vec()
}

#[test]
fn views_have_the_selected_samples() {
    let subset = numbers(10).subset([7, 2, 7]).unwrap();
    assert_eq!(all(&subset), [7, 2, 7]);
    assert_eq!(all(&(&subset).subset([2, 1]).unwrap()), [7, 2]);
    assert_eq!(all(&numbers(3).concat(subset)), [0, 1, 2, 7, 2, 7]);
    let doubled = numbers(4).map(|x| Ok(Indices::from(x.as_slice()[0] * 2)));
    assert_eq!(all(&doubled), [0, 2, 4, 6]);

    let outside = numbers(3).subset([0, 3]);
    let expected = Error::SampleOutOfRange {
        position: 3,
        samples: 3,
    };
    assert_eq!(outside.unwrap_err().to_string(), expected.to_string());
    let joined = numbers(3).concat(numbers(2));
    assert!(joined.get(5).is_err());
    assert!(joined.subset([1]).unwrap().get(1).is_err());
    assert!(numbers(4).subset([]).unwrap().is_empty());
}

#[test]
fn an_error_names_the_sample_of_the_whole_data_set() {
    let odd = numbers(10).map(|x| match x.as_slice() {
        [8] => Err(CoreError::other("broken")),
        _ => Ok(x),
    });
    let view = odd.subset([9, 8]).unwrap();
    let error = Batches::new(&view, 2)
        .unwrap()
        .epoch(0)
        .next()
        .unwrap()
        .unwrap_err();
    assert_eq!(error.to_string(), "sample 8: broken");
    let mapped = view.map(|x: Indices| Ok(x));
    let error = Batches::new(&mapped, 2)
        .unwrap()
        .epoch(0)
        .next()
        .unwrap()
        .unwrap_err();
    assert_eq!(error.to_string(), "sample 8: broken");
}

fn random_changes(seed: u64, epoch: u64) -> Vec<f64> {
    let zeros = Table::new(Tensor::zeros([8], DType::F64).unwrap()).unwrap();
    let add = |x: Tensor, rng: &mut cotangent_core::random::ChaCha8Rng| -> CoreResult<Tensor> {
        Ok(x + rng.random::<f64>())
    };
    let changed = zeros.augment(add).augment(add);
    let key = Key::new(seed, epoch);
    let batch = changed.batch(&draws(0..8, key)).unwrap();
    let reversed = changed.batch(&draws((0..8).rev(), key)).unwrap();
    let mut back = reversed.to_f64_vec();
    back.reverse();
    assert_eq!(batch.to_f64_vec(), back);
    assert_eq!(changed.get(3).unwrap().item().unwrap(), 0.0);
    batch.to_f64_vec()
}

#[test]
fn random_changes_depend_on_seed_epoch_and_position_alone() {
    let changes = random_changes(1, 2);
    assert_eq!(changes, random_changes(1, 2));
    assert_ne!(changes, random_changes(1, 3));
    assert_ne!(changes, random_changes(2, 2));
    let different: BTreeSet<u64> = changes.iter().map(|x| x.to_bits()).collect();
    assert_eq!(different.len(), 8);
    // Two changes of a sample draw different numbers.
    let (once, key) = (Key::new(1, 2), Key::new(1, 2).child(0));
    let draw = |key: Key| key.generator(0).random::<f64>();
    assert_eq!(changes[0], draw(once) + draw(key));
    assert_ne!(draw(once), draw(key));
}

/// Returns each sample of an epoch with its random change.
fn changes<D>(batches: &Batches<D>) -> Vec<(usize, u64)>
where
    D: Dataset<Sample = (Indices, Tensor)>,
{
    let batch = batches.epoch(3).map(|batch| {
        let (samples, changes) = batch.unwrap();
        let samples = samples.as_slice().to_vec();
        let changes = changes.to_f64_vec().into_iter().map(f64::to_bits);
        samples.into_iter().zip(changes).collect::<Vec<_>>()
    });
    batch.flatten().collect()
}

#[test]
fn each_occurrence_of_a_sample_in_an_epoch_is_changed_anew() {
    let samples = (
        Indices::range(8).unwrap(),
        Tensor::zeros([8], DType::F64).unwrap(),
    );
    let noisy = Table::new(samples)
        .unwrap()
        .augment(|(i, x), rng| Ok((i, x + rng.random::<f64>())));
    let once = changes(&Batches::new(noisy.clone(), 3).unwrap().shuffle(5));
    let all_differ = |changes: &[(usize, u64)]| {
        changes
            .iter()
            .map(|(_, x)| x)
            .collect::<BTreeSet<_>>()
            .len()
            == changes.len()
    };
    assert!(once.len() == 8 && all_differ(&once));

    // Positions 1 and 2 of the data set come from a subset that has them several times, too.
    let repeated = noisy.clone().subset([1, 2, 1, 1, 2, 1, 0, 1]).unwrap();
    let twice = noisy
        .clone()
        .concat(repeated.clone().subset([0, 3, 3, 5]).unwrap());
    let weighted = Batches::new(noisy.clone(), 3).unwrap();
    let weighted = weighted
        .weighted(&[1.0, 5.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0], 5)
        .unwrap();
    let balanced = Batches::new(repeated.clone(), 3).unwrap();
    let balanced = balanced.balanced(&[0, 0, 0, 0, 0, 0, 1, 1], 5).unwrap();
    let found = [
        (changes(&weighted), changes(&weighted.clone().workers(2))),
        (changes(&balanced), changes(&balanced.clone().workers(3))),
        {
            let batches = Batches::new(repeated, 5).unwrap().shuffle(5);
            (changes(&batches), changes(&batches.clone().workers(2)))
        },
        {
            let batches = Batches::new(twice, 4).unwrap().shuffle(5);
            (changes(&batches), changes(&batches.clone().workers(8)))
        },
    ];
    for (changes, ahead) in found {
        let kinds = changes.iter().map(|(i, _)| i).collect::<BTreeSet<_>>();
        assert!(kinds.len() < changes.len(), "a sample occurs twice");
        assert!(all_differ(&changes), "{changes:?}");
        assert_eq!(changes, ahead);
    }
    // The changes of samples that occur once are those of the whole data set.
    let part = noisy.subset([6, 2, 7]).unwrap();
    let part = changes(&Batches::new(part, 2).unwrap().shuffle(5));
    assert_eq!(part.len(), 3);
    assert!(part.iter().all(|change| once.contains(change)));
}

/// Checks that two sets have every sample once.
fn whole(train: &[usize], test: &[usize], count: usize) {
    let mut all = [train, test].concat();
    all.sort_unstable();
    assert_eq!(all, (0..count).collect::<Vec<_>>());
    assert!(!train.is_empty() && !test.is_empty());
}

proptest! {
    #[test]
    fn splits_have_every_sample_once(
        groups in prop::collection::vec(0_u8..6, 2..60),
        fraction in 0.01..0.99_f64,
        seed in any::<u64>(),
    ) {
        let count = groups.len();
        let (train, test) = split::random(count, fraction, seed).unwrap();
        whole(&train, &test, count);
        let wanted = (count as f64 * fraction).round().clamp(1.0, count as f64 - 1.0);
        prop_assert_eq!(test.len() as f64, wanted);
        prop_assert_eq!(split::random(count, fraction, seed).unwrap().0, train);

        let kinds = groups.iter().collect::<BTreeSet<_>>().len();
        match split::grouped(&groups, fraction, seed) {
            Ok((train, test)) => {
                whole(&train, &test, count);
                let of = |set: &[usize]| set.iter().map(|&i| groups[i]).collect::<BTreeSet<_>>();
                prop_assert!(of(&train).is_disjoint(&of(&test)));
            }
            Err(error) => {
                prop_assert!(matches!(error, Error::GroupCount { .. }), "{}", error);
                prop_assert_eq!(kinds, 1);
            }
        }
    }

    #[test]
    fn each_sample_is_in_one_test_set_of_the_folds(
        groups in prop::collection::vec(0_usize..9, 2..60),
        folds in 2_usize..8,
        seed in any::<u64>(),
    ) {
        let count = groups.len();
        let kinds = groups.iter().collect::<BTreeSet<_>>().len();
        let ways = [
            (count, split::k_fold(count, folds, seed)),
            (count, split::k_fold_stratified(&groups, folds, seed)),
            (kinds, split::k_fold_grouped(&groups, folds, seed)),
        ];
        for (way, (limit, pairs)) in ways.into_iter().enumerate() {
            let Ok(pairs) = pairs else {
                prop_assert!(folds > limit);
                continue;
            };
            prop_assert_eq!(pairs.len(), folds);
            let mut tests = Vec::<usize>::new();
            for (train, test) in &pairs {
                whole(train, test, count);
                tests.extend(test);
                let shared = train.iter().any(|&i| test.iter().any(|&j| groups[i] == groups[j]));
                prop_assert!(way != 2 || !shared);
            }
            tests.sort_unstable();
            prop_assert_eq!(tests, (0..count).collect::<Vec<_>>());
            if way < 2 {
                let sizes = pairs.iter().map(|(_, test)| test.len());
                prop_assert!(sizes.clone().max().unwrap() - sizes.min().unwrap() <= 1);
            }
        }
    }
}

#[test]
fn sets_and_folds_have_the_counts_computed_by_hand() {
    // 8 samples of class 0, 4 of class 1, in turns of three.
    let classes: Vec<usize> = (0..12).map(|i| usize::from(i % 3 == 2)).collect();
    let counts = |positions: &[usize]| {
        let ones = positions.iter().filter(|&&i| classes[i] == 1).count();
        (positions.len() - ones, ones)
    };
    // Groups of 4, 3, 2, 2 and 1 samples: three folds of 4, 3 + 1 and 2 + 2.
    let groups = [5, 3, 5, 7, 3, 5, 7, 9, 5, 3, 1, 9];
    let sizes = |folds: Vec<(Vec<usize>, Vec<usize>)>| {
        let mut sizes: Vec<usize> = folds.iter().map(|(_, test)| test.len()).collect();
        sizes.sort_unstable();
        sizes
    };
    for seed in 0..20 {
        let (train, test) = split::stratified(&classes, 0.25, seed).unwrap();
        assert_eq!((counts(&train), counts(&test)), ((6, 3), (2, 1)));
        for (train, test) in split::k_fold_stratified(&classes, 4, seed).unwrap() {
            assert_eq!((counts(&train), counts(&test)), ((6, 3), (2, 1)));
        }
        assert_eq!(sizes(split::k_fold(10, 3, seed).unwrap()), [3, 3, 4]);
        assert_eq!(
            sizes(split::k_fold_grouped(&groups, 3, seed).unwrap()),
            [4, 4, 4]
        );
    }
}

#[test]
fn grouped_sets_have_about_the_requested_size() {
    let groups: Vec<usize> = (0..1000).map(|i| i / 10).collect();
    let (train, test) = split::grouped(&groups, 0.25, 3).unwrap();
    assert_eq!((train.len(), test.len()), (750, 250));
    let sizes = split::k_fold_grouped(&groups, 4, 3).unwrap();
    assert!(sizes.iter().all(|(_, test)| test.len() == 250));
    // One large group is never the whole of the data.
    let groups = ["a", "a", "a", "a", "a", "a", "b"];
    for seed in 0..20 {
        let (train, test) = split::grouped(&groups, 0.9, seed).unwrap();
        assert_eq!((train.len(), test.len()), (1, 6));
    }
}

#[test]
fn bad_splits_are_typed_errors() {
    for fraction in [0.0, 1.0, -1.0, f64::NAN, f64::INFINITY] {
        assert!(matches!(
            split::random(9, fraction, 0),
            Err(Error::Fraction { .. })
        ));
        assert!(matches!(
            split::grouped(&[1, 2], fraction, 0),
            Err(Error::Fraction { .. })
        ));
        assert!(matches!(
            split::stratified(&[1, 1], fraction, 0),
            Err(Error::Fraction { .. })
        ));
    }
    assert!(matches!(
        split::random(1, 0.5, 0),
        Err(Error::SampleCount { found: 1, .. })
    ));
    assert!(matches!(
        split::stratified(&[], 0.5, 0),
        Err(Error::EmptyDataset { .. })
    ));
    let none: [u8; 0] = [];
    assert!(matches!(
        split::grouped(&none, 0.5, 0),
        Err(Error::GroupCount { found: 0, .. })
    ));
    for folds in [0, 1, 4, usize::MAX] {
        assert!(matches!(
            split::k_fold(3, folds, 0),
            Err(Error::FoldCount { .. })
        ));
        let result = split::k_fold_grouped(&[1, 2, 3], folds, 0);
        let error = result.unwrap_err().to_string();
        assert!(
            error.contains("from 2 to 3 folds (the number of groups)"),
            "{error}"
        );
    }
}
