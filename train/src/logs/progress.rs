//! Progress on a terminal, or as lines.

use super::pace::Pace;
use super::table::{one_line, short, table};
use crate::{EpochRecord, Log, RunEnd, RunStart, StepRecord};
use cotangent_core::Result;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::fmt;
use std::io::{IsTerminal, Write, stderr};
use std::time::{Duration, Instant};

/// Shows the progress of a run on the standard error, and a table at its end.
///
/// On a terminal it is a bar with the epoch, the values of the epoch so far, the steps per second,
/// and the time left. Elsewhere, such as in a file, it is a line for each epoch. A run without this
/// log is silent.
///
/// Errors of writing are ignored, so that a closed pipe does not end a run.
///
/// ```
/// use cotangent::train::Progress;
/// let bar_or_lines = Progress::new();
/// let lines = Progress::lines();
/// ```
#[derive(Debug)]
pub struct Progress {
    output: Output,
    epochs: u64,
    pace: Pace,
    shown: Option<Instant>,
}

enum Output {
    Bar(ProgressBar),
    Lines(Box<dyn Write + Send>),
}

/// The time between two updates of the values. Most metrics are computed anew for each.
const UPDATE: Duration = Duration::from_millis(100);

impl Progress {
    /// Creates a bar, if the standard error is a terminal, or else lines.
    pub fn new() -> Self {
        if stderr().is_terminal() {
            Self::on(Output::Bar(ProgressBar::with_draw_target(
                None,
                ProgressDrawTarget::stderr(),
            )))
        } else {
            Self::lines()
        }
    }

    /// Creates a log of lines, also on a terminal.
    pub fn lines() -> Self {
        Self::on(Output::Lines(Box::new(stderr())))
    }

    fn on(output: Output) -> Self {
        Self {
            output,
            epochs: 0,
            pace: Pace::new(),
            shown: None,
        }
    }

    /// Prints a line, above the bar if there is one.
    fn print(&mut self, line: &str) {
        match &mut self.output {
            Output::Bar(bar) => bar.suspend(|| {
                let _ = writeln!(stderr(), "{line}");
            }),
            Output::Lines(lines) => {
                let _ = writeln!(lines, "{line}");
            }
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
        self.shown = None;
        if let Output::Bar(bar) = &self.output {
            let template = match self.pace.steps {
                Some(_) => "{prefix} {bar:20.cyan} {percent:>3}% {msg}",
                None => "{prefix} {spinner} step {pos} {msg}",
            };
            if let Ok(style) = ProgressStyle::with_template(template) {
                bar.set_style(style.progress_chars("━╸─"));
            }
            bar.reset();
            if let Some(steps) = self.pace.steps {
                bar.set_length(steps);
            }
            bar.set_position(start.step);
        }
        Ok(())
    }

    fn step(&mut self, step: &StepRecord<'_>) -> Result<()> {
        let Output::Bar(bar) = &self.output else {
            return Ok(());
        };
        if self.shown.is_some_and(|shown| shown.elapsed() < UPDATE) {
            return Ok(());
        }
        self.shown = Some(Instant::now());
        let means = step.means();
        let means = means.iter().map(|(name, value)| (&name[..], *value));
        bar.set_prefix(format!("epoch {}/{}", step.epoch, self.epochs));
        bar.set_message(format!("{}  {}", self.pace.text(step.step), pairs(means)));
        bar.set_position(step.step);
        Ok(())
    }

    fn epoch(&mut self, epoch: &EpochRecord<'_>) -> Result<()> {
        let (number, epochs) = (epoch.epoch, self.epochs);
        let values = pairs(epoch.values());
        let pace = self.pace.text(epoch.step);
        self.print(&format!("epoch {number}/{epochs}  {values}  ({pace})"));
        Ok(())
    }

    fn end(&mut self, end: &RunEnd<'_>) -> Result<()> {
        if let Output::Bar(bar) = &self.output {
            bar.finish_and_clear();
        }
        let last = super::outcome(end, self.pace.elapsed());
        let table = table(end.history, end.best.map(|(epoch, _)| epoch));
        self.print(&format!("{table}{last}"));
        Ok(())
    }
}

impl fmt::Debug for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Bar(_) => "bar",
            Self::Lines(_) => "lines",
        })
    }
}

/// Returns names and values in one line.
pub(super) fn pairs<'a>(values: impl Iterator<Item = (&'a str, f64)>) -> String {
    let pairs: Vec<String> = values
        .map(|(name, value)| format!("{} {}", one_line(name), short(value)))
        .collect();
    pairs.join("  ")
}
