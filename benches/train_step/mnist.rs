//! Epochs on the full MNIST: the textbook's net, batch 128, Nesterov, clipping by global norm,
//! shuffled each epoch.

use anyhow::Result;
use cotangent::data::{Batches, Labeled};
use cotangent::prelude::*;
use serde_json::{Value, json};
use std::path::Path;
use std::time::Instant;

const EPOCHS: u64 = 3;

pub fn run(folder: &Path) -> Result<Value> {
    let (train, test) = cotangent::data::mnist(folder)?;
    let mut training = Epochs::new(&train)?;
    let mut rows = Vec::new();
    for epoch in 0..EPOCHS {
        let seconds = training.run(epoch)?;
        let accuracy = training.accuracy(&test)?;
        println!("epoch {epoch}: {seconds:.3} s, test accuracy {accuracy:.4}");
        rows.push(json!({"seconds": seconds, "accuracy": accuracy}));
    }
    Ok(json!({"mnist": rows}))
}

/// The training of a net on a data set in memory.
pub struct Epochs {
    pub net: Mlp,
    batches: Batches<Labeled>,
    optimizer: Box<dyn Optimizer>,
}

impl Epochs {
    pub fn new(train: &Labeled) -> Result<Self> {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        Ok(Self {
            net: Mlp::builder([784, 300, 100, 10])
                .activation(Elu::default())
                .batch_norm()
                .build(&mut rng)?,
            batches: Batches::new(train.clone(), 128)?.shuffle(1),
            optimizer: Nesterov::new(0.01).build()?,
        })
    }

    /// Trains on all samples once. Returns the time in seconds.
    pub fn run(&mut self, epoch: u64) -> Result<f64> {
        let started = Instant::now();
        let pass = Pass::train(epoch);
        for batch in self.batches.epoch(epoch) {
            let (x, labels) = batch?;
            let loss = self.net.forward(&x, &pass)?.cross_entropy(&labels)?;
            let mut grads = loss.backward()?;
            clip::global_norm(1.0).apply(&self.net, &mut grads)?;
            self.optimizer.step(&mut self.net, grads)?;
        }
        Ok(started.elapsed().as_secs_f64())
    }

    /// Returns the share of samples that the net classifies correctly.
    pub fn accuracy(&self, test: &Labeled) -> Result<f64> {
        Ok(self.net.predict(test.inputs())?.accuracy(test.labels())?)
    }
}
