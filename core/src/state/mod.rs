//! Saved state: a model's leaves as a [`StateDict`], that as bytes of a safetensors file, and back.
//! Checkpoints hold the states of several parts in one file.

mod checkpoint;
mod dict;
#[doc(hidden)]
pub mod fields;
mod file;
mod loader;
pub(crate) mod module;
mod pass;
mod stored;
mod torch;
mod tree;

pub use checkpoint::{load_checkpoint, load_parts, save_checkpoint};
#[doc(inline)]
pub use cotangent_macros::Stateful;
pub use dict::{Entry, StateDict, Stateful};
pub use loader::Loader;
pub use module::{load_bytes, to_bytes};
