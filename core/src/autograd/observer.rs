//! Watching a computation from outside: an observer is shown every value, there and back, without a
//! line in the code that computes it.

use super::gradients::{Leaf, LeafId};
use super::kind::OpKind;
use super::node::{Node, Parents};
use super::op::{Op, Vjp};
use super::tensor::Tensor;
use crate::error::Result;
use std::sync::Arc;

/// Who is shown a computation as it happens: the parameters that are read, what is computed from
/// them, and the gradients on the way back.
///
/// It travels with the parameters that are read under an [observed
/// pass](crate::module::Pass::observed), and from there to all that is computed from them: no hook
/// in a model's code, and no cost anywhere else. What is computed from untracked tensors alone is
/// not shown.
///
/// ```
/// use cotangent::{Forward, Observer, Tensor, module::{Param, Pass}};
/// use std::sync::{Arc, Mutex};
///
/// #[derive(Default)]
/// struct Names(Mutex<Vec<&'static str>>);
///
/// impl Observer for Names {
///     fn forward(&self, step: &Forward) {
///         self.0.lock().unwrap().push(step.name());
///     }
/// }
///
/// let (names, weight) = (Arc::new(Names::default()), Param::new(&Tensor::from([1.0f32, 2.0])));
/// let pass = Pass::train(0).observed(names.clone());
/// weight.read(&pass).tanh().sum();
/// assert_eq!(*names.0.lock().unwrap(), ["tanh", "sum"]);
/// ```
pub trait Observer: Send + Sync + 'static {
    /// Whether it looks at what starts now. It is asked when a parameter is read.
    fn is_active(&self) -> bool {
        true
    }

    /// Whether it is shown what frozen parameters compute too, which takes a graph there. No
    /// gradient of such parameters is returned.
    fn sees_frozen(&self) -> bool {
        false
    }

    /// A parameter is read.
    fn read(&self, _leaf: LeafId, _value: &Tensor) {}

    /// An operation has given a result.
    fn forward(&self, _step: &Forward<'_>) {}

    /// Backward has taken a cotangent through an operation to one of its operands.
    fn pulled(&self, _pulled: &Pulled<'_>) {}

    /// Backward knows the whole gradient with respect to a tensor.
    fn gradient(&self, _of: LeafId, _gradient: &Tensor) {}

    /// Asked before and during backward, which ends with the error.
    ///
    /// # Errors
    /// What the observer holds against the computation.
    fn result(&self) -> Result<()> {
        Ok(())
    }
}

/// An operation that has just given a result.
pub struct Forward<'a> {
    pub(super) node: &'a Arc<Node>,
    pub(super) op: &'a dyn Op,
    pub(super) parents: &'a Parents,
    pub(super) output: &'a Tensor,
    pub(super) operands: &'a [&'a Tensor],
}

impl<'a> Forward<'a> {
    /// The operation's name.
    pub fn name(&self) -> &'static str {
        self.op.name()
    }

    /// The operation's kind.
    pub fn kind(&self) -> OpKind {
        self.op.kind()
    }

    /// The identity of the result, by which [`Observer::gradient`] tells its gradient.
    pub fn id(&self) -> LeafId {
        LeafId(self.node.id)
    }

    /// The result, untracked.
    pub fn output(&self) -> Tensor {
        self.output.detach()
    }

    /// The operands, untracked, each with its identity if it is tracked.
    pub fn operands(&self) -> impl Iterator<Item = (Option<LeafId>, Tensor)> + 'a {
        self.operands.iter().map(|x| (x.leaf_id(), x.detach()))
    }

    /// The derivative of the result's elements with respect to those of the first operand, if the
    /// operation is an [activation](OpKind::Activation) and that operand is tracked.
    ///
    /// # Errors
    /// Those of the operation's vector-Jacobian product.
    pub fn derivative(&self) -> Result<Option<Tensor>> {
        if self.kind() != OpKind::Activation {
            return Ok(None);
        }
        // The others' gradients are not computed.
        let first: Parents = self.parents.iter().take(1).cloned().collect();
        let context = Vjp {
            node: None,
            parents: &first,
        };
        let ones = self.output.detach().constant_like(1.0);
        // Its own storage, for the product to be made in.
        let ones = Tensor::from(ones.into_array().to_row_major());
        Ok(self.op.vjp(ones, &context)?.into_iter().next().flatten())
    }
}

impl std::fmt::Debug for Forward<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?}", self.node)
    }
}

/// A cotangent on its way from an operation to an operand.
pub struct Pulled<'a> {
    pub(super) op: &'static str,
    pub(super) operand: usize,
    pub(super) parent: &'a Arc<Node>,
    pub(super) cotangent: &'a Tensor,
}

impl Pulled<'_> {
    /// The operation's name.
    pub fn name(&self) -> &'static str {
        self.op
    }

    /// The number of the operand, and its identity.
    pub fn operand(&self) -> (usize, LeafId) {
        (self.operand, LeafId(self.parent.id))
    }

    /// The part of the operand's gradient that comes this way, in the operand's shape or in one
    /// that it was broadcast to.
    pub fn cotangent(&self) -> Tensor {
        self.cotangent.detach()
    }
}

impl std::fmt::Debug for Pulled<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{} -> operand {} {:?}",
            self.op, self.operand, self.parent
        )
    }
}

/// An observer that somebody else holds as well, to ask it afterwards.
impl<O: Observer + ?Sized> Observer for Arc<O> {
    fn is_active(&self) -> bool {
        (**self).is_active()
    }
    fn sees_frozen(&self) -> bool {
        (**self).sees_frozen()
    }
    fn read(&self, leaf: LeafId, value: &Tensor) {
        (**self).read(leaf, value);
    }
    fn forward(&self, step: &Forward<'_>) {
        (**self).forward(step);
    }
    fn pulled(&self, pulled: &Pulled<'_>) {
        (**self).pulled(pulled);
    }
    fn gradient(&self, of: LeafId, gradient: &Tensor) {
        (**self).gradient(of, gradient);
    }
    fn result(&self) -> Result<()> {
        (**self).result()
    }
}

/// Two observers that are shown the same.
pub(crate) struct Both<O>(pub Arc<dyn Observer>, pub O);

impl<O: Observer> Both<O> {
    fn active(&self) -> impl Iterator<Item = &dyn Observer> {
        let both: [&dyn Observer; 2] = [&*self.0, &self.1];
        both.into_iter().filter(|o| o.is_active())
    }
}

impl<O: Observer> Observer for Both<O> {
    fn is_active(&self) -> bool {
        self.active().next().is_some()
    }
    fn sees_frozen(&self) -> bool {
        self.active().any(Observer::sees_frozen)
    }
    fn read(&self, leaf: LeafId, value: &Tensor) {
        self.active().for_each(|o| o.read(leaf, value));
    }
    fn forward(&self, step: &Forward<'_>) {
        self.active().for_each(|o| o.forward(step));
    }
    fn pulled(&self, pulled: &Pulled<'_>) {
        self.active().for_each(|o| o.pulled(pulled));
    }
    fn gradient(&self, of: LeafId, gradient: &Tensor) {
        self.active().for_each(|o| o.gradient(of, gradient));
    }
    fn result(&self) -> Result<()> {
        self.active().try_for_each(Observer::result)
    }
}
