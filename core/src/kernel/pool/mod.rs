//! Kernels over sliding windows: maxima, sums along axes, and copies of windows.

pub(crate) mod max;
pub(crate) mod separable;
pub(crate) mod unfold;
pub(crate) mod windows;
