//! Accuracy, and a progress bar.

use anyhow::Result;
use cotangent::data::{Batches, Dataset};
use cotangent::prelude::*;
use indicatif::{ProgressBar, ProgressStyle};

/// Returns the share of `data` that the net classifies correctly.
pub fn accuracy(net: &impl Layer, data: &Dataset) -> Result<f64> {
    let mut correct = 0.0;
    for batch in Batches::sequential(data, 500)?.epoch(0) {
        let (images, labels) = batch?;
        correct += net.predict(&images)?.accuracy(&labels)? * labels.len() as f64;
    }
    Ok(correct / data.len() as f64)
}

/// Creates a progress bar. Without a terminal it shows nothing.
pub fn progress_bar(steps: u64) -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len} steps, {eta} left")
        .unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(steps).with_style(style)
}
