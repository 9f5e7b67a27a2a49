//! Features of mean 0 and standard deviation 1, measured on the training set and applied to any.

use cotangent_core::{DType, Tensor};

use crate::dataset::Dataset;
use crate::error::{Error, Result};

/// Shifts and scales every feature by what it was [fitted](Self::fit) to: `(x - mean) / std`.
///
/// The mean and the standard deviation come from the training set and are applied to the test set
/// as they are, so that nothing of the test set reaches the model. The standard deviation is that
/// of the population (divided by `n`). A feature that is constant in the training set is shifted
/// only, as if its standard deviation were 1: such are those whose standard deviation is not above
/// the rounding of one value, `2⁻⁵³ |mean|`.
///
/// ```
/// use cotangent::data::{Standardizer, digits};
///
/// # fn main() -> cotangent::data::Result<()> {
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
    /// What the rounded means lack.
    rest: Vec<f64>,
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

    /// The mean of each feature.
    pub fn mean(&self) -> &[f64] {
        &self.mean
    }

    /// The standard deviation of each feature; 0 if it is constant.
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
