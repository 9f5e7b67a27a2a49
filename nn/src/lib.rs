//! Layers, initializers and regularization for `cotangent`.
//!
//! Every layer is a [`Module`](cotangent_core::module::Module) and, if it maps one tensor to
//! another, a [`Layer`](cotangent_core::module::Layer).

mod activation;
mod batch_norm;
mod dropout;
mod embedding;
mod flatten;
pub mod init;
mod layer_norm;
mod linear;
mod mlp;
mod prelu;
mod recalibrate;
pub mod regularize;
mod residual;
mod rms_norm;
mod rnn;
mod sequential;
pub mod signal;

pub use activation::Activation;
pub use activation::{Celu, Elu, Gelu, GeluTanh, Identity, LeakyRelu, Mish, RRelu, Relu, Relu6};
pub use activation::{HardSigmoid, HardSwish, HardTanh, LogSigmoid, LogSoftmax, Selu, Sigmoid};
pub use activation::{Silu, Softmax, Softplus, Tanh};
pub use batch_norm::{BatchNorm, BatchNormBuilder};
#[cfg(feature = "figures")]
pub use cotangent_figure as figure;
pub use dropout::{AlphaDropout, Dropout};
pub use embedding::{Embedding, EmbeddingBuilder};
pub use flatten::Flatten;
pub use init::Init;
pub use layer_norm::{LayerNorm, LayerNormBuilder};
pub use linear::{Linear, LinearBuilder};
pub use mlp::{Mlp, MlpBlock, MlpBuilder, Normalization};
pub use prelu::PRelu;
pub use recalibrate::recalibrate;
pub use residual::Residual;
pub use rms_norm::{RmsNorm, RmsNormBuilder};
pub use rnn::{Rnn, RnnCell, RnnCellBuilder};
pub use sequential::Sequential;

/// The derives of [`module::Module`](cotangent_core::module::Module) and of
/// [`module::Layer`](cotangent_core::module::Layer).
#[doc(no_inline)]
pub use cotangent_macros::{Layer, Module};
