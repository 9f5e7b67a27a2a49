//! Normalization kernels: [`layer_norm`] over rows, with and without a mean, [`group_norm`] over
//! rows of channels, and sweeps over [`channels`] for batch normalization, with their [`moments`].

pub(crate) mod channels;
pub(crate) mod group_norm;
pub(crate) mod layer_norm;
pub(crate) mod moments;
