//! Flattening, for dense layers after inputs with several axes such as images.

use cotangent_core::module::{Layer, Pass};
use cotangent_core::{Error, Result, Tensor};
use cotangent_macros::Module;

/// Joins all axes from `start_axis` on into one: (batch, a, b, …) becomes (batch, a · b · …).
///
/// PyTorch's `Flatten` also has an end axis.
///
/// ```
/// use cotangent::prelude::*;
///
/// let images = Tensor::zeros([32, 1, 8, 8], DType::F32)?;
/// assert_eq!(Flatten::new().predict(&images)?.shape(), [32, 64]);
/// # Ok::<(), cotangent::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Module, PartialEq, Eq)]
#[module(crate = "cotangent_core")]
pub struct Flatten {
    /// The first axis that is joined. Default: 1, which keeps the batch axis.
    #[module(skip)]
    pub start_axis: usize,
}

impl Flatten {
    /// Creates a layer that joins all axes except the first, which is the batch.
    pub const fn new() -> Self {
        Self { start_axis: 1 }
    }
}

impl Default for Flatten {
    fn default() -> Self {
        Self::new()
    }
}

impl Layer for Flatten {
    /// # Errors
    /// [`Error::Shape`] if the input does not have this axis.
    fn compute(&self, x: &Tensor, _: &Pass) -> Result<Tensor> {
        let start = self.start_axis;
        if start >= x.rank() {
            let reason = format!("expected input with an axis {start}");
            return Err(Error::shape("flatten", reason, &[x.shape()]));
        }
        x.flatten_from(start as isize)
    }
}
