//! A wrapper for layers that are not trained.

use super::freeze::set_frozen;
use super::layer::Layer;
use super::pass::Pass;
use super::walk::{Module, Walk, WalkMut};
use crate::autograd::Tensor;
use crate::error::Result;
use std::ops::Deref;

/// A module that is not trained. Its parameters get no gradient and no update. Batch normalization
/// in it runs as in inference and keeps its statistics. Below it no graph is recorded, unless a
/// layer there is trained. Dropout in it still drops.
///
/// Its leaves have the same paths as without the wrapper, and are saved and loaded as usual. They
/// are [frozen](super::Param::is_frozen) from the start, and
/// [`unfreeze`](crate::ModuleExt::unfreeze) does not change them.
///
/// ```
/// use cotangent::prelude::*;
/// let mut rng = ChaCha8Rng::seed_from_u64(1);
/// let (body, head) = (Linear::new(2, 3, &mut rng)?, Linear::new(3, 1, &mut rng)?);
/// let mut net = (Frozen::new(body), head);
/// net.unfreeze();
/// let y = net.forward(&Tensor::from([[1.0f32, 2.0]]), &Pass::train(0))?;
/// // The weight and the bias of the head.
/// assert_eq!(y.sum().backward()?.len(), 2);
/// assert_eq!(net.named_params()[0].0, "0.weight");
/// # Ok::<(), Error>(())
/// ```
///
/// As a [`Layer`] it runs the inner layer under a [frozen pass](Pass::frozen). The wrapper
/// dereferences to the inner module, so that other functions than `forward` can be called too. For
/// them the marks on the leaves have the same effect. If some layers have no leaves to mark, pass a
/// frozen pass: `net.encoder.run(&tokens, &pass.frozen())`.
#[derive(Clone, Debug)]
pub struct Frozen<L>(L);

impl<L: Module> Frozen<L> {
    /// Wraps a layer and marks all its parameters and buffers as frozen.
    pub fn new(mut layer: L) -> Self {
        set_frozen(&mut layer, true);
        Self(layer)
    }
}

impl<L> Frozen<L> {
    /// Returns the layer. Its leaves are still frozen: call
    /// [`unfreeze`](crate::ModuleExt::unfreeze) to train it.
    pub fn into_inner(self) -> L {
        self.0
    }
}

impl<L> Deref for Frozen<L> {
    type Target = L;
    fn deref(&self) -> &L {
        &self.0
    }
}

/// The paths are those of the inner layer.
impl<L: Module> Module for Frozen<L> {
    fn visit<'a>(&'a self, walk: &mut Walk<'a, '_>) {
        walk.frozen(&self.0);
    }
    fn visit_mut<'a>(&'a mut self, walk: &mut WalkMut<'a, '_>) {
        walk.frozen(&mut self.0);
    }
    fn type_name(&self) -> &'static str {
        self.0.type_name()
    }
}

impl<L: Layer> Layer for Frozen<L> {
    fn compute(&self, x: &Tensor, pass: &Pass) -> Result<Tensor> {
        self.0.compute(x, &pass.frozen())
    }
}
