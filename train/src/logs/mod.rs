//! Logs: what a run writes and shows.

#[cfg(feature = "progress")]
mod bar;
mod csv;
#[cfg(any(feature = "dashboard", feature = "figures"))]
mod curve;
#[cfg(feature = "dashboard")]
mod dashboard;
mod file;
#[cfg(feature = "figures")]
mod html;
mod json;
mod pace;
mod progress;
#[cfg(test)]
mod rehearsal;
mod table;
#[cfg(feature = "tensorboard")]
mod tensorboard;

pub use self::csv::CsvLog;
#[cfg(feature = "dashboard")]
pub use dashboard::Dashboard;
#[cfg(feature = "figures")]
pub use html::HtmlReport;
pub use json::JsonLines;
pub use progress::Progress;
#[cfg(feature = "tensorboard")]
pub use tensorboard::TensorBoard;

use crate::{End, RunEnd};
use pace::duration;
use std::path::Path;
use std::time::Duration;
use table::short;

/// Returns how a run ended: a word, or the error.
fn ending(run: &RunEnd<'_>) -> String {
    match run.end {
        Ok(End::Completed) => "completed".to_owned(),
        Ok(End::StoppedEarly) => "stopped early".to_owned(),
        Ok(End::Interrupted) => "interrupted".to_owned(),
        Err(error) => format!("failed: {error}"),
    }
}

/// Returns how a run ended, after which time, and its best epoch.
fn outcome(run: &RunEnd<'_>, time: Duration) -> String {
    let (epochs, steps, time) = (run.epoch, run.step, duration(time));
    let outcome = format!(
        "{} after {epochs} epochs, {steps} steps, {time}",
        ending(run)
    );
    match run.best {
        Some((epoch, value)) => format!("{outcome}; best epoch {epoch} ({})", short(value)),
        None => outcome,
    }
}

/// Creates the folder of a file.
fn create_folder(path: &Path) -> std::io::Result<()> {
    path.parent().map_or(Ok(()), std::fs::create_dir_all)
}
