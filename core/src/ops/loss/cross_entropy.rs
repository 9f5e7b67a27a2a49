//! Cross-entropy of logits with labels or with probabilities, softmax and loss in one sweep.

use crate::autograd::{Cotangents, Op, OpKind, Tensor, Vjp};
use crate::error::{Error, Interval, Result};
use crate::kernel::Float;
use crate::kernel::activation::softmax;
use crate::kernel::loss::cross_entropy::{self, Targets};
use crate::kernel::reduce::fold;
use crate::ops::loss::labels::{Labels, class_weights, rows_of_classes};
use crate::ops::loss::options::options;
use crate::ops::loss::reduction::{Reduction, expect_one_shape, without};
use crate::tensor::{Array, Axes, Element, Indices, Mask, Shape, with_dtype};
use smallvec::smallvec;

const NAME: &str = "cross_entropy";

/// # Losses
impl Tensor {
    /// Returns the mean over the labels of `-ln softmax(logits)[label]`, a scalar. `self` holds the
    /// logits `(…, classes)`, the labels are `(…)`: `(batch, classes)` with `(batch)`, or for
    /// sequences `(batch, time, classes)` with `(batch, time)`. The logits may be of any size: 1e4
    /// gives a finite loss.
    ///
    /// **The classes are the last axis; PyTorch has them as axis 1.** Logits in PyTorch's layout
    /// `(samples, classes, …)` need a [`permute`](Self::permute) first.
    ///
    /// [`CrossEntropyLoss`] has the options: reductions, weights of classes, label smoothing,
    /// ignored labels and probabilities as target.
    ///
    /// # Errors
    /// [`Error::Shape`] if the shape of the labels is not that of the logits without the last axis,
    /// or if there are no labels or no classes; [`Error::Index`] if a label is not below the number
    /// of classes.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let logits = Tensor::from([[0.0f64, 0.0], [1e4, 0.0]]);
    /// let loss = logits.cross_entropy(&Indices::from([1, 0]))?;
    /// assert!((loss.item()? - 2f64.ln() / 2.0).abs() < 1e-15);
    ///
    /// let sequences = logits.reshape([1, 2, 2])?;
    /// let loss = sequences.cross_entropy(&Indices::from([[1, 0]]))?;
    /// assert!((loss.item()? - 2f64.ln() / 2.0).abs() < 1e-15);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    #[doc(alias = "loss")]
    pub fn cross_entropy(&self, labels: &Indices) -> Result<Self> {
        CrossEntropyLoss::new().loss(self, labels)
    }
}

/// The target of a [`CrossEntropyLoss`]: a label for each row of logits, or a probability for each
/// class. References to [`Indices`] and to a [`Tensor`] convert to it.
#[derive(Clone, Copy, Debug)]
pub enum Target<'a> {
    /// The number of the right class of each row.
    Labels(&'a Indices),
    /// The probability of each class, in the shape of the logits. It is not checked that the
    /// probabilities of a row sum to 1.
    Probabilities(&'a Tensor),
}

impl<'a> From<&'a Indices> for Target<'a> {
    fn from(labels: &'a Indices) -> Self {
        Self::Labels(labels)
    }
}

impl<'a> From<&'a Tensor> for Target<'a> {
    fn from(probabilities: &'a Tensor) -> Self {
        Self::Probabilities(probabilities)
    }
}

options! {
    /// Cross-entropy of logits with labels or probabilities, with options.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let logits = Tensor::from([[0.0f64, 0.0], [1e4, 0.0]]).tracked();
    /// let loss = CrossEntropyLoss::new()
    ///     .class_weights(&Tensor::from([1.0f64, 3.0]))
    ///     .ignore_label(255)
    ///     .reduction(Reduction::Sum);
    /// let labelled = loss.loss(&logits, &Indices::from([1, 255]))?;
    /// assert!((labelled.item()? - 3.0 * 2f64.ln()).abs() < 1e-15);
    ///
    /// let probabilities = Tensor::from([[0.5f64, 0.5], [1.0, 0.0]]);
    /// let soft = CrossEntropyLoss::new().loss(&logits, &probabilities)?;
    /// assert!((soft.item()? - 2f64.ln() / 2.0).abs() < 1e-15);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    #[derive(Clone, Debug)]
    pub struct CrossEntropyLoss;

    /// Creates the loss: every class has the weight 1, nothing is smoothed, all labels count, and
    /// the result is the mean.
    pub fn new();

    /// Sets the weight of each class, `(classes)`. No gradient flows to the weights. With labels
    /// the mean is then the weighted mean: the sum over the samples divided by the sum of their
    /// labels' weights. With probabilities the sum is divided by the number of samples, as in
    /// PyTorch.
    ///
    /// A class of weight 0 contributes 0 to the loss, whatever its logits are. Samples with its
    /// label do not count, as if the label were ignored, unless
    /// [`label_smoothing`](Self::label_smoothing) gives them a share of the other classes. PyTorch
    /// multiplies by 0 instead, and infinity becomes NaN.
    #[doc(alias = "weight")]
    pub fn class_weights(weights: &Tensor);

    /// Spreads the share `smoothing`, in `[0, 1]`, of each target evenly over all classes: the
    /// target becomes `(1 - smoothing) target + smoothing / classes` (Szegedy, Vanhoucke, Ioffe,
    /// Shlens, Wojna 2016, Rethinking the Inception Architecture for Computer Vision).
    pub fn label_smoothing(smoothing: f64 = 0.0);

    /// Ignores a label: its samples have losses and gradients of 0, whatever the logits are (in
    /// PyTorch the gradients are NaN if the softmax is). The label need not be a class. If no label
    /// counts, the mean is NaN and its gradients are 0, as in PyTorch.
    #[doc(alias = "ignore_index")]
    pub fn ignore_label(label: usize);

    /// Sets the reduction of the losses of the samples. [`Reduction::None`] returns a loss in the
    /// place of each label, [`Reduction::BatchMean`] divides their sum by the length of their first
    /// axis.
    pub fn reduction(reduction: Reduction = Reduction::Mean);
}

impl CrossEntropyLoss {
    /// Returns `-Σ weight target ln softmax(logits)`, summed over the classes and reduced over the
    /// samples. The logits are `(…, classes)`, labels `(…)`, probabilities `(…, classes)`. The
    /// target of a label is 1 at its class and 0 elsewhere. The loss is differentiable in
    /// probabilities too.
    ///
    /// **The classes are the last axis; PyTorch has them as axis 1.**
    ///
    /// A target of 0 contributes 0, whatever the logit is; in PyTorch the loss is NaN for a logit
    /// of -∞. A target above 0 at a logit of -∞ gives ∞. The softmax is undefined if a logit is NaN
    /// or ∞, or if all are -∞: such a sample has a loss and gradients of NaN, if it counts.
    ///
    /// # Errors
    /// [`Error::Shape`] if the target or the weights have another shape, if there are no classes,
    /// or if there is no sample for a mean; [`Error::DType`] if dtypes differ; [`Error::Index`] if
    /// a label that counts is not below the number of classes; [`Error::Argument`] if the smoothing
    /// is not in `[0, 1]`, or if a label is ignored but the target is probabilities.
    pub fn loss<'a>(&self, logits: &Tensor, target: impl Into<Target<'a>>) -> Result<Tensor> {
        Interval::Share.check(NAME, "label smoothing", self.label_smoothing)?;
        let (rows, shape) = rows_of_classes(NAME, logits)?;
        let weights = class_weights(NAME, &rows, self.class_weights.as_ref())?;
        let classes = rows.shape()[1];
        match target.into() {
            Target::Labels(labels) => {
                let (ignored, smoothing) = (self.ignore_label, self.label_smoothing);
                let labels =
                    Labels::new(NAME, labels, &shape, classes, weights, ignored, smoothing)?;
                let losses = with_labels(&rows, &labels, weights, smoothing);
                labels.reduce(NAME, &losses, self.reduction, &shape)
            }
            Target::Probabilities(probabilities) => {
                expect_one_shape(NAME, logits, probabilities)?;
                if self.ignore_label.is_some() {
                    let reason = "`ignore_label` needs labels, found probabilities as target";
                    return Err(Error::argument(NAME, reason));
                }
                let (mut targets, _) = rows_of_classes(NAME, probabilities)?;
                if self.label_smoothing > 0.0 {
                    let share = self.label_smoothing / classes as f64;
                    targets = targets
                        .mul_scalar(1.0 - self.label_smoothing)
                        .add_scalar(share);
                }
                if let Some(weights) = weights {
                    targets = without(&targets, weights)?.mul(weights)?;
                }
                let losses = with_probabilities(&rows, &targets);
                self.reduction.apply(NAME, &losses.reshape(&shape)?)
            }
        }
    }
}

/// Computes the maximum of each row and ln Σ e^(x - maximum), `(rows, 2)`.
fn log_sums<F: Element>(xs: &[F], rows: usize, classes: usize) -> Array {
    Array::build::<F>(Shape::from([rows, 2]), |out| {
        softmax::log_sums(xs, classes, out);
    })
}

/// Computes the losses `(rows)` of logits `(rows, classes)` with labels.
fn with_labels(
    logits: &Tensor,
    labels: &Labels,
    weights: Option<&Tensor>,
    smoothing: f64,
) -> Tensor {
    let (rows, classes) = (logits.shape()[0], logits.shape()[1]);
    // The weights that smoothing spreads over all classes. Not allocated without rows: logits of 0
    // rows take no memory, however many classes they have.
    let spread = (smoothing > 0.0 && rows > 0).then(|| {
        let ones = || Tensor::from(Array::full(logits.dtype(), Shape::from([classes]), 1.0));
        weights.cloned().unwrap_or_else(ones).array().to_row_major()
    });
    let share = smoothing / classes as f64;
    let (losses, log_sums) = with_dtype!(logits.dtype(), F => {
        let xs = &*logits.array().contiguous::<F>();
        let log_sums = log_sums(xs, rows, classes);
        let pairs = &*log_sums.contiguous::<F>();
        let losses = Array::build::<F>(Shape::from([rows]), |out| {
            if let Some(spread) = &spread {
                cross_entropy::losses(xs, pairs, &spread.contiguous::<F>(), classes, out);
            }
            for (i, (out, counted)) in out.iter_mut().zip(labels.counted()).enumerate() {
                *out = counted.map_or(0.0, |(label, weight)| {
                    let hit = F::from_f64((1.0 - smoothing) * weight);
                    let own = hit * (pairs[2 * i + 1] - (xs[i * classes + label] - pairs[2 * i]));
                    let loss = if hit == 0.0 { 0.0 } else { own };
                    if spread.is_some() { loss + F::from_f64(share) * *out } else { loss }
                });
            }
        });
        (losses, log_sums)
    });
    Tensor::from_op(losses.into(), &[logits], || WithLabels {
        logits: logits.clone(),
        log_sums: log_sums.into(),
        labels: labels.clone(),
        spread: spread.map(Tensor::from),
        smoothing,
    })
}

struct WithLabels {
    logits: Tensor,
    /// (rows, 2): the maximum, and ln Σ e^(x - maximum).
    log_sums: Tensor,
    labels: Labels,
    /// The weight of each class, if there is smoothing.
    spread: Option<Tensor>,
    smoothing: f64,
}

impl Op for WithLabels {
    fn name(&self) -> &'static str {
        NAME
    }
    fn kind(&self) -> OpKind {
        OpKind::Loss
    }

    /// Computes g (Σ target softmax(logits) - target). The target of a row is its label's weight
    /// times 1 - smoothing at the label, plus all weights times smoothing / classes everywhere.
    fn vjp(&self, cotangent: Tensor, context: &Vjp) -> Result<Cotangents> {
        let classes = self.logits.shape()[1];
        let (kept, share) = (1.0 - self.smoothing, self.smoothing / classes as f64);
        if context.records() {
            let g = self.labels.only_counted(&cotangent)?;
            let hits = self.labels.weighted(&g, kept)?;
            let logits = self.labels.only_counted(&context.saved(&self.logits))?;
            let p = logits.softmax(1)?;
            let Some(spread) = &self.spread else {
                let pulled = p.mul(&hits.unsqueeze(1)?)?;
                return Ok(smallvec![Some(
                    pulled.sub(&self.labels.put(&hits, classes)?)?
                )]);
            };
            let everywhere = g.mul_scalar(share);
            let totals = hits.add(&everywhere.mul(&spread.sum())?)?;
            let spread = spread.mul(&everywhere.unsqueeze(1)?)?;
            let pulled = p.mul(&totals.unsqueeze(1)?)?.sub(&spread)?;
            let pulled = pulled.sub(&self.labels.put(&hits, classes)?)?;
            // An infinite weight times a cotangent of 0 is NaN.
            return Ok(smallvec![Some(self.labels.only_counted(&pulled)?)]);
        }
        let logits = self.logits.array();
        let dx = with_dtype!(logits.dtype(), F => {
            let gs = cotangent.array().to_vec::<F>();
            let at_label = |(g, counted): (&F, Option<(usize, f64)>)| {
                counted.map_or(0.0, |(_, weight)| *g * F::from_f64(kept * weight))
            };
            let hits: Vec<F> = gs.iter().zip(self.labels.counted()).map(at_label).collect();
            let labels = Some((self.labels.as_slice(), &hits[..]));
            let xs = &*logits.contiguous::<F>();
            let log_sums = &*self.log_sums.array().contiguous::<F>();
            let fill = |targets: Targets<'_, F>| {
                Array::build::<F>(logits.shape().clone(), |out| {
                    cross_entropy::backward(xs, log_sums, targets, classes, out);
                })
            };
            if let Some(spread) = &self.spread {
                let spread = &*spread.array().contiguous::<F>();
                let everywhere = |(g, counted): (&F, Option<(usize, f64)>)| {
                    counted.map_or(0.0, |_| *g * F::from_f64(share))
                };
                let counted = self.labels.counted();
                let factors: Vec<F> = gs.iter().zip(counted).map(everywhere).collect();
                let weight = fold::all(fold::Sum, spread);
                let totals = hits.iter().zip(&factors).map(|(hit, f)| hit + f * weight);
                let totals: Vec<F> = totals.collect();
                fill(Targets { totals: &totals, labels, spread: Some((spread, &factors)) })
            } else {
                fill(Targets { totals: &hits, labels, spread: None })
            }
        });
        Ok(smallvec![Some(Tensor::from(dx))])
    }
}

/// Computes the losses `(rows)` of logits `(rows, classes)` with targets of the same shape.
fn with_probabilities(logits: &Tensor, targets: &Tensor) -> Tensor {
    let (rows, classes) = (logits.shape()[0], logits.shape()[1]);
    let (losses, log_sums) = with_dtype!(logits.dtype(), F => {
        let xs = &*logits.array().contiguous::<F>();
        let coefficients = &*targets.array().contiguous::<F>();
        let log_sums = log_sums(xs, rows, classes);
        let losses = Array::build::<F>(Shape::from([rows]), |out| {
            cross_entropy::losses(xs, &log_sums.contiguous::<F>(), coefficients, classes, out);
        });
        (losses, log_sums)
    });
    Tensor::from_op(losses.into(), &[logits, targets], || WithProbabilities {
        logits: logits.clone(),
        log_sums: log_sums.into(),
        targets: targets.clone(),
    })
}

struct WithProbabilities {
    logits: Tensor,
    /// (rows, 2): the maximum, and ln Σ e^(x - maximum).
    log_sums: Tensor,
    targets: Tensor,
}

impl WithProbabilities {
    /// Returns the rows whose softmax or cotangent is not finite and whose targets are all 0. Other
    /// rows with such targets need no care: only finite values are multiplied by 0.
    fn uncounted(&self, cotangent: &Tensor) -> Result<Mask> {
        let undefined = |x: &Tensor| -> Result<Mask> {
            let zeros = x.detach().mul_scalar(0.0);
            zeros.ne(&zeros)
        };
        let log_sums = self.log_sums.narrow(1, 1, 1)?;
        let care = undefined(&log_sums)?.or(&undefined(&cotangent.unsqueeze(1)?)?)?;
        if !care.any() {
            return Ok(care);
        }
        care.and(&self.targets.eq_scalar(0.0).all_over(Axes::keep(1))?)
    }

    /// Computes g (Σ target softmax(logits) - target).
    fn of_logits(&self, cotangent: &Tensor, context: &Vjp) -> Result<Tensor> {
        if context.records() {
            let target = context.saved(&self.targets);
            let (mut logits, mut g) = (context.saved(&self.logits), cotangent.unsqueeze(1)?);
            let uncounted = self.uncounted(cotangent)?;
            if uncounted.any() {
                logits = logits.masked_fill(&uncounted, 0.0)?;
                g = g.masked_fill(&uncounted, 0.0)?;
            }
            let p = logits.softmax(1)?;
            let totals = target.sum_over(Axes::keep(1))?.mul(&g)?;
            return p.mul(&totals)?.sub(&target.mul(&g)?);
        }
        let (logits, targets) = (self.logits.array(), self.targets.array());
        let (rows, classes) = (logits.shape()[0], logits.shape()[1]);
        Ok(Tensor::from(with_dtype!(logits.dtype(), F => {
            let factors = cotangent.array().to_vec::<F>();
            let coefficients = &*targets.contiguous::<F>();
            let mut totals = vec![0.0; rows];
            fold::rows(fold::Sum, coefficients, classes, &mut totals);
            totals.iter_mut().zip(&factors).for_each(|(total, g)| *total *= g);
            let spread = Some((coefficients, &factors[..]));
            let targets = Targets { totals: &totals, labels: None, spread };
            let xs = &*logits.contiguous::<F>();
            let log_sums = &*self.log_sums.array().contiguous::<F>();
            Array::build::<F>(logits.shape().clone(), |out| {
                cross_entropy::backward(xs, log_sums, targets, classes, out);
            })
        })))
    }
}

impl Op for WithProbabilities {
    fn name(&self) -> &'static str {
        NAME
    }
    fn kind(&self) -> OpKind {
        OpKind::Loss
    }

    /// Computes [`of_logits`](Self::of_logits), and -g ln softmax(logits) for the targets.
    fn vjp(&self, cotangent: Tensor, context: &Vjp) -> Result<Cotangents> {
        let of_logits = if context.wants(0) {
            Some(self.of_logits(&cotangent, context)?)
        } else {
            None
        };
        let of_targets = if context.wants(1) {
            let logarithms = context.saved(&self.logits).log_softmax(1)?;
            Some(logarithms.mul(&cotangent.neg().unsqueeze(1)?)?)
        } else {
            None
        };
        Ok(smallvec![of_logits, of_targets])
    }
}
