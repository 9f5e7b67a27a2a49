//! Transformations: from a function of tensors to its derivatives, or to the same function that
//! saves less.
//!
//! A function takes a slice of tensors and returns one tensor, of any shapes. It is called with
//! tracked tensors; what it captures is a constant to it.

mod checkpoint;
mod derivatives;

pub use checkpoint::checkpoint;
pub(crate) use checkpoint::{Segment, record_segment};
pub use derivatives::{hessian, hvp, jacobian, jvp, vjp};
