//! The metrics: running measures of a model's outputs, exact over batches of unequal sizes.
//!
//! | metric | outputs | targets |
//! |---|---|---|
//! | [`Accuracy`], [`TopK`] | logits or probabilities `(…, classes)` | labels `(…)` |
//! | [`ConfusionMatrix`], [`Precision`], [`Recall`], [`F1`] | the same | labels |
//! | [`RocAuc`] | scores `(samples)`, or `(samples, classes)` | labels |
//! | [`Perplexity`] | logits `(…, classes)` | labels |
//! | [`MeanSquaredError`], [`RootMeanSquaredError`] | any shape | a tensor of the same shape |
//! | [`MeanAbsoluteError`] | the same | the same |
//! | [`RSquared`] | `(samples)` or `(samples, …)` | a tensor of the same shape |
//!
//! A loop calls them by [`Step::score`](crate::Step::score). They work without a loop too:
//!
//! ```
//! use cotangent::prelude::*;
//! use cotangent::train::Metric;
//! use cotangent::train::metrics::Accuracy;
//!
//! let mut accuracy = Accuracy::new();
//! accuracy.update(&Tensor::from([[0.1f32, 0.9], [0.8, 0.2]]), &Indices::from([1, 1]))?;
//! accuracy.update(&Tensor::from([[0.7f32, 0.3]]), &Indices::from([0]))?;
//! assert_eq!(accuracy.value(), Some(2.0 / 3.0));
//! # Ok::<(), Error>(())
//! ```

mod accuracy;
mod classes;
mod errors;
mod perplexity;
mod r_squared;
mod roc_auc;

pub use accuracy::{Accuracy, TopK};
pub use classes::{ClassMean, ConfusionMatrix, F1, Precision, Recall};
pub use errors::{MeanAbsoluteError, MeanSquaredError, RootMeanSquaredError};
pub use perplexity::Perplexity;
pub use r_squared::RSquared;
pub use roc_auc::RocAuc;

use cotangent_core::{Error, Indices, Result, Tensor};

/// Returns the number of classes of the outputs, which is the length of the last axis, and checks
/// the labels.
fn check_classes(op: &'static str, outputs: &Tensor, labels: &Indices) -> Result<usize> {
    let Some((&classes, rows)) = outputs.shape().split_last() else {
        let reason = "expected outputs (…, classes), found a scalar";
        return Err(Error::shape(op, reason, &[outputs.shape()]));
    };
    if labels.shape() != rows {
        let reason = "expected one label for each row of the outputs (…, classes)";
        return Err(Error::shape(op, reason, &[outputs.shape(), labels.shape()]));
    }
    match labels.as_slice().iter().find(|&&label| label >= classes) {
        Some(&label) => Err(Error::index(op, "label", label as i64, classes, "classes")),
        None => Ok(classes),
    }
}

/// Returns an error unless outputs and targets have the same shape.
fn check_equal(op: &'static str, outputs: &Tensor, targets: &Tensor) -> Result<()> {
    if outputs.shape() == targets.shape() {
        return Ok(());
    }
    let reason = "outputs and targets must have the same shape";
    Err(Error::shape(
        op,
        reason,
        &[outputs.shape(), targets.shape()],
    ))
}

/// Returns a ratio; none if the denominator is 0.
fn ratio(part: f64, whole: f64) -> Option<f64> {
    (whole > 0.0).then(|| part / whole)
}
