//! Activation functions. [`rectifier`] has `relu` and its variants, `sigmoid` and `tanh`; [`gated`]
//! has `gelu`, `silu` and piecewise linear approximations, [`shrink`] has `softsign`, thresholds
//! and `softplus` with options; [`softmax`] works on rows, and [`glu`] on halves.

pub(in crate::ops) mod gated;
pub(in crate::ops) mod glu;
pub(in crate::ops) mod rectifier;
pub(in crate::ops) mod shrink;
pub(in crate::ops) mod softmax;
