//! The common parts of the digit examples: the options, the training loop with its progress bar,
//! saving and loading.

mod choice;
mod files;
mod measure;
mod net;

use anyhow::{Result, ensure};
use choice::{Method, Plan};
use clap::Args;
use cotangent::data::{Batches, Labeled};
use cotangent::prelude::*;
pub use files::save_path;
use indicatif::ProgressBar;
use measure::{accuracy, progress_bar};
use net::DeepNet;
use std::path::{Path, PathBuf};
use std::time::Instant;

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
}

/// The options whose defaults differ between the data sets.
pub struct Defaults {
    pub epochs: u64,
    pub batch_size: usize,
}

/// The whole state of a training run, except for the options.
struct Run {
    net: DeepNet,
    optimizer: Box<dyn Optimizer>,
    schedule: Schedule,
    pass: Pass,
    epochs: Counter,
}

impl Run {
    fn new(train: &Labeled, options: &Options, schedule_steps: u64) -> Result<Self> {
        Ok(Self {
            net: new_net(train, options, options.seed)?,
            optimizer: options.optimizer.build(options.learning_rate)?,
            schedule: options.schedule.build(schedule_steps)?,
            pass: Pass::train(options.seed),
            epochs: Counter::new(0),
        })
    }

    fn save(&self, path: &Path) -> cotangent::Result<()> {
        let parts: &[(&str, &dyn Stateful)] = &[
            ("model", &self.net),
            ("optimizer", &self.optimizer),
            ("schedule", &self.schedule),
            ("pass", &self.pass),
            ("epochs", &self.epochs),
        ];
        save_checkpoint(path, parts)
    }

    fn load(&mut self, path: &Path) -> cotangent::Result<()> {
        let parts: &mut [(&str, &mut dyn Stateful)] = &mut [
            ("model", &mut self.net),
            ("optimizer", &mut self.optimizer),
            ("schedule", &mut self.schedule),
            ("pass", &mut self.pass),
            ("epochs", &mut self.epochs),
        ];
        load_checkpoint(path, parts)
    }

    /// Trains on all batches once. Returns the mean loss and the share of correct predictions.
    fn epoch(&mut self, batches: &Batches<&Labeled>, bar: &ProgressBar) -> Result<(f64, f64)> {
        let (mut loss_sum, mut correct) = (0.0, 0.0);
        for batch in batches.epoch(self.epochs.get()) {
            let (images, labels) = batch?;
            if labels.len() < 2 {
                continue; // A single image has no batch statistics.
            }
            let logits = self.net.forward(&images, &self.pass)?;
            let loss = logits.cross_entropy(&labels)?;
            let mut grads = loss.backward()?;
            clip::global_norm(5.0).apply(&self.net, &mut grads)?;
            self.schedule.step(&mut self.optimizer)?;
            self.optimizer.step(&mut self.net, grads)?;

            let samples = labels.len() as f64;
            loss_sum += loss.item()? * samples;
            correct += logits.accuracy(&labels)? * samples;
            bar.inc(1);
        }
        let count = batches.dataset().len() as f64;
        let loss = loss_sum / count;
        self.schedule.observe(loss);
        self.epochs.increment();
        Ok((loss, correct / count))
    }
}

fn new_net(train: &Labeled, options: &Options, seed: u64) -> Result<DeepNet> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let (features, classes) = (train.features(), train.classes());
    let dropout = options.dropout;
    Ok(DeepNet::new(
        features,
        &options.hidden,
        classes,
        dropout,
        &mut rng,
    )?)
}

/// Trains the chapter's default deep net, saves it, loads it, and returns the test accuracy of the
/// loaded copy.
pub fn run(
    train: &Labeled,
    test: &Labeled,
    options: &Options,
    defaults: &Defaults,
    save: &Path,
) -> Result<f64> {
    let epochs = options.epochs.unwrap_or(defaults.epochs);
    let batch_size = options.batch_size.unwrap_or(defaults.batch_size);
    let batches = Batches::new(train, batch_size)?.shuffle(options.seed);
    let steps_per_epoch = batches.batches_per_epoch() as u64;
    let schedule_epochs = options.schedule_epochs.unwrap_or(defaults.epochs);
    let mut run = Run::new(train, options, schedule_epochs * steps_per_epoch)?;
    println!(
        "{} training and {} test images of {} pixels; {} hidden layers, {} parameters",
        train.len(),
        test.len(),
        train.features(),
        options.hidden.len(),
        run.net.param_count(),
    );
    let checkpoint = options.checkpoint.as_ref();
    let checkpoint = checkpoint.map(|folder| folder.join("checkpoint.safetensors"));
    let checkpoint = checkpoint
        .map(|path| save_path(Some(path), ""))
        .transpose()?;
    if let Some(path) = checkpoint.as_ref().filter(|_| options.resume) {
        run.load(path)?;
        let done = run.epochs.get();
        println!("resumed from {} after epoch {done}", path.display());
        ensure!(
            done <= epochs,
            "--epochs must be at least the {done} epochs of the checkpoint, found {epochs}"
        );
    }

    let bar = progress_bar(epochs * steps_per_epoch);
    bar.set_position(run.epochs.get() * steps_per_epoch);
    let started = Instant::now();
    while run.epochs.get() < epochs {
        let (loss, training_accuracy) = run.epoch(&batches, &bar)?;
        if let Some(path) = &checkpoint {
            run.save(path)?;
        }
        let test_accuracy = accuracy(&run.net, test)?;
        bar.suspend(|| {
            println!(
                "epoch {:>3}/{epochs}  loss {loss:.4}  \
                 training accuracy {training_accuracy:.4}  test accuracy {test_accuracy:.4}",
                run.epochs.get(),
            );
        });
    }
    bar.finish_and_clear();
    println!("trained in {:.1} s", started.elapsed().as_secs_f64());

    run.net.save(save)?;
    let mut loaded = new_net(train, options, options.seed + 1)?;
    loaded.load(save)?;
    println!("saved to {} and loaded from it", save.display());
    let test_accuracy = accuracy(&loaded, test)?;
    ensure!(
        test_accuracy == accuracy(&run.net, test)?,
        "the loaded copy has another accuracy than the net"
    );
    Ok(test_accuracy)
}
