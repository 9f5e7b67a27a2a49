//! The data sets, file readers and mini-batches of `cotangent`.
//!
//! Programs depend on the crate `cotangent`, whose module `data` re-exports this crate.
#![forbid(unsafe_code)]

mod batches;
mod combine;
mod dataset;
mod digits;
mod epochs;
mod error;
pub mod idx;
mod key;
mod labeled;
mod mnist;
mod moby_dick;
mod sample;
mod sequence;
mod shuffle;
pub mod split;
mod standardize;
mod stream;
mod table;

pub use batches::{Batches, Epoch};
pub use combine::{Augment, Concat, Map, Subset};
#[doc(no_inline)]
pub use cotangent_macros::Sample;
pub use dataset::Dataset;
pub use digits::digits;
pub use epochs::Epochs;
pub use error::{Error, Result};
pub use key::Key;
pub use labeled::Labeled;
pub use mnist::mnist;
pub use moby_dick::moby_dick;
pub use sample::Sample;
#[doc(hidden)]
pub use sample::same_rows;
pub use sequence::{Padded, Sequence};
pub use standardize::Standardizer;
pub use stream::{Samples, Stream, StreamBatches, StreamEpoch};
pub use table::Table;
