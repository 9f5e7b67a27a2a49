//! Standardization of features, measured on the training set and applied to any values.

use cotangent_core::{DType, Tensor};

use crate::error::{Error, Result};

/// Shifts and scales every feature: `(x - mean) / std`, with the mean and the standard deviation of
/// the values that it was [fitted](Self::fit) to.
///
/// Fit it to the training set and apply it to the test set too, so that no information about the
/// test set reaches the model. The standard deviation is that of the population (divided by `n`). A
/// feature is constant if its standard deviation is at most `2⁻⁵³ |mean|`, the rounding of one
/// value. It is only shifted, as if the standard deviation were 1.
///
/// NaN is a missing value: [`fit`](Self::fit) ignores it, and [`apply`](Self::apply) replaces it by
/// 0, which is the mean.
///
/// ```
/// use cotangent::data::{Standardizer, digits};
///
/// let (train, test) = digits()?.split_stratified(0.2, 42)?;
/// let standardizer = Standardizer::fit(train.inputs())?;
/// let train = train.with_inputs(standardizer.apply(train.inputs())?)?;
/// let test = test.with_inputs(standardizer.apply(test.inputs())?)?;
/// assert_eq!((train.features(), test.features()), (64, 64));
/// # Ok::<(), cotangent::Error>(())
/// ```
#[doc(alias = "StandardScaler")]
#[doc(alias = "SimpleImputer")]
#[derive(Clone, Debug, PartialEq)]
pub struct Standardizer {
    mean: Vec<f64>,
    /// The parts of the means that rounding removed.
    rest: Vec<f64>,
    std: Vec<f64>,
}

impl Standardizer {
    /// Measures every feature of `values`, of the shape `(samples, …)`, in `f64`.
    ///
    /// # Errors
    /// [`Error::ScalarInputs`] without an axis of samples, [`Error::EmptyDataset`] without samples,
    /// [`Error::NoValues`] if all values of a feature are NaN.
    pub fn fit(values: &Tensor) -> Result<Self> {
        let &[samples, ref sample @ ..] = values.shape() else {
            return Err(Error::ScalarInputs);
        };
        if samples == 0 {
            return Err(Error::EmptyDataset {
                operation: "Standardizer::fit",
            });
        }
        let features: usize = sample.iter().product();
        let values = values.detach().to_dtype(DType::F64);
        let values = values.reshape([samples, features])?;
        if !values.sum().to_f64_vec()[0].is_nan() {
            return Self::measure(&values);
        }
        let mut all = Self::empty();
        for feature in 0..features {
            let mut column = values.select(1, feature as isize)?.to_f64_vec();
            column.retain(|value| !value.is_nan());
            if column.is_empty() {
                return Err(Error::NoValues { feature });
            }
            let rows = column.len();
            let one = Self::measure(&Tensor::from_vec(column, [rows, 1])?)?;
            all.mean.extend(one.mean);
            all.rest.extend(one.rest);
            all.std.extend(one.std);
        }
        Ok(all)
    }

    fn empty() -> Self {
        Self {
            mean: Vec::new(),
            rest: Vec::new(),
            std: Vec::new(),
        }
    }

    /// Measures the columns of `values`, which has rows.
    fn measure(values: &Tensor) -> Result<Self> {
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

    /// Returns standardized values, in the same shape and dtype: of many samples, `(samples, …)`,
    /// or of one.
    ///
    /// # Errors
    /// [`Error::FeatureCount`] if a sample has another size than those fitted to.
    pub fn apply(&self, values: &Tensor) -> Result<Tensor> {
        self.map(values, |value, mean, rest, std| {
            let scaled = ((value - mean) - rest) / std;
            if value.is_nan() { 0.0 } else { scaled }
        })
    }

    /// Returns the values that [`apply`](Self::apply) maps to `values`, such as predictions in the
    /// unit of the targets.
    ///
    /// # Errors
    /// Those of [`apply`](Self::apply).
    ///
    /// ```
    /// use cotangent::data::{Standardizer, diabetes};
    ///
    /// let table = diabetes()?;
    /// let (_, targets) = table.all();
    /// let standardizer = Standardizer::fit(targets)?;
    /// let restored = standardizer.restore(&standardizer.apply(targets)?)?;
    /// assert!(restored.sub(targets)?.abs().max()?.item()? < 1e-4);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    #[doc(alias = "inverse_transform")]
    pub fn restore(&self, values: &Tensor) -> Result<Tensor> {
        self.map(values, |value, mean, rest, std| value * std + rest + mean)
    }

    /// Maps each value with the mean, its rest, and the standard deviation of its feature, 1 if it
    /// is constant.
    fn map(&self, values: &Tensor, f: impl Fn(f64, f64, f64, f64) -> f64) -> Result<Tensor> {
        let (fitted, shape) = (self.mean.len(), values.shape());
        let found = shape.iter().skip(1).product();
        if found != fitted && values.len() != fitted {
            return Err(Error::FeatureCount { fitted, found });
        }
        let mut mapped = values.to_f64_vec();
        for row in mapped.chunks_exact_mut(fitted.max(1)) {
            for (i, value) in row.iter_mut().enumerate() {
                let std = Some(self.std[i]).filter(|&std| std != 0.0).unwrap_or(1.0);
                *value = f(*value, self.mean[i], self.rest[i], std);
            }
        }
        Ok(match values.dtype() {
            DType::F32 => {
                let mapped = mapped.into_iter().map(|value| value as f32).collect();
                Tensor::from_vec::<f32>(mapped, shape)?
            }
            _ => Tensor::from_vec(mapped, shape)?,
        })
    }
}
