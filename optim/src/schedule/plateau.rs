//! Lowers the learning rate if a metric no longer improves.

use super::Schedule;
use super::shape::Shape;
use cotangent_core::{Interval, Result};
use std::fmt::{self, Debug, Formatter};

/// The builder of a schedule that depends on a metric, see [`Schedule::reduce_on_plateau`].
#[derive(Clone, Copy, Debug)]
#[must_use]
pub struct ReduceOnPlateau {
    factor: f64,
    patience: u64,
    maximize: bool,
    threshold: Threshold,
    cooldown: u64,
    min_factor: f64,
}

#[derive(Clone, Copy, Debug)]
enum Threshold {
    Relative(f64),
    Absolute(f64),
}

impl Schedule {
    /// Creates the builder of a schedule that lowers the learning rate if the metric has not
    /// improved in more than `patience` calls of [`observe`](Self::observe), one for each epoch
    /// (PyTorch's `ReduceLROnPlateau`).
    ///
    /// A metric that is NaN or infinite is no improvement. The factor falls to `min_factor` at
    /// most. PyTorch also skips changes of less than `eps`.
    ///
    /// ```
    /// use cotangent::optim::{Optimizer, Schedule, Sgd};
    /// let mut optimizer = Sgd::new(0.1).build()?;
    /// let mut schedule = Schedule::reduce_on_plateau().factor(0.5).patience(1).build()?;
    /// let losses = [2.0, 1.0, 1.5, 1.2, 1.3];
    /// for (validation_loss, learning_rate) in losses.into_iter().zip([0.1, 0.1, 0.1, 0.1, 0.05]) {
    ///     schedule.step(&mut optimizer)?;
    ///     assert_eq!(optimizer.learning_rate(), learning_rate);
    ///     // one epoch of training
    ///     schedule.observe(validation_loss);
    /// }
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn reduce_on_plateau() -> ReduceOnPlateau {
        ReduceOnPlateau {
            factor: 0.1,
            patience: 10,
            maximize: false,
            threshold: Threshold::Relative(1e-4),
            cooldown: 0,
            min_factor: 0.0,
        }
    }
}

impl ReduceOnPlateau {
    /// Sets the number by which the learning rate is multiplied, in `[0, 1)`; 0.1 by default.
    pub fn factor(mut self, factor: f64) -> Self {
        self.factor = factor;
        self
    }

    /// Sets how many times in a row the metric may fail to improve; 10 by default.
    pub fn patience(mut self, patience: u64) -> Self {
        self.patience = patience;
        self
    }

    /// Counts larger metrics as better, such as an accuracy. By default smaller ones are better.
    pub fn maximize(mut self) -> Self {
        self.maximize = true;
        self
    }

    /// Sets the least improvement as a share of the best metric, in `[0, 1)`; 10⁻⁴ by default. It
    /// is for positive metrics: for a negative one the share has the wrong sign.
    pub fn threshold(mut self, threshold: f64) -> Self {
        self.threshold = Threshold::Relative(threshold);
        self
    }

    /// Sets the least improvement as a distance from the best metric, at least 0, instead of a
    /// share.
    pub fn absolute_threshold(mut self, threshold: f64) -> Self {
        self.threshold = Threshold::Absolute(threshold);
        self
    }

    /// Sets how many metrics after each reduction are not counted as bad; 0 by default.
    pub fn cooldown(mut self, cooldown: u64) -> Self {
        self.cooldown = cooldown;
        self
    }

    /// Sets the lowest factor of the base learning rate, in `[0, 1]`; 0 by default.
    pub fn min_factor(mut self, min_factor: f64) -> Self {
        self.min_factor = min_factor;
        self
    }

    /// Builds the schedule.
    ///
    /// # Errors
    /// [`Error::Argument`](cotangent_core::Error::Argument) if an option is out of range.
    pub fn build(self) -> Result<Schedule> {
        let op = "Schedule::reduce_on_plateau";
        Interval::Below1.check(op, "factor", self.factor)?;
        Interval::Share.check(op, "min_factor", self.min_factor)?;
        match self.threshold {
            Threshold::Absolute(x) => Interval::AtLeast0.check(op, "absolute_threshold", x),
            Threshold::Relative(x) => Interval::Below1.check(op, "threshold", x),
        }?;
        let worst = if self.maximize {
            f64::NEG_INFINITY
        } else {
            f64::INFINITY
        };
        let plateau = Plateau {
            options: self,
            scale: 1.0,
            best: worst,
            bad: 0,
            cooldown: 0,
        };
        Ok(Shape::Plateau(plateau).into())
    }

    fn is_better(&self, metric: f64, best: f64) -> bool {
        let bound = match (self.threshold, self.maximize) {
            (Threshold::Relative(share), false) => best * (1.0 - share),
            (Threshold::Relative(share), true) => best * (1.0 + share),
            (Threshold::Absolute(distance), false) => best - distance,
            (Threshold::Absolute(distance), true) => best + distance,
        };
        metric.is_finite()
            && if self.maximize {
                metric > bound
            } else {
                metric < bound
            }
    }
}

/// A schedule that depends on a metric, with its state.
#[derive(Clone)]
pub(super) struct Plateau {
    options: ReduceOnPlateau,
    pub(super) scale: f64,
    /// Infinite before the first metric.
    pub(super) best: f64,
    /// The number of metrics in a row that did not improve.
    pub(super) bad: u64,
    /// The number of metrics that will not be counted as bad.
    pub(super) cooldown: u64,
}

impl Plateau {
    /// Counts a metric, and returns whether the learning rate falls.
    pub(super) fn observe(&mut self, metric: f64) -> bool {
        if self.options.is_better(metric, self.best) {
            (self.best, self.bad) = (metric, 0);
        } else {
            self.bad = self.bad.saturating_add(1);
        }
        if self.cooldown > 0 {
            (self.cooldown, self.bad) = (self.cooldown - 1, 0);
        }
        if self.bad <= self.options.patience {
            return false;
        }
        (self.cooldown, self.bad) = (self.options.cooldown, 0);
        let before = self.scale;
        self.scale = (before * self.options.factor).max(self.options.min_factor);
        self.scale < before
    }
}

impl Debug for Plateau {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.options.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the factor after each metric.
    fn factors(options: ReduceOnPlateau, metrics: &[f64]) -> Vec<f64> {
        let mut schedule = options.build().expect("in range");
        let mut factor = 1.0;
        let observe = |&metric: &f64| {
            let lowered = schedule.observe(metric);
            assert_eq!(lowered, schedule.factor(0) < factor);
            factor = schedule.factor(u64::MAX);
            factor
        };
        metrics.iter().map(observe).collect()
    }

    fn half(patience: u64) -> ReduceOnPlateau {
        Schedule::reduce_on_plateau().factor(0.5).patience(patience)
    }

    #[test]
    fn patience_cooldown_and_lowest_factor() {
        let still = [1.0; 8];
        let found = factors(half(0), &still[..4]);
        assert_eq!(found, [1.0, 0.5, 0.25, 0.125]);
        let found = factors(half(2), &still);
        assert_eq!(found, [1.0, 1.0, 1.0, 0.5, 0.5, 0.5, 0.25, 0.25]);
        let found = factors(half(0).cooldown(2).min_factor(0.3), &still);
        assert_eq!(found, [1.0, 0.5, 0.5, 0.5, 0.3, 0.3, 0.3, 0.3]);
        assert_eq!(factors(half(u64::MAX), &still), [1.0; 8]);
    }

    #[test]
    fn options_decide_which_metric_is_better() {
        let relative = half(0).threshold(0.1);
        assert_eq!(factors(relative, &[10.0, 9.1, 8.9]), [1.0, 0.5, 0.5]);
        assert_eq!(
            factors(relative.maximize(), &[10.0, 10.9, 11.1]),
            [1.0, 0.5, 0.5]
        );
        let absolute = half(0).absolute_threshold(0.5);
        assert_eq!(factors(absolute, &[-1.0, -1.4, -1.6]), [1.0, 0.5, 0.5]);
        assert_eq!(
            factors(absolute.maximize(), &[1.0, 1.4, 1.6]),
            [1.0, 0.5, 0.5]
        );
    }

    #[test]
    fn metrics_that_are_not_finite_are_no_improvement() {
        for odd in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            for options in [half(0), half(0).maximize(), half(0).absolute_threshold(0.0)] {
                assert_eq!(factors(options, &[odd, odd, 1.0]), [0.5, 0.25, 0.25]);
            }
        }
    }
}
