//! Trains the net of the `digits` example on several processes, which may be on several machines.
//! Its last line is the same for 1, 2, 4 and 8 of them:
//!
//! ```sh
//! cargo build --release --features mpi --example digits_mpi
//! mpirun -n 2 target/release/examples/digits_mpi
//! ```

mod common;

use anyhow::Result;
use clap::Parser;
use cotangent::parallel::Ranks;
use std::path::PathBuf;

/// Train a deep net on several processes.
#[derive(Parser, Debug)]
struct Arguments {
    #[command(flatten)]
    options: common::Options,
    /// The number of shards of a batch.
    #[arg(long, default_value_t = 8)]
    shards: usize,
    /// A folder with the IDX files of MNIST or Fashion-MNIST, to train on instead of the embedded
    /// digits.
    #[arg(long, value_name = "DIR")]
    mnist: Option<PathBuf>,
    /// The file to save the trained net to [default: target/digits_mpi.safetensors]
    #[arg(long)]
    save: Option<PathBuf>,
}

fn main() -> Result<()> {
    let Arguments {
        options,
        shards,
        mnist,
        save,
    } = Arguments::parse();
    let ranks = Ranks::builder().shards(shards).mpi()?;
    let ((train, test), epochs) = match mnist {
        Some(folder) => (cotangent::data::mnist(folder)?, 5),
        None => (
            cotangent::data::digits()?.split_stratified(0.2, options.seed)?,
            30,
        ),
    };
    let defaults = common::Defaults {
        epochs,
        batch_size: 128,
    };
    let save = common::save_path(save, "digits_mpi.safetensors")?;
    common::run(&train, &test, &options, &defaults, &save, Some(&ranks))
}
