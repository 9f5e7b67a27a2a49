//! The report of results: spreads over seeds, and the criteria of a claim.

pub use crate::output::table;

use cotangent::figure::Chart;
use std::fmt;

/// The values of a quantity over all seeds.
#[derive(Clone, Copy, Debug)]
pub struct Spread {
    pub mean: f64,
    pub deviation: f64,
    pub low: f64,
    pub high: f64,
}

impl Spread {
    pub fn of(values: impl IntoIterator<Item = f64>) -> Self {
        let values: Vec<f64> = values.into_iter().collect();
        let count = values.len() as f64;
        let mean = values.iter().sum::<f64>() / count;
        let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
        Self {
            mean,
            deviation: (squares / (count - 1.0).max(1.0)).sqrt(),
            low: values.iter().copied().fold(f64::INFINITY, f64::min),
            high: values.iter().copied().fold(f64::NEG_INFINITY, f64::max),
        }
    }

    /// Computes the spread of values that are compared by ratio. The mean is the geometric one.
    pub fn of_ratios(values: impl IntoIterator<Item = f64> + Clone) -> Self {
        let logs = Self::of(values.clone().into_iter().map(f64::ln));
        Self {
            mean: logs.mean.exp(),
            ..Self::of(values)
        }
    }
}

/// Writes the mean and the standard deviation.
impl fmt::Display for Spread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.3} ± {:.3}", self.mean, self.deviation)
    }
}

/// Returns for each position of the runs' series the spread over the runs.
pub fn by_position<'a, R>(
    runs: &'a [R],
    series: impl Fn(&'a R) -> &'a [f64],
    spread: impl Fn(Vec<f64>) -> Spread,
) -> Vec<Spread> {
    let length = runs.iter().map(|run| series(run).len()).min();
    let values = |i| runs.iter().map(|run| series(run)[i]).collect();
    (0..length.unwrap_or(0))
        .map(|i| spread(values(i)))
        .collect()
}

/// Draws a line through the means and a band from the lowest values to the highest.
pub fn draw(
    chart: Chart,
    label: &str,
    xs: impl IntoIterator<Item = f64>,
    spreads: &[Spread],
) -> Chart {
    let points: Vec<(f64, &Spread)> = xs.into_iter().zip(spreads).collect();
    let band = points
        .iter()
        .map(|&(x, spread)| (x, spread.low, spread.high));
    let line = points.iter().map(|&(x, spread)| (x, spread.mean));
    chart.band(label, band).line(label, line)
}

/// Counts layers, epochs or steps from the given number on.
pub fn from(first: u32) -> impl Iterator<Item = f64> {
    (first..).map(f64::from)
}

/// The criteria of a claim, which holds if all of them are met.
pub struct Criteria {
    met: bool,
}

impl Criteria {
    pub fn new() -> Self {
        println!("The claim holds if all criteria are met:");
        Self { met: true }
    }

    /// Prints a criterion in words, with the numbers that decide it.
    pub fn require(&mut self, met: bool, words: impl fmt::Display) {
        println!("  {} {words}", if met { "[yes]" } else { "[no] " });
        self.met &= met;
    }

    pub fn met(self) -> bool {
        self.met
    }
}
