//! Activations of rows.

pub(crate) mod softmax;
