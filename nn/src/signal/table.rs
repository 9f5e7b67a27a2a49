//! The report as a table.

use super::report::{LayerSignal, Report};
use std::fmt;

const HEADER: [&str; 11] = [
    "layer",
    "operations",
    "mean",
    "std",
    "dead",
    "saturated",
    "gradient",
    "ratio",
    "weights' grad",
    "update",
    "drift",
];

fn cells(layer: &LayerSignal) -> [String; 11] {
    let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
    let percent = |share: Option<f64>| or_dash(share.map(|share| format!("{:.0}%", 100.0 * share)));
    let power = |figure: Option<f64>| or_dash(figure.map(|figure| format!("{figure:.1e}")));
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
    ]
}

/// Three digits, as a power of ten where the number is far from 1.
fn short(figure: f64) -> String {
    let size = figure.abs();
    if size != 0.0 && !(1e-3..1e4).contains(&size) {
        format!("{figure:.1e}")
    } else if size < 10.0 {
        format!("{figure:.3}")
    } else {
        format!("{figure:.1}")
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows: Vec<[String; 11]> = std::iter::once(HEADER.map(str::to_owned))
            .chain(self.layers.iter().map(cells))
            .collect();
        let width = |column: usize| {
            rows.iter()
                .map(|row| row[column].chars().count())
                .max()
                .unwrap_or(0)
        };
        let widths: [usize; 11] = std::array::from_fn(width);
        for row in &rows {
            let cells: Vec<String> = row
                .iter()
                .zip(widths)
                .enumerate()
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
                "gradient: times {} a layer on the way down, fitted",
                short(factor)
            )?;
        }
        if !self.unused.is_empty() {
            writeln!(f, "not used: {}", self.unused.join(", "))?;
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
