//! The data sets, file readers and mini-batches of `cotangent`.
//!
//! Programs depend on the crate `cotangent`, whose module `data` re-exports this crate.
#![forbid(unsafe_code)]

pub mod augment;
mod batches;
mod class_weights;
mod combine;
pub mod csv;
mod dataset;
mod diabetes;
mod digits;
mod epochs;
mod error;
pub mod idx;
#[cfg(feature = "images")]
mod images;
mod key;
mod labeled;
mod lines;
mod mnist;
mod moby_dick;
#[cfg(feature = "npy")]
mod npy;
mod sample;
mod sequence;
mod shards;
mod shuffle;
mod source;
pub mod split;
mod standardize;
mod stream;
mod table;

pub use batches::{Batches, Epoch, ShardEpoch};
pub use class_weights::class_weights;
pub use combine::{Augment, Concat, Map, Subset};
#[doc(no_inline)]
pub use cotangent_macros::Sample;
pub use dataset::Dataset;
pub use diabetes::{DIABETES_COLUMNS, diabetes};
pub use digits::digits;
pub use epochs::Epochs;
pub use error::{Error, Result};
#[cfg(feature = "images")]
pub use images::ImageFolder;
pub use key::Key;
pub use labeled::Labeled;
pub use lines::{LineFault, Lines, lines};
pub use mnist::mnist;
pub use moby_dick::moby_dick;
pub use sample::Sample;
#[doc(hidden)]
pub use sample::same_rows;
pub use sequence::{Padded, Sequence};
pub use shards::Shards;
pub use standardize::Standardizer;
pub use stream::{Samples, Stream, StreamBatches, StreamEpoch};
pub use table::Table;
