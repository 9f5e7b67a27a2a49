//! `Gradients`, the result of backward: the gradient of each leaf by its identity.

use super::tensor::Tensor;
use std::collections::BTreeMap;

/// The identity of a leaf: a tracked tensor or a parameter.
///
/// Identities are unique in the process and ordered by creation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LeafId(pub(crate) u64);

/// A key for looking up [`Gradients`]: a tracked tensor or a `Param`.
pub trait Leaf {
    /// Returns the identity, or `None` for a tensor that is not tracked.
    fn leaf_id(&self) -> Option<LeafId>;
}

impl Leaf for LeafId {
    fn leaf_id(&self) -> Option<LeafId> {
        Some(*self)
    }
}

impl Leaf for Tensor {
    fn leaf_id(&self) -> Option<LeafId> {
        self.node().map(|node| LeafId(node.id))
    }
}

/// The gradients of one backward pass, by leaf, in the leaves' order of creation.
///
/// Backward returns them and does not store them in the parameters, so nothing has to be reset
/// before the next pass. [`add`](Self::add) accumulates the gradients of several passes.
#[derive(Clone, Debug, Default)]
pub struct Gradients {
    by_leaf: BTreeMap<LeafId, Tensor>,
}

impl Gradients {
    /// Returns the gradient with respect to `leaf`, or `None` if the output does not depend on it.
    /// It does not depend on a frozen parameter, or on a leaf that was only used detached.
    pub fn get(&self, leaf: &impl Leaf) -> Option<&Tensor> {
        self.by_leaf.get(&leaf.leaf_id()?)
    }

    /// Removes and returns the gradient with respect to `leaf`.
    pub fn remove(&mut self, leaf: &impl Leaf) -> Option<Tensor> {
        self.by_leaf.remove(&leaf.leaf_id()?)
    }

    /// Sets the gradient with respect to `leaf`; does nothing for a tensor that is not tracked.
    pub fn insert(&mut self, leaf: &impl Leaf, gradient: Tensor) {
        if let Some(id) = leaf.leaf_id() {
            self.by_leaf.insert(id, gradient);
        }
    }

    /// Returns the number of leaves that have a gradient.
    pub fn len(&self) -> usize {
        self.by_leaf.len()
    }

    /// Returns whether no leaf has a gradient.
    pub fn is_empty(&self) -> bool {
        self.by_leaf.is_empty()
    }

    /// Iterates over the gradients in the leaves' order of creation.
    pub fn iter(&self) -> impl Iterator<Item = (LeafId, &Tensor)> {
        self.by_leaf.iter().map(|(&id, gradient)| (id, gradient))
    }

    /// Replaces every gradient `g` by `f(g)`. If `f` panics, the gradient it received is lost and
    /// the later ones are unchanged.
    pub fn map_in_place(&mut self, mut f: impl FnMut(Tensor) -> Tensor) {
        let ids: Vec<LeafId> = self.by_leaf.keys().copied().collect();
        for id in ids {
            if let Some(gradient) = self.by_leaf.remove(&id) {
                self.by_leaf.insert(id, f(gradient));
            }
        }
    }

    pub(crate) fn insert_id(&mut self, id: LeafId, gradient: Tensor) {
        self.by_leaf.insert(id, gradient);
    }

    /// Adds the gradients of another pass, leaf by leaf.
    ///
    /// # Errors
    /// [`Error::Shape`](crate::Error::Shape) or [`Error::DType`](crate::Error::DType) if the two
    /// gradients of a leaf differ in shape or dtype, because the parameter was replaced between the
    /// passes. Nothing is added then.
    pub fn add(&mut self, other: Self) -> crate::Result<()> {
        for (id, theirs) in &other.by_leaf {
            if let Some(ours) = self.by_leaf.get(id) {
                ours.expect_same_dtype("Gradients::add", theirs)?;
                if ours.shape() != theirs.shape() {
                    let shapes = [ours.shape(), theirs.shape()];
                    return Err(crate::Error::shape(
                        "Gradients::add",
                        "shapes differ",
                        &shapes,
                    ));
                }
            }
        }
        for (id, theirs) in other.by_leaf {
            let sum = match self.by_leaf.remove(&id) {
                Some(ours) => super::accumulate::add_cotangents(ours, &theirs),
                None => theirs,
            };
            self.by_leaf.insert(id, sum);
        }
        Ok(())
    }
}
