//! Dropout, and the kind that goes with self-normalizing activations.

use super::activation::{SELU_ALPHA, SELU_SCALE};
use super::noise;
use crate::autograd::Tensor;
use crate::error::{Error, Result};

/// What SELU approaches far below 0.
const SELU_LOWEST: f64 = -SELU_ALPHA * SELU_SCALE;

impl Tensor {
    /// Each element is 0 with probability `p`, else divided by 1 - p, so that the mean stays
    /// (Srivastava, Hinton, Krizhevsky, Sutskever, Salakhutdinov 2014, Dropout: A Simple Way to
    /// Prevent Neural Networks from Overfitting). The same seed drops the same elements.
    ///
    /// # Errors
    /// [`Error::Argument`] if `p` is not in `[0, 1)`; PyTorch allows 1, which drops everything.
    ///
    /// ```
    /// # use cotangent_core::{DType, Tensor};
    /// let x = Tensor::ones([1000], DType::F32)?;
    /// let y = x.dropout(0.5, 7)?.to_vec::<f32>()?;
    /// assert!(y.iter().all(|&y| y == 0.0 || y == 2.0));
    /// assert_eq!(y, x.dropout(0.5, 7)?.to_vec::<f32>()?);
    /// # Ok::<(), cotangent_core::Error>(())
    /// ```
    pub fn dropout(&self, p: f64, seed: u64) -> Result<Self> {
        if drops("dropout", p)? {
            self.mul(&self.kept(p, seed, 1.0 / (1.0 - p)))
        } else {
            Ok(self.clone())
        }
    }

    /// Dropout for [`selu`](Self::selu): each element is set to SELU's lowest value α' = -1.7581 with
    /// probability `p`, and then all are mapped to a x + b with
    /// `a = 1 / √((1 - p)(1 + p α'²))`, `b = -a α' p`, so that mean 0 and variance 1 stay (Klambauer,
    /// Unterthiner, Mayr, Hochreiter 2017, Self-Normalizing Neural Networks). The same seed drops the
    /// same elements.
    ///
    /// # Errors
    /// [`Error::Argument`] if `p` is not in `[0, 1)`; PyTorch allows 1, which drops everything.
    ///
    /// ```
    /// # use cotangent_core::{DType, Tensor};
    /// let y = Tensor::zeros([1000], DType::F64)?.alpha_dropout(0.5, 7)?.to_vec::<f64>()?;
    /// // b where x is kept, a α' + b where it is dropped: opposites, as p is one half.
    /// assert!(y.iter().all(|y| (y.abs() - 0.779_154_754_503_411_7).abs() < 1e-12));
    /// # Ok::<(), cotangent_core::Error>(())
    /// ```
    pub fn alpha_dropout(&self, p: f64, seed: u64) -> Result<Self> {
        if !drops("alpha_dropout", p)? {
            return Ok(self.clone());
        }
        let a = 1.0 / ((1.0 - p) * (1.0 + p * SELU_LOWEST * SELU_LOWEST)).sqrt();
        let b = -a * SELU_LOWEST * p;
        // a where x is kept, else 0; then the shift is b where x is kept, else a α' + b.
        let slope = self.kept(p, seed, a);
        let shift = slope
            .mul_scalar(-SELU_LOWEST)
            .add_scalar(a * SELU_LOWEST + b);
        self.mul(&slope)?.add(&shift)
    }

    /// 0 with probability `p`, else `value`, for each element.
    fn kept(&self, p: f64, seed: u64, value: f64) -> Self {
        // An element is dropped if its 32 random bits, as a number in [0, 2^32), are below this.
        let threshold = (p * 2f64.powi(32)).round() as u64;
        noise::like(self, seed, |bits| {
            if u64::from(bits) < threshold {
                0.0
            } else {
                value
            }
        })
    }
}

/// Whether this probability drops anything at all.
fn drops(op: &'static str, p: f64) -> Result<bool> {
    if (0.0..1.0).contains(&p) {
        Ok(p > 0.0)
    } else {
        let reason = format!("p must be in [0, 1), found {p}");
        Err(Error::argument(op, reason))
    }
}
