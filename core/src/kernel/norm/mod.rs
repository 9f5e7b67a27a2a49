//! Normalization kernels: [`layer_norm`] over rows, with and without a mean, and sweeps over
//! [`channels`] for batch normalization.

pub(crate) mod channels;
pub(crate) mod layer_norm;
