//! Operations, a folder for each family. An operation is its `Tensor` method, the forward, a struct
//! of the values that it saves, and the vector-Jacobian product. Nothing here depends on instruction
//! sets or modules.

mod activation;
mod create;
mod display;
mod elementwise;
mod index;
mod linear;
mod loss;
mod norm;
mod random;
mod reduce;
mod shape;

pub use loss::cross_entropy::{CrossEntropy, Target};
pub use loss::nll_loss::NllLoss;
pub use loss::pointwise::{BinaryCrossEntropy, Reduction};
pub use norm::batch_norm::BatchStatistics;
pub use reduce::statistics::Norm;
