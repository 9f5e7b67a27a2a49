//! Strict reading of saved state: every mismatch is listed, and no entry is ignored.

use cotangent_core::state::{Entry, StateDict};
use cotangent_core::{Error, Result};

/// Adds an entry that names the algorithm which wrote the state, and counts its parameters.
pub(crate) fn insert_writer(state: &mut StateDict, name: &str, parameters: usize) {
    let entry = Entry::Count(parameters as u64);
    state.insert(&format!("algorithm.{name}"), entry);
}

/// Returns the name of the algorithm that wrote a state; none if the state does not contain it.
pub(crate) fn writer(state: &StateDict) -> Option<&str> {
    let mut names = state.iter().map(|(name, _)| name);
    names.find_map(|name| name.strip_prefix("algorithm."))
}

/// Returns an error if the state names another algorithm than `name`.
pub(crate) fn check_writer(state: &StateDict, name: &str) -> Result<()> {
    let mut wrong = Mismatches::default();
    if let Some(writer) = writer(state).filter(|writer| *writer != name) {
        wrong.add(format!(
            "the state is that of {writer}, the optimizer is {name}"
        ));
    }
    wrong.finish()
}

/// The mismatches of a whole state.
#[derive(Debug, Default)]
pub(crate) struct Mismatches(Vec<String>);

impl Mismatches {
    /// Returns the value that was read; if reading failed, none, and adds the mismatches.
    pub fn take<T>(&mut self, read: Result<T>) -> Option<T> {
        match read {
            Ok(value) => return Some(value),
            Err(Error::State { mismatches, .. }) => self.0.extend(mismatches),
            Err(error) => self.0.push(error.to_string()),
        }
        None
    }

    /// Adds a mismatch.
    pub fn add(&mut self, mismatch: String) {
        self.0.push(mismatch);
    }

    /// Adds a mismatch for every entry whose name is not `known`.
    pub fn only(&mut self, state: &StateDict, known: impl Fn(&str) -> bool) {
        let unknown = state.iter().filter(|(name, _)| !known(name));
        self.0
            .extend(unknown.map(|(name, _)| format!("`{name}`: not expected in this state")));
    }

    /// Returns an error if there are mismatches.
    pub fn finish(self) -> Result<()> {
        if self.0.is_empty() {
            return Ok(());
        }
        Err(Error::state("", self.0))
    }
}
