//! What backward returns: gradients by the identity of the leaf.

use super::tensor::Tensor;
use std::collections::BTreeMap;

/// The identity of a leaf of graphs: a tracked tensor or a parameter. Unique in the process, in
/// the order of creation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LeafId(pub(crate) u64);

/// What [`Gradients`] are looked up by: a tracked tensor, or a `Param`.
pub trait Leaf {
    /// The identity, or none if nothing flows to this tensor.
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
/// They are returned, and not stored in the parameters: there is nothing to reset before the next
/// pass. To accumulate over several passes, [`add`](Self::add) them.
#[derive(Clone, Debug, Default)]
pub struct Gradients {
    by_leaf: BTreeMap<LeafId, Tensor>,
}

impl Gradients {
    /// The gradient with respect to `leaf`; `None` if the output does not depend on it (or only
    /// through a frozen parameter or a detached tensor).
    pub fn get(&self, leaf: &impl Leaf) -> Option<&Tensor> {
        self.by_leaf.get(&leaf.leaf_id()?)
    }

    /// Takes the gradient with respect to `leaf` out.
    pub fn remove(&mut self, leaf: &impl Leaf) -> Option<Tensor> {
        self.by_leaf.remove(&leaf.leaf_id()?)
    }

    /// Sets the gradient with respect to `leaf`; does nothing for a tensor that is not tracked.
    pub fn insert(&mut self, leaf: &impl Leaf, gradient: Tensor) {
        if let Some(id) = leaf.leaf_id() {
            self.by_leaf.insert(id, gradient);
        }
    }

    /// How many leaves have a gradient.
    pub fn len(&self) -> usize {
        self.by_leaf.len()
    }

    /// Whether no leaf has a gradient.
    pub fn is_empty(&self) -> bool {
        self.by_leaf.is_empty()
    }

    /// The gradients, in the leaves' order of creation.
    pub fn iter(&self) -> impl Iterator<Item = (LeafId, &Tensor)> {
        self.by_leaf.iter().map(|(&id, gradient)| (id, gradient))
    }

    /// Replaces every gradient by what `f` makes of it. If `f` panics, the gradient that it was
    /// given is gone and those behind it are as they were.
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
    /// [`Error::Shape`](crate::Error::Shape) or [`Error::DType`](crate::Error::DType) if a leaf's
    /// two gradients do not fit each other, which means that the parameter was changed in between;
    /// then nothing is added.
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
