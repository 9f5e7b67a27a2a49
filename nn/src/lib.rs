//! Layers, activations, initializers and regularization of `cotangent`.
//!
//! Every layer is a [`Module`](cotangent_core::module::Module): it has parameters that are saved,
//! counted and trained. A layer that maps one tensor to another is a
//! [`Layer`](cotangent_core::module::Layer) too, which `Sequential` and the derive can chain.
//! Losses are methods of [`Tensor`](cotangent_core::Tensor).
//!
//! # Layers
//!
//! | layer | computes | input |
//! |---|---|---|
//! | [`Linear`] | `x Wᵀ + b`, a dense layer | `(…, in)` |
//! | [`Embedding`] | the rows of a table that indices name | [`Indices`](cotangent_core::Indices) `(…)` |
//! | [`Flatten`] | all axes behind the batch joined into one | `(batch, …)` |
//! | [`Rnn`], [`RnnCell`] | a simple recurrent layer, and one step of it | `(batch, time, in)` |
//! | [`BatchNorm`] | each feature normalized over the batch | `(batch, features, …)` |
//! | [`LayerNorm`] | each sample normalized over its last axes | `(…, features)` |
//! | [`RmsNorm`] | each sample divided by its root mean square | `(…, features)` |
//! | [`Dropout`] | elements set to 0 at random in training | any |
//! | [`AlphaDropout`] | dropout that keeps mean and variance, for SELU | any |
//!
//! # Combinations of layers
//!
//! | type | contents |
//! |---|---|
//! | [`Sequential`] | layers applied in order, with names or numbers |
//! | [`Residual`] | `x + f(x)` |
//! | [`Mlp`] | a whole dense net with activation, normalization and dropout |
//!
//! # Activations
//!
//! Each is a layer and a method of [`Tensor`](cotangent_core::Tensor). [`Activation`] contains any
//! of them, is read from a name such as `leaky_relu(0.2)`, and knows the initializer and the gain of
//! the weights in front of it.
//!
//! | kind | layers |
//! |---|---|
//! | rectifiers | [`Relu`], [`Relu6`], [`LeakyRelu`], [`PRelu`] (learnt slopes), [`RRelu`] (random slopes) |
//! | exponential units | [`Elu`], [`Celu`], [`Selu`] |
//! | gates | [`Silu`], [`Gelu`], [`GeluTanh`], [`Mish`], [`HardSwish`] |
//! | sigmoids | [`Sigmoid`], [`Tanh`], [`HardSigmoid`], [`HardTanh`], [`LogSigmoid`], [`Softplus`] |
//! | over the last axis | [`Softmax`], [`LogSoftmax`] |
//! | none | [`Identity`] |
//!
//! # Initializers, regularizers, diagnosis
//!
//! | module or function | contents |
//! |---|---|
//! | [`init`] | Glorot, He, LeCun, orthogonal, constant and other initializers |
//! | [`regularize`] | L1, L2 and elastic-net penalties, and a bound on each unit's weights |
//! | [`signal`] | a report of activations and gradients by layer, with findings and remedies |
//! | [`recalibrate()`] | the exact statistics of all batch normalizations, from a data set |

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

cotangent_core::unbuilt! {
    BatchNormBuilder forward(Pass) predict();
    EmbeddingBuilder forward(Pass);
    LayerNormBuilder forward(Pass) predict();
    LinearBuilder forward(Pass) predict();
    MlpBuilder forward(Pass) predict();
    RmsNormBuilder forward(Pass) predict();
    RnnCellBuilder step(State Pass);
}

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

#[doc(no_inline)]
pub use cotangent_macros::{Layer, Module};
