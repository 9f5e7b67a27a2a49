//! Gradients of several batches for one step of the optimizer.

use cotangent_core::module::Module;
use cotangent_core::state::{Entry, StateDict, Stateful};
use cotangent_core::{Error, Gradients, Result};
use cotangent_optim::Accumulator;

/// Gradients of several batches for one step of the optimizer.
#[derive(Debug)]
pub(super) struct Accumulation {
    batches: u64,
    so_far: u64,
    accumulator: Accumulator,
}

impl Accumulation {
    pub fn new(batches: u64) -> Self {
        Self {
            batches,
            so_far: 0,
            accumulator: Accumulator::new(),
        }
    }

    /// Returns the number of batches that a step of the optimizer waits for.
    pub fn missing(&self) -> Result<u64> {
        if self.batches == 0 {
            let reason = "the number of batches must be at least 1, found 0";
            return Err(Error::argument("Supervised::accumulate", reason));
        }
        Ok(self.batches.saturating_sub(self.so_far))
    }

    /// Adds the gradients of a batch, and returns the mean if it is complete.
    pub fn add(
        &mut self,
        model: &(impl Module + ?Sized),
        gradients: Gradients,
        weight: f64,
    ) -> Result<Option<Gradients>> {
        let missing = self.missing()?;
        self.push(model, gradients, weight)?;
        if missing > 1 {
            return Ok(None);
        }
        self.take(model)
    }

    /// Adds the gradients of a batch.
    pub fn push(
        &mut self,
        model: &(impl Module + ?Sized),
        gradients: Gradients,
        weight: f64,
    ) -> Result<()> {
        self.accumulator.add(model, gradients, weight)?;
        self.so_far += 1;
        Ok(())
    }

    /// Returns whether there are no gradients.
    #[cfg(feature = "parallel")]
    pub fn is_empty(&self) -> bool {
        self.so_far == 0
    }

    /// Returns the mean of the gradients so far; none if there are none.
    pub fn take(&mut self, model: &(impl Module + ?Sized)) -> Result<Option<Gradients>> {
        if self.so_far == 0 {
            return Ok(None);
        }
        self.so_far = 0;
        self.accumulator.take(model).map(Some)
    }
}

impl Stateful for Accumulation {
    fn state(&self) -> Result<StateDict> {
        let mut state = StateDict::new();
        state.insert("batches", Entry::Count(self.so_far));
        state.insert_part("mean", self.accumulator.state()?);
        Ok(state)
    }

    fn load_state(&mut self, state: &StateDict) -> Result<()> {
        let so_far = state.count("batches")?;
        self.accumulator.load_state(&state.part("mean"))?;
        self.so_far = so_far;
        Ok(())
    }
}
