//! One pair of axes with lines and bands on it.

use super::scale::{Kind, Scale};
use super::style::{self, FAINT, GRID, INK, LINE, MARGIN, TEXT};
use super::{Area, Drawn};
use plotters::chart::ChartContext;
use plotters::coord::cartesian::Cartesian2d;
use plotters::element::{DashedPathElement, Polygon};
use plotters::prelude::*;

/// Lines over one pair of axes.
///
/// Lines and bands of one label have one colour, here and in the other charts of a
/// [`Charts`](super::Charts). Values that are not finite, and on a logarithmic axis those that are
/// not above 0, leave a gap.
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct Chart {
    title: String,
    pub(super) x: Axis,
    pub(super) y: Axis,
    pub(super) series: Vec<Series>,
    levels: Vec<f64>,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Axis {
    label: String,
    kind: Kind,
    pub(super) range: Option<(f64, f64)>,
}

#[derive(Clone, Debug)]
pub(super) struct Series {
    pub(super) label: String,
    shape: Shape,
}

#[derive(Clone, Debug)]
enum Shape {
    Line(Vec<(f64, f64)>),
    /// (x, low, high).
    Band(Vec<(f64, f64, f64)>),
}

impl Chart {
    /// Empty axes with what is on them.
    pub fn new(x_label: impl Into<String>, y_label: impl Into<String>) -> Self {
        let axis = |label| Axis {
            label,
            ..Axis::default()
        };
        Self {
            x: axis(x_label.into()),
            y: axis(y_label.into()),
            ..Self::default()
        }
    }

    /// A title above this chart alone.
    pub fn title(mut self, title: impl Into<String>) -> Self {
        self.title = title.into();
        self
    }

    /// A logarithmic x axis.
    pub fn log_x(mut self) -> Self {
        self.x.kind = Kind::Log;
        self
    }

    /// A logarithmic y axis.
    pub fn log_y(mut self) -> Self {
        self.y.kind = Kind::Log;
        self
    }

    /// Bounds of the y axis in place of those of the data; what lies beyond is drawn at the edge.
    pub fn y_range(mut self, low: f64, high: f64) -> Self {
        self.y.range = Some((low, high));
        self
    }

    /// A line through the points, each (x, y).
    pub fn line(
        self,
        label: impl Into<String>,
        points: impl IntoIterator<Item = (f64, f64)>,
    ) -> Self {
        self.push(label.into(), Shape::Line(points.into_iter().collect()))
    }

    /// The range from low to high at each x, each (x, low, high), shaded behind the lines.
    pub fn band(
        self,
        label: impl Into<String>,
        points: impl IntoIterator<Item = (f64, f64, f64)>,
    ) -> Self {
        self.push(label.into(), Shape::Band(points.into_iter().collect()))
    }

    /// A dashed line across the chart, to compare with.
    pub fn level(mut self, y: f64) -> Self {
        self.levels.push(y);
        self
    }

    fn push(mut self, label: String, shape: Shape) -> Self {
        self.series.push(Series { label, shape });
        self
    }

    /// All y values: what several charts must hold to have one y axis.
    pub(super) fn y_values(&self) -> impl Iterator<Item = f64> + Clone {
        let series = self.series.iter().flat_map(|series| series.shape.points());
        series.map(|(_, y)| y).chain(self.levels.iter().copied())
    }

    /// Draws the chart; `index` numbers the labels, and with them the colours.
    pub(super) fn draw<B: DrawingBackend>(
        &self,
        area: &Area<B>,
        y_range: Option<(f64, f64)>,
        index: impl Fn(&str) -> usize,
    ) -> Drawn<B> {
        let (width, height) = area.dim_in_pixel();
        let x_values = self.series.iter().flat_map(|series| series.shape.points());
        let x = Scale::fit(
            self.x.kind,
            self.x.range,
            x_values.map(|(x, _)| x),
            (width / 150).max(2) as usize,
        );
        let y = Scale::fit(
            self.y.kind,
            self.y.range.or(y_range),
            self.y_values(),
            (height / 90).max(2) as usize,
        );

        let style = style::text(TEXT, INK);
        let labels = y.ticks().iter().map(|tick| {
            use plotters::coord::ranged1d::ValueFormatter;
            style::text_width(&y.format_ext(tick), &style)
        });
        let widest = labels.max().unwrap_or_default();
        let line = (TEXT * 1.4) as i32;
        let mut builder = ChartBuilder::on(area);
        builder
            .margin(MARGIN / 2)
            .margin_right(MARGIN + 12)
            .set_label_area_size(LabelAreaPosition::Bottom, 2 * line + 16)
            .set_label_area_size(LabelAreaPosition::Left, widest + line + 24);
        if !self.title.is_empty() {
            builder.caption(&self.title, style.clone());
        }
        let mut chart = builder.build_cartesian_2d(x.clone(), y.clone())?;
        chart
            .configure_mesh()
            .bold_line_style(GRID.stroke_width(2))
            .light_line_style(TRANSPARENT)
            .axis_style(FAINT.stroke_width(2))
            .label_style(style.clone())
            .axis_desc_style(style)
            .x_desc(&self.x.label)
            .y_desc(&self.y.label)
            .set_all_tick_mark_size(8)
            .draw()?;

        let across = chart.x_range();
        for &level in self.levels.iter().filter(|&&level| y.holds(level)) {
            let ends = [(across.start, level), (across.end, level)];
            let element = DashedPathElement::new(ends, 14, 10, FAINT.stroke_width(3));
            chart.draw_series([element])?;
        }
        let color = |series: &Series| style::color(index(&series.label));
        let fits = |&(x_value, y_value): &(f64, f64)| x.holds(x_value) && y.holds(y_value);
        // Bands first: no line is hidden by one.
        for series in &self.series {
            if let Shape::Band(points) = &series.shape {
                let low = points.iter().map(|&(x, low, _)| (x, low));
                let high = points.iter().rev().map(|&(x, _, high)| (x, high));
                let edge: Vec<_> = low.chain(high).filter(fits).collect();
                chart.draw_series([Polygon::new(edge, color(series).mix(0.2).filled())])?;
            }
        }
        for series in &self.series {
            if let Shape::Line(points) = &series.shape {
                for part in points.split(|point| !fits(point)) {
                    draw_line(&mut chart, part, index(&series.label))?;
                }
            }
        }
        Ok(())
    }
}

impl Shape {
    /// All points, those of a band's two edges after each other.
    fn points(&self) -> impl Iterator<Item = (f64, f64)> + Clone {
        let (line, band): (&[_], &[_]) = match self {
            Self::Line(points) => (points, &[]),
            Self::Band(points) => (&[], points),
        };
        let band = band
            .iter()
            .flat_map(|&(x, low, high)| [(x, low), (x, high)]);
        line.iter().copied().chain(band)
    }
}

/// A line, with a mark at each point where they are few.
fn draw_line<B: DrawingBackend>(
    chart: &mut ChartContext<B, Cartesian2d<Scale, Scale>>,
    points: &[(f64, f64)],
    index: usize,
) -> Drawn<B> {
    let color = style::color(index);
    chart.draw_series(LineSeries::new(points.to_vec(), color.stroke_width(LINE)))?;
    if points.len() <= 25 {
        let marks = points.iter().map(|&at| EmptyElement::at(at) + mark(index));
        chart.draw_series(marks)?;
    }
    Ok(())
}

/// A mark for the series number `index`: the shape says in black and white what the colour says.
pub(super) fn mark(index: usize) -> Polygon<(i32, i32)> {
    const R: f64 = 10.0;
    let corners: &[(f64, f64)] = match index % 4 {
        0 => &[
            (1.0, 0.0),
            (0.87, 0.5),
            (0.5, 0.87),
            (0.0, 1.0),
            (-0.5, 0.87),
            (-0.87, 0.5),
            (-1.0, 0.0),
            (-0.87, -0.5),
            (-0.5, -0.87),
            (0.0, -1.0),
            (0.5, -0.87),
            (0.87, -0.5),
        ],
        1 => &[(0.85, 0.85), (-0.85, 0.85), (-0.85, -0.85), (0.85, -0.85)],
        2 => &[(0.0, -1.2), (1.1, 0.8), (-1.1, 0.8)],
        _ => &[(0.0, -1.25), (1.25, 0.0), (0.0, 1.25), (-1.25, 0.0)],
    };
    let pixel = |value: f64| (value * R).round() as i32;
    let corners: Vec<_> = corners.iter().map(|&(x, y)| (pixel(x), pixel(y))).collect();
    Polygon::new(corners, style::color(index).filled())
}
