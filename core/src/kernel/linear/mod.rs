//! Matrix products.

pub(crate) mod gemm;
pub(crate) mod general;
pub(crate) mod matrix;
pub(crate) mod thin;
pub(crate) mod tile;
