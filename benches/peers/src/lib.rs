//! The common parts of the Rust runners. A runner is a process that first prints the names of its
//! cases as one line of JSON. Then it answers each line with one line of JSON. `./run` queries
//! several runners in turns.
//!
//! | line | answer |
//! |---|---|
//! | `NAME SECONDS` | the median of one run in microseconds, measured for that time |
//! | `NAME lossesCOUNT` | the losses of the first steps of a case that trains |
//! | `NAME memory` | the peak of the memory that a case takes, in bytes |

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use std::hint::black_box;
use std::io::{BufRead, Write, stdin, stdout};
use std::time::{Duration, Instant};

/// One run of a case.
pub type Run = Box<dyn FnMut() -> Result<()>>;

/// One step of a case that trains. Returns the loss.
pub type Step = Box<dyn FnMut() -> Result<f64>>;

/// A case of a runner: its name, and its setup.
pub struct Case {
    name: &'static str,
    kind: Kind,
}

enum Kind {
    /// A case that is timed repeatedly.
    Timed(Box<dyn Fn() -> Result<Run>>),
    /// A case that is timed repeatedly, and whose runs are training steps.
    Training(Box<dyn Fn() -> Result<Step>>),
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

    /// Creates a case of training steps.
    pub fn training(name: &'static str, setup: impl Fn() -> Result<Step> + 'static) -> Self {
        let kind = Kind::Training(Box::new(setup));
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
    Training(Step),
    Epoch(Epoch),
}

impl Ready {
    fn of(case: &Case) -> Result<Self> {
        Ok(match &case.kind {
            Kind::Timed(setup) => Self::Timed(setup()?),
            Kind::Training(setup) => Self::Training(setup()?),
            Kind::Epoch(setup) => Self::Epoch(setup()?),
        })
    }

    fn run(&mut self) -> Result<f64> {
        match self {
            Self::Timed(run) => run().map(|()| f64::NAN),
            Self::Training(step) => step(),
            Self::Epoch(_) => bail!("epochs have no runs"),
        }
    }
}

/// Answers requests until the input ends.
pub fn serve(cases: &[Case]) -> Result<()> {
    let names: Vec<_> = cases.iter().map(|case| case.name).collect();
    println!("{}", Value::from(names));
    let mut last: Option<(String, Ready)> = None;
    for line in stdin().lock().lines() {
        let line = line?;
        let (name, request) = line.split_once(' ').context("expected NAME REQUEST")?;
        let ready = match last.take() {
            Some((before, ready)) if before == name => ready,
            unlike => {
                drop(unlike); // Frees the memory of the previous case.
                let case = cases.iter().find(|case| case.name == name);
                let case = case.context("no such name")?;
                if request == "memory" {
                    println!("{}", json!({"memory": memory(case)?}));
                    stdout().flush()?;
                    continue;
                }
                Ready::of(case)?
            }
        };
        let (_, ready) = last.insert((name.to_owned(), ready));
        let answer = match (ready, request.strip_prefix("losses")) {
            (ready, Some(count)) => {
                let losses = (0..count.parse()?).map(|_| ready.run());
                json!({"losses": losses.collect::<Result<Vec<_>>>()?})
            }
            (Ready::Epoch(epoch), None) => {
                let [seconds, accuracy] = epoch()?;
                json!({"median": seconds * 1e6, "accuracy": accuracy})
            }
            (ready, None) => timed(ready, Duration::from_secs_f64(request.parse()?))?,
        };
        println!("{answer}");
        stdout().flush()?;
    }
    Ok(())
}

/// Measures the peak memory of the first runs of a case, without pages of files.
fn memory(case: &Case) -> Result<f64> {
    std::fs::write("/proc/self/clear_refs", "5")?; // The peak begins anew.
    let [before, _, files_before] = resident()?;
    let mut ready = Ready::of(case)?;
    for _ in 0..20 {
        black_box(ready.run()?);
    }
    let [_, peak, files_after] = resident()?;
    Ok(peak - before - (files_after - files_before))
}

/// Returns the resident memory of this process, its peak, and the part of it that is pages of
/// files, in bytes.
fn resident() -> Result<[f64; 3]> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let mut values = [0.0; 3];
    for (value, name) in values.iter_mut().zip(["VmRSS:", "VmHWM:", "RssFile:"]) {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        let kilobytes = line.and_then(|line| line.split_whitespace().next());
        *value = 1024.0 * kilobytes.context("no such line")?.parse::<f64>()?;
    }
    Ok(values)
}

fn timed(ready: &mut Ready, budget: Duration) -> Result<Value> {
    let begun = Instant::now();
    while begun.elapsed() < budget / 4 {
        black_box(ready.run()?);
    }
    let begun = Instant::now();
    let mut times = Vec::new();
    while times.len() < 3 || begun.elapsed() < budget {
        let started = Instant::now();
        black_box(ready.run()?);
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

/// A convolution of square images with as much padding as keeps their size.
#[derive(Clone, Copy)]
pub struct Convolution {
    pub batch: usize,
    pub inputs: usize,
    pub outputs: usize,
    pub side: usize,
    pub kernel: usize,
}

/// The convolutions, each with its name without `_forward` or `_both`.
pub fn convolutions() -> Vec<(&'static str, Convolution)> {
    let sizes = [
        ("conv_b32_16_16_32px_k3", [32, 16, 16, 32, 3]),
        ("conv_b32_64_64_32px_k3", [32, 64, 64, 32, 3]),
        ("conv_b32_64_64_8px_k3", [32, 64, 64, 8, 3]),
        ("conv_b8_128_256_28px_k3", [8, 128, 256, 28, 3]),
        ("conv_b32_64_256_14px_k1", [32, 64, 256, 14, 1]),
        ("conv_b64_1_32_28px_k3", [64, 1, 32, 28, 3]),
        ("conv_b1_64_64_56px_k3", [1, 64, 64, 56, 3]),
        ("conv_b2_3_16_320px_k3", [2, 3, 16, 320, 3]),
    ];
    let named = sizes.map(|(name, [batch, inputs, outputs, side, kernel])| {
        let sizes = Convolution {
            batch,
            inputs,
            outputs,
            side,
            kernel,
        };
        (name, sizes)
    });
    named.into()
}

/// The channels in and out of each block of a residual net with 20 layers. At every change of their
/// number there is a stride of 2.
pub const RESNET20: [[usize; 2]; 9] = [
    [16, 16],
    [16, 16],
    [16, 16],
    [16, 32],
    [32, 32],
    [32, 32],
    [32, 64],
    [64, 64],
    [64, 64],
];

/// Returns labels of 10 classes.
pub fn labels(count: usize) -> Vec<usize> {
    (0..count).map(|i| i * 7 % 10).collect()
}

/// Returns characters (batch, time) of 64 kinds, and those after them.
pub fn characters(batch: usize, time: usize) -> [Vec<usize>; 2] {
    let text: Vec<usize> = states(1)
        .take(batch * (time + 1))
        .map(|state| (state >> 26) as usize)
        .collect();
    [0, 1].map(|first| {
        let rows = text.chunks(time + 1);
        rows.flat_map(|row| &row[first..first + time])
            .copied()
            .collect()
    })
}

/// Returns a model's weight number `seed`, scaled by its number of inputs.
pub fn weight(seed: usize, shape: &[usize]) -> Vec<f32> {
    let inputs: usize = shape[1..].iter().product();
    let scale = (1.0 / (inputs as f64).sqrt()) as f32;
    let numbers = numbers_of(seed as u32, shape.iter().product());
    numbers.into_iter().map(|number| number * scale).collect()
}

/// Returns numbers in (-1.7, 1.7), the same in each run.
pub fn numbers(len: usize) -> Vec<f32> {
    numbers_of(1, len)
}

fn numbers_of(seed: u32, len: usize) -> Vec<f32> {
    let number = |state| ((state >> 8) as f32 / (1u32 << 23) as f32 - 1.0) * 1.7;
    states(seed).take(len).map(number).collect()
}

fn states(seed: u32) -> impl Iterator<Item = u32> {
    let mut state = seed;
    std::iter::repeat_with(move || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state
    })
}
