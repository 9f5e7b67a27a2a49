//! Kernels that apply one formula to all elements in one sweep: operations, comparisons, and the
//! step of an optimizer.

pub(crate) mod compare;
pub(crate) mod formula;
pub(crate) mod loops;
pub(crate) mod map;
pub(crate) mod produced;
pub(crate) mod sweep;
