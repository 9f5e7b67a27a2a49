//! Layers and initializers for `cotangent`.
//!
//! Every layer is a [`Module`](cotangent_core::module::Module) and a
//! [`Layer`](cotangent_core::module::Layer).

mod activation;
mod batch_norm;
mod dropout;
mod embedding;
#[cfg(feature = "figures")]
pub mod figure;
pub mod init;
mod linear;
pub mod regularize;
mod rnn;
mod sequential;

pub use activation::{Elu, LeakyRelu, Relu, Selu, Sigmoid, Tanh};
pub use batch_norm::{BatchNorm, BatchNormBuilder};
pub use dropout::Dropout;
pub use embedding::{Embedding, EmbeddingBuilder};
pub use init::Init;
pub use linear::{Linear, LinearBuilder};
pub use rnn::{Rnn, RnnCell, RnnCellBuilder};
pub use sequential::{Sequential, SequentialLayer};
