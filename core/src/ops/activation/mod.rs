//! Activation functions: of elements, with `relu` and its kin, `sigmoid` and `tanh` in
//! [`rectifier`], `gelu`, `silu` and their piecewise linear stand-ins in [`gated`]; of rows,
//! `softmax`.

pub(in crate::ops) mod gated;
pub(in crate::ops) mod rectifier;
pub(in crate::ops) mod softmax;
