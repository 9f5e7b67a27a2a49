//! Transformer layers: encoder and decoder layers with PyTorch's names, and blocks with root mean
//! square normalization and gated feed-forward layers.

mod block;
mod decoder;
mod encoder;
mod swiglu;

pub use block::{TransformerBlock, TransformerBlockBuilder};
pub use decoder::{TransformerDecoderLayer, TransformerDecoderLayerBuilder};
pub use encoder::{TransformerEncoderLayer, TransformerEncoderLayerBuilder};
pub use swiglu::SwiGlu;
