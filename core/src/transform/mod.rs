//! Transformations of functions: products with Jacobians and Hessians, these matrices themselves,
//! the gradients of each sample, and recomputation in place of saved values.
//!
//! Most functions take a slice of tensors and return one tensor, of any shapes. They are called
//! with tracked tensors. Tensors that they capture are constants.

mod derivatives;
mod forward;
mod per_sample;
mod recompute;

pub use derivatives::{hessian, hvp, jacobian, jvp, vjp};
pub use per_sample::per_sample;
pub use recompute::recompute;
pub(crate) use recompute::{Segment, record_segment};
