//! Compares the optimizers of the textbook's chapter: each trains the same net on the same data
//! with the same seeds, and descends two functions on the plane. The learning rates are tuned under
//! the same budget.
//!
//! ```sh
//! cargo run --release --example optimizers -- --out target/optimizers
//! ```

mod contour;
mod digits;
mod grid;
#[path = "../common/measure.rs"]
mod measure;
#[path = "../common/output.rs"]
mod output;
#[path = "../common/parallel.rs"]
mod parallel;
mod paths;
#[path = "../common/progress.rs"]
mod progress;
mod race;
mod racers;
mod report;
mod surfaces;
mod tuning;

use anyhow::Result;
use clap::{Parser, ValueEnum};
use racers::Racer;
use report::{Findings, steps};
use std::path::PathBuf;
use surfaces::Surface;

/// Compare fourteen optimizers, and Lookahead over one of them.
///
/// On handwritten digits they train the same small net, with several seeds, to the same training
/// loss. On Beale's and Rosenbrock's functions they start from the same point. Before that, the
/// learning rate of each is tuned by the same number of trials. The tables are sorted by the steps
/// to the target. The last line names the fastest optimizer of the last race; the lines before it
/// list the findings.
#[derive(Parser, Debug)]
struct Arguments {
    /// The number of trainings of each optimizer on the digits, each with other weights and
    /// batches.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=1000))]
    seeds: u64,
    /// The first seed, which also splits the digits.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// The number of epochs of each training on the digits.
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=10_000))]
    epochs: u64,
    /// Only these optimizers, separated by commas.
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<Racer>,
    /// The problem.
    #[arg(long, value_enum, default_value_t = Problem::All)]
    problem: Problem,
    /// A folder for the figures, each as SVG and PNG. Without it no figures are drawn.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Problem {
    Digits,
    Beale,
    Rosenbrock,
    All,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let out = arguments.out.as_deref();
    let racers: Vec<Racer> = Racer::value_variants()
        .iter()
        .copied()
        .filter(|racer| arguments.only.is_empty() || arguments.only.contains(racer))
        .collect();
    let asked = |problem| [problem, Problem::All].contains(&arguments.problem);
    let mut findings = Findings::default();
    let mut fastest = None;
    for (problem, surface) in [
        (Problem::Beale, Surface::Beale),
        (Problem::Rosenbrock, Surface::Rosenbrock),
    ] {
        if asked(problem) {
            fastest = Some(paths::run(surface, &racers, out, &mut findings)?);
            println!();
        }
    }
    if asked(Problem::Digits) {
        let Arguments {
            seeds,
            seed,
            epochs,
            ..
        } = arguments;
        fastest = Some(race::run(&racers, seeds, seed, epochs, out, &mut findings)?);
        println!();
    }
    findings.conclude();
    if let Some((racer, count)) = fastest.filter(|(_, count)| count.is_finite()) {
        println!(
            "fastest to target: {} ({} steps)",
            racer.name(),
            steps(count)
        );
    } else {
        println!("fastest to target: none");
    }
    Ok(())
}
