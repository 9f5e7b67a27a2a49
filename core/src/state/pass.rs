//! The state of a pass: where its sequence of random numbers is.

use super::dict::{Entry, StateDict, Stateful, mismatch};
use crate::error::Result;
use crate::module::Pass;

/// The seed and how many random layers were served, so that a run goes on with the randomness that
/// it would have had. Whether it trains, records or is observed is not part of it.
impl Stateful for Pass {
    fn state(&self) -> Result<StateDict> {
        let mut state = StateDict::new();
        // In two halves: a count has 63 bits.
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
