//! The common parts of the digit examples: the options, and a run with them.

mod choice;
mod files;
mod measure;
mod net;
mod settings;

use anyhow::{Result, ensure};
use choice::{Method, Plan};
use clap::Args;
use cotangent::data::Labeled;
use cotangent::parallel::Ranks;
use cotangent::prelude::*;
pub use files::save_path;
use measure::accuracy;
use net::DeepNet;
use std::path::{Path, PathBuf};

/// The options of a training run.
#[derive(Args, Debug)]
pub struct Options {
    /// The seed of all random numbers: split, weights, batches, dropout.
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
    /// The number of passes over the training images [default: 30 for digits, 5 for mnist].
    #[arg(long)]
    pub epochs: Option<u64>,
    /// Sizes of the hidden layers, separated by commas.
    #[arg(long, value_delimiter = ',', default_value = "100,100,100,100,100")]
    pub hidden: Vec<usize>,
    /// The optimizer.
    #[arg(long, value_enum, default_value_t = Method::Nesterov)]
    pub optimizer: Method,
    /// The schedule of the learning rate.
    #[arg(long, value_enum, default_value_t = Plan::Constant)]
    pub schedule: Plan,
    /// The length of the schedule, whatever number of epochs is run [default: 30 for digits, 5 for
    /// mnist].
    #[arg(long, value_name = "EPOCHS")]
    pub schedule_epochs: Option<u64>,
    /// The learning rate [default: one that suits the optimizer].
    #[arg(long)]
    pub learning_rate: Option<f64>,
    /// Images per training step [default: 32 for digits, 128 for mnist].
    #[arg(long)]
    pub batch_size: Option<usize>,
    /// The share of each hidden layer's outputs that dropout drops, in [0, 1).
    #[arg(long, default_value_t = 0.05)]
    pub dropout: f64,
    /// A folder to save the whole state of the run to after each epoch.
    #[arg(long, value_name = "DIR")]
    pub checkpoint: Option<PathBuf>,
    /// Resumes from the checkpoint, with the same options; --epochs is the total.
    #[arg(long, requires = "checkpoint")]
    pub resume: bool,
    /// A TOML or JSON file with settings instead of the options above, except for --seed; see
    /// examples/digits.toml.
    #[arg(long, value_name = "FILE", conflicts_with_all = [
        "epochs", "hidden", "optimizer", "schedule", "schedule_epochs", "learning_rate",
        "batch_size", "dropout", "checkpoint", "resume",
    ])]
    pub settings: Option<PathBuf>,
}

/// The options whose defaults differ between the data sets.
pub struct Defaults {
    pub epochs: u64,
    pub batch_size: usize,
}

/// Trains the chapter's default deep net, on several ranks if there are any. Then rank 0 saves it,
/// loads it, and prints the test accuracy of the loaded copy.
pub fn run(
    train: &Labeled,
    test: &Labeled,
    options: &Options,
    defaults: &Defaults,
    save: &Path,
    ranks: Option<&Ranks>,
) -> Result<()> {
    if let Some(file) = &options.settings {
        return settings::run(file, train, test, options.seed, save, ranks);
    }
    let batch_size = options.batch_size.unwrap_or(defaults.batch_size);
    let mut batches = Batches::new(train, batch_size)?.shuffle(options.seed);
    if train.len() % batch_size == 1 {
        batches = batches.drop_last()?; // A single image has no batch statistics.
    }
    let valid = Batches::new(test, 500)?;
    let epochs = options.schedule_epochs.unwrap_or(defaults.epochs);
    let schedule = options
        .schedule
        .build(epochs * batches.batches_per_epoch() as u64)?;
    let net = new_net(train, options, options.seed)?;
    let mut task = Supervised::new(
        net,
        options.optimizer.build(options.learning_rate)?,
        loss::<DeepNet>,
    )
    .clip(clip::global_norm(5.0))
    .schedule(schedule);
    let mut fit = Fit::new(options.epochs.unwrap_or(defaults.epochs))
        .seed(options.seed)
        .validate(&valid)
        .best(Best::lowest("loss"))
        .stop_on_interrupt()
        .log(Progress::new());
    if let Some(folder) = &options.checkpoint {
        fit = fit.checkpoints(Checkpoints::new(folder));
    }
    if options.resume {
        fit = fit.resume();
    }
    if let Some(ranks) = ranks {
        fit = fit.ranks(ranks);
    }
    fit.run(&mut task, &batches)?;
    if ranks.is_some_and(|ranks| !ranks.is_first()) {
        return Ok(());
    }

    let net = task.into_model();
    net.save(save)?;
    let mut loaded = new_net(train, options, options.seed + 1)?;
    loaded.load(save)?;
    println!("saved to {} and loaded from it", save.display());
    let test_accuracy = accuracy(&loaded, test)?;
    ensure!(
        test_accuracy == accuracy(&net, test)?,
        "the loaded copy has another accuracy than the net"
    );
    println!("test accuracy {test_accuracy:.4}");
    Ok(())
}

fn loss<N: Layer>(
    net: &N,
    (images, labels): &(Tensor, Indices),
    step: &mut Step<'_>,
) -> cotangent::Result<Tensor> {
    let logits = net.forward(images, step.pass())?;
    step.score(metrics::Accuracy::new(), &logits, labels)?;
    logits.cross_entropy(labels)
}

fn new_net(train: &Labeled, options: &Options, seed: u64) -> cotangent::Result<DeepNet> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let (features, classes) = (train.features(), train.classes());
    DeepNet::new(
        features,
        &options.hidden,
        classes,
        options.dropout,
        &mut rng,
    )
}
