//! The layers, activations, initializers and regularizers of `cotangent`, and its signal report.
//!
//! Programs depend on the crate `cotangent`, whose module `nn` re-exports this crate and lists its
//! items by kind.

mod activation;
mod attention;
mod batch_norm;
mod conv;
mod dropout;
mod embedding;
mod flatten;
mod folding;
mod group_norm;
pub mod init;
mod layer_norm;
mod linear;
mod mlp;
mod pool;
mod positions;
mod prelu;
mod recalibrate;
mod recurrent;
pub mod regularize;
mod residual;
mod rms_norm;
mod sequential;
pub mod signal;
mod transformer;
mod upsample;

cotangent_core::unbuilt! {
    BatchNormBuilder forward(Pass) predict();
    EmbeddingBuilder forward(Pass);
    GroupNormBuilder forward(Pass) predict();
    InstanceNormBuilder forward(Pass) predict();
    LayerNormBuilder forward(Pass) predict();
    LinearBuilder forward(Pass) predict();
    MlpBuilder forward(Pass) predict();
    MultiHeadAttentionBuilder forward(Pass) predict() attend(Memory Keys Pass) step(Cache Pass);
    RmsNormBuilder forward(Pass) predict();
    TransformerBlockBuilder forward(Pass) predict() step(Cache Pass);
    TransformerDecoderLayerBuilder forward(Memory Keys Pass);
    TransformerEncoderLayerBuilder forward(Pass) predict() step(Cache Pass);
}

pub use activation::Activation;
pub use activation::{Celu, Elu, Gelu, GeluTanh, Identity, LeakyRelu, Mish, RRelu, Relu, Relu6};
pub use activation::{HardSigmoid, HardSwish, HardTanh, LogSigmoid, LogSoftmax, Selu, Sigmoid};
pub use activation::{Silu, Softmax, Softplus, Tanh};
pub use attention::{KeyValueCache, MultiHeadAttention, MultiHeadAttentionBuilder, key_mask};
pub use batch_norm::{BatchNorm, BatchNormBuilder};
pub use conv::{Conv, Conv1d, Conv2d, Conv3d, ConvBuilder};
pub use conv::{ConvTranspose, ConvTranspose1d, ConvTranspose2d, ConvTranspose3d};
pub use dropout::{AlphaDropout, ChannelDropout, Dropout};
pub use embedding::{Embedding, EmbeddingBuilder};
pub use flatten::Flatten;
pub use group_norm::{GroupNorm, GroupNormBuilder, InstanceNorm, InstanceNormBuilder};
pub use init::Init;
pub use layer_norm::{LayerNorm, LayerNormBuilder};
pub use linear::{Linear, LinearBuilder};
pub use mlp::{Mlp, MlpBlock, MlpBuilder, Normalization};
pub use pool::adaptive::{
    AdaptiveAvgPool, AdaptiveAvgPool1d, AdaptiveAvgPool2d, AdaptiveAvgPool3d,
};
pub use pool::adaptive::{
    AdaptiveMaxPool, AdaptiveMaxPool1d, AdaptiveMaxPool2d, AdaptiveMaxPool3d,
};
pub use pool::adaptive::{GlobalAvgPool, GlobalMaxPool};
pub use pool::fold::{Fold, Unfold};
pub use pool::windows::{AvgPool, AvgPool1d, AvgPool2d, AvgPool3d};
pub use pool::windows::{MaxPool, MaxPool1d, MaxPool2d, MaxPool3d};
pub use positions::{LearntPositions, Rotary, SinusoidalPositions};
pub use prelu::PRelu;
pub use recalibrate::recalibrate;
pub use recurrent::{Gru, GruCell, Lstm, LstmCell, LstmState, RecurrentBuilder, RecurrentWeights};
pub use recurrent::{Rnn, RnnCell};
pub use residual::Residual;
pub use rms_norm::{RmsNorm, RmsNormBuilder};
pub use sequential::Sequential;
pub use transformer::{SwiGlu, TransformerBlock, TransformerBlockBuilder};
pub use transformer::{TransformerDecoderLayer, TransformerDecoderLayerBuilder};
pub use transformer::{TransformerEncoderLayer, TransformerEncoderLayerBuilder};
pub use upsample::{PixelShuffle, PixelUnshuffle, Upsample};
pub use upsample::{Upsample1d, Upsample2d, Upsample3d};

#[doc(no_inline)]
pub use cotangent_macros::{Layer, Module};
