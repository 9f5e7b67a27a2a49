//! `Fit` on several ranks: the same weights, metrics and history, also when it is resumed on
//! another number of ranks.

use cotangent::parallel::Ranks;
use cotangent::prelude::*;
use cotangent::train::metrics::{Accuracy, ConfusionMatrix, Perplexity, RocAuc};
use cotangent::train::{Best, Checkpoints, CsvLog};
use std::path::Path;

type Digits = (Tensor, Indices);

/// The weights, and the history as text.
pub type Outcome = (Vec<u8>, String);

/// Trains with everything that a run has, up to so many epochs.
pub fn run(ranks: &Ranks, folder: &Path, epochs: u64) -> Result<Outcome> {
    run_with(ranks, folder, epochs, |_| Ok(()))
}

/// Trains so, and calls `before` with the number of the step before each loss.
pub fn run_with(
    ranks: &Ranks,
    folder: &Path,
    epochs: u64,
    before: impl Fn(u64) -> Result<()>,
) -> Result<Outcome> {
    let (train, test) = digits()?.split_stratified(0.8, 1)?;
    let net = Mlp::builder([64, 16, 10]).batch_norm().dropout(0.1);
    let net = net.build(&mut ChaCha8Rng::seed_from_u64(1))?;
    let loss = |net: &Mlp, (images, labels): &Digits, step: &mut Step<'_>| {
        if step.is_training() {
            before(step.number())?;
        }
        let logits = net.forward(images, step.pass())?;
        step.score(Accuracy::new(), &logits, labels)?;
        step.score(Perplexity::new(), &logits, labels)?;
        if !step.is_training() {
            step.score(RocAuc::new(), &logits.softmax(-1)?, labels)?;
            step.score(ConfusionMatrix::new(), &logits, labels)?;
        }
        logits.cross_entropy(labels)
    };
    let mut task = Supervised::new(net, Adam::new(5e-3).build()?, loss)
        .clip(clip::global_norm(1.0))
        .schedule(Schedule::cosine(40, 0.1)?)
        .average(|net| WeightAverage::exponential(net, 0.9))?;
    let augmented = train
        .augment(|(image, label), rng| Ok((image + f64::from(rng.random_range(0u8..2)), label)));
    let batches = Batches::new(augmented, 50)?
        .shuffle(2)
        .drop_last()?
        .workers(2);
    // 1438 samples: the last batch of the validation has 38, in shards of 4 and 5.
    let valid = Batches::new(&test, 100)?;
    let run = Fit::new(epochs)
        .seed(3)
        .validate(&valid)
        .best(Best::highest("validation_accuracy"))
        .keep_best()
        .checkpoints(Checkpoints::new(folder).every_steps(5))
        .resume()
        .log(CsvLog::new(folder.join("history.csv")))
        .ranks(ranks)
        .run(&mut task, &batches)?;
    let history = format!("{:?}", run.history());
    Ok((task.into_model().state()?.to_bytes()?, history))
}

#[test]
fn fit_has_the_same_bits_on_any_number_of_ranks() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let path = |name: &str| folder.path().join(name);
    let expected = run(&Ranks::builder().shards(8).single()?, &path("1"), 3)?;
    for count in [2, 4, 8] {
        let folder = path(&count.to_string());
        let all = Ranks::builder()
            .shards(8)
            .threads(count, |ranks| run(ranks, &folder, 3))?;
        for outcome in all {
            assert_eq!(outcome.1, expected.1, "history on {count} ranks");
            assert!(outcome.0 == expected.0, "weights on {count} ranks");
        }
    }
    Ok(())
}

#[test]
fn a_run_goes_on_with_another_number_of_ranks() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let path = |name: &str| folder.path().join(name);
    let expected = run(&Ranks::builder().shards(8).single()?, &path("whole"), 3)?;
    let stopped = path("stopped");
    for (count, epochs) in [(2, 1), (8, 2)] {
        Ranks::builder()
            .shards(8)
            .threads(count, |ranks| run(ranks, &stopped, epochs))?;
    }
    let found = run(&Ranks::builder().shards(8).single()?, &stopped, 3)?;
    assert_eq!(found.1, expected.1);
    assert!(found.0 == expected.0);
    let csv = |folder: &str| std::fs::read_to_string(path(folder).join("history.csv"));
    assert_eq!(csv("stopped")?, csv("whole")?);
    Ok(())
}

#[test]
fn a_run_does_not_go_on_with_other_shards() -> Result<()> {
    let folder = tempfile::tempdir()?;
    run(&Ranks::builder().shards(8).single()?, folder.path(), 1)?;
    let error = run(&Ranks::builder().shards(4).single()?, folder.path(), 2).unwrap_err();
    assert!(
        error.to_string().contains("`shards`: 4, but 8 before"),
        "{error}"
    );
    Ok(())
}

#[test]
fn one_shard_has_the_bits_of_a_run_without_ranks() -> Result<()> {
    let outcome = |ranks: Option<&Ranks>| -> Result<Vec<u8>> {
        let net = Mlp::builder([64, 16, 10]).batch_norm().dropout(0.1);
        let net = net.build(&mut ChaCha8Rng::seed_from_u64(1))?;
        let loss = |net: &Mlp, (images, labels): &Digits, step: &mut Step<'_>| {
            net.forward(images, step.pass())?.cross_entropy(labels)
        };
        let mut task = Supervised::new(net, Adam::new(5e-3).build()?, loss);
        let batches = Batches::new(digits()?, 50)?.shuffle(2).drop_last()?;
        let fit = Fit::new(2).seed(3);
        let fit = match ranks {
            Some(ranks) => fit.ranks(ranks),
            None => fit,
        };
        fit.run(&mut task, &batches)?;
        task.into_model().state()?.to_bytes()
    };
    let ranks = Ranks::builder().single()?;
    assert!(outcome(Some(&ranks))? == outcome(None)?);
    Ok(())
}
