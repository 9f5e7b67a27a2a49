//! `Op`, the trait of differentiable operations, built-in and custom.

use super::kind::OpKind;
use super::node::{Links, Node, Origin, Parents};
use super::observer::Forward;
use super::tensor::Tensor;
use crate::error::Result;
use crate::tensor::Array;
use smallvec::SmallVec;
use std::sync::Arc;

/// The cotangents of an operation's operands, in their order; `None` where none is wanted.
///
/// A cotangent may have the shape to which its operand was broadcast: the backward loop sums it to
/// the operand's shape.
pub type Cotangents = SmallVec<[Option<Tensor>; 3]>;

/// A differentiable operation: the values that its forward saved, and its vector-Jacobian product.
///
/// A custom operation computes its output on detached tensors and records itself with
/// [`Tensor::from_op`]. It should save only its operands and untracked tensors: any other graph
/// that it holds is dropped recursively, which overflows the stack in a chain of many thousand such
/// operations.
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
    /// Returns the name, for error messages and drawings.
    fn name(&self) -> &'static str;

    /// Computes the operands' cotangents from that of the output.
    ///
    /// If it uses [`Tensor`] operations on the results of [`Vjp::saved`] and [`Vjp::output`], it
    /// can be differentiated again. A fused computation on plain values is right only if
    /// `!context.records()`.
    fn vjp(&self, cotangent: Tensor, context: &Vjp) -> Result<Cotangents>;

    /// Computes the derivative of the output along the tangents of the operands, which have their
    /// shapes; `None` for an operand that is constant. [`transform::jvp`](crate::transform::jvp)
    /// calls it.
    ///
    /// The default returns no tensor. Then `jvp` transposes [`vjp`](Self::vjp), a linear function
    /// of the cotangent, which is right for every operation and takes longer.
    ///
    /// # Errors
    /// Those of the operations that it calls.
    fn jvp(&self, tangents: &[Option<Tensor>], context: &Vjp) -> Result<Option<Tensor>> {
        let _ = (tangents, context);
        Ok(None)
    }

    /// Returns whether all samples of a batch share this operand, as they do a weight, although its
    /// first axis could be that of the samples. The shapes are those of the operand and the output.
    /// [`transform::per_sample`](crate::transform::per_sample) asks for operands that are no
    /// leaves; leaves are shared. The default is `false`.
    fn shares(&self, operand: usize, shape: &[usize], output: &[usize]) -> bool {
        let _ = (operand, shape, output);
        false
    }

    /// Computes what [`vjp`](Self::vjp) does for each of `samples` samples, which are on the first
    /// axis of the cotangent, with as many rows for each. A wanted operand is shared by all
    /// samples: its cotangents have the shape (samples, operand's shape…).
    ///
    /// The default returns no cotangents. Then
    /// [`transform::per_sample`](crate::transform::per_sample) calls `vjp` once for each sample,
    /// with a cotangent whose other rows are 0.
    ///
    /// # Errors
    /// Those of the operations that it calls.
    fn vjp_each(
        &self,
        cotangent: &Tensor,
        samples: usize,
        context: &Vjp,
    ) -> Result<Option<Cotangents>> {
        let _ = (cotangent, samples, context);
        Ok(None)
    }

    /// Returns the role of the operation in a net, for an [observer](crate::Observer) such as the
    /// signal report. The default is [`OpKind::Other`].
    fn kind(&self) -> OpKind {
        OpKind::Other
    }

    /// Returns the results of activations inside the operation, and the derivative of each of them.
    /// The signal report finds saturation by it. For a recurrent layer they are the gates of all
    /// steps. For attention they are the largest weight w of each query that can attend to several
    /// keys, with `w (1 - w)`, its derivative by the score. The default is `None`.
    fn inner_activations(&self) -> Option<[Tensor; 2]> {
        None
    }

    /// Returns the number of multiply-adds of the forward pass, for operands and an output of these
    /// shapes: one for each term of a sum of products. The default is 0, for operations that
    /// compute no such sums. [`ModuleExt::run_summary`](crate::ModuleExt::run_summary) adds them
    /// up.
    fn multiply_adds(&self, operands: &[&[usize]], output: &[usize]) -> u64 {
        let _ = (operands, output);
        0
    }
}

/// The backward pass that a vector-Jacobian product is part of.
#[derive(Debug)]
pub struct Vjp<'a> {
    /// The node of the operation, if the pass is recorded.
    pub(crate) node: Option<&'a Arc<Node>>,
    pub(crate) parents: &'a Parents,
}

impl Vjp<'_> {
    /// Returns whether the cotangent of operand `index` is wanted.
    pub fn wants(&self, index: usize) -> bool {
        self.parents.get(index).is_some_and(Option::is_some)
    }

    /// Returns whether the backward pass is itself recorded, to be differentiated again.
    pub fn records(&self) -> bool {
        self.node.is_some()
    }

    /// Returns a saved operand, tracked only if this pass is recorded.
    pub fn saved(&self, operand: &Tensor) -> Tensor {
        if self.records() {
            operand.clone()
        } else {
            operand.detach()
        }
    }

    /// Returns the operation's saved output, tracked only if this pass is recorded.
    ///
    /// An operation saves its output detached, because otherwise its node would own itself. This
    /// method attaches the node again.
    pub fn output(&self, output: &Tensor) -> Tensor {
        match self.node {
            Some(node) => Tensor::new(output.array().clone(), Some(Arc::clone(node))),
            None => output.clone(),
        }
    }
}

/// # Differentiation
impl Tensor {
    /// Records `output` as the result of an operation on `inputs`, and returns it. If any input is
    /// tracked, so is the result, and `op` creates the operation that its graph stores.
    ///
    /// The graph has an edge to each tracked input. If no input is tracked, nothing is recorded and
    /// `op` is not called.
    pub fn from_op<O: Op>(output: Self, inputs: &[&Self], op: impl FnOnce() -> O) -> Self {
        if inputs.iter().all(|input| input.node().is_none()) {
            return output;
        }
        Self::from_array_op(output.into_array(), inputs, |_| op())
    }

    /// Records an operation as [`from_op`](Self::from_op) does; the closure may save the output.
    pub(crate) fn from_array_op<O: Op>(
        output: Array,
        inputs: &[&Self],
        op: impl FnOnce(&Array) -> O,
    ) -> Self {
        if inputs.iter().all(|input| input.node().is_none()) {
            return Self::from(output);
        }
        let origin = Origin::of(&output, inputs);
        let op = op(&output);
        output.recorded(Node::new(origin, op), inputs)
    }
}

impl Array {
    /// Returns this result of an operation with its node, and shows it to the node's observer.
    fn recorded(self, node: Arc<Node>, inputs: &[&Tensor]) -> Tensor {
        let output = Tensor::new(self, Some(node));
        if let Some(node) = output.node()
            && let Some(observer) = &node.observer
            && let Links::To(parents) = node.links(true)
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
