//! The logs of a run as one part of it.

use crate::log::Log;
use cotangent_core::Result;
use cotangent_core::state::{StateDict, Stateful, load_parts};

/// The logs of a run.
pub(super) struct Logs<'a>(pub Vec<Box<dyn Log + 'a>>);

impl Logs<'_> {
    /// Calls all logs, also after an error, and returns the first error.
    pub fn each(&mut self, mut call: impl FnMut(&mut dyn Log) -> Result<()>) -> Result<()> {
        let mut result = Ok(());
        for log in &mut self.0 {
            result = result.and(call(&mut **log));
        }
        result
    }
}

/// The state of each log, under its number.
impl Stateful for Logs<'_> {
    fn state(&self) -> Result<StateDict> {
        let mut state = StateDict::new();
        for (number, log) in self.0.iter().enumerate() {
            state.insert_part(&number.to_string(), log.state()?);
        }
        Ok(state)
    }

    fn load_state(&mut self, state: &StateDict) -> Result<()> {
        let names: Vec<String> = (0..self.0.len()).map(|number| number.to_string()).collect();
        let mut logs: Vec<_> = self.0.iter_mut().map(|log| OneLog(&mut **log)).collect();
        let logs = logs.iter_mut().map(|log| log as &mut dyn Stateful);
        let mut parts: Vec<_> = names.iter().map(|name| &**name).zip(logs).collect();
        load_parts(state, &mut parts)
    }
}

/// A log as a part of a checkpoint.
struct OneLog<'l, 'a>(&'l mut (dyn Log + 'a));

impl Stateful for OneLog<'_, '_> {
    fn state(&self) -> Result<StateDict> {
        self.0.state()
    }
    fn load_state(&mut self, state: &StateDict) -> Result<()> {
        self.0.load_state(state)
    }
}
