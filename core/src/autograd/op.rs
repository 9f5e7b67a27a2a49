//! The trait of operations, built in or custom.

use super::kind::OpKind;
use super::node::{Node, Parents};
use super::observer::Forward;
use super::tensor::Tensor;
use crate::error::Result;
use crate::tensor::Array;
use smallvec::SmallVec;
use std::sync::Arc;

/// The cotangents of an operation's operands, in their order; `None` for those that are not wanted.
///
/// A cotangent may have the shape that its operand was broadcast to: whoever receives it sums it
/// back.
pub type Cotangents = SmallVec<[Option<Tensor>; 3]>;

/// A differentiable operation: what its forward has saved, and its vector-Jacobian product.
///
/// What it saves should be of its operands, or untracked: other graphs that it holds are dropped by
/// recursion, which a chain of many thousand such operations has no stack for.
///
/// A custom operation computes its output on detached tensors and records itself with
/// [`Tensor::from_op`]:
///
/// ```
/// use cotangent::{Cotangents, Op, OpKind, Result, Tensor, Vjp};
///
/// /// y = x³
/// struct Cube { x: Tensor }
///
/// impl Op for Cube {
///     fn name(&self) -> &'static str {
///         "cube"
///     }
///     fn kind(&self) -> OpKind {
///         OpKind::Elementwise
///     }
///     fn vjp(&self, cotangent: Tensor, context: &Vjp) -> Result<Cotangents> {
///         let x = context.saved(&self.x);
///         Ok([Some(cotangent.mul(&x.square())? * 3.0)].into_iter().collect())
///     }
/// }
///
/// fn cube(x: &Tensor) -> Result<Tensor> {
///     let value = x.detach();
///     let value = value.mul(&value)?.mul(&value)?;
///     Ok(Tensor::from_op(value, &[x], || Cube { x: x.clone() }))
/// }
///
/// let x = Tensor::from([1.0f32, 2.0]).tracked();
/// let grads = cube(&x)?.sum().backward()?;
/// assert_eq!(grads.get(&x).unwrap().to_vec::<f32>()?, [3.0, 12.0]);
/// # Ok::<(), cotangent::Error>(())
/// ```
pub trait Op: Send + Sync + 'static {
    /// The name, for messages.
    fn name(&self) -> &'static str;

    /// The cotangents of the operands, from that of the output.
    ///
    /// Written with [`Tensor`] operations on what [`Vjp::saved`] and [`Vjp::output`] give, it can
    /// be differentiated again. A fused computation on plain values must be used only while
    /// `!context.records()`.
    fn vjp(&self, cotangent: Tensor, context: &Vjp) -> Result<Cotangents>;

    /// Returns what this is to an [observer](crate::Observer) such as the signal report;
    /// [`OpKind::Other`] by default.
    fn kind(&self) -> OpKind {
        OpKind::Other
    }
}

/// What a vector-Jacobian product may ask about the backward pass that it is part of.
#[derive(Debug)]
pub struct Vjp<'a> {
    /// The node of the operation, if the pass is recorded.
    pub(crate) node: Option<&'a Arc<Node>>,
    pub(crate) parents: &'a Parents,
}

impl Vjp<'_> {
    /// Whether the cotangent of operand `index` is wanted.
    pub fn wants(&self, index: usize) -> bool {
        self.parents.get(index).is_some_and(Option::is_some)
    }

    /// Whether the backward pass is itself recorded, to be differentiated again.
    pub fn records(&self) -> bool {
        self.node.is_some()
    }

    /// A saved operand, tracked only if this pass records.
    pub fn saved(&self, operand: &Tensor) -> Tensor {
        if self.records() {
            operand.clone()
        } else {
            operand.detach()
        }
    }

    /// The operation's saved output, tracked only if this pass records.
    ///
    /// An operation saves its output detached (its node must not own itself); this ties the two
    /// together again.
    pub fn output(&self, output: &Tensor) -> Tensor {
        match self.node {
            Some(node) => Tensor::new(output.array().clone(), Some(Arc::clone(node))),
            None => output.clone(),
        }
    }
}

/// # Differentiation
impl Tensor {
    /// `output` as the result of `op` on `inputs`: tracked if any input is, and then with `op`,
    /// made by the closure, in its graph.
    ///
    /// An input that needs no gradient gets no edge, and if none does, nothing is recorded.
    pub fn from_op<O: Op>(output: Self, inputs: &[&Self], op: impl FnOnce() -> O) -> Self {
        if inputs.iter().all(|input| input.node().is_none()) {
            return output;
        }
        Self::from_array_op(output.into_array(), inputs, |_| op())
    }

    /// As [`from_op`](Self::from_op); the closure may save the output.
    pub(crate) fn from_array_op<O: Op>(
        output: Array,
        inputs: &[&Self],
        op: impl FnOnce(&Array) -> O,
    ) -> Self {
        if inputs.iter().all(|input| input.node().is_none()) {
            return Self::from(output);
        }
        let mut parents = Parents::new();
        for input in inputs {
            parents.push(input.node().cloned());
        }
        let observer = parents.iter().flatten().find_map(|p| p.observer.clone());
        let watched = observer.clone().map(|observer| (observer, parents.clone()));
        let op = op(&output);
        let node = Node::new(
            output.shape().clone(),
            output.dtype(),
            observer,
            parents,
            op,
        );
        let output = Self::new(output, Some(node));
        if let (Some((observer, parents)), Some(node)) = (watched, output.node())
            && let Some(slot) = node.slot()
            && let Some(op) = slot.op()
        {
            observer.forward(&Forward {
                node,
                op,
                parents: &parents,
                output: &output,
                operands: inputs,
            });
        }
        output
    }
}
