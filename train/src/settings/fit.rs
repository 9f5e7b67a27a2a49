//! The settings of a run.

use super::range::{self, options};
use crate::Fit;
use cotangent_data::Sample;

options! {
    /// The settings of a run that are numbers; data, logs and checkpoints are added in code.
    FitSettings {
        /// The number of epochs.
        epochs: u64,
        --
        /// The seed of the random layers; 0 by default.
        seed: u64 => "serde::Deserialize::deserialize",
        /// The number of epochs in a row that are not the best, after which the run ends, at least
        /// 1.
        stop_early: u64 => "range::at_least_1",
        /// Whether the best weights are restored at the end.
        keep_best: bool => "serde::Deserialize::deserialize",
        /// The number of steps between two signal reports, at least 1.
        signal: u64 => "range::at_least_1",
    }
}

impl FitSettings {
    /// Creates the run with these settings.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// use cotangent::train::{Fit, settings::{self, FitSettings}};
    /// let settings: FitSettings = settings::from_toml("epochs = 20\nstop_early = 3")?;
    /// let fit: Fit<'_, (Tensor, Indices)> = settings.fit();
    /// # Ok::<(), Error>(())
    /// ```
    pub fn fit<'a, B: Sample>(&self) -> Fit<'a, B> {
        let mut fit = Fit::new(self.epochs).seed(self.seed.unwrap_or(0));
        if let Some(patience) = self.stop_early {
            fit = fit.stop_early(patience);
        }
        if self.keep_best == Some(true) {
            fit = fit.keep_best();
        }
        if let Some(every) = self.signal {
            fit = fit.signal(every);
        }
        fit
    }

    /// No option depends on another.
    #[expect(clippy::unnecessary_wraps, reason = "other settings have errors here")]
    fn check(&self) -> Result<(), String> {
        let _ = self.set();
        Ok(())
    }
}
