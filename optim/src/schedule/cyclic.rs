//! Cycles of rising and falling learning rates.

use super::shape::{Curve, Shape};
use super::{Schedule, at_least_1, momenta};
use cotangent_core::{Interval, Result};

/// The builder of a cyclical schedule, see [`Schedule::cyclic`].
#[derive(Clone, Copy, Debug)]
#[must_use]
pub struct Cyclic {
    step_size: u64,
    step_size_down: Option<u64>,
    low_factor: f64,
    envelope: Envelope,
    momentum: Option<(f64, f64)>,
}

/// How the height of the triangles changes.
#[derive(Clone, Copy, Debug)]
enum Envelope {
    Constant,
    Halved,
    Exponential(f64),
}

impl Schedule {
    /// Creates the builder of the schedule `low + (1 - low) · x`, where low is `low_factor` and x
    /// rises from 0 to 1 in `step_size` steps, falls in as many, and so on (Smith 2015, Cyclical
    /// Learning Rates for Training Neural Networks; PyTorch's `CyclicLR`). The learning rate that
    /// the optimizer was built with is the largest, PyTorch's `max_lr`; `low_factor` is PyTorch's
    /// `base_lr / max_lr`.
    ///
    /// ```
    /// # use cotangent::optim::Schedule;
    /// let schedule = Schedule::cyclic(2, 0.5).triangular2().build()?;
    /// let factors = [0, 1, 2, 3, 4, 5, 6].map(|t| schedule.factor(t));
    /// assert_eq!(factors, [0.5, 0.75, 1.0, 0.75, 0.5, 0.625, 0.75]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn cyclic(step_size: u64, low_factor: f64) -> Cyclic {
        Cyclic {
            step_size,
            step_size_down: None,
            low_factor,
            envelope: Envelope::Constant,
            momentum: None,
        }
    }
}

impl Cyclic {
    /// Sets the number of steps in which the learning rate falls; `step_size` by default.
    pub fn step_size_down(mut self, steps: u64) -> Self {
        self.step_size_down = Some(steps);
        self
    }

    /// Halves the height of the triangle after each cycle.
    pub fn triangular2(mut self) -> Self {
        self.envelope = Envelope::Halved;
        self
    }

    /// Multiplies the height at step t by `gamma^t`; `gamma` is finite and at least 0.
    pub fn exp_range(mut self, gamma: f64) -> Self {
        self.envelope = Envelope::Exponential(gamma);
        self
    }

    /// Sets the momentum, which falls from `high` to `low` while the learning rate rises, and rises
    /// while it falls; each in `[0, 1)`. By default the momentum does not change; PyTorch has 0.9
    /// and 0.8.
    pub fn momentum(mut self, high: f64, low: f64) -> Self {
        self.momentum = Some((high, low));
        self
    }

    /// Builds the schedule.
    ///
    /// # Errors
    /// [`Error::Argument`](cotangent_core::Error::Argument) if a number of steps is 0 or an option
    /// is out of range.
    pub fn build(self) -> Result<Schedule> {
        let op = "Schedule::cyclic";
        at_least_1(op, "step_size", self.step_size)?;
        at_least_1(op, "step_size_down", self.step_size_down.unwrap_or(1))?;
        Interval::AtLeast0.check(op, "low_factor", self.low_factor)?;
        if let Envelope::Exponential(gamma) = self.envelope {
            Interval::AtLeast0.check(op, "gamma", gamma)?;
        }
        momenta(op, self.momentum)?;
        let low = self.low_factor;
        let curve = Curve::new(format!("{self:?}"), move |t| {
            low + (1.0 - low) * self.height(t)
        });
        let curve = match self.momentum {
            None => curve,
            Some((high, low)) => curve.with_momentum(move |t| high - (high - low) * self.height(t)),
        };
        Ok(Shape::Curve(curve).into())
    }

    /// Returns x, from 0 to 1.
    fn height(&self, t: u64) -> f64 {
        let (up, down) = (
            u128::from(self.step_size),
            u128::from(self.step_size_down.unwrap_or(self.step_size)),
        );
        // The sum of two `u64` may overflow.
        let (cycle, place) = (u128::from(t) / (up + down), u128::from(t) % (up + down));
        let triangle = if place <= up {
            place as f64 / up as f64
        } else {
            (up + down - place) as f64 / down as f64
        };
        let envelope = match self.envelope {
            Envelope::Constant => 1.0,
            Envelope::Halved => 0.5f64.powf(cycle as f64),
            Envelope::Exponential(gamma) => gamma.powf(t as f64),
        };
        triangle * envelope
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn triangles_repeat_and_the_momentum_falls_while_they_rise() -> Result<()> {
        let cyclic = Schedule::cyclic(2, 0.0)
            .step_size_down(4)
            .momentum(0.9, 0.5);
        let schedule = cyclic.build()?;
        let once = [0.0, 0.5, 1.0, 0.75, 0.5, 0.25];
        for t in 0..24 {
            let factor = schedule.factor(t);
            assert_eq!(factor, once[t as usize % 6]);
            assert_eq!(schedule.momentum(t), Some(0.9 - (0.9 - 0.5) * factor));
        }
        let falling = cyclic.exp_range(0.5).build()?;
        assert_eq!(
            [1, 2, 3].map(|t| falling.factor(t)),
            [0.25, 0.25, 0.75 * 0.125]
        );
        Ok(())
    }

    #[test]
    fn large_numbers_of_steps_do_not_overflow() -> Result<()> {
        for cyclic in [Schedule::cyclic(1, 0.5), Schedule::cyclic(u64::MAX, 0.5)] {
            for cyclic in [cyclic, cyclic.triangular2(), cyclic.exp_range(0.5)] {
                let factor = cyclic.build()?.factor(u64::MAX);
                assert!((0.5..=1.0).contains(&factor), "{cyclic:?}: {factor}");
            }
        }
        Ok(())
    }
}
