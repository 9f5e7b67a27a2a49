//! Training runs: `fit` gives the bits of a plain loop, a killed run resumes to the same bits, and
//! each option does what it says.

#[cfg(unix)]
#[path = "train/killed.rs"]
mod killed;
#[path = "train/metrics.rs"]
mod metrics;
#[path = "train/options.rs"]
mod options;
#[path = "train/plain.rs"]
mod plain;
#[path = "train/tasks.rs"]
mod tasks;
