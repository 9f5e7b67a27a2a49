//! Operations: one family a file; each op with what it saves, its forward, its vector-Jacobian
//! product and its `Tensor` method. Nothing here knows instruction sets or modules.

mod activation;
mod batch_norm;
mod binary;
mod create;
mod cross_entropy;
mod display;
mod dropout;
mod elementwise;
mod index;
mod matmul;
mod operators;
mod reduce;
mod select;
mod shape;
mod softmax;
mod symbolic;
mod unary;

pub use batch_norm::BatchStatistics;
