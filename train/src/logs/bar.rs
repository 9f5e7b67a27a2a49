//! A bar below the lines of progress.

use super::pace::Pace;
use super::progress::{Output, pairs};
use crate::StepRecord;
use indicatif::{ProgressBar, ProgressStyle};
use std::io::{Write, stderr};
use std::time::{Duration, Instant};

/// The time between two updates. Metrics are computed for each.
const UPDATE: Duration = Duration::from_millis(100);

#[derive(Debug)]
pub(super) struct Bar {
    bar: ProgressBar,
    shown: Option<Instant>,
}

impl Bar {
    /// Creates a bar on the standard error.
    pub fn new() -> Self {
        Self {
            bar: ProgressBar::no_length(),
            shown: None,
        }
    }
}

impl Output for Bar {
    fn print(&mut self, line: &str) {
        self.bar.suspend(|| {
            let _ = writeln!(stderr(), "{line}");
        });
    }

    fn begin(&mut self, steps: Option<u64>) {
        self.bar.reset();
        self.shown = None;
        let template = match steps {
            Some(_) => "{prefix} {bar:20.cyan} {percent:>3}% {msg}",
            None => "{prefix} {spinner} step {pos} {msg}",
        };
        if let Ok(style) = ProgressStyle::with_template(template) {
            self.bar.set_style(style.progress_chars("━╸─"));
        }
        if let Some(steps) = steps {
            self.bar.set_length(steps);
        }
    }

    fn step(&mut self, step: &StepRecord<'_>, epochs: u64, pace: &Pace) {
        if self.shown.is_some_and(|shown| shown.elapsed() < UPDATE) {
            return;
        }
        self.shown = Some(Instant::now());
        let means = step.means();
        let means = means.iter().map(|(name, value)| (&name[..], *value));
        let (epoch, pace) = (step.epoch, pace.text(step.step));
        self.bar.set_prefix(format!("epoch {epoch}/{epochs}"));
        self.bar.set_message(format!("{pace}  {}", pairs(means)));
        self.bar.set_position(step.step);
    }

    fn end(&mut self) {
        self.bar.finish_and_clear();
    }
}
