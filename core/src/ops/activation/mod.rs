//! Activation functions.

pub(in crate::ops) mod gated;
pub(in crate::ops) mod rectifier;
pub(in crate::ops) mod softmax;
