//! Saved state: bytes of safetensors to and from a [`StateDict`], and that to and from a model; and
//! checkpoints of several things in one file. There is one way in each direction.

mod checkpoint;
mod dict;
mod file;
mod loader;
pub(crate) mod module;
mod pass;
mod stored;
mod tree;

pub use checkpoint::{load_checkpoint, save_checkpoint};
pub use dict::{Entry, StateDict, Stateful};
pub use loader::Loader;
pub use module::{load_bytes, to_bytes};
