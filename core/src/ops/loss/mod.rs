//! Losses. None of them broadcasts: prediction and target have one shape.

pub(in crate::ops) mod cross_entropy;
pub(in crate::ops) mod divergence;
pub(in crate::ops) mod nll_loss;
pub(in crate::ops) mod pointwise;
