//! The module floor: what a model is made of (parameters, buffers, the tree that holds them), how
//! it is run ([`Pass`]), and how its state is saved and loaded.

mod containers;
mod layer;
mod param;
mod pass;
mod state;
mod walk;

pub use layer::Layer;
pub use param::{Buffer, Counter, Param};
pub use pass::Pass;
pub use state::{load_bytes, to_bytes};
pub use walk::{LeafMut, LeafRef, Module, Walk, WalkMut};
