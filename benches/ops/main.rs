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
mod transforms;

use anyhow::Result;
use clap::Parser;
use common::{alone, machine};
use cotangent::prelude::*;
use serde_json::{Map, Value, json};
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
    /// Only the operations whose names contain this.
    #[arg(
        long,
        default_value = "",
        hide_default_value = true,
        value_name = "NAME"
    )]
    only: String,
    /// The number of threads.
    #[arg(long, default_value_t = 2)]
    threads: usize,
    /// An argument that `cargo bench` adds.
    #[arg(long, hide = true)]
    bench: bool,
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
        .filter(|case| case.name.contains(&arguments.only))
        .collect();
    let (copy, cached, peak) = (
        machine::copy_bandwidth()?,
        machine::cached_bandwidth()?,
        machine::fma_peak()?,
    );
    println!(
        "{} threads: {:.1} GB/s copied (read + written) in memory, {:.1} GB/s between two \
         buffers of 4 MB, {:.0} GFLOP/s of multiply-adds",
        arguments.threads,
        copy * 1e-9,
        cached * 1e-9,
        peak * 1e-9
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
                row(case, times.median(), copy, peak);
            }
        }
    }
    if arguments.json {
        let rows = cases.iter().zip(&times).map(|(case, times)| {
            let bound = bound(case.bound, copy, peak);
            (
                case.name.clone(),
                json!({"time": times.median(), "bound": bound}),
            )
        });
        let mut all: Map<String, Value> = rows.collect();
        let machine = json!({
            "copy_bytes_per_second": copy,
            "cached_bytes_per_second": cached,
            "flops": peak,
        });
        all.insert("machine".to_owned(), machine);
        println!("{}", Value::Object(all));
    }
    Ok(())
}

/// Returns the bound in microseconds, or none if only overhead is measured.
fn bound(bound: Bound, copy: f64, peak: f64) -> Option<f64> {
    match bound {
        Bound::Bytes(bytes) => Some(bytes as f64 / copy * 1e6),
        Bound::Operations(operations, bytes) => {
            Some((operations as f64 / peak).max(bytes as f64 / copy) * 1e6)
        }
        Bound::Calls(_) => None,
    }
}

fn row(case: &Case, time: f64, copy: f64, peak: f64) {
    let reached = match case.bound {
        Bound::Bytes(bytes) => format!("{:.1} GB/s", bytes as f64 / time * 1e-3),
        Bound::Operations(operations, _) => {
            format!("{:.0} GFLOP/s", operations as f64 / time * 1e-3)
        }
        Bound::Calls(calls) => format!("{:.0} ns a call", time * 1e3 / calls as f64),
    };
    match bound(case.bound, copy, peak) {
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
