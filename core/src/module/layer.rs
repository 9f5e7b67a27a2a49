//! The trait of layers: modules with a `forward` from one tensor to one tensor.

use super::pass::Pass;
use super::walk::Module;
use crate::autograd::Tensor;
use crate::error::Result;

/// A module with a `forward` from one tensor to one tensor.
///
/// Write [`compute`](Self::compute), and call [`forward`](Self::forward) or
/// [`predict`](Self::predict). `#[derive(Layer)]` writes it for a struct whose fields run in order.
/// `Option`, `Vec`, arrays, tuples and boxes of layers are layers. A model with several inputs or
/// outputs does not need this trait: derive `Module` and write a `forward` with its own signature.
///
/// To choose layers at run time, hold a [`Box<dyn DynLayer>`](super::DynLayer), which is `Clone`. A
/// `Box<dyn Layer>` is not: models that hold one cannot be cloned, gradient-checked or averaged.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a `Layer`",
    label = "this type has no `forward` from one tensor to one tensor",
    note = "mark the field `#[module(skip)]` if `forward` does not use it, or implement `Layer` \
            for its type",
    note = "a builder such as `Linear::builder(2, 3)` becomes a layer by `.build(&mut rng)?`"
)]
pub trait Layer: Module {
    /// Computes the output for input `x`. This is the method to implement; to run a layer, call
    /// [`forward`](Self::forward).
    ///
    /// # Errors
    /// Those of the operations in it. `forward` adds the path of the layer to them.
    fn compute(&self, x: &Tensor, pass: &Pass) -> Result<Tensor>;

    /// Returns the output for input `x`: calls [`compute`](Self::compute), and adds to an error the
    /// path of the layer that raised it, relative to this one. The path is found by the parameters
    /// of that layer. A layer without parameters is named by the layer around it, if that is
    /// derived or a container.
    ///
    /// PyTorch: `compute` is `forward`, and `forward` is `__call__`.
    ///
    /// # Errors
    /// Those of `compute`, with the path of the layer.
    fn forward(&self, x: &Tensor, pass: &Pass) -> Result<Tensor> {
        pass.enter(self.type_name());
        let result = self.compute(x, pass);
        pass.leave(result.as_ref().ok());
        result.map_err(|error| error.raised_in(self))
    }

    /// Returns the output for input `x` in inference: without dropout, with running statistics, and
    /// without a graph.
    ///
    /// The parts of a model are layers too. `net.hidden.predict(&x)` returns the input of the
    /// layers after `hidden`. Of a vector of layers, `net.hidden[..4].predict(&x)` runs the first
    /// four.
    ///
    /// # Errors
    /// Those of [`forward`](Self::forward).
    fn predict(&self, x: &Tensor) -> Result<Tensor> {
        self.forward(&x.detach(), &Pass::inference())
    }
}
