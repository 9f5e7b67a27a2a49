//! Dropout, and its variant for self-normalizing activations.

use crate::autograd::Tensor;
use crate::error::{Error, Interval, Result};
use crate::ops::activation::rectifier::{SELU_ALPHA, SELU_SCALE};
use crate::ops::elementwise::arithmetic;
use crate::ops::random::noise;
use crate::tensor::{Array, Shape};

/// The limit of SELU at -∞.
const SELU_LOWEST: f64 = -SELU_ALPHA * SELU_SCALE;

/// # Random values
impl Tensor {
    /// Sets each element to 0 with probability `p`, and divides the others by `1 - p`, so that the
    /// mean is kept (Srivastava, Hinton, Krizhevsky, Sutskever, Salakhutdinov 2014, Dropout: A
    /// Simple Way to Prevent Neural Networks from Overfitting). The same seed drops the same
    /// elements. A dropped element is 0 and has a gradient of 0, even if the element or the
    /// cotangent is infinite or NaN; in PyTorch it is NaN then.
    ///
    /// # Errors
    /// [`Error::Argument`] if `p` is not in `[0, 1)`; PyTorch allows 1, which drops everything.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let x = Tensor::ones([1000], DType::F32)?;
    /// let y = x.dropout(0.5, 7)?.to_vec::<f32>()?;
    /// assert!(y.iter().all(|&y| y == 0.0 || y == 2.0));
    /// assert_eq!(y, x.dropout(0.5, 7)?.to_vec::<f32>()?);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn dropout(&self, p: f64, seed: u64) -> Result<Self> {
        if drops("dropout", p)? {
            self.reserve_like("dropout")?;
            let kept = self.kept(p, seed, 1.0 / (1.0 - p));
            Ok(arithmetic::kept(self, &kept))
        } else {
            Ok(self.clone())
        }
    }

    /// Sets each channel of each sample to 0 with probability `p`, and divides the others by
    /// `1 - p`: (batch, channels, …) keeps its shape (Tompson, Goroshin, Jain, LeCun, Bregler 2015,
    /// Efficient Object Localization Using Convolutional Networks). Neighbouring elements of a
    /// channel are nearly the same, so that dropping single ones changes little. Otherwise as
    /// [`dropout`](Self::dropout).
    ///
    /// # Errors
    /// [`Error::Argument`] if `p` is not in `[0, 1)`; [`Error::Shape`] if the input does not have
    /// at least three axes.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let y = Tensor::ones([10, 10, 4], DType::F32)?.channel_dropout(0.5, 7)?;
    /// for channel in y.to_vec::<f32>()?.chunks(4) {
    ///     assert!(channel == [0.0; 4] || channel == [2.0; 4]);
    /// }
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    #[doc(alias = "dropout2d")]
    pub fn channel_dropout(&self, p: f64, seed: u64) -> Result<Self> {
        let op = "channel_dropout";
        let drops = drops(op, p)?;
        let &[batch, channels, _, ..] = self.shape() else {
            let reason = "expected an input (batch, channels, …) with at least three axes";
            return Err(Error::shape(op, reason, &[self.shape()]));
        };
        if !drops {
            return Ok(self.clone());
        }
        self.reserve_like(op)?;
        let axes = self.shape()[2..].iter().map(|_| 1);
        let shape: Shape = [batch, channels].into_iter().chain(axes).collect();
        let one = Array::full(self.dtype(), Shape::default(), 1.0);
        let each = Self::from(one.broadcast_to(&shape));
        let kept = each.kept(p, seed, 1.0 / (1.0 - p));
        Ok(arithmetic::kept(self, &kept))
    }

    /// Sets each element to α' = -1.7581, the limit of [`selu`](Self::selu) at -∞, with probability
    /// `p`. Then it maps all elements to `a x + b` with `a = 1 / √((1 - p)(1 + p α'²))` and
    /// `b = -a α' p`, so that mean 0 and variance 1 are kept (Klambauer, Unterthiner, Mayr,
    /// Hochreiter 2017, Self-Normalizing Neural Networks). The same seed drops the same elements.
    ///
    /// # Errors
    /// [`Error::Argument`] if `p` is not in `[0, 1)`; PyTorch allows 1, which drops everything.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let y = Tensor::zeros([1000], DType::F64)?.alpha_dropout(0.5, 7)?.to_vec::<f64>()?;
    /// // Kept elements are b, dropped ones a α' + b: for p = 0.5 they are opposites.
    /// assert!(y.iter().all(|y| (y.abs() - 0.779_193_930_518_031_7).abs() < 1e-12));
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn alpha_dropout(&self, p: f64, seed: u64) -> Result<Self> {
        if !drops("alpha_dropout", p)? {
            return Ok(self.clone());
        }
        self.reserve_like("alpha_dropout")?;
        let a = 1.0 / ((1.0 - p) * (1.0 + p * SELU_LOWEST * SELU_LOWEST)).sqrt();
        let b = -a * SELU_LOWEST * p;
        // The slope is a if x is kept, else 0. The shift is b if x is kept, else a α' + b.
        let slope = self.kept(p, seed, a);
        let shift = slope
            .mul_scalar(-SELU_LOWEST)
            .add_scalar(a * SELU_LOWEST + b);
        arithmetic::kept(self, &slope).add(&shift)
    }

    /// Returns 0 with probability `p`, else `value`, for each element.
    fn kept(&self, p: f64, seed: u64, value: f64) -> Self {
        // An element is dropped if its 32 random bits, as a number, are below this.
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

/// Checks the probability, and returns whether it drops elements at all.
fn drops(op: &'static str, p: f64) -> Result<bool> {
    Interval::Below1.check(op, "p", p)?;
    Ok(p > 0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// For p and x, the values of PyTorch 2.15 if x is kept and if it is dropped.
    #[test]
    fn alpha_dropout_gives_the_two_values_of_pytorch() -> Result<()> {
        let cases = [
            (0.1, 1.0, 1.0832554862072818, -1.457738730518132),
            (0.1, -2.5, -2.141240320316709, -1.457738730518132),
            (0.5, 1.0, 1.6655988251839635, -0.7791939305180315),
            (0.5, -2.5, -1.436818306146798, -0.7791939305180315),
        ];
        for (p, x, kept, dropped) in cases {
            let count = 1000;
            let x = Tensor::full([count], x, crate::DType::F64)?;
            let y = x.alpha_dropout(p, 3)?.to_vec::<f64>()?;
            let near = |value: f64| y.iter().filter(|&y| (y - value).abs() < 1e-14).count();
            assert_eq!(near(kept) + near(dropped), count, "{p} {x}");
            // Five standard deviations.
            let deviation = (p * (1.0 - p) * count as f64).sqrt();
            assert!((near(dropped) as f64 - p * count as f64).abs() < 5.0 * deviation);
        }
        Ok(())
    }

    /// The input is standard normal. The bounds are five standard errors of the moments.
    #[test]
    fn alpha_dropout_keeps_mean_0_and_variance_1() -> Result<()> {
        use rand::SeedableRng;
        let mut rng = chacha20::ChaCha8Rng::seed_from_u64(5);
        let x = Tensor::normal([1_000_000], 0.0, 1.0, crate::DType::F64, &mut rng)?;
        for p in [0.05, 0.3, 0.7] {
            let y = x.alpha_dropout(p, 11)?;
            let mean = y.mean().item()?;
            let fourth = y.sub(&y.mean())?.powi(4).mean().item()?;
            let variance = y.var().item()?;
            assert!(mean.abs() < 5e-3, "p {p}: mean {mean}");
            let error = 5.0 * ((fourth - 1.0) / 1e6).sqrt();
            assert!((variance - 1.0).abs() < error, "p {p}: variance {variance}");
        }
        Ok(())
    }
}
