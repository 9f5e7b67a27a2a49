//! The common parts of the benches: timing in turns, medians, and the limits of this machine.

#![allow(dead_code)] // Each bench is a program and uses a part.

pub mod machine;
pub mod process;

use std::hint::black_box;
use std::time::{Duration, Instant};

/// The times of repeated runs, in microseconds.
#[derive(Clone, Debug, Default)]
pub struct Times(Vec<f64>);

impl Times {
    /// Returns the median.
    pub fn median(&self) -> f64 {
        self.quantile(0.5)
    }

    /// Returns the value below which this share of the runs is.
    pub fn quantile(&self, share: f64) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_unstable_by(f64::total_cmp);
        let last = sorted.len().saturating_sub(1);
        sorted
            .get((last as f64 * share).round() as usize)
            .copied()
            .unwrap_or(f64::NAN)
    }

    /// Adds the runs of `other`.
    pub fn extend(&mut self, other: &Self) {
        self.0.extend(&other.0);
    }

    /// Returns the number of runs.
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// Runs `body` for about `budget`, at least three times; the first run only warms up.
    pub fn measure<T>(
        &mut self,
        budget: Duration,
        body: &mut dyn FnMut() -> anyhow::Result<T>,
    ) -> anyhow::Result<()> {
        black_box(body()?);
        let begun = Instant::now();
        for run in 0.. {
            let started = Instant::now();
            black_box(body()?);
            self.0.push(started.elapsed().as_secs_f64() * 1e6);
            if run >= 1 && begun.elapsed() > budget {
                break;
            }
        }
        Ok(())
    }
}

/// Measures two bodies in turns, `rounds` times, so that the machine's other load affects both
/// equally.
pub fn in_turns<A, B>(
    rounds: usize,
    budget: Duration,
    mut first: impl FnMut() -> anyhow::Result<A>,
    mut second: impl FnMut() -> anyhow::Result<B>,
) -> anyhow::Result<[Times; 2]> {
    let mut times = [Times::default(), Times::default()];
    for _ in 0..rounds {
        times[0].measure(budget, &mut first)?;
        times[1].measure(budget, &mut second)?;
    }
    Ok(times)
}

/// Measures one body, in as many pieces of the budget as there are rounds.
pub fn alone<T>(
    rounds: usize,
    budget: Duration,
    mut body: impl FnMut() -> anyhow::Result<T>,
) -> anyhow::Result<Times> {
    let mut times = Times::default();
    for _ in 0..rounds {
        times.measure(budget, &mut body)?;
    }
    Ok(times)
}

/// Sets the number of threads of the library, of the floor and of matrix products. Call it before
/// anything else.
pub fn set_threads(threads: usize) {
    for variable in ["RAYON_NUM_THREADS", "MATMUL_NUM_THREADS"] {
        // SAFETY: the callers are the first lines of `main`, when there is no other thread yet.
        unsafe { std::env::set_var(variable, threads.to_string()) };
    }
}
