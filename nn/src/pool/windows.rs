//! Max and average pooling.

use cotangent_core::module::{Layer, Pass};
use cotangent_core::{Indices, Result, Spatial, Tensor, Windows};
use cotangent_macros::Module;

/// Defines the options of windows that a layer with the field `windows` has.
macro_rules! options {
    ($name:ident) => {
        impl<const D: usize> $name<D> {
            /// Creates a layer with windows of these lengths, an array or one number for all axes,
            /// or with these [`Windows`]. The default stride is the length.
            pub fn new(windows: impl Into<Windows<D>>) -> Self {
                Self {
                    windows: windows.into(),
                }
            }

            /// Sets the distance from one window to the next. Default: the length.
            #[must_use]
            pub fn stride(self, stride: impl Into<Spatial<D>>) -> Self {
                Self::new(self.windows.stride(stride))
            }

            /// Sets the number of elements that are added at both ends of each axis, at most half
            /// of the window. Default: 0.
            #[must_use]
            pub fn padding(self, padding: impl Into<Spatial<D>>) -> Self {
                Self::new(self.windows.padding(padding))
            }

            /// Adds a last window that reaches beyond the end, if elements would be left over.
            /// See [`Windows::ceil_mode`].
            #[must_use]
            pub fn ceil_mode(self) -> Self {
                Self::new(self.windows.ceil_mode())
            }
        }
    };
}

/// Max pooling: the largest element of each window.
///
/// Input (batch, channels, …) with `D` spatial axes. [`MaxPool1d`], [`MaxPool2d`] and [`MaxPool3d`]
/// are this layer for one, two and three. Padding counts as -∞. The first of several equal maxima
/// takes the gradient. See [`Tensor::max_pool`] for the exact meaning and the errors.
///
/// ```
/// use cotangent::prelude::*;
///
/// let images = Tensor::zeros([32, 3, 28, 28], DType::F32)?;
/// assert_eq!(MaxPool2d::new(2).predict(&images)?.shape(), [32, 3, 14, 14]);
/// let pool = MaxPool2d::new([3, 3]).stride(2).padding(1);
/// assert_eq!(pool.predict(&images)?.shape(), [32, 3, 14, 14]);
/// # Ok::<(), cotangent::Error>(())
/// ```
#[doc(alias = "MaxPooling2D")]
#[derive(Clone, Copy, Debug, Module, PartialEq)]
#[module(crate = "cotangent_core")]
pub struct MaxPool<const D: usize> {
    #[module(skip)]
    windows: Windows<D>,
}

/// Max pooling of (batch, channels, length).
pub type MaxPool1d = MaxPool<1>;
/// Max pooling of (batch, channels, height, width).
pub type MaxPool2d = MaxPool<2>;
/// Max pooling of (batch, channels, depth, height, width).
pub type MaxPool3d = MaxPool<3>;

options!(MaxPool);

impl<const D: usize> MaxPool<D> {
    /// Sets the distance between neighbouring elements of a window. Default: 1.
    #[must_use]
    pub fn dilation(self, dilation: impl Into<Spatial<D>>) -> Self {
        Self::new(self.windows.dilation(dilation))
    }

    /// Returns the pooled input and the place of each maximum, for
    /// [`max_unpool`](Tensor::max_unpool).
    ///
    /// # Errors
    /// Returns the errors of [`Tensor::max_pool_with_indices`].
    pub fn with_indices(&self, x: &Tensor) -> Result<(Tensor, Indices)> {
        x.max_pool_with_indices(self.windows)
    }
}

impl<const D: usize> Layer for MaxPool<D> {
    /// # Errors
    /// Returns the errors of [`Tensor::max_pool`].
    fn compute(&self, x: &Tensor, _: &Pass) -> Result<Tensor> {
        x.max_pool(self.windows)
    }
}

/// Average pooling: the mean of each window.
///
/// Input (batch, channels, …) with `D` spatial axes. [`AvgPool1d`], [`AvgPool2d`] and [`AvgPool3d`]
/// are this layer for one, two and three. The zeros of the padding count, unless they are
/// [excluded](Self::exclude_padding). See [`Tensor::avg_pool`] for the exact meaning and the
/// errors.
///
/// ```
/// use cotangent::prelude::*;
///
/// let images = Tensor::ones([32, 3, 28, 28], DType::F32)?;
/// assert_eq!(AvgPool2d::new(2).predict(&images)?.shape(), [32, 3, 14, 14]);
/// let pool = AvgPool2d::new(3).stride(2).padding(1).exclude_padding();
/// assert_eq!(pool.predict(&images)?.min()?.item()?, 1.0);
/// # Ok::<(), cotangent::Error>(())
/// ```
#[doc(alias = "AveragePooling2D")]
#[derive(Clone, Copy, Debug, Module, PartialEq)]
#[module(crate = "cotangent_core")]
pub struct AvgPool<const D: usize> {
    #[module(skip)]
    windows: Windows<D>,
}

/// Average pooling of (batch, channels, length).
pub type AvgPool1d = AvgPool<1>;
/// Average pooling of (batch, channels, height, width).
pub type AvgPool2d = AvgPool<2>;
/// Average pooling of (batch, channels, depth, height, width).
pub type AvgPool3d = AvgPool<3>;

options!(AvgPool);

impl<const D: usize> AvgPool<D> {
    /// Divides sums by the number of elements that are not padding. PyTorch:
    /// `count_include_pad=False`.
    #[doc(alias = "count_include_pad")]
    #[must_use]
    pub fn exclude_padding(self) -> Self {
        Self::new(self.windows.exclude_padding())
    }

    /// Divides sums by this number, above 0, instead of the number of elements.
    #[doc(alias = "divisor_override")]
    #[must_use]
    pub fn divisor(self, divisor: f64) -> Self {
        Self::new(self.windows.divisor(divisor))
    }
}

impl<const D: usize> Layer for AvgPool<D> {
    /// # Errors
    /// Returns the errors of [`Tensor::avg_pool`].
    fn compute(&self, x: &Tensor, _: &Pass) -> Result<Tensor> {
        x.avg_pool(self.windows)
    }
}
