//! Batches per second: shuffled batches of the digits, 100 times over, and PyTorch's `DataLoader`
//! of a data set of the same size. The programs take turns, epoch by epoch.
//!
//! ```sh
//! PYTHON=path/to/python cargo bench --bench loader
//! ```
//!
//! `PYTHON` is an interpreter with PyTorch; the default is `python3`.

use anyhow::{Context, Result};
use cotangent::data::{Batches, Labeled, digits};
use std::hint::black_box;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Instant;

const COPIES: usize = 100;
const BATCH_SIZE: usize = 64;
const ROUNDS: u64 = 7;

/// PyTorch, which runs an epoch for each line of its input and answers with the seconds.
struct Torch {
    process: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Torch {
    fn start(samples: usize, workers: usize) -> Result<Self> {
        let script = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/benches/loader/torch_loader.py"
        );
        let python = std::env::var("PYTHON").unwrap_or_else(|_| "python3".to_owned());
        let mut process = Command::new(&python)
            .arg(script)
            .args([samples, BATCH_SIZE, workers].map(|number| number.to_string()))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot run `{python}`"))?;
        Ok(Self {
            input: process.stdin.take().context("no input")?,
            output: BufReader::new(process.stdout.take().context("no output")?),
            process,
        })
    }

    fn epoch(&mut self) -> Result<f64> {
        writeln!(self.input)?;
        let mut answer = String::new();
        self.output.read_line(&mut answer)?;
        answer.trim().parse().context("PyTorch gave no time")
    }
}

impl Drop for Torch {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn epoch(batches: &Batches<Labeled>, number: u64) -> Result<f64> {
    let start = Instant::now();
    for batch in batches.epoch(number) {
        let (images, labels) = batch?;
        black_box((images.shape(), labels.as_slice()));
    }
    Ok(start.elapsed().as_secs_f64())
}

fn main() -> Result<()> {
    let digits = digits()?;
    let positions: Vec<usize> = (0..digits.len() * COPIES)
        .map(|i| i % digits.len())
        .collect();
    let data = digits.select(&positions)?;
    let samples = data.len();
    let shuffled = Batches::new(data, BATCH_SIZE)?.shuffle(42);
    let ahead = shuffled.clone().workers(2);
    let mut torch = [Torch::start(samples, 0)?, Torch::start(samples, 2)?];
    let mut best = [f64::INFINITY; 4];
    for round in 0..ROUNDS {
        let [alone, with_workers] = &mut torch;
        let seconds = [
            epoch(&shuffled, round)?,
            epoch(&ahead, round)?,
            alone.epoch()?,
            with_workers.epoch()?,
        ];
        for (best, seconds) in best.iter_mut().zip(seconds) {
            *best = best.min(seconds);
        }
    }
    let count = shuffled.batches_per_epoch() as f64;
    let [_, _, _, torch] = best;
    println!("{samples} samples in batches of {BATCH_SIZE}, the best of {ROUNDS} epochs");
    for (name, seconds) in [
        "cotangent, 0 workers",
        "cotangent, 2 workers",
        "DataLoader, 0 workers",
        "DataLoader, 2 workers",
    ]
    .iter()
    .zip(best)
    {
        let rate = count / seconds;
        let ratio = torch / seconds;
        println!("{name:<22} {rate:>10.0} batches/s {ratio:>7.1} x DataLoader with 2 workers");
    }
    Ok(())
}
