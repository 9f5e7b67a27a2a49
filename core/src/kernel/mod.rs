//! The kernel floor: loops over slices, compiled for several instruction sets and chosen at run
//! time. Nothing here knows tensors, graphs or modules.
//!
//! Results never depend on the number of threads: work is cut at fixed places, and what the pieces
//! give is combined in a fixed order.

// Indexed loops over several arrays of slices at once: see `parallel::cut`.
#![allow(clippy::needless_range_loop)]

pub(crate) mod compare;
mod crew;
pub(crate) mod cross_entropy;
pub(crate) mod extremes;
pub(crate) mod gemm;
mod isa;
pub(crate) mod layer_norm;
pub(crate) mod map;
pub mod math;
pub(crate) mod normalize;
pub(crate) mod panics;
pub(crate) mod parallel;
mod power;
pub(crate) mod product;
pub(crate) mod range;
mod real;
pub(crate) mod reduce;
pub(crate) mod rows;
pub(crate) mod scan;
pub(crate) mod softmax;
pub(crate) mod strided;
mod thin;
mod tile;

pub use isa::{Avx2, Avx512, Baseline, Isa, Kernel, Neon, Tier, dispatch, dispatch_on};
pub use map::{Map, Step, Update};
pub(crate) use power::float_power;
pub use real::{Float, Lane, Rare, Real};
