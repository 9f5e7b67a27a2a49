//! Data-parallel training for `cotangent`, with the same bits for any number of processes.
//!
//! Programs depend on the crate `cotangent`, whose module `parallel` re-exports this crate.
#![forbid(unsafe_code)]

mod agreement;
mod buckets;
mod builder;
mod courier;
mod desk;
mod engine;
mod frames;
mod gradients;
mod jobs;
mod leaves;
mod meeting;
mod ranks;
mod shared;
mod tally;
#[cfg(feature = "mpi")]
mod threads;
mod tree;
mod untrained;

pub use builder::RanksBuilder;
#[doc(hidden)]
pub use gradients::{At, Shardwise};
pub use gradients::{Loss, Summed};
pub use ranks::Ranks;
