//! Schedules that lower the learning rate in steps or as a power, and custom functions.

use super::{Schedule, at_least_1, increasing, require};
use cotangent_core::{Interval, Result};

impl Schedule {
    /// Creates a schedule with the factor 1: the learning rate does not change.
    pub fn constant() -> Self {
        Self::curve("constant()".to_owned(), |_| 1.0)
    }

    /// Creates a piecewise constant schedule: `factors[0]` up to and including step
    /// `boundaries[0]`, then `factors[1]` up to `boundaries[1]`, and so on; then the last factor
    /// (Keras's `PiecewiseConstantDecay`). A boundary is the last step of its piece, while a
    /// milestone of [`multi_step`](Self::multi_step) is the first step of the next.
    ///
    /// ```
    /// # use cotangent::optim::Schedule;
    /// let schedule = Schedule::piecewise_constant([4, 14], [1.0, 0.5, 0.1])?;
    /// assert_eq!([0, 4, 5, 14, 15].map(|t| schedule.factor(t)), [1.0, 1.0, 0.5, 0.5, 0.1]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Argument`](cotangent_core::Error::Argument) unless the boundaries increase and
    /// there is one more factor than boundaries, each finite and at least 0.
    pub fn piecewise_constant(
        boundaries: impl Into<Vec<u64>>,
        factors: impl Into<Vec<f64>>,
    ) -> Result<Self> {
        let op = "Schedule::piecewise_constant";
        let (boundaries, factors) = (boundaries.into(), factors.into());
        increasing(op, "boundaries", &boundaries)?;
        let expected = format!("expected {} factors", boundaries.len() + 1);
        let ok = factors.len() == boundaries.len() + 1;
        require(op, ok, expected, factors.len())?;
        for &factor in &factors {
            Interval::AtLeast0.check(op, "factors", factor)?;
        }
        let name = format!("piecewise_constant({boundaries:?}, {factors:?})");
        Ok(Self::curve(name, move |t| {
            factors[boundaries.partition_point(|&boundary| boundary < t)]
        }))
    }

    /// Creates the schedule `gamma^⌊t / every⌋`: the learning rate is multiplied by `gamma` after
    /// every `every` steps (PyTorch's `StepLR`).
    ///
    /// # Errors
    /// [`Error::Argument`](cotangent_core::Error::Argument) unless `every` is at least 1 and
    /// `gamma` finite and at least 0.
    pub fn step_decay(every: u64, gamma: f64) -> Result<Self> {
        let op = "Schedule::step_decay";
        at_least_1(op, "every", every)?;
        Interval::AtLeast0.check(op, "gamma", gamma)?;
        let name = format!("step_decay({every}, {gamma:?})");
        Ok(Self::curve(name, move |t| gamma.powf((t / every) as f64)))
    }

    /// Creates a schedule that multiplies the learning rate by `gamma` at each milestone (PyTorch's
    /// `MultiStepLR`).
    ///
    /// # Errors
    /// [`Error::Argument`](cotangent_core::Error::Argument) unless the milestones increase and
    /// `gamma` is finite and at least 0.
    pub fn multi_step(milestones: impl Into<Vec<u64>>, gamma: f64) -> Result<Self> {
        let op = "Schedule::multi_step";
        let milestones = milestones.into();
        increasing(op, "milestones", &milestones)?;
        Interval::AtLeast0.check(op, "gamma", gamma)?;
        let name = format!("multi_step({milestones:?}, {gamma:?})");
        Ok(Self::curve(name, move |t| {
            let passed = milestones.partition_point(|&milestone| milestone <= t);
            gamma.powf(passed as f64)
        }))
    }

    /// Creates the schedule `gamma^t` (PyTorch's `ExponentialLR`). For the textbook's
    /// `η₀ · 10^(-t/r)`, which falls to a tenth in every r steps, set `gamma` to `0.1^(1/r)`.
    ///
    /// # Errors
    /// [`Error::Argument`](cotangent_core::Error::Argument) unless `gamma` is finite and not
    /// negative.
    pub fn exponential(gamma: f64) -> Result<Self> {
        Interval::AtLeast0.check("Schedule::exponential", "gamma", gamma)?;
        let name = format!("exponential({gamma:?})");
        Ok(Self::curve(name, move |t| gamma.powf(t as f64)))
    }

    /// Creates the schedule `(1 + t/r)^-c` (Senior et al. 2013, An empirical study of learning
    /// rates in deep neural networks for speech recognition). With `c = 1` it falls to a half in r
    /// steps and to a third in 2 r; this is Keras's `InverseTimeDecay` with
    /// `decay_steps / decay_rate = r`.
    ///
    /// # Errors
    /// [`Error::Argument`](cotangent_core::Error::Argument) unless `r` is finite and above 0 and
    /// `c` finite and at least 0.
    pub fn power(r: f64, c: f64) -> Result<Self> {
        let op = "Schedule::power";
        Interval::Above0.check(op, "r", r)?;
        Interval::AtLeast0.check(op, "c", c)?;
        let name = format!("power({r:?}, {c:?})");
        Ok(Self::curve(name, move |t| (1.0 + t as f64 / r).powf(-c)))
    }

    /// Creates the schedule `(1 - e) (1 - t/total)^power + e`, which stays at e from step `total`
    /// on. e is `end_factor` (Keras's `PolynomialDecay`; with `end_factor` 0 PyTorch's
    /// `PolynomialLR`).
    ///
    /// # Errors
    /// [`Error::Argument`](cotangent_core::Error::Argument) unless `total` is at least 1, `power`
    /// finite and above 0, and `end_factor` finite and at least 0.
    pub fn polynomial(total: u64, power: f64, end_factor: f64) -> Result<Self> {
        let op = "Schedule::polynomial";
        at_least_1(op, "total", total)?;
        Interval::Above0.check(op, "power", power)?;
        Interval::AtLeast0.check(op, "end_factor", end_factor)?;
        let name = format!("polynomial({total}, {power:?}, {end_factor:?})");
        Ok(Self::curve(name, move |t| {
            let left = 1.0 - share(t, total);
            (1.0 - end_factor) * left.powf(power) + end_factor
        }))
    }

    /// Creates the schedule `s + (e - s) t/total`, which stays at e from step `total` on. s and e
    /// are the factors at the start and at the end (PyTorch's `LinearLR`, with another order of
    /// arguments).
    ///
    /// # Errors
    /// [`Error::Argument`](cotangent_core::Error::Argument) unless `total` is at least 1 and the
    /// factors finite and at least 0.
    pub fn linear(start_factor: f64, end_factor: f64, total: u64) -> Result<Self> {
        let op = "Schedule::linear";
        Interval::AtLeast0.check(op, "start_factor", start_factor)?;
        Interval::AtLeast0.check(op, "end_factor", end_factor)?;
        at_least_1(op, "total", total)?;
        let name = format!("linear({start_factor:?}, {end_factor:?}, {total})");
        Ok(Self::curve(name, move |t| {
            start_factor + (end_factor - start_factor) * share(t, total)
        }))
    }

    /// Creates a schedule from any function of the step (PyTorch's `LambdaLR`).
    /// [`step`](Self::step) fails if a factor is not finite and at least 0.
    ///
    /// ```
    /// # use cotangent::optim::Schedule;
    /// let schedule = Schedule::from_fn(|t| 1.0 / f64::sqrt(t as f64 + 1.0));
    /// assert_eq!(schedule.factor(3), 0.5);
    /// ```
    pub fn from_fn(factor: impl Fn(u64) -> f64 + Send + Sync + 'static) -> Self {
        Self::curve("from_fn(..)".to_owned(), factor)
    }
}

/// Returns the share of `total` steps that is over, from 0 to 1.
pub(super) fn share(t: u64, total: u64) -> f64 {
    t.min(total) as f64 / total as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    const END: u64 = u64::MAX;

    #[track_caller]
    fn check(schedule: Result<Schedule>, expected: &[(u64, f64)]) {
        let schedule = schedule.expect("a schedule");
        for &(t, factor) in expected {
            let found = schedule.factor(t);
            assert!(
                (found - factor).abs() < 1e-15,
                "{schedule:?} at {t}: {found}"
            );
        }
    }

    #[test]
    fn piecewise_factors_change_at_their_steps() {
        check(Ok(Schedule::constant()), &[(0, 1.0), (END, 1.0)]);
        check(
            Schedule::piecewise_constant([], [0.5]),
            &[(0, 0.5), (END, 0.5)],
        );
        let pieces = Schedule::piecewise_constant([0, 2, END - 1], [4.0, 3.0, 2.0, 0.0]);
        check(
            pieces,
            &[
                (0, 4.0),
                (1, 3.0),
                (2, 3.0),
                (3, 2.0),
                (END - 1, 2.0),
                (END, 0.0),
            ],
        );
        check(
            Schedule::step_decay(3, 0.5),
            &[(0, 1.0), (2, 1.0), (3, 0.5), (6, 0.25), (END, 0.0)],
        );
        let milestones = Schedule::multi_step([0, 2, END], 0.5);
        check(milestones, &[(0, 0.5), (1, 0.5), (2, 0.25), (END, 0.125)]);
        check(Schedule::multi_step([], 0.5), &[(END, 1.0)]);
    }

    #[test]
    fn smooth_decays_follow_their_formulas() {
        check(
            Schedule::exponential(0.5),
            &[(0, 1.0), (3, 0.125), (END, 0.0)],
        );
        check(
            Schedule::power(20.0, 1.0),
            &[(0, 1.0), (20, 0.5), (40, 1.0 / 3.0), (END, 0.0)],
        );
        check(Schedule::power(1.0, 0.5), &[(3, 0.5), (15, 0.25)]);
        let tenth = Schedule::exponential(0.1f64.powf(1.0 / 20.0));
        check(tenth, &[(20, 0.1), (40, 0.01)]);
        let square = Schedule::polynomial(4, 2.0, 0.2);
        check(
            square,
            &[(0, 1.0), (2, 0.4), (4, 0.2), (5, 0.2), (END, 0.2)],
        );
        check(Schedule::polynomial(END, 0.5, 0.0), &[(0, 1.0), (END, 0.0)]);
        check(
            Schedule::linear(0.25, 0.75, 4),
            &[(0, 0.25), (1, 0.375), (4, 0.75), (END, 0.75)],
        );
    }
}
