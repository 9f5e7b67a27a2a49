//! Normalizations: of channels over a batch, of each sample, and of groups of channels of each
//! sample. Each is one operation with a kernel of its own.

pub(in crate::ops) mod batch_norm;
mod group_norm;
pub(in crate::ops) mod layer_norm;
mod recorded;
