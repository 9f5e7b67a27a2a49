//! The settings that a checkpoint carries, and their comparison when a run is resumed.

use cotangent_core::state::{Entry, StateDict, Stateful};
use cotangent_core::{Error, Result};

/// Settings by name. Loading compares them with those of the checkpoint, except for numbers of
/// epochs, which may be larger in a resumed run.
#[derive(Clone, Debug, Default)]
pub(crate) struct Recorded {
    pub(crate) pairs: Vec<(String, String)>,
    pub(crate) may_differ: bool,
}

impl Recorded {
    fn value(&self, name: &str) -> &str {
        let pair = self.pairs.iter().find(|(known, _)| known == name);
        pair.map_or("not set", |(_, value)| value)
    }
}

/// A state has no texts, so that each entry is named after a setting and its value.
impl Stateful for Recorded {
    fn state(&self) -> Result<StateDict> {
        let mut state = StateDict::new();
        for (number, (name, value)) in self.pairs.iter().enumerate() {
            state.insert(&format!("{name}={value}"), Entry::Count(number as u64));
        }
        Ok(state)
    }

    fn load_state(&mut self, state: &StateDict) -> Result<()> {
        if self.may_differ {
            return Ok(());
        }
        let pairs = state.iter().filter_map(|(name, _)| name.split_once('='));
        let pairs = pairs.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let saved = Self {
            pairs: pairs.collect(),
            may_differ: false,
        };
        let mut names: Vec<&String> = [&self.pairs, &saved.pairs]
            .into_iter()
            .flatten()
            .map(|(name, _)| name)
            .collect();
        names.sort();
        names.dedup();
        let differences: Vec<String> = names
            .into_iter()
            .filter(|name| name.rsplit('.').next() != Some("epochs"))
            .filter(|name| saved.value(name) != self.value(name))
            .map(|name| {
                let (saved, given) = (saved.value(name), self.value(name));
                format!(
                    "the setting `{name}` is {saved} in the checkpoint, found {given}; \
                     `allow_other_settings` accepts it"
                )
            })
            .collect();
        if differences.is_empty() {
            Ok(())
        } else {
            Err(Error::state("", differences))
        }
    }
}
