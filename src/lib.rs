#![doc = include_str!("../README.md")]

pub use cotangent_core::*;
pub use cotangent_data as data;
#[cfg(feature = "figures")]
pub use cotangent_figure as figure;
pub use cotangent_nn as nn;
pub use cotangent_optim as optim;

/// Derives [`module::Module`] and [`module::Layer`]; see each macro's own documentation.
pub use cotangent_nn::{Layer, Module};

/// What most programs need: `use cotangent::prelude::*;`.
pub mod prelude {
    pub use cotangent_core::ModuleExt;
    pub use cotangent_core::module::{
        Buffer, Counter, DynLayer, Frozen, Layer, Module, Param, Pass,
    };
    pub use cotangent_core::random::{ChaCha8Rng, Rng, SeedableRng};
    pub use cotangent_core::state::{Stateful, load_checkpoint, save_checkpoint};
    pub use cotangent_core::{
        Axes, CrossEntropy, DType, Error, Gradients, Indices, Mask, Norm, Reduction, Result,
        Tensor, assert_gradients, gradcheck,
    };
    pub use cotangent_nn::{Activation, Elu, LeakyRelu, PRelu, RRelu, Relu, Selu, Sigmoid, Tanh};
    pub use cotangent_nn::{AlphaDropout, Dropout};
    pub use cotangent_nn::{BatchNorm, LayerNorm, RmsNorm};
    pub use cotangent_nn::{Embedding, Flatten, Linear, Mlp, Residual, Rnn, RnnCell, Sequential};
    pub use cotangent_nn::{Layer, Module, init, regularize, signal};
    pub use cotangent_optim::{Accumulator, Constrained, Group, Lookahead, WeightAverage};
    pub use cotangent_optim::{AdaDelta, AdaGrad, AdaMax, Adafactor, Adam, AdamW, Lamb, Lion};
    pub use cotangent_optim::{Momentum, Muon, NAdam, Nesterov, Optimizer, RAdam, RmsProp};
    pub use cotangent_optim::{Schedule, Sgd, clip};
}
