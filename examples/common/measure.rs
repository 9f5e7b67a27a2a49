//! How well a net does, and how far the run has come.

use anyhow::Result;
use cotangent::data::{Batches, Dataset};
use cotangent::prelude::*;
use indicatif::{ProgressBar, ProgressStyle};

/// The share of `data` that the net classifies right.
pub fn accuracy(net: &impl Layer, data: &Dataset) -> Result<f64> {
    let mut correct = 0.0;
    for batch in Batches::sequential(data, 500)?.epoch(0) {
        let (images, labels) = batch?;
        correct += net.predict(&images)?.accuracy(&labels)? * labels.len() as f64;
    }
    Ok(correct / data.len() as f64)
}

/// A bar on the terminal; nothing where there is none (what matters is printed anyway).
pub fn progress_bar(steps: u64) -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len} steps, {eta} left")
        .unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(steps).with_style(style)
}
