//! Pooling to a given number of windows, and to a single one.

use cotangent_core::module::{Layer, Pass};
use cotangent_core::{Result, Spatial, Tensor};
use cotangent_macros::Module;

/// Defines an adaptive pooling by a method of `Tensor`, with its names for each dimension.
macro_rules! adaptive {
    ($($(#[$doc:meta])* $name:ident $method:ident $what:literal
        $one:ident $two:ident $three:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Module, PartialEq, Eq)]
        #[module(crate = "cotangent_core")]
        pub struct $name<const D: usize> {
            #[module(skip)]
            lengths: Spatial<D>,
        }

        #[doc = concat!($what, " pooling of (batch, channels, length) to a given length.")]
        pub type $one = $name<1>;
        #[doc = concat!($what, " pooling of (batch, channels, height, width) to given lengths.")]
        pub type $two = $name<2>;
        #[doc = concat!(
            $what,
            " pooling of (batch, channels, depth, height, width) to given lengths."
        )]
        pub type $three = $name<3>;

        impl<const D: usize> $name<D> {
            /// Creates a layer whose output has these spatial lengths: an array, or one number for
            /// all axes.
            pub fn new(lengths: impl Into<Spatial<D>>) -> Self {
                Self {
                    lengths: lengths.into(),
                }
            }
        }

        impl<const D: usize> Layer for $name<D> {
            fn compute(&self, x: &Tensor, _: &Pass) -> Result<Tensor> {
                x.$method(self.lengths)
            }
        }
    )*};
}

adaptive! {
    /// Max pooling to given lengths: the windows divide the input, whatever its size.
    ///
    /// Input (batch, channels, …) with `D` spatial axes. See [`Tensor::adaptive_max_pool`] for the
    /// exact meaning and the errors. Every spatial axis needs a length; PyTorch also has `None`.
    ///
    /// ```
    /// use cotangent::prelude::*;
    ///
    /// let images = Tensor::zeros([2, 3, 13, 9], DType::F32)?;
    /// assert_eq!(AdaptiveMaxPool2d::new([4, 5]).predict(&images)?.shape(), [2, 3, 4, 5]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    AdaptiveMaxPool adaptive_max_pool "Max"
        AdaptiveMaxPool1d AdaptiveMaxPool2d AdaptiveMaxPool3d;
    /// Average pooling to given lengths: the windows divide the input, whatever its size.
    ///
    /// Input (batch, channels, …) with `D` spatial axes. See [`Tensor::adaptive_avg_pool`] for the
    /// exact meaning and the errors. Every spatial axis needs a length; PyTorch also has `None`.
    ///
    /// ```
    /// use cotangent::prelude::*;
    ///
    /// let images = Tensor::zeros([2, 3, 13, 9], DType::F32)?;
    /// assert_eq!(AdaptiveAvgPool2d::new(6).predict(&images)?.shape(), [2, 3, 6, 6]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    AdaptiveAvgPool adaptive_avg_pool "Average"
        AdaptiveAvgPool1d AdaptiveAvgPool2d AdaptiveAvgPool3d;
}

/// Defines a global pooling by a method of `Tensor`.
macro_rules! global {
    ($($(#[$doc:meta])* $name:ident $method:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, Module, PartialEq, Eq)]
        #[module(crate = "cotangent_core")]
        pub struct $name;

        impl Layer for $name {
            fn compute(&self, x: &Tensor, _: &Pass) -> Result<Tensor> {
                x.$method()
            }
        }
    )*};
}

global! {
    /// Global average pooling: the mean of each channel (Lin, Chen, Yan 2014, Network In Network).
    ///
    /// Input (batch, channels, …) with one to three spatial axes, output (batch, channels). See
    /// [`Tensor::global_avg_pool`].
    ///
    /// ```
    /// use cotangent::prelude::*;
    ///
    /// let images = Tensor::ones([2, 3, 7, 7], DType::F32)?;
    /// assert_eq!(GlobalAvgPool.predict(&images)?.to_vec::<f32>()?, [1.0; 6]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    #[doc(alias = "GlobalAveragePooling2D")]
    GlobalAvgPool global_avg_pool;
    /// Global max pooling: the largest element of each channel.
    ///
    /// Input (batch, channels, …) with one to three spatial axes, output (batch, channels). See
    /// [`Tensor::global_max_pool`].
    ///
    /// ```
    /// use cotangent::prelude::*;
    ///
    /// let images = Tensor::ones([2, 3, 7, 7], DType::F32)?;
    /// assert_eq!(GlobalMaxPool.predict(&images)?.to_vec::<f32>()?, [1.0; 6]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    #[doc(alias = "GlobalMaxPooling2D")]
    GlobalMaxPool global_max_pool;
}
