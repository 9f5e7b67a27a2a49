//! Activation functions as layers, for [`Sequential`](crate::Sequential) and derived pipelines; in
//! a hand-written `forward` the tensor methods are shorter.

use cotangent_core::module::{Layer, Module, Pass, Walk, WalkMut};
use cotangent_core::{Result, Tensor};

macro_rules! activations {
    ($($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident = $default:literal),* } $method:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq)]
        #[allow(clippy::empty_structs_with_brackets)]
        pub struct $name { $($(#[$field_doc])* pub $field: f64),* }

        impl Default for $name {
            fn default() -> Self {
                Self { $($field: $default),* }
            }
        }

        impl Module for $name {
            fn visit<'a>(&'a self, _: &mut Walk<'a, '_>) {}
            fn visit_mut<'a>(&'a mut self, _: &mut WalkMut<'a, '_>) {}
        }

        impl Layer for $name {
            fn forward(&self, x: &Tensor, _: &Pass) -> Result<Tensor> {
                Ok(x.$method($(self.$field),*))
            }
        }
    )*};
}

activations! {
    /// [`Tensor::relu`].
    Relu {} relu;
    /// [`Tensor::leaky_relu`].
    LeakyRelu {
        /// The slope below 0; 0.01 by default.
        negative_slope = 0.01
    } leaky_relu;
    /// [`Tensor::elu`].
    Elu {
        /// The value that is approached far below 0 is -alpha; 1 by default.
        alpha = 1.0
    } elu;
    /// [`Tensor::selu`].
    Selu {} selu;
    /// [`Tensor::tanh`].
    Tanh {} tanh;
    /// [`Tensor::sigmoid`].
    Sigmoid {} sigmoid;
}
