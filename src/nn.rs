//! Layers, activations, initializers and regularization.
//!
//! Every layer is a [`Module`](crate::module::Module): it has parameters that are saved,
//! counted and trained. A layer that maps one tensor to another is a
//! [`Layer`](crate::module::Layer) too, which `Sequential` and the derive can chain.
//! Losses are methods of [`Tensor`](crate::Tensor).
//!
//! # Layers
//!
//! | layer | computes | input |
//! |---|---|---|
//! | [`Linear`] | `x Wᵀ + b`, a dense layer | `(…, in)` |
//! | [`Embedding`] | the rows of a table that indices name, optionally of bounded norm | [`Indices`](crate::Indices) `(…)` |
//! | [`Flatten`] | all axes behind the batch joined into one | `(batch, …)` |
//! | [`Lstm`], [`Gru`], [`Rnn`] | recurrent layers, one or several, in one or both directions | `(batch, time, in)` |
//! | [`LstmCell`], [`GruCell`], [`RnnCell`] | one step of them | `(batch, in)` |
//! | [`MultiHeadAttention`] | attention of several heads, with a cache for generation | `(batch, time, features)` |
//! | [`LearntPositions`], [`SinusoidalPositions`] | positions, added to a sequence | `(…, time, features)` |
//! | [`Conv1d`], [`Conv2d`], [`Conv3d`] | convolutions, also in groups | `(batch, channels, …)` |
//! | [`ConvTranspose1d`], [`ConvTranspose2d`], [`ConvTranspose3d`] | transposed convolutions | `(batch, channels, …)` |
//! | [`MaxPool1d`], [`MaxPool2d`], [`MaxPool3d`] | the largest element of each window | `(batch, channels, …)` |
//! | [`AvgPool1d`], [`AvgPool2d`], [`AvgPool3d`] | the mean of each window | `(batch, channels, …)` |
//! | [`AdaptiveMaxPool2d`], [`AdaptiveAvgPool2d`] | the same for windows that divide the input; also for one and three axes | `(batch, channels, …)` |
//! | [`GlobalMaxPool`], [`GlobalAvgPool`] | the same for each whole channel | `(batch, channels, …)` |
//! | [`Upsample1d`], [`Upsample2d`], [`Upsample3d`] | longer spatial axes, by nearest neighbours or linear interpolation | `(batch, channels, …)` |
//! | [`PixelShuffle`], [`PixelUnshuffle`] | channels become pixels, and back | `(batch, channels, …)` |
//! | [`Unfold`], [`Fold`] | windows become columns, and back | `(batch, channels, …)` |
//! | [`BatchNorm`] | each feature normalized over the batch | `(batch, features, …)` |
//! | [`LayerNorm`] | each sample normalized over its last axes | `(…, features)` |
//! | [`RmsNorm`] | each sample divided by its root mean square | `(…, features)` |
//! | [`GroupNorm`] | groups of channels of each sample normalized | `(batch, channels, …)` |
//! | [`InstanceNorm`] | each channel of each sample normalized | `(batch, channels, …)` |
//! | [`Dropout`] | elements set to 0 at random in training | any |
//! | [`ChannelDropout`] | whole channels set to 0 at random in training | `(batch, channels, …)` |
//! | [`AlphaDropout`] | dropout that keeps mean and variance, for SELU | any |
//!
//! # Combinations of layers
//!
//! | type | contents |
//! |---|---|
//! | [`Sequential`] | layers applied in order, with names or numbers |
//! | [`Residual`] | `x + f(x)` |
//! | [`Mlp`] | a whole dense net with activation, normalization and dropout |
//! | [`TransformerEncoderLayer`], [`TransformerDecoderLayer`] | attention and feed-forward layers with PyTorch's names |
//! | [`TransformerBlock`], [`SwiGlu`] | the block of current language models, and its feed-forward layer |
//!
//! # Activations
//!
//! Each is a layer and a method of [`Tensor`](crate::Tensor). [`Activation`] contains any of them.
//! It can be parsed from a name such as `leaky_relu(0.2)`, and it knows the initializer and the
//! gain of the weights in front of it.
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
