//! Ranks that differ in their data are an error before the first step.

use super::steps::data;
use cotangent::data::{Sample, Sequence, Table};
use cotangent::parallel::Ranks;
use cotangent::prelude::*;
use std::hash::{DefaultHasher, Hasher};

type Batch = (Tensor, Indices);

/// Trains on two ranks, whose data `train` and `valid` return.
fn error_of<D: Dataset<Sample = Batch> + 'static>(
    train: impl Fn(usize) -> Result<D> + Sync,
    valid: impl Fn(usize) -> Result<D> + Sync,
) -> String {
    let result = Ranks::builder().threads(2, |ranks| {
        let net = Mlp::builder([6, 8, 3]).build(&mut ChaCha8Rng::seed_from_u64(1))?;
        let loss = |net: &Mlp, (x, y): &Batch, step: &mut Step<'_>| {
            net.forward(x, step.pass())?.cross_entropy(y)
        };
        let mut task = Supervised::new(net, Sgd::new(0.1).build()?, loss);
        let batches = Batches::new(train(ranks.rank())?, 10)?.workers(1);
        let valid = Batches::new(valid(ranks.rank())?, 10)?;
        let fit = Fit::new(1).validate(&valid).ranks(ranks);
        fit.run(&mut task, &batches).map(drop)
    });
    result.unwrap_err().to_string()
}

#[test]
fn other_numbers_of_samples_are_named() {
    // The same number of batches.
    let text = error_of(|rank| Ok(data(25 + rank, &[6])), |_| Ok(data(10, &[6])));
    let expected = "rank 1 of 2: Ranks::agree: the training data differ from those of rank 0: 26 \
                    samples; there: 25 samples";
    assert!(text.ends_with(expected), "{text}");
}

#[test]
fn other_values_and_labels_are_named() {
    let (x, y) = (
        Tensor::ones([20, 6], DType::F32).unwrap(),
        (0..20).map(|i| i % 3),
    );
    let table =
        |x: &Tensor, y: Vec<usize>| -> Result<_> { Ok(Table::new((x.clone(), Indices::from(y)))?) };
    let same = |_| table(&x, y.clone().collect());
    let labels = |rank| table(&x, y.clone().map(|y| (y + rank) % 3).collect());
    let values = |rank: usize| table(&x.mul_scalar(1.0 + rank as f64), y.clone().collect());
    for text in [error_of(labels, same), error_of(values, same)] {
        let expected = "rank 1 of 2: Ranks::agree: the training data differ from those of rank 0: \
                        first batch of epoch 1: 10 samples, hash of the values ";
        assert!(text.contains(expected), "{text}");
    }
    let text = error_of(same, labels);
    let expected = "rank 1 of 2: Ranks::agree: the validation data differ from those of rank 0: \
                    first batch of epoch 1: 10 samples, hash of the values ";
    assert!(text.contains(expected), "{text}");
}

/// A sample of several kinds of values.
#[derive(Clone, Sample)]
struct Kinds {
    tensor: Tensor,
    mask: Mask,
    pair: [Indices; 2],
    sequence: Sequence<Tensor>,
}

#[test]
fn every_value_of_a_sample_changes_its_digest() -> Result<()> {
    let digest = |change: usize| -> Result<u64> {
        let of = |number: usize| if change == number { 7.0f64 } else { 1.0 };
        let sample = Kinds {
            tensor: Tensor::from([1.0, of(1)]),
            mask: Mask::from([true, change == 2]),
            pair: [Indices::from([1]), Indices::from([of(3) as usize])],
            sequence: Sequence::new(Tensor::from([1.0, of(4)]))?,
        };
        let mut hasher = DefaultHasher::new();
        sample.digest(&mut hasher);
        Ok(hasher.finish())
    };
    let digests: Vec<u64> = (0..5).map(digest).collect::<Result<_>>()?;
    assert_eq!(digests[0], digest(0)?);
    for (number, other) in digests.iter().enumerate().skip(1) {
        assert_ne!(digests[0], *other, "change {number}");
    }
    Ok(())
}
