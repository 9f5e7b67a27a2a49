//! The settings of a multilayer perceptron.

use super::range::{self, options};
use cotangent_core::random::Rng;
use cotangent_core::{Error, Result};
use cotangent_nn::{Activation, Mlp};
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

options! {
    /// The sizes of an [`Mlp`], and options of its hidden layers.
    MlpSettings {
        /// The number of inputs first, and the number of outputs last.
        sizes: Vec<usize>,
        --
        /// The activation by its name, such as `elu`, or with its settings, as in
        /// `leaky_relu(0.2)`; ReLU by default.
        activation: String => "activation",
        /// The normalization.
        norm: NormKind => "Deserialize::deserialize",
        /// The probability of dropout, in [0, 1).
        dropout: f64 => "range::below_1",
    }
}

impl MlpSettings {
    /// Draws the net.
    ///
    /// # Errors
    /// Those of [`MlpBuilder::build`](cotangent_nn::MlpBuilder::build), and [`Error::Argument`] if
    /// there is no such activation.
    pub fn build(&self, rng: &mut (impl Rng + ?Sized)) -> Result<Mlp> {
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
        builder.dropout(self.dropout.unwrap_or(0.0)).build(rng)
    }

    fn check(&self) -> Result<(), String> {
        let _ = self.set();
        if self.sizes.len() < 2 || self.sizes.contains(&0) {
            let sizes = &self.sizes;
            return Err(format!(
                "`sizes` must be at least two numbers from 1 on, found {sizes:?}"
            ));
        }
        Ok(())
    }
}

/// Reads the text of an activation, which must have a known name.
fn activation<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<String>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    match text.as_deref().map(str::parse::<Activation>) {
        Some(Err(Error::Argument { reason, .. })) => Err(serde::de::Error::custom(reason)),
        _ => Ok(text),
    }
}
