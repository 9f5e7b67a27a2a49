//! The backward loop: always the node with the largest number next, no recursion, no sort.

use super::accumulate::{add_cotangents, sum_to_shape};
use super::gradients::{Gradients, LeafId};
use super::node::{Node, State};
use super::op::Vjp;
use super::tensor::Tensor;
use crate::error::{Error, Result};
use crate::tensor::broadcast_shapes;
use std::collections::{BinaryHeap, HashMap};
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::Arc;

/// How to run backward, where [`Tensor::backward`] is not enough.
///
/// ```
/// use cotangent_core::{Backward, Tensor};
/// // d²(x³)/dx² = 6x
/// let x = Tensor::from([2.0f64]).tracked();
/// let first = Backward::new().create_graph().run(&x.square().mul(&x)?.sum())?;
/// let second = first.get(&x).unwrap().sum().backward()?;
/// assert_eq!(second.get(&x).unwrap().item()?, 12.0);
/// # Ok::<(), cotangent_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default)]
#[must_use]
pub struct Backward {
    retain_graph: bool,
    create_graph: bool,
}

impl Backward {
    /// Gives up saved values as soon as they are used, records nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Keeps the saved values, so that backward can run through the graph again.
    pub fn retain_graph(mut self) -> Self {
        self.retain_graph = true;
        self
    }

    /// Records the backward pass, so that the gradients can be differentiated themselves. Keeps
    /// the saved values.
    pub fn create_graph(mut self) -> Self {
        self.create_graph = true;
        self
    }

    /// The gradients of `output`, a tensor of one element, with respect to all leaves that it
    /// depends on.
    ///
    /// # Errors
    /// As [`Tensor::backward`].
    pub fn run(self, output: &Tensor) -> Result<Gradients> {
        if output.len() != 1 {
            let reason = "backward starts from one element; reduce with `sum` or `mean`, or give a \
                          cotangent to `run_with`";
            return Err(Error::shape("backward", reason, &[output.shape()]));
        }
        self.run_with(output, &output.constant_like(1.0))
    }

    /// The vector-Jacobian product of `output` with `cotangent`, which has its shape and dtype.
    ///
    /// # Errors
    /// As [`Tensor::backward_with`].
    pub fn run_with(self, output: &Tensor, cotangent: &Tensor) -> Result<Gradients> {
        let Some(root) = output.node() else {
            return Err(Error::Untracked { op: "backward" });
        };
        cotangent.expect_dtype("backward", output.dtype())?;
        if cotangent.shape() != output.shape() {
            let shapes = [cotangent.shape(), output.shape()];
            return Err(Error::shape(
                "backward",
                "the cotangent has another shape than the output",
                &shapes,
            ));
        }
        let cotangent = if self.create_graph {
            cotangent.clone()
        } else {
            cotangent.detach()
        };
        self.walk(Arc::clone(root), cotangent)
    }

    fn walk(self, root: Arc<Node>, cotangent: Tensor) -> Result<Gradients> {
        let mut gradients = Gradients::default();
        let mut queue = BinaryHeap::from([root.id]);
        let mut pending = HashMap::with_hasher(BuildHasherDefault::<IdHasher>::default());
        pending.insert(root.id, (root, cotangent));
        while let Some((node, cotangent)) = queue.pop().and_then(|id| pending.remove(&id)) {
            let keep = self.retain_graph || self.create_graph;
            let (op, parents) = match if keep { node.peek() } else { node.take() } {
                State::Leaf => {
                    gradients.insert_id(LeafId(node.id), cotangent);
                    continue;
                }
                State::Consumed => return Err(Error::GraphConsumed { op: node.name }),
                State::Op(op, parents) => (op, parents),
            };
            let context = Vjp {
                node: &node,
                parents: &parents,
                records: self.create_graph,
            };
            let cotangents = op.vjp(cotangent, &context)?;
            if cotangents.len() != parents.len() {
                let reason = format!(
                    "the vjp of `{}` gave {} cotangents for {} operands",
                    node.name,
                    cotangents.len(),
                    parents.len()
                );
                return Err(Error::argument("backward", reason));
            }
            drop(op);
            for (parent, cotangent) in parents.into_iter().zip(cotangents) {
                let (Some(parent), Some(cotangent)) = (parent, cotangent) else {
                    continue;
                };
                fits(&cotangent, &parent, node.name)?;
                let cotangent = sum_to_shape(&cotangent, &parent.shape);
                match pending.entry(parent.id) {
                    std::collections::hash_map::Entry::Occupied(mut entry) => {
                        let slot = &mut entry.get_mut().1;
                        // The place is filled with any tensor for a moment, so that the sum can be
                        // made in the storage of the first.
                        let first = std::mem::replace(slot, cotangent.clone());
                        *slot = add_cotangents(first, &cotangent);
                    }
                    std::collections::hash_map::Entry::Vacant(entry) => {
                        queue.push(parent.id);
                        entry.insert((parent, cotangent));
                    }
                }
            }
        }
        Ok(gradients)
    }
}

/// An error unless the cotangent has the dtype of `parent`, and its shape or one that it broadcasts
/// to.
fn fits(cotangent: &Tensor, parent: &Node, op: &'static str) -> Result<()> {
    cotangent.expect_dtype(op, parent.dtype)?;
    let shape = cotangent.array().shape();
    if *shape == parent.shape || broadcast_shapes(op, &parent.shape, shape)? == *shape {
        return Ok(());
    }
    let reason = "the vjp gave a cotangent that does not have its operand's shape";
    Err(Error::shape(op, reason, &[shape, &parent.shape]))
}

impl Tensor {
    /// The gradients of this tensor of one element with respect to every leaf that it depends on:
    /// tracked tensors and parameters that were read under a training pass.
    ///
    /// The graph gives up what it has saved while it is walked: a second `backward` through the
    /// same graph is an error (PyTorch's is the same); see [`Backward::retain_graph`].
    ///
    /// # Errors
    /// - [`Error::Shape`]: more or fewer elements than one.
    /// - [`Error::Untracked`]: nothing to differentiate with respect to.
    /// - [`Error::GraphConsumed`]: an earlier backward has used up the saved values.
    pub fn backward(&self) -> Result<Gradients> {
        Backward::new().run(self)
    }

    /// The vector-Jacobian product of this tensor with `cotangent`, which has its shape and dtype.
    ///
    /// # Errors
    /// As [`backward`](Self::backward), and [`Error::Shape`] or [`Error::DType`] if the cotangent
    /// does not fit.
    pub fn backward_with(&self, cotangent: &Self) -> Result<Gradients> {
        Backward::new().run_with(self, cotangent)
    }
}

/// Node numbers are unique: spreading their bits by one multiplication is hash enough.
#[derive(Default)]
struct IdHasher(u64);

impl Hasher for IdHasher {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.write_u64(u64::from(byte));
        }
    }
    fn write_u64(&mut self, id: u64) {
        self.0 = (self.0 ^ id).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
}
