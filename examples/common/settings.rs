//! A run whose net, optimizer, schedule and loop are described by a file.

use super::{accuracy, loss};
use anyhow::Result;
use cotangent::data::Labeled;
use cotangent::parallel::Ranks;
use cotangent::prelude::*;
use cotangent::train::settings::{self, FitSettings, MlpSettings, TaskSettings};
use serde::{Deserialize, Serialize};
use std::path::Path;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    batch_size: usize,
    net: MlpSettings,
    task: TaskSettings,
    fit: FitSettings,
}

/// Trains a net, on several ranks if there are any. Then rank 0 saves it and prints its test
/// accuracy. The seed is that of the weights and of the batches.
pub fn run(
    file: &Path,
    train: &Labeled,
    test: &Labeled,
    seed: u64,
    save: &Path,
    ranks: Option<&Ranks>,
) -> Result<()> {
    let settings: Settings = settings::read(file)?;
    let net = settings.net.build(&mut ChaCha8Rng::seed_from_u64(seed))?;
    let mut task = settings.task.build(net, loss::<Mlp>)?;
    let batches = Batches::new(train, settings.batch_size)?
        .shuffle(seed)
        .drop_last()?;
    let valid = Batches::new(test, 500)?;
    let fit = settings.fit.build()?.settings(&settings)?;
    let mut fit = fit
        .setting("weights_and_batches_seed", seed)
        .validate(&valid)
        .log(Progress::new());
    if let Some(ranks) = ranks {
        fit = fit.ranks(ranks);
    }
    fit.run(&mut task, &batches)?;

    if ranks.is_some_and(|ranks| !ranks.is_first()) {
        return Ok(());
    }
    let net = task.into_model();
    net.save(save)?;
    println!("saved to {}", save.display());
    println!("test accuracy {:.4}", accuracy(&net, test)?);
    Ok(())
}
