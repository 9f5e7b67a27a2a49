//! What turns images into rows for dense layers.

use cotangent_core::module::{Layer, Pass};
use cotangent_core::{Error, Result, Tensor};
use cotangent_macros::Module;

/// Joins all axes from `start_axis` on into one: (batch, a, b, …) becomes (batch, a · b · …).
///
/// ```
/// use cotangent::{DType, Tensor, module::Layer};
/// use cotangent::nn::Flatten;
/// let images = Tensor::zeros([32, 1, 8, 8], DType::F32)?;
/// assert_eq!(Flatten::default().predict(&images)?.shape(), [32, 64]);
/// # Ok::<(), cotangent::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Module, PartialEq, Eq)]
#[module(crate = "cotangent_core")]
pub struct Flatten {
    /// The first axis that is joined; 1 by default, which leaves the batch.
    #[module(skip)]
    pub start_axis: usize,
}

impl Default for Flatten {
    fn default() -> Self {
        Self { start_axis: 1 }
    }
}

impl Layer for Flatten {
    /// # Errors
    /// [`Error::Shape`] if the input has no such axis.
    fn compute(&self, x: &Tensor, _: &Pass) -> Result<Tensor> {
        let start = self.start_axis;
        if start >= x.rank() {
            let reason = format!("expected input with an axis {start}");
            return Err(Error::shape("flatten", reason, &[x.shape()]));
        }
        x.flatten_from(start as isize)
    }
}
