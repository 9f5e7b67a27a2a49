//! The accuracy of a net, and the progress bar.

#[path = "progress.rs"]
mod progress;

use anyhow::Result;
use cotangent::data::{Batches, Labeled};
use cotangent::prelude::*;
pub use progress::progress_bar;

/// Returns the share of `data` that the net classifies correctly.
pub fn accuracy(net: &impl Layer, data: &Labeled) -> Result<f64> {
    let mut correct = 0.0;
    for batch in Batches::new(data, 500)?.epoch(0) {
        let (images, labels) = batch?;
        correct += net.predict(&images)?.accuracy(&labels)? * labels.len() as f64;
    }
    Ok(correct / data.len() as f64)
}
