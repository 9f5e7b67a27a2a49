//! Reading saved states strictly: every mismatch is listed, and nothing is passed over.

use cotangent_core::state::StateDict;
use cotangent_core::{Error, Result};

/// What does not fit, collected over a whole state.
#[derive(Debug, Default)]
pub(crate) struct Mismatches(Vec<String>);

impl Mismatches {
    /// What was read, or none and one mismatch more.
    pub fn take<T>(&mut self, read: Result<T>) -> Option<T> {
        match read {
            Ok(value) => return Some(value),
            Err(Error::State { mismatches, .. }) => self.0.extend(mismatches),
            Err(error) => self.0.push(error.to_string()),
        }
        None
    }

    /// One mismatch more.
    pub fn add(&mut self, mismatch: String) {
        self.0.push(mismatch);
    }

    /// Every entry must have a name that is `known`.
    pub fn only(&mut self, state: &StateDict, known: impl Fn(&str) -> bool) {
        let unknown = state.iter().filter(|(name, _)| !known(name));
        self.0.extend(
            unknown.map(|(name, _)| format!("`{name}`: in the state, but nothing here has that")),
        );
    }

    /// An error if there is a mismatch.
    pub fn finish(self) -> Result<()> {
        if self.0.is_empty() {
            return Ok(());
        }
        Err(Error::state("", self.0))
    }
}
