//! The settings of a multilayer perceptron.

use super::range::{self, Check, Fault, options};
use cotangent_core::module::Layer;
use cotangent_core::random::Rng;
use cotangent_core::{DType, Result, Tensor};
use cotangent_nn::{Activation, Init, Mlp, init};
use serde::{Deserialize, Serialize};

/// The normalization of the hidden layers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum NormKind {
    /// Batch normalization.
    Batch,
    /// Layer normalization.
    Layer,
    /// Root mean square normalization.
    Rms,
}

/// Defines the initializers of weights, each with its function.
macro_rules! inits {
    ($($name:ident $function:ident;)*) => {
        /// An initializer of weights, written `he_normal` for `HeNormal`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        #[non_exhaustive]
        pub enum InitKind {$(
            #[doc = concat!("[`", stringify!($function), "`](init::", stringify!($function), ").")]
            $name,
        )*}

        impl InitKind {
            /// All kinds.
            #[cfg(test)]
            pub(super) const ALL: &[Self] = &[$(Self::$name),*];

            fn init(self) -> Init {
                match self {
                    $(Self::$name => init::$function(),)*
                }
            }
        }
    };
}

inits! {
    GlorotNormal glorot_normal;
    GlorotUniform glorot_uniform;
    HeNormal he_normal;
    HeUniform he_uniform;
    LecunNormal lecun_normal;
    LecunUniform lecun_uniform;
    Orthogonal orthogonal;
    PytorchLinear pytorch_linear;
}

options! {
    /// The sizes of an [`Mlp`], and options of its layers.
    MlpSettings {
        /// The number of inputs first, and the number of outputs last.
        sizes: Vec<usize> => sizes,
        --
        /// The activation by its name, such as `elu`, or with its settings, as in
        /// `leaky_relu(0.2)`; ReLU by default.
        activation: String => activation,
        /// The normalization.
        norm: NormKind,
        /// Whether the normalization is placed after the activation.
        norm_after_activation: bool,
        /// The probability of dropout, in [0, 1).
        dropout: f64 => range::below_1,
        /// The initializer of all weights. By default it is the activation's in hidden layers, and
        /// Glorot's in the output layer.
        weight: InitKind,
        /// The initial value of all biases, a finite number; 0 by default.
        bias: f64 => finite,
    }
}

impl MlpSettings {
    /// Draws the net.
    ///
    /// # Errors
    /// Those of [`MlpBuilder::build`](cotangent_nn::MlpBuilder::build), and
    /// [`Error::Argument`](cotangent_core::Error::Argument) if an option is out of range.
    pub fn build(&self, rng: &mut (impl Rng + ?Sized)) -> Result<Mlp> {
        self.checked().map_err(|fault| fault.error("mlp"))?;
        let mut builder = Mlp::builder(self.sizes.clone());
        if let Some(activation) = &self.activation {
            builder = builder.activation(activation.parse::<Activation>()?);
        }
        builder = match self.norm {
            Some(NormKind::Batch) => builder.batch_norm(),
            Some(NormKind::Layer) => builder.layer_norm(),
            Some(NormKind::Rms) => builder.rms_norm(),
            None => builder,
        };
        if self.norm_after_activation == Some(true) {
            builder = builder.norm_after_activation();
        }
        if let Some(p) = self.dropout {
            builder = builder.dropout(p);
        }
        if let Some(kind) = self.weight {
            builder = builder.weight(kind.init());
        }
        if let Some(value) = self.bias {
            builder = builder.bias(init::constant(value));
        }
        builder.build(rng)
    }
}

impl Check for MlpSettings {
    fn check(&self, _: &[&'static str]) -> Result<(), Fault> {
        if self.norm_after_activation == Some(true) && self.norm.is_none() {
            let reason = "needs the option `norm`";
            return Err(Fault::new("norm_after_activation", reason));
        }
        Ok(())
    }
}

fn sizes(sizes: &[usize]) -> Result<(), String> {
    if sizes.len() < 2 || sizes.contains(&0) {
        return Err(format!(
            "must be at least two numbers from 1 on, found {sizes:?}"
        ));
    }
    Ok(())
}

/// Checks the text of an activation, which must have a known name, and settings in their ranges.
fn activation(text: &str) -> Result<(), String> {
    let none = Tensor::zeros([0, 1], DType::F32);
    let checked = none.and_then(|none| text.parse::<Activation>()?.predict(&none));
    checked.map(drop).map_err(range::reason)
}

fn finite(value: &f64) -> Result<(), String> {
    if value.is_finite() {
        return Ok(());
    }
    Err(format!("must be finite, found {value}"))
}
