//! Draws the report as a figure: the distributions of the activations and gradients of each layer.

use super::bins::Histogram;
use super::report::{LayerSignal, Report};
use cotangent_figure::plotters::element::Polygon;
use cotangent_figure::plotters::prelude::*;
use cotangent_figure::style::{self, FAINT, INK, MARGIN, TEXT, TITLE, WIDTH};
use cotangent_figure::{Area, Drawn, Figure, Kind, Scale};

/// The height of a layer's row in pixels.
const ROW: i32 = 64;
/// The limit of rows. More layers are thinned out evenly.
const MOST_ROWS: usize = 60;
/// The height of the axes below the rows.
const AXES: i32 = 80;
/// The height of the panels' titles above the rows.
const HEAD: i32 = 60;

/// One column of the figure: the histograms of one quantity for all layers.
struct Panel<'a> {
    title: &'static str,
    kind: Kind,
    /// Maps an edge of a bin to its value on the axis.
    value: fn(f64) -> f64,
    rows: Vec<Option<&'a Histogram>>,
    /// Bounds of the axis.
    range: (f64, f64),
}

impl Report {
    /// Returns the layers that are shown.
    fn shown(&self) -> Vec<&LayerSignal> {
        let count = self.layers.len();
        let rows = count.min(MOST_ROWS);
        let at = |row: usize| row * (count - 1) / (rows - 1).max(1);
        (0..rows).map(|row| &self.layers[at(row)]).collect()
    }

    fn heading(&self) -> Vec<(String, f64, RGBColor)> {
        let width = WIDTH as i32 - 2 * MARGIN;
        let title = format!("Step {}: {}", self.step, self.verdict());
        let note = match self.findings.first() {
            Some(finding) => {
                let text = format!(
                    "`{}`: {}. Remedy: {}. Orange: layers with findings.",
                    finding.layer, finding.reason, finding.remedy
                );
                text.replace('`', "")
            }
            None => "Activations and gradients keep their scale from layer to layer.".to_owned(),
        };
        let lines = |text: &str, size: f64, color| {
            let lines = style::wrap(text, &style::text(size, color), width);
            lines
                .into_iter()
                .map(move |line| (line, size, color))
                .collect::<Vec<_>>()
        };
        let mut heading = lines(&title, TITLE, INK);
        heading.extend(lines(&note, TEXT, FAINT));
        heading
    }

    fn heading_height(&self) -> i32 {
        let lines = self.heading();
        MARGIN
            + lines
                .iter()
                .map(|(_, size, _)| (size * 1.4) as i32)
                .sum::<i32>()
    }
}

impl Figure for Report {
    fn size(&self) -> (u32, u32) {
        let rows = ROW * self.shown().len() as i32;
        (WIDTH, (self.heading_height() + HEAD + rows + AXES) as u32)
    }

    fn draw<B: DrawingBackend>(&self, area: &Area<B>) -> Drawn<B> {
        let mut y = MARGIN;
        for (line, size, color) in self.heading() {
            area.draw_text(&line, &style::text(size, color), (MARGIN, y))?;
            y += (size * 1.4) as i32;
        }
        let layers = self.shown();
        let names: Vec<String> = layers.iter().map(|layer| layer.name()).collect();
        let style = style::text(TEXT, INK);
        let widest = names
            .iter()
            .map(|name| style::text_width(name, &style))
            .max();
        let left = widest.unwrap_or(0).min(WIDTH as i32 / 3) + 2 * MARGIN;
        let top = y + HEAD;
        for (row, name) in names.iter().enumerate() {
            let line = top + ROW * row as i32 + (ROW - TEXT as i32) / 2;
            area.draw_text(name, &style, (MARGIN, line))?;
        }
        let reported = |layer: &&LayerSignal| {
            let is = |path: &str, nth| path == layer.path && nth == layer.nth_use;
            self.findings
                .iter()
                .any(|finding| is(&finding.layer, finding.nth_use))
        };
        let reported: Vec<bool> = layers.iter().map(reported).collect();
        let width = (WIDTH as i32 - left - MARGIN) / 2;
        for (column, panel) in panels(&layers).iter().enumerate() {
            let start = left + column as i32 * width;
            panel.draw(
                area,
                start + MARGIN / 2..start + width - MARGIN,
                top,
                &reported,
            )?;
        }
        Ok(())
    }
}

/// If a layer's activations are this many times larger than another's, the axis is logarithmic,
/// because a linear one would hide most layers.
const LINEAR_RANGE: f64 = 50.0;

fn panels<'a>(layers: &[&'a LayerSignal]) -> [Panel<'a>; 2] {
    let of = |shown: fn(&LayerSignal) -> Option<&Histogram>| -> Vec<Option<&'a Histogram>> {
        let nonempty = |row: &&Histogram| row.counts.iter().any(|&count| count > 0);
        layers
            .iter()
            .map(|layer| shown(layer).filter(nonempty))
            .collect()
    };
    // The model's output, which has no activation, may have another scale.
    let extents = || {
        let inner = layers.iter().filter(|layer| layer.saturated.is_some());
        inner
            .map(|layer| layer.activation.rms)
            .filter(|&rms| rms > 0.0)
    };
    let (smallest, largest) = (extents().reduce(f64::min), extents().reduce(f64::max));
    let activations = if largest > smallest.map(|smallest| smallest * LINEAR_RANGE) {
        Panel::logarithmic(
            "size of the activations",
            of(|layer| Some(&layer.activation.magnitudes)),
        )
    } else {
        let rows = of(|layer| Some(&layer.activation.histogram));
        let (low, high) = bounds(&rows);
        let limit = largest.map_or(f64::INFINITY, |largest| 3.0 * largest);
        Panel {
            title: "activations",
            kind: Kind::Linear,
            value: |at| at,
            range: (low.max(-limit), high.min(limit)),
            rows,
        }
    };
    let gradients = of(|layer| layer.gradient.as_ref().map(|gradient| &gradient.magnitudes));
    [
        activations,
        Panel::logarithmic("size of the gradients", gradients),
    ]
}

/// Returns the bounds of all histograms together.
fn bounds(rows: &[Option<&Histogram>]) -> (f64, f64) {
    let fold = |(low, high): (f64, f64), row: &&Histogram| (low.min(row.low), high.max(row.high));
    rows.iter()
        .flatten()
        .fold((f64::INFINITY, f64::NEG_INFINITY), fold)
}

impl<'a> Panel<'a> {
    /// Creates a panel of histograms of logarithms.
    fn logarithmic(title: &'static str, rows: Vec<Option<&'a Histogram>>) -> Self {
        let (low, high) = bounds(&rows);
        Self {
            title,
            kind: Kind::Log,
            value: |at| 10f64.powf(at),
            range: (10f64.powf(low - 0.2), 10f64.powf(high + 0.2)),
            rows,
        }
    }
}

impl Panel<'_> {
    fn draw<B: DrawingBackend>(
        &self,
        area: &Area<B>,
        across: std::ops::Range<i32>,
        top: i32,
        reported: &[bool],
    ) -> Drawn<B> {
        let (start, width) = (across.start, across.end - across.start);
        let bottom = top + ROW * self.rows.len() as i32;
        let ticks = match self.kind {
            Kind::Linear => 4,
            Kind::Log => 3,
        };
        let scale = Scale::fit(self.kind, Some(self.range), std::iter::empty(), ticks);
        let place = |value: f64| start + scale.place(value, width).clamp(0, width);
        area.draw_text(
            self.title,
            &style::text(TEXT, INK),
            (start, top - HEAD + 12),
        )?;
        for (at, label) in scale.marks(width) {
            let x = start + at;
            let line = vec![(x, top), (x, bottom)];
            area.draw(&PathElement::new(line, style::GRID.stroke_width(2)))?;
            let text = style::text(TEXT, INK);
            let half = style::text_width(&label, &text) / 2;
            area.draw_text(&label, &text, (x - half, bottom + 14))?;
        }
        for (row, histogram) in self.rows.iter().enumerate() {
            let base = top + ROW * (row as i32 + 1);
            let line = vec![(start, base), (start + width, base)];
            area.draw(&PathElement::new(line, style::GRID.stroke_width(2)))?;
            let Some(histogram) = histogram else {
                area.draw_text(
                    "none",
                    &style::text(TEXT, FAINT),
                    (start + 8, base - ROW / 2 - 14),
                )?;
                continue;
            };
            let color = style::color(usize::from(reported[row]));
            area.draw(&Polygon::new(
                self.ridge(histogram, base, place),
                color.mix(0.75).filled(),
            ))?;
        }
        Ok(())
    }

    /// Returns the outline of a histogram on a base line. Its highest bin is nearly as high as a
    /// row.
    fn ridge(
        &self,
        histogram: &Histogram,
        base: i32,
        place: impl Fn(f64) -> i32,
    ) -> Vec<(i32, i32)> {
        let bins = histogram.counts.len();
        let width = (histogram.high - histogram.low) / bins as f64;
        let edge = |bin: usize| place((self.value)(histogram.low + width * bin as f64));
        // The zeros of a rectifier fill one bin, which must not hide the others.
        let mut counts = histogram.counts.clone();
        counts.sort_unstable();
        let second = counts.iter().rev().nth(1).copied().unwrap_or(0);
        let highest = counts
            .last()
            .copied()
            .unwrap_or(0)
            .min(3 * second.max(1))
            .max(1);
        let mut outline = Vec::new();
        for (bin, &count) in histogram.counts.iter().enumerate() {
            let share = (count as f64 / highest as f64).min(1.0);
            let height = (f64::from(ROW - 8) * share) as i32;
            let middle = (self.value)(histogram.low + width * (bin as f64 + 0.5));
            if (self.range.0..=self.range.1).contains(&middle) {
                // A minimal width, so that a constant is visible.
                let (from, to) = (edge(bin), edge(bin + 1).max(edge(bin) + 3));
                outline.extend([(from, base - height), (to, base - height)]);
            }
        }
        let ends = [outline.first().copied(), outline.last().copied()];
        outline.extend(ends.into_iter().rev().flatten().map(|(x, _)| (x, base)));
        outline
    }
}

#[cfg(test)]
mod tests {
    use crate::{Mlp, Sigmoid, init, signal};
    use cotangent_core::module::Layer;
    use cotangent_core::random::{ChaCha8Rng, SeedableRng};
    use cotangent_core::{DType, Indices, Result, Tensor};
    use cotangent_figure::Figure;

    #[test]
    fn every_report_can_be_drawn() -> Result<()> {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        for (scale, factor) in [(0.0, 1.0), (1.0, 1.0), (1e30, 1.0), (1.0, f64::NAN)] {
            let net = Mlp::builder([4, 8, 8, 3])
                .activation(Sigmoid)
                .weight(init::constant(scale))
                .build(&mut rng)?;
            let x = Tensor::normal([6, 4], 0.0, 1.0, DType::F32, &mut rng)?.mul_scalar(factor);
            let labels = Indices::from([0, 1, 2, 0, 1, 2]);
            let report = signal::inspect(&net, |net, pass| {
                net.forward(&x, pass)?.cross_entropy(&labels)
            })?;
            let svg = report.to_svg()?;
            assert!(svg.contains("hidden.0.linear") && svg.contains(&report.verdict().to_string()));
            assert!(report.to_png()?.len() > 1000);
        }
        Ok(())
    }
}
