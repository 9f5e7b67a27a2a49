//! Dropout as a layer, of either kind.

use cotangent_core::module::{Layer, Module, Pass, Walk, WalkMut};
use cotangent_core::{Interval, Result, Tensor};

/// Defines a layer that sets elements with probability `p` while training, by a method of `Tensor`.
macro_rules! dropout {
    ($($(#[$doc:meta])* $name:ident $method:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq)]
        pub struct $name {
            p: f64,
        }

        impl $name {
            /// Drops with probability `p`.
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
    /// While training, each element is 0 with probability `p`, else divided by 1 - p; when
    /// predicting, nothing happens. See [`Tensor::dropout`].
    ///
    /// In front of a batch normalization it shifts variances: while training they are those of
    /// thinned inputs, when predicting those of whole ones, but the running statistics stay (Li,
    /// Chen, Hu, Yang 2019, Understanding the Disharmony between Dropout and Batch Normalization by
    /// Variance Shift). Put it after the last one.
    ///
    /// ```
    /// use cotangent::{Tensor, module::{Layer, Pass}};
    /// use cotangent::nn::Dropout;
    /// let (layer, x) = (Dropout::new(0.5)?, Tensor::from([1.0f32; 100]));
    /// let y = layer.forward(&x, &Pass::train(1))?.to_vec::<f32>()?;
    /// assert!(y.contains(&0.0) && y.contains(&2.0));
    /// assert_eq!(layer.predict(&x)?.to_vec::<f32>()?, [1.0; 100]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    Dropout dropout;
    /// Dropout behind [`Selu`](crate::Selu): while training, each element is SELU's lowest value
    /// with probability `p`, and then all are scaled and shifted so that mean 0 and variance 1
    /// stay; when predicting, nothing happens. See [`Tensor::alpha_dropout`]. The paper's rates are
    /// 0.05 and 0.1.
    ///
    /// ```
    /// use cotangent::{Tensor, module::Layer};
    /// use cotangent::nn::AlphaDropout;
    /// let x = Tensor::from([-1.0f32, 2.0]);
    /// assert_eq!(AlphaDropout::new(0.1)?.predict(&x)?.to_vec::<f32>()?, [-1.0, 2.0]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    AlphaDropout alpha_dropout;
}
