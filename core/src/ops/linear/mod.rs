//! Linear algebra: the products `matmul`, `linear`, `dot` and `einsum`, and triangles and diagonals
//! of matrices.

pub(in crate::ops) mod einsum;
pub(in crate::ops) mod matmul;
pub(in crate::ops) mod products;
pub(in crate::ops) mod triangle;
