//! Weights of classes from their counts.

use cotangent_core::Tensor;

use crate::error::{Error, Result};

/// Returns a weight for each class, with which all classes count the same in the mean of a loss:
/// `samples / (classes · count)`, as scikit-learn's `class_weight="balanced"`.
///
/// # Errors
/// [`Error::ClassTooSmall`] if a class has no samples.
///
/// ```
/// use cotangent::data::class_weights;
/// use cotangent::prelude::*;
///
/// let weights = class_weights(&[90, 10])?;
/// assert_eq!(weights.to_vec::<f32>()?, [100.0 / 180.0, 5.0]);
/// let loss = CrossEntropyLoss::new().class_weights(&weights);
///
/// let digits = class_weights(&digits()?.class_counts())?;
/// assert_eq!(digits.shape(), [10]);
/// # Ok::<(), Error>(())
/// ```
#[doc(alias = "compute_class_weight")]
pub fn class_weights(counts: &[usize]) -> Result<Tensor> {
    if let Some(class) = counts.iter().position(|&count| count == 0) {
        return Err(Error::ClassTooSmall {
            operation: "class_weights",
            class,
            found: 0,
            needed: 1,
        });
    }
    let samples: f64 = counts.iter().map(|&count| count as f64).sum();
    let classes = counts.len() as f64;
    let weight = |&count: &usize| (samples / (classes * count as f64)) as f32;
    let weights = counts.iter().map(weight).collect();
    Ok(Tensor::from_vec::<f32>(weights, [counts.len()])?)
}
