//! Small learning rates at the start, until the optimizer's averages have settled.

use super::decay::share;
use super::{Schedule, at_least_1};
use cotangent_core::{Interval, Result};

impl Schedule {
    /// Creates a linear warm-up: `(t + 1) / (steps + 1)`, and 1 from step `steps` on (Goyal et al.
    /// 2017, Accurate, Large Minibatch SGD: Training ImageNet in 1 Hour). The first learning rate
    /// is not 0, and 1 is not repeated if another schedule follows at step `steps`. PyTorch:
    /// `LinearLR` with `start_factor = 1 / (steps + 1)`.
    ///
    /// ```
    /// # use cotangent::optim::Schedule;
    /// let schedule = Schedule::warm_up(3)?;
    /// assert_eq!([0, 1, 2, 3, 4].map(|t| schedule.factor(t)), [0.25, 0.5, 0.75, 1.0, 1.0]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Argument`](cotangent_core::Error::Argument) unless `steps` is at least 1.
    pub fn warm_up(steps: u64) -> Result<Self> {
        at_least_1("Schedule::warm_up", "steps", steps)?;
        let name = format!("warm_up({steps})");
        let total = steps as f64 + 1.0;
        Ok(Self::curve(name, move |t| {
            (t.min(steps) as f64 + 1.0) / total
        }))
    }

    /// Creates a constant warm-up: `factor`, and 1 from step `steps` on (PyTorch's `ConstantLR`).
    ///
    /// # Errors
    /// [`Error::Argument`](cotangent_core::Error::Argument) unless `steps` is at least 1 and
    /// `factor` finite and at least 0.
    pub fn warm_up_constant(steps: u64, factor: f64) -> Result<Self> {
        let op = "Schedule::warm_up_constant";
        at_least_1(op, "steps", steps)?;
        Interval::AtLeast0.check(op, "factor", factor)?;
        let name = format!("warm_up_constant({steps}, {factor:?})");
        Ok(Self::curve(
            name,
            move |t| {
                if t < steps { factor } else { 1.0 }
            },
        ))
    }

    /// Creates an exponential warm-up: `s^(1 - t/steps)`, where s is `start_factor`, and 1 from
    /// step `steps` on. Each step grows by the same factor.
    ///
    /// # Errors
    /// [`Error::Argument`](cotangent_core::Error::Argument) unless `steps` is at least 1 and
    /// `start_factor` finite and above 0.
    pub fn warm_up_exponential(steps: u64, start_factor: f64) -> Result<Self> {
        let op = "Schedule::warm_up_exponential";
        at_least_1(op, "steps", steps)?;
        Interval::Above0.check(op, "start_factor", start_factor)?;
        let name = format!("warm_up_exponential({steps}, {start_factor:?})");
        Ok(Self::curve(name, move |t| {
            start_factor.powf(1.0 - share(t, steps))
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_ends_at_one() -> Result<()> {
        let at = |schedule: &Schedule| [0, 1, 2, 3, u64::MAX].map(|t| schedule.factor(t));
        let third = 1.0 / 3.0;
        assert_eq!(
            at(&Schedule::warm_up(2)?),
            [third, 2.0 * third, 1.0, 1.0, 1.0]
        );
        assert_eq!(
            at(&Schedule::warm_up_constant(2, 0.1)?),
            [0.1, 0.1, 1.0, 1.0, 1.0]
        );
        assert_eq!(
            at(&Schedule::warm_up_exponential(2, 0.25)?),
            [0.25, 0.5, 1.0, 1.0, 1.0]
        );
        assert_eq!(Schedule::warm_up(u64::MAX)?.factor(u64::MAX), 1.0);
        Ok(())
    }
}
