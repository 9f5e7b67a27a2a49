//! The training loop of `cotangent`, with metrics, checkpoints, early stopping and logs.
//!
//! Programs depend on the crate `cotangent`, whose module `train` re-exports this crate.
#![forbid(unsafe_code)]

mod best;
mod checkpoints;
mod fit;
mod history;
mod interrupt;
mod log;
mod logs;
mod meters;
mod metric;
pub mod metrics;
mod pairs;
mod run;
#[cfg(feature = "settings")]
pub mod settings;
mod step;
mod supervised;
mod task;

pub use best::Best;
pub use checkpoints::Checkpoints;
pub use fit::Fit;
pub use history::{History, Row};
pub use log::{End, EpochRecord, Log, RunEnd, RunStart, StepRecord};
pub use logs::*;
pub use meters::Meters;
pub use metric::{Metric, Table};
pub use run::Run;
#[cfg(feature = "parallel")]
pub use run::ShardedStep;
pub use step::Step;
pub use supervised::Supervised;
pub use task::Task;
