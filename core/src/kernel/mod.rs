//! The kernel floor: loops over slices, compiled for several instruction sets and chosen at run
//! time. Nothing here knows tensors, graphs or modules.
//!
//! From below: `isa` (instruction sets), `fma`, `math` (the elementary functions), `float` (what is
//! stored), `real` (what formulas are written in), `lane` (an element as such), and the families of
//! kernels.
//!
//! Results never depend on the number of threads: work is cut at fixed places, and what the pieces
//! give is combined in a fixed order.

// Indexed loops over several arrays of slices at once: see `threads::parallel::cut`.
#![allow(clippy::needless_range_loop)]

pub(crate) mod activation;
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
mod real;
pub(crate) mod reduce;
pub(crate) mod strided;
pub(crate) mod threads;

pub use elementwise::map::{Map, Step, Update};
pub use float::Float;
pub use fma::Fma;
pub use isa::{Avx2, Avx512, Baseline, Isa, Kernel, Neon, Tier, dispatch, dispatch_on};
pub use lane::Lane;
pub(crate) use real::float_power;
pub use real::{Real, ScalarFunction};
