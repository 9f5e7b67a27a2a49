//! Normalizations: of channels over a batch, and of each sample. Each is one operation with a
//! kernel of its own.

pub(in crate::ops) mod batch_norm;
pub(in crate::ops) mod layer_norm;
