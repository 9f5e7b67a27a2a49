//! The reduction of losses to one value, and the checks that the losses share.

use crate::autograd::Tensor;
use crate::error::{Error, Result};
use crate::ops::elementwise::operation::{self, Operation, Reduced};
use crate::ops::reduce::sum::mean_to_shape;
use crate::tensor::{Shape, broadcast_shapes};

/// How a loss combines the losses of the elements or samples.
///
/// A method of [`Tensor`], such as [`Tensor::mse_loss`], always takes the [`Mean`](Self::Mean). The
/// type of the same loss, such as [`MseLoss`](crate::MseLoss), has a method `reduction`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reduction {
    /// The mean, a scalar. The mean of no losses is an error. A loss of labels divides by the sum
    /// of the weights of the labels that count.
    #[default]
    Mean,
    /// The sum, a scalar.
    Sum,
    /// The sum divided by the length of the first axis (by 1 for a scalar): the mean over the
    /// samples of a batch, where the loss of a sample is the sum of its elements. A scalar. An
    /// error if the first axis has length 0. PyTorch has it as `batchmean`, for the
    /// Kullback-Leibler divergence only.
    #[doc(alias = "batchmean")]
    BatchMean,
    /// No reduction: the loss of each element or sample.
    None,
}

impl Reduction {
    /// Reduces the losses.
    pub(crate) fn apply(self, op: &'static str, losses: &Tensor) -> Result<Tensor> {
        match self {
            Self::Mean => {
                expect_losses(op, losses.len(), losses.shape())?;
                Ok(losses.mean())
            }
            Self::Sum => Ok(losses.sum()),
            Self::BatchMean => {
                let samples = losses.shape().first().copied().unwrap_or(1);
                expect_losses(op, samples, losses.shape())?;
                Ok(mean_to_shape(losses, &Shape::default(), samples as f64))
            }
            Self::None => Ok(losses.clone()),
        }
    }
}

/// Fails if there are no losses to take the mean of.
pub(crate) fn expect_losses(op: &'static str, count: usize, shape: &[usize]) -> Result<()> {
    if count > 0 {
        return Ok(());
    }
    let reason = "the batch is empty: there are no losses to take the mean of";
    Err(Error::shape(op, reason, &[shape]))
}

/// Fails unless prediction and target have the same shape and dtype.
pub(crate) fn expect_one_shape(
    op: &'static str,
    prediction: &Tensor,
    target: &Tensor,
) -> Result<()> {
    Tensor::expect_one_dtype(
        op,
        &[
            ("the prediction", Some(prediction)),
            ("the target", Some(target)),
        ],
    )?;
    if prediction.shape() == target.shape() {
        return Ok(());
    }
    let reason = "a loss does not broadcast: the prediction and the target must have one shape";
    Err(Error::shape(
        op,
        reason,
        &[prediction.shape(), target.shape()],
    ))
}

/// Computes a loss of elements and reduces it. The operands broadcast to the shape of the first.
pub(crate) fn reduced_formula<const N: usize, E: Operation<N>>(
    op: &'static str,
    formula: E,
    operands: [&Tensor; N],
    reduction: Reduction,
) -> Result<Tensor> {
    let losses = operands[0];
    match reduction {
        Reduction::Mean => {
            expect_losses(op, losses.len(), losses.shape())?;
            operation::reduce(formula, Reduced::Mean, None, operands)
        }
        Reduction::Sum => operation::reduce(formula, Reduced::Sum, None, operands),
        _ => reduction.apply(op, &operation::apply(formula, operands)?),
    }
}

/// Fails unless the weight has the dtype of the prediction and broadcasts to its shape.
pub(crate) fn expect_weight(op: &'static str, weight: &Tensor, prediction: &Tensor) -> Result<()> {
    Tensor::expect_one_dtype(
        op,
        &[
            ("the prediction", Some(prediction)),
            ("the weight", Some(weight)),
        ],
    )?;
    if broadcast_shapes(op, weight.shape(), prediction.shape())?[..] == *prediction.shape() {
        return Ok(());
    }
    let reason = "the weight has axes that the prediction does not have";
    let shapes = [weight.shape(), prediction.shape()];
    Err(Error::shape(op, reason, &shapes))
}

/// Returns the losses times their weights; 0 where the weight is 0.
pub(crate) fn weighted(losses: &Tensor, weight: &Tensor) -> Result<Tensor> {
    without(&losses.mul(weight)?, weight)
}

/// Returns `x` with 0 where the weight, which broadcasts to its shape, is 0. Multiplying by a
/// weight of 0 would make infinite elements NaN.
pub(crate) fn without(x: &Tensor, weight: &Tensor) -> Result<Tensor> {
    let weightless = weight.eq_scalar(0.0);
    if weightless.any() {
        return x.masked_fill(&weightless, 0.0);
    }
    Ok(x.clone())
}
