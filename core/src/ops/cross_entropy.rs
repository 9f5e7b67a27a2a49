//! Cross-entropy of logits with class labels, softmax and loss in one sweep.

use crate::autograd::{Cotangents, Op, Tensor, Vjp};
use crate::error::{Error, Result};
use crate::kernel::softmax;
use crate::tensor::{Array, Indices, Shape, with_dtype};
use smallvec::smallvec;

impl Tensor {
    /// The mean over the samples of `-ln softmax(logits)[label]`, a scalar; `self` holds the
    /// logits, (samples, classes), of any size: 1e4 gives a finite loss.
    ///
    /// # Errors
    /// [`Error::Shape`] if the logits have not two axes, there are no samples, or there is not one
    /// label per sample; [`Error::Index`] if a label is not below the number of classes.
    ///
    /// ```
    /// # use cotangent_core::{Indices, Tensor};
    /// let logits = Tensor::from([[0.0f64, 0.0], [1e4, 0.0]]);
    /// let loss = logits.cross_entropy(&Indices::from([1, 0]))?;
    /// assert!((loss.item()? - 2f64.ln() / 2.0).abs() < 1e-15);
    /// # Ok::<(), cotangent_core::Error>(())
    /// ```
    pub fn cross_entropy(&self, labels: &Indices) -> Result<Self> {
        let &[samples, classes] = self.shape() else {
            let reason = "expected logits (samples, classes)";
            return Err(Error::shape("cross_entropy", reason, &[self.shape()]));
        };
        if labels.shape() != [samples] {
            let reason = "expected one label per sample";
            return Err(Error::shape(
                "cross_entropy",
                reason,
                &[self.shape(), labels.shape()],
            ));
        }
        if samples == 0 {
            let reason = "the mean over no samples is undefined";
            return Err(Error::shape("cross_entropy", reason, &[self.shape()]));
        }
        labels.check("cross_entropy", "label", classes, "classes")?;
        let logits = self.array().contiguous();
        let (log_sums, losses) = with_dtype!(self.dtype(), F => {
            let xs = logits.as_slice::<F>().unwrap_or_default();
            let pairs = Shape::from([samples, 2]);
            let log_sums = Array::build::<F>(pairs, |out| softmax::log_sums(xs, classes, out));
            let losses = Array::build::<F>(Shape::from([samples]), |out| {
                let log_sums = log_sums.as_slice::<F>().unwrap_or_default();
                for (i, out) in out.iter_mut().enumerate() {
                    let label = xs[i * classes + labels.as_slice()[i]];
                    *out = log_sums[2 * i + 1] - (label - log_sums[2 * i]);
                }
            });
            (log_sums, losses)
        });
        let op = || CrossEntropy {
            logits: self.clone(),
            log_sums: log_sums.into(),
            labels: labels.clone(),
        };
        Ok(Self::from_op(losses.into(), &[self], op).mean())
    }
}

/// The losses (samples) of logits (samples, classes).
struct CrossEntropy {
    logits: Tensor,
    /// (samples, 2): the maximum, and ln Σ e^(x - maximum).
    log_sums: Tensor,
    labels: Indices,
}

impl Op for CrossEntropy {
    fn name(&self) -> &'static str {
        "cross_entropy"
    }

    /// g (softmax(logits) - one-hot label).
    fn vjp(&self, cotangent: Tensor, context: &Vjp) -> Result<Cotangents> {
        let classes = self.logits.shape()[1];
        if context.records() {
            let p = context.saved(&self.logits).softmax(1)?;
            let labels = self.labels.as_slice();
            let mut hot = vec![0.0; self.logits.len()];
            labels
                .iter()
                .enumerate()
                .for_each(|(i, &label)| hot[i * classes + label] = 1.0);
            let hot = Tensor::from_vec(hot, self.logits.shape())?.to_dtype(p.dtype());
            return Ok(smallvec![Some(p.sub(&hot)?.mul(&cotangent.unsqueeze(1)?)?)]);
        }
        let (logits, scales) = (
            self.logits.array().contiguous(),
            cotangent.array().contiguous(),
        );
        let dx = with_dtype!(logits.dtype(), F => {
            let xs = logits.as_slice::<F>().unwrap_or_default();
            let log_sums = self.log_sums.array().as_slice::<F>().unwrap_or_default();
            let scales = scales.as_slice::<F>().unwrap_or_default();
            Array::build::<F>(logits.shape().clone(), |out| {
                softmax::cross_entropy_backward(xs, log_sums, self.labels.as_slice(), scales, classes, out);
            })
        });
        Ok(smallvec![Some(Tensor::from(dx))])
    }
}
