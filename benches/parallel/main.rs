//! Training steps on several processes of an MPI job with one thread each, against one process, and
//! against PyTorch's `DistributedDataParallel` on gloo. The programs take turns.
//!
//! ```sh
//! PYTHON=path/to/python cargo bench --features mpi --bench parallel
//! ```
//!
//! `PYTHON` is an interpreter with PyTorch; if it is not set, PyTorch is not measured. Runs of this
//! crate are started by `mpirun`, with 1 and with 2 ranks; `RANKS=4` measures other numbers. Each
//! rank has a batch of its own of the same size, so that two ranks do twice the work of one.
//!
//! The column "hidden" is the share of the time from a rank's first bucket of gradients to the last
//! sum that was over when its own backward ended. The line below has the times of a step of rank 0,
//! from the beginning of forward: when the first bucket was full, when backward ended, and when the
//! last sum was there.
//!
//! The column "without exchange" is the limit of the machine, whose processes share memory: as many
//! runs with one rank at the same time, of which the slowest counts.

use anyhow::{Context, Result, ensure};
use cotangent::data::Shards;
use cotangent::parallel::Ranks;
use cotangent::prelude::*;
use std::io::{BufRead, BufReader, Write, stdin};
use std::process::{Child, ChildStdout, Command, Stdio};
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

/// Mean times in seconds.
#[derive(Clone, Copy, Default)]
struct Times {
    step: f64,
    /// From the beginning of a step.
    first_bucket: f64,
    backward: f64,
    last_sum: f64,
}

/// Returns the times of this process. After the first steps it prints an empty line and waits for a
/// line of input.
fn measure<M: Layer>(ranks: &Ranks, mut net: M, x: &Tensor) -> cotangent::Result<Times> {
    let rows = x.shape()[0];
    let labels: Indices = (0..rows).map(|i| i * 7 % 10).collect();
    let whole = (x.clone(), labels);
    let mut batch = Shards::split(&whole, 0..1, 1)?;
    batch.rows = rows * ranks.count();
    let (mut optimizer, pass) = (Adam::new(1e-3).build()?, Pass::train(1));
    let mut step = |ranks: &Ranks, times: &mut Times| -> cotangent::Result<()> {
        let loss = |net: &M, (x, y): &(Tensor, Indices), pass: &Pass| {
            net.forward(x, pass)?.cross_entropy(y)
        };
        let started = Instant::now();
        let summed = ranks.gradients(&net, &batch, &pass, loss)?;
        let last = started.elapsed();
        let last = last.as_secs_f64();
        times.first_bucket += last - summed.exchange.as_secs_f64();
        times.backward += last - summed.waited.as_secs_f64();
        times.last_sum += last;
        optimizer.step(&mut net, summed.gradients)
    };
    for _ in 0..5 {
        step(ranks, &mut Times::default())?;
    }
    if ranks.is_first() {
        println!();
        stdin().read_line(&mut String::new())?;
    }
    ranks.from_first(Vec::new())?;
    let started = Instant::now();
    let (mut steps, mut times) = (0, Times::default());
    loop {
        step(ranks, &mut times)?;
        steps += 1;
        // All ranks do the same number of steps.
        let is_over = u8::from(started.elapsed().as_secs_f64() > SECONDS);
        if steps % 10 == 0 && ranks.from_first(vec![is_over])? == [1] {
            break;
        }
    }
    let mean = |seconds: f64| seconds / f64::from(steps);
    Ok(Times {
        step: mean(started.elapsed().as_secs_f64()),
        first_bucket: mean(times.first_bucket),
        backward: mean(times.backward),
        last_sum: mean(times.last_sum),
    })
}

fn rank(case: &str) -> Result<()> {
    let ranks = Ranks::builder()
        .check_every(0)
        .patience(Duration::from_mins(1))
        .mpi()?;
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let times = if case == "cnn" {
        let x = Tensor::normal([64, 1, 28, 28], 0.0, 1.0, DType::F32, &mut rng)?;
        measure(&ranks, Cnn::new(&mut rng)?, &x)?
    } else {
        let x = Tensor::normal([256, 784], 0.0, 1.0, DType::F32, &mut rng)?;
        let net = Mlp::builder([784, 1024, 1024, 1024, 1024, 10]).build(&mut rng)?;
        measure(&ranks, net, &x)?
    };
    if ranks.is_first() {
        let Times {
            step,
            first_bucket,
            backward,
            last_sum,
        } = times;
        println!("{step} {first_bucket} {backward} {last_sum}");
    }
    Ok(())
}

/// A program that trains, and its times in milliseconds a step, a number for each round.
struct Program {
    /// The interpreter that runs PyTorch.
    python: Option<String>,
    one: Vec<f64>,
    all: Vec<f64>,
    without_exchange: Vec<f64>,
    /// The times of the exchange, where the program says them.
    exchange: Vec<[f64; 3]>,
}

impl Program {
    fn new(python: Option<String>) -> Self {
        Self {
            python,
            one: Vec::new(),
            all: Vec::new(),
            without_exchange: Vec::new(),
            exchange: Vec::new(),
        }
    }

    fn start(&self, case: &str, ranks: usize) -> Result<Child> {
        let ranks = ranks.to_string();
        let mut command = if let Some(python) = &self.python {
            let script = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/parallel/torch_ddp.py");
            let mut command = Command::new(python);
            command.args([script, case, &ranks, &SECONDS.to_string()]);
            command
        } else {
            // Otherwise all jobs with one rank run on the first core.
            let unbound = ["--bind-to", "none"];
            let mut command = Command::new("mpirun");
            command
                .args(["--allow-run-as-root", "--oversubscribe", "-n", &ranks])
                .args(unbound)
                .arg(std::env::current_exe()?)
                .args(["--rank", case])
                .env("RAYON_NUM_THREADS", "1");
            command
        };
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot run {}", command.get_program().display()))
    }

    /// Returns the times in milliseconds of the slowest of `jobs` jobs at the same time, that of a
    /// step first.
    fn measure(&self, case: &str, ranks: usize, jobs: usize) -> Result<Vec<f64>> {
        let jobs = (0..jobs).map(|_| self.start(case, ranks));
        let mut jobs = jobs.collect::<Result<Vec<_>>>()?;
        let mut outputs = Vec::new();
        for job in &mut jobs {
            outputs.push(BufReader::new(job.stdout.take().context("no output")?));
        }
        for output in &mut outputs {
            line(output)?;
        }
        for job in &mut jobs {
            writeln!(job.stdin.as_mut().context("no input")?)?;
        }
        let mut slowest = vec![0.0];
        for output in &mut outputs {
            let line = line(output)?;
            let times = line
                .split_whitespace()
                .map(|time| Ok(time.parse::<f64>()? * 1e3));
            let times = times.collect::<Result<Vec<_>>>()?;
            if times[0] > slowest[0] {
                slowest = times;
            }
        }
        for mut job in jobs {
            let status = job.wait()?;
            ensure!(status.success(), "a run of `{case}` ended with {status}");
        }
        Ok(slowest)
    }

    fn round(&mut self, case: &str, ranks: usize) -> Result<()> {
        self.one.push(self.measure(case, 1, 1)?[0]);
        let all = self.measure(case, ranks, 1)?;
        self.all.push(all[0]);
        self.exchange.extend(all[1..].as_array());
        self.without_exchange.push(self.measure(case, 1, ranks)?[0]);
        Ok(())
    }

    fn print(&self, case: &str, ranks: usize) {
        let name = self.python.as_ref().map_or("cotangent", |_| "PyTorch");
        let [one, all] = [&self.one, &self.all].map(|times| median(times.clone()));
        let [speedup, limit] = [&self.all, &self.without_exchange]
            .map(|times| median(ratios(&self.one, times)) * ranks as f64);
        print!("{case:<12}{name:<10}{one:>8.2}{all:>10.2}{speedup:>10.2}{limit:>18.2}");
        if self.exchange.is_empty() {
            return println!();
        }
        let share = |[first, backward, last]: &[f64; 3]| (backward - first) / (last - first);
        println!(
            "{:>9.0}%",
            100.0 * median(self.exchange.iter().map(share).collect())
        );
        let time = |place: usize| median(self.exchange.iter().map(|times| times[place]).collect());
        let [first, backward, last] = [0, 1, 2].map(time);
        println!(
            "  first bucket {first:.2} ms, end of backward {backward:.2} ms, last sum {last:.2} ms"
        );
    }
}

fn line(output: &mut BufReader<ChildStdout>) -> Result<String> {
    let mut line = String::new();
    let length = output.read_line(&mut line)?;
    ensure!(length > 0, "a run ended without a result");
    Ok(line)
}

fn ratios(times: &[f64], others: &[f64]) -> Vec<f64> {
    let pairs = times.iter().zip(others);
    pairs.map(|(time, other)| time / other).collect()
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    values[values.len() / 2]
}

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().collect();
    if let Some(place) = arguments.iter().position(|argument| argument == "--rank") {
        return rank(&arguments[place + 1]);
    }
    let ranks: usize = std::env::var("RANKS").map_or(Ok(2), |ranks| ranks.parse())?;
    let python = std::env::var("PYTHON").ok();
    if python.is_none() {
        println!("PyTorch is not measured: PYTHON is not set to an interpreter with PyTorch");
    }
    println!("Milliseconds a step, and samples per second to those of 1 rank.");
    println!("Medians of {ROUNDS} rounds; ranks have one thread.");
    let columns = format!("{ranks} ranks");
    println!(
        "{:<22}{:>8}{columns:>10}{:>10}{:>18}{:>10}",
        "", "1 rank", "speed-up", "without exchange", "hidden"
    );
    for case in CASES {
        let mut ours = Program::new(None);
        let mut torch = python.clone().map(|python| Program::new(Some(python)));
        for _ in 0..ROUNDS {
            ours.round(case, ranks)?;
            if let Some(torch) = &mut torch {
                torch.round(case, ranks)?;
            }
        }
        ours.print(case, ranks);
        if let Some(torch) = torch {
            torch.print(case, ranks);
            let one = median(ratios(&torch.one, &ours.one));
            let all = median(ratios(&torch.all, &ours.all));
            println!("{:<22}{one:>8.2}{all:>10.2}", "PyTorch / cotangent");
        }
    }
    Ok(())
}
