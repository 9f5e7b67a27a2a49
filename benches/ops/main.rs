//! The cost of single operations, each next to its bound: the bytes that it must move divided by
//! the measured copy bandwidth, or its floating-point operations divided by the measured peak,
//! whichever is larger.
//!
//! ```sh
//! cargo bench --bench ops
//! cargo bench --bench ops -- --only softmax --json
//! cargo bench --bench ops --features linalg -- --only svd
//! ```
//!
//! `benches/peers/ops` runs the same operations in PyTorch and JAX, in turns with these.
//!
//! Operands of up to about ten megabytes stay in the caches, whose bandwidth is several times that
//! of memory: such operations can take less than their bound.

mod attention;
#[path = "../common/mod.rs"]
mod common;
mod elementwise;
mod embedding;
mod indexing;
#[cfg(feature = "linalg")]
mod linalg;
mod losses;
mod optimizers;
mod overhead;
mod pooling;
mod products;
mod recurrent;
mod reductions;
#[path = "../common/selection.rs"]
mod selection;
mod transforms;

use anyhow::{Context, Result};
use clap::Parser;
use common::{alone, machine};
use cotangent::prelude::*;
use selection::Selection;
use serde_json::{Map, Value, json};
use std::io::{BufRead, Write};
use std::time::Duration;

/// Single operations next to their bounds.
#[derive(Parser, Debug)]
struct Arguments {
    /// Print one line of JSON at the end.
    #[arg(long)]
    json: bool,
    /// The number of rounds over all operations.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// The time of each operation in a round.
    #[arg(long, default_value_t = 80, value_name = "MILLISECONDS")]
    turn: u64,
    #[command(flatten)]
    selection: Selection,
    /// The number of threads.
    #[arg(long, default_value_t = 2)]
    threads: usize,
    /// Print the names of the operations as JSON, then answer requests: a name and the seconds to
    /// measure it, or `machine`.
    #[arg(long)]
    serve: bool,
}

/// The least work that an operation must do.
#[derive(Clone, Copy, Debug)]
pub enum Bound {
    /// Bytes read and written.
    Bytes(usize),
    /// Floating-point operations, and bytes.
    Operations(usize, usize),
    /// Almost none: the measurement shows the overhead of this many operations.
    Calls(usize),
}

/// An operation to measure.
pub struct Case {
    /// The name in tables.
    pub name: String,
    /// The least work of the operation.
    pub bound: Bound,
    /// Makes the operands and returns the body to measure. Operands are dropped with the body.
    pub setup: Box<dyn Fn() -> Result<Run>>,
}

/// One run of an operation.
pub type Run = Box<dyn FnMut() -> Result<()>>;

impl Case {
    /// Creates an operation with a name.
    pub fn new(
        name: impl Into<String>,
        bound: Bound,
        setup: impl Fn() -> Result<Run> + 'static,
    ) -> Self {
        Self {
            name: name.into(),
            bound,
            setup: Box::new(setup),
        }
    }
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    common::set_threads(arguments.threads);
    let cases = [
        elementwise::cases(),
        reductions::cases(),
        losses::cases(),
        products::cases(),
        pooling::cases(),
        overhead::cases(),
        optimizers::cases(),
        embedding::cases(),
        indexing::cases(),
        recurrent::cases(),
        attention::cases(),
        transforms::cases(),
        #[cfg(feature = "linalg")]
        linalg::cases(),
    ];
    let cases: Vec<Case> = cases
        .into_iter()
        .flatten()
        .filter(|case| case.name.contains(&arguments.selection.only))
        .collect();
    if arguments.serve {
        return serve(&cases);
    }
    let limits = Limits::measure()?;
    println!(
        "{} threads: {:.1} GB/s copied (read + written) in memory, {:.1} GB/s between two \
         buffers of 4 MB, {:.0} GFLOP/s of multiply-adds, {:.0} ns from one thread to another and \
         back",
        arguments.threads,
        limits.copy * 1e-9,
        limits.cached * 1e-9,
        limits.peak * 1e-9,
        machine::round_trip()?
    );
    println!(
        "{:44} {:>11} {:>11} {:>7}  reached",
        "microseconds", "time", "bound", "ratio"
    );
    let mut times = vec![common::Times::default(); cases.len()];
    let turn = Duration::from_millis(arguments.turn);
    for round in 0..arguments.rounds {
        for (case, times) in cases.iter().zip(&mut times) {
            times.extend(&alone(1, turn, (case.setup)()?)?);
            if round + 1 == arguments.rounds {
                row(case, times.median(), &limits);
            }
        }
    }
    if arguments.json {
        let rows = cases.iter().zip(&times).map(|(case, times)| {
            let bound = case.bound.microseconds(&limits);
            (
                case.name.clone(),
                json!({"time": times.median(), "bound": bound}),
            )
        });
        let mut all: Map<String, Value> = rows.collect();
        all.insert("machine".to_owned(), limits.to_json());
        println!("{}", Value::Object(all));
    }
    Ok(())
}

/// Answers requests of a script that measures others in turns.
fn serve(cases: &[Case]) -> Result<()> {
    let mut out = std::io::stdout().lock();
    let names: Vec<&str> = cases.iter().map(|case| case.name.as_str()).collect();
    writeln!(out, "{}", json!(names))?;
    let mut limits = Limits::measure()?;
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let answer = if line == "machine" {
            limits = Limits::measure()?;
            limits.to_json()
        } else {
            let (name, seconds) = line.rsplit_once(' ').context("a name and seconds")?;
            let case = cases.iter().find(|case| case.name == name);
            let case = case.with_context(|| format!("no operation {name}"))?;
            let turn = Duration::from_secs_f64(seconds.parse()?);
            let median = alone(1, turn, (case.setup)()?)?.median();
            json!({"median": median, "bound": case.bound.microseconds(&limits)})
        };
        writeln!(out, "{answer}")?;
    }
    Ok(())
}

/// The limits of this machine.
#[derive(Clone, Copy, Debug)]
struct Limits {
    /// Bytes read and written per second by a copy in memory.
    copy: f64,
    /// The same between buffers that stay in the caches.
    cached: f64,
    /// Floating-point operations per second.
    peak: f64,
}

impl Limits {
    fn measure() -> Result<Self> {
        Ok(Self {
            copy: machine::copy_bandwidth()?,
            cached: machine::cached_bandwidth()?,
            peak: machine::fma_peak()?,
        })
    }

    fn to_json(self) -> Value {
        json!({
            "copy_bytes_per_second": self.copy,
            "cached_bytes_per_second": self.cached,
            "flops": self.peak,
        })
    }
}

impl Bound {
    /// Returns the bound in microseconds, or none if only overhead is measured.
    fn microseconds(self, limits: &Limits) -> Option<f64> {
        let moved = |bytes: usize| bytes as f64 / limits.copy * 1e6;
        match self {
            Self::Bytes(bytes) => Some(moved(bytes)),
            Self::Operations(operations, bytes) => {
                Some((operations as f64 / limits.peak * 1e6).max(moved(bytes)))
            }
            Self::Calls(_) => None,
        }
    }
}

fn row(case: &Case, time: f64, limits: &Limits) {
    let reached = match case.bound {
        Bound::Bytes(bytes) => format!("{:.1} GB/s", bytes as f64 / time * 1e-3),
        Bound::Operations(operations, _) => {
            format!("{:.0} GFLOP/s", operations as f64 / time * 1e-3)
        }
        Bound::Calls(calls) => format!("{:.0} ns a call", time * 1e3 / calls as f64),
    };
    match case.bound.microseconds(limits) {
        Some(bound) => println!(
            "{:44} {time:11.1} {bound:11.1} {:7.2}  {reached}",
            case.name,
            time / bound
        ),
        None => println!(
            "{:44} {time:11.1} {:>11} {:>7}  {reached}",
            case.name, "", ""
        ),
    }
}

/// Creates a tensor of standard normal numbers, the same in each run.
pub fn normal(shape: &[usize]) -> cotangent::Result<Tensor> {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    Tensor::normal(shape, 0.0, 1.0, DType::F32, &mut rng)
}
