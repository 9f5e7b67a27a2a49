//! Boxed layers that can be cloned.

use super::layer::Layer;
use std::fmt::Debug;

/// A layer whose type is chosen at run time, and which can be cloned, printed and sent to another
/// thread. Every layer that can do all this is a `DynLayer`.
///
/// Hold a `Box<dyn DynLayer>` where you would hold a `Box<dyn Layer>`: only the former is `Clone`.
/// Gradient checks, averages of a model's weights and [`Pass::recompute`](super::Pass::recompute)
/// need clones.
///
/// ```
/// use cotangent::nn::{Linear, Relu};
/// use cotangent::prelude::*;
/// #[derive(Clone, Debug, Module, Layer)]
/// struct Net {
///     hidden: Vec<Box<dyn DynLayer>>,
///     out: Linear,
/// }
/// let mut rng = ChaCha8Rng::seed_from_u64(1);
/// let mut hidden: Vec<Box<dyn DynLayer>> = Vec::new();
/// for _ in 0..2 {
///     hidden.push(Box::new(Linear::new(8, 8, &mut rng)?));
///     hidden.push(Box::new(Relu));
/// }
/// let net = Net { hidden, out: Linear::new(8, 2, &mut rng)? };
/// let copy = net.clone();
/// assert_eq!(copy.named_params()[2].0, "hidden.2.weight");
/// # Ok::<(), Error>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a `Layer` that can be cloned, printed and shared between threads",
    note = "it must be a `Layer`, and implement `Clone`, `Debug`, `Send` and `Sync`",
    note = "a builder such as `Linear::builder(2, 3)` becomes a layer by `.build(&mut rng)?`"
)]
pub trait DynLayer: Layer + Debug + Send + Sync {
    /// Returns a clone in a box.
    fn boxed_clone(&self) -> Box<dyn DynLayer>;
}

impl<L: Layer + Debug + Clone + Send + Sync + 'static> DynLayer for L {
    fn boxed_clone(&self) -> Box<dyn DynLayer> {
        Box::new(self.clone())
    }
}

impl Clone for Box<dyn DynLayer> {
    fn clone(&self) -> Self {
        // Of the layer: a box of layers is a `DynLayer` itself, and would be boxed once more.
        (**self).boxed_clone()
    }
}
