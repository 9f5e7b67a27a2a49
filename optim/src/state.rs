//! Reading saved states strictly: every mismatch is listed, and nothing is passed over.

use cotangent_core::state::{Entry, StateDict};
use cotangent_core::{Error, Result};

/// Says in a state which algorithm wrote it, and of how many parameters.
pub(crate) fn insert_writer(state: &mut StateDict, name: &str, parameters: usize) {
    let entry = Entry::Count(parameters as u64);
    state.insert(&format!("algorithm.{name}"), entry);
}

/// The name of the algorithm that wrote a state; none if it does not say.
pub(crate) fn writer(state: &StateDict) -> Option<&str> {
    let mut names = state.iter().map(|(name, _)| name);
    names.find_map(|name| name.strip_prefix("algorithm."))
}

/// An error if a state says that another than `name` wrote it.
pub(crate) fn check_writer(state: &StateDict, name: &str) -> Result<()> {
    let mut wrong = Mismatches::default();
    if let Some(writer) = writer(state).filter(|writer| *writer != name) {
        wrong.add(format!(
            "the state is that of {writer}, the optimizer is {name}"
        ));
    }
    wrong.finish()
}

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
