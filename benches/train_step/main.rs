//! The cost of a training step (forward, loss, backward, optimizer), next to its floor: the step's
//! bare matrix products and one sweep of Adam on preallocated buffers.
//!
//! ```sh
//! cargo bench --bench train_step                     # the six workloads, f32, two threads
//! cargo bench --bench train_step -- --only book --json
//! cargo bench --bench train_step -- --mode counts    # allocations, page faults, waits of a step
//! cargo bench --bench train_step -- --mode inference # latency of one sample, one read of weights
//! cargo bench --bench train_step -- --mode memory    # the peak memory of a step, and its growth
//! cargo bench --bench train_step -- --mode growth    # twice the depth, width, batch
//! cargo bench --bench train_step -- --mnist DIR      # epochs on MNIST
//! ```

#[path = "../common/mod.rs"]
mod common;
mod floor;
mod growth;
mod inference;
mod memory;
mod mnist;
mod nets;
#[path = "../common/selection.rs"]
mod selection;

use anyhow::Result;
use clap::{Parser, ValueEnum};
use common::{in_turns, machine, process};
use floor::Floor;
use nets::Workload;
use selection::Selection;
use serde_json::{Map, Value, json};
use std::path::PathBuf;
use std::time::Duration;

#[global_allocator]
static ALLOCATOR: process::Counting = process::Counting;

/// Training steps next to their floor.
#[derive(Parser, Debug)]
struct Arguments {
    /// Print one line of JSON at the end.
    #[arg(long)]
    json: bool,
    /// The number of turns of step and floor; each turn is many steps.
    #[arg(long, default_value_t = 15)]
    rounds: usize,
    /// The length of a turn.
    #[arg(long, default_value_t = 60, value_name = "MILLISECONDS")]
    turn: u64,
    #[command(flatten)]
    selection: Selection,
    /// The number of threads, of the floor too.
    #[arg(long, default_value_t = 2)]
    threads: usize,
    /// The measurement.
    #[arg(long, value_enum, default_value_t = Mode::Steps)]
    mode: Mode,
    /// Epochs on MNIST, from the four IDX files in this folder.
    #[arg(long, value_name = "DIR")]
    mnist: Option<PathBuf>,
}

#[derive(ValueEnum, Clone, Copy, Debug)]
enum Mode {
    /// Steps and their floors.
    Steps,
    /// The requests of a step to the system: allocations, page faults, waits.
    Counts,
    /// Steps alone, for a profiler.
    Profile,
    /// One sample through nets of several sizes, next to one read of the weights.
    Inference,
    /// Batches of several sizes through two nets, next to their products at the peak.
    Prediction,
    /// Peak memory of a step of batch 512, and its growth over 10,000 steps.
    Memory,
    /// The growth of the cost with depth, width and batch.
    Growth,
}

fn main() -> Result<()> {
    let at_start = process::resident();
    let arguments = Arguments::parse();
    common::set_threads(arguments.threads);
    let turn = Duration::from_millis(arguments.turn);
    let rounds = arguments.rounds;
    let workloads: Vec<Workload> = Workload::all()
        .into_iter()
        .filter(|workload| workload.name.contains(&arguments.selection.only))
        .collect();
    let result = match (arguments.mode, &arguments.mnist) {
        (_, Some(folder)) => mnist::run(folder)?,
        (Mode::Steps, None) => steps(&workloads, rounds, turn)?,
        (Mode::Counts, None) => counts(&workloads)?,
        (Mode::Profile, None) => profile(&workloads, rounds, turn)?,
        (Mode::Inference, None) => inference::run(rounds, turn, &arguments.selection.only)?,
        (Mode::Prediction, None) => inference::batches(rounds, turn)?,
        (Mode::Memory, None) => memory::run(at_start[0])?,
        (Mode::Growth, None) => growth::run(rounds, turn)?,
    };
    if arguments.json {
        println!("{result}");
    }
    Ok(())
}

/// Measures the medians of step and floor, in microseconds, next to the time of the products at the
/// peak of multiply-adds.
fn steps(workloads: &[Workload], rounds: usize, turn: Duration) -> Result<Value> {
    println!(
        "{:32} {:>10} {:>10} {:>7} {:>10} {:>10} {:>13} {:>7}",
        "microseconds",
        "step",
        "floor",
        "ratio",
        "10% step",
        "10% floor",
        "products, peak",
        "share"
    );
    let peak = machine::fma_peak()?;
    let mut all = Map::new();
    for workload in workloads {
        let mut training = workload.training()?;
        let mut floor = Floor::of(workload);
        let [step, bare] = in_turns(
            rounds,
            turn,
            || Ok(training.step()?),
            || {
                floor.step();
                Ok(())
            },
        )?;
        let products = workload.operations() / peak * 1e6;
        println!(
            "{:32} {:10.0} {:10.0} {:7.2} {:10.0} {:10.0} {products:13.0} {:7.2}",
            workload.name,
            step.median(),
            bare.median(),
            step.median() / bare.median(),
            step.quantile(0.1),
            bare.quantile(0.1),
            products / step.median(),
        );
        let times = json!({"step": step.median(), "floor": bare.median(), "products": products});
        all.insert(workload.name.clone(), times);
    }
    Ok(Value::Object(all))
}

/// Counts the requests of a warm step, and of its floor, to the system.
fn counts(workloads: &[Workload]) -> Result<Value> {
    const STEPS: usize = 200;
    println!(
        "{:38} {:>12} {:>15} {:>12} {:>8} {:>12}",
        "of one step", "allocations", "system requests", "page faults", "waits", "system us"
    );
    let mut all = Map::new();
    for workload in workloads {
        let mut training = workload.training()?;
        let mut floor = Floor::of(workload);
        let mut both = Map::new();
        let mut count = |name: &str, step: &mut dyn FnMut() -> Result<()>| -> Result<()> {
            for _ in 0..20 {
                step()?;
            }
            let used = process::used_by(|| (0..STEPS).try_for_each(|_| step()))?;
            let steps = STEPS as f64;
            let figures = [
                used.allocations as f64 / steps,
                used.system_requests as f64 / steps,
                used.page_faults / steps,
                used.waits / steps,
                used.system_seconds * 1e6 / steps,
            ];
            let title = format!("{} {name}", workload.name);
            let [allocations, requests, faults, waits, system] = figures;
            println!(
                "{title:38} {allocations:12.1} {requests:15.2} {faults:12.1} {waits:8.1} \
                 {system:12.0}"
            );
            both.insert(
                name.to_owned(),
                json!({
                    "allocations": allocations,
                    "system_requests": requests,
                    "page_faults": faults,
                    "waits": waits,
                }),
            );
            Ok(())
        };
        count("step", &mut || Ok(training.step()?))?;
        count("floor", &mut || {
            floor.step();
            Ok(())
        })?;
        all.insert(workload.name.clone(), both.into());
    }
    Ok(Value::Object(all))
}

/// Runs steps without their floors, for a profiler.
fn profile(workloads: &[Workload], rounds: usize, turn: Duration) -> Result<Value> {
    for workload in workloads {
        let mut training = workload.training()?;
        let times = common::alone(rounds, turn, || Ok(training.step()?))?;
        println!("{} {} steps", workload.name, times.count());
    }
    Ok(Value::Null)
}
