//! Progress on a terminal, or as lines.

use super::pace::Pace;
use super::table::{one_line, short, table};
use crate::{EpochRecord, Log, RunEnd, RunStart, StepRecord};
use cotangent_core::Result;
use std::fmt::Debug;
use std::io::{Write, stderr};

/// Shows the progress of a run on the standard error, and a table at its end.
///
/// It is a line for each epoch. On a terminal, and with the feature `progress`, it is also a bar
/// with the steps per second, the time left, and the values of the epoch so far, as many as fit the
/// line. A run without this log is silent.
///
/// Errors of writing are ignored, so that a closed pipe does not end a run.
///
/// ```
/// use cotangent::train::Progress;
/// let lines_and_a_bar = Progress::new();
/// let lines = Progress::lines();
/// ```
#[derive(Debug)]
pub struct Progress {
    output: Box<dyn Output>,
    epochs: u64,
    pace: Pace,
}

/// The place that lines are printed to.
pub(super) trait Output: Debug {
    fn print(&mut self, line: &str) {
        let _ = writeln!(stderr(), "{line}");
    }

    /// Shows a step of a run of so many epochs.
    fn step(&mut self, _step: &StepRecord<'_>, _epochs: u64, _pace: &Pace) {}

    /// Removes everything but the lines.
    fn end(&mut self) {}
}

#[derive(Debug)]
struct Lines;

impl Output for Lines {}

impl Progress {
    /// Creates lines, with a bar below them if the standard error is a terminal.
    pub fn new() -> Self {
        #[cfg(feature = "progress")]
        if std::io::IsTerminal::is_terminal(&stderr()) {
            return Self::on(Box::new(super::bar::Bar::new()));
        }
        Self::lines()
    }

    /// Creates a log of lines, also on a terminal.
    pub fn lines() -> Self {
        Self::on(Box::new(Lines))
    }

    fn on(output: Box<dyn Output>) -> Self {
        Self {
            output,
            epochs: 0,
            pace: Pace::new(),
        }
    }
}

impl Default for Progress {
    fn default() -> Self {
        Self::new()
    }
}

impl Log for Progress {
    fn begin(&mut self, start: &RunStart<'_>) -> Result<()> {
        self.epochs = start.epochs;
        self.pace = Pace::of(start);
        Ok(())
    }

    fn step(&mut self, step: &StepRecord<'_>) -> Result<()> {
        self.output.step(step, self.epochs, &self.pace);
        Ok(())
    }

    fn epoch(&mut self, epoch: &EpochRecord<'_>) -> Result<()> {
        let (number, epochs) = (epoch.epoch, self.epochs);
        let (values, pace) = (pairs(epoch.values()), self.pace.text(epoch.step));
        let line = format!("epoch {number}/{epochs}  {values}  ({pace})");
        self.output.print(&line);
        Ok(())
    }

    fn end(&mut self, end: &RunEnd<'_>) -> Result<()> {
        self.output.end();
        let table = table(end.history, end.best.map(|(epoch, _)| epoch));
        let last = super::outcome(end, self.pace.elapsed());
        self.output.print(&format!("{table}{last}"));
        Ok(())
    }
}

/// Returns names and values in one line.
pub(super) fn pairs<'a>(values: impl Iterator<Item = (&'a str, f64)>) -> String {
    let pairs: Vec<String> = values
        .map(|(name, value)| format!("{} {}", one_line(name), short(value)))
        .collect();
    pairs.join("  ")
}
