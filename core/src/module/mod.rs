//! Models: their parts ([`Param`], [`Buffer`], [`Counter`]), the tree that holds them ([`Module`]),
//! and how they run ([`Layer`], [`Pass`]). The methods of every model are those of
//! [`ModuleExt`](crate::ModuleExt).

mod audit;
mod buffer;
mod checked;
mod containers;
mod dot;
mod dyn_layer;
pub(crate) mod freeze;
mod frozen;
mod functional;
mod layer;
pub(crate) mod leaves;
mod locate;
mod name;
mod param;
mod pass;
pub(crate) mod pattern;
mod recompute;
mod refused;
mod run_summary;
pub(crate) mod select;
#[doc(hidden)]
pub mod skipped;
mod step;
mod summary;
mod unbuilt;
mod walk;

pub use audit::Audit;
pub use buffer::{Buffer, Counter};
pub use dyn_layer::DynLayer;
pub use frozen::Frozen;
pub use layer::Layer;
pub use leaves::check_names;
pub use name::check_name;
pub use param::Param;
pub use pass::{AllReduce, Pass};
pub use pattern::{Matcher, Pattern};
pub use run_summary::{RunRow, RunSummary};
pub use step::{Part, ZeroRows, step};
pub use summary::{LeafKind, Summary, SummaryRow};
#[doc(hidden)]
pub use unbuilt::Unbuilt;
pub use walk::{LeafMut, LeafRef, Module, Walk, WalkMut};
