//! Layers, activations, initializers and regularization.
//!
//! Every layer is a [`Module`](crate::module::Module): it has parameters that are saved,
//! counted and trained. A layer that maps one tensor to another is a
//! [`Layer`](crate::module::Layer) too, which `Sequential` and the derive can chain.
//! Losses are methods of [`Tensor`](crate::Tensor).
//!
//! By kind, with the shapes of their inputs and the names in PyTorch and Keras: [layers], and
//! [activations], each of which is a method of [`Tensor`](crate::Tensor) too.
//!
//! [layers]: crate::guide::lists::layers
//! [activations]: crate::guide::lists::activations
//!
//! # Initializers, regularizers, diagnosis
//!
//! | module or function | contents |
//! |---|---|
//! | [`init`] | Glorot, He, LeCun, orthogonal, constant and other [initializers](crate::guide::lists::initializers) |
//! | [`regularize`] | L1, L2 and elastic-net penalties, and a bound on each unit's weights |
//! | [`signal`] | a report of activations and gradients by layer, with findings and remedies |
//! | [`recalibrate()`] | the exact statistics of all batch normalizations, from a data set |

#[doc(inline)]
pub use cotangent_nn::*;

// A type that a glob re-exports loses its aliases, by which the search of the docs finds it.
#[doc(alias = "BatchNorm1d")]
#[doc(alias = "BatchNorm2d")]
#[doc(alias = "BatchNorm3d")]
#[doc(alias = "BatchNormalization")]
#[doc(inline)]
pub use cotangent_nn::BatchNorm;
#[doc(alias = "GatedRecurrentUnit")]
#[doc(inline)]
pub use cotangent_nn::Gru;
#[doc(alias = "LayerNormalization")]
#[doc(inline)]
pub use cotangent_nn::LayerNorm;
#[doc(alias = "Dense")]
#[doc(inline)]
pub use cotangent_nn::Linear;
#[doc(alias = "LongShortTermMemory")]
#[doc(inline)]
pub use cotangent_nn::Lstm;
#[doc(alias = "MultilayerPerceptron")]
#[doc(alias = "FeedForward")]
#[doc(inline)]
pub use cotangent_nn::Mlp;
#[doc(alias = "SkipConnection")]
#[doc(inline)]
pub use cotangent_nn::Residual;
#[doc(alias = "RMSNormalization")]
#[doc(inline)]
pub use cotangent_nn::RmsNorm;
#[doc(alias = "SimpleRNN")]
#[doc(inline)]
pub use cotangent_nn::Rnn;
#[doc(alias = "SimpleRNNCell")]
#[doc(inline)]
pub use cotangent_nn::RnnCell;
