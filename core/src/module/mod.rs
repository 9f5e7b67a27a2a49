//! The module floor: what a model is made of (parameters, buffers, the tree that holds them), how
//! it is run ([`Pass`]), and how its state is saved and loaded.

mod containers;
mod dot;
mod header;
mod layer;
mod loader;
mod param;
mod pass;
mod recompute;
mod select;
mod state;
mod stateful;
mod step;
mod summary;
mod walk;

pub use layer::Layer;
pub use loader::Loader;
pub use param::{Buffer, Counter, Param};
pub use pass::Pass;
pub use select::{Matcher, Pattern};
pub use state::{load_bytes, to_bytes};
pub use stateful::{Entry, StateDict, Stateful, load_checkpoint, save_checkpoint};
pub use step::{Part, step};
pub use summary::{LeafKind, Summary, SummaryRow};
pub use walk::{LeafMut, LeafRef, Module, Walk, WalkMut};
