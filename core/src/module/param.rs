//! Parameters: the leaves of a model that are trained.

use super::pass::Pass;
use crate::autograd::{Leaf, LeafId, Node, Tensor};
use crate::error::{Error, Result};
use crate::tensor::{DType, Element};
use std::sync::Arc;

/// A tensor that is trained. PyTorch: `nn.Parameter`.
///
/// [`read`](Self::read) returns its value for `forward`. If the pass records, the value is tracked,
/// and [`Gradients::get`](crate::Gradients::get) returns its gradient. If the parameter is frozen,
/// or the pass does not record, the value is untracked.
///
/// A clone is a new parameter with the same value: gradients of the one are not those of the other.
/// To share a weight between two layers, hold one `Param` and read it in both places. The gradients
/// of both uses add up:
///
/// ```
/// use cotangent::{Tensor, module::{Param, Pass}};
/// let (weight, pass) = (Param::new(&Tensor::scalar(2.0f32)), Pass::train(0));
/// let (encoded, decoded) = (weight.read(&pass) * 3.0, weight.read(&pass) * 5.0);
/// let gradients = (encoded + decoded).backward()?;
/// assert_eq!(gradients.get(&weight).unwrap().item()?, 8.0);
/// # Ok::<(), cotangent::Error>(())
/// ```
pub struct Param {
    value: Tensor,
    leaf: Arc<Node>,
    frozen: bool,
}

impl Param {
    /// Creates a parameter with an initial value.
    pub fn new(value: &Tensor) -> Self {
        let value = value.detach();
        Self {
            leaf: Node::leaf(value.array().shape().clone(), value.dtype()),
            value,
            frozen: false,
        }
    }

    /// Returns the value for use in `forward`. It is tracked if the pass records and neither the
    /// parameter nor the pass is frozen. An [observer](crate::Observer::sees_frozen) can ask for
    /// tracked values of frozen parameters too. Under a pass [with](Pass::with) another value for
    /// this parameter, that value is returned: tracked as it was given, but untracked if the pass
    /// does not record.
    ///
    /// Two reads of one parameter are the same leaf: gradients can be asked for with either.
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

    /// Does the same as [`read`](Self::read), but untracked if frozen, also under an observer.
    pub(super) fn read_unless_frozen(&self, pass: &Pass) -> Tensor {
        if self.frozen || pass.is_frozen() {
            self.constant(pass)
        } else {
            self.read(pass)
        }
    }

    /// Returns the value under a pass, untracked.
    fn constant(&self, pass: &Pass) -> Tensor {
        self.given(pass).unwrap_or(&self.value).detach()
    }

    /// Returns the value that a pass has in place of that of this parameter.
    fn given<'a>(&self, pass: &'a Pass) -> Option<&'a Tensor> {
        pass.values()?.get(&self.id())
    }

    /// Returns the identity, by which gradients are found. A clone has another one, and so has a
    /// parameter that was converted to another dtype.
    pub fn id(&self) -> LeafId {
        LeafId(self.leaf.id)
    }

    /// Returns the value, untracked.
    pub fn value(&self) -> &Tensor {
        &self.value
    }

    /// Returns the lengths of the axes.
    pub fn shape(&self) -> &[usize] {
        self.value.shape()
    }

    /// Replaces the value with one of the same shape and dtype.
    ///
    /// # Errors
    /// [`Error::Shape`] or [`Error::DType`] if the shape or dtype differs.
    pub fn set(&mut self, value: &Tensor) -> Result<()> {
        self.check(
            "Param::set",
            "the value must have the shape of the parameter",
            value,
        )?;
        self.value = value.detach();
        Ok(())
    }

    /// Returns an error if the shape or dtype of a value is not that of this parameter.
    pub(super) fn check(&self, op: &'static str, reason: &str, value: &Tensor) -> Result<()> {
        value.expect_dtype(op, self.value.dtype())?;
        if value.shape() == self.shape() {
            return Ok(());
        }
        Err(Error::shape(op, reason, &[self.shape(), value.shape()]))
    }

    /// Returns whether the parameter is frozen.
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

    /// Converts the value to another dtype. Gradients from before no longer belong to the parameter
    /// then.
    pub fn convert(&mut self, dtype: DType) {
        if dtype == self.value.dtype() {
            return;
        }
        self.value = self.value.to_dtype(dtype);
        // The gradient has the new dtype, which is that of another leaf.
        self.leaf = Node::leaf(self.value.array().shape().clone(), dtype);
    }

    /// Returns the elements of the value, to be changed in place.
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
