//! The best epoch of a run.

use crate::history::History;
use crate::task::Task;
use cotangent_core::state::{Entry, StateDict, Stateful};
use cotangent_core::{Error, Interval, Result};

/// The best epoch so far by a value of the history, and its weights.
///
/// ```
/// use cotangent::train::Best;
/// let by_accuracy = Best::highest("validation_accuracy").min_delta(0.001);
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Best {
    name: String,
    maximize: bool,
    min_delta: f64,
    pub(crate) keeps_weights: bool,
    /// Whether an epoch without the value is an error.
    pub(crate) is_required: bool,
    found: Option<Found>,
}

/// An epoch that is the best so far.
#[derive(Clone, Debug)]
struct Found {
    /// Counted from 1.
    epoch: u64,
    value: f64,
    weights: Option<StateDict>,
}

impl Best {
    /// Creates a search for the epoch with the lowest value of this name, such as
    /// `validation_loss`.
    pub fn lowest(name: impl Into<String>) -> Self {
        Self::new(name.into(), false)
    }

    /// Creates a search for the epoch with the highest value of this name, such as
    /// `validation_accuracy`.
    pub fn highest(name: impl Into<String>) -> Self {
        Self::new(name.into(), true)
    }

    fn new(name: String, maximize: bool) -> Self {
        Self {
            name,
            maximize,
            min_delta: 0.0,
            keeps_weights: true,
            is_required: true,
            found: None,
        }
    }

    /// Sets the least improvement that counts, at least 0; 0 by default.
    pub fn min_delta(mut self, min_delta: f64) -> Self {
        self.min_delta = min_delta;
        self
    }

    /// Compares the last epoch of the history with the best one, and keeps the task's weights if it
    /// is better. Returns whether it is. NaN is never better.
    ///
    /// # Errors
    /// [`Error::Argument`] if the history has no value of the name, or if an option is out of
    /// range.
    pub fn observe(&mut self, history: &History, task: &(impl Task + ?Sized)) -> Result<bool> {
        Interval::AtLeast0.check("Best", "min_delta", self.min_delta)?;
        let (Some(row), Some(value)) = (history.rows().next_back(), self.value_in(history)?) else {
            return Ok(false);
        };
        let improves = match &self.found {
            None => true,
            Some(best) if self.maximize => value > best.value + self.min_delta,
            Some(best) => value < best.value - self.min_delta,
        };
        if improves {
            let weights = self.keeps_weights.then(|| task.weights()).transpose()?;
            self.found = Some(Found {
                epoch: row.epoch(),
                value,
                weights,
            });
        }
        Ok(improves)
    }

    /// Returns the value of the last epoch by which epochs are compared; none if it is NaN.
    pub(crate) fn value_in(&self, history: &History) -> Result<Option<f64>> {
        if history.column(&self.name).is_none() && self.is_required {
            let known: Vec<&str> = history.names().collect();
            let reason = format!(
                "there is no value `{}`, by which epochs are compared; the values are {}",
                self.name,
                known.join(", ")
            );
            return Err(Error::argument("Best", reason));
        }
        Ok(history.last(&self.name))
    }

    /// Returns the number of the best epoch, counted from 1, and its value.
    pub fn epoch(&self) -> Option<(u64, f64)> {
        self.found.as_ref().map(|best| (best.epoch, best.value))
    }

    /// Returns the number of epochs since the best one, or of all epochs if there is no best one.
    pub fn epochs_since(&self, history: &History) -> u64 {
        let last = history.epochs().last().copied().unwrap_or(0);
        last.saturating_sub(self.found.as_ref().map_or(0, |best| best.epoch))
    }

    /// Returns the weights of the best epoch.
    pub fn weights(&self) -> Option<&StateDict> {
        self.found.as_ref()?.weights.as_ref()
    }

    /// Loads the weights of the best epoch into the task, if there is one.
    ///
    /// # Errors
    /// [`Error::State`] if they do not fit.
    pub fn restore(&self, task: &mut (impl Task + ?Sized)) -> Result<()> {
        self.weights()
            .map_or(Ok(()), |weights| task.load_weights(weights))
    }
}

/// The entries are `epoch`, `value` and `weights.ENTRY`, once there is a best epoch.
impl Stateful for Best {
    fn state(&self) -> Result<StateDict> {
        let mut state = StateDict::new();
        if let Some(best) = &self.found {
            state.insert("epoch", Entry::Count(best.epoch));
            state.insert_number("value", best.value);
            if let Some(weights) = &best.weights {
                state.insert_part("weights", weights.clone());
            }
        }
        Ok(state)
    }

    fn load_state(&mut self, state: &StateDict) -> Result<()> {
        let known = |name: &str| matches!(name, "epoch" | "value") || name.starts_with("weights.");
        if let Some((name, _)) = state.iter().find(|(name, _)| !known(name)) {
            let reason = format!("`{name}`: not expected in the state of a best epoch");
            return Err(Error::state("", vec![reason]));
        }
        if state.is_empty() {
            self.found = None;
            return Ok(());
        }
        let weights = state.part("weights");
        self.found = Some(Found {
            epoch: state.count("epoch")?,
            value: state.number("value")?,
            weights: (!weights.is_empty()).then_some(weights),
        });
        Ok(())
    }
}
