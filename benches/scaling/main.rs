//! How operations and training steps would scale to machines with more processors: a simulation.
//!
//! ```sh
//! cargo bench --bench scaling
//! ```
//!
//! The work runs on one thread, cut as for N threads, and the time of each piece of
//! each parallel region is recorded. Then the schedule of the thread pool is simulated: each thread
//! runs its own share of the pieces, then those that the others have left. Opening a region costs
//! what it costs here with two threads: once at best, and at worst once for each further thread,
//! since all of them read one counter when it opens and count themselves out when it closes. Both
//! limits are printed; the parts of a step are those of the lower cost.
//!
//! Not simulated: the bandwidth of memory and caches, which the threads share, and a lower clock of
//! many busy processors. So the figures are limits that the library's structure sets.

#[path = "../common/mod.rs"]
mod common;
mod kernels;
#[allow(dead_code)] // A part of it is used.
#[path = "../train_step/nets.rs"]
mod nets;
#[path = "../common/selection.rs"]
mod selection;

use anyhow::Result;
use clap::Parser;
use cotangent::kernel::regions::{Region, record};
use cotangent::prelude::*;
use nets::Workload;
use selection::Selection;
use std::hint::black_box;
use std::time::{Duration, Instant};

const THREADS: [usize; 7] = [1, 2, 4, 8, 16, 32, 64];

/// Training steps on more processors, simulated.
#[derive(Parser, Debug)]
struct Arguments {
    /// Recorded steps of each case; the fastest counts.
    #[arg(long, default_value_t = 15)]
    rounds: usize,
    #[command(flatten)]
    selection: Selection,
}

/// The simulated time of a step, in microseconds.
struct Step {
    /// Outside of regions, where one thread works.
    alone: f64,
    /// In regions, with all threads equally busy.
    shared: f64,
    /// The time that regions take longer because pieces are few or uneven.
    uneven: f64,
    /// The number of regions.
    regions: usize,
}

impl Step {
    /// Returns the whole time if opening a region takes so long.
    fn total(&self, opening: f64) -> f64 {
        self.alone + self.shared + self.uneven + self.regions as f64 * opening
    }
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let opening = opening_cost()?;
    println!("a region without work costs {opening:.2} us for the second thread\n");
    let mut workloads = Workload::all();
    workloads.push(Workload {
        name: "wide4096x4_relu_adam_b256".to_owned(),
        ..Workload::wide(4096)
    });
    for workload in workloads {
        if workload.name.contains(&arguments.selection.only) {
            simulate(&workload, opening, arguments.rounds)?;
        }
    }
    operations(opening, &arguments)
}

/// Prints a line for each operation: the times that it is faster on several threads.
fn operations(opening: f64, arguments: &Arguments) -> Result<()> {
    print!("{:42} {:>9} {:>7}", "operation", "us", "pieces");
    THREADS[1..].iter().for_each(|n| print!("{n:>7}"));
    println!();
    for (name, mut run) in kernels::all()? {
        if !name.contains(&arguments.selection.only) {
            continue;
        }
        run()?;
        let mut times = Vec::new();
        let mut pieces = 0;
        for threads in THREADS {
            let regions = fastest(&mut run, threads, arguments.rounds)?;
            let opening = if threads > 1 { opening } else { 0.0 };
            times.push(simulated(&regions, threads).total(opening));
            let most = regions.iter().map(|region| region.pieces.len()).max();
            pieces = most.unwrap_or(0);
        }
        print!("{name:42} {:9.0} {pieces:>7}", times[0]);
        times[1..]
            .iter()
            .for_each(|time| print!("{:7.1}", times[0] / time));
        println!();
    }
    Ok(())
}

/// Prints the table of a workload.
fn simulate(workload: &Workload, opening: f64, rounds: usize) -> Result<()> {
    println!("{}", workload.name);
    println!(
        "{:>8} {:>10} {:>8} {:>8} {:>8} {:>8} {:>8} {:>8} {:>8}",
        "threads", "us", "times", "at worst", "alone", "shared", "uneven", "opening", "regions"
    );
    let mut training = workload.training()?;
    for _ in 0..3 {
        training.step()?;
    }
    let mut one = f64::NAN;
    for threads in THREADS {
        let regions = fastest(&mut || Ok(training.step()?), threads, rounds)?;
        let step = simulated(&regions, threads);
        let opening_once = if threads > 1 { opening } else { 0.0 };
        let total = step.total(opening_once);
        if threads == 1 {
            one = total;
        }
        let percent = |part: f64| format!("{:.0}%", 100.0 * part / total);
        println!(
            "{threads:>8} {total:>10.0} {:>8.2} {:>8.2} {:>8} {:>8} {:>8} {:>8} {:>8}",
            one / total,
            one / step.total(opening * (threads - 1) as f64),
            percent(step.alone),
            percent(step.shared),
            percent(step.uneven),
            percent(step.regions as f64 * opening_once),
            step.regions
        );
    }
    println!();
    Ok(())
}

/// Returns the record of the fastest of several runs.
fn fastest(
    run: &mut dyn FnMut() -> Result<()>,
    threads: usize,
    rounds: usize,
) -> Result<Vec<Region>> {
    let mut best: Option<(f64, Vec<Region>)> = None;
    for _ in 0..rounds.max(1) {
        let mut result = Ok(());
        let regions = record(threads, || result = run());
        result?;
        let total = simulated(&regions, 1).total(0.0);
        if best.as_ref().is_none_or(|(least, _)| total < *least) {
            best = Some((total, regions));
        }
    }
    Ok(best.map(|(_, regions)| regions).unwrap_or_default())
}

/// Simulates the regions on this number of threads.
fn simulated(regions: &[Region], threads: usize) -> Step {
    let micros = |time: &Duration| time.as_secs_f64() * 1e6;
    let mut step = Step {
        alone: 0.0,
        shared: 0.0,
        uneven: 0.0,
        regions: 0,
    };
    for region in regions {
        step.alone += micros(&region.before);
        if region.pieces.is_empty() {
            continue;
        }
        let pieces: Vec<f64> = region.pieces.iter().map(micros).collect();
        let even = pieces.iter().sum::<f64>() / threads as f64;
        step.shared += even;
        step.uneven += (makespan(&pieces, threads) - even).max(0.0);
        step.regions += 1;
    }
    step
}

/// Returns when the last piece ends, if every thread begins with its own share of consecutive
/// pieces and then takes those that are left of the next threads' shares, as the pool does.
fn makespan(pieces: &[f64], threads: usize) -> f64 {
    let start = |thread: usize| thread * pieces.len() / threads;
    let mut next: Vec<usize> = (0..threads).map(start).collect();
    let mut clocks = vec![0.0f64; threads];
    let mut working: Vec<usize> = (0..threads).collect();
    let mut last = 0.0f64;
    while let Some(position) = earliest(&working, &clocks) {
        let thread = working[position];
        let owners = (0..threads).map(|turn| (thread + turn) % threads);
        let mut left = owners.filter(|&owner| next[owner] < start(owner + 1));
        let Some(owner) = left.next() else {
            working.swap_remove(position);
            continue;
        };
        clocks[thread] += pieces[next[owner]];
        next[owner] += 1;
        last = last.max(clocks[thread]);
    }
    last
}

/// Returns the position of the thread that is free first.
fn earliest(working: &[usize], clocks: &[f64]) -> Option<usize> {
    let by_clock = |&a: &usize, &b: &usize| clocks[working[a]].total_cmp(&clocks[working[b]]);
    (0..working.len()).min_by(by_clock)
}

/// Returns what the second thread adds to a region without work, in microseconds: a tensor of two
/// pieces against one of a single piece, less the work itself.
fn opening_cost() -> Result<f64> {
    let time = |len: usize, threads: usize| -> Result<f64> {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build()?;
        let x = Tensor::ones([len], DType::F32)?;
        let mut best = f64::INFINITY;
        let mut run = || {
            for _ in 0..200 {
                let started = Instant::now();
                for _ in 0..50 {
                    let _ = black_box(black_box(&x).neg());
                }
                best = best.min(started.elapsed().as_secs_f64() * 1e6 / 50.0);
            }
        };
        if threads == 1 {
            pool.install(run);
        } else {
            run();
        }
        Ok(best)
    };
    let len = 32 * 1024;
    // Two threads take half of the time and the opening.
    Ok((time(len, 2)? - time(len, 1)? / 2.0).max(0.0))
}
