//! What single operations cost, each beside its bound: the bytes that it must move over the
//! measured copy bandwidth, or its floating-point operations over the measured peak, whichever is
//! more.
//!
//! ```sh
//! cargo bench --bench ops
//! cargo bench --bench ops -- --only softmax --json
//! ```
//!
//! Operands of up to some ten megabytes stay in the caches, whose bandwidth is several times that
//! of memory: such operations can take less than their bound.

#[path = "../common/mod.rs"]
mod common;
mod elementwise;
mod optimizers;
mod overhead;
mod products;
mod reductions;

use anyhow::Result;
use clap::Parser;
use common::{alone, machine};
use cotangent::prelude::*;
use serde_json::{Map, Value, json};
use std::time::Duration;

/// Single operations beside their bounds.
#[derive(Parser, Debug)]
struct Arguments {
    /// Ends with one line of JSON.
    #[arg(long)]
    json: bool,
    /// How many times all operations are measured, one after another.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// How long each operation is run in a round.
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
    /// What `cargo bench` adds.
    #[arg(long, hide = true)]
    bench: bool,
}

/// What an operation cannot do without.
#[derive(Clone, Copy, Debug)]
pub enum Bound {
    /// Bytes read and written.
    Bytes(usize),
    /// Floating-point operations, and bytes.
    Operations(usize, usize),
    /// Nothing to speak of: what is measured is overhead, of so many operations.
    Calls(usize),
}

/// An operation to be measured.
pub struct Case {
    /// What it is called in tables.
    pub name: String,
    /// What it cannot do without.
    pub bound: Bound,
    /// Makes the operands, and hands out what is measured: operands live no longer than they must.
    pub setup: Box<dyn Fn() -> Result<Run>>,
}

/// One run of an operation.
pub type Run = Box<dyn FnMut() -> Result<()>>;

impl Case {
    /// An operation under a name.
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
        products::cases(),
        overhead::cases(),
        optimizers::cases(),
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
        "{} threads: {:.1} GB/s copied (read + written) in memory, {:.1} GB/s between two buffers of 4 MB, {:.0} GFLOP/s of multiply-adds",
        arguments.threads,
        copy * 1e-9,
        cached * 1e-9,
        peak * 1e-9
    );
    println!(
        "{:44} {:>11} {:>11} {:>7}  what it reaches",
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
        let machine = json!({"copy_bytes_per_second": copy, "cached_bytes_per_second": cached, "flops": peak});
        all.insert("machine".to_owned(), machine);
        println!("{}", Value::Object(all));
    }
    Ok(())
}

/// In microseconds; none where only overhead is measured.
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

/// A tensor of standard normal numbers, the same in each run.
pub fn normal(shape: &[usize]) -> cotangent::Result<Tensor> {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    Tensor::normal(shape, 0.0, 1.0, DType::F32, &mut rng)
}
