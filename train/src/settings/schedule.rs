//! The settings of a schedule of the learning rate.

use super::range::{self, options};
use cotangent_core::{Error, Result};
use cotangent_optim::Schedule;
use serde::{Deserialize, Serialize};

/// The kind of a schedule, written `one_cycle` for `OneCycle`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ScheduleKind {
    /// [`Schedule::constant`].
    Constant,
    /// [`Schedule::step_decay`] needs `every` and `gamma`.
    StepDecay,
    /// [`Schedule::exponential`] needs `gamma`.
    Exponential,
    /// [`Schedule::polynomial`] needs `total`; `power` is 1 and `end_factor` 0 by default.
    Polynomial,
    /// [`Schedule::cosine`] needs `total`; `end_factor` is 0 by default.
    Cosine,
    /// [`Schedule::one_cycle`] needs `total`.
    OneCycle,
    /// [`Schedule::reduce_on_plateau`] may have `gamma`, its factor, and `patience`.
    ReduceOnPlateau,
}

options! {
    /// The kind of a schedule, and the options that it has or needs. An option that it does not
    /// have is an error.
    ScheduleSettings {
        /// The kind, such as `cosine`.
        kind: ScheduleKind,
        --
        /// The steps of linear warm-up, by whose factor the schedule is multiplied, at least 1.
        warm_up: u64 => "range::at_least_1",
        /// The number of steps, at least 1.
        total: u64 => "range::at_least_1",
        /// The steps between two reductions, at least 1.
        every: u64 => "range::at_least_1",
        /// The observations without an improvement before a reduction, at least 1.
        patience: u64 => "range::at_least_1",
        /// The factor of a reduction, above 0.
        gamma: f64 => "range::above_0",
        /// The factor at the end, at least 0.
        end_factor: f64 => "range::at_least_0",
        /// The power of a polynomial, above 0.
        power: f64 => "range::above_0",
    }
}

impl ScheduleSettings {
    /// Builds the schedule.
    ///
    /// # Errors
    /// [`Error::Argument`] if an option is missing, is not one of the schedule, or is out of range.
    ///
    /// ```
    /// use cotangent::train::settings::{ScheduleKind, ScheduleSettings};
    /// let mut settings = ScheduleSettings::new(ScheduleKind::Cosine);
    /// assert!(settings.build().is_err());
    /// settings.total = Some(100);
    /// assert!((settings.build()?.factor(50) - 0.5).abs() < 1e-12);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn build(&self) -> Result<Schedule> {
        self.check()
            .map_err(|reason| Error::argument("schedule", reason))?;
        // `check` has found all options that the kind needs.
        let steps = |option: Option<u64>| option.unwrap_or(1);
        let (gamma, end) = (self.gamma.unwrap_or(1.0), self.end_factor.unwrap_or(0.0));
        let schedule = match self.kind {
            ScheduleKind::Constant => Schedule::constant(),
            ScheduleKind::StepDecay => Schedule::step_decay(steps(self.every), gamma)?,
            ScheduleKind::Exponential => Schedule::exponential(gamma)?,
            ScheduleKind::Polynomial => {
                let power = self.power.unwrap_or(1.0);
                Schedule::polynomial(steps(self.total), power, end)?
            }
            ScheduleKind::Cosine => Schedule::cosine(steps(self.total), end)?,
            ScheduleKind::OneCycle => Schedule::one_cycle(steps(self.total)).build()?,
            ScheduleKind::ReduceOnPlateau => {
                let plateau = Schedule::reduce_on_plateau();
                let plateau = match self.gamma {
                    Some(factor) => plateau.factor(factor),
                    None => plateau,
                };
                match self.patience {
                    Some(patience) => plateau.patience(patience).build()?,
                    None => plateau.build()?,
                }
            }
        };
        match self.warm_up {
            Some(steps) => Schedule::warm_up(steps)?.times(schedule),
            None => Ok(schedule),
        }
    }

    fn check(&self) -> Result<(), String> {
        let (needed, optional): (&[&str], &[&str]) = match self.kind {
            ScheduleKind::Constant => (&[], &[]),
            ScheduleKind::StepDecay => (&["every", "gamma"], &[]),
            ScheduleKind::Exponential => (&["gamma"], &[]),
            ScheduleKind::Polynomial => (&["total"], &["power", "end_factor"]),
            ScheduleKind::Cosine => (&["total"], &["end_factor"]),
            ScheduleKind::OneCycle => (&["total"], &[]),
            ScheduleKind::ReduceOnPlateau => (&[], &["gamma", "patience"]),
        };
        let set = self.set();
        if let Some(name) = needed.iter().find(|name| !set.contains(name)) {
            return Err(format!("this kind needs the option `{name}`"));
        }
        let known = [needed, optional, &["warm_up"]].concat();
        range::check_known(&set, &known, "kind")
    }
}
