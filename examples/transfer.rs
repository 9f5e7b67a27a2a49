//! Transfer learning: a deep net learns the digits 0 to 4 from about 720 images. Its lower layers
//! are then reused to learn the digits 5 to 9 from 20 images each. All other images of 5 to 9 are
//! the test set.
//!
//! ```sh
//! cargo run --release --example transfer -- --seeds 10
//! ```
//!
//! At first the reused layers are frozen, and their outputs for the few images are computed once.
//! Then they are unfrozen, and all layers continue training at a smaller learning rate. For
//! comparison the same net is trained on the same images from scratch. It starts from the weights
//! that the other net had before the pretrained ones were loaded, and it sees the same batches for
//! as many epochs with the same optimizer. Each way has its own learning rates. They were chosen on
//! the seeds 100 to 119, which are not reported.
//!
//! The gain depends on how hard the lower layers are to train. The default is an early deep net:
//! logistic units with Glorot initialization. Its gradients vanish on their way down, and in 40
//! epochs of 100 images no learning rate from 0.01 to 0.4 gets it much beyond guessing. `--net elu`
//! is a modern net: He initialization, batch normalization, ELU. It learns these small images from
//! scratch as well as with pretrained layers, and so does the logistic net with Adam instead of
//! Nesterov's momentum. Five classes are few to learn features from: the longer a net trains on
//! them, and the more of its layers stay frozen, the less it gains on the other five.

#[path = "common/measure.rs"]
mod measure;

use anyhow::{Result, ensure};
use clap::{Parser, ValueEnum};
use cotangent::data::{Batches, Labeled, digits};
use cotangent::prelude::*;
use cotangent::state::{Loader, to_bytes};
use indicatif::ProgressBar;
use measure::{accuracy, progress_bar};
use std::ops::Range;
use std::time::Instant;

/// Reuse the lower layers of a net that has learnt the digits 0 to 4 to learn 5 to 9 from a few
/// images.
#[derive(Parser, Debug)]
struct Arguments {
    /// The number of runs, each with its own splits, weights and batches.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..=1000))]
    seeds: u64,
    /// The first seed.
    #[arg(long, default_value_t = 0)]
    first_seed: u64,
    /// The net.
    #[arg(long, value_enum, default_value_t = Kind::Logistic)]
    net: Kind,
    /// The number of reused layers among the four hidden ones.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..=4))]
    reused: u64,
    /// Epochs with the reused layers frozen.
    #[arg(long, default_value_t = 10)]
    frozen_epochs: u64,
    /// Epochs after that in which all layers train.
    #[arg(long, default_value_t = 30)]
    unfrozen_epochs: u64,
    /// Epochs of pretraining [default: 60, elu 20].
    #[arg(long)]
    pretraining_epochs: Option<u64>,
    /// The learning rate of pretraining [default: 0.05, elu 0.003].
    #[arg(long)]
    pretraining_rate: Option<f64>,
    /// The learning rate while the reused layers are frozen [default: 0.2, elu 0.03].
    #[arg(long)]
    frozen_rate: Option<f64>,
    /// The learning rate after that [default: 0.15, elu 0.02].
    #[arg(long)]
    unfrozen_rate: Option<f64>,
    /// The learning rate from scratch [default: 0.05, elu 0.02].
    #[arg(long)]
    scratch_rate: Option<f64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Kind {
    Logistic,
    Elu,
}

/// The settings of a run.
struct Plan {
    kind: Kind,
    reused: usize,
    /// Epochs of pretraining, with the reused layers frozen, and in total for the new task.
    epochs: [u64; 3],
    /// Learning rates for pretraining, frozen, unfrozen, from scratch.
    rates: [f64; 4],
}

impl Plan {
    fn new(arguments: &Arguments) -> Self {
        let kind = arguments.net;
        let (epochs, [a, b, c, d]) = match kind {
            Kind::Logistic => (60, [0.05, 0.2, 0.15, 0.05]),
            Kind::Elu => (20, [0.003, 0.03, 0.02, 0.02]),
        };
        let frozen_epochs = arguments.frozen_epochs;
        Self {
            kind,
            reused: arguments.reused as usize,
            epochs: [
                arguments.pretraining_epochs.unwrap_or(epochs),
                frozen_epochs,
                frozen_epochs.saturating_add(arguments.unfrozen_epochs),
            ],
            rates: [
                arguments.pretraining_rate.unwrap_or(a),
                arguments.frozen_rate.unwrap_or(b),
                arguments.unfrozen_rate.unwrap_or(c),
                arguments.scratch_rate.unwrap_or(d),
            ],
        }
    }

    /// Returns the epochs of one seed. Those with frozen layers run twice: with the cache and
    /// without.
    fn epochs_per_seed(&self) -> u64 {
        let [pretraining, frozen, all] = self.epochs;
        pretraining
            .saturating_add(frozen)
            .saturating_add(all.saturating_mul(2))
    }
}

#[derive(Module, Layer, Clone, Debug)]
struct Hidden {
    linear: Linear,
    norm: Option<BatchNorm>,
    activation: Activation,
}

#[derive(Module, Layer, Clone, Debug)]
enum Activation {
    Logistic(Sigmoid),
    Elu(Elu),
}

#[derive(Module, Layer, Clone, Debug)]
struct Net {
    hidden: Vec<Hidden>,
    out: Linear,
}

const LAYERS: usize = 4;
const UNITS: usize = 100;
const BATCH_SIZE: usize = 20;
const IMAGES_PER_CLASS: usize = 20;

impl Net {
    /// Creates a net for `data`. It has no dropout, so that the outputs of frozen layers are the
    /// same in every epoch.
    fn new(kind: Kind, data: &Labeled, rng: &mut impl Rng) -> cotangent::Result<Self> {
        let mut hidden = Vec::new();
        for i in 0..LAYERS {
            let inputs = if i == 0 { data.features() } else { UNITS };
            let linear = Linear::builder(inputs, UNITS);
            hidden.push(match kind {
                Kind::Logistic => Hidden {
                    linear: linear.weight(init::glorot_uniform()).build(rng)?,
                    norm: None,
                    activation: Activation::Logistic(Sigmoid),
                },
                Kind::Elu => Hidden {
                    linear: linear.weight(init::he_normal()).no_bias().build(rng)?,
                    norm: Some(BatchNorm::new(UNITS)?),
                    activation: Activation::Elu(Elu::default()),
                },
            });
        }
        let out = Linear::new(UNITS, data.classes(), rng)?;
        Ok(Self { hidden, out })
    }
}

/// The result of one seed: accuracies, and milliseconds per epoch with the reused layers frozen.
struct Outcome {
    pretraining: f64,
    frozen: f64,
    unfrozen: f64,
    scratch: f64,
    cached: f64,
    not_cached: f64,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let plan = Plan::new(&arguments);
    let bar = progress_bar(arguments.seeds.saturating_mul(plan.epochs_per_seed()));
    let mut outcomes = Vec::new();
    for i in 0..arguments.seeds {
        let seed = arguments.first_seed.wrapping_add(i);
        let outcome = experiment(seed, &plan, &bar)?;
        bar.suspend(|| {
            println!(
                "seed {seed}: pretraining {:.4}, transfer frozen {:.4}, unfrozen {:.4}, \
                 scratch {:.4}; {:.3} ms per epoch cached, {:.3} ms not",
                outcome.pretraining,
                outcome.frozen,
                outcome.unfrozen,
                outcome.scratch,
                outcome.cached,
                outcome.not_cached,
            );
        });
        outcomes.push(outcome);
    }
    bar.finish_and_clear();

    println!("mean and standard deviation over {} seeds", outcomes.len());
    let report = |what: &str, of: fn(&Outcome) -> f64| {
        let values: Vec<f64> = outcomes.iter().map(of).collect();
        let (mean, deviation) = mean_and_deviation(&values);
        println!("  {what:<24} {mean:>8.4} {deviation:>7.4}");
        mean
    };
    report("pretraining, 0 to 4", |outcome| outcome.pretraining);
    report("transfer, frozen", |outcome| outcome.frozen);
    let transfer = report("transfer, unfrozen", |outcome| outcome.unfrozen);
    let scratch = report("scratch", |outcome| outcome.scratch);
    report("transfer - scratch", |outcome| {
        outcome.unfrozen - outcome.scratch
    });
    report("ms per epoch, cached", |outcome| outcome.cached);
    report("ms per epoch, not cached", |outcome| outcome.not_cached);
    println!("transfer {transfer:.4} scratch {scratch:.4}");
    Ok(())
}

fn experiment(seed: u64, plan: &Plan, bar: &ProgressBar) -> Result<Outcome> {
    let digits = digits()?;
    let (old_train, old_test) = digits.only_classes(0..5)?.split_stratified(0.2, seed)?;
    let new = digits.only_classes(5..10)?;
    let (train, test) = new.split_per_class(IMAGES_PER_CLASS, seed)?;
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let [pretraining_epochs, frozen_epochs, epochs] = plan.epochs;
    let [pretraining_rate, frozen_rate, unfrozen_rate, scratch_rate] = plan.rates;
    let fit = Fit { seed, bar };

    let mut pretrained = Net::new(plan.kind, &old_train, &mut rng)?;
    let mut optimizer = Nesterov::new(pretraining_rate).build()?;
    fit.run(
        &mut pretrained,
        0,
        &old_train,
        0..pretraining_epochs,
        &mut optimizer,
    )?;

    // The new net has the lower layers of the old one, frozen.
    let start = Net::new(plan.kind, &train, &mut rng)?;
    let mut net = start.clone();
    let reused = plan.reused;
    let lower = format!(r"hidden\.[0-{}]\..*", reused - 1);
    let lower = lower.as_str();
    Loader::new()
        .select(lower)?
        .load_from(&mut net, &pretrained)?;
    net.freeze_where(lower)?;
    let mut through_all = net.clone();

    // The outputs of the frozen layers are computed once for all epochs.
    let features = train.map_inputs(500, |images| net.hidden[..reused].predict(images))?;
    let mut optimizer = Nesterov::new(frozen_rate).build()?;
    let cached = fit.run(
        &mut net,
        reused,
        &features,
        0..frozen_epochs,
        &mut optimizer,
    )?;
    let frozen = accuracy(&net, &test)?;

    // The same training without a cache, to compare the time.
    let mut another = Nesterov::new(frozen_rate).build()?;
    let not_cached = fit.run(&mut through_all, 0, &train, 0..frozen_epochs, &mut another)?;
    ensure!(
        to_bytes(&net)? == to_bytes(&through_all)?,
        "training on cached features and through the frozen layers gave different weights"
    );

    // All layers train now, with smaller steps. The optimizer keeps its state of the upper layers.
    net.unfreeze_where(lower)?;
    optimizer.set_learning_rate(unfrozen_rate)?;
    fit.run(&mut net, 0, &train, frozen_epochs..epochs, &mut optimizer)?;

    let mut scratch = start;
    let mut optimizer = Nesterov::new(scratch_rate).build()?;
    fit.run(&mut scratch, 0, &train, 0..epochs, &mut optimizer)?;

    Ok(Outcome {
        pretraining: accuracy(&pretrained, &old_test)?,
        frozen,
        unfrozen: accuracy(&net, &test)?,
        scratch: accuracy(&scratch, &test)?,
        cached,
        not_cached,
    })
}

struct Fit<'a> {
    seed: u64,
    bar: &'a ProgressBar,
}

impl Fit<'_> {
    /// Trains `net` on inputs of its hidden layer number `first`. Returns the median time of an
    /// epoch in milliseconds.
    fn run(
        &self,
        net: &mut Net,
        first: usize,
        data: &Labeled,
        epochs: Range<u64>,
        optimizer: &mut dyn Optimizer,
    ) -> Result<f64> {
        // Batch normalization cannot train on a batch of one image.
        let batches = Batches::new(data, BATCH_SIZE)?
            .shuffle(self.seed)
            .drop_last()?;
        let pass = Pass::train(self.seed);
        let mut times = Vec::new();
        for epoch in epochs {
            let started = Instant::now();
            for batch in batches.epoch(epoch) {
                let (x, labels) = batch?;
                let h = net.hidden[first..].forward(&x, &pass)?;
                let loss = net.out.forward(&h, &pass)?.cross_entropy(&labels)?;
                let mut grads = loss.backward()?;
                clip::global_norm(5.0).apply(net, &mut grads)?;
                optimizer.step(net, grads)?;
            }
            times.push(started.elapsed().as_secs_f64() * 1e3);
            self.bar.inc(1);
        }
        times.sort_by(f64::total_cmp);
        Ok(times.get(times.len() / 2).copied().unwrap_or_default())
    }
}

/// Returns the mean and the sample's standard deviation.
fn mean_and_deviation(values: &[f64]) -> (f64, f64) {
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    (mean, (squares / (count - 1.0).max(1.0)).sqrt())
}
