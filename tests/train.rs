//! Training runs: `fit` gives the bits of a plain loop, a killed run resumes to the same bits, the
//! best weights are restored however a run ends, and each option does what it says.

#[path = "train/endings.rs"]
mod endings;
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
