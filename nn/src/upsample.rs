//! Upsampling and pixel shuffle.

use cotangent_core::module::{Layer, Pass};
use cotangent_core::{Error, Result, Spatial, Tensor};
use cotangent_macros::Module;

/// Changes the lengths of the spatial axes: by nearest neighbours, or by linear interpolation.
///
/// Input (batch, channels, …) with `D` spatial axes. [`Upsample1d`], [`Upsample2d`] and
/// [`Upsample3d`] are this layer for one, two and three. See [`Tensor::upsample_nearest`] and
/// [`Tensor::upsample_linear`] for the exact meaning and the errors.
///
/// A factor is a whole number, while PyTorch also takes fractions: compute the lengths instead.
/// PyTorch's modes `bicubic` and `area` do not exist; `area` is
/// [`AdaptiveAvgPool`](crate::AdaptiveAvgPool).
///
/// ```
/// use cotangent::prelude::*;
///
/// let images = Tensor::ones([2, 3, 4, 5], DType::F32)?;
/// assert_eq!(Upsample2d::by(2).predict(&images)?.shape(), [2, 3, 8, 10]);
/// assert_eq!(Upsample2d::to([7, 7]).linear().predict(&images)?.shape(), [2, 3, 7, 7]);
/// # Ok::<(), cotangent::Error>(())
/// ```
#[doc(alias = "UpSampling2D")]
#[doc(alias = "Resize")]
#[derive(Clone, Copy, Debug, Module, PartialEq, Eq)]
#[module(crate = "cotangent_core")]
#[must_use]
pub struct Upsample<const D: usize> {
    #[module(skip)]
    size: Size<D>,
    #[module(skip)]
    mode: Mode,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Size<const D: usize> {
    Factor(Spatial<D>),
    Lengths(Spatial<D>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Nearest,
    Linear { align_corners: bool },
}

/// Upsampling of (batch, channels, length).
pub type Upsample1d = Upsample<1>;
/// Upsampling of (batch, channels, height, width).
pub type Upsample2d = Upsample<2>;
/// Upsampling of (batch, channels, depth, height, width).
pub type Upsample3d = Upsample<3>;

impl<const D: usize> Upsample<D> {
    /// Creates a layer that makes each spatial axis this many times as long, by nearest neighbours.
    #[doc(alias = "scale_factor")]
    pub fn by(factor: impl Into<Spatial<D>>) -> Self {
        Self {
            size: Size::Factor(factor.into()),
            mode: Mode::Nearest,
        }
    }

    /// Creates a layer that changes the spatial axes to these lengths, by nearest neighbours.
    pub fn to(lengths: impl Into<Spatial<D>>) -> Self {
        Self {
            size: Size::Lengths(lengths.into()),
            mode: Mode::Nearest,
        }
    }

    /// Interpolates linearly along each axis: PyTorch's modes `linear`, `bilinear` and `trilinear`.
    #[doc(alias = "bilinear")]
    #[doc(alias = "trilinear")]
    pub fn linear(mut self) -> Self {
        self.mode = Mode::Linear {
            align_corners: false,
        };
        self
    }

    /// Interpolates linearly and keeps the first and the last elements in their places. PyTorch:
    /// `align_corners=True`.
    pub fn align_corners(mut self) -> Self {
        self.mode = Mode::Linear {
            align_corners: true,
        };
        self
    }
}

impl<const D: usize> Layer for Upsample<D> {
    /// # Errors
    /// Returns the errors of [`Tensor::upsample_nearest`]; [`Error::Shape`] if the lengths are too
    /// large.
    fn compute(&self, x: &Tensor, _: &Pass) -> Result<Tensor> {
        let lengths = match self.size {
            Size::Lengths(lengths) => lengths,
            // With another number of axes the operation returns its error.
            Size::Factor(factor) if x.rank() != D + 2 => factor,
            Size::Factor(factor) => {
                let mut lengths = *factor;
                for (length, from) in lengths.iter_mut().zip(&x.shape()[2..]) {
                    *length = length.checked_mul(*from).ok_or_else(|| {
                        let reason = format!("the factor {:?} is too large", *factor);
                        Error::shape("upsample", reason, &[x.shape()])
                    })?;
                }
                lengths.into()
            }
        };
        match self.mode {
            Mode::Nearest => x.upsample_nearest(lengths),
            Mode::Linear { align_corners } => x.upsample_linear(lengths, align_corners),
        }
    }
}

/// Defines a layer with a factor by a method of `Tensor`.
macro_rules! shuffles {
    ($($(#[$doc:meta])* $name:ident $method:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Module, PartialEq, Eq)]
        #[module(crate = "cotangent_core")]
        pub struct $name {
            #[module(skip)]
            factor: usize,
        }

        impl $name {
            /// Creates a layer with this factor, at least 1.
            pub const fn new(factor: usize) -> Self {
                Self { factor }
            }
        }

        impl Layer for $name {
            fn compute(&self, x: &Tensor, _: &Pass) -> Result<Tensor> {
                x.$method(self.factor)
            }
        }
    )*};
}

shuffles! {
    /// Makes `factor` times as many elements of each spatial axis from channels.
    ///
    /// (batch, channels · factor^D, …) becomes (batch, channels, … · factor), for one to three
    /// spatial axes. See [`Tensor::pixel_shuffle`].
    ///
    /// Source: Shi et al. 2016, Real-Time Single Image and Video Super-Resolution Using an
    /// Efficient Sub-Pixel Convolutional Neural Network.
    ///
    /// ```
    /// use cotangent::prelude::*;
    ///
    /// let x = Tensor::zeros([2, 12, 4, 5], DType::F32)?;
    /// assert_eq!(PixelShuffle::new(2).predict(&x)?.shape(), [2, 3, 8, 10]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    #[doc(alias = "depth_to_space")]
    PixelShuffle pixel_shuffle;
    /// Makes channels from blocks of `factor` elements along each spatial axis, the inverse of
    /// [`PixelShuffle`].
    ///
    /// (batch, channels, … · factor) becomes (batch, channels · factor^D, …). See
    /// [`Tensor::pixel_unshuffle`].
    ///
    /// ```
    /// use cotangent::prelude::*;
    ///
    /// let x = Tensor::zeros([2, 3, 8, 10], DType::F32)?;
    /// assert_eq!(PixelUnshuffle::new(2).predict(&x)?.shape(), [2, 12, 4, 5]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    #[doc(alias = "space_to_depth")]
    PixelUnshuffle pixel_unshuffle;
}
