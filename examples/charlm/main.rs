//! Trains a language model that predicts the next character, on 22 chapters of Moby-Dick or on your
//! own text, and lets it write:
//!
//! ```sh
//! cargo run --release --example charlm -- --model gru --text FILE
//! ```
//!
//! The last tenth of the text is the test. The result is in bits per character: the average number
//! of bits that an ideal compression with the model's probabilities would take. A recurrent model
//! begins a window with the state after the window before, but gradients stay in the window
//! (truncated backpropagation). A transformer reads each window by itself. While it writes, it
//! keeps the keys and values of earlier characters.

#[path = "../common/files.rs"]
mod files;
mod model;
#[path = "../common/progress.rs"]
mod progress;
mod text;

use anyhow::{Context, Result, ensure};
use clap::{Parser, ValueEnum};
use cotangent::prelude::*;
use files::save_path;
use model::{Body, CharLm, Sizes, Transformer};
use progress::progress_bar;
use std::path::PathBuf;
use std::time::Instant;
use text::{Streams, Vocabulary};

/// The number of streams of the test.
const TEST_STREAMS: usize = 8;

/// Train a language model of characters, and let it write.
#[derive(Parser, Debug)]
struct Arguments {
    /// The layers that read the text.
    #[arg(long, value_enum, default_value_t = Kind::Lstm)]
    model: Kind,
    /// A text in UTF-8 [default: 22 chapters of Moby-Dick].
    #[arg(long, value_name = "FILE")]
    text: Option<PathBuf>,
    /// The seed of all random numbers: weights, windows, dropout, the written text.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// The number of passes over the text; with 0 a loaded model is tested and writes.
    #[arg(long, default_value_t = 10)]
    epochs: u64,
    /// The number of features of a character and units of a layer.
    #[arg(long, default_value_t = 128)]
    hidden: usize,
    /// The number of layers [default: 1, of a transformer 2].
    #[arg(long)]
    layers: Option<usize>,
    /// The number of heads of a transformer.
    #[arg(long, default_value_t = 4)]
    heads: usize,
    /// The share of outputs that dropout drops between the layers and after the last, in [0, 1).
    #[arg(long, default_value_t = 0.1)]
    dropout: f64,
    /// The number of parts of the text that are read in parallel.
    #[arg(long, default_value_t = 16)]
    batch_size: usize,
    /// The number of characters in a window.
    #[arg(long, default_value_t = 32)]
    steps: usize,
    /// The largest learning rate of Adam, reached after a third of the steps [default: 0.005, for a
    /// transformer 0.003].
    #[arg(long)]
    learning_rate: Option<f64>,
    /// A saved model to begin with; text and sizes must be those that it was trained with.
    #[arg(long, value_name = "FILE")]
    load: Option<PathBuf>,
    /// The file to save the trained model to [default: target/charlm-MODEL.safetensors]
    #[arg(long, value_name = "FILE")]
    save: Option<PathBuf>,
    /// The number of characters to write.
    #[arg(long, default_value_t = 400)]
    write: usize,
    /// The beginning of the written text [default: the first characters of the test].
    #[arg(long, value_name = "TEXT")]
    prompt: Option<String>,
    /// How freely it writes: above 1 more freely than it has learnt, close to 0 always the
    /// likeliest character.
    #[arg(long, default_value_t = 0.7)]
    temperature: f64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Kind {
    Lstm,
    Gru,
    Transformer,
}

/// The options whose defaults depend on the model.
struct Defaults {
    layers: usize,
    learning_rate: f64,
}

const RECURRENT: Defaults = Defaults {
    layers: 1,
    learning_rate: 0.005,
};

const TRANSFORMER: Defaults = Defaults {
    layers: 2,
    learning_rate: 0.003,
};

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let bits = match arguments.model {
        Kind::Lstm => run::<Lstm>(&arguments, &RECURRENT),
        Kind::Gru => run::<Gru>(&arguments, &RECURRENT),
        Kind::Transformer => run::<Transformer>(&arguments, &TRANSFORMER),
    }?;
    println!("test bits per character {bits:.4}");
    Ok(())
}

/// Trains a model, saves it, loads it, lets the loaded copy write, and returns its bits per
/// character on the test.
fn run<B: Body>(arguments: &Arguments, defaults: &Defaults) -> Result<f64> {
    let text = match &arguments.text {
        Some(path) => std::fs::read_to_string(path)
            .with_context(|| format!("cannot read {}", path.display()))?,
        None => cotangent::data::moby_dick()?,
    };
    let temperature = arguments.temperature;
    ensure!(
        temperature > 0.0 && temperature.is_finite(),
        "--temperature must be above 0, found {temperature}"
    );
    let vocabulary = Vocabulary::of(&text);
    let tokens = vocabulary.encode(&text)?;
    let (train, test) = tokens.split_at(tokens.len() / 10 * 9);
    let prompt = match &arguments.prompt {
        Some(prompt) => vocabulary.encode(prompt)?,
        None => test[..test.len().min(40)].to_vec(),
    };
    ensure!(!prompt.is_empty(), "--prompt must not be empty");
    let steps = arguments.steps;
    let train = Streams::new(train, arguments.batch_size, steps)?;
    let test = Streams::new(test, TEST_STREAMS, steps)?;

    let sizes = Sizes {
        characters: vocabulary.len(),
        hidden: arguments.hidden,
        layers: arguments.layers.unwrap_or(defaults.layers),
        dropout: arguments.dropout,
        heads: arguments.heads,
        steps,
    };
    let mut model = CharLm::<B>::new(&sizes, arguments.seed)?;
    println!(
        "{} characters, {} different; {} parameters",
        tokens.len(),
        vocabulary.len(),
        model.param_count(),
    );
    if let Some(path) = &arguments.load {
        model.load(path)?;
    }
    let learning_rate = arguments.learning_rate.unwrap_or(defaults.learning_rate);
    let mut optimizer = Adam::new(learning_rate).build()?;
    train_model(&mut model, &mut *optimizer, &train, &test, arguments)?;

    let name = format!("charlm-{:?}.safetensors", arguments.model).to_lowercase();
    let save = save_path(arguments.save.clone(), &name)?;
    model.save(&save)?;
    let mut loaded = CharLm::<B>::new(&sizes, arguments.seed + 1)?;
    loaded.load(&save)?;
    println!("saved to {} and loaded from it", save.display());
    let bits = bits_per_character(&loaded, &test)?;
    ensure!(
        bits == bits_per_character(&model, &test)?,
        "the loaded copy predicts other characters than the model"
    );

    let mut rng = ChaCha8Rng::seed_from_u64(arguments.seed);
    let written = loaded.write(&prompt, arguments.write, temperature, &mut rng)?;
    let (prompt, written) = (vocabulary.decode(&prompt), vocabulary.decode(&written));
    println!("\n[{prompt}]{written}\n");
    Ok(bits)
}

fn train_model<B: Body>(
    model: &mut CharLm<B>,
    optimizer: &mut dyn Optimizer,
    train: &Streams,
    test: &Streams,
    arguments: &Arguments,
) -> Result<()> {
    let epochs = arguments.epochs;
    // The first characters are skipped at random, fewer than a window.
    let windows = train.windows() as u64;
    let mut schedule = Schedule::one_cycle((epochs * windows).max(1)).build()?;
    let pass = Pass::train(arguments.seed);
    let mut rng = ChaCha8Rng::seed_from_u64(arguments.seed);
    let bar = progress_bar(epochs * windows);
    for epoch in 1..=epochs {
        let started = Instant::now();
        let skipped = rng.random_range(0..train.steps());
        let (mut loss_sum, mut characters) = (0.0, 0.0);
        let mut state = B::State::default();
        for window in train.training(skipped) {
            let window = window?;
            let logits = model.window(&window.inputs, &mut state, &pass)?;
            let loss = logits.cross_entropy(&window.targets)?;
            let mut grads = loss.backward()?;
            clip::global_norm(1.0).apply(&*model, &mut grads)?;
            schedule.step(optimizer)?;
            optimizer.step(model, grads)?;
            let count = window.targets.len() as f64;
            loss_sum += loss.item()? * count;
            characters += count;
            bar.inc(1);
        }
        let rate = characters / started.elapsed().as_secs_f64();
        let training_bits = loss_sum / characters / std::f64::consts::LN_2;
        let test_bits = bits_per_character(model, test)?;
        bar.suspend(|| {
            println!(
                "epoch {epoch:>3}/{epochs}  training bits {training_bits:.4}  \
                 test bits {test_bits:.4}  {rate:.0} characters/s"
            );
        });
    }
    bar.finish_and_clear();
    Ok(())
}

/// Returns the mean of -log₂ of the probability of each next character.
fn bits_per_character<B: Body>(model: &CharLm<B>, test: &Streams) -> Result<f64> {
    let pass = Pass::inference();
    let (mut loss_sum, mut characters) = (0.0, 0.0);
    let mut state = B::State::default();
    for window in test.all() {
        let window = window?;
        let logits = model.window(&window.inputs, &mut state, &pass)?;
        let count = window.targets.len() as f64;
        loss_sum += logits.cross_entropy(&window.targets)?.item()? * count;
        characters += count;
    }
    Ok(loss_sum / characters / std::f64::consts::LN_2)
}
