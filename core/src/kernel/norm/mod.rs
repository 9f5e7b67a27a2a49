//! Normalizations.

pub(crate) mod channels;
pub(crate) mod layer_norm;
