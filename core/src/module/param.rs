//! The leaves of a model that are trained.

use super::pass::Pass;
use crate::autograd::{Leaf, LeafId, Node, Tensor};
use crate::error::{Error, Result};
use crate::tensor::{DType, Element};
use std::sync::Arc;

/// A tensor that training changes.
///
/// Reading it under a recording pass gives a tracked tensor, whose gradient
/// [`Gradients::get`](crate::Gradients::get) finds by this parameter; frozen, or under another
/// pass, an untracked one. A clone is a parameter of its own that starts with the same value.
pub struct Param {
    value: Tensor,
    leaf: Arc<Node>,
    frozen: bool,
}

impl Param {
    /// A trainable parameter that starts as `value`.
    pub fn new(value: &Tensor) -> Self {
        let value = value.detach();
        Self {
            leaf: Node::leaf(value.array().shape().clone(), value.dtype()),
            value,
            frozen: false,
        }
    }

    /// The value for use in `forward`: tracked if the pass records, and neither the parameter nor
    /// the pass is frozen (or an [observer](crate::Observer::sees_frozen) asks for those too).
    /// Under a pass [with](Pass::with) a value for this parameter it is that value.
    pub fn read(&self, pass: &Pass) -> Tensor {
        if !pass.records() {
            return self.constant(pass);
        }
        let frozen = self.frozen || pass.is_frozen();
        let observer = pass.observer();
        if frozen && !observer.is_some_and(|o| o.sees_frozen()) {
            return self.constant(pass);
        }
        if let Some(value) = self.given(pass) {
            return match observer {
                _ if frozen => value.detach(),
                None => value.clone(),
                Some(observer) => {
                    observer.read(self.id(), value);
                    value.observed(observer)
                }
            };
        }
        let leaf = match observer {
            None => Arc::clone(&self.leaf),
            Some(observer) => {
                observer.read(self.id(), &self.value);
                self.leaf.observed(observer, frozen)
            }
        };
        Tensor::new(self.value.array().clone(), Some(leaf))
    }

    /// As [`read`](Self::read), and untracked if frozen, whoever watches.
    pub(super) fn read_unless_frozen(&self, pass: &Pass) -> Tensor {
        if self.frozen || pass.is_frozen() {
            self.constant(pass)
        } else {
            self.read(pass)
        }
    }

    /// The value under a pass, untracked.
    fn constant(&self, pass: &Pass) -> Tensor {
        self.given(pass).unwrap_or(&self.value).detach()
    }

    /// The value that a pass carries for this parameter.
    fn given<'a>(&self, pass: &'a Pass) -> Option<&'a Tensor> {
        pass.values()?.get(&self.id())
    }

    /// Returns the identity, by which gradients are found. A clone has another one, and so has a
    /// parameter that was converted to another dtype.
    pub fn id(&self) -> LeafId {
        LeafId(self.leaf.id)
    }

    /// The value, untracked.
    pub fn value(&self) -> &Tensor {
        &self.value
    }

    /// The lengths of the axes.
    pub fn shape(&self) -> &[usize] {
        self.value.shape()
    }

    /// Replaces the value by one of the same shape and dtype.
    ///
    /// # Errors
    /// [`Error::Shape`] or [`Error::DType`] if it has another.
    pub fn set(&mut self, value: &Tensor) -> Result<()> {
        self.check("Param::set", "a parameter keeps its shape", value)?;
        self.value = value.detach();
        Ok(())
    }

    /// An error if a value has another shape or dtype than this parameter.
    pub(super) fn check(&self, op: &'static str, reason: &str, value: &Tensor) -> Result<()> {
        value.expect_dtype(op, self.value.dtype())?;
        if value.shape() == self.shape() {
            return Ok(());
        }
        Err(Error::shape(op, reason, &[self.shape(), value.shape()]))
    }

    /// Whether training leaves this parameter alone.
    pub fn is_frozen(&self) -> bool {
        self.frozen
    }

    /// Freezes the parameter: it is read untracked, gets no gradient and is not updated. PyTorch:
    /// `requires_grad_(False)`.
    #[doc(alias = "requires_grad_")]
    pub fn freeze(&mut self) {
        self.frozen = true;
    }

    /// Undoes [`freeze`](Self::freeze).
    pub fn unfreeze(&mut self) {
        self.frozen = false;
    }

    /// Converts the value to another precision.
    pub fn convert(&mut self, dtype: DType) {
        if dtype == self.value.dtype() {
            return;
        }
        self.value = self.value.to_dtype(dtype);
        // The gradient comes in the new precision: that is another leaf.
        self.leaf = Node::leaf(self.value.array().shape().clone(), dtype);
    }

    /// The elements of the value, to be changed in place.
    pub(super) fn elements_mut<F: Element>(&mut self) -> &mut [F] {
        self.value.elements_mut()
    }
}

impl Clone for Param {
    fn clone(&self) -> Self {
        Self {
            frozen: self.frozen,
            ..Self::new(&self.value)
        }
    }
}

impl Leaf for Param {
    fn leaf_id(&self) -> Option<LeafId> {
        Some(self.id())
    }
}

impl std::fmt::Debug for Param {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let frozen = if self.is_frozen() { ", frozen" } else { "" };
        write!(
            f,
            "Param({} {}{frozen})",
            self.value.dtype(),
            self.value.array().shape()
        )
    }
}
