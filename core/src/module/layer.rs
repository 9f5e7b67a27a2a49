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
