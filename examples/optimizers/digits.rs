//! The race on the digits: one net, one split, the same weights and batches for every optimizer.

use anyhow::Result;
use cotangent::data::{Batches, Labeled, digits};
use cotangent::prelude::*;
use indicatif::ProgressBar;

use crate::measure::accuracy;
use crate::racers::Racer;
use crate::report::largest;
use crate::tuning::{Budget, Score, Tuned};

/// The target: the smoothed training loss must reach it and stay below it.
pub const TARGET: f64 = 0.02;
/// The loss is smoothed by the mean over this many steps, which is an epoch.
pub const WINDOW: usize = 11;
const BATCH_SIZE: usize = 128;
const HIDDEN: [usize; 2] = [100; 2];

const BUDGET: Budget = Budget {
    below: 1,
    above: 1,
    trials: 8,
};
/// The number of seeds for tuning. None of them is in the race.
const TUNING_SEEDS: u64 = 7;

/// The data and the settings of the race.
pub struct Track {
    train: Labeled,
    test: Labeled,
    seed: u64,
    epochs: u64,
    bar: ProgressBar,
}

/// The result of one training.
pub struct Run {
    /// The smoothed loss of every step. It ends with the step at which training diverged.
    pub losses: Vec<f64>,
    /// The step from which on the loss is below the target, infinite if it is not below at the end.
    pub steps: f64,
    /// The final loss over all training images, not finite after divergence.
    pub loss: f64,
    /// The share of test images that the net classifies correctly at the end.
    pub accuracy: f64,
}

impl Track {
    /// Splits the digits. Tuning and race have the same split, so that neither sees test images.
    pub fn new(seed: u64, epochs: u64, bar: ProgressBar) -> Result<Self> {
        let (train, test) = digits()?.split_stratified(0.2, seed)?;
        Ok(Self {
            train,
            test,
            seed,
            epochs,
            bar,
        })
    }

    /// Returns the number of trainings to tune one optimizer and to race it with this many seeds.
    pub fn trainings(seeds: u64) -> u64 {
        BUDGET.trials as u64 * TUNING_SEEDS + seeds
    }

    pub fn describe(&self, seeds: u64) -> String {
        format!(
            "Digits: {} training images in batches of {BATCH_SIZE}, hidden layers of {HIDDEN:?} \
             ELU units, {} epochs of {WINDOW} steps, {seeds} seeds.\nTarget: a training loss that \
             stays below {TARGET}, the mean over {WINDOW} steps.\nLearning rates: {} trials for \
             each optimizer, each with {TUNING_SEEDS} seeds that are not in the race; the best is \
             the one with\nwhich the slowest of these comes to the target first, or, where it \
             does not, ends with the smallest loss.",
            self.train.len(),
            self.epochs,
            BUDGET.trials,
        )
    }

    /// Tunes the learning rate of an optimizer, by training losses alone.
    pub fn tune(&self, racer: Racer) -> Result<Tuned> {
        BUDGET.spend(racer.usual_rate(), |rate| {
            let seeds = (1 << 32)..(1 << 32) + TUNING_SEEDS;
            let runs = seeds.map(|seed| self.train(racer, rate, seed));
            let runs = runs.collect::<Result<Vec<Run>>>()?;
            Ok(Score {
                steps: largest(runs.iter().map(|run| run.steps)),
                loss: largest(runs.iter().map(|run| run.loss)),
            })
        })
    }

    /// Runs the race number `number` of an optimizer.
    pub fn race(&self, racer: Racer, rate: f64, number: u64) -> Result<Run> {
        self.train(racer, rate, number)
    }

    fn train(&self, racer: Racer, rate: f64, number: u64) -> Result<Run> {
        let seed = self.seed.wrapping_add(number);
        let sizes = [
            &[self.train.features()][..],
            &HIDDEN,
            &[self.train.classes()],
        ];
        let mut net = Mlp::builder(sizes.concat())
            .activation(Elu { alpha: 1.0 })
            .weight(init::he_normal())
            .build(&mut ChaCha8Rng::seed_from_u64(seed))?;
        let mut optimizer = racer.build(rate)?;
        let batches = Batches::new(&self.train, BATCH_SIZE)?
            .shuffle(seed)
            .drop_last()?;
        let pass = Pass::train(seed);
        let (mut raw, mut losses) = (Vec::new(), Vec::new());
        for batch in (0..self.epochs).flat_map(|epoch| batches.epoch(epoch)) {
            let (images, labels) = batch?;
            let loss = net.forward(&images, &pass)?.cross_entropy(&labels)?;
            raw.push(loss.item()?);
            let window = &raw[raw.len().saturating_sub(WINDOW)..];
            let smoothed = window.iter().sum::<f64>() / window.len() as f64;
            losses.push(smoothed);
            if !smoothed.is_finite() {
                break;
            }
            optimizer.step(&mut net, loss.backward()?)?;
        }
        self.bar.inc(1);
        let above = losses
            .iter()
            .rposition(|&loss: &f64| loss.is_nan() || loss >= TARGET);
        let steps = above.map_or(1, |step| step + 2);
        let logits = net.predict(self.train.inputs())?;
        Ok(Run {
            steps: if steps > losses.len() {
                f64::INFINITY
            } else {
                steps as f64
            },
            loss: logits.cross_entropy(self.train.labels())?.item()?,
            accuracy: accuracy(&net, &self.test)?,
            losses,
        })
    }
}
