//! Mini-batches: each sample occurs once in an epoch, and an epoch depends on its number alone.

use cotangent_core::{Indices, Tensor};
use cotangent_data::{Batches, Dataset, Epoch, Error, Labeled};
use proptest::prelude::*;

/// Returns samples of two features, the sample's number and its negative. The label is the number
/// modulo 7.
fn numbered(samples: usize) -> Labeled {
    let rows = (0..samples)
        .flat_map(|number| [number as f32, -(number as f32)])
        .collect();
    let inputs = Tensor::from_vec::<f32>(rows, [samples, 2]).unwrap();
    Labeled::new(inputs, (0..samples).map(|number| number % 7).collect()).unwrap()
}

/// Returns the samples of each batch, and checks that rows are whole and have their labels.
fn samples(epoch: Epoch<impl Dataset<Sample = (Tensor, Indices)>>) -> Vec<Vec<usize>> {
    epoch
        .map(|batch| {
            let (inputs, labels) = batch.unwrap();
            assert_eq!(inputs.shape(), [labels.len(), 2]);
            let rows = inputs.to_vec::<f32>().unwrap();
            let (rows, _) = rows.as_chunks::<2>();
            let rows = rows
                .iter()
                .zip(labels.as_slice())
                .map(|(&[number, negative], &label)| {
                    assert_eq!((number, label), (-negative, number as usize % 7));
                    number as usize
                });
            rows.collect()
        })
        .collect()
}

proptest! {
    #[test]
    fn every_sample_is_in_an_epoch_once(
        count in 1_usize..80,
        size in 1_usize..90,
        seed in any::<u64>(),
        number in any::<u64>(),
    ) {
        let batches = Batches::new(numbered(count), size).unwrap().shuffle(seed);
        let found = samples(batches.epoch(number));
        prop_assert_eq!(found.len(), batches.batches_per_epoch());
        prop_assert_eq!(found.len(), batches.epoch(number).len());
        let (last, full) = found.split_last().unwrap();
        prop_assert!(full.iter().all(|batch| batch.len() == size));
        prop_assert!((1..=size).contains(&last.len()));

        let mut all = found.concat();
        all.sort_unstable();
        prop_assert_eq!(all, (0..count).collect::<Vec<_>>());
        prop_assert_eq!(samples(batches.epoch(number)), found);
    }

    #[test]
    fn dropping_the_last_leaves_full_batches_only(count in 1_usize..80, size in 1_usize..90) {
        let batches = Batches::new(numbered(count), size).unwrap().shuffle(3);
        let kept = samples(batches.epoch(5));
        match batches.drop_last() {
            Ok(batches) => {
                let found = samples(batches.epoch(5));
                prop_assert_eq!(found.len(), count / size);
                prop_assert_eq!(found.len(), batches.batches_per_epoch());
                prop_assert!(found.iter().all(|batch| batch.len() == size));
                prop_assert_eq!(&found[..], &kept[..count / size]);
            }
            Err(error) => {
                prop_assert!(matches!(error, Error::NoFullBatch { .. }), "{}", error);
                prop_assert!(count < size);
            }
        }
    }

    #[test]
    fn a_run_resumes_within_an_epoch(skipped in 0_usize..12) {
        let batches = Batches::new(numbered(50), 6).unwrap().shuffle(9);
        let all = samples(batches.epoch(2));
        let mut rest = batches.epoch(2);
        for _ in 0..skipped {
            rest.next();
        }
        prop_assert_eq!(rest.len(), all.len().saturating_sub(skipped));
        prop_assert_eq!(&samples(rest)[..], &all[skipped.min(all.len())..]);

        let passed_over: Option<Vec<f32>> =
            batches.epoch(2).nth(skipped).map(|batch| batch.unwrap().0.to_vec().unwrap());
        let expected = all.get(skipped).map(|batch| batch[0] as f32);
        prop_assert_eq!(passed_over.map(|rows| rows[0]), expected);
    }
}

#[test]
fn epochs_and_seeds_differ() {
    let dataset = numbered(50);
    let order = |seed, epoch| {
        samples(
            Batches::new(&dataset, 50)
                .unwrap()
                .shuffle(seed)
                .epoch(epoch),
        )
    };
    assert_ne!(order(1, 0), order(1, 1));
    assert_ne!(order(1, 0), order(2, 0));
    assert_ne!(order(1, 2), order(2, 1));
}

#[test]
fn epochs_by_seed_match_the_snapshot() {
    // A snapshot: if it changes, interrupted runs no longer resume with the same batches.
    let batches = Batches::new(numbered(10), 4).unwrap().shuffle(42);
    assert_eq!(
        samples(batches.epoch(0)),
        [vec![1, 5, 7, 6], vec![0, 2, 9, 8], vec![4, 3]]
    );
    assert_eq!(
        samples(batches.epoch(1)),
        [vec![0, 2, 6, 3], vec![5, 8, 4, 7], vec![1, 9]]
    );
}

#[test]
fn sequential_batches_keep_the_order_of_the_data_set() {
    let batches = Batches::new(numbered(10), 4).unwrap();
    for epoch in [0, 1, u64::MAX] {
        let expected = [vec![0, 1, 2, 3], vec![4, 5, 6, 7], vec![8, 9]];
        assert_eq!(samples(batches.epoch(epoch)), expected);
    }
    let full = batches.drop_last().unwrap();
    assert_eq!(samples(full.epoch(0)), [[0, 1, 2, 3], [4, 5, 6, 7]]);
}

#[test]
fn a_batch_larger_than_the_data_set_contains_all_of_it() {
    let batches = Batches::new(numbered(3), usize::MAX).unwrap().shuffle(0);
    assert_eq!(samples(batches.epoch(0)).concat().len(), 3);
    let error = batches.drop_last().unwrap_err();
    assert!(
        matches!(error, Error::NoFullBatch { samples: 3, .. }),
        "{error}"
    );
}

#[test]
fn empty_data_sets_are_typed_errors() {
    let result = Batches::new(numbered(3), 0);
    assert!(matches!(result, Err(Error::ZeroBatchSize)));
    let result = Batches::new(numbered(0), 4);
    assert!(matches!(result, Err(Error::EmptyDataset { .. })));
}

#[test]
fn batches_keep_the_shape_of_a_sample() {
    let inputs = Tensor::from_vec(vec![0.5_f64; 5 * 12], [5, 3, 2, 2]).unwrap();
    let dataset = Labeled::new(inputs, Indices::from([0; 5])).unwrap();
    let batch = Batches::new(&dataset, 2)
        .unwrap()
        .shuffle(0)
        .epoch(0)
        .next()
        .unwrap();
    let (inputs, _) = batch.unwrap();
    assert_eq!(inputs.shape(), [2, 3, 2, 2]);
    assert_eq!(inputs.to_vec::<f64>().unwrap(), [0.5; 24]);
}
