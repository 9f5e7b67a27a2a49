//! The progress bar.

use indicatif::{ProgressBar, ProgressStyle};

/// Creates a progress bar. Without a terminal it shows nothing.
pub fn progress_bar(steps: u64) -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len} steps, {eta} left")
        .unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(steps).with_style(style)
}
