//! The 1cycle policy: the learning rate rises, then falls to a tiny one; the momentum does the
//! opposite.

use super::shape::{Curve, Shape};
use super::{Schedule, at_least_1, momenta};
use cotangent_core::{Interval, Result};
use std::f64::consts::PI;

/// The builder of a 1cycle schedule, see [`Schedule::one_cycle`].
#[derive(Clone, Copy, Debug)]
#[must_use]
pub struct OneCycle {
    total: u64,
    pct_start: f64,
    div_factor: f64,
    final_div_factor: f64,
    linear: bool,
    three_phase: bool,
    /// The momentum at both ends, and the smallest.
    momentum: Option<(f64, f64)>,
}

impl Schedule {
    /// Creates the builder of a 1cycle schedule. The learning rate rises from a share of the base
    /// learning rate to all of it, and falls to almost 0; the momentum does the opposite (Smith &
    /// Topin 2018, Super-Convergence: Very Fast Training of Neural Networks Using Large Learning
    /// Rates; PyTorch's `OneCycleLR`). The base learning rate is the one that the optimizer was
    /// built with.
    ///
    /// The factor is `1 / div_factor` at step 0, 1 at step `p = pct_start · total - 1`, and
    /// `1 / (div_factor · final_div_factor)` at step `total - 1`, the last. Between these it
    /// follows half a cosine. As in PyTorch, p need not be a whole number. After `total` steps the
    /// last factor stays; PyTorch fails.
    ///
    /// ```
    /// # use cotangent::optim::Schedule;
    /// let schedule = Schedule::one_cycle(100).build()?;
    /// assert_eq!([0, 29, 99].map(|t| schedule.factor(t)), [0.04, 1.0, 4e-6]);
    /// assert_eq!([0, 29].map(|t| schedule.momentum(t)), [Some(0.95), Some(0.85)]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn one_cycle(total: u64) -> OneCycle {
        OneCycle {
            total,
            pct_start: 0.3,
            div_factor: 25.0,
            final_div_factor: 1e4,
            linear: false,
            three_phase: false,
            momentum: Some((0.95, 0.85)),
        }
    }
}

impl OneCycle {
    /// Sets the share of the steps in which the learning rate rises, in `[0, 1]`; 0.3 by default.
    pub fn pct_start(mut self, pct_start: f64) -> Self {
        self.pct_start = pct_start;
        self
    }

    /// Sets the quotient of the base learning rate and the first one, above 0; 25 by default.
    pub fn div_factor(mut self, div_factor: f64) -> Self {
        self.div_factor = div_factor;
        self
    }

    /// Sets the quotient of the first learning rate and the last one, above 0; 10,000 by default.
    pub fn final_div_factor(mut self, final_div_factor: f64) -> Self {
        self.final_div_factor = final_div_factor;
        self
    }

    /// Follows straight lines instead of cosines.
    pub fn linear(mut self) -> Self {
        self.linear = true;
        self
    }

    /// Falls in two phases, as in the paper: to the first learning rate in as many steps as it
    /// rose, then to the last one in the remaining steps.
    pub fn three_phase(mut self) -> Self {
        self.three_phase = true;
        self
    }

    /// Sets the momentum at both ends, `high`, and at the largest learning rate, `low`; each in
    /// `[0, 1)`, 0.95 and 0.85 by default. For Adam and its variants it is β₁.
    pub fn momentum(mut self, high: f64, low: f64) -> Self {
        self.momentum = Some((high, low));
        self
    }

    /// Leaves the optimizer's momentum unchanged.
    pub fn constant_momentum(mut self) -> Self {
        self.momentum = None;
        self
    }

    /// Builds the schedule.
    ///
    /// # Errors
    /// [`Error::Argument`](cotangent_core::Error::Argument) if `total` is 0 or an option is out of
    /// range.
    pub fn build(self) -> Result<Schedule> {
        let op = "Schedule::one_cycle";
        at_least_1(op, "total", self.total)?;
        Interval::Share.check(op, "pct_start", self.pct_start)?;
        Interval::Above0.check(op, "div_factor", self.div_factor)?;
        Interval::Above0.check(op, "final_div_factor", self.final_div_factor)?;
        momenta(op, self.momentum)?;
        let start = 1.0 / self.div_factor;
        let factors = self.phases(start, 1.0, start / self.final_div_factor);
        let curve = Curve::new(format!("{self:?}"), move |t| self.value(&factors, t));
        let curve = match self.momentum {
            None => curve,
            Some((high, low)) => {
                let momenta = self.phases(high, low, high);
                curve.with_momentum(move |t| self.value(&momenta, t))
            }
        };
        Ok(Shape::Curve(curve).into())
    }

    fn phases(&self, start: f64, peak: f64, end: f64) -> Vec<Phase> {
        let total = self.total as f64;
        let top = self.pct_start * total - 1.0;
        let phase = |until, from, to| Phase { until, from, to };
        let mut phases = vec![phase(top, start, peak)];
        if self.three_phase {
            phases.push(phase(2.0 * self.pct_start * total - 2.0, peak, start));
            phases.push(phase(total - 1.0, start, end));
        } else {
            phases.push(phase(total - 1.0, peak, end));
        }
        phases
    }

    fn value(&self, phases: &[Phase], t: u64) -> f64 {
        let t = t.min(self.total - 1) as f64;
        let last = phases.len() - 1;
        let at = phases.iter().position(|phase| t <= phase.until);
        let at = at.unwrap_or(last);
        let Phase { until, from, to } = phases[at];
        let begin = if at == 0 { 0.0 } else { phases[at - 1].until };
        // A phase of length 0 is at its end.
        let share = if until == begin {
            1.0
        } else {
            (t - begin) / (until - begin)
        };
        let left = if self.linear {
            1.0 - share
        } else {
            0.5 + 0.5 * (PI * share).cos()
        };
        left * from + (1.0 - left) * to
    }
}

/// A part of the curve: from one value to another, up to a step, which need not be a whole number.
#[derive(Clone, Copy, Debug)]
struct Phase {
    until: f64,
    from: f64,
    to: f64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_learning_rate_peaks_where_the_momentum_is_smallest() -> Result<()> {
        let cycle = || Schedule::one_cycle(40).pct_start(0.25).div_factor(10.0);
        for cycle in [cycle(), cycle().linear(), cycle().three_phase()] {
            let schedule = cycle.final_div_factor(5.0).momentum(0.9, 0.5).build()?;
            let all: Vec<f64> = (0..40).map(|t| schedule.factor(t)).collect();
            let near = |found: f64, expected: f64| (found - expected).abs() < 1e-15;
            assert!(near(all[0], 0.1) && near(all[39], 0.02), "{all:?}");
            assert!(all[..=9].is_sorted() && all[9..].is_sorted_by(|a, b| a >= b));
            assert!(near(all[9], 1.0) && schedule.momentum(9) == Some(0.5));
            assert_eq!([0, 39].map(|t| schedule.momentum(t)), [Some(0.9); 2]);
            assert_eq!(schedule.factor(u64::MAX), all[39]);
        }
        let none = cycle().constant_momentum().build()?;
        assert_eq!(none.momentum(9), None);
        Ok(())
    }

    #[test]
    fn extreme_options_give_factors_in_range() -> Result<()> {
        for total in [1, 2, 10, u64::MAX] {
            for pct_start in [0.0, 0.1, 0.5, 1.0] {
                let cycle = Schedule::one_cycle(total).pct_start(pct_start);
                for cycle in [cycle, cycle.three_phase()] {
                    let schedule = cycle.build()?;
                    for t in [0, 1, 2, total / 2, total - 1, total, u64::MAX] {
                        let factor = schedule.factor(t);
                        let momentum = schedule.momentum(t);
                        assert!((0.0..=1.0).contains(&factor), "{schedule:?} {t}: {factor}");
                        assert!(momentum.is_some_and(|m| (0.8..1.0).contains(&m)));
                    }
                }
            }
        }
        Ok(())
    }
}
