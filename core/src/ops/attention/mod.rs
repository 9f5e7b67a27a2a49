//! Attention: weighted means of values, computed by blocks, with its options; rotary positions.

pub(in crate::ops) mod dot_product;
mod operands;
mod recorded;
pub(in crate::ops) mod rotary;
