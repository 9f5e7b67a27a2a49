//! Training steps on several processes of an MPI job with one thread each, against one process.
//!
//! ```sh
//! cargo bench --features mpi --bench parallel
//! ```
//!
//! The bench starts `mpirun` with 1 and with 2 ranks in turns. Each rank has a batch of its own of
//! the same size, so that two ranks do twice the work of one. `RANKS=4` measures other numbers.

use anyhow::{Context, Result};
use cotangent::data::Shards;
use cotangent::parallel::Ranks;
use cotangent::prelude::*;
use std::process::Command;
use std::time::{Duration, Instant};

const ROUNDS: usize = 5;
const SECONDS: f64 = 1.0;
const CASES: [&str; 2] = ["wide1024x4", "cnn"];

/// A net with two convolutions for images of 28×28 pixels.
#[derive(Module)]
struct Cnn {
    first: Conv2d,
    second: Conv2d,
    head: Linear,
}

impl Cnn {
    fn new(rng: &mut impl Rng) -> cotangent::Result<Self> {
        Ok(Self {
            first: Conv2d::builder(1, 32, 3).padding(1).build(rng)?,
            second: Conv2d::builder(32, 64, 3).padding(1).build(rng)?,
            head: Linear::new(64 * 7 * 7, 10, rng)?,
        })
    }
}

impl Layer for Cnn {
    fn compute(&self, x: &Tensor, pass: &Pass) -> cotangent::Result<Tensor> {
        let pool = MaxPool2d::new(2);
        let x = pool.forward(&self.first.forward(x, pass)?.relu(), pass)?;
        let x = pool.forward(&self.second.forward(&x, pass)?.relu(), pass)?;
        self.head.forward(&x.flatten_from(1)?, pass)
    }
}

/// Returns the seconds of a step of this process.
fn measure<M: Layer>(ranks: &Ranks, mut net: M, x: &Tensor) -> cotangent::Result<f64> {
    let rows = x.shape()[0];
    let labels: Indices = (0..rows).map(|i| i * 7 % 10).collect();
    let whole = (x.clone(), labels);
    let mut batch = Shards::split(&whole, 0..1, 1)?;
    batch.rows = rows * ranks.count();
    let (mut optimizer, pass) = (Adam::new(1e-3).build()?, Pass::train(1));
    let mut step = |ranks: &Ranks| -> cotangent::Result<()> {
        let loss = |net: &M, (x, y): &(Tensor, Indices), pass: &Pass| {
            net.forward(x, pass)?.cross_entropy(y)
        };
        let summed = ranks.gradients(&net, &batch, &pass, loss)?;
        optimizer.step(&mut net, summed.gradients)
    };
    for _ in 0..5 {
        step(ranks)?;
    }
    let mut best = f64::INFINITY;
    let started = Instant::now();
    let mut steps = 0;
    loop {
        step(ranks)?;
        steps += 1;
        // All ranks do the same number of steps.
        let is_over = u8::from(started.elapsed().as_secs_f64() > SECONDS);
        if steps % 10 == 0 && ranks.from_first(vec![is_over])? == [1] {
            break;
        }
    }
    best = best.min(started.elapsed().as_secs_f64() / f64::from(steps));
    Ok(best)
}

fn rank(case: &str) -> Result<()> {
    let ranks = Ranks::builder()
        .check_every(0)
        .patience(Duration::from_mins(1))
        .mpi()?;
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let seconds = if case == "cnn" {
        let x = Tensor::normal([64, 1, 28, 28], 0.0, 1.0, DType::F32, &mut rng)?;
        measure(&ranks, Cnn::new(&mut rng)?, &x)?
    } else {
        let x = Tensor::normal([256, 784], 0.0, 1.0, DType::F32, &mut rng)?;
        let net = Mlp::builder([784, 1024, 1024, 1024, 1024, 10]).build(&mut rng)?;
        measure(&ranks, net, &x)?
    };
    if ranks.is_first() {
        println!("{seconds}");
    }
    Ok(())
}

fn run(case: &str, ranks: usize) -> Result<f64> {
    let output = Command::new("mpirun")
        .args([
            "--allow-run-as-root",
            "--oversubscribe",
            "-n",
            &ranks.to_string(),
        ])
        .arg(std::env::current_exe()?)
        .args(["--rank", case])
        .env("RAYON_NUM_THREADS", "1")
        .output()
        .context("cannot run `mpirun`")?;
    let text = String::from_utf8(output.stdout)?;
    let last = text
        .lines()
        .last()
        .with_context(|| format!("no result: {}", String::from_utf8_lossy(&output.stderr)))?;
    Ok(last.parse()?)
}

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().collect();
    if let Some(place) = arguments.iter().position(|argument| argument == "--rank") {
        return rank(&arguments[place + 1]);
    }
    let ranks: usize = std::env::var("RANKS").map_or(Ok(2), |ranks| ranks.parse())?;
    println!("milliseconds a step, median of {ROUNDS} rounds; ranks of one thread");
    for case in CASES {
        let (mut times, mut ratios) = ([Vec::new(), Vec::new()], Vec::new());
        for _ in 0..ROUNDS {
            let (one, all) = (run(case, 1)?, run(case, ranks)?);
            times[0].push(one * 1e3);
            times[1].push(all * 1e3);
            ratios.push(one / all * ranks as f64);
        }
        let median = |values: &mut Vec<f64>| {
            values.sort_unstable_by(f64::total_cmp);
            values[values.len() / 2]
        };
        let [one, all] = times.each_mut().map(median);
        let speedup = median(&mut ratios);
        println!("{case:12} 1 rank {one:7.2}, {ranks} ranks {all:7.2}: {speedup:.2} x the samples");
    }
    Ok(())
}
