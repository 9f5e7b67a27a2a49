//! Normalizations, each fused: of channels over a batch, of each sample by itself.

pub(in crate::ops) mod batch_norm;
pub(in crate::ops) mod layer_norm;
