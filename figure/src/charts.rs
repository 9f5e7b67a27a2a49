//! Charts side by side under one title and one legend.

use crate::chart::{Chart, mark};
use crate::style::{self, FAINT, INK, LINE, MARGIN, TEXT, TITLE, WIDTH};
use crate::{Area, Drawn, Figure};
use plotters::prelude::*;

/// A figure of one or more [`Chart`]s: a title, a note for the reader, and a common legend.
///
/// ```
/// use cotangent::figure::{Chart, Charts, Figure};
/// let chart = |title: &str, slope: f64| {
///     let points = (0..=10).map(|i| (f64::from(i), slope * f64::from(i)));
///     Chart::new("x", "y").title(title).line("slope times x", points)
/// };
/// let figure = Charts::new("Two slopes").columns(2).push(chart("1", 1.0)).push(chart("2", 2.0));
/// assert_eq!(figure.size().0, 1080);
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Charts {
    title: String,
    note: String,
    columns: usize,
    width: u32,
    charts: Vec<Chart>,
}

impl Charts {
    /// Creates a figure without charts.
    pub fn new(title: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            note: String::new(),
            columns: 1,
            width: WIDTH,
            charts: Vec::new(),
        }
    }

    /// Sets a sentence below the title that says what the figure shows.
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.note = note.into();
        self
    }

    /// Sets how many charts are in a row, at least 1. The default is 1.
    pub fn columns(mut self, columns: usize) -> Self {
        self.columns = columns.max(1);
        self
    }

    /// Sets the width in pixels, from 400. The default is 1080, for up to two charts in a row. Text
    /// keeps its size, so that it is larger in a narrow figure that is shown at the same width.
    pub fn width(mut self, width: u32) -> Self {
        self.width = width.max(400);
        self
    }

    /// Adds a chart at the end.
    pub fn push(mut self, chart: Chart) -> Self {
        self.charts.push(chart);
        self
    }

    /// Returns the labels of all charts in the order of their first appearance.
    fn labels(&self) -> Vec<&str> {
        let mut labels = Vec::new();
        for series in self.charts.iter().flat_map(|chart| &chart.series) {
            if !labels.contains(&series.label.as_str()) {
                labels.push(&series.label);
            }
        }
        labels
    }

    fn rows(&self) -> usize {
        self.charts.len().div_ceil(self.columns).max(1)
    }
}

/// A piece of the heading and its place.
struct Piece<'a> {
    place: (i32, i32),
    what: What<'a>,
}

enum What<'a> {
    /// A line of text, its size and its color.
    Text(String, f64, RGBColor),
    /// The number of a label, and the label.
    Key(usize, &'a str),
}

/// The length of a line's sample in the legend.
const SAMPLE: i32 = 70;

impl Charts {
    /// Lays out title, note and legend, and returns their total height.
    fn heading(&self) -> (Vec<Piece<'_>>, i32) {
        let width = self.width.min(crate::MAX_SIDE) as i32 - 2 * MARGIN;
        let mut pieces = Vec::new();
        let mut y = MARGIN;
        for (text, size, color) in [(&self.title, TITLE, INK), (&self.note, TEXT, FAINT)] {
            let style = style::text(size, color);
            for line in style::wrap(text, &style, width) {
                pieces.push(Piece {
                    place: (MARGIN, y),
                    what: What::Text(line, size, color),
                });
                y += (size * 1.35) as i32;
            }
            y += 8;
        }
        let labels = self.labels();
        if labels.len() > 1 {
            y += 8;
            let style = style::text(TEXT, INK);
            let mut x = MARGIN;
            for (i, label) in labels.into_iter().enumerate() {
                let wide = SAMPLE + 14 + style::text_width(label, &style);
                if x > MARGIN && x + wide > MARGIN + width {
                    (x, y) = (MARGIN, y + (TEXT * 1.5) as i32);
                }
                pieces.push(Piece {
                    place: (x, y),
                    what: What::Key(i, label),
                });
                x += wide + MARGIN;
            }
            y += (TEXT * 1.6) as i32;
        }
        (pieces, y)
    }
}

impl Figure for Charts {
    fn size(&self) -> (u32, u32) {
        let height = match self.columns {
            1 => 640,
            2 => 560,
            _ => 470,
        };
        let (_, heading) = self.heading();
        (self.width, heading as u32 + self.rows() as u32 * height)
    }

    fn draw<B: DrawingBackend>(&self, area: &Area<B>) -> Drawn<B> {
        let (pieces, below) = self.heading();
        for Piece {
            place: (x, y),
            what,
        } in pieces
        {
            match what {
                What::Text(line, size, color) => {
                    area.draw_text(&line, &style::text(size, color), (x, y))?;
                }
                What::Key(index, label) => {
                    let middle = y + (TEXT * 0.45) as i32;
                    let stroke = style::color(index).stroke_width(LINE);
                    let sample = vec![(x, middle), (x + SAMPLE, middle)];
                    area.draw(&PathElement::new(sample, stroke))?;
                    area.draw(&(EmptyElement::at((x + SAMPLE / 2, middle)) + mark(index)))?;
                    let style = style::text(TEXT, INK);
                    area.draw_text(label, &style, (x + SAMPLE + 14, y))?;
                }
            }
        }

        let labels = self.labels();
        let index = |label: &str| labels.iter().position(|&known| known == label).unwrap_or(0);
        let (_, charts) = area.split_vertically(below);
        let places = charts.split_evenly((self.rows(), self.columns));
        for (place, chart) in places.iter().zip(&self.charts) {
            chart.draw(place, index)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cotangent_core::Result;

    /// Returns the figure as text and as pixels.
    fn drawn(figure: &Charts) -> Result<(String, Vec<u8>)> {
        Ok((figure.to_svg()?, figure.to_png()?))
    }

    #[test]
    fn unusual_data_is_drawn() -> Result<()> {
        drawn(&Charts::new(""))?;
        let odd = [
            (0.0, f64::NAN),
            (f64::INFINITY, 1.0),
            (1.0, 0.0),
            (2.0, -3.0),
            (3.0, 1e300),
        ];
        let band = odd.map(|(x, y)| (x, y, -y));
        for chart in [Chart::new("", ""), Chart::new("x", "y").log_y().log_x()] {
            let chart = chart
                .line("odd", odd)
                .line("none", [])
                .band("odd", band)
                .level(f64::NAN)
                .vertical(f64::NAN)
                .vertical(-1.0);
            drawn(
                &Charts::new("odd")
                    .columns(0)
                    .push(chart.clone())
                    .push(chart),
            )?;
        }
        // There are more charts than a chart would have pixels.
        let many = (0..40).fold(Charts::new("many").columns(40), |figure, i| {
            figure.push(Chart::new("x", "y").line("a", [(0.0, f64::from(i)), (1.0, 2.0)]))
        });
        drawn(&many)?;
        Ok(())
    }

    #[test]
    fn every_text_is_in_the_figure_once() -> Result<()> {
        let chart =
            || Chart::new("the x axis", "the y axis").line("first", [(0.0, 1.0), (1.0, 2.0)]);
        let second = chart()
            .title("right")
            .line("second", [(0.0, 1.5), (1.0, 0.5)]);
        let figure = Charts::new("the title").note("a note").columns(2);
        let (svg, _) = drawn(&figure.push(chart().title("left")).push(second))?;
        for text in ["the title", "a note", "left", "right", "first", "second"] {
            assert_eq!(
                svg.matches(&format!("{text}\n</text>")).count(),
                1,
                "{text}\n{svg}"
            );
        }
        assert_eq!(svg.matches("the x axis\n</text>").count(), 2);
        Ok(())
    }

    #[test]
    fn a_long_title_of_a_chart_is_broken_into_lines() -> Result<()> {
        let title = "a title that is wider than one of two charts in a row";
        let chart = Chart::new("x", "y")
            .title(title)
            .line("a", [(0.0, 1.0), (1.0, 2.0)]);
        let (svg, _) = drawn(&Charts::new("").columns(2).push(chart.clone()).push(chart))?;
        assert!(!svg.contains(title));
        let lines = svg
            .lines()
            .filter(|line| title.contains(line) && line.len() > 1);
        assert_eq!(lines.collect::<Vec<_>>().join(" "), [title; 2].join(" "));
        Ok(())
    }

    #[test]
    fn one_label_has_one_color_everywhere() -> Result<()> {
        let line = |label: &str| Chart::new("x", "y").line(label, [(0.0, 1.0), (1.0, 2.0)]);
        let figure = Charts::new("")
            .push(line("a"))
            .push(line("b"))
            .push(line("a"));
        let (svg, _) = drawn(&figure)?;
        // A line of data, and its sample in the legend.
        let lines = |color: &str| {
            svg.matches(&format!("stroke=\"{color}\" stroke-width=\"5\""))
                .count()
        };
        assert_eq!((lines("#0072B2"), lines("#D55E00")), (3, 2), "{svg}");
        Ok(())
    }

    #[test]
    fn long_text_is_broken_between_words() {
        let style = style::text(TEXT, INK);
        let lines = style::wrap(&"several words and again ".repeat(9), &style, 600);
        assert!(lines.len() > 3);
        assert!(
            lines
                .iter()
                .all(|line| style::text_width(line, &style) <= 600)
        );
        assert_eq!(lines.join(" "), "several words and again ".repeat(9).trim());
    }
}
