//! Tensors, reverse-mode differentiation, modules and gradient checks: the core of `cotangent`.
//!
//! Most users depend on the facade crate `cotangent`, which re-exports this one.

mod autograd;
mod error;
pub mod gradcheck;
pub mod kernel;
pub mod module;
mod ops;
mod tensor;

pub use autograd::{Backward, Cotangents, Gradients, Leaf, LeafId, Op, Tensor, Vjp};
pub use error::{Error, Result};
pub use ops::BatchStatistics;
pub use tensor::{DType, Element, Indices, Mask, MemoryUse, Shape, memory_use};
