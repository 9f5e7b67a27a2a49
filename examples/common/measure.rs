//! The accuracy of a net.

use anyhow::Result;
use cotangent::data::{Batches, Labeled};
use cotangent::prelude::*;

/// Returns the share of `data` that the net classifies correctly.
pub fn accuracy(net: &impl Layer, data: &Labeled) -> Result<f64> {
    let mut accuracy = metrics::Accuracy::new();
    for batch in Batches::new(data, 500)?.epoch(0) {
        let (images, labels) = batch?;
        accuracy.update(&net.predict(&images)?, &labels)?;
    }
    Ok(accuracy.value().unwrap_or(0.0))
}
