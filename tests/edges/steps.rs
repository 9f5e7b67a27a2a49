//! Optimizers and clipping at the edges of the dtypes.
