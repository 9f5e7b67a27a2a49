//! Training on processes of an MPI job: the same bits on any number of them, and an end in time
//! after a failure. Needs MPI.
//!
//! ```sh
//! cargo test -p cotangent-tests --features mpi --test mpi
//! ```
//!
//! The program starts jobs with `mpirun`, whose processes are this program again. Words after `--`
//! select tests by parts of their names. `--ignored` selects the long ones.

#[path = "mpi/bits.rs"]
mod bits;
#[path = "mpi/failures.rs"]
mod failures;
#[path = "parallel/fit.rs"]
mod fit;
#[path = "mpi/job.rs"]
mod job;
#[path = "parallel/nets.rs"]
mod nets;
#[path = "support/optimizers.rs"]
mod optimizers;
#[path = "parallel/steps.rs"]
mod steps;
#[path = "mpi/worker.rs"]
mod worker;

use anyhow::{Result, bail};
use std::io::{self, Write};
use std::time::Instant;
use std::{env, process};

/// A test: its name, whether it is long, and its function.
type Test = (&'static str, bool, fn() -> Result<()>);

const TESTS: &[Test] = &[
    ("nets_have_the_same_bits", false, || bits::nets(&[1, 2, 4])),
    ("nets_have_the_same_bits_on_8", true, || bits::nets(&[8])),
    ("runs_go_on_with_other_ranks", false, || {
        bits::stops(&[2, 4, 1])
    }),
    ("runs_go_on_with_8_and_1", true, || bits::stops(&[2, 8, 1])),
    ("a_rank_fails", false, failures::planted),
    ("a_rank_never_starts", false, failures::absent),
    ("models_differ", false, failures::models_differ),
    ("a_rank_is_killed", false, || failures::killed("KILL", 2)),
    ("a_rank_is_killed_at_20_moments", true, || {
        failures::killed("KILL", 20)
    }),
    ("a_rank_is_stopped", false, || failures::killed("STOP", 1)),
    ("a_rank_is_stopped_at_5_moments", true, || {
        failures::killed("STOP", 5)
    }),
    ("ranks_with_long_messages_are_stopped", false, || {
        failures::stopped(2)
    }),
    (
        "ranks_with_long_messages_are_stopped_at_10_moments",
        true,
        || failures::stopped(10),
    ),
    ("the_disk_is_full", false, failures::full_disk),
];

fn main() -> Result<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    if let Some(("--worker", rest)) = arguments.split_first().map(|(one, rest)| (&**one, rest)) {
        return worker::run(rest).or_else(|error| {
            // In one piece, so that those of other ranks do not come between.
            io::stderr().write_all(format!("Error: {error}\n").as_bytes())?;
            process::exit(1)
        });
    }
    let has = |flag: &str| arguments.iter().any(|argument| argument == flag);
    let (only_long, all) = (has("--ignored"), has("--include-ignored"));
    let words: Vec<_> = arguments
        .iter()
        .filter(|word| !word.starts_with('-'))
        .collect();
    let mut failed = Vec::new();
    for (name, is_long, test) in TESTS {
        let is_selected = words.is_empty() || words.iter().any(|&word| name.contains(word));
        if !is_selected || (*is_long != only_long && !all) {
            continue;
        }
        let started = Instant::now();
        let result = test();
        let seconds = started.elapsed().as_secs_f64();
        match result {
            Ok(()) => println!("{name}: ok, {seconds:.1} s"),
            Err(error) => {
                println!("{name}: FAILED, {seconds:.1} s\n{error:?}");
                failed.push(*name);
            }
        }
    }
    if !failed.is_empty() {
        bail!("failed: {}", failed.join(", "));
    }
    Ok(())
}
