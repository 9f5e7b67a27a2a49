//! Operations: one family a folder; each op with what it saves, its forward, its vector-Jacobian
//! product and its `Tensor` method. Nothing here knows instruction sets or modules.

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
