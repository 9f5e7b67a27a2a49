//! The state of a whole model: in memory, as bytes, as a file.

use super::dict::{StateDict, Stateful};
use super::file::to_file;
use super::loader::Loader;
use super::tree::entries_of;
use crate::disk::replace_file;
use crate::error::Result;
use crate::module::Module;
use std::path::Path;

/// Returns all leaves of `module` as the bytes of a safetensors file. The same state gives the same
/// bytes.
///
/// # Errors
/// [`Error::Format`](crate::Error::Format) if two leaves have the same path, if a path is
/// `__metadata__`, which the format reserves, or if a counter is at least 2⁶³.
/// [`Error::Argument`](crate::Error::Argument) if a key of a map cannot be part of a path.
pub fn to_bytes<M: Module + ?Sized>(module: &M) -> Result<Vec<u8>> {
    file_bytes(module, Path::new(""))
}

/// Loads all leaves of `module` from the bytes of a safetensors file, or none, as
/// [`ModuleExt::load`](crate::ModuleExt::load) does.
///
/// # Errors
/// [`Error::Format`](crate::Error::Format) if the bytes are not a valid safetensors file.
/// [`Error::State`](crate::Error::State) with all mismatches if they do not fit the model. The
/// model is unchanged then.
pub fn load_bytes<M: Module + ?Sized>(module: &mut M, bytes: &[u8]) -> Result<()> {
    Loader::new().load_bytes(module, bytes).map(drop)
}

/// Saves all leaves to a file.
pub(crate) fn save(module: &(impl Module + ?Sized), path: &Path) -> Result<()> {
    replace_file(path, &file_bytes(module, path)?)
}

fn file_bytes(module: &(impl Module + ?Sized), path: &Path) -> Result<Vec<u8>> {
    to_file(&entries_of(module, path)?, path)
}

#[diagnostic::do_not_recommend]
impl<M: Module> Stateful for M {
    fn state(&self) -> Result<StateDict> {
        entries_of(self, Path::new(""))
    }

    fn load_state(&mut self, state: &StateDict) -> Result<()> {
        Loader::new().load_state(self, state).map(drop)
    }
}
