//! The module floor: what a model is made of (parameters, buffers, the tree that holds them) and
//! how it is run ([`Pass`], [`Layer`]); and plain functions over the leaves of such a tree. The
//! methods that every model has are [`ModuleExt`](crate::ModuleExt).

mod audit;
mod buffer;
mod checked;
mod containers;
mod dot;
pub(crate) mod freeze;
mod frozen;
mod functional;
mod layer;
pub(crate) mod leaves;
mod locate;
mod param;
mod pass;
pub(crate) mod pattern;
mod recompute;
pub(crate) mod select;
mod step;
mod summary;
mod walk;

pub use audit::Audit;
pub use buffer::{Buffer, Counter};
pub use frozen::Frozen;
pub use layer::Layer;
pub use param::Param;
pub use pass::Pass;
pub use pattern::{Matcher, Pattern};
pub use step::{Part, step};
pub use summary::{LeafKind, Summary, SummaryRow};
pub use walk::{LeafMut, LeafRef, Module, Walk, WalkMut};
