//! Normalizations, each fused.

pub(in crate::ops) mod batch_norm;
pub(in crate::ops) mod layer_norm;
