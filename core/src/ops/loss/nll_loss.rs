//! The negative log-likelihood of labels.

use crate::autograd::{Cotangents, Op, OpKind, Tensor, Vjp};
use crate::error::Result;
use crate::kernel::Float;
use crate::ops::loss::labels::{Labels, class_weights, rows_of_classes};
use crate::ops::loss::options::options;
use crate::ops::loss::reduction::Reduction;
use crate::tensor::{Array, Indices, Shape, with_dtype};
use smallvec::smallvec;

/// # Losses
impl Tensor {
    /// Returns the mean over the labels of `-log_probabilities[label]`, a scalar. `self` holds
    /// log-probabilities `(…, classes)`, as [`log_softmax(-1)`](Self::log_softmax) returns them;
    /// the labels are `(…)`. The classes are the last axis; PyTorch has them as axis 1.
    ///
    /// [`NllLoss`] has the options. [`cross_entropy`](Self::cross_entropy) does both steps at once.
    ///
    /// # Errors
    /// As [`cross_entropy`](Self::cross_entropy).
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let log_probabilities = Tensor::from([[0.25f64, 0.75], [0.5, 0.5]]).ln();
    /// let loss = log_probabilities.nll_loss(&Indices::from([1, 0]))?;
    /// assert!((loss.item()? + (0.75f64.ln() + 0.5f64.ln()) / 2.0).abs() < 1e-15);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn nll_loss(&self, labels: &Indices) -> Result<Self> {
        NllLoss::new().loss(self, labels)
    }
}

options! {
    /// The negative log-likelihood of labels under log-probabilities, with options.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let log_probabilities = Tensor::from([[0.25f64, 0.75], [0.5, 0.5], [0.1, 0.9]]).ln();
    /// let loss = NllLoss::new()
    ///     .class_weights(&Tensor::from([2.0f64, 1.0]))
    ///     .ignore_label(255)
    ///     .reduction(Reduction::Sum)
    ///     .loss(&log_probabilities, &Indices::from([1, 0, 255]))?;
    /// assert!((loss.item()? + 0.75f64.ln() + 2.0 * 0.5f64.ln()).abs() < 1e-15);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    #[doc(alias = "NLLLoss")]
    #[derive(Clone, Debug)]
    pub struct NllLoss;

    /// Creates the loss: every class has the weight 1, all labels count, and the result is the
    /// mean.
    pub fn new();

    /// Sets the weight of each class, `(classes)`. No gradient flows to the weights. The mean is
    /// then the weighted mean: the sum over the samples divided by the sum of their weights.
    /// Samples of a class of weight 0 do not count, as if their label were ignored.
    #[doc(alias = "weight")]
    pub fn class_weights(weights: &Tensor);

    /// Ignores a label: its samples have losses and gradients of 0, whatever the log-probabilities
    /// are. The label need not be a class. If no label counts, the mean is NaN and its gradients
    /// are 0, as in PyTorch.
    #[doc(alias = "ignore_index")]
    pub fn ignore_label(label: usize);

    /// Sets the reduction of the losses of the samples.
    pub fn reduction(reduction: Reduction = Reduction::Mean);
}

impl NllLoss {
    /// Returns `-weight[label] log_probabilities[label]` of each sample, reduced. The
    /// log-probabilities are `(…, classes)`, the labels and the losses `(…)`.
    ///
    /// # Errors
    /// As [`CrossEntropyLoss::loss`](crate::CrossEntropyLoss::loss).
    pub fn loss(&self, log_probabilities: &Tensor, labels: &Indices) -> Result<Tensor> {
        let op = "nll_loss";
        let (rows, shape) = rows_of_classes(op, log_probabilities)?;
        let weights = class_weights(op, &rows, self.class_weights.as_ref())?;
        let classes = rows.shape()[1];
        let labels = Labels::new(op, labels, &shape, classes, weights, self.ignore_label, 0.0)?;
        labels.reduce(op, &picked(&rows, &labels), self.reduction, &shape)
    }
}

/// `-weight[label] x[label]` of each row; 0 where the label is not counted.
fn picked(x: &Tensor, labels: &Labels) -> Tensor {
    let (rows, classes) = (x.shape()[0], x.shape()[1]);
    let losses = with_dtype!(x.dtype(), F => {
        let xs = &*x.array().contiguous::<F>();
        Array::build::<F>(Shape::from([rows]), |out| {
            let pairs = out.iter_mut().zip(xs.chunks_exact(classes)).zip(labels.counted());
            for ((out, row), counted) in pairs {
                *out = counted.map_or(0.0, |(label, weight)| -F::from_f64(weight) * row[label]);
            }
        })
    });
    Tensor::from_op(losses.into(), &[x], || Picked {
        shape: x.array().shape().clone(),
        labels: labels.clone(),
    })
}

struct Picked {
    shape: Shape,
    labels: Labels,
}

impl Op for Picked {
    fn name(&self) -> &'static str {
        "nll_loss"
    }
    fn kind(&self) -> OpKind {
        OpKind::Loss
    }

    /// -weight g at the label, else 0.
    fn vjp(&self, cotangent: Tensor, context: &Vjp) -> Result<Cotangents> {
        if context.records() {
            let g = self.labels.only_counted(&cotangent)?;
            let values = self.labels.weighted(&g, -1.0)?;
            let dx = self.labels.put(&values, self.shape[1])?;
            return Ok(smallvec![Some(dx)]);
        }
        let classes = self.shape[1];
        let dx = with_dtype!(cotangent.dtype(), F => {
            let gs = cotangent.array().to_vec::<F>();
            Array::build::<F>(self.shape.clone(), |out| {
                out.fill(0.0);
                let rows = out.chunks_exact_mut(classes).zip(self.labels.counted());
                for ((row, counted), g) in rows.zip(gs) {
                    if let Some((label, weight)) = counted {
                        row[label] = -F::from_f64(weight) * g;
                    }
                }
            })
        });
        Ok(smallvec![Some(Tensor::from(dx))])
    }
}
