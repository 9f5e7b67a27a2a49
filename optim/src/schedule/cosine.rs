//! Half a cosine, once and with restarts.

use super::decay::share;
use super::{Schedule, at_least_1};
use cotangent_core::{Interval, Result};
use std::f64::consts::PI;

impl Schedule {
    /// Creates the schedule `e + (1 - e) (1 + cos(π t/total)) / 2`, which stays at e from step
    /// `total` on (Loshchilov & Hutter 2016, SGDR: Stochastic Gradient Descent with Warm Restarts).
    /// e is `end_factor`.
    ///
    /// PyTorch's `CosineAnnealingLR` rises again after `T_max` steps; this schedule stays, like
    /// Keras's `CosineDecay`. `end_factor` is a share of the base learning rate, PyTorch's
    /// `eta_min` is a learning rate.
    ///
    /// # Errors
    /// [`Error::Argument`](cotangent_core::Error::Argument) unless `total` is at least 1 and
    /// `end_factor` finite and at least 0.
    pub fn cosine(total: u64, end_factor: f64) -> Result<Self> {
        let op = "Schedule::cosine";
        at_least_1(op, "total", total)?;
        Interval::AtLeast0.check(op, "end_factor", end_factor)?;
        let name = format!("cosine({total}, {end_factor:?})");
        Ok(Self::curve(name, move |t| {
            fall(share(t, total), end_factor)
        }))
    }

    /// Creates a schedule that repeats [`cosine`](Self::cosine): over the `first` steps, then from
    /// 1 over `multiplier` times as many steps, and so on (Loshchilov & Hutter 2016, as above;
    /// PyTorch's `CosineAnnealingWarmRestarts`). It does not reach the end factor: that step is the
    /// first of the next fall.
    ///
    /// # Errors
    /// [`Error::Argument`](cotangent_core::Error::Argument) unless `first` and `multiplier` are at
    /// least 1 and `end_factor` is finite and at least 0.
    pub fn cosine_restarts(first: u64, multiplier: u64, end_factor: f64) -> Result<Self> {
        let op = "Schedule::cosine_restarts";
        at_least_1(op, "first", first)?;
        at_least_1(op, "multiplier", multiplier)?;
        Interval::AtLeast0.check(op, "end_factor", end_factor)?;
        let name = format!("cosine_restarts({first}, {multiplier}, {end_factor:?})");
        Ok(Self::curve(name, move |t| {
            let (t, total) = since_restart(t, first, multiplier);
            fall(share(t, total), end_factor)
        }))
    }
}

/// Falls from 1 to `end` while `share` goes from 0 to 1.
fn fall(share: f64, end: f64) -> f64 {
    end + (1.0 - end) * (1.0 + (PI * share).cos()) / 2.0
}

/// Returns the number of steps since the last restart, and from that to the next.
fn since_restart(t: u64, first: u64, multiplier: u64) -> (u64, u64) {
    if multiplier == 1 {
        return (t % first, first);
    }
    // At most 64 rounds, since the lengths at least double.
    let (mut left, mut total) = (t, first);
    while left >= total {
        left -= total;
        total = total.saturating_mul(multiplier);
    }
    (left, total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cosine_falls_to_the_end_factor_and_stays() -> Result<()> {
        let schedule = Schedule::cosine(10, 0.25)?;
        let found = [0, 5, 10, 11, 20, u64::MAX].map(|t| schedule.factor(t));
        assert_eq!(found, [1.0, 0.625, 0.25, 0.25, 0.25, 0.25]);
        assert_eq!(Schedule::cosine(u64::MAX, 0.0)?.factor(u64::MAX), 0.0);
        Ok(())
    }

    #[test]
    fn restarts_are_at_the_sums_of_the_lengths() -> Result<()> {
        let schedule = Schedule::cosine_restarts(3, 2, 0.0)?;
        let ones: Vec<u64> = (0..100).filter(|&t| schedule.factor(t) == 1.0).collect();
        assert_eq!(ones, [0, 3, 9, 21, 45, 93]);
        let same = Schedule::cosine_restarts(3, 1, 0.0)?;
        let ones: Vec<u64> = (0..10).filter(|&t| same.factor(t) == 1.0).collect();
        assert_eq!(ones, [0, 3, 6, 9]);
        for multiplier in [2, u64::MAX] {
            assert!(Schedule::cosine_restarts(1, multiplier, 0.5)?.factor(u64::MAX) >= 0.5);
        }
        assert_eq!(since_restart(u64::MAX, 1, 2), (0, u64::MAX));
        Ok(())
    }
}
