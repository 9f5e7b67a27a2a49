//! The training loop, with metrics, checkpoints, early stopping and logs.

#[doc(inline)]
pub use cotangent_train::*;
