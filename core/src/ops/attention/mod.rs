//! Attention: weighted means of values, computed by blocks, and its options.

pub(in crate::ops) mod dot_product;
mod operands;
mod recorded;
