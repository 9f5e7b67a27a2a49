//! A bar below the lines of progress.

use super::pace::Pace;
use super::progress::{Output, pairs};
use crate::StepRecord;
use console::{Term, style, truncate_str};
use std::time::{Duration, Instant};

/// The time between two updates. Metrics are computed for each.
const UPDATE: Duration = Duration::from_millis(100);

/// The number of cells of the bar.
const CELLS: usize = 10;

/// The last line of the terminal. Errors of writing are ignored, as those of lines are.
#[derive(Debug)]
pub(super) struct Bar {
    terminal: Term,
    /// The time of the last update, if the bar is there.
    shown: Option<Instant>,
}

impl Bar {
    /// Creates a bar on the standard error.
    pub fn new() -> Self {
        Self {
            terminal: Term::stderr(),
            shown: None,
        }
    }
}

impl Output for Bar {
    fn print(&mut self, line: &str) {
        self.end();
        let _ = self.terminal.write_line(line);
    }

    fn step(&mut self, step: &StepRecord<'_>, epochs: u64, pace: &Pace) {
        if self.shown.is_some_and(|shown| shown.elapsed() < UPDATE) {
            return;
        }
        let (_, columns) = self.terminal.size();
        // With room for the `^C` of the terminal, which would begin another line.
        let width = usize::from(columns).saturating_sub(3);
        let line = line(step, epochs, pace);
        let _ = self.terminal.clear_line();
        let _ = self.terminal.write_str(&truncate_str(&line, width, ""));
        self.shown = Some(Instant::now());
    }

    fn end(&mut self) {
        if self.shown.take().is_some() {
            let _ = self.terminal.clear_line();
        }
    }
}

/// Returns the line of a step: its most important part first.
fn line(step: &StepRecord<'_>, epochs: u64, pace: &Pace) -> String {
    let (epoch, number) = (step.epoch, step.step);
    let done = match pace.steps {
        Some(steps) => {
            let share = (number as f64 / steps.max(1) as f64).min(1.0);
            format!(
                "{:>3.0}% {}",
                share * 100.0,
                style(cells(share)).for_stderr().cyan()
            )
        }
        None => format!("step {number}"),
    };
    let means = step.means();
    let means = means.iter().map(|(name, value)| (&name[..], *value));
    let (pace, values) = (pace.text(number), pairs(means));
    format!("epoch {epoch}/{epochs} {done} {pace}  {values}")
}

/// Returns a bar of which a share is full, to half a cell.
fn cells(share: f64) -> String {
    let halves = (share * 2.0 * CELLS as f64) as usize;
    let (full, half) = (halves / 2, halves % 2);
    let (full, open) = ("━".repeat(full), "─".repeat(CELLS - full - half));
    format!("{full}{}{open}", "╸".repeat(half))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_has_as_many_cells_at_every_share() {
        for percent in 0..=100 {
            let bar = cells(f64::from(percent) / 100.0);
            assert_eq!(bar.chars().count(), CELLS, "{bar}");
        }
        assert_eq!(
            [0.0, 0.26, 1.0].map(cells),
            ["──────────", "━━╸───────", "━━━━━━━━━━"]
        );
    }
}
