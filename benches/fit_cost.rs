//! The cost of `Fit` over a loop written by hand, on the net `book_bn_elu_adam_b32` of the bench
//! `train_step`: the same steps with the loss, the accuracy and the learning rate of each. Both
//! take turns, and their weights must have the same bits. The batches need no time, so that the
//! difference is that of the loops.
//!
//! ```sh
//! cargo bench --bench fit_cost
//! ```

use cotangent::data::Epochs;
use cotangent::prelude::*;
use cotangent::train::{EpochRecord, Log, StepRecord};
use std::hint::black_box;
use std::time::Instant;

const ROUNDS: usize = 31;
const STEPS: usize = 400;

/// One batch, again and again.
struct Same(Tensor, Indices);

impl Epochs for Same {
    type Batch = (Tensor, Indices);
    fn epoch(&self, _: u64) -> Box<dyn Iterator<Item = Result<Self::Batch>> + '_> {
        Box::new((0..STEPS).map(|_| Ok((self.0.clone(), self.1.clone()))))
    }
    fn batches_per_epoch(&self) -> Option<usize> {
        Some(STEPS)
    }
}

/// A log that reads the values of each step.
struct Sum(f64);

impl Log for Sum {
    fn step(&mut self, step: &StepRecord<'_>) -> Result<()> {
        self.0 += step.values().map(|(_, value)| value).sum::<f64>();
        Ok(())
    }
    fn epoch(&mut self, epoch: &EpochRecord<'_>) -> Result<()> {
        black_box(epoch.get("loss"));
        Ok(())
    }
}

fn by_hand(mut net: Mlp, batches: &Same) -> Result<Mlp> {
    let mut optimizer = Adam::new(1e-3).build()?;
    let pass = Pass::train(1);
    let (mut loss_sum, mut correct, mut samples) = (0.0, 0.0, 0.0);
    for batch in batches.epoch(0) {
        let (images, labels) = batch?;
        let logits = net.forward(&images, &pass)?;
        let loss = logits.cross_entropy(&labels)?;
        let count = labels.len() as f64;
        correct += logits.accuracy(&labels)? * count;
        loss_sum += loss.item()? * count;
        samples += count;
        optimizer.step(&mut net, loss.backward()?)?;
        black_box(optimizer.learning_rate());
    }
    black_box((loss_sum / samples, correct / samples));
    Ok(net)
}

fn by_fit(net: Mlp, batches: &Same) -> Result<Mlp> {
    let loss = |net: &Mlp, (images, labels): &(Tensor, Indices), step: &mut Step<'_>| {
        let logits = net.forward(images, step.pass())?;
        step.score(metrics::Accuracy::new(), &logits, labels)?;
        logits.cross_entropy(labels)
    };
    let mut task = Supervised::new(net, Adam::new(1e-3).build()?, loss);
    let mut sum = Sum(0.0);
    Fit::new(1).seed(1).log(&mut sum).run(&mut task, batches)?;
    black_box(sum.0);
    Ok(task.into_model())
}

fn main() -> anyhow::Result<()> {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let net = Mlp::builder([784, 300, 100, 10])
        .activation(Elu::default())
        .batch_norm();
    let net = net.build(&mut rng)?;
    let images = Tensor::normal([32, 784], 0.0, 1.0, DType::F32, &mut rng)?;
    let batches = Same(images, (0..32).map(|i| i * 7 % 10).collect());

    let mut times = [Vec::new(), Vec::new()];
    let mut ratios = Vec::new();
    let loops: [fn(Mlp, &Same) -> Result<Mlp>; 2] = [by_hand, by_fit];
    for round in 0..=ROUNDS {
        let mut bytes = Vec::new();
        let mut now = [0.0; 2];
        // Each is first in every other round.
        for which in [round % 2, 1 - round % 2] {
            let start = net.clone();
            let started = Instant::now();
            let net = loops[which](start, &batches)?;
            now[which] = started.elapsed().as_secs_f64() * 1e6 / STEPS as f64;
            bytes.push(net.state()?.to_bytes()?);
        }
        anyhow::ensure!(bytes[0] == bytes[1], "the loops give different weights");
        if round > 0 {
            // The first round only warms up.
            times[0].push(now[0]);
            times[1].push(now[1]);
            ratios.push(now[1] / now[0]);
        }
    }
    let median = |values: &mut Vec<f64>| {
        values.sort_unstable_by(f64::total_cmp);
        values[values.len() / 2]
    };
    println!("microseconds a step, median of {ROUNDS} rounds of {STEPS} steps");
    println!("by hand {:.1}", median(&mut times[0]));
    println!("by fit  {:.1}", median(&mut times[1]));
    println!("median of the ratios {:.4}", median(&mut ratios));
    Ok(())
}
