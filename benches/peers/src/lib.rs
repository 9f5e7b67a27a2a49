//! The common parts of the Rust runners. A runner is a process that first prints the names of its
//! cases as one line of JSON. Then it answers each line `NAME SECONDS` with one line of JSON: the
//! median of one run in microseconds, measured for that time. `./run` queries several runners in
//! turns.

use anyhow::{Context, Result};
use serde_json::{Value, json};
use std::hint::black_box;
use std::io::{BufRead, Write, stdin, stdout};
use std::time::{Duration, Instant};

/// One run of a case.
pub type Run = Box<dyn FnMut() -> Result<()>>;

/// A case of a runner: its name, and its setup.
pub struct Case {
    name: &'static str,
    kind: Kind,
}

enum Kind {
    /// A case that is timed repeatedly.
    Timed(Box<dyn Fn() -> Result<Run>>),
    /// A case that trains one epoch per request and returns its seconds and accuracy.
    Epoch(Box<dyn Fn() -> Result<Epoch>>),
}

/// Trains for an epoch. Returns its seconds and the accuracy on the test set.
pub type Epoch = Box<dyn FnMut() -> Result<[f64; 2]>>;

impl Case {
    /// Creates a case that is timed repeatedly.
    pub fn timed(name: &'static str, setup: impl Fn() -> Result<Run> + 'static) -> Self {
        let kind = Kind::Timed(Box::new(setup));
        Self { name, kind }
    }

    /// Creates a case that trains epochs.
    pub fn epoch(name: &'static str, setup: impl Fn() -> Result<Epoch> + 'static) -> Self {
        let kind = Kind::Epoch(Box::new(setup));
        Self { name, kind }
    }
}

enum Ready {
    Timed(Run),
    Epoch(Epoch),
}

/// Answers requests until the input ends.
pub fn serve(cases: &[Case]) -> Result<()> {
    let names: Vec<_> = cases.iter().map(|case| case.name).collect();
    println!("{}", Value::from(names));
    let mut ready: Option<(String, Ready)> = None;
    for line in stdin().lock().lines() {
        let line = line?;
        let (name, seconds) = line.split_once(' ').context("expected NAME SECONDS")?;
        let budget = Duration::from_secs_f64(seconds.parse()?);
        if ready.as_ref().is_none_or(|(last, _)| last != name) {
            drop(ready.take()); // Frees the memory of the previous case.
            let case = cases.iter().find(|case| case.name == name);
            let made = match &case.context("no such name")?.kind {
                Kind::Timed(setup) => Ready::Timed(setup()?),
                Kind::Epoch(setup) => Ready::Epoch(setup()?),
            };
            ready = Some((name.to_owned(), made));
        }
        let answer = match &mut ready {
            Some((_, Ready::Timed(run))) => timed(run, budget)?,
            Some((_, Ready::Epoch(epoch))) => {
                let [seconds, accuracy] = epoch()?;
                json!({"median": seconds * 1e6, "accuracy": accuracy})
            }
            None => Value::Null,
        };
        println!("{answer}");
        stdout().flush()?;
    }
    Ok(())
}

fn timed(run: &mut Run, budget: Duration) -> Result<Value> {
    let begun = Instant::now();
    while begun.elapsed() < budget / 4 {
        black_box(run()?);
    }
    let begun = Instant::now();
    let mut times = Vec::new();
    while times.len() < 3 || begun.elapsed() < budget {
        let started = Instant::now();
        black_box(run()?);
        times.push(started.elapsed().as_secs_f64() * 1e6);
    }
    times.sort_unstable_by(f64::total_cmp);
    Ok(json!({"median": times[times.len() / 2], "count": times.len()}))
}

/// MNIST's images, scaled to 0 to 1, and their labels.
pub struct Mnist {
    pub train: (Vec<f32>, Vec<u8>),
    pub test: (Vec<f32>, Vec<u8>),
}

impl Mnist {
    /// Reads the four raw IDX files of the folder that the environment variable `MNIST` names.
    pub fn read() -> Result<Self> {
        let folder = std::path::PathBuf::from(mnist_folder().context("MNIST is not set")?);
        let part = |name: &str| -> Result<(Vec<f32>, Vec<u8>)> {
            let images = std::fs::read(folder.join(format!("{name}-images-idx3-ubyte")))?;
            let labels = std::fs::read(folder.join(format!("{name}-labels-idx1-ubyte")))?;
            let images = images[16..].iter().map(|&pixel| f32::from(pixel) / 255.0);
            Ok((images.collect(), labels[8..].to_vec()))
        };
        Ok(Self {
            train: part("train")?,
            test: part("t10k")?,
        })
    }
}

/// Returns the folder of MNIST, if there is one.
pub fn mnist_folder() -> Option<String> {
    std::env::var("MNIST")
        .ok()
        .filter(|folder| !folder.is_empty())
}

/// The workloads: sizes, whether there is batch normalization, activation, batch.
pub const WORKLOADS: [(&str, Shape); 6] = [
    (
        "book_bn_elu_adam_b32",
        Shape {
            hidden: &[300, 100],
            batch_norm: true,
            activation: "elu",
            batch: 32,
        },
    ),
    (
        "book_bn_elu_adam_b128",
        Shape {
            hidden: &[300, 100],
            batch_norm: true,
            activation: "elu",
            batch: 128,
        },
    ),
    (
        "book_bn_elu_adam_b512",
        Shape {
            hidden: &[300, 100],
            batch_norm: true,
            activation: "elu",
            batch: 512,
        },
    ),
    (
        "deep20x100_selu_adam_b32",
        Shape {
            hidden: &[100; 20],
            batch_norm: false,
            activation: "selu",
            batch: 32,
        },
    ),
    (
        "deep20x100_bn_relu_adam_b32",
        Shape {
            hidden: &[100; 20],
            batch_norm: true,
            activation: "relu",
            batch: 32,
        },
    ),
    (
        "wide1024x4_relu_adam_b256",
        Shape {
            hidden: &[1024; 4],
            batch_norm: false,
            activation: "relu",
            batch: 256,
        },
    ),
];

/// A dense net from 784 inputs to 10 outputs, and its batch.
#[derive(Clone, Copy)]
pub struct Shape {
    pub hidden: &'static [usize],
    pub batch_norm: bool,
    pub activation: &'static str,
    pub batch: usize,
}

impl Shape {
    /// Returns the textbook's net at this batch.
    pub fn book(batch: usize) -> Self {
        Self {
            batch,
            ..WORKLOADS[0].1
        }
    }

    /// Returns all sizes, inputs first.
    pub fn sizes(self) -> Vec<usize> {
        [&[784], self.hidden, &[10]].concat()
    }

    /// Returns synthetic inputs and labels.
    pub fn data(self) -> (Vec<f32>, Vec<i64>) {
        let labels = (0..self.batch).map(|i| (i * 7 % 10) as i64);
        (numbers(self.batch * 784), labels.collect())
    }
}

/// Returns numbers in (-1.7, 1.7), the same in each run.
pub fn numbers(len: usize) -> Vec<f32> {
    let mut state = 1u32;
    let next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        ((state >> 8) as f32 / (1u32 << 23) as f32 - 1.0) * 1.7
    };
    std::iter::repeat_with(next).take(len).collect()
}
