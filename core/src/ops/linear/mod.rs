//! Linear algebra: the products `matmul`, `linear`, `dot` and `einsum`, and triangles and diagonals
//! of matrices. Factorizations and what follows from them are behind the feature `linalg`.

#[cfg(feature = "linalg")]
pub(in crate::ops) mod algebra;
pub(in crate::ops) mod einsum;
pub(in crate::ops) mod matmul;
pub(in crate::ops) mod products;
pub(in crate::ops) mod triangle;
