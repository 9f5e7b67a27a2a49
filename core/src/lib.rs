//! The core of `cotangent`: tensors, reverse-mode differentiation, modules and gradient checks.
//!
//! Depend on the crate `cotangent`, which re-exports this one.
//!
//! # Threads
//!
//! Large operations are split over threads. Their number is that of `rayon` (`RAYON_NUM_THREADS`),
//! but at most that of threads that can run at once. Inside a custom `rayon` pool, operations are
//! split over its threads. With one thread they are plain loops. The results do not depend on the
//! number of threads, to the last bit.
//!
//! Several threads can use the same tensors, graphs and models at the same time, and so can the
//! tasks of a pool, because no lock is held while a thread waits for others. Backward passes that
//! retain a graph run in parallel. Of those that do not, one succeeds, and the others return
//! [`Error::GraphConsumed`]. A panic in custom code (an operation, the rule of an optimizer, a
//! closure) continues in the calling thread, and everything else stays usable.
//!
//! A matrix product, forward and backward, needs less than 128 KiB of stack.
//!
//! After a `fork` the child has only one thread, and computes on it. Fork while no other thread
//! uses tensors, because a lock of such a thread stays locked in the child. On processors without
//! AVX2, matrix products are those of the crate `matrixmultiply`, which has its own threads: set
//! `MATMUL_NUM_THREADS=1` for a program that forks.
//!
//! # Memory
//!
//! The memory of dropped tensors is kept and used again: see [`memory_use`]. If the system refuses
//! memory, the kept memory is returned to it first. If it still refuses, functions that return a
//! [`Result`] return [`Error::Shape`]: those that create and combine tensors, backward, and the
//! step of an optimizer. Functions that cannot return an error (`exp`, `&a + &b`) panic with the
//! same text at the caller's line. So do a few copies that a fallible function makes besides its
//! result. Views need no memory.

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
    SparseRows, Tensor, Vjp, grad,
};
pub use disk::replace_file;
pub use error::{Error, Interval, ModulePath, Result};
pub use model::ModuleExt;
pub use ops::{Attention, RotaryPairs};
pub use ops::{
    BatchStatistics, BceLoss, BceWithLogitsLoss, Bins, Convolution, CosineEmbeddingLoss,
    CrossEntropyLoss, CtcLoss, FocalLoss, GaussianNllLoss, HingeEmbeddingLoss, Histogram,
    HuberLoss, Interpolation, KlDivLoss, L1Loss, MarginRankingLoss, MatrixNorm, MseLoss,
    MultiMarginLoss, MultilabelMarginLoss, MultilabelSoftMarginLoss, NllLoss, Norm, Order,
    PaddingMode, PoissonNllLoss, Recurrence, RecurrentCell, Reduction, ScatterReduction, Steps,
    Target, TripletMarginLoss, Unique, Windows,
};
pub use tensor::{
    Axes, DType, Element, INFER, Indices, Mask, MemoryUse, Shape, Spatial, memory_use, refusable,
};

#[doc(inline)]
pub use cotangent_macros::elementwise;
#[doc(hidden)]
pub use ops::parts as elementwise;

#[cfg(feature = "npy")]
pub use exchange::npy;

/// Random number generators: the traits of [`rand`](https://docs.rs/rand), and ChaCha8, which is
/// fast and gives the same numbers on every platform.
pub mod random {
    pub use chacha20::ChaCha8Rng;
    pub use rand::{self, Rng, RngExt, SeedableRng};
    pub use rand_distr;
}
