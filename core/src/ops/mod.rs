//! Operations: one family a file; each op with what it saves, its forward, its vector-Jacobian
//! product and its `Tensor` method. Nothing here knows instruction sets or modules.

mod activation;
mod batch_norm;
mod binary;
mod compare;
mod create;
mod cross_entropy;
mod cumulative;
mod display;
mod divergence;
mod dropout;
mod einsum;
mod elementwise;
mod extremes;
mod gate;
mod index;
mod join;
mod layer_norm;
mod log_sum_exp;
mod loss;
mod mask;
mod matmul;
mod nll_loss;
mod noise;
mod operators;
mod order;
mod power;
mod rare;
mod reduce;
mod select;
mod shape;
mod slice;
mod softmax;
mod statistics;
mod step;
mod symbolic;
mod triangle;
mod unary;
mod window;

pub use batch_norm::BatchStatistics;
pub use cross_entropy::{CrossEntropy, Target};
pub use loss::{BinaryCrossEntropy, Reduction};
pub use nll_loss::NllLoss;
pub use statistics::Norm;
