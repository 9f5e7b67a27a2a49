//! Trains the textbook's default deep net (He initialization, batch normalization, ELU, dropout,
//! Nesterov) on 80% of 1,797 real handwritten digits and tests it on the others:
//!
//! ```sh
//! cargo run --release --example digits
//! ```

mod common;

use anyhow::Result;
use clap::Parser;
use std::path::PathBuf;

/// Train a deep net on the embedded handwritten digits.
#[derive(Parser, Debug)]
struct Arguments {
    #[command(flatten)]
    options: common::Options,
    /// The file to save the trained net to [default: target/digits.safetensors]
    #[arg(long)]
    save: Option<PathBuf>,
}

fn main() -> Result<()> {
    let Arguments { options, save } = Arguments::parse();
    let (train, test) = cotangent::data::digits()?.split_stratified(0.2, options.seed)?;
    let save = common::save_path(save, "digits.safetensors")?;
    let defaults = common::Defaults {
        epochs: 30,
        batch_size: 32,
    };
    common::run(&train, &test, &options, &defaults, &save, None)
}
