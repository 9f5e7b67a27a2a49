//! Transformations: from a function of tensors to its derivatives, or to the same function that
//! saves less.
//!
//! A function takes a slice of tensors and returns one tensor, of any shapes. It is called with
//! tracked tensors; what it captures is a constant to it.

mod derivatives;
mod recompute;

pub use derivatives::{hessian, hvp, jacobian, jvp, vjp};
pub use recompute::recompute;
pub(crate) use recompute::{Segment, record_segment};
