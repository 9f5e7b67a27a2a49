//! Logs: what a run writes and shows.

mod csv;
mod file;
mod json;
#[cfg(feature = "tensorboard")]
mod tensorboard;

pub use self::csv::CsvLog;
pub use json::JsonLines;
#[cfg(feature = "tensorboard")]
pub use tensorboard::TensorBoard;

use std::path::Path;

/// Creates the folder of a file.
fn create_folder(path: &Path) -> std::io::Result<()> {
    path.parent().map_or(Ok(()), std::fs::create_dir_all)
}
