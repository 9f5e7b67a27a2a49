//! The matrix product [`gemm`] and its three implementations: [`thin`] for a few rows, [`tile`] on
//! AVX2 and AVX-512, [`general`] for everything else. Factorizations
//! are behind the feature `linalg`.

#[cfg(feature = "linalg")]
pub(crate) mod decompose;
#[cfg(feature = "linalg")]
pub(crate) mod determinant;
#[cfg(feature = "linalg")]
pub(crate) mod exponential;
pub(crate) mod gemm;
pub(crate) mod general;
pub(crate) mod matrix;
pub(crate) mod thin;
pub(crate) mod tile;
