//! How fast a run is, and when it ends.

use crate::RunStart;
use std::time::{Duration, Instant};

/// The clock of a run.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    started: Instant,
    /// The number of steps before the run.
    first_step: u64,
    /// The number of steps at its end, if it is known.
    pub steps: Option<u64>,
}

impl Pace {
    /// Starts the clock.
    pub fn new() -> Self {
        Self {
            started: Instant::now(),
            first_step: 0,
            steps: None,
        }
    }

    /// Starts the clock of a run.
    pub fn of(start: &RunStart<'_>) -> Self {
        // The steps of earlier epochs are known, also if their number is not that of later ones.
        let before = start.step.saturating_sub(start.batch);
        let ahead = start.epochs.saturating_sub(start.epoch);
        Self {
            first_step: start.step,
            steps: start.steps_per_epoch.map(|steps| before + ahead * steps),
            ..Self::new()
        }
    }

    pub fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// Returns the steps per second and the time left.
    pub fn text(&self, step: u64) -> String {
        let done = step.saturating_sub(self.first_step) as f64;
        let rate = done / self.elapsed().as_secs_f64().max(1e-9);
        let pace = format!("{} steps/s", three_digits(rate));
        match self.steps {
            Some(steps) if done > 0.0 => {
                let left = steps.saturating_sub(step) as f64 / rate;
                let left = Duration::try_from_secs_f64(left).unwrap_or(Duration::MAX);
                format!("{pace}, {} left", duration(left))
            }
            _ => pace,
        }
    }
}

fn three_digits(value: f64) -> String {
    let decimals = (2.0 - value.max(1e-2).log10().floor()).clamp(0.0, 4.0) as usize;
    format!("{value:.decimals$}")
}

/// Formats a duration in its two largest units.
pub(super) fn duration(time: Duration) -> String {
    let seconds = time.as_secs();
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
    match seconds {
        0..10 => format!("{:.1} s", time.as_secs_f64()),
        10..60 => format!("{seconds} s"),
        60..3600 => format!("{minutes} min {} s", seconds % 60),
        3600..86_400 => format!("{hours} h {minutes} min"),
        _ => format!("{days} d {hours} h"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_has_three_digits() {
        let texts = [12345.6, 123.4, 1.234, 0.01234, 0.0].map(three_digits);
        assert_eq!(texts, ["12346", "123", "1.23", "0.0123", "0.0000"]);
    }

    #[test]
    fn a_duration_has_its_two_largest_units() {
        let texts =
            [0, 59, 61, 7260, 180_000].map(|seconds| duration(Duration::from_secs(seconds)));
        assert_eq!(
            texts,
            ["0.0 s", "59 s", "1 min 1 s", "2 h 1 min", "2 d 2 h"]
        );
    }

    #[test]
    fn the_time_left_is_that_of_the_remaining_steps() {
        let pace = Pace {
            started: Instant::now()
                .checked_sub(Duration::from_secs(10))
                .unwrap_or_else(Instant::now),
            first_step: 100,
            steps: Some(700),
        };
        assert_eq!(pace.text(300), "20.0 steps/s, 20 s left");
        assert_eq!(pace.text(100), "0.0000 steps/s");
    }
}
