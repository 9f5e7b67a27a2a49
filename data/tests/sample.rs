//! Samples and tables: a batch contains the rows of its samples, whatever the parts are.

use cotangent_core::{DType, Error as CoreError, Indices, Mask, Result as CoreResult, Tensor};
use cotangent_data::{Batches, Dataset, Epochs, Error, Key, Sample, Sequence, Table};
use proptest::prelude::*;

type Parts = (Tensor, Indices, [Mask; 2]);

/// Returns a sample whose parts all contain `number`.
fn sample(number: usize) -> Parts {
    let mask = Mask::from_vec(vec![number.is_multiple_of(2); 3], [3, 1]).unwrap();
    (
        Tensor::from([[number as f32, 0.5], [1.0, -(number as f32)]]),
        Indices::from(number),
        [mask.clone(), mask.not()],
    )
}

fn assert_same(left: &Parts, right: &Parts) {
    assert_eq!(left.0.shape(), right.0.shape());
    assert_eq!(left.0.to_f64_vec(), right.0.to_f64_vec());
    assert_eq!((&left.1, &left.2), (&right.1, &right.2));
}

proptest! {
    #[test]
    fn rows_of_a_batch_are_its_samples(
        numbers in prop::collection::vec(0_usize..1000, 1..20),
        picks in prop::collection::vec(any::<prop::sample::Index>(), 0..20),
        start in any::<prop::sample::Index>(),
    ) {
        let samples: Vec<Parts> = numbers.iter().map(|&number| sample(number)).collect();
        let batch = Sample::stack(&samples).unwrap();
        prop_assert_eq!(batch.rows().unwrap(), samples.len());
        for (row, sample) in samples.iter().enumerate() {
            assert_same(&batch.row(row).unwrap(), sample);
        }

        let picks: Vec<usize> = picks.iter().map(|pick| pick.index(samples.len())).collect();
        let selected = batch.select(&picks).unwrap();
        prop_assert_eq!(selected.rows().unwrap(), picks.len());
        for (row, &pick) in picks.iter().enumerate() {
            assert_same(&selected.row(row).unwrap(), &samples[pick]);
        }

        let start = start.index(samples.len());
        let tail = batch.narrow(start, samples.len() - start).unwrap();
        assert_same(&tail, &Sample::stack(&samples[start..]).unwrap());
    }

    #[test]
    fn a_table_gives_the_batches_of_its_rows(
        count in 1_usize..30,
        size in 1_usize..9,
        seed in any::<u64>(),
    ) {
        let samples: Vec<Parts> = (0..count).map(sample).collect();
        let table = Table::new(Sample::stack(&samples).unwrap()).unwrap();
        for batches in [
            Batches::new(&table, size).unwrap(),
            Batches::new(&table, size).unwrap().shuffle(seed),
        ] {
            for batch in batches.epoch(1) {
                let batch = batch.unwrap();
                let rows: Vec<Parts> =
                    batch.1.as_slice().iter().map(|&number| samples[number].clone()).collect();
                assert_same(&batch, &Sample::stack(&rows).unwrap());
            }
        }
    }
}

#[test]
fn samples_that_do_not_fit_are_typed_errors() {
    let shapes = Indices::stack(&[Indices::from([1, 2]), Indices::from(1)]);
    assert!(matches!(shapes, Err(CoreError::Shape { .. })));
    let shapes = <(Tensor,)>::stack(&[(Tensor::from([1.0f32]),), (Tensor::from([[1.0f32]]),)]);
    assert!(matches!(shapes, Err(CoreError::Shape { .. })));
    let none = Indices::stack(&[]);
    assert!(matches!(none, Err(CoreError::Argument { .. })));

    let uneven = (Indices::from([1, 2]), Mask::from([true, false, true]));
    let error = uneven.rows().unwrap_err();
    assert!(error.to_string().contains("found 2 and 3"), "{error}");
    assert!(matches!(Table::new(uneven), Err(Error::Core(_))));
    assert!(Table::new(Tensor::from(1.0f32)).is_err());
    assert!(Table::new(<[Tensor; 0]>::default()).is_err());

    let labels = Indices::from([4, 5]);
    for result in [
        Sample::select(&labels, &[0, 2]),
        Sample::row(&labels, usize::MAX),
    ] {
        assert!(matches!(result, Err(CoreError::Index { .. })));
    }
    let x = Tensor::zeros([2, 3], DType::F32).unwrap();
    for row in [2, usize::MAX, 1 << 63] {
        assert!(matches!(x.row(row), Err(CoreError::Index { .. })));
        assert!(matches!(
            Sample::select(&x, &[row]),
            Err(CoreError::Index { .. })
        ));
    }
    assert!(Tensor::from(1.0f32).row(0).is_err());
}

/// Samples of one value each, of which one is missing and one is longer.
struct Faulty;

impl Dataset for Faulty {
    type Sample = Tensor;

    fn len(&self) -> usize {
        20
    }

    fn get(&self, position: usize) -> CoreResult<Tensor> {
        match position {
            7 => Err(CoreError::other("the file is damaged")),
            13 => Ok(Tensor::from([1.0f32, 2.0])),
            _ => Ok(Tensor::from([position as f32])),
        }
    }
}

#[test]
fn a_faulty_sample_is_named_and_ends_the_epoch() {
    let batches = Batches::new(Faulty, 5).unwrap();
    let mut epoch = batches.epoch(0);
    assert!(epoch.next().unwrap().is_ok());
    let error = epoch.next().unwrap().unwrap_err();
    assert_eq!(error.to_string(), "sample 7: the file is damaged");
    let CoreError::Other(other) = error else {
        panic!("{error}")
    };
    assert!(matches!(
        other.downcast_ref(),
        Some(Error::Item { position: 7, .. })
    ));
    assert!(epoch.next().is_none());

    let error = Batches::new(Faulty, 5)
        .unwrap()
        .epoch(0)
        .nth(2)
        .unwrap()
        .unwrap_err();
    assert!(
        error.to_string().starts_with("sample 13: stack: "),
        "{error}"
    );
}

#[test]
fn positions_out_of_range_are_typed_errors() {
    let table = Table::new(Tensor::zeros([3, 1], DType::F32).unwrap()).unwrap();
    let key = Key::new(0, 0);
    for result in [
        table.get(3),
        table.batch(&[(0, key), (3, key)]),
        table.batch(&[(2, key), (3, key)]),
    ] {
        let error = result.unwrap_err().to_string();
        assert!(error.contains("expected a position below 3"), "{error}");
    }
    assert_eq!(table.batch(&[]).unwrap().shape(), [0, 1]);
}

#[test]
fn pointers_to_data_sets_are_data_sets() {
    fn first<D: Dataset<Sample = Tensor>>(dataset: D) -> f64 {
        let batches = Batches::new(dataset, 2).unwrap();
        let boxed: &dyn Epochs<Batch = Tensor> = &batches;
        assert_eq!(boxed.batches_per_epoch(), Some(10));
        let batch = boxed.epoch(3).nth(2).unwrap().unwrap();
        batch.to_f64_vec()[0]
    }
    let boxed: Box<dyn Dataset<Sample = Tensor>> = Box::new(Faulty);
    assert_eq!(first(&boxed), 4.0);
    assert_eq!(first(std::sync::Arc::new(Faulty)), 4.0);
}

/// Returns a sequence of `numbers` in each kind of values.
fn sequences(numbers: &[usize]) -> (Sequence, Sequence<Indices>, Sequence<Mask>) {
    let rows: Vec<f32> = numbers.iter().flat_map(|&x| [x as f32, 1.0]).collect();
    let x = Tensor::from_vec(rows, [numbers.len(), 2]).unwrap();
    let mask = numbers.iter().map(|x| x % 2 == 1).collect();
    (
        Sequence::new(x).unwrap().fill(-1.0),
        Sequence::new(Indices::from(numbers)).unwrap().fill(99),
        Sequence::new(Mask::from_vec(mask, [numbers.len()]).unwrap()).unwrap(),
    )
}

proptest! {
    #[test]
    fn sequences_are_padded_to_the_longest_of_a_batch(
        all in prop::collection::vec(prop::collection::vec(0_usize..50, 0..7), 1..8),
        picks in prop::collection::vec(any::<prop::sample::Index>(), 1..8),
    ) {
        let samples: Vec<_> = all.iter().map(|numbers| sequences(numbers)).collect();
        let batch = Sample::stack(&samples).unwrap();
        let check = |batch: &(Sequence, Sequence<Indices>, Sequence<Mask>), all: &[&Vec<usize>]| {
            let longest = all.iter().map(|numbers| numbers.len()).max().unwrap();
            assert_eq!(batch.0.values().shape(), [all.len(), longest, 2]);
            assert_eq!(batch.1.values().shape(), [all.len(), longest]);
            assert_eq!(batch.rows().unwrap(), all.len());
            let masks = batch.0.mask().unwrap();
            assert_eq!(masks.shape(), [all.len(), longest]);
            for (row, numbers) in all.iter().enumerate() {
                assert_eq!(batch.0.lengths()[row], numbers.len());
                let mut padded = (*numbers).clone();
                padded.resize(longest, 99);
                assert_eq!(batch.1.values().row(row).unwrap().as_slice(), padded);
                let mask = masks.row(row).unwrap();
                let expected = (0..longest).map(|step| step < numbers.len());
                assert!(mask.as_slice().iter().copied().eq(expected));
                for step in numbers.len()..longest {
                    let x = batch.0.values().row(row).unwrap().row(step).unwrap();
                    assert_eq!(x.to_f64_vec(), [-1.0, -1.0]);
                    assert!(!batch.2.values().row(row).unwrap().as_slice()[step]);
                }
                let (x, tokens, odd) = batch.row(row).unwrap();
                let whole = sequences(numbers);
                assert_eq!(x.values().to_f64_vec(), whole.0.values().to_f64_vec());
                assert_eq!((tokens.values(), odd.values()), (whole.1.values(), whole.2.values()));
                assert_eq!(tokens.lengths(), [numbers.len()]);
            }
        };
        check(&batch, &all.iter().collect::<Vec<_>>());
        let picks: Vec<usize> = picks.iter().map(|pick| pick.index(all.len())).collect();
        let picked: Vec<_> = picks.iter().map(|&pick| &all[pick]).collect();
        check(&batch.select(&picks).unwrap(), &picked);
        let tail = picks[0]..all.len();
        let narrowed = batch.narrow(tail.start, tail.len()).unwrap();
        check(&narrowed, &all[tail].iter().collect::<Vec<_>>());
    }
}

#[test]
fn malformed_sequences_are_typed_errors() {
    assert!(matches!(
        Sequence::new(Indices::from(3)),
        Err(CoreError::Shape { .. })
    ));
    let x = Tensor::zeros([2, 5], DType::F32).unwrap();
    let wrong = [&[1][..], &[1, 2, 3], &[]];
    for lengths in wrong {
        let result = Sequence::from_padded(x.clone(), lengths);
        assert!(matches!(result, Err(CoreError::Shape { .. })));
    }
    let long = Sequence::from_padded(x.clone(), &[5, 6]);
    assert!(matches!(long, Err(CoreError::Argument { .. })));
    assert!(Sequence::from_padded(x.row(0).unwrap(), &[5]).is_err());
    let batch = Sequence::from_padded(x, &[5, 0]).unwrap();
    assert_eq!(batch.row(1).unwrap().values().shape(), [0]);
    assert!(Sample::stack(std::slice::from_ref(&batch)).is_err());
    assert!(batch.row(2).is_err());
    let one = batch.row(0).unwrap();
    for result in [one.row(0), one.select(&[0]), one.narrow(0, 1)] {
        assert!(matches!(result, Err(CoreError::Shape { .. })));
    }
    assert!(one.rows().is_err());
    assert!(matches!(
        <Sequence>::stack(&[]),
        Err(CoreError::Argument { .. })
    ));
    let differ = [
        Sequence::new(Tensor::zeros([3, 1], DType::F32).unwrap()).unwrap(),
        one,
    ];
    assert!(matches!(
        Sample::stack(&differ),
        Err(CoreError::Shape { .. })
    ));
}
