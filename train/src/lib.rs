//! The training loop of `cotangent`, with metrics, checkpoints, early stopping and logs.
//!
//! Programs depend on the crate `cotangent`, whose module `train` re-exports this crate.
#![forbid(unsafe_code)]

mod history;
mod log;
mod logs;
mod meters;
mod metric;
pub mod metrics;

pub use history::{History, Row};
pub use log::{End, EpochRecord, Log, RunEnd, RunStart, StepRecord};
pub use logs::*;
pub use meters::Meters;
pub use metric::{Metric, Table};
