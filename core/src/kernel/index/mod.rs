//! Kernels for indexing: they take, add up or overwrite slices and elements by their index.

pub(crate) mod rows;
pub(crate) mod write;
