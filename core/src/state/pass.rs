//! The state of a pass: its place in its sequence of random numbers.

use super::dict::{Entry, StateDict, Stateful, mismatch};
use crate::error::Result;
use crate::module::Pass;

/// The state is the seed and the number of [draws](Pass::draws), so that a resumed run continues
/// with the same random numbers. The settings of the pass are not part of it.
impl Stateful for Pass {
    fn state(&self) -> Result<StateDict> {
        let mut state = StateDict::new();
        // In two halves, because a count has 63 bits.
        state.insert("seed.high", Entry::Count(self.seed() >> 32));
        state.insert("seed.low", Entry::Count(self.seed() & u64::from(u32::MAX)));
        state.insert("draws", Entry::Count(self.draws()));
        Ok(state)
    }

    fn load_state(&mut self, state: &StateDict) -> Result<()> {
        let half = |name| {
            let half = state.count(name)?;
            u32::try_from(half)
                .map(u64::from)
                .map_err(|_| mismatch(name, "expected a number of 32 bits"))
        };
        let (high, low) = (half("seed.high")?, half("seed.low")?);
        let draws = state.count("draws")?;
        if let Some((name, _)) = state
            .iter()
            .find(|(name, _)| !["seed.high", "seed.low", "draws"].contains(name))
        {
            return Err(mismatch(name, "a pass has no such entry"));
        }
        self.resume(high << 32 | low, draws);
        Ok(())
    }
}
