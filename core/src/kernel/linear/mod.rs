//! Matrix products.

pub(crate) mod gemm;
pub(crate) mod thin;
pub(crate) mod tile;
