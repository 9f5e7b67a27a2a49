// The definitions of the README's links and images come first: of several definitions of one label
// Markdown takes the first, so that the pages show the images without the repository's files.
#![cfg_attr(all(doc, not(doctest)), doc = include_str!("../docs/embedded/README.md"))]
#![doc = include_str!("../README.md")]

#[doc(inline)]
pub use cotangent_core::*;
#[doc(inline)]
pub use cotangent_nn::{Layer, Module};

pub mod data;
pub mod guide;
pub mod nn;
pub mod optim;
#[cfg(feature = "parallel")]
pub mod parallel;
pub mod train;

/// The random number generators: the traits of the crate `rand`, and ChaCha8, which is fast and
/// gives the same numbers on every platform.
///
/// | item | for |
/// |---|---|
/// | `ChaCha8Rng::seed_from_u64(seed)`, of `SeedableRng` | a generator |
/// | `impl Rng` | functions that take any generator |
/// | `rng.random_range(0..10)`, `rng.random::<f64>()`, of `RngExt` | single numbers |
/// | [`Tensor::uniform`], [`Tensor::normal`] | tensors of random numbers |
/// | `rand_distr` | other distributions |
///
/// ```
/// use cotangent::random::{ChaCha8Rng, RngExt, SeedableRng};
/// let mut rng = ChaCha8Rng::seed_from_u64(1);
/// assert!((0..10).contains(&rng.random_range(0..10)));
/// ```
// The glob's `random` would show all items of these crates. The same holds for `figure`.
pub mod random {
    #[doc(no_inline)]
    pub use cotangent_core::random::{ChaCha8Rng, Rng, RngExt, SeedableRng, rand, rand_distr};
}

/// Charts and other drawings, saved as SVG and PNG.
///
/// [`Charts`](figure::Charts) draws lines over one or more pairs of axes. For any other drawing
/// implement [`Figure`](figure::Figure) with `plotters`, in the common [`style`](figure::style).
#[cfg(feature = "figures")]
pub mod figure {
    #[doc(no_inline)]
    pub use cotangent_figure::plotters;
    #[doc(inline)]
    pub use cotangent_figure::{Area, Chart, Charts, Drawn, Figure, Kind, Scale, style};
}

/// The names that most programs need, for `use cotangent::prelude::*;`.
///
/// A crate that imports the prelude needs no other dependency to draw random numbers: it contains
/// the generator `ChaCha8Rng` and the traits with its methods.
///
/// ```
/// use cotangent::prelude::*;
///
/// let mut rng = ChaCha8Rng::seed_from_u64(1);
/// let units = rng.random_range(10..20);
/// let net = Mlp::builder([64, units, 10]).activation(Gelu).build(&mut rng)?;
/// let images = digits()?.inputs().narrow(0, 0, 5)?;
/// assert_eq!(net.predict(&images)?.shape(), [5, 10]);
/// # Ok::<(), Error>(())
/// ```
pub mod prelude {
    // Tensors and differentiation.
    #[doc(no_inline)]
    pub use cotangent_core::{
        Axes, Backward, Bins, Convolution, DType, Error, Gradients, INFER, Indices, Interpolation,
        Mask, MatrixNorm, ModuleExt, Norm, Order, PaddingMode, Result, Tensor, Windows,
        assert_gradients, elementwise, grad, gradcheck,
    };
    // Losses.
    #[doc(no_inline)]
    pub use cotangent_core::{
        BceLoss, BceWithLogitsLoss, CosineEmbeddingLoss, CrossEntropyLoss, CtcLoss, FocalLoss,
        GaussianNllLoss, HingeEmbeddingLoss, HuberLoss, KlDivLoss, L1Loss, MarginRankingLoss,
        MseLoss, MultiMarginLoss, MultilabelMarginLoss, MultilabelSoftMarginLoss, NllLoss,
        PoissonNllLoss, Reduction, TripletMarginLoss,
    };
    // Models and their state.
    #[doc(no_inline)]
    pub use cotangent_core::module::{
        Buffer, Counter, DynLayer, Frozen, Layer, Module, Param, Pass,
    };
    #[doc(no_inline)]
    pub use cotangent_core::state::{Stateful, load_checkpoint, save_checkpoint};
    #[doc(no_inline)]
    pub use cotangent_nn::{Layer, Module};
    // Random numbers.
    #[doc(no_inline)]
    pub use cotangent_core::random::{ChaCha8Rng, Rng, RngExt, SeedableRng};
    // Layers.
    #[doc(no_inline)]
    pub use cotangent_nn::{
        AdaptiveAvgPool1d, AdaptiveAvgPool2d, AdaptiveAvgPool3d, AdaptiveMaxPool1d,
        AdaptiveMaxPool2d, AdaptiveMaxPool3d, AlphaDropout, AvgPool1d, AvgPool2d, AvgPool3d,
        BatchNorm, ChannelDropout, Conv1d, Conv2d, Conv3d, ConvTranspose1d, ConvTranspose2d,
        ConvTranspose3d, Dropout, Embedding, Flatten, Fold, GlobalAvgPool, GlobalMaxPool,
        GroupNorm, Gru, GruCell, InstanceNorm, LayerNorm, Linear, Lstm, LstmCell, LstmState,
        MaxPool1d, MaxPool2d, MaxPool3d, Mlp, PixelShuffle, PixelUnshuffle, Residual, RmsNorm, Rnn,
        RnnCell, Sequential, Unfold, Upsample1d, Upsample2d, Upsample3d, init, recalibrate,
        regularize, signal,
    };
    // Attention.
    #[doc(no_inline)]
    pub use cotangent_nn::{
        KeyValueCache, LearntPositions, MultiHeadAttention, Rotary, SinusoidalPositions, SwiGlu,
        TransformerBlock, TransformerDecoderLayer, TransformerEncoderLayer,
    };
    // Activations.
    #[doc(no_inline)]
    pub use cotangent_nn::{
        Activation, Celu, Elu, Gelu, GeluTanh, HardSigmoid, HardSwish, HardTanh, Identity,
        LeakyRelu, LogSigmoid, LogSoftmax, Mish, PRelu, RRelu, Relu, Relu6, Selu, Sigmoid, Silu,
        Softmax, Softplus, Tanh,
    };
    // Optimizers, schedules, clipping.
    #[doc(no_inline)]
    pub use cotangent_optim::{
        Accumulator, AdaDelta, AdaGrad, AdaMax, Adafactor, Adam, AdamW, Asgd, Constrained, Group,
        Lamb, Lbfgs, Lion, Lookahead, Momentum, Muon, NAdam, Nesterov, Optimizer, RAdam, RmsProp,
        Rprop, Schedule, Sgd, WeightAverage, clip,
    };
    // The training loop.
    #[doc(no_inline)]
    pub use cotangent_train::{
        Best, Checkpoints, Fit, Metric, Progress, Run, Step, Supervised, Task, metrics,
    };
    // Data.
    #[doc(no_inline)]
    pub use cotangent_data::{Batches, Dataset, Labeled, Sample, Standardizer, Table, digits};
}
