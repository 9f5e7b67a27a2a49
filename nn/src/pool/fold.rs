//! Unfolding windows to columns, and folding columns.

use cotangent_core::module::{Layer, Pass};
use cotangent_core::{Result, Spatial, Tensor, Windows};
use cotangent_macros::Module;

/// Copies the elements of each window to a column (im2col).
///
/// (batch, channels, …) with `D` spatial axes becomes (batch, channels · elements of a window,
/// windows). See [`Tensor::unfold`] for the exact meaning and the errors.
///
/// ```
/// use cotangent::prelude::*;
///
/// let images = Tensor::zeros([2, 3, 8, 8], DType::F32)?;
/// let columns = Unfold::new(Windows::new([4, 4]).stride(4)).predict(&images)?;
/// assert_eq!(columns.shape(), [2, 48, 4]);
/// # Ok::<(), cotangent::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Module, PartialEq)]
#[module(crate = "cotangent_core")]
pub struct Unfold<const D: usize> {
    #[module(skip)]
    windows: Windows<D>,
}

impl<const D: usize> Unfold<D> {
    /// Creates a layer with windows of these lengths, or with these [`Windows`]. The default stride
    /// is 1.
    pub fn new(windows: impl Into<Windows<D>>) -> Self {
        Self {
            windows: windows.into(),
        }
    }
}

impl<const D: usize> Layer for Unfold<D> {
    fn compute(&self, x: &Tensor, _: &Pass) -> Result<Tensor> {
        x.unfold(self.windows)
    }
}

/// Adds columns up to images, the transpose of [`Unfold`] (col2im).
///
/// (batch, channels · elements of a window, windows) becomes (batch, channels, lengths…). See
/// [`Tensor::fold`] for the exact meaning and the errors.
///
/// ```
/// use cotangent::prelude::*;
///
/// let (images, windows) = (Tensor::ones([2, 3, 8, 8], DType::F32)?, Windows::new(4).stride(4));
/// let columns = Unfold::new(windows).predict(&images)?;
/// let back = Fold::new([8, 8], windows).predict(&columns)?;
/// assert_eq!(back.to_vec::<f32>()?, images.to_vec::<f32>()?);
/// # Ok::<(), cotangent::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Module, PartialEq)]
#[module(crate = "cotangent_core")]
pub struct Fold<const D: usize> {
    #[module(skip)]
    lengths: Spatial<D>,
    #[module(skip)]
    windows: Windows<D>,
}

impl<const D: usize> Fold<D> {
    /// Creates a layer whose output has these spatial lengths. The windows are those of the
    /// [`Unfold`].
    pub fn new(lengths: impl Into<Spatial<D>>, windows: impl Into<Windows<D>>) -> Self {
        Self {
            lengths: lengths.into(),
            windows: windows.into(),
        }
    }
}

impl<const D: usize> Layer for Fold<D> {
    fn compute(&self, x: &Tensor, _: &Pass) -> Result<Tensor> {
        x.fold(self.lengths, self.windows)
    }
}
