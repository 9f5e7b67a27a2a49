//! Tensors, reverse-mode differentiation, modules and gradient checks: the core of `cotangent`.
//!
//! Most users depend on the facade crate `cotangent`, which re-exports this one.
//!
//! # Threads
//!
//! Large operations are split over threads: as many as `rayon` would start (`RAYON_NUM_THREADS`),
//! but no more than may run at once. In a `rayon` pool of your own they are split over its threads.
//! With one thread they are plain loops. The results are the same to the last bit.
//!
//! Tensors, graphs and models may be used by many threads at the same time. No lock is held while a
//! thread waits for others, so that they may be used by the tasks of a pool too: backward passes
//! that retain a graph run side by side, and of those that use it up one wins, the others return
//! [`Error::GraphConsumed`]. A panic in your own code (an operation, an optimizer's rule, a
//! closure) goes on in the thread that called; all else stays usable.
//!
//! A thread needs less than 128 KiB of stack for a matrix product, forward and backward.
//!
//! After a `fork` the child has none of these threads: it computes on the one that it has. Fork
//! while no other thread uses tensors, since what such a thread has locked stays locked in the
//! child. Where matrix products are those of the crate `matrixmultiply` (on processors without
//! AVX2), these have threads of their own: set `MATMUL_NUM_THREADS=1` for a program that forks.
//!
//! # Memory
//!
//! The memory of dropped tensors is kept to be used again, see [`memory_use`]; it is given back to
//! the system before anything is refused. If the system refuses memory, functions that return a
//! [`Result`] return
//! [`Error::Shape`]: those that make and combine tensors, backward, an optimizer's step. Functions that cannot
//! return an error (`exp`, `&a + &b`) panic with the same text at the caller's line, and so do a
//! few copies that a fallible function makes beside its result. Views need no memory.

mod autograd;
mod disk;
mod error;
mod exchange;
pub mod gradcheck;
pub mod kernel;
mod model;
pub mod module;
mod ops;
mod shape;
pub mod state;
mod tensor;
pub mod transform;

pub use autograd::{
    Backward, Cotangents, Dot, Forward, Gradients, Leaf, LeafId, Observer, Op, OpKind, Pulled,
    Tensor, Vjp, grad,
};
pub use disk::replace_file;
pub use error::{Error, Interval, ModulePath, Result};
pub use model::ModuleExt;
pub use ops::{
    BatchStatistics, BceWithLogitsLoss, CrossEntropyLoss, HuberLoss, KlDivLoss, L1Loss, MseLoss,
    NllLoss, Norm, Order, Reduction, Target,
};
pub use tensor::{
    Axes, DType, Element, INFER, Indices, Mask, MemoryUse, Shape, memory_use, refusable,
};

#[cfg(feature = "npy")]
pub use exchange::npy;

/// The random number generators that everything here draws from: [`rand`](https://docs.rs/rand)'s
/// traits, and ChaCha8, which is fast and gives the same numbers on every platform.
pub mod random {
    pub use chacha20::ChaCha8Rng;
    pub use rand::{self, Rng, RngExt, SeedableRng};
    pub use rand_distr;
}
