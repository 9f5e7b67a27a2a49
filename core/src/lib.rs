//! Tensors, reverse-mode differentiation, modules and gradient checks: the core of `cotangent`.
//!
//! Most users depend on the facade crate `cotangent`, which re-exports this one.

mod autograd;
mod disk;
mod error;
mod exchange;
pub mod gradcheck;
pub mod kernel;
pub mod module;
mod ops;
mod tensor;
pub mod transform;

pub use autograd::{
    Backward, Cotangents, Dot, Forward, Gradients, Leaf, LeafId, Observer, Op, Pulled, Tensor, Vjp,
    grad,
};
pub use disk::replace_file;
pub use error::{Error, Result};
pub use ops::{
    BatchStatistics, BinaryCrossEntropy, CrossEntropy, NllLoss, Norm, Reduction, Target,
};
pub use tensor::{Axes, DType, Element, Indices, Mask, MemoryUse, Shape, memory_use};

#[cfg(feature = "npy")]
pub use exchange::npy;

/// The random number generators that everything here draws from: [`rand`](https://docs.rs/rand)'s
/// traits, and ChaCha8, which is fast and gives the same numbers on every platform.
pub mod random {
    pub use chacha20::ChaCha8Rng;
    pub use rand::{self, Rng, SeedableRng};
    pub use rand_distr;
}
