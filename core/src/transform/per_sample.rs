//! The gradients of the loss of each sample of a batch.

use crate::autograd::{Backward, Cotangents, Gradients, LeafId, Links, Node, Op, Tensor, Vjp};
use crate::autograd::{Parents, sum_to_shape};
use crate::error::{Error, Result};
use crate::tensor::{DType, Shape, refusable};
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

const NAME: &str = "per_sample";

/// Computes the gradients of the loss of each sample of a batch: for each leaf, such as a model's
/// parameter, a tensor of the shape (samples, leaf's shape…). PyTorch: `torch.func.vmap` of
/// `torch.func.grad`.
///
/// `losses` gets a range of samples and returns their losses, a tensor with one element for each.
/// It is called with all samples, and one backward pass computes everything: where an operation
/// takes a weight, the sum over the batch is left out (I. Goodfellow 2015, "Efficient Per-Example
/// Gradient Computations"). Linear layers, convolutions and elementwise operations do so in one
/// step; other operations with a shared operand run their backward once for each sample.
///
/// Samples must be on the first axis in all operations, and the loss of a sample must not depend on
/// others, as it does after batch normalization in training. This is checked: the sample in the
/// middle is computed alone too. Dropout fails that check, since its mask depends on the place in a
/// batch.
///
/// The result takes as much memory as `samples` copies of the model.
///
/// # Errors
/// Those of `losses`; [`Error::Argument`] if there are no samples, if the losses have another shape
/// or depend on no tracked tensor, or if the sample in the middle has another loss or other
/// gradients alone; [`Error::Shape`] if an operation has no axis of samples in front.
///
/// ```
/// use cotangent::prelude::*;
/// use cotangent::transform;
///
/// let w = Tensor::from([[1.0f64, 2.0]]).tracked();
/// let x = Tensor::from([[1.0f64, 0.0], [0.0, 3.0], [1.0, 1.0]]);
/// let gradients = transform::per_sample(3, |range| {
///     let x = x.narrow(0, range.start, range.len())?;
///     Ok(x.linear(&w, None)?.square().squeeze(1)?)
/// })?;
/// let each = gradients.get(&w).unwrap();
/// assert_eq!(each.shape(), [3, 1, 2]);
/// assert_eq!(each.to_vec::<f64>()?, [2.0, 0.0, 0.0, 36.0, 6.0, 6.0]);
/// # Ok::<(), Error>(())
/// ```
pub fn per_sample(
    samples: usize,
    losses: impl Fn(Range<usize>) -> Result<Tensor>,
) -> Result<Gradients> {
    if samples == 0 {
        return Err(Error::argument(NAME, "expected at least one sample"));
    }
    let middle = samples / 2;
    let all = one_each(losses(0..samples)?, samples)?;
    let gradients = refusable(NAME, || pull(&all, samples))?;
    let alone = one_each(losses(middle..middle + 1)?, 1)?;
    let value = |losses: &Tensor, at: usize| losses.detach().narrow(0, at, 1)?.item();
    let (found, expected) = (value(&all, middle)?, value(&alone, 0)?);
    let (relative, absolute) = match all.dtype() {
        DType::F64 => (1e-8, 1e-12),
        _ => (1e-3, 1e-5),
    };
    let bound = relative * largest(&[found, expected]) + absolute;
    if !agree(found, expected, bound) {
        let reason = format!(
            "the loss of sample {middle} is {found} in the batch and {expected} alone: it must not \
             depend on other samples, nor on random numbers"
        );
        return Err(Error::argument(NAME, reason));
    }
    let rows = Backward::new().run_with(&alone, &alone.constant_like(1.0))?;
    let pairs: Vec<_> = rows
        .iter()
        .map(|(leaf, expected)| {
            let found = gradients
                .get(&leaf)
                .map(|each| each.select(0, middle as isize));
            Ok((
                found.transpose()?.map(|row| row.to_f64_vec()),
                expected.to_f64_vec(),
            ))
        })
        .collect::<Result<_>>()?;
    let of_all = pairs
        .iter()
        .map(|(_, expected)| largest(expected))
        .fold(0.0, f64::max);
    for (found, expected) in &pairs {
        let bound = relative * largest(expected) + absolute * of_all;
        let found = found.as_deref().unwrap_or_default();
        let mut pairs = found.iter().zip(expected);
        if found.len() != expected.len() || !pairs.all(|(a, b)| agree(*a, *b, bound)) {
            let reason = format!(
                "sample {middle} has other gradients in the batch than alone: samples must be on \
                 the first axis of all operations, and not depend on one another"
            );
            return Err(Error::argument(NAME, reason));
        }
    }
    Ok(gradients)
}

/// Returns the largest magnitude of the finite values, or 0.
fn largest(values: &[f64]) -> f64 {
    let finite = values.iter().filter(|value| value.is_finite());
    finite.fold(0.0, |most, value| most.max(value.abs()))
}

/// Returns whether two values differ by at most `bound`, or are both NaN or the same infinity.
fn agree(a: f64, b: f64, bound: f64) -> bool {
    a == b || (a.is_nan() && b.is_nan()) || (a - b).abs() <= bound
}

fn one_each(losses: Tensor, samples: usize) -> Result<Tensor> {
    if losses.shape() != [samples] {
        let found = losses.shape();
        let reason = format!("expected one loss for each of {samples} samples, found {found:?}");
        return Err(Error::argument(NAME, reason));
    }
    if !losses.is_tracked() {
        return Err(Error::untracked(NAME));
    }
    Ok(losses)
}

/// The cotangent of a node.
enum Cotangent {
    /// Of the node's shape: its first axis has the samples, or as many rows for each sample.
    Rows(Tensor),
    /// Of a node that all samples share: one for each sample, along a first axis.
    Each(Tensor),
}

fn pull(losses: &Tensor, samples: usize) -> Result<Gradients> {
    let mut gradients = Gradients::default();
    let mut pending = BTreeMap::new();
    if let Some(root) = losses.node() {
        let ones = Cotangent::Rows(losses.constant_like(1.0));
        pending.insert(root.id, (Arc::clone(root), ones));
    }
    // Parents have smaller numbers.
    while let Some((id, (node, cotangent))) = pending.pop_last() {
        let parents = match node.links(true) {
            Links::Leaf => {
                let Cotangent::Each(each) = cotangent else {
                    return Err(mixed(&node));
                };
                gradients.insert_id(LeafId(id), each);
                continue;
            }
            Links::Frozen => continue,
            Links::Consumed => return Err(Error::graph_consumed(node.name)),
            Links::To(parents) => parents,
        };
        let slot = node.slot();
        let Some(op) = slot.as_ref().and_then(|slot| slot.op()) else {
            return Err(Error::graph_consumed(node.name));
        };
        let pulled = match cotangent {
            Cotangent::Each(each) => {
                let rows = (0..samples).map(|sample| each.select(0, sample as isize));
                of_each(op, rows, &parents)?
                    .into_iter()
                    .map(|each| each.map(Cotangent::Each))
                    .collect()
            }
            Cotangent::Rows(rows) => of_rows(&node, op, &rows, &parents, samples)?,
        };
        for (parent, cotangent) in parents.into_iter().zip(pulled) {
            let (Some(parent), Some(cotangent)) = (parent, cotangent) else {
                continue;
            };
            let sum = match (pending.remove(&parent.id), cotangent) {
                (None, cotangent) => cotangent,
                (Some((_, Cotangent::Rows(a))), Cotangent::Rows(b)) => Cotangent::Rows(a.add(&b)?),
                (Some((_, Cotangent::Each(a))), Cotangent::Each(b)) => Cotangent::Each(a.add(&b)?),
                _ => return Err(mixed(&parent)),
            };
            pending.insert(parent.id, (parent, sum));
        }
    }
    Ok(gradients)
}

fn mixed(node: &Node) -> Error {
    let reason = "it is used both as a batch of samples and by all samples, so that losses depend \
                  on other samples";
    Error::argument(node.name, reason)
}

/// Returns those of the parents that `keep` chooses.
fn chosen(parents: &Parents, keep: impl Fn(usize, &Node) -> bool) -> Parents {
    let parents = parents.iter().enumerate();
    parents
        .map(|(k, parent)| parent.clone().filter(|parent| keep(k, parent)))
        .collect()
}

/// Computes the cotangents of operands for each sample, of the operands' shapes, and stacks them.
fn of_each(
    op: &dyn Op,
    cotangents: impl Iterator<Item = Result<Tensor>>,
    parents: &Parents,
) -> Result<Vec<Option<Tensor>>> {
    let context = Vjp {
        node: None,
        parents,
    };
    let mut parts: Vec<Vec<Tensor>> = vec![Vec::new(); parents.len()];
    for cotangent in cotangents {
        let pulled = fitting(op, op.vjp(cotangent?, &context)?, parents)?;
        for (k, (cotangent, parent)) in pulled.into_iter().zip(parents).enumerate() {
            if let Some(parent) = parent {
                let zeros = || Tensor::zeros(&parent.shape[..], parent.dtype);
                parts[k].push(cotangent.map_or_else(zeros, Ok)?);
            }
        }
    }
    let stacked = parts.into_iter().map(|parts| {
        let is_wanted = !parts.is_empty();
        is_wanted.then(|| Tensor::stack(&parts, 0)).transpose()
    });
    stacked.collect()
}

/// Sums cotangents of broadcast shapes to those of the operands.
fn fitting(op: &dyn Op, cotangents: Cotangents, parents: &Parents) -> Result<Cotangents> {
    if cotangents.len() != parents.len() {
        let reason = format!("its vjp returned {} cotangents", cotangents.len());
        return Err(Error::argument(op.name(), reason));
    }
    let pairs = cotangents.into_iter().zip(parents);
    let fitting = pairs.map(|(cotangent, parent)| {
        let parent = parent.as_ref()?;
        cotangent.map(|cotangent| sum_to_shape(&cotangent, &parent.shape))
    });
    Ok(fitting.collect())
}

fn of_rows(
    node: &Node,
    op: &dyn Op,
    rows: &Tensor,
    parents: &Parents,
    samples: usize,
) -> Result<Vec<Option<Cotangent>>> {
    let each = node.shape.first().map_or(0, |len| len / samples);
    if each == 0 || node.shape[0] % samples != 0 {
        let reason = format!("expected {samples} samples on the first axis");
        return Err(Error::shape(op.name(), reason, &[&node.shape]));
    }
    let has_rows = |shape: &Shape| {
        shape
            .first()
            .is_some_and(|len| *len > 0 && len % samples == 0)
    };
    let is_shared = |k: usize, parent: &Node| {
        parent.is_leaf() || !has_rows(&parent.shape) || op.shares(k, &parent.shape, &node.shape)
    };
    let batched = chosen(parents, |k, parent| !is_shared(k, parent));
    let shared = chosen(parents, is_shared);
    let mut all: Vec<Option<Cotangent>> = parents.iter().map(|_| None).collect();
    if batched.iter().any(Option::is_some) {
        let context = Vjp {
            node: None,
            parents: &batched,
        };
        let pulled = fitting(op, op.vjp(rows.clone(), &context)?, &batched)?;
        for (all, cotangent) in all.iter_mut().zip(pulled) {
            *all = cotangent.map(Cotangent::Rows);
        }
    }
    if shared.iter().any(Option::is_some) {
        let context = Vjp {
            node: None,
            parents: &shared,
        };
        let pulled = if let Some(pulled) = op.vjp_each(rows, samples, &context)? {
            pulled.into_iter().collect()
        } else {
            // Of the cotangent all rows but those of one sample are 0.
            let alone = (0..samples).map(|sample| {
                let mut alone = rows.constant_like(0.0);
                let start = sample * each;
                alone.write_in_place(0, start, &rows.narrow(0, start, each)?)?;
                Ok(alone)
            });
            of_each(op, alone, &shared)?
        };
        for ((all, cotangent), parent) in all.iter_mut().zip(pulled).zip(&shared) {
            let (Some(cotangent), Some(parent)) = (cotangent, parent) else {
                continue;
            };
            let shape = [&[samples][..], &parent.shape].concat();
            *all = Some(Cotangent::Each(cotangent.reshape(&shape[..])?));
        }
    }
    Ok(all)
}
