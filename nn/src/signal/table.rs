//! Prints the report as a table.

use super::report::{LayerSignal, Report};
use std::fmt;

const HEADER: [&str; COLUMNS] = [
    "layer",
    "operations",
    "mean",
    "std",
    "dead",
    "saturated",
    "gradient",
    "ratio",
    "weight grad",
    "update",
    "drift",
    "largest weight",
    "per step",
];

const COLUMNS: usize = 13;

/// The columns from here on are printed only if a row has a value.
const OPTIONAL: usize = 11;

fn cells(layer: &LayerSignal) -> [String; COLUMNS] {
    let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
    let percent = |share: Option<f64>| or_dash(share.map(|share| format!("{:.0}%", 100.0 * share)));
    let power = |value: Option<f64>| or_dash(value.map(|value| format!("{value:.1e}")));
    [
        layer.name(),
        layer.operations.join(", "),
        short(layer.activation.mean),
        short(layer.activation.standard_deviation),
        percent(layer.dead),
        percent(layer.saturated),
        power(layer.gradient.as_ref().map(|gradient| gradient.rms)),
        or_dash(layer.ratio.map(short)),
        power(layer.weight_gradient),
        power(layer.update),
        or_dash(layer.drift.map(|drift| short(drift.mean))),
        or_dash(layer.largest_weight.map(short)),
        or_dash(layer.per_step.map(short)),
    ]
}

/// Formats a number with three digits, as a power of ten if it is far from 1.
fn short(value: f64) -> String {
    let size = value.abs();
    if size != 0.0 && !(1e-3..1e4).contains(&size) {
        format!("{value:.1e}")
    } else if size < 10.0 {
        format!("{value:.3}")
    } else {
        format!("{value:.1}")
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows: Vec<[String; COLUMNS]> = std::iter::once(HEADER.map(str::to_owned))
            .chain(self.layers.iter().map(cells))
            .collect();
        let width = |column: usize| {
            rows.iter()
                .map(|row| row[column].chars().count())
                .max()
                .unwrap_or(0)
        };
        let widths: [usize; COLUMNS] = std::array::from_fn(width);
        let is_printed =
            |column: usize| column < OPTIONAL || rows[1..].iter().any(|row| row[column] != "-");
        let printed: [bool; COLUMNS] = std::array::from_fn(is_printed);
        for row in &rows {
            let cells: Vec<String> = row
                .iter()
                .zip(widths)
                .enumerate()
                .filter(|(i, _)| printed[*i])
                .map(|(i, (cell, width))| {
                    if i < 2 {
                        format!("{cell:<width$}")
                    } else {
                        format!("{cell:>width$}")
                    }
                })
                .collect();
            writeln!(f, "{}", cells.join("  "))?;
        }
        if let Some(input) = &self.input {
            let (mean, deviation) = (short(input.mean), short(input.standard_deviation));
            writeln!(f, "input: mean {mean}, standard deviation {deviation}")?;
        }
        if let Some(factor) = self.gradient_factor {
            writeln!(
                f,
                "gradient: changes by a factor of {} per layer on the way back (fitted)",
                short(factor)
            )?;
        }
        if !self.unused.is_empty() {
            writeln!(f, "parameters not read: {}", self.unused.join(", "))?;
        }
        if self.findings.is_empty() {
            writeln!(f, "healthy")?;
        }
        for same in self
            .findings
            .chunk_by(|a, b| (a.verdict, a.remedy) == (b.verdict, b.remedy))
        {
            writeln!(f, "{}", same[0].verdict)?;
            for finding in same {
                writeln!(f, "  {}: {}", finding.place(), finding.reason)?;
            }
            writeln!(f, "  remedy: {}", same[0].remedy)?;
        }
        Ok(())
    }
}
