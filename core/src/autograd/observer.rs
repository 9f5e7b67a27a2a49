//! Observers, which see every value of a computation, forward and backward, without changes to the
//! code that computes it.

use super::gradients::{Gradients, Leaf, LeafId};
use super::kind::OpKind;
use super::node::{Node, Parents};
use super::op::{Op, Vjp};
use super::tensor::Tensor;
use crate::error::Result;
use crate::tensor::Shape;
use smallvec::SmallVec;
use std::sync::Arc;

/// An observer of a computation: its methods are called for each parameter that is read, each
/// result computed from parameters, and each gradient of backward.
///
/// Parameters read under an [observed pass](crate::module::Pass::observed) carry the observer, and
/// every tensor computed from them does too. A model's code needs no hooks, and computations
/// without an observer cost nothing extra. Results of untracked tensors alone are not observed.
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
/// let _ = weight.read(&pass).tanh().sum();
/// assert_eq!(*names.0.lock().unwrap(), ["tanh", "sum"]);
/// ```
pub trait Observer: Send + Sync + 'static {
    /// Returns whether the observer watches a computation that starts now. Called when a parameter
    /// is read.
    fn is_active(&self) -> bool {
        true
    }

    /// Returns whether the observer also sees results computed from frozen parameters. A graph is
    /// then recorded for them, but backward returns no gradient of such parameters.
    fn sees_frozen(&self) -> bool {
        false
    }

    /// Returns whether the observer sees the operations of layers that would be
    /// [recomputed](crate::module::Pass::recompute) in backward. They are then computed once and
    /// recorded like others.
    fn sees_recomputed(&self) -> bool {
        false
    }

    /// Called when a layer begins to run, with the name of its type. Layers inside it run before it
    /// [ends](Self::left).
    fn entered(&self, _layer: &'static str) {}

    /// Called when the layer entered last has ended, with its result, or `None` if it failed.
    fn left(&self, _result: Option<&Tensor>) {}

    /// Called when a parameter is read.
    fn read(&self, _leaf: LeafId, _value: &Tensor) {}

    /// Called when an operation has computed a result.
    fn forward(&self, _step: &Forward<'_>) {}

    /// Called when backward has computed the cotangent of one operand of an operation.
    fn pulled(&self, _pulled: &Pulled<'_>) {}

    /// Called when backward has summed the whole gradient with respect to a tensor.
    fn gradient(&self, _of: LeafId, _gradient: &Tensor) {}

    /// Returns the observer of one shard of a batch, for the pass of
    /// [`Pass::for_shard`](crate::module::Pass::for_shard). `None`, the default, if this observer
    /// sees the operations of all shards itself, which may run at the same time.
    fn for_shard(&self, _shard: u64) -> Option<Arc<dyn Observer>> {
        None
    }

    /// Called with the gradients of a whole batch, after those of its shards have been summed. The
    /// gradients that the shards saw, times `factor`, are those of the loss of the whole batch.
    fn summed(&self, _gradients: &Gradients, _factor: f64) {}

    /// Returns whether the computation may continue. Called before and during backward, which
    /// returns the error.
    ///
    /// # Errors
    /// Any error by which the observer stops the computation.
    fn result(&self) -> Result<()> {
        Ok(())
    }
}

/// An operation that has just computed a result.
pub struct Forward<'a> {
    pub(super) node: &'a Arc<Node>,
    pub(super) op: &'a dyn Op,
    pub(super) parents: &'a Parents,
    pub(super) output: &'a Tensor,
    pub(super) operands: &'a [&'a Tensor],
}

impl<'a> Forward<'a> {
    /// Returns the operation's name.
    pub fn name(&self) -> &'static str {
        self.op.name()
    }

    /// Returns the operation's kind.
    pub fn kind(&self) -> OpKind {
        self.op.kind()
    }

    /// Returns the number of multiply-adds that computed the result; see [`Op::multiply_adds`].
    pub fn multiply_adds(&self) -> u64 {
        let operands: SmallVec<[&[usize]; 4]> = self.operands.iter().map(|x| x.shape()).collect();
        self.op.multiply_adds(&operands, self.output.shape())
    }

    /// Returns the identity of the result, with which [`Observer::gradient`] is called later.
    pub fn id(&self) -> LeafId {
        LeafId(self.node.id)
    }

    /// Returns the result, untracked.
    pub fn output(&self) -> Tensor {
        self.output.detach()
    }

    /// Iterates over the operands, untracked, each with its identity if it is tracked.
    pub fn operands(&self) -> impl Iterator<Item = (Option<LeafId>, Tensor)> + 'a {
        self.operands.iter().map(|x| (x.leaf_id(), x.detach()))
    }

    /// Computes the derivative of each element of the result by that of the first operand. Returns
    /// `None` if the operation is not an [activation](OpKind::Activation) or the operand is not
    /// tracked.
    ///
    /// # Errors
    /// Those of the operation's vector-Jacobian product.
    pub fn derivative(&self) -> Result<Option<Tensor>> {
        if self.kind() != OpKind::Activation {
            return Ok(None);
        }
        // Without the other parents their gradients are not computed.
        let first: Parents = self.parents.iter().take(1).cloned().collect();
        let context = Vjp {
            node: None,
            parents: &first,
        };
        let ones = self.output.detach().constant_like(1.0);
        // Materialized, so that the product can be computed in place.
        let ones = Tensor::from(ones.into_array().to_row_major());
        Ok(self.op.vjp(ones, &context)?.into_iter().next().flatten())
    }

    /// Returns the results of activations inside the operation, and the derivative of each of them;
    /// see [`Op::inner_activations`].
    pub fn inner_activations(&self) -> Option<[Tensor; 2]> {
        self.op.inner_activations()
    }

    /// Computes the cotangent of one operand from that of the result, whether or not the operand is
    /// tracked. Returns `None` if the operation did not save what this needs.
    ///
    /// # Errors
    /// Those of the operation's vector-Jacobian product.
    pub fn vjp(&self, cotangent: Tensor, operand: usize) -> Result<Option<Tensor>> {
        let parent = |(i, x): (usize, &&Tensor)| {
            (i == operand).then(|| Node::leaf(Shape::from(x.shape()), x.dtype()))
        };
        let context = Vjp {
            node: None,
            parents: &self.operands.iter().enumerate().map(parent).collect(),
        };
        let cotangents = self.op.vjp(cotangent, &context)?;
        Ok(cotangents.into_iter().nth(operand).flatten())
    }
}

impl std::fmt::Debug for Forward<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?}", self.node)
    }
}

/// A cotangent that an operation has computed for one of its operands.
pub struct Pulled<'a> {
    pub(super) op: &'static str,
    pub(super) operand: usize,
    pub(super) parent: &'a Arc<Node>,
    pub(super) cotangent: &'a Tensor,
}

impl Pulled<'_> {
    /// Returns the operation's name.
    pub fn name(&self) -> &'static str {
        self.op
    }

    /// Returns the number of the operand and its identity.
    pub fn operand(&self) -> (usize, LeafId) {
        (self.operand, LeafId(self.parent.id))
    }

    /// Returns this operation's contribution to the operand's gradient, in the operand's shape or
    /// in the shape to which it was broadcast.
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

/// A shared observer, so that its owner can read the results afterwards.
impl<O: Observer + ?Sized> Observer for Arc<O> {
    fn is_active(&self) -> bool {
        (**self).is_active()
    }
    fn sees_frozen(&self) -> bool {
        (**self).sees_frozen()
    }
    fn sees_recomputed(&self) -> bool {
        (**self).sees_recomputed()
    }
    fn entered(&self, layer: &'static str) {
        (**self).entered(layer);
    }
    fn left(&self, result: Option<&Tensor>) {
        (**self).left(result);
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
    fn for_shard(&self, shard: u64) -> Option<Arc<dyn Observer>> {
        (**self).for_shard(shard)
    }
    fn summed(&self, gradients: &Gradients, factor: f64) {
        (**self).summed(gradients, factor);
    }
    fn result(&self) -> Result<()> {
        (**self).result()
    }
}

/// Two observers of the same computation.
pub(crate) struct Both(pub [Arc<dyn Observer>; 2]);

impl Both {
    fn active(&self) -> impl Iterator<Item = &dyn Observer> {
        let both = self.0.iter().map(|observer| &**observer);
        both.filter(|o| o.is_active())
    }
}

impl Observer for Both {
    fn is_active(&self) -> bool {
        self.active().next().is_some()
    }
    fn sees_frozen(&self) -> bool {
        self.active().any(Observer::sees_frozen)
    }
    fn sees_recomputed(&self) -> bool {
        self.active().any(Observer::sees_recomputed)
    }
    fn entered(&self, layer: &'static str) {
        self.active().for_each(|o| o.entered(layer));
    }
    fn left(&self, result: Option<&Tensor>) {
        self.active().for_each(|o| o.left(result));
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
    fn for_shard(&self, shard: u64) -> Option<Arc<dyn Observer>> {
        let of_shard = self.0.each_ref().map(|o| o.for_shard(shard));
        if of_shard.iter().all(Option::is_none) {
            return None;
        }
        let [first, second] = of_shard;
        let or_whole = |of_shard: Option<_>, i: usize| of_shard.unwrap_or(Arc::clone(&self.0[i]));
        Some(Arc::new(Self([or_whole(first, 0), or_whole(second, 1)])))
    }
    fn summed(&self, gradients: &Gradients, factor: f64) {
        self.active().for_each(|o| o.summed(gradients, factor));
    }
    fn result(&self) -> Result<()> {
        self.active().try_for_each(Observer::result)
    }
}
