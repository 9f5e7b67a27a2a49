//! Guides: operations and losses by kind, custom elementwise functions, recipes, a table for users
//! of PyTorch, and the project's pages.
//!
//! The layers, activations and initializers are listed in [`nn`](crate::nn), the optimizers and
//! schedules in [`optim`](crate::optim).

pub mod elementwise;

pub mod losses;

/// The methods of [`Tensor`](crate::Tensor) by kind.
///
/// Losses with their options are in [`losses`], the layers in [`nn`](crate::nn).
///
#[doc = include_str!("operations.md")]
pub mod operations {}

pub mod pytorch;

/// PyTorch's functions and what they are called here, with the golden values that compare them.
///
/// `F` is `torch.nn.functional`, and `x` a tensor. Golden values are in `tests/golden/data`: those
/// of PyTorch, and its gradients, for operands of several shapes and memory layouts. Models,
/// training and idioms are in [`pytorch`].
///
#[doc = include_str!("names.md")]
pub mod names {}

pub mod recipes;

#[doc = include_str!("scaling.md")]
#[cfg(feature = "parallel")]
pub mod scaling {}

#[doc = include_str!("../../ARCHITECTURE.md")]
pub mod architecture {}

#[doc = include_str!("../../CHANGELOG.md")]
pub mod changelog {}

#[doc = include_str!("../../benches/NOTES.md")]
pub mod speed {}
