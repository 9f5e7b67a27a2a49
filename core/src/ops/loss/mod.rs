//! Losses: with labels in [`cross_entropy`] and [`nll_loss`], by elements in [`pointwise`]
//! (`mse_loss`, `huber_loss`, binary cross-entropy), of distributions and directions in
//! [`divergence`]. None of them broadcasts: prediction and target have one shape.

pub(in crate::ops) mod cross_entropy;
pub(in crate::ops) mod divergence;
pub(in crate::ops) mod nll_loss;
pub(in crate::ops) mod pointwise;
