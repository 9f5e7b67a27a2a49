//! The race of the textbook's chapter: every optimizer on the same net, data and seeds, and down
//! two valleys in the plane, each with a learning rate tuned by the same budget.
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

/// Fourteen optimizers, and Lookahead over one of them, raced against each other.
///
/// On handwritten digits they train the same small net, with several seeds, to the same training
/// loss. On Beale's and Rosenbrock's functions they go down from the same point. Before that each
/// has its learning rate tuned, all by the same number of trials. The tables are sorted by the
/// steps to the goal. The last line names the fastest of the last race; the lines before say what
/// the races show.
#[derive(Parser, Debug)]
struct Arguments {
    /// How many times each trains on the digits, each time with other weights and batches.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=1000))]
    seeds: u64,
    /// The first seed, which also splits the digits.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// How many times each training on the digits goes through the images.
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=10_000))]
    epochs: u64,
    /// Only these optimizers, separated by commas.
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<Racer>,
    /// What they are raced on.
    #[arg(long, value_enum, default_value_t = Problem::All)]
    problem: Problem,
    /// A folder for the figures, each as SVG and as PNG; without it there are none.
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
