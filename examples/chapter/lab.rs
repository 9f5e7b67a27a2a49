//! The common parts of the experiments: parallel seeds, the digits, the training loop.

use anyhow::Result;
use clap::Args;
use cotangent::data::{Batches, Labeled, Standardizer, digits};
use cotangent::figure::Figure;
use cotangent::prelude::*;
use indicatif::ProgressBar;
use std::ops::Range;
use std::path::PathBuf;

use crate::measure::accuracy;
use crate::output;
use crate::parallel::in_parallel;
use crate::progress::progress_bar;

/// The loss of guessing among ten classes.
pub const GUESSING: f64 = std::f64::consts::LN_10;
const BATCH_SIZE: usize = 32;

/// The options of every claim.
#[derive(Args, Debug)]
pub struct Options {
    /// The number of runs, each with its own split, weights and batches.
    #[arg(long, global = true, default_value_t = 5)]
    #[arg(value_parser = clap::value_parser!(u64).range(1..=1000))]
    seeds: u64,
    /// The first seed.
    #[arg(long, global = true, default_value_t = 0)]
    seed: u64,
    /// A folder for the figures, each as SVG and PNG. Without it no figures are drawn.
    #[arg(long, global = true, value_name = "DIR")]
    out: Option<PathBuf>,
}

impl Options {
    /// Runs an experiment for each seed, one per core at a time. Returns the results in the order
    /// of the seeds. One experiment trains for `epochs` epochs.
    pub fn each_seed<T: Send>(
        &self,
        epochs: u64,
        experiment: impl Fn(&Lab) -> Result<T> + Sync,
    ) -> Result<Vec<T>> {
        let bar = progress_bar(self.seeds * epochs);
        let seeds: Vec<u64> = (0..self.seeds).map(|i| self.seed.wrapping_add(i)).collect();
        let results = in_parallel(&seeds, |&seed| experiment(&Lab::new(seed, bar.clone())?));
        bar.finish_and_clear();
        results
    }

    /// Saves a figure if a folder was given.
    pub fn save(&self, name: &str, figure: &impl Figure) -> Result<()> {
        output::save(self.out.as_deref(), name, figure)
    }
}

/// The data of one seed: a split of the digits, standardized by the statistics of the training
/// images.
pub struct Lab {
    pub seed: u64,
    pub train: Labeled,
    pub test: Labeled,
    bar: ProgressBar,
}

impl Lab {
    fn new(seed: u64, bar: ProgressBar) -> Result<Self> {
        let (train, test) = digits()?.split_stratified(0.2, seed)?;
        let standardizer = Standardizer::fit(train.inputs())?;
        let standardized = |set: Labeled| set.with_inputs(standardizer.apply(set.inputs())?);
        let (train, test) = (standardized(train)?, standardized(test)?);
        Ok(Self {
            seed,
            train,
            test,
            bar,
        })
    }

    /// Returns the generator of a net's weights. All nets of one seed start from the same draws.
    pub fn rng(&self) -> ChaCha8Rng {
        ChaCha8Rng::seed_from_u64(self.seed)
    }

    /// Returns the sizes of a net for the digits with `layers` hidden layers of `units` units.
    pub fn sizes(&self, layers: usize, units: usize) -> Vec<usize> {
        let (inputs, outputs) = (self.train.features(), self.train.classes());
        [&[inputs][..], &vec![units; layers], &[outputs]].concat()
    }

    /// Trains a net and returns the mean loss of each epoch. `adjust` sees the gradients before the
    /// optimizer does. If a loss is not finite, training has diverged: it stops, and the losses
    /// from there on are NaN.
    pub fn fit<N: Layer>(
        &self,
        net: &mut N,
        optimizer: &mut impl Optimizer,
        epochs: Range<u64>,
        mut adjust: impl FnMut(&N, &mut Gradients) -> cotangent::Result<()>,
    ) -> Result<Vec<f64>> {
        // Batch normalization cannot train on a batch of one image.
        let batches = Batches::new(&self.train, BATCH_SIZE)?
            .shuffle(self.seed)
            .drop_last()?;
        let pass = Pass::train(self.seed);
        let mut losses = Vec::new();
        let mut diverged = false;
        for epoch in epochs {
            let mut sum = 0.0;
            for batch in batches.epoch(epoch) {
                let (images, labels) = batch?;
                let loss = net.forward(&images, &pass)?.cross_entropy(&labels)?;
                sum += loss.item()?;
                diverged |= !sum.is_finite();
                if diverged {
                    break;
                }
                let mut grads = loss.backward()?;
                adjust(net, &mut grads)?;
                optimizer.step(net, grads)?;
            }
            let mean = sum / batches.batches_per_epoch() as f64;
            losses.push(if diverged { f64::NAN } else { mean });
            self.bar.inc(1);
        }
        Ok(losses)
    }

    /// Returns the share of test images that the net classifies correctly. A net that has diverged
    /// has the accuracy of guessing.
    pub fn test_accuracy(&self, net: &impl Layer) -> Result<f64> {
        accuracy(net, &self.test)
    }

    /// Returns the share of training images that the net classifies correctly.
    pub fn train_accuracy(&self, net: &impl Layer) -> Result<f64> {
        accuracy(net, &self.train)
    }
}
