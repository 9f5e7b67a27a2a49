//! The settings of a run as names and values, which a checkpoint has, so that a run is not resumed
//! with others by mistake.

use cotangent_core::state::{Entry, StateDict, Stateful};
use cotangent_core::{Error, Result};

/// Names and values.
#[derive(Clone, Debug, Default)]
pub(crate) struct Pairs {
    pub all: Vec<(String, String)>,
    /// Whether those of a checkpoint may be others.
    pub allow_others: bool,
}

/// The entries are named `NUMBER.NAME=VALUE`; a state has no text.
impl Stateful for Pairs {
    fn state(&self) -> Result<StateDict> {
        let mut state = StateDict::new();
        for (number, (name, value)) in self.all.iter().enumerate() {
            state.insert(&format!("{number}.{name}={value}"), Entry::Count(0));
        }
        Ok(state)
    }

    /// Compares the settings with those of a checkpoint.
    fn load_state(&mut self, state: &StateDict) -> Result<()> {
        if self.allow_others {
            return Ok(());
        }
        let saved: Vec<(&str, &str)> = state
            .iter()
            .filter_map(|(entry, _)| entry.split_once('.')?.1.split_once('='))
            .collect();
        let mut others: Vec<String> = Vec::new();
        for (name, value) in &self.all {
            match saved.iter().find(|(saved, _)| saved == name) {
                Some((_, saved)) if saved == value => {}
                Some((_, saved)) => others.push(format!("`{name}`: {value}, but {saved} before")),
                None => others.push(format!("`{name}`: {value}, but missing before")),
            }
        }
        for (name, value) in saved {
            if !self.all.iter().any(|(known, _)| known == name) {
                others.push(format!("`{name}`: missing, but {value} before"));
            }
        }
        if others.is_empty() {
            return Ok(());
        }
        let reason = format!(
            "the run has other settings than its checkpoint: {}; allow it with \
             `allow_other_settings`",
            others.join("; ")
        );
        Err(Error::argument("Fit::resume", reason))
    }
}
