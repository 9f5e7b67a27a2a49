//! Training steps when the processor is shared: several processes at once, more threads than cores,
//! one core allowed, a busy neighbour. Each is compared with the fair share of an undisturbed run.
//!
//! ```sh
//! cargo bench --bench neighbours
//! ```
//!
//! The ratio is the time of a step over that of an undisturbed one with the same share of the
//! cores. Processor time is that of a step over the undisturbed one's: threads that wait must not
//! use it. Linux only; it needs `taskset` (util-linux).

#[allow(dead_code)] // A part of it is used.
#[path = "../train_step/nets.rs"]
mod nets;

use anyhow::{Context, Result, bail};
use clap::Parser;
use nets::Workload;
use serde::{Deserialize, Serialize};
use std::fs;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// Training steps when the processor is shared.
#[derive(Parser, Debug)]
struct Arguments {
    /// Seconds of each run.
    #[arg(long, default_value_t = 2.0)]
    seconds: f64,
    /// Rounds over all cases.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Be one of the processes, with this workload.
    #[arg(long, hide = true)]
    child: Option<String>,
    /// Run in a pool of `rayon` with as many threads.
    #[arg(long, hide = true)]
    threads: Option<usize>,
    /// Given by `cargo bench`.
    #[arg(long, hide = true)]
    bench: bool,
}

/// The report of a process.
#[derive(Serialize, Deserialize, Clone, Copy, Debug)]
struct Report {
    /// Steps in a second.
    rate: f64,
    /// Processor seconds of a step.
    processor: f64,
    /// Processor seconds in a second without work after the steps.
    idle: f64,
}

/// How a case shares the processor.
struct Case {
    name: &'static str,
    processes: usize,
    /// Threads of a pool of `rayon`.
    threads: Option<usize>,
    /// Whether one core is allowed.
    one_core: bool,
    /// Whether another process always computes.
    busy: bool,
    /// The share of the reference's steps that is fair for all processes together.
    fair: f64,
    /// The place of the undisturbed run that this case is compared with.
    reference: usize,
}

const WORKLOADS: [&str; 2] = ["book_bn_elu_adam_b128", "wide1024x4_relu_adam_b256"];

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    if let Some(workload) = &arguments.child {
        let run = || steps(workload, arguments.seconds);
        let report = match arguments.threads {
            Some(threads) => {
                let pool = rayon::ThreadPoolBuilder::new().num_threads(threads);
                pool.build()?.install(run)?
            }
            None => run()?,
        };
        println!("{}", serde_json::to_string(&report)?);
        return Ok(());
    }
    let cores = thread::available_parallelism()?.get();
    let of = |name, reference| Case {
        name,
        processes: 1,
        threads: None,
        one_core: false,
        busy: false,
        fair: 1.0,
        reference,
    };
    let cases = [
        of("undisturbed", 0),
        Case {
            threads: Some(1),
            ..of("undisturbed, one thread", 1)
        },
        Case {
            one_core: true,
            ..of("one core allowed", 1)
        },
        Case {
            processes: 2,
            ..of("two processes", 0)
        },
        Case {
            processes: 4,
            ..of("four processes", 0)
        },
        Case {
            threads: Some(2 * cores),
            ..of("twice as many threads as cores", 0)
        },
        Case {
            busy: true,
            // The other process takes half of one core.
            fair: 1.0 - 0.5 / cores as f64,
            ..of("a busy neighbour", 0)
        },
    ];
    println!("{cores} cores; medians of {} rounds", arguments.rounds);
    for workload in WORKLOADS {
        let mut found = vec![Vec::new(); cases.len()];
        for _ in 0..arguments.rounds {
            for (case, found) in cases.iter().zip(&mut found) {
                found.push(case.run(workload, arguments.seconds)?);
            }
        }
        let median = |case: usize, value: fn(&Report) -> f64| {
            let mut values: Vec<f64> = found[case].iter().map(value).collect();
            values.sort_unstable_by(f64::total_cmp);
            values[values.len() / 2]
        };
        println!(
            "\n{workload:34}{:>10}{:>10}{:>11}{:>10}",
            "steps/s", "ratio", "processor", "idle"
        );
        for (i, case) in cases.iter().enumerate() {
            let rate = median(i, |report| report.rate);
            let ratio = median(case.reference, |report| report.rate) * case.fair / rate;
            let processor = median(i, |report| report.processor)
                / median(case.reference, |report| report.processor);
            let idle = 100.0 * median(i, |report| report.idle);
            println!(
                "{:34}{rate:>10.1}{ratio:>10.2}{processor:>11.2}{idle:>9.1}%",
                case.name
            );
        }
    }
    Ok(())
}

impl Case {
    /// Runs the processes side by side, and returns their common rate and mean processor time.
    fn run(&self, workload: &str, seconds: f64) -> Result<Report> {
        let mut neighbour = if self.busy {
            let mut command = Command::new("sh");
            Some(command.args(["-c", "while :; do :; done"]).spawn()?)
        } else {
            None
        };
        let children = (0..self.processes).map(|_| self.spawn(workload, seconds));
        let children: Result<Vec<Child>> = children.collect();
        let reports = children.and_then(|children| children.into_iter().map(report).collect());
        if let Some(neighbour) = &mut neighbour {
            neighbour.kill()?;
            neighbour.wait()?;
        }
        let reports: Vec<Report> = reports?;
        let mean = |value: fn(&Report) -> f64| {
            reports.iter().map(value).sum::<f64>() / reports.len() as f64
        };
        Ok(Report {
            rate: reports.len() as f64 * mean(|report| report.rate),
            processor: mean(|report| report.processor),
            idle: mean(|report| report.idle),
        })
    }

    fn spawn(&self, workload: &str, seconds: f64) -> Result<Child> {
        let program = std::env::current_exe()?;
        let mut command = if self.one_core {
            let mut command = Command::new("taskset");
            command.args(["-c", "0"]).arg(program);
            command
        } else {
            Command::new(program)
        };
        command.args(["--child", workload, "--seconds", &seconds.to_string()]);
        if let Some(threads) = self.threads {
            command.args(["--threads", &threads.to_string()]);
        }
        let child = command.stdout(Stdio::piped()).spawn();
        child.with_context(|| format!("cannot start {command:?}"))
    }
}

fn report(child: Child) -> Result<Report> {
    let output = child.wait_with_output()?;
    if !output.status.success() {
        bail!("a process ended with {}", output.status);
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// Runs steps for some seconds, after as many for the caches and the clock as take a quarter of it.
fn steps(name: &str, seconds: f64) -> Result<Report> {
    let workload = Workload::all().into_iter().find(|w| w.name == name);
    let mut training = workload.context("no such workload")?.training()?;
    let mut run = |seconds: f64| -> Result<[f64; 3]> {
        let (start, used) = (Instant::now(), processor_seconds()?);
        let mut count = 0.0;
        while start.elapsed().as_secs_f64() < seconds {
            training.step()?;
            count += 1.0;
        }
        let wall = start.elapsed().as_secs_f64();
        Ok([count, wall, processor_seconds()? - used])
    };
    run(seconds / 4.0)?;
    let [count, wall, used] = run(seconds)?;
    // Threads may spin for a moment after the last step.
    thread::sleep(Duration::from_millis(100));
    let before = processor_seconds()?;
    thread::sleep(Duration::from_secs(1));
    Ok(Report {
        rate: count / wall,
        processor: used / count,
        idle: processor_seconds()? - before,
    })
}

/// Returns the processor time that this process has used.
fn processor_seconds() -> Result<f64> {
    let stat = fs::read_to_string("/proc/self/stat")?;
    // The second field is a name in parentheses, which may contain any characters.
    let fields = stat.rsplit(')').next().unwrap_or_default();
    let field = |number: usize| -> Result<f64> {
        let field = fields.split_whitespace().nth(number - 3);
        Ok(field.context("/proc/self/stat is short")?.parse()?)
    };
    // In hundredths of a second.
    Ok((field(14)? + field(15)?) / 100.0)
}
