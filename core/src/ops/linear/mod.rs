//! Products of matrices, and what is done with triangles and diagonals of them.

pub(in crate::ops) mod einsum;
pub(in crate::ops) mod matmul;
pub(in crate::ops) mod triangle;
