//! Standardization of features, measured on the training set and applied to any set.

use cotangent_core::{DType, Tensor};

use crate::error::{Error, Result};
use crate::labeled::Labeled;

/// Shifts and scales every feature: `(x - mean) / std`, with the mean and the standard deviation of
/// the data set that it was [fitted](Self::fit) to.
///
/// Fit it to the training set and apply it to the test set too, so that no information about the
/// test set reaches the model. The standard deviation is that of the population (divided by `n`). A
/// feature is constant if its standard deviation is at most `2⁻⁵³ |mean|`, the rounding of one
/// value. It is only shifted, as if the standard deviation were 1.
///
/// ```
/// use cotangent::data::{Standardizer, digits};
///
/// let (train, test) = digits()?.split_stratified(0.2, 42)?;
/// let standardizer = Standardizer::fit(&train)?;
/// let (train, test) = (standardizer.apply(&train)?, standardizer.apply(&test)?);
/// assert_eq!((train.features(), test.features()), (64, 64));
/// # Ok::<(), cotangent::Error>(())
/// ```
#[doc(alias = "StandardScaler")]
#[derive(Clone, Debug, PartialEq)]
pub struct Standardizer {
    mean: Vec<f64>,
    /// The parts of the means that rounding removed.
    rest: Vec<f64>,
    std: Vec<f64>,
}

impl Standardizer {
    /// Measures every feature of `dataset`, in `f64`.
    ///
    /// # Errors
    /// [`Error::EmptyDataset`].
    pub fn fit(dataset: &Labeled) -> Result<Self> {
        if dataset.is_empty() {
            return Err(Error::EmptyDataset {
                operation: "Standardizer::fit",
            });
        }
        let inputs = dataset.inputs().detach().to_dtype(DType::F64);
        let values = inputs.reshape([dataset.len(), dataset.features()])?;
        let rough = values.mean_over(0)?;
        let rest = values.sub(&rough)?.mean_over(0)?;
        let mean = rough.add(&rest)?;
        let rest = rough.sub(&mean)?.add(&rest)?.to_f64_vec();
        let mean = mean.to_f64_vec();
        let mut std = values.std_over(0, 0.0)?.to_f64_vec();
        for (std, mean) in std.iter_mut().zip(&mean) {
            if *std <= f64::EPSILON / 2.0 * mean.abs() {
                *std = 0.0;
            }
        }
        Ok(Self { mean, rest, std })
    }

    /// Returns the mean of each feature.
    pub fn mean(&self) -> &[f64] {
        &self.mean
    }

    /// Returns the standard deviation of each feature, 0 if it is constant.
    pub fn std(&self) -> &[f64] {
        &self.std
    }

    /// Returns `dataset` with its inputs standardized, in the same shape and dtype.
    ///
    /// # Errors
    /// [`Error::FeatureCount`] if its samples have another size than those fitted to.
    pub fn apply(&self, dataset: &Labeled) -> Result<Labeled> {
        let (fitted, found) = (self.mean.len(), dataset.features());
        if fitted != found {
            return Err(Error::FeatureCount { fitted, found });
        }
        let inputs = dataset.inputs();
        let mut values = inputs.to_f64_vec();
        for row in values.chunks_exact_mut(fitted.max(1)) {
            for (i, value) in row.iter_mut().enumerate() {
                let divisor = Some(self.std[i]).filter(|&std| std != 0.0);
                *value = ((*value - self.mean[i]) - self.rest[i]) / divisor.unwrap_or(1.0);
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
