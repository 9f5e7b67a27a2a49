//! Connectionist temporal classification: the loss of labels that are not aligned with the input.

use crate::autograd::{Backward, Cotangents, Op, OpKind, Tensor, Vjp};
use crate::error::{Error, Result};
use crate::kernel::Float;
use crate::kernel::loss::ctc::{self, Alignments, Sequence, States};
use crate::ops::loss::ctc_recorded::composed;
use crate::ops::loss::options::options;
use crate::ops::loss::reduction::{Reduction, expect_losses};
use crate::tensor::{Array, DType, Indices, Shape, with_dtype};
use smallvec::smallvec;

const NAME: &str = "ctc_loss";

/// # Losses
impl Tensor {
    /// Returns the mean loss of connectionist temporal classification, a scalar: the negative
    /// log-likelihood of sequences of labels, summed over all alignments with the steps of the
    /// input, divided by the number of labels (Graves, Fernández, Gomez, Schmidhuber 2006,
    /// Connectionist Temporal Classification: Labelling Unsegmented Sequence Data with Recurrent
    /// Neural Networks). Class 0 is the blank. [`CtcLoss`] has the options.
    ///
    /// `self` holds log-probabilities `(batch, time, classes)`, as
    /// [`log_softmax(-1)`](Self::log_softmax) returns them, of which `input_lengths` steps count.
    /// The labels are `(batch, length)`, of which `label_lengths` count. Without a batch they are
    /// `(time, classes)` and `(length)`, with one length each. **PyTorch has the time before the
    /// batch.**
    ///
    /// # Errors
    /// [`Error::Shape`] if the shapes or the numbers of lengths do not fit, there are no classes,
    /// or there are no sequences; [`Error::Index`] if a label that counts is not below the number
    /// of classes; [`Error::Argument`] if a length is above that of its axis, or a label that
    /// counts is the blank.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// // Two steps, of which the blank and the label have probability 1/2 each: three of the four
    /// // paths spell the label.
    /// let log_probabilities = Tensor::from([[[0.5f64, 0.5], [0.5, 0.5]]]).ln();
    /// let labels = Indices::from([[1]]);
    /// let loss = log_probabilities.ctc_loss(&labels, &[2], &[1])?;
    /// assert!((loss.item()? + 0.75f64.ln()).abs() < 1e-15);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    #[doc(alias = "connectionist_temporal_classification")]
    pub fn ctc_loss(
        &self,
        labels: &Indices,
        input_lengths: &[usize],
        label_lengths: &[usize],
    ) -> Result<Self> {
        CtcLoss::new().loss(self, labels, input_lengths, label_lengths)
    }
}

options! {
    /// The loss of connectionist temporal classification, with options.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let log_probabilities = Tensor::from([[0.5f64, 0.5], [0.5, 0.5]]).ln();
    /// let loss = CtcLoss::new().blank(1).zero_infinity().reduction(Reduction::None);
    /// let loss = loss.loss(&log_probabilities, &Indices::from([0, 0]), &[2], &[2])?;
    /// // Equal labels need a blank between them, so that there is no alignment.
    /// assert_eq!(loss.item()?, 0.0);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    #[doc(alias = "CTCLoss")]
    #[derive(Clone, Copy, Debug)]
    pub struct CtcLoss;

    /// Creates the loss: class 0 is the blank, a sequence without an alignment has an infinite
    /// loss, and the result is the mean.
    pub fn new();

    /// Sets the class of the blank, which is no label.
    pub fn blank(class: usize = 0);

    /// Gives sequences without an alignment, which have more labels than steps, losses and
    /// gradients of 0. Without this option their loss is ∞ and their gradient NaN, as in PyTorch.
    pub fn zero_infinity();

    /// Sets the reduction of the losses of the sequences. As in PyTorch, [`Reduction::Mean`] first
    /// divides each loss by the number of its labels, or by 1 if there are none.
    pub fn reduction(reduction: Reduction = Reduction::Mean);
}

impl CtcLoss {
    /// Returns the loss of each sequence, reduced; [`Tensor::ctc_loss`] says which shapes it takes.
    /// The losses are `(batch)`, or a scalar without a batch. Sums are computed as `f64`
    /// logarithms. For the derivative, 8 bytes are kept for each step and state of a sequence; L
    /// labels have 2 L + 1 states.
    ///
    /// The derivative by a log-probability is minus the probability that an alignment emits the
    /// class at the step. PyTorch's adds the class's own probability, which is right for the
    /// results of `log_softmax` only; the derivatives by the logits are the same.
    ///
    /// # Errors
    /// As [`Tensor::ctc_loss`]; [`Error::Index`] if the blank is not below the number of classes.
    pub fn loss(
        &self,
        log_probabilities: &Tensor,
        labels: &Indices,
        input_lengths: &[usize],
        label_lengths: &[usize],
    ) -> Result<Tensor> {
        let (x, outer) = batch(log_probabilities, labels)?;
        let (count, time, classes) = (x.shape()[0], x.shape()[1], x.shape()[2]);
        if self.blank >= classes {
            return Err(Error::index(
                NAME,
                "blank",
                self.blank as i64,
                classes,
                "classes",
            ));
        }
        expect_lengths("input", input_lengths, count, time)?;
        let longest = labels.shape().last().copied().unwrap_or(0);
        expect_lengths("label", label_lengths, count, longest)?;
        let mut sequences = Vec::with_capacity(count);
        for (i, (&steps, &len)) in input_lengths.iter().zip(label_lengths).enumerate() {
            let labels = &labels.as_slice()[i * longest..][..len];
            if let Some(&label) = labels.iter().find(|&&label| label >= classes) {
                return Err(Error::index(
                    NAME,
                    "label",
                    label as i64,
                    classes,
                    "classes",
                ));
            }
            if labels.contains(&self.blank) {
                let reason = format!("a label of sequence {i} is the blank, {}", self.blank);
                return Err(Error::argument(NAME, reason));
            }
            let states = States::new(labels, self.blank);
            sequences.push(Sequence { states, steps });
        }
        let losses = each(&x, sequences, self.zero_infinity)?;
        if self.reduction == Reduction::Mean {
            expect_losses(NAME, count, log_probabilities.shape())?;
            let lengths = label_lengths.iter().map(|&len| len.max(1) as f64);
            let lengths = Tensor::from(&lengths.collect::<Vec<_>>()[..]);
            return Ok(losses.div(&lengths.to_dtype(losses.dtype()))?.mean());
        }
        self.reduction.apply(NAME, &losses.reshape(&outer)?)
    }
}

/// Returns the log-probabilities as `(batch, time, classes)`, and the shape of the losses.
fn batch(x: &Tensor, labels: &Indices) -> Result<(Tensor, Shape)> {
    let outer = match (x.shape(), labels.shape()) {
        ([_, classes], [_]) if *classes > 0 => Shape::default(),
        ([batch, _, classes], [rows, _]) if *classes > 0 && batch == rows => Shape::from([*batch]),
        _ => {
            let reason = "expected log-probabilities (batch, time, classes) with labels \
                          (batch, length), or (time, classes) with (length)";
            return Err(Error::shape(NAME, reason, &[x.shape(), labels.shape()]));
        }
    };
    let x = if outer.is_empty() {
        x.unsqueeze(0)?
    } else {
        x.clone()
    };
    Ok((x, outer))
}

fn expect_lengths(what: &str, lengths: &[usize], count: usize, longest: usize) -> Result<()> {
    if lengths.len() != count {
        let found = lengths.len();
        let reason =
            format!("expected {count} {what} lengths, one for each sequence, found {found}");
        return Err(Error::argument(NAME, reason));
    }
    let Some(place) = lengths.iter().position(|&len| len > longest) else {
        return Ok(());
    };
    let found = lengths[place];
    let reason =
        format!("{what} length {found} of sequence {place} is above that of the axis, {longest}");
    Err(Error::argument(NAME, reason))
}

/// Computes the losses of all sequences.
fn each(x: &Tensor, sequences: Vec<Sequence>, zero_infinity: bool) -> Result<Tensor> {
    let sizes = [x.shape()[1], x.shape()[2]];
    if x.is_tracked() {
        let states = sequences.iter().map(|s| s.steps * s.states.classes.len());
        Shape::from([states.sum()]).reserve(NAME, DType::F64)?;
    }
    let (losses, alignments) = with_dtype!(x.dtype(), F => {
        let xs = &*x.array().contiguous::<F>();
        let alignments = ctc::alignments(xs, &sequences, sizes, x.is_tracked());
        let losses = alignments.iter().map(|all| F::from_f64(all.loss(zero_infinity)));
        let losses: Vec<F> = losses.collect();
        (Tensor::from(&losses[..]), alignments)
    });
    Ok(Tensor::from_op(losses, &[x], || Ctc {
        x: x.clone(),
        sequences,
        alignments,
        zero_infinity,
    }))
}

struct Ctc {
    x: Tensor,
    sequences: Vec<Sequence>,
    /// Kept for the derivative.
    alignments: Vec<Alignments>,
    zero_infinity: bool,
}

impl Op for Ctc {
    fn name(&self) -> &'static str {
        NAME
    }
    fn kind(&self) -> OpKind {
        OpKind::Loss
    }

    /// Minus the probability that an alignment emits the class at the step. To be recorded, the
    /// loss is composed of other operations and differentiated.
    fn vjp(&self, cotangent: Tensor, context: &Vjp) -> Result<Cotangents> {
        if context.records() && !self.x.is_empty() {
            let x = context.saved(&self.x);
            let losses = composed(&x, &self.sequences, self.zero_infinity)?;
            let backward = Backward::new().create_graph();
            let dx = backward.grad_with(&losses, &cotangent, &[&x])?;
            return Ok(dx.into_iter().map(Some).collect());
        }
        let x = self.x.array();
        let sizes = [x.shape()[1], x.shape()[2]];
        let dx = with_dtype!(x.dtype(), F => {
            let (xs, gs) = (&*x.contiguous::<F>(), cotangent.array().to_vec::<F>());
            Array::build::<F>(x.shape().clone(), |out| {
                let (sequences, alignments) = (&self.sequences, &self.alignments);
                ctc::backward(xs, sequences, alignments, &gs, sizes, self.zero_infinity, out);
            })
        });
        Ok(smallvec![Some(Tensor::from(dx))])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the labels of a path: its classes without repetitions and blanks.
    fn spelled(path: &[usize], blank: usize) -> Vec<usize> {
        let mut path = path.to_vec();
        path.dedup();
        path.retain(|&class| class != blank);
        path
    }

    #[test]
    fn losses_equal_sums_over_all_paths() -> Result<()> {
        const TIME: usize = 5;
        const CLASSES: usize = 3;
        let mut number = 0.0;
        let x = Tensor::from_fn([TIME, CLASSES], crate::DType::F64, || {
            number += 1.7;
            f64::sin(number)
        })?;
        let x = x.log_softmax(-1)?;
        let logarithms = x.to_f64_vec();
        for blank in 0..CLASSES {
            let [a, b] = [(blank + 1) % CLASSES, (blank + 2) % CLASSES];
            for labels in [
                vec![],
                vec![a],
                vec![a, b],
                vec![b, b],
                vec![a, a, b],
                vec![a, a, a],
            ] {
                for steps in [1, 3, TIME] {
                    let mut sum = 0.0;
                    for number in 0..CLASSES.pow(steps as u32) {
                        let class = |t: usize| number / CLASSES.pow(t as u32) % CLASSES;
                        let path: Vec<usize> = (0..steps).map(class).collect();
                        if spelled(&path, blank) == labels {
                            let logs = path.iter().enumerate();
                            sum += logs
                                .map(|(t, k)| logarithms[t * CLASSES + k])
                                .sum::<f64>()
                                .exp();
                        }
                    }
                    let loss = CtcLoss::new().blank(blank).reduction(Reduction::Sum);
                    let (count, labels) = (labels.len(), Indices::from(labels.clone()));
                    let found = loss.loss(&x, &labels, &[steps], &[count])?.item()?;
                    let expected = -sum.ln();
                    assert!(
                        found == expected || (found - expected).abs() < 1e-13 * expected,
                        "{labels}, {steps} steps: {found}, expected {expected}"
                    );
                }
            }
        }
        Ok(())
    }

    #[test]
    fn bad_input_is_a_typed_error() -> Result<()> {
        let x = Tensor::zeros([2, 4, 3], crate::DType::F32)?;
        let labels = Indices::from([[1, 2], [2, 0]]);
        let says = |result: Result<Tensor>, text: &str| {
            let error = result.unwrap_err().to_string();
            assert!(
                error.starts_with("ctc_loss") && error.contains(text),
                "{error}"
            );
        };
        says(
            x.ctc_loss(&labels, &[4, 4], &[2, 2]),
            "label of sequence 1 is the blank",
        );
        says(
            x.ctc_loss(&labels, &[4, 5], &[2, 1]),
            "input length 5 of sequence 1",
        );
        says(
            x.ctc_loss(&labels, &[4], &[2, 1]),
            "expected 2 input lengths",
        );
        says(
            x.ctc_loss(&labels, &[4, 4], &[3, 1]),
            "label length 3 of sequence 0",
        );
        says(
            x.ctc_loss(&Indices::from([1, 2]), &[4, 4], &[2, 1]),
            "(batch, time, classes)",
        );
        says(
            x.ctc_loss(&Indices::from([[1, 3], [1, 1]]), &[4, 4], &[2, 1]),
            "label 3",
        );
        says(
            CtcLoss::new().blank(3).loss(&x, &labels, &[4, 4], &[2, 1]),
            "blank 3",
        );
        // The rest may be anything.
        assert!(x.ctc_loss(&labels, &[4, 0], &[2, 0])?.item()?.is_finite());
        Ok(())
    }

    #[test]
    fn a_sequence_without_an_alignment_is_infinite_or_does_not_count() -> Result<()> {
        let x = Tensor::zeros([2, 2, 3], crate::DType::F64)?
            .log_softmax(-1)?
            .tracked();
        let (labels, steps, counts) = (Indices::from([[1, 1], [1, 2]]), [2, 2], [2, 2]);
        let each = CtcLoss::new().reduction(Reduction::None);
        let losses = each.loss(&x, &labels, &steps, &counts)?.to_f64_vec();
        assert_eq!(losses[0], f64::INFINITY);
        assert!((losses[1] - 2.0 * 3f64.ln()).abs() < 1e-15);
        let loss = CtcLoss::new()
            .zero_infinity()
            .loss(&x, &labels, &steps, &counts)?;
        for recorded in [false, true] {
            let backward = Backward::new().retain_graph();
            let backward = if recorded {
                backward.create_graph()
            } else {
                backward
            };
            let dx = backward.grad(&loss, &[&x])?.swap_remove(0).to_f64_vec();
            assert_eq!(dx[..6], [0.0; 6], "recorded: {recorded}");
            assert!(
                (dx[7] + 0.25).abs() < 1e-15 && (dx[11] + 0.25).abs() < 1e-15,
                "{dx:?}"
            );
        }
        Ok(())
    }
}
