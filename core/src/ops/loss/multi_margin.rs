//! Margin losses of classes: of one label a row, and of several.

use crate::autograd::{Cotangents, Op, OpKind, Tensor, Vjp};
use crate::error::{Error, Result};
use crate::kernel::loss::margin::{self, Hinge};
use crate::ops::loss::bce_with_logits::{bce_with_logits, means_over_classes};
use crate::ops::loss::labels::{class_weights, rows_of_classes};
use crate::ops::loss::options::options;
use crate::ops::loss::ranking::expect_margin;
use crate::ops::loss::reduction::{Reduction, expect_one_shape, expect_weight, weighted};
use crate::tensor::{Array, Indices, Mask, Shape, with_dtype};
use smallvec::smallvec;

/// # Losses
impl Tensor {
    /// Returns the mean multi-class hinge loss of scores `(…, classes)` with labels `(…)`, a
    /// scalar. The loss of a row is the sum of `max(0, 1 - x[label] + x[i])` over the other classes
    /// i, divided by the number of classes (Crammer, Singer 2001, On the Algorithmic Implementation
    /// of Multiclass Kernel-based Vector Machines, with the sum in place of the maximum). The
    /// derivative at a kink is 0. [`MultiMarginLoss`] has the options.
    ///
    /// # Errors
    /// [`Error::Shape`] if the labels have another shape, there are no classes, or there are no
    /// rows; [`Error::Index`] if a label is not below the number of classes.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let scores = Tensor::from([[0.1f64, 0.2, 0.4, 0.8]]);
    /// let loss = scores.multi_margin_loss(&Indices::from([3]))?;
    /// assert!((loss.item()? - 0.325).abs() < 1e-15);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn multi_margin_loss(&self, labels: &Indices) -> Result<Self> {
        MultiMarginLoss::new().loss(self, labels)
    }

    /// Returns the mean multi-label hinge loss of scores `(…, classes)`, a scalar. The target says
    /// which classes apply and has the shape of the scores. The loss of a row is the sum of
    /// `max(0, 1 - x[j] + x[i])` over all pairs of a class j that applies and a class i that does
    /// not, divided by the number of classes. The derivative at a kink is 0.
    /// [`MultilabelMarginLoss`] has other reductions.
    ///
    /// PyTorch's target is a list of the labels of each row, filled up with -1.
    ///
    /// # Errors
    /// [`Error::Shape`] if the target has another shape, there are no classes, or there are no
    /// rows.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let scores = Tensor::from([[0.1f64, 0.2, 0.4, 0.8]]);
    /// let target = Mask::from([[true, false, false, true]]);
    /// assert!((scores.multilabel_margin_loss(&target)?.item()? - 0.85).abs() < 1e-15);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn multilabel_margin_loss(&self, target: &Mask) -> Result<Self> {
        MultilabelMarginLoss::new().loss(self, target)
    }

    /// Returns the mean multi-label cross-entropy of logits `(…, classes)` with targets of the same
    /// shape, between 0 and 1: a scalar. It is the mean of
    /// [`bce_with_logits`](Self::bce_with_logits), first over the classes.
    /// [`MultilabelSoftMarginLoss`] has the options.
    ///
    /// # Errors
    /// As [`mse_loss`](Self::mse_loss).
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let logits = Tensor::from([[0.0f64, 0.0]]);
    /// let loss = logits.multilabel_soft_margin_loss(&Tensor::from([[1.0f64, 0.0]]))?;
    /// assert_eq!(loss.item()?, 2f64.ln());
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn multilabel_soft_margin_loss(&self, targets: &Self) -> Result<Self> {
        MultilabelSoftMarginLoss::new().loss(self, targets)
    }
}

options! {
    /// The multi-class hinge loss, with options.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let scores = Tensor::from([[0.0f64, 2.0], [1.0, 0.0]]);
    /// let loss = MultiMarginLoss::new().squared().reduction(Reduction::None);
    /// let losses = loss.loss(&scores, &Indices::from([0, 0]))?;
    /// assert_eq!(losses.to_vec::<f64>()?, [4.5, 0.0]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    #[derive(Clone, Debug)]
    pub struct MultiMarginLoss;

    /// Creates the loss with a margin of 1, hinges that are not squared, and weights of 1; it
    /// returns the mean.
    pub fn new();

    /// Sets by how much the label's score must be the larger one, for a loss of 0.
    pub fn margin(margin: f64 = 1.0);

    /// Squares each hinge. In PyTorch it is `p=2`.
    #[doc(alias = "p")]
    pub fn squared();

    /// Sets the weight of each class, `(classes)`. The mean divides by the number of rows, not by
    /// the sum of the weights, as in PyTorch. No gradient flows to the weights.
    #[doc(alias = "weight")]
    pub fn class_weights(weights: &Tensor);

    /// Sets the reduction of the losses of the rows.
    pub fn reduction(reduction: Reduction = Reduction::Mean);
}

impl MultiMarginLoss {
    /// Returns `weight[label] Σ max(0, margin - x[label] + x[i]) / classes` over the other classes
    /// i of each row, reduced. The scores x are `(…, classes)`, the labels and the losses `(…)`.
    ///
    /// # Errors
    /// As [`Tensor::multi_margin_loss`]; [`Error::Shape`] and [`Error::DType`] if the weights do
    /// not fit, [`Error::Argument`] if the margin is not finite.
    pub fn loss(&self, scores: &Tensor, labels: &Indices) -> Result<Tensor> {
        let op = "multi_margin_loss";
        expect_margin(op, self.margin)?;
        let (rows, shape) = rows_of_classes(op, scores)?;
        let weights = class_weights(op, &rows, self.class_weights.as_ref())?;
        let classes = rows.shape()[1];
        if *labels.shape() != *shape {
            let reason = format!("expected labels of shape {shape}, one for each row of classes");
            return Err(Error::shape(op, reason, &[scores.shape(), labels.shape()]));
        }
        labels.check(op, "label", classes, "classes")?;
        let applies = Mask::build(rows.array().shape().clone(), |applies| {
            for (row, &label) in applies.chunks_exact_mut(classes).zip(labels.as_slice()) {
                row[label] = true;
            }
        });
        let hinge = Hinge {
            margin: self.margin,
            squared: self.squared,
        };
        let mut losses = hinges(op, hinge, &rows, &applies).reshape(&shape)?;
        if let Some(weights) = weights {
            losses = weighted(&losses, &weights.index_select(0, labels)?)?;
        }
        self.reduction.apply(op, &losses)
    }
}

options! {
    /// The multi-label hinge loss with a choice of the reduction.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let scores = Tensor::from([[0.0f64, 2.0], [1.0, 0.0]]);
    /// let target = Mask::from([[true, false], [true, true]]);
    /// let losses = MultilabelMarginLoss::new().reduction(Reduction::None).loss(&scores, &target)?;
    /// assert_eq!(losses.to_vec::<f64>()?, [1.5, 0.0]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    #[doc(alias = "MultiLabelMarginLoss")]
    #[derive(Clone, Copy, Debug)]
    pub struct MultilabelMarginLoss;

    /// Creates the loss; it returns the mean.
    pub fn new();

    /// Sets the reduction of the losses of the rows.
    pub fn reduction(reduction: Reduction = Reduction::Mean);
}

impl MultilabelMarginLoss {
    /// Returns the loss of each row of scores `(…, classes)`, reduced;
    /// [`Tensor::multilabel_margin_loss`] has the formula. The losses are `(…)`.
    ///
    /// # Errors
    /// As [`Tensor::multilabel_margin_loss`].
    pub fn loss(&self, scores: &Tensor, target: &Mask) -> Result<Tensor> {
        let op = "multilabel_margin_loss";
        let (rows, shape) = rows_of_classes(op, scores)?;
        if target.shape() != scores.shape() {
            let reason = "the target must have the shape of the scores";
            return Err(Error::shape(op, reason, &[scores.shape(), target.shape()]));
        }
        let hinge = Hinge {
            margin: 1.0,
            squared: false,
        };
        let losses = hinges(op, hinge, &rows, target).reshape(&shape)?;
        self.reduction.apply(op, &losses)
    }
}

options! {
    /// The multi-label cross-entropy of logits, with options.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let logits = Tensor::from([[0.0f64, 0.0], [0.0, 0.0]]);
    /// let targets = Tensor::from([[1.0f64, 0.0], [0.0, 0.0]]);
    /// let loss = MultilabelSoftMarginLoss::new()
    ///     .class_weights(&Tensor::from([1.0f64, 3.0]))
    ///     .reduction(Reduction::Sum)
    ///     .loss(&logits, &targets)?;
    /// assert!((loss.item()? - 4.0 * 2f64.ln()).abs() < 1e-15);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    #[doc(alias = "MultiLabelSoftMarginLoss")]
    #[derive(Clone, Debug)]
    pub struct MultilabelSoftMarginLoss;

    /// Creates the loss: all weights are 1, and the result is the mean.
    pub fn new();

    /// Sets the weight of each class, `(classes)`, or any shape that broadcasts to that of the
    /// logits. The means divide by the numbers of classes and rows, not by the sum of the weights,
    /// as in PyTorch. No gradient flows to the weights.
    #[doc(alias = "weight")]
    pub fn class_weights(weights: &Tensor);

    /// Sets the reduction of the losses of the rows.
    pub fn reduction(reduction: Reduction = Reduction::Mean);
}

impl MultilabelSoftMarginLoss {
    /// Returns the mean over the classes of `-weight (z ln σ(x) + (1 - z) ln σ(-x))` for logits x
    /// and targets z, both `(…, classes)`, reduced over the rows. It is differentiable in the
    /// targets too.
    ///
    /// # Errors
    /// As [`Tensor::multilabel_soft_margin_loss`]; [`Error::Shape`] if the weight does not
    /// broadcast to the shape of the logits or there are no classes.
    pub fn loss(&self, logits: &Tensor, targets: &Tensor) -> Result<Tensor> {
        let op = "multilabel_soft_margin_loss";
        expect_one_shape(op, logits, targets)?;
        rows_of_classes(op, logits).map(drop)?;
        let losses = match &self.class_weights {
            None => means_over_classes(logits, targets)?,
            Some(weight) => {
                expect_weight(op, weight, logits)?;
                weighted(&bce_with_logits(logits, targets)?, weight)?.mean_over(-1)?
            }
        };
        self.reduction.apply(op, &losses)
    }
}

/// Computes the sums of the hinges of rows of scores, divided by the number of classes.
fn hinges(op: &'static str, hinge: Hinge, rows: &Tensor, applies: &Mask) -> Tensor {
    let classes = rows.shape()[1];
    let sums = with_dtype!(rows.dtype(), F => {
        let xs = &*rows.array().contiguous::<F>();
        Array::build::<F>(Shape::from([rows.shape()[0]]), |out| {
            margin::losses(hinge, xs, applies.as_slice(), classes, out);
        })
    });
    let sums = Tensor::from_op(sums.into(), &[rows], || Hinges {
        op,
        hinge,
        x: rows.clone(),
        applies: applies.clone(),
    });
    sums.div_scalar(classes as f64)
}

struct Hinges {
    op: &'static str,
    hinge: Hinge,
    x: Tensor,
    applies: Mask,
}

impl Hinges {
    /// Computes the cotangent of the scores from that of the sums, not recorded.
    fn pulled(&self, cotangent: &Tensor) -> Tensor {
        let x = self.x.array();
        let dx = with_dtype!(x.dtype(), F => {
            let (xs, gs) = (&*x.contiguous::<F>(), cotangent.array().to_vec::<F>());
            let (applies, classes) = (self.applies.as_slice(), x.shape()[1]);
            Array::build::<F>(x.shape().clone(), |out| {
                margin::backward(self.hinge, xs, applies, &gs, classes, out);
            })
        });
        dx.into()
    }
}

impl Op for Hinges {
    fn name(&self) -> &'static str {
        self.op
    }
    fn kind(&self) -> OpKind {
        OpKind::Loss
    }

    fn vjp(&self, cotangent: Tensor, context: &Vjp) -> Result<Cotangents> {
        if !context.records() {
            return Ok(smallvec![Some(self.pulled(&cotangent))]);
        }
        let g = cotangent.unsqueeze(1)?;
        if !self.hinge.squared {
            let ones = cotangent.detach().constant_like(1.0);
            return Ok(smallvec![Some(self.pulled(&ones).mul(&g)?)]);
        }
        // 2 max(0, margin - x + y) of all pairs, and 0 for those that are none.
        let x = context.saved(&self.x);
        let applies = self.applies.reshape(x.shape())?;
        let pairs = x.unsqueeze(1)?.sub(&x.unsqueeze(2)?)?;
        let missing = pairs.add_scalar(self.hinge.margin);
        let pairs = applies.unsqueeze(2)?.and(&applies.not().unsqueeze(1)?)?;
        let absent = missing.le_scalar(0.0).or(&pairs.not())?;
        let slopes = missing.masked_fill(&absent, 0.0)?.mul_scalar(2.0);
        let dx = slopes.sum_over(1)?.sub(&slopes.sum_over(2)?)?.mul(&g)?;
        Ok(smallvec![Some(dx)])
    }
}
