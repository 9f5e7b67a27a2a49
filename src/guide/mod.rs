//! Guides: losses by kind, a table for users of PyTorch, and the project's own pages.
//!
//! The layers, activations and initializers are listed in [`nn`](crate::nn), the optimizers and
//! schedules in [`optim`](crate::optim), the operations in [`Tensor`](crate::Tensor).

pub mod losses;
pub mod pytorch;

#[doc = include_str!("../../ARCHITECTURE.md")]
pub mod architecture {}

#[doc = include_str!("../../CHANGELOG.md")]
pub mod changelog {}

#[doc = include_str!("../../benches/NOTES.md")]
pub mod speed {}
