//! Kernels for indexing: they take or add up slices and elements by their index.

pub(crate) mod rows;
