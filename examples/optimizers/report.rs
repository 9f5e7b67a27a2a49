//! The report of results: formatted numbers, medians, and findings.

use std::fmt;

use crate::tuning::Tuned;

/// Replaces NaN, the result of divergence, by infinity, which is worse than any number.
fn or_infinite(value: f64) -> f64 {
    if value.is_nan() { f64::INFINITY } else { value }
}

/// Returns the median of the values, with NaN counted as infinite. Of an even number of values it
/// is the mean of the two in the middle.
pub fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.into_iter().map(or_infinite).collect();
    values.sort_by(f64::total_cmp);
    match (values.len(), values.len() / 2) {
        (0, _) => f64::NAN,
        (len, half) if len % 2 == 1 => values[half],
        (_, half) => f64::midpoint(values[half - 1], values[half]),
    }
}

/// Returns the smallest of the values.
pub fn smallest(values: impl IntoIterator<Item = f64>) -> f64 {
    values.into_iter().fold(f64::INFINITY, f64::min)
}

/// Returns the largest of the values, with NaN counted as infinite.
pub fn largest(values: impl IntoIterator<Item = f64>) -> f64 {
    let values = values.into_iter().map(or_infinite);
    values.fold(f64::NEG_INFINITY, f64::max)
}

/// Formats a number of steps, or a dash if the target was not reached.
pub fn steps(steps: f64) -> String {
    if steps.is_finite() {
        steps.to_string()
    } else {
        "-".to_owned()
    }
}

/// Formats a number of any size with three digits.
pub fn three_digits(value: f64) -> String {
    match value {
        value if !value.is_finite() => "-".to_owned(),
        value if (1e-3..1e3).contains(&value.abs()) => {
            let digits = (2.0 - value.abs().log10().floor()).max(0.0) as usize;
            format!("{value:.digits$}")
        }
        value => format!("{value:.2e}"),
    }
}

/// Formats a tuned learning rate, with a star if it was the smallest or the largest one tried.
pub fn rate(tuned: Tuned) -> String {
    let star = if tuned.at_edge { "*" } else { "" };
    format!("{star}{}", three_digits(tuned.rate))
}

/// The findings of a race, each a sentence that is answered with yes or no.
#[derive(Default)]
pub struct Findings {
    count: usize,
    held: usize,
}

impl Findings {
    pub fn add(&mut self, holds: bool, words: impl fmt::Display) {
        println!("{words}: {}", if holds { "yes" } else { "no" });
        self.count += 1;
        self.held += usize::from(holds);
    }

    /// Prints whether all findings hold, if there are any.
    pub fn conclude(&self) {
        if self.count > 0 {
            let all = if self.held == self.count { "yes" } else { "no" };
            println!("all findings hold: {all}");
        }
    }
}
