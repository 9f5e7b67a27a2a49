//! Losses over rows.

pub(crate) mod cross_entropy;
