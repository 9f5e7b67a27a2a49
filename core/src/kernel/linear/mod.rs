//! The matrix product [`gemm`], and the three ways to compute it: [`thin`] for a few rows, [`tile`]
//! on AVX2 and AVX-512, [`general`] for all else.

pub(crate) mod gemm;
pub(crate) mod general;
pub(crate) mod matrix;
pub(crate) mod thin;
pub(crate) mod tile;
