//! Rows of classes and their labels, which may have weights by class and may be ignored: the part
//! that cross-entropy, negative log-likelihood and accuracy share.

use crate::autograd::Tensor;
use crate::error::{Error, Result};
use crate::ops::loss::reduction::{Reduction, expect_losses};
use crate::ops::reduce::sum::mean_to_shape;
use crate::tensor::{Indices, Mask, Shape};

/// Splits logits or log-probabilities `(…, classes)` into rows: returns them as `(rows, classes)`,
/// and the shape `(…)` of their labels.
pub(crate) fn rows_of_classes(op: &'static str, x: &Tensor) -> Result<(Tensor, Shape)> {
    let Some((&classes, outer)) = x.shape().split_last() else {
        let reason = "expected the classes as the last axis, found a scalar";
        return Err(Error::shape(op, reason, &[x.shape()]));
    };
    if classes == 0 {
        let reason = "there are no classes: the last axis has length 0";
        return Err(Error::shape(op, reason, &[x.shape()]));
    }
    let shape = Shape::from(outer);
    if x.rank() == 2 {
        return Ok((x.clone(), shape));
    }
    let rows = x.reshape([shape.element_count(), classes])?;
    Ok((rows, shape))
}

/// Checks the weights of the classes against rows `(rows, classes)`.
pub(crate) fn class_weights<'a>(
    op: &'static str,
    rows: &Tensor,
    weights: Option<&'a Tensor>,
) -> Result<Option<&'a Tensor>> {
    if let Some(weights) = weights {
        let operands = [("input", Some(rows)), ("the class weight", Some(weights))];
        Tensor::expect_one_dtype(op, &operands)?;
        let classes = rows.shape()[1];
        if weights.shape() != [classes] {
            let reason = format!("expected one weight for each of {classes} classes");
            return Err(Error::shape(op, reason, &[weights.shape()]));
        }
    }
    Ok(weights)
}

/// The labels of rows, and the weight of each class.
#[derive(Clone, Debug)]
pub(crate) struct Labels {
    /// [`UNCOUNTED`] if a row does not count.
    labels: Indices,
    weights: Option<Vec<f64>>,
}

/// A label that is out of range for every number of classes.
const UNCOUNTED: usize = usize::MAX;

impl Labels {
    /// Checks the labels against the shape that they must have and the number of classes. Rows of
    /// an ignored label do not count. Nor do those of a class of weight 0, unless smoothing gives
    /// them a share of the other classes.
    pub(crate) fn new(
        op: &'static str,
        labels: &Indices,
        shape: &[usize],
        classes: usize,
        weights: Option<&Tensor>,
        ignored: Option<usize>,
        smoothing: f64,
    ) -> Result<Self> {
        if labels.shape() != shape {
            return Err(other_shape(op, labels, shape, classes));
        }
        labels.check_except(op, "label", classes, "classes", ignored)?;
        let weights = weights.map(Tensor::to_f64_vec);
        let zero = |weights: &Vec<f64>, label: usize| smoothing == 0.0 && weights[label] == 0.0;
        let weightless = |label| weights.as_ref().is_some_and(|w| zero(w, label));
        let uncounted = |&label: &usize| ignored == Some(label) || weightless(label);
        let all_count = ignored.is_none() && weights.is_none();
        let labels = if !all_count && labels.as_slice().iter().any(uncounted) {
            let mark = |label| if uncounted(label) { UNCOUNTED } else { *label };
            let marked = labels.as_slice().iter().map(mark).collect::<Indices>();
            marked.reshape(shape)?
        } else {
            labels.clone()
        };
        Ok(Self { labels, weights })
    }

    pub(crate) fn as_slice(&self) -> &[usize] {
        self.labels.as_slice()
    }

    /// Returns the label of each row and the weight of its class, or `None` if the row does not
    /// count.
    pub(crate) fn counted(&self) -> impl Iterator<Item = Option<(usize, f64)>> {
        self.as_slice().iter().map(|&label| {
            let counted = label != UNCOUNTED;
            counted.then(|| (label, self.weights.as_ref().map_or(1.0, |w| w[label])))
        })
    }

    /// Reduces the losses of the rows. The mean divides by the sum of the weights of the labels
    /// that count.
    pub(crate) fn reduce(
        &self,
        op: &'static str,
        losses: &Tensor,
        reduction: Reduction,
        shape: &Shape,
    ) -> Result<Tensor> {
        if reduction == Reduction::Mean {
            expect_losses(op, losses.len(), shape)?;
            let total: f64 = self.counted().flatten().map(|(_, weight)| weight).sum();
            return Ok(mean_to_shape(losses, &Shape::default(), total));
        }
        reduction.apply(op, &losses.reshape(shape)?)
    }

    /// Multiplies `g`, `(rows)`, by `factor` and the weight of each row's label.
    pub(crate) fn weighted(&self, g: &Tensor, factor: f64) -> Result<Tensor> {
        let weights = self
            .counted()
            .map(|counted| counted.map_or(0.0, |(_, w)| factor * w));
        let weights = Tensor::from(&weights.collect::<Vec<f64>>()[..]);
        g.mul(&weights.to_dtype(g.dtype()))
    }

    /// Returns `(rows, classes)` with each row's value at its label, if that counts, and 0
    /// elsewhere. The values are written there, not multiplied by zeros: they may be infinite.
    pub(crate) fn put(&self, values: &Tensor, classes: usize) -> Result<Tensor> {
        let (rows, dtype) = (values.len(), values.dtype());
        let label = |counted: Option<(usize, f64)>| counted.map_or(0, |(label, _)| label);
        let places: Indices = self.counted().map(label).collect();
        let zeros = Tensor::zeros([rows, classes], dtype)?;
        zeros.scatter_add(1, &places.reshape([rows, 1])?, &values.unsqueeze(1)?)
    }

    /// Returns `x`, `(rows)` or `(rows, classes)`, with 0 in rows that do not count. The logits may
    /// have no softmax there, and the cotangent of a mean over no labels is NaN.
    pub(crate) fn only_counted(&self, x: &Tensor) -> Result<Tensor> {
        let uncounted: Vec<bool> = self.counted().map(|counted| counted.is_none()).collect();
        if !uncounted.contains(&true) {
            return Ok(x.clone());
        }
        let mut shape = vec![1; x.rank()];
        shape[0] = uncounted.len();
        x.masked_fill(&Mask::from_vec(uncounted, shape)?, 0.0)
    }
}

/// The error for labels of another shape than the rows.
fn other_shape(op: &'static str, labels: &Indices, shape: &[usize], classes: usize) -> Error {
    // The input as the caller knows it.
    let mut input = Shape::from(shape);
    input.as_mut().edit(|lengths| lengths.push(classes));
    let expected = Shape::from(shape);
    let mut reason = format!(
        "expected labels of shape {expected}, one for each row of {classes} classes, the last axis"
    );
    // The layout of PyTorch: (samples, classes, …) with labels (samples, …).
    if input.len() > 2 && input.without(1)[..] == *labels.shape() {
        reason += "; if axis 1 has the classes, as in PyTorch, `permute` it to the end";
    }
    Error::shape(op, reason, &[&input, labels.shape()])
}
