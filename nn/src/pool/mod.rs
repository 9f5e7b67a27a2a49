//! Layers over sliding windows: pooling with windows of given or of adaptive lengths, unfolding and
//! folding.

pub(crate) mod adaptive;
pub(crate) mod fold;
pub(crate) mod windows;
