//! The signal report: which layer's activations or gradients vanish, explode, die or saturate.

mod findings;
mod record;
mod report;
mod statistics;
mod table;
mod watch;

pub use findings::{Finding, Thresholds, Verdict};
pub use report::{Drift, LayerSignal, ParameterSignal, Report};
pub use statistics::{Distribution, Histogram};
pub use watch::{Signal, inspect};
