//! The negative log-likelihood of labels, and what it shares with cross-entropy: labels that weigh
//! by their class or are not counted.

use crate::autograd::{Cotangents, Op, OpKind, Tensor, Vjp};
use crate::error::{Error, Result};
use crate::kernel::Float;
use crate::ops::loss::pointwise::Reduction;
use crate::ops::reduce::sum::mean_to_shape;
use crate::tensor::{Array, Indices, Mask, Shape, with_dtype};
use smallvec::smallvec;

impl Tensor {
    /// The mean over the labels of `-log_probabilities[label]`, a scalar; `self` holds
    /// log-probabilities, (samples, classes) or (samples, classes, …), as
    /// [`log_softmax`](Self::log_softmax) gives them. [`NllLoss`] has the options;
    /// [`cross_entropy`](Self::cross_entropy) does both steps at once.
    ///
    /// # Errors
    /// As [`NllLoss::loss`].
    ///
    /// ```
    /// # use cotangent::{Indices, Tensor};
    /// let log_probabilities = Tensor::from([[0.25f64, 0.75], [0.5, 0.5]]).ln();
    /// let loss = log_probabilities.nll_loss(&Indices::from([1, 0]))?;
    /// assert!((loss.item()? + (0.75f64.ln() + 0.5f64.ln()) / 2.0).abs() < 1e-15);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn nll_loss(&self, labels: &Indices) -> Result<Self> {
        NllLoss::new().loss(self, labels)
    }
}

/// The negative log-likelihood of labels under log-probabilities, with options.
///
/// ```
/// # use cotangent::{Indices, NllLoss, Reduction, Tensor};
/// let log_probabilities = Tensor::from([[0.25f64, 0.75], [0.5, 0.5], [0.1, 0.9]]).ln();
/// let loss = NllLoss::new()
///     .class_weights(&Tensor::from([2.0f64, 1.0]))
///     .ignore_label(255)
///     .reduction(Reduction::Sum)
///     .loss(&log_probabilities, &Indices::from([1, 0, 255]))?;
/// assert!((loss.item()? + 0.75f64.ln() + 2.0 * 0.5f64.ln()).abs() < 1e-15);
/// # Ok::<(), cotangent::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct NllLoss {
    weights: Option<Tensor>,
    ignored: Option<usize>,
    reduction: Reduction,
}

impl NllLoss {
    /// The mean, all classes weighing 1, all labels counted.
    pub fn new() -> Self {
        Self::default()
    }

    /// What the samples of each class weigh, (classes). No gradient flows to the weights. The mean
    /// is then the weighted one: the sum over the samples divided by the sum of their weights.
    /// Samples of a class that weighs 0 are not counted, as if their label were ignored.
    pub fn class_weights(mut self, weights: &Tensor) -> Self {
        self.weights = Some(weights.detach());
        self
    }

    /// A label that is not counted: its samples' losses and gradients are 0, whatever the
    /// log-probabilities are. It need not be a class. If no label is counted the mean is NaN, and
    /// its gradients are 0, as in PyTorch.
    #[doc(alias = "ignore_index")]
    pub fn ignore_label(mut self, label: usize) -> Self {
        self.ignored = Some(label);
        self
    }

    /// What is made of the losses.
    pub fn reduction(mut self, reduction: Reduction) -> Self {
        self.reduction = reduction;
        self
    }

    /// `-weight[label] log_probabilities[label]` of each sample, reduced. `log_probabilities` are
    /// (samples, classes) or (samples, classes, …), the labels (samples) or (samples, …).
    ///
    /// # Errors
    /// [`Error::Shape`] if there are not at least two axes, there is no class, there is not one
    /// label per sample or not one weight per class; [`Error::DType`] if the weights are of another
    /// dtype; [`Error::Index`] if a label that is counted is not below the number of classes.
    pub fn loss(&self, log_probabilities: &Tensor, labels: &Indices) -> Result<Tensor> {
        let op = "nll_loss";
        let (rows, shape) = rows_of_classes(op, log_probabilities)?;
        let weights = class_weights(op, &rows, self.weights.as_ref())?;
        let classes = rows.shape()[1];
        let labels = Labels::new(op, labels, &shape, classes, weights, self.ignored, 0.0)?;
        let losses = picked(&rows, &labels);
        labels.reduce(&losses, self.reduction, &shape)
    }
}

/// Logits or log-probabilities (samples, classes, …) as (rows, classes), with the shape of what
/// there is one of for each row.
pub(crate) fn rows_of_classes(op: &'static str, x: &Tensor) -> Result<(Tensor, Shape)> {
    let &[_, classes, ..] = x.shape() else {
        let reason = "expected input (samples, classes) or (samples, classes, …)";
        return Err(Error::shape(op, reason, &[x.shape()]));
    };
    if classes == 0 {
        return Err(Error::shape(op, "there are no classes", &[x.shape()]));
    }
    let shape = x.array().shape().without(1);
    if x.rank() == 2 {
        return Ok((x.clone(), shape));
    }
    let order: Vec<usize> = [0].into_iter().chain(2..x.rank()).chain([1]).collect();
    let rows = x
        .permuted(&order)
        .reshape([shape.element_count(), classes])?;
    Ok((rows, shape))
}

/// Weights, held against rows of classes.
pub(crate) fn class_weights<'a>(
    op: &'static str,
    rows: &Tensor,
    weights: Option<&'a Tensor>,
) -> Result<Option<&'a Tensor>> {
    if let Some(weights) = weights {
        Tensor::expect_one_dtype(
            op,
            &[("input", Some(rows)), ("the class weight", Some(weights))],
        )?;
        let classes = rows.shape()[1];
        if weights.shape() != [classes] {
            let reason = format!("expected one weight for each of {classes} classes");
            return Err(Error::shape(op, reason, &[weights.shape()]));
        }
    }
    Ok(weights)
}

/// The labels of rows, and what each class weighs.
#[derive(Clone, Debug)]
pub(crate) struct Labels {
    /// [`UNCOUNTED`] where a row is not counted.
    labels: Indices,
    weights: Option<Vec<f64>>,
}

/// A label that is out of range for every number of classes.
const UNCOUNTED: usize = usize::MAX;

impl Labels {
    /// The labels, held against the shape that they must have and the number of classes. Rows whose
    /// label is ignored are not counted; nor those whose class weighs 0, unless smoothing gives
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
            // The input as the caller knows it.
            let mut input = Shape::from(shape);
            input.as_mut().edit(|lengths| lengths.insert(1, classes));
            let reason = "expected one label per sample";
            return Err(Error::shape(op, reason, &[&input, labels.shape()]));
        }
        match ignored {
            None => labels.check(op, "label", classes, "classes")?,
            Some(ignored) => {
                let counted = labels.as_slice().iter().filter(|&&label| label != ignored);
                counted
                    .copied()
                    .collect::<Indices>()
                    .check(op, "label", classes, "classes")?;
            }
        }
        let weights = weights.map(Tensor::to_f64_vec);
        let nothing = |weights: &Vec<f64>, label: usize| smoothing == 0.0 && weights[label] == 0.0;
        let weightless = |label| weights.as_ref().is_some_and(|w| nothing(w, label));
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

    /// Each row's label, if it is counted, and its class's weight.
    pub(crate) fn counted(&self) -> impl Iterator<Item = Option<(usize, f64)>> {
        self.as_slice().iter().map(|&label| {
            let counted = label != UNCOUNTED;
            counted.then(|| (label, self.weights.as_ref().map_or(1.0, |w| w[label])))
        })
    }

    /// The losses of the rows, reduced; the mean is over the weights of the labels that count.
    pub(crate) fn reduce(
        &self,
        losses: &Tensor,
        reduction: Reduction,
        shape: &Shape,
    ) -> Result<Tensor> {
        if reduction == Reduction::Mean {
            let total: f64 = self.counted().flatten().map(|(_, weight)| weight).sum();
            return Ok(mean_to_shape(losses, &Shape::default(), total));
        }
        Ok(reduction.apply(&losses.reshape(shape)?))
    }

    /// `g`, (rows), times `factor` and the weight of each row's label.
    pub(crate) fn weighted(&self, g: &Tensor, factor: f64) -> Result<Tensor> {
        let weights = self
            .counted()
            .map(|counted| counted.map_or(0.0, |(_, w)| factor * w));
        let weights = Tensor::from(&weights.collect::<Vec<f64>>()[..]);
        g.mul(&weights.to_dtype(g.dtype()))
    }

    /// (rows, classes): each row's value at its label, if that is counted, and 0 elsewhere. The
    /// values are put there, not multiplied by zeros elsewhere: they may be infinite.
    pub(crate) fn put(&self, values: &Tensor, classes: usize) -> Result<Tensor> {
        let (rows, dtype) = (values.len(), values.dtype());
        let label = |counted: Option<(usize, f64)>| counted.map_or(0, |(label, _)| label);
        let places: Indices = self.counted().map(label).collect();
        let zeros = Tensor::zeros([rows, classes], dtype)?;
        zeros.scatter_add(1, &places.reshape([rows, 1])?, &values.unsqueeze(1)?)
    }

    /// `x`, (rows) or (rows, classes), and 0 in rows that are not counted, whatever was there: of
    /// the logits, which may have no softmax there, or of the cotangent (the mean over no labels
    /// has none).
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
