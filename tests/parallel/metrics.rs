//! Metrics of ranks that have no samples in some batches.

use super::steps::data;
use cotangent::parallel::Ranks;
use cotangent::prelude::*;
use cotangent::train::metrics::{Accuracy, RocAuc};
use cotangent::train::{Best, Checkpoints};
use std::path::Path;

type Batch = (Tensor, Indices);

/// Trains for one epoch on `samples` in batches of `size`, and validates on three samples. Returns
/// the history.
fn run(ranks: &Ranks, folder: &Path, samples: usize, size: usize) -> Result<String> {
    let (data, valid) = (data(samples, &[6]), data(3, &[6]));
    let net = Mlp::builder([6, 8, 3]).build(&mut ChaCha8Rng::seed_from_u64(1))?;
    let loss = |net: &Mlp, (x, y): &Batch, step: &mut Step<'_>| {
        let logits = net.forward(x, step.pass())?;
        step.score(Accuracy::new(), &logits, y)?;
        step.score(RocAuc::new(), &logits.softmax(-1)?, y)?;
        logits.cross_entropy(y)
    };
    let mut task = Supervised::new(net, Sgd::new(0.1).build()?, loss);
    let valid = Batches::new(&valid, 3)?;
    let run = Fit::new(1)
        .validate(&valid)
        .best(Best::highest("validation_accuracy"))
        .checkpoints(Checkpoints::new(folder).every_steps(1).keep(100))
        .resume()
        .ranks(ranks)
        .run(&mut task, &Batches::new(&data, size)?)?;
    assert!(run.history().last("validation_roc_auc").is_some());
    Ok(format!("{:?}", run.history()))
}

/// Runs on 8 ranks, and goes on after each step on 8 ranks and on one.
fn check(samples: usize, size: usize) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let single = || Ranks::builder().shards(8).single();
    let expected = run(&single()?, &folder.path().join("1"), samples, size)?;
    let all = |folder: &Path| {
        let builder = Ranks::builder().shards(8);
        builder.threads(8, |ranks| run(ranks, folder, samples, size))
    };
    let whole = folder.path().join("8");
    for found in all(&whole)? {
        assert_eq!(found, expected);
    }
    let steps = samples.div_ceil(size);
    for step in 1..steps {
        let part = |name: &str| -> Result<std::path::PathBuf> {
            let part = folder.path().join(format!("{name} {step}"));
            std::fs::create_dir_all(&part).unwrap();
            let file = format!("checkpoint-{step:010}.safetensors");
            std::fs::copy(whole.join(&file), part.join(&file)).unwrap();
            Ok(part)
        };
        for found in all(&part("all")?)? {
            assert_eq!(found, expected, "after step {step}");
        }
        let found = run(&single()?, &part("single")?, samples, size)?;
        assert_eq!(found, expected, "after step {step}");
    }
    Ok(())
}

#[test]
fn a_rank_may_have_no_sample_after_the_run_was_resumed() -> Result<()> {
    check(25, 20)
}

#[test]
fn a_rank_may_have_no_sample_at_all() -> Result<()> {
    // Rank 0, which writes the checkpoints, has none.
    check(15, 5)
}
