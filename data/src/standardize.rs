//! Features of mean 0 and standard deviation 1, measured on the training set and applied to any.

use cotangent_core::{DType, Tensor};

use crate::dataset::Dataset;
use crate::error::{Error, Result};

/// Shifts and scales every feature by what it was [fitted](Self::fit) to: `(x - mean) / std`.
///
/// The mean and the standard deviation come from the training set and are applied to the test set
/// as they are, so that nothing of the test set reaches the model. The standard deviation is that
/// of the population (divided by `n`); where it is 0, the feature is shifted only.
///
/// ```
/// use cotangent_data::{Standardizer, digits};
///
/// # fn main() -> cotangent_data::Result<()> {
/// let (train, test) = digits()?.split_stratified(0.2, 42)?;
/// let standardizer = Standardizer::fit(&train)?;
/// let (train, test) = (standardizer.apply(&train)?, standardizer.apply(&test)?);
/// assert_eq!((train.features(), test.features()), (64, 64));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Standardizer {
    mean: Vec<f64>,
    std: Vec<f64>,
}

impl Standardizer {
    /// Measures every feature of `dataset`, in f64.
    ///
    /// # Errors
    /// [`Error::EmptyDataset`].
    pub fn fit(dataset: &Dataset) -> Result<Self> {
        if dataset.is_empty() {
            return Err(Error::EmptyDataset {
                operation: "Standardizer::fit",
            });
        }
        let (samples, features) = (dataset.len() as f64, dataset.features());
        let values = dataset.inputs().to_f64_vec();

        let mut mean = vec![0.0; features];
        for row in rows(&values, features) {
            for (mean, value) in mean.iter_mut().zip(row) {
                *mean += value;
            }
        }
        for mean in &mut mean {
            *mean /= samples;
        }

        // A second pass over the deviations: sums of squares would cancel where the mean is large.
        let mut std = vec![0.0; features];
        for row in rows(&values, features) {
            for ((std, value), mean) in std.iter_mut().zip(row).zip(&mean) {
                *std += (value - mean) * (value - mean);
            }
        }
        for std in &mut std {
            *std = (*std / samples).sqrt();
        }
        Ok(Self { mean, std })
    }

    /// The mean of each feature.
    pub fn mean(&self) -> &[f64] {
        &self.mean
    }

    /// The standard deviation of each feature.
    pub fn std(&self) -> &[f64] {
        &self.std
    }

    /// `dataset` with its inputs standardized, in the same shape and dtype.
    ///
    /// # Errors
    /// [`Error::FeatureCount`] if its samples have another size than those fitted to.
    pub fn apply(&self, dataset: &Dataset) -> Result<Dataset> {
        let (fitted, found) = (self.mean.len(), dataset.features());
        if fitted != found {
            return Err(Error::FeatureCount { fitted, found });
        }
        let inputs = dataset.inputs();
        let mut values = inputs.to_f64_vec();
        for row in values.chunks_exact_mut(fitted.max(1)) {
            for ((value, mean), std) in row.iter_mut().zip(&self.mean).zip(&self.std) {
                *value = (*value - mean) / if *std == 0.0 { 1.0 } else { *std };
            }
        }
        let scaled = match inputs.dtype() {
            DType::F32 => {
                let values = values.into_iter().map(|value| value as f32).collect();
                Tensor::from_vec::<f32>(values, inputs.shape())?
            }
            _ => Tensor::from_vec(values, inputs.shape())?,
        };
        dataset.with_inputs(scaled)
    }
}

fn rows(values: &[f64], features: usize) -> impl Iterator<Item = &[f64]> {
    // Samples without features have no values, and chunks cannot be empty.
    values.chunks_exact(features.max(1))
}
