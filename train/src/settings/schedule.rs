//! The settings of a schedule of the learning rate.

use super::range::{self, Check, Fault, options};
use cotangent_core::{Error, Result};
use cotangent_optim::Schedule;
use serde::{Deserialize, Serialize};

/// Defines the kinds of schedules, each with the options that it needs, those that it has besides,
/// and how it is built from them.
macro_rules! kinds {
    ($(
        $(#[$doc:meta])*
        $name:ident($($needed:ident)*)($($optional:ident)*) => $build:expr;
    )*) => {
        /// The kind of a schedule, written `one_cycle` for `OneCycle`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        #[non_exhaustive]
        pub enum ScheduleKind {
            $($(#[$doc])* $name,)*
        }

        impl ScheduleKind {
            /// All kinds.
            #[cfg(test)]
            pub(super) const ALL: &[Self] = &[$(Self::$name),*];

            /// Returns the names of the options that the schedule needs, and of those that it has
            /// besides.
            pub(super) fn options(self) -> [&'static [&'static str]; 2] {
                match self {$(
                    Self::$name => [&[$(stringify!($needed)),*], &[$(stringify!($optional)),*]],
                )*}
            }
        }

        impl ScheduleSettings {
            fn of_kind(&self) -> Result<Schedule> {
                match self.kind {$(
                    ScheduleKind::$name => {
                        $(let $needed = needed(stringify!($needed), self.$needed.as_ref())?;)*
                        $(let $optional = self.$optional;)*
                        $build
                    }
                )*}
            }
        }
    };
}

kinds! {
    /// [`Schedule::constant`].
    Constant()() => Ok(Schedule::constant());
    /// [`Schedule::piecewise_constant`] needs `boundaries` and `factors`.
    PiecewiseConstant(boundaries factors)() => Schedule::piecewise_constant(boundaries, factors);
    /// [`Schedule::step_decay`] needs `every` and `gamma`.
    StepDecay(every gamma)() => Schedule::step_decay(every, gamma);
    /// [`Schedule::multi_step`] needs `milestones` and `gamma`.
    MultiStep(milestones gamma)() => Schedule::multi_step(milestones, gamma);
    /// [`Schedule::exponential`] needs `gamma`.
    Exponential(gamma)() => Schedule::exponential(gamma);
    /// [`Schedule::power`] needs `r` and `c`.
    Power(r c)() => Schedule::power(r, c);
    /// [`Schedule::polynomial`] needs `total`; `power` is 1 and `end_factor` 0 by default.
    Polynomial(total)(power end_factor) => {
        Schedule::polynomial(total, power.unwrap_or(1.0), end_factor.unwrap_or(0.0))
    };
    /// [`Schedule::linear`] needs `start_factor`, `end_factor` and `total`.
    Linear(start_factor end_factor total)() => Schedule::linear(start_factor, end_factor, total);
    /// [`Schedule::cosine`] needs `total`; `end_factor` is 0 by default.
    Cosine(total)(end_factor) => Schedule::cosine(total, end_factor.unwrap_or(0.0));
    /// [`Schedule::cosine_restarts`] needs `first` and `multiplier`; `end_factor` is 0 by default.
    CosineRestarts(first multiplier)(end_factor) => {
        Schedule::cosine_restarts(first, multiplier, end_factor.unwrap_or(0.0))
    };
    /// [`Schedule::cyclic`] needs `step_size` and `low_factor`. It may have `step_size_down`,
    /// `momentum`, and either `triangular2` or `gamma`, that of
    /// [`exp_range`](cotangent_optim::schedule::Cyclic::exp_range).
    Cyclic(step_size low_factor)(step_size_down triangular2 gamma momentum) => {
        let mut cyclic = Schedule::cyclic(step_size, low_factor);
        if let Some(steps) = step_size_down {
            cyclic = cyclic.step_size_down(steps);
        }
        if triangular2 == Some(true) {
            cyclic = cyclic.triangular2();
        }
        if let Some(gamma) = gamma {
            cyclic = cyclic.exp_range(gamma);
        }
        if let Some([high, low]) = momentum {
            cyclic = cyclic.momentum(high, low);
        }
        cyclic.build()
    };
    /// [`Schedule::one_cycle`] needs `total`. It may have `pct_start`, `div_factor`,
    /// `final_div_factor`, `linear`, `three_phase`, and either `momentum` or `constant_momentum`.
    OneCycle(total)(
        pct_start div_factor final_div_factor linear three_phase momentum constant_momentum
    ) => {
        let mut cycle = Schedule::one_cycle(total);
        if let Some(share) = pct_start {
            cycle = cycle.pct_start(share);
        }
        if let Some(factor) = div_factor {
            cycle = cycle.div_factor(factor);
        }
        if let Some(factor) = final_div_factor {
            cycle = cycle.final_div_factor(factor);
        }
        if linear == Some(true) {
            cycle = cycle.linear();
        }
        if three_phase == Some(true) {
            cycle = cycle.three_phase();
        }
        if let Some([high, low]) = momentum {
            cycle = cycle.momentum(high, low);
        }
        if constant_momentum == Some(true) {
            cycle = cycle.constant_momentum();
        }
        cycle.build()
    };
    /// [`Schedule::reduce_on_plateau`] may have `factor`, `patience`, `maximize`, `cooldown`,
    /// `min_factor`, and either `threshold` or `absolute_threshold`.
    ReduceOnPlateau()(
        factor patience maximize threshold absolute_threshold cooldown min_factor
    ) => {
        let mut plateau = Schedule::reduce_on_plateau();
        if let Some(factor) = factor {
            plateau = plateau.factor(factor);
        }
        if let Some(patience) = patience {
            plateau = plateau.patience(patience);
        }
        if maximize == Some(true) {
            plateau = plateau.maximize();
        }
        if let Some(threshold) = threshold {
            plateau = plateau.threshold(threshold);
        }
        if let Some(threshold) = absolute_threshold {
            plateau = plateau.absolute_threshold(threshold);
        }
        if let Some(cooldown) = cooldown {
            plateau = plateau.cooldown(cooldown);
        }
        if let Some(factor) = min_factor {
            plateau = plateau.min_factor(factor);
        }
        plateau.build()
    };
    /// [`Schedule::warm_up`] needs `steps`.
    WarmUp(steps)() => Schedule::warm_up(steps);
    /// [`Schedule::warm_up_constant`] needs `steps` and `factor`.
    WarmUpConstant(steps factor)() => Schedule::warm_up_constant(steps, factor);
    /// [`Schedule::warm_up_exponential`] needs `steps` and `start_factor`.
    WarmUpExponential(steps start_factor)() => Schedule::warm_up_exponential(steps, start_factor);
}

fn needed<T: Clone>(name: &str, option: Option<&T>) -> Result<T> {
    option.cloned().ok_or_else(|| {
        let reason = format!("this kind needs the option `{name}`");
        Error::argument("schedule", reason)
    })
}

options! {
    /// The kind of a schedule, and the options that it has or needs, which are named as the
    /// arguments and methods of its builder. An option that it does not have is an error.
    ScheduleSettings {
        /// The kind, such as `cosine`.
        kind: ScheduleKind,
        --
        /// The number of steps of the whole schedule, at least 1.
        total: u64,
        /// The number of steps of a warm-up that is a kind of its own, at least 1.
        steps: u64,
        /// The steps between two reductions, at least 1.
        every: u64,
        /// The steps after which the factor changes, which must increase.
        boundaries: Vec<u64>,
        /// The steps at which the factor is multiplied by `gamma`, which must increase.
        milestones: Vec<u64>,
        /// The factors before, between and after the boundaries, each at least 0.
        factors: Vec<f64>,
        /// The factor of a reduction, at least 0; of a plateau in [0, 1).
        factor: f64,
        /// The base of a power that depends on the step, at least 0.
        gamma: f64,
        /// The power of a polynomial, above 0.
        power: f64,
        /// The steps after which `power` is `2^-c`, above 0.
        r: f64,
        /// The exponent of `power`, at least 0.
        c: f64,
        /// The factor at the start, at least 0, or above 0 if it rises exponentially.
        start_factor: f64,
        /// The factor at the end, at least 0.
        end_factor: f64,
        /// The steps before the first restart, at least 1.
        first: u64,
        /// The quotient of the lengths after and before a restart, at least 1.
        multiplier: u64,
        /// The steps in which a cycle rises, at least 1.
        step_size: u64,
        /// The steps in which a cycle falls, at least 1.
        step_size_down: u64,
        /// The lowest factor of a cycle, at least 0.
        low_factor: f64,
        /// Whether the height of the triangle is halved after each cycle.
        triangular2: bool,
        /// The highest and the lowest momentum of a cycle, each in [0, 1).
        #[serde(deserialize_with = "range::pair")]
        momentum: [f64; 2] => range::both_below_1,
        /// Whether the 1cycle policy leaves the momentum as it is.
        constant_momentum: bool,
        /// The share of the steps in which the 1cycle policy rises, in [0, 1].
        pct_start: f64,
        /// The quotient of the largest and the first learning rate, above 0.
        div_factor: f64,
        /// The quotient of the first and the last learning rate, above 0.
        final_div_factor: f64,
        /// Whether the 1cycle policy follows straight lines.
        linear: bool,
        /// Whether the 1cycle policy falls in two phases.
        three_phase: bool,
        /// The epochs without an improvement that are allowed.
        patience: u64,
        /// Whether larger values are better.
        maximize: bool,
        /// The least improvement as a share of the best value, in [0, 1).
        threshold: f64,
        /// The least improvement as a distance, at least 0.
        absolute_threshold: f64,
        /// The epochs after a reduction that are not counted.
        cooldown: u64,
        /// The lowest factor, in [0, 1].
        min_factor: f64,
        /// The steps of a linear warm-up, by whose factor the schedule is multiplied, at least 1.
        /// All kinds have this option.
        warm_up: u64 => range::at_least_1,
        /// Schedules by whose factors this one is multiplied. All kinds have this option.
        times: Vec<ScheduleSettings>,
        /// Schedules that follow this one with its factors. All kinds have this option.
        then: Vec<NextSettings>,
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
        self.checked().map_err(|fault| fault.error("schedule"))?;
        self.built()
    }

    fn built(&self) -> Result<Schedule> {
        let mut schedule = self.of_kind()?;
        if let Some(steps) = self.warm_up {
            schedule = Schedule::warm_up(steps)?.times(schedule)?;
        }
        for other in self.times.iter().flatten() {
            schedule = schedule.times(other.build()?)?;
        }
        for next in self.then.iter().flatten() {
            schedule = schedule.then(next.at, next.schedule.build()?)?;
        }
        Ok(schedule)
    }
}

impl Check for ScheduleSettings {
    fn check(&self, set: &[&'static str]) -> Result<(), Fault> {
        let [needed, optional] = self.kind.options();
        range::check_options(set, needed, optional, &["warm_up", "times", "then"])?;
        let both = [
            (
                self.triangular2,
                self.gamma.is_some(),
                "triangular2",
                "gamma",
            ),
            (
                self.constant_momentum,
                self.momentum.is_some(),
                "constant_momentum",
                "momentum",
            ),
            (
                Some(self.absolute_threshold.is_some()),
                self.threshold.is_some(),
                "absolute_threshold",
                "threshold",
            ),
        ];
        for (first, second, name, other) in both {
            if first == Some(true) && second {
                return Err(Fault::new(name, format!("excludes the option `{other}`")));
            }
        }
        let mut last = 0;
        for at in self.then.iter().flatten().map(|next| next.at) {
            if at <= last {
                let reason = format!("`at` must be above {last}, found {at}");
                return Err(Fault::new("then", reason));
            }
            last = at;
        }
        let built = self.built();
        built
            .map(drop)
            .map_err(|error| Fault::of_builder(error, set))
    }
}

options! {
    /// A schedule that follows another one, see [`Schedule::then`].
    NextSettings {
        /// The step from which on it holds, at least 1. Its own steps count from 0 there.
        at: u64 => range::at_least_1,
        /// The schedule.
        schedule: ScheduleSettings,
        --
    }
}

impl Check for NextSettings {}
