//! Kernels: loops over slices, compiled for several instruction sets and chosen at run time.
//! Nothing here uses tensors, graphs or modules.
//!
//! From the lowest layer up: `isa` (instruction sets), `fma`, `math` (the elementary functions),
//! `float` (the stored types), `real` (the trait that formulas are written over), `lane` (one
//! element of a slice as a number in a formula), and the families of kernels.
//!
//! Results never depend on the number of threads: work is cut at fixed places, and partial results
//! are combined in a fixed order.

// Loops with an index over several slices at once: see `threads::parallel::cut` for the reason.
#![allow(clippy::needless_range_loop)]

pub(crate) mod activation;
pub(crate) mod attention;
pub(crate) mod conv;
pub(crate) mod elementwise;
mod float;
mod fma;
pub(crate) mod index;
mod isa;
mod lane;
pub(crate) mod linear;
pub(crate) mod loss;
pub mod math;
pub(crate) mod norm;
pub(crate) mod pool;
mod real;
pub(crate) mod recurrent;
pub(crate) mod reduce;
pub(crate) mod strided;
pub(crate) mod threads;
mod unroll;

pub use elementwise::formula::{Formula, Needs};
pub use elementwise::map::{Map, Step, Update};
pub use float::Float;
pub use fma::Fma;
pub use isa::{Avx2, Avx512, Baseline, Isa, Kernel, Neon, Tier, dispatch, dispatch_on};
pub use lane::Lane;
pub use real::{Real, float_power};
#[doc(hidden)] // For `benches/scaling`.
pub use threads::regions;
