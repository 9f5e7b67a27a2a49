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

/// The random number generators that everything here draws from: [`rand`](https://docs.rs/rand)'s
/// traits, and ChaCha8, which is fast and gives the same numbers on every platform.
pub mod random {
    pub use rand::{self, Rng, SeedableRng};
    pub use rand_chacha::ChaCha8Rng;
    pub use rand_distr;
}
