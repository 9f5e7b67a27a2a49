//! The settings of a run, its checkpoints, and the comparison of its epochs.

use super::range::{self, Check, Fault, options};
use crate::{Best, Checkpoints, Fit};
use cotangent_core::Result;
use cotangent_data::Sample;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use std::time::Duration;

options! {
    /// The settings of a run over epochs; data and logs are added in code.
    FitSettings {
        /// The number of epochs.
        epochs: u64,
        --
        /// The seed of the random layers; 0 by default.
        seed: u64,
        /// The value by which epochs are compared. By default it is the loss, that of the
        /// validation if there is one.
        best: BestSettings,
        /// The number of epochs in a row that are not the best, after which the run ends, at least
        /// 1.
        stop_early: u64 => range::at_least_1,
        /// Whether the best weights are restored at the end.
        keep_best: bool,
        /// The checkpoints.
        checkpoints: CheckpointSettings,
        /// Whether the run continues from the newest checkpoint, if there is one.
        resume: bool,
        /// Whether the run may be resumed with other settings than those of the checkpoint.
        allow_other_settings: bool,
        /// Whether Ctrl-C ends the run after the current step.
        stop_on_interrupt: bool,
        /// The number of steps between two signal reports, at least 1.
        signal: u64 => range::at_least_1,
    }
}

impl FitSettings {
    /// Creates the run with these settings.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// use cotangent::train::{Fit, settings::{self, FitSettings}};
    /// let settings: FitSettings = settings::from_toml(
    ///     "
    ///     epochs = 20
    ///     stop_early = 3
    ///     best = { kind = 'highest', value = 'validation_accuracy' }
    ///     checkpoints = { folder = 'run', every_minutes = 10 }
    ///     ",
    /// )?;
    /// let fit: Fit<'_, (Tensor, Indices)> = settings.build()?;
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Argument`](cotangent_core::Error::Argument) if an option is out of range, or
    /// `resume` is set without `checkpoints`.
    pub fn build<'a, B: Sample>(&self) -> Result<Fit<'a, B>> {
        self.checked().map_err(|fault| fault.error("fit"))?;
        let mut fit = Fit::new(self.epochs);
        if let Some(seed) = self.seed {
            fit = fit.seed(seed);
        }
        if let Some(best) = &self.best {
            fit = fit.best(best.build()?);
        }
        if let Some(patience) = self.stop_early {
            fit = fit.stop_early(patience);
        }
        if self.keep_best == Some(true) {
            fit = fit.keep_best();
        }
        if let Some(checkpoints) = &self.checkpoints {
            fit = fit.checkpoints(checkpoints.build()?);
        }
        if self.resume == Some(true) {
            fit = fit.resume();
        }
        if self.allow_other_settings == Some(true) {
            fit = fit.allow_other_settings();
        }
        if self.stop_on_interrupt == Some(true) {
            fit = fit.stop_on_interrupt();
        }
        if let Some(every) = self.signal {
            fit = fit.signal(every);
        }
        Ok(fit)
    }
}

impl Check for FitSettings {
    fn check(&self, _: &[&'static str]) -> Result<(), Fault> {
        if self.resume == Some(true) && self.checkpoints.is_none() {
            return Err(Fault::new("resume", "needs the option `checkpoints`"));
        }
        Ok(())
    }
}

/// Which value of the epochs is the best.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum BestKind {
    /// [`Best::lowest`].
    Lowest,
    /// [`Best::highest`].
    Highest,
}

options! {
    /// The value by which epochs are compared, see [`Best`].
    BestSettings {
        /// The kind, `lowest` or `highest`.
        kind: BestKind,
        /// The name of the value in the history, such as `validation_accuracy`.
        value: String,
        --
        /// The least improvement that counts, at least 0; 0 by default.
        min_delta: f64 => range::at_least_0,
    }
}

impl BestSettings {
    /// Creates the search for the best epoch.
    ///
    /// # Errors
    /// [`Error::Argument`](cotangent_core::Error::Argument) if `min_delta` is out of range.
    pub fn build(&self) -> Result<Best> {
        self.checked().map_err(|fault| fault.error("best"))?;
        let best = match self.kind {
            BestKind::Lowest => Best::lowest(&self.value),
            BestKind::Highest => Best::highest(&self.value),
        };
        Ok(match self.min_delta {
            Some(min_delta) => best.min_delta(min_delta),
            None => best,
        })
    }
}

impl Check for BestSettings {}

options! {
    /// The settings of a run's [`Checkpoints`].
    CheckpointSettings {
        /// The folder.
        folder: PathBuf,
        --
        /// The number of steps between two checkpoints, at least 1.
        every_steps: u64 => range::at_least_1,
        /// The minutes between two checkpoints, above 0.
        every_minutes: f64 => minutes,
        /// How many of the newest checkpoints are kept, at least 1.
        keep: usize => keep,
    }
}

impl CheckpointSettings {
    /// Creates the checkpoints.
    ///
    /// # Errors
    /// [`Error::Argument`](cotangent_core::Error::Argument) if an option is out of range.
    pub fn build(&self) -> Result<Checkpoints> {
        self.checked().map_err(|fault| fault.error("checkpoints"))?;
        let mut checkpoints = Checkpoints::new(&self.folder);
        if let Some(steps) = self.every_steps {
            checkpoints = checkpoints.every_steps(steps);
        }
        if let Some(duration) = self.every_minutes.and_then(duration) {
            checkpoints = checkpoints.every(duration);
        }
        if let Some(count) = self.keep {
            checkpoints = checkpoints.keep(count);
        }
        Ok(checkpoints)
    }
}

impl Check for CheckpointSettings {
    fn check(&self, _: &[&'static str]) -> Result<(), Fault> {
        if self.folder.as_os_str().is_empty() {
            return Err(Fault::new("folder", "must not be empty"));
        }
        Ok(())
    }
}

/// Returns the time of so many minutes; none if it is 0 or cannot be represented.
fn duration(minutes: f64) -> Option<Duration> {
    let duration = Duration::try_from_secs_f64(60.0 * minutes).ok();
    duration.filter(|duration| !duration.is_zero())
}

fn minutes(minutes: &f64) -> Result<(), String> {
    range::above_0(minutes)?;
    match duration(*minutes) {
        Some(_) => Ok(()),
        None => Err(format!("must be from 1e-10 to 1e17, found {minutes:e}")),
    }
}

fn keep(count: &usize) -> Result<(), String> {
    range::at_least_1(&(*count as u64))
}
