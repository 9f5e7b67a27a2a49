//! Activation functions. [`rectifier`] has `relu` and its variants, `sigmoid` and `tanh`; [`gated`]
//! has `gelu`, `silu` and piecewise linear approximations; [`softmax`] works on rows.

pub(in crate::ops) mod gated;
pub(in crate::ops) mod rectifier;
pub(in crate::ops) mod softmax;
