//! The share of labels that logits predict.

use crate::autograd::Tensor;
use crate::error::{Error, Result};
use crate::ops::loss::labels::{Labels, rows_of_classes};
use crate::tensor::{Indices, with_dtype};

/// # Losses
impl Tensor {
    /// Returns the share of rows whose largest element is at the label, in `[0, 1]`. `self` holds
    /// logits or probabilities `(…, classes)`, the labels are `(…)`. The classes are the last axis.
    ///
    /// Of several largest elements the first counts, as in [`argmax`](Self::argmax). A row with a
    /// NaN is wrong. The result is not differentiable, and nothing is recorded.
    ///
    /// # Errors
    /// [`Error::Shape`] if the labels have another shape or there are none, [`Error::Index`] if a
    /// label is not below the number of classes.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let logits = Tensor::from([[0.1f32, 2.0], [1.0, -1.0], [0.0, 0.5], [f32::NAN, 0.0]]);
    /// let labels = Indices::from([1, 0, 0, 0]);
    /// assert_eq!(logits.accuracy(&labels)?, 0.5);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn accuracy(&self, labels: &Indices) -> Result<f64> {
        let op = "accuracy";
        let (rows, shape) = rows_of_classes(op, &self.detach())?;
        let classes = rows.shape()[1];
        let labels = Labels::new(op, labels, &shape, classes, None, None, 0.0)?;
        let labels = labels.as_slice();
        if labels.is_empty() {
            let reason = "the batch is empty: there are no labels to take the share of";
            return Err(Error::shape(op, reason, &[self.shape()]));
        }
        let largest = rows.argmax(1)?;
        let right = with_dtype!(rows.dtype(), F => {
            let xs = &*rows.array().contiguous::<F>();
            let pairs = largest.as_slice().iter().zip(labels);
            // The place of the largest element of a row with a NaN is that of the NaN.
            let right = |(row, (found, label)): (&[F], (&usize, &usize))| {
                found == label && !row[*label].is_nan()
            };
            xs.chunks_exact(classes).zip(pairs).filter(|&row| right(row)).count()
        });
        Ok(right as f64 / labels.len() as f64)
    }
}
