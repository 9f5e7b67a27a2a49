//! Cross-entropy of logits with labels or with probabilities, softmax and loss in one sweep.

use crate::autograd::{Cotangents, Op, OpKind, Tensor, Vjp};
use crate::error::{Error, Interval, Result};
use crate::kernel::Float;
use crate::kernel::activation::softmax;
use crate::kernel::loss::cross_entropy::{self, Targets};
use crate::kernel::reduce::fold;
use crate::ops::loss::nll_loss::{Labels, class_weights, rows_of_classes};
use crate::ops::loss::pointwise::{Reduction, expect_one_shape, without};
use crate::tensor::{Array, Axes, Element, Indices, Mask, Shape, with_dtype};
use smallvec::smallvec;

const NAME: &str = "cross_entropy";

impl Tensor {
    /// The mean over the labels of `-ln softmax(logits)[label]`, a scalar; `self` holds the logits,
    /// (samples, classes) or (samples, classes, …), of any size: 1e4 gives a finite loss.
    /// [`CrossEntropy`] has the options.
    ///
    /// # Errors
    /// [`Error::Shape`] if the logits have not at least two axes, there are no samples, or there is
    /// not one label per sample; [`Error::Index`] if a label is not below the number of classes.
    ///
    /// ```
    /// # use cotangent::{Indices, Tensor};
    /// let logits = Tensor::from([[0.0f64, 0.0], [1e4, 0.0]]);
    /// let loss = logits.cross_entropy(&Indices::from([1, 0]))?;
    /// assert!((loss.item()? - 2f64.ln() / 2.0).abs() < 1e-15);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn cross_entropy(&self, labels: &Indices) -> Result<Self> {
        let loss = CrossEntropy::new().loss(self, labels)?;
        if labels.is_empty() {
            let reason = "the mean over no samples is undefined";
            return Err(Error::shape(NAME, reason, &[self.shape()]));
        }
        Ok(loss)
    }
}

/// What logits are held against: a label per sample, or a probability per sample and class.
#[derive(Clone, Copy, Debug)]
pub enum Target<'a> {
    /// The number of the right class.
    Labels(&'a Indices),
    /// What each class should get, of the shape of the logits. Nothing checks that the
    /// probabilities of a sample sum to 1.
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

/// Cross-entropy of logits with labels or probabilities, with options.
///
/// ```
/// # use cotangent::{CrossEntropy, Indices, Reduction, Tensor};
/// let logits = Tensor::from([[0.0f64, 0.0], [1e4, 0.0]]).tracked();
/// let loss = CrossEntropy::new()
///     .class_weights(&Tensor::from([1.0f64, 3.0]))
///     .ignore_label(255)
///     .reduction(Reduction::Sum);
/// let labelled = loss.loss(&logits, &Indices::from([1, 255]))?;
/// assert!((labelled.item()? - 3.0 * 2f64.ln()).abs() < 1e-15);
///
/// let probabilities = Tensor::from([[0.5f64, 0.5], [1.0, 0.0]]);
/// let soft = CrossEntropy::new().loss(&logits, &probabilities)?;
/// assert!((soft.item()? - 2f64.ln() / 2.0).abs() < 1e-15);
/// # Ok::<(), cotangent::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct CrossEntropy {
    weights: Option<Tensor>,
    smoothing: f64,
    ignored: Option<usize>,
    reduction: Reduction,
}

impl CrossEntropy {
    /// The mean, all classes weighing 1, nothing smoothed, all labels counted.
    pub fn new() -> Self {
        Self::default()
    }

    /// What each class weighs, (classes). No gradient flows to the weights. With labels the mean is
    /// then the weighted one: the sum over the samples divided by the sum of their labels' weights.
    /// With probabilities it is divided by the number of samples, as in PyTorch.
    ///
    /// A class that weighs 0 contributes nothing, whatever its logits are. Samples with its label
    /// are not counted, as if the label were ignored, unless
    /// [`label_smoothing`](Self::label_smoothing) gives them a share of the other classes. (PyTorch
    /// multiplies by 0, which makes infinity NaN.)
    pub fn class_weights(mut self, weights: &Tensor) -> Self {
        self.weights = Some(weights.detach());
        self
    }

    /// Moves the share `smoothing` of each target to all classes alike: it becomes
    /// `(1 - smoothing) target + smoothing / classes` (Szegedy, Vanhoucke, Ioffe, Shlens, Wojna
    /// 2016, Rethinking the Inception Architecture for Computer Vision).
    pub fn label_smoothing(mut self, smoothing: f64) -> Self {
        self.smoothing = smoothing;
        self
    }

    /// A label that is not counted: its samples' losses and gradients are 0, whatever the logits
    /// are (in PyTorch the gradients are NaN where the softmax is). It need not be a class. If no
    /// label is counted the mean is NaN, and its gradients are 0, as in PyTorch.
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

    /// `-Σ weight target ln softmax(logits)` over the classes of each sample, reduced; where the
    /// target is a label it counts as 1 there and 0 elsewhere. The logits are (samples, classes) or
    /// (samples, classes, …), labels (samples) or (samples, …), probabilities as the logits. It is
    /// differentiable in the probabilities too.
    ///
    /// A target of 0 contributes nothing, whatever the logit is: with a logit of -∞ PyTorch's loss
    /// is NaN. A target above 0 at a logit of -∞ gives ∞. Samples that are counted and have no
    /// softmax (a logit is NaN or ∞, or all are -∞) have a loss and gradients of NaN.
    ///
    /// The mean over no samples is NaN. Logits of a single sample, (classes), which PyTorch takes
    /// too, are an error: say `logits.unsqueeze(0)`.
    ///
    /// # Errors
    /// [`Error::Shape`] if the logits have not at least two axes, there is no class, there is not
    /// one label per sample or not one weight per class, or probabilities have another shape than
    /// the logits; [`Error::DType`] if dtypes differ; [`Error::Index`] if a label that is counted
    /// is not below the number of classes; [`Error::Argument`] if the smoothing is not in `[0, 1]`,
    /// or a label is to be ignored and there are none.
    pub fn loss<'a>(&self, logits: &Tensor, target: impl Into<Target<'a>>) -> Result<Tensor> {
        Interval::Share.check(NAME, "label smoothing", self.smoothing)?;
        let (rows, shape) = rows_of_classes(NAME, logits)?;
        let weights = class_weights(NAME, &rows, self.weights.as_ref())?;
        match target.into() {
            Target::Labels(labels) => {
                let classes = rows.shape()[1];
                let (ignored, smoothing) = (self.ignored, self.smoothing);
                let labels =
                    Labels::new(NAME, labels, &shape, classes, weights, ignored, smoothing)?;
                let losses = with_labels(&rows, &labels, weights, self.smoothing);
                labels.reduce(&losses, self.reduction, &shape)
            }
            Target::Probabilities(probabilities) => {
                expect_one_shape(NAME, logits, probabilities)?;
                if self.ignored.is_some() {
                    let reason = "a label cannot be ignored where the target is probabilities";
                    return Err(Error::argument(NAME, reason));
                }
                let (mut targets, _) = rows_of_classes(NAME, probabilities)?;
                if self.smoothing > 0.0 {
                    let share = self.smoothing / rows.shape()[1] as f64;
                    targets = targets.mul_scalar(1.0 - self.smoothing).add_scalar(share);
                }
                if let Some(weights) = weights {
                    targets = without(&targets, weights)?.mul(weights)?;
                }
                let losses = with_probabilities(&rows, &targets);
                if self.reduction == Reduction::Mean {
                    return Ok(losses.mean());
                }
                Ok(self.reduction.apply(&losses.reshape(&shape)?))
            }
        }
    }
}

/// Each row's maximum and ln Σ e^(x - maximum), (rows, 2).
fn log_sums<F: Element>(xs: &[F], rows: usize, classes: usize) -> Array {
    Array::build::<F>(Shape::from([rows, 2]), |out| {
        softmax::log_sums(xs, classes, out);
    })
}

/// The losses (rows) of logits (rows, classes) with labels.
fn with_labels(
    logits: &Tensor,
    labels: &Labels,
    weights: Option<&Tensor>,
    smoothing: f64,
) -> Tensor {
    let (rows, classes) = (logits.shape()[0], logits.shape()[1]);
    // What the smoothing spreads over all classes; nothing without it, or without rows: their
    // number does not limit that of the classes then.
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
    /// What each class weighs, if there is smoothing.
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

    /// g (Σ target softmax(logits) - target), where the target of a row is its label's weight
    /// times 1 - smoothing at the label, and all weights times smoothing / classes everywhere.
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
            return Ok(smallvec![Some(
                pulled.sub(&self.labels.put(&hits, classes)?)?
            )]);
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
                let factors: Vec<F> = gs.iter().zip(self.labels.counted()).map(everywhere).collect();
                let weight = fold::all(fold::Sum, spread);
                let totals: Vec<F> = hits.iter().zip(&factors).map(|(hit, f)| hit + f * weight).collect();
                fill(Targets { totals: &totals, labels, spread: Some((spread, &factors)) })
            } else {
                fill(Targets { totals: &hits, labels, spread: None })
            }
        });
        Ok(smallvec![Some(Tensor::from(dx))])
    }
}

/// The losses (rows) of logits (rows, classes) with targets of the same shape.
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
    /// The rows whose target is 0 throughout, of those that have no softmax or no cotangent. The
    /// others need no care: what they are multiplied by 0 is finite.
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

    /// g (Σ target softmax(logits) - target)
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
            let targets = Targets { totals: &totals, labels: None, spread: Some((coefficients, &factors)) };
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

    /// As [`of_logits`](Self::of_logits); and -g ln softmax(logits).
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
