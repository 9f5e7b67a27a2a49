//! Pooling and other operations over sliding windows, and upsampling, all in one to three
//! dimensions.

mod average;
mod max;
pub(super) mod planes;
mod separable;
mod shuffle;
mod unfold;
mod upsample;
pub(super) mod windows;
