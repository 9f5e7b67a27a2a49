//! Transformations of functions: products with Jacobians and Hessians, these matrices themselves,
//! and recomputation in place of saved values.
//!
//! A function takes a slice of tensors and returns one tensor, of any shapes. It is called with
//! tracked tensors. Tensors that it captures are constants.

mod derivatives;
mod recompute;

pub use derivatives::{hessian, hvp, jacobian, jvp, vjp};
pub use recompute::recompute;
pub(crate) use recompute::{Segment, record_segment};
