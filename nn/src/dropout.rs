//! Dropout layers.

use cotangent_core::module::{Layer, Module, Pass, Walk, WalkMut};
use cotangent_core::{Interval, Result, Tensor};

/// Defines a layer that drops numbers with probability `p` in training, by a method of `Tensor`.
macro_rules! dropout {
    ($($(#[$doc:meta])* $name:ident $method:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq)]
        pub struct $name {
            p: f64,
        }

        impl $name {
            /// Creates a layer that drops with probability `p`.
            ///
            /// # Errors
            /// [`Error::Argument`](cotangent_core::Error::Argument) if `p` is not in `[0, 1)`.
            pub fn new(p: f64) -> Result<Self> {
                Interval::Below1.check(stringify!($method), "p", p)?;
                Ok(Self { p })
            }
        }

        impl Module for $name {
            fn visit<'a>(&'a self, _: &mut Walk<'a, '_>) {}
            fn visit_mut<'a>(&'a mut self, _: &mut WalkMut<'a, '_>) {}
        }

        impl Layer for $name {
            fn compute(&self, x: &Tensor, pass: &Pass) -> Result<Tensor> {
                if pass.is_training() {
                    x.$method(self.p, pass.next_seed())
                } else {
                    Ok(x.clone())
                }
            }
        }
    )*};
}

dropout! {
    /// Dropout: in training, sets each element to 0 with probability `p`, else divides it by
    /// `1 - p`.
    ///
    /// In inference it returns its input. See [`Tensor::dropout`]. PyTorch's name is the same.
    ///
    /// Place it after the last batch normalization. Before one, it changes the variance of the
    /// normalization's input in training but not in inference, and the running statistics are right
    /// for one of them only (Li, Chen, Hu, Yang 2019, Understanding the Disharmony between Dropout
    /// and Batch Normalization by Variance Shift).
    ///
    /// ```
    /// use cotangent::prelude::*;
    ///
    /// let (layer, x) = (Dropout::new(0.5)?, Tensor::from([1.0f32; 100]));
    /// let y = layer.forward(&x, &Pass::train(1))?.to_vec::<f32>()?;
    /// assert!(y.contains(&0.0) && y.contains(&2.0));
    /// assert_eq!(layer.predict(&x)?.to_vec::<f32>()?, [1.0; 100]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    Dropout dropout;
    /// Alpha dropout, for networks with [`Selu`](crate::Selu).
    ///
    /// In training it sets each element to SELU's lowest value with probability `p`. Then it scales
    /// and shifts all elements so that they keep mean 0 and variance 1. In inference it returns its
    /// input. See [`Tensor::alpha_dropout`]. PyTorch's name is the same.
    ///
    /// The source uses rates of 0.05 and 0.1 (Klambauer, Unterthiner, Mayr, Hochreiter 2017,
    /// Self-Normalizing Neural Networks).
    ///
    /// ```
    /// use cotangent::prelude::*;
    ///
    /// let x = Tensor::from([-1.0f32, 2.0]);
    /// assert_eq!(AlphaDropout::new(0.1)?.predict(&x)?.to_vec::<f32>()?, [-1.0, 2.0]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    AlphaDropout alpha_dropout;
    /// Channel dropout: in training, sets each channel of each sample to 0 with probability `p`,
    /// else divides it by `1 - p`. Input (batch, channels, …) with at least three axes.
    ///
    /// In inference it returns its input. See [`Tensor::channel_dropout`]. PyTorch: `Dropout1d`,
    /// `Dropout2d`, `Dropout3d`; Keras: `SpatialDropout2D`.
    ///
    /// ```
    /// use cotangent::prelude::*;
    ///
    /// let images = Tensor::ones([2, 8, 3, 3], DType::F32)?;
    /// let y = ChannelDropout::new(0.5)?.forward(&images, &Pass::train(1))?;
    /// for channel in y.to_vec::<f32>()?.chunks(9) {
    ///     assert!(channel == [0.0; 9] || channel == [2.0; 9]);
    /// }
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    #[doc(alias = "Dropout2d")]
    #[doc(alias = "SpatialDropout2D")]
    ChannelDropout channel_dropout;
}
