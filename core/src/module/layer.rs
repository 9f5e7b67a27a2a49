//! Layers: modules that map one tensor to another.

use super::pass::Pass;
use super::walk::Module;
use crate::autograd::Tensor;
use crate::error::Result;

/// A module with a `forward` from one tensor to one tensor.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a `Layer`",
    label = "this type has no `forward` from one tensor to one tensor",
    note = "mark the field `#[module(skip)]` if it takes no part in `forward`, or implement `Layer` for its type"
)]
pub trait Layer: Module {
    /// Computes the output for input `x`. This is the method to write; call
    /// [`forward`](Self::forward).
    ///
    /// # Errors
    /// Those of the operations in it. They need no place: `forward` adds it.
    fn compute(&self, x: &Tensor, pass: &Pass) -> Result<Tensor>;

    /// The output for input `x`, which [`compute`](Self::compute) computes. An error says the path
    /// of the layer that raised it, relative to this one: its parameters are looked for in the
    /// tree. A layer without parameters is named by the layers that know its name: derived ones,
    /// and containers.
    ///
    /// PyTorch splits the two likewise: `forward` is written there, and `__call__` called.
    ///
    /// # Errors
    /// Those of `compute`, with their place.
    fn forward(&self, x: &Tensor, pass: &Pass) -> Result<Tensor> {
        self.compute(x, pass).map_err(|error| error.raised_in(self))
    }

    /// The output for input `x` in inference: no dropout, running statistics, no graph.
    ///
    /// The parts of a model are layers too: `net.hidden.predict(&x)`, or
    /// `net.hidden[..4].predict(&x)` of a vector of layers, gives what the layers above are fed.
    ///
    /// # Errors
    /// As [`forward`](Self::forward).
    fn predict(&self, x: &Tensor) -> Result<Tensor> {
        self.forward(&x.detach(), &Pass::inference())
    }
}

impl<L: Layer + ?Sized> Layer for Box<L> {
    fn compute(&self, x: &Tensor, pass: &Pass) -> Result<Tensor> {
        (**self).compute(x, pass)
    }
    fn forward(&self, x: &Tensor, pass: &Pass) -> Result<Tensor> {
        (**self).forward(x, pass)
    }
}

/// Absent, it is the identity.
impl<L: Layer> Layer for Option<L> {
    fn compute(&self, x: &Tensor, pass: &Pass) -> Result<Tensor> {
        self.forward(x, pass)
    }
    fn forward(&self, x: &Tensor, pass: &Pass) -> Result<Tensor> {
        self.as_ref()
            .map_or_else(|| Ok(x.clone()), |layer| layer.forward(x, pass))
    }
}

/// The layers in order. A slice is how a part of a stack is run, `net.hidden[..4].predict(&x)`;
/// errors count its layers from 0.
impl<L: Layer> Layer for [L] {
    fn compute(&self, x: &Tensor, pass: &Pass) -> Result<Tensor> {
        let apply = |x: Tensor, (i, layer): (usize, &L)| {
            layer
                .forward(&x, pass)
                .map_err(|error| error.within(&i.to_string()))
        };
        self.iter().enumerate().try_fold(x.clone(), apply)
    }
}

/// The layers in order.
impl<L: Layer> Layer for Vec<L> {
    fn compute(&self, x: &Tensor, pass: &Pass) -> Result<Tensor> {
        self.as_slice().compute(x, pass)
    }
}
