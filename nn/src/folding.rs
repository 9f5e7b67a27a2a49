//! The layers that a batch normalization can be folded into.

use crate::conv::{Built, Conv, ConvTranspose};
use crate::linear::Linear;
use cotangent_core::module::Param;
use cotangent_core::{Error, INFER, Result, Tensor};

/// A layer that multiplies by a weight and adds a bias: [`Linear`], [`Conv`] or [`ConvTranspose`].
pub trait Foldable: Sized {
    #[doc(hidden)]
    fn bias(&self) -> Option<&Param>;
    /// Returns the weight with each output's part multiplied by its scale (out).
    #[doc(hidden)]
    fn scaled(&self, scale: &Tensor) -> Result<Tensor>;
    /// Returns the layer with other parameters.
    #[doc(hidden)]
    fn with(&self, weight: Param, bias: Param) -> Self;
}

impl Foldable for Linear {
    fn bias(&self) -> Option<&Param> {
        self.bias.as_ref()
    }
    fn scaled(&self, scale: &Tensor) -> Result<Tensor> {
        rows_scaled(&self.weight, scale)
    }
    fn with(&self, weight: Param, bias: Param) -> Self {
        Self {
            weight,
            bias: Some(bias),
        }
    }
}

impl<const D: usize> Foldable for Conv<D> {
    fn bias(&self) -> Option<&Param> {
        self.bias.as_ref()
    }
    fn scaled(&self, scale: &Tensor) -> Result<Tensor> {
        rows_scaled(&self.weight, scale)
    }
    fn with(&self, weight: Param, bias: Param) -> Self {
        Self::from_parts(weight, Some(bias), self.options())
    }
}

impl<const D: usize> Foldable for ConvTranspose<D> {
    fn bias(&self) -> Option<&Param> {
        self.bias.as_ref()
    }
    fn scaled(&self, scale: &Tensor) -> Result<Tensor> {
        let weight = self.weight.value();
        let (groups, outputs) = (self.options().group_count(), weight.shape()[1]);
        expect_outputs(scale, groups * outputs, weight)?;
        let parts = weight.reshape([groups, weight.shape()[0] / groups, outputs, INFER])?;
        let scale = scale.reshape([groups, 1, outputs, 1])?;
        parts.mul(&scale)?.reshape(weight.shape())
    }
    fn with(&self, weight: Param, bias: Param) -> Self {
        Self::from_parts(weight, Some(bias), self.options())
    }
}

/// Returns a weight (out, …) multiplied by a scale (out).
fn rows_scaled(weight: &Param, scale: &Tensor) -> Result<Tensor> {
    let weight = weight.value();
    expect_outputs(scale, weight.shape()[0], weight)?;
    let mut shape = vec![1; weight.rank()];
    shape[0] = scale.len();
    weight.mul(&scale.reshape(shape)?)
}

fn expect_outputs(scale: &Tensor, outputs: usize, weight: &Tensor) -> Result<()> {
    if scale.len() == outputs {
        return Ok(());
    }
    let reason = "expected one channel per output";
    let shapes = [weight.shape(), scale.shape()];
    Err(Error::shape("fold_into", reason, &shapes))
}
