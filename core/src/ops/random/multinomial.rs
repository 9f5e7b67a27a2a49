//! Draws of classes from rows of weights.

use crate::autograd::Tensor;
use crate::error::{Error, Result};
use crate::kernel::Float;
use crate::tensor::{Indices, Shape, with_dtype};
use rand::Rng;

/// # Random values
impl Tensor {
    /// Draws one class from each row of weights `(…, classes)`, and returns the classes as `(…)`.
    /// A class is drawn with the probability of its weight divided by the sum of the row, so that
    /// the weights need not sum to 1. A class of weight 0 is never drawn. A row takes one number of
    /// the generator, row after row: the same generator gives the same classes, for any number of
    /// threads.
    ///
    /// PyTorch's `multinomial` draws `num_samples` classes from each row and returns an axis of
    /// them. For several draws, call this method several times; for draws without replacement, set
    /// the weight of a drawn class to 0.
    ///
    /// # Errors
    /// [`Error::Shape`] if this is a scalar or there are no classes; [`Error::Argument`], which
    /// names the row, if a weight is negative or not finite or if all are 0.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let mut rng = ChaCha8Rng::seed_from_u64(0);
    /// let weights = Tensor::from([[0.0f32, 3.0, 0.0], [1.0, 0.0, 1.0]]);
    /// let classes = weights.multinomial(&mut rng)?;
    /// assert_eq!(classes.shape(), [2]);
    /// assert_eq!(classes.as_slice()[0], 1);
    /// assert!([0, 2].contains(&classes.as_slice()[1]));
    ///
    /// // The next character of a language model, from its logits.
    /// let logits = Tensor::from([0.5f32, 2.0, -1.0]);
    /// let next = logits.softmax(-1)?.multinomial(&mut rng)?;
    /// assert_eq!(next.shape(), [0; 0]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    #[doc(alias = "sample")]
    #[doc(alias = "categorical")]
    pub fn multinomial(&self, rng: &mut (impl Rng + ?Sized)) -> Result<Indices> {
        let op = "multinomial";
        let Some((&classes, outer)) = self.shape().split_last() else {
            let reason = "expected weights (…, classes), found a scalar";
            return Err(Error::shape(op, reason, &[self.shape()]));
        };
        if classes == 0 {
            let reason = "there are no classes: the last axis has length 0";
            return Err(Error::shape(op, reason, &[self.shape()]));
        }
        let drawn: Result<Vec<usize>> = with_dtype!(self.dtype(), F => {
            let xs = &*self.array().contiguous::<F>();
            let rows = xs.chunks_exact(classes).enumerate();
            rows.map(|(number, row)| {
                // The 53 bits that a fraction in `f64` has.
                let share = (rng.next_u64() >> 11) as f64 * 0.5f64.powi(53);
                draw(row, share).map_err(|found| {
                    let rows = xs.len() / classes;
                    let reason = format!(
                        "expected finite weights of at least 0, not all 0, found {found} in row \
                         {number} of {rows}"
                    );
                    Error::argument(op, reason)
                })
            })
            .collect()
        });
        Indices::from_vec(drawn?, Shape::from(outer))
    }
}

/// Returns the class at a share, in `[0, 1)`, of the sum of the weights; or says what is wrong with
/// them.
fn draw<F: Float>(weights: &[F], share: f64) -> std::result::Result<usize, String> {
    let mut largest = 0.0;
    for (class, weight) in weights.iter().enumerate() {
        let weight = <F as Float>::to_f64(*weight);
        if !(weight >= 0.0 && weight.is_finite()) {
            return Err(format!("{weight} at class {class}"));
        }
        largest = f64::max(largest, weight);
    }
    if largest == 0.0 {
        return Err("zeros only".to_owned());
    }
    // Relative to the largest weight the sum cannot overflow, and it is at least 1: so the share of
    // it is rounded to less than the sum, and the search ends at a class.
    let relative = |weight: &F| <F as Float>::to_f64(*weight) / largest;
    let limit = share * weights.iter().map(relative).sum::<f64>();
    let mut sum = 0.0;
    let found = weights.iter().position(|weight| {
        sum += relative(weight);
        sum > limit
    });
    Ok(found.unwrap_or(weights.len() - 1))
}
