//! One pair of axes with lines and bands.

use crate::scale::{Kind, Positions, Scale};
use crate::style::{self, FAINT, GRID, INK, LINE, MARGIN, TEXT};
use crate::{Area, Drawn};
use plotters::chart::ChartContext;
use plotters::coord::cartesian::Cartesian2d;
use plotters::drawing::DrawingAreaErrorKind;
use plotters::element::{DashedPathElement, Polygon};
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use std::ops::Range;

/// Lines over one pair of axes.
///
/// Lines and bands with the same label have the same colour, here and in the other charts of a
/// [`Charts`](crate::Charts). Values that are not finite leave a gap, and on a logarithmic axis
/// those that are not above 0 do too.
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct Chart {
    title: String,
    x: Axis,
    y: Axis,
    y_range: Option<(f64, f64)>,
    pub(crate) series: Vec<Series>,
    levels: Vec<f64>,
    verticals: Vec<f64>,
}

#[derive(Clone, Debug, Default)]
struct Axis {
    label: String,
    kind: Kind,
}

#[derive(Clone, Debug)]
pub(crate) struct Series {
    pub(crate) label: String,
    shape: Shape,
}

#[derive(Clone, Debug)]
enum Shape {
    Line(Vec<(f64, f64)>),
    /// `(x, low, high)`.
    Band(Vec<(f64, f64, f64)>),
}

impl Chart {
    /// Creates empty axes with these labels.
    pub fn new(x_label: impl Into<String>, y_label: impl Into<String>) -> Self {
        let axis = |label| Axis {
            label,
            kind: Kind::Linear,
        };
        Self {
            x: axis(x_label.into()),
            y: axis(y_label.into()),
            ..Self::default()
        }
    }

    /// Sets a title above this chart alone.
    pub fn title(mut self, title: impl Into<String>) -> Self {
        self.title = title.into();
        self
    }

    /// Makes the x axis logarithmic.
    pub fn log_x(mut self) -> Self {
        self.x.kind = Kind::Log;
        self
    }

    /// Makes the y axis logarithmic.
    pub fn log_y(mut self) -> Self {
        self.y.kind = Kind::Log;
        self
    }

    /// Sets the bounds of the y axis, instead of those of the data. Lines are clipped there.
    pub fn y_range(mut self, low: f64, high: f64) -> Self {
        self.y_range = Some((low, high));
        self
    }

    /// Adds a line through the points `(x, y)`.
    pub fn line(
        self,
        label: impl Into<String>,
        points: impl IntoIterator<Item = (f64, f64)>,
    ) -> Self {
        self.push(label.into(), Shape::Line(points.into_iter().collect()))
    }

    /// Adds a band from `low` to `high` at each x, as `(x, low, high)`, shaded behind the lines.
    pub fn band(
        self,
        label: impl Into<String>,
        points: impl IntoIterator<Item = (f64, f64, f64)>,
    ) -> Self {
        self.push(label.into(), Shape::Band(points.into_iter().collect()))
    }

    /// Adds a dashed horizontal line, for comparison.
    pub fn level(mut self, y: f64) -> Self {
        self.levels.push(y);
        self
    }

    /// Adds a dashed vertical line, to mark a position.
    pub fn vertical(mut self, x: f64) -> Self {
        self.verticals.push(x);
        self
    }

    fn push(mut self, label: String, shape: Shape) -> Self {
        self.series.push(Series { label, shape });
        self
    }

    fn y_values(&self) -> impl Iterator<Item = f64> + Clone {
        let series = self.series.iter().flat_map(|series| series.shape.points());
        series.map(|(_, y)| y).chain(self.levels.iter().copied())
    }

    /// Draws the chart. `index` numbers the labels and thereby the colours.
    pub(crate) fn draw<B: DrawingBackend>(
        &self,
        area: &Area<B>,
        index: impl Fn(&str) -> usize,
    ) -> Drawn<B> {
        let (width, height) = area.dim_in_pixel();
        let x_values = self.series.iter().flat_map(|series| series.shape.points());
        let x_values = x_values
            .map(|(x, _)| x)
            .chain(self.verticals.iter().copied());
        let (columns, rows) = ((width / 110).max(2) as usize, (height / 90).max(2) as usize);
        let x = Scale::fit(self.x.kind, None, x_values, columns);
        let y = Scale::fit(self.y.kind, self.y_range, self.y_values(), rows);
        let mut chart = self.draw_axes(area, &x, &y)?;

        let (across, along) = (chart.x_range(), chart.y_range());
        let levels = self.levels.iter().map(|&level| y.position(level));
        let levels = levels.filter(|level| along.contains(level));
        let levels = levels.map(|level| [(across.start, level), (across.end, level)]);
        let verticals = self.verticals.iter().map(|&place| x.position(place));
        let verticals = verticals.filter(|place| across.contains(place));
        let verticals = verticals.map(|place| [(place, along.start), (place, along.end)]);
        for ends in levels.chain(verticals) {
            let element = DashedPathElement::new(ends, 14, 10, FAINT.stroke_width(3));
            chart.draw_series([element])?;
        }
        // Bands come first, so that they hide no line.
        for series in &self.series {
            if let Shape::Band(points) = &series.shape {
                let color = style::color(index(&series.label)).mix(0.2);
                let at = |&(a, low, high): &(f64, f64, f64)| {
                    (x.position(a), y.position(low), y.position(high))
                };
                let points: Vec<_> = points.iter().map(at).collect();
                let gap = |&(a, low, high): &(f64, f64, f64)| !(a + low + high).is_finite();
                for part in points.split(gap) {
                    let low = part.iter().map(|&(a, low, _)| (a, low));
                    let high = part.iter().rev().map(|&(a, _, high)| (a, high));
                    let outline = visible_area(low.chain(high).collect(), &along);
                    chart.draw_series([Polygon::new(outline, color.filled())])?;
                }
            }
        }
        for series in &self.series {
            if let Shape::Line(points) = &series.shape {
                let at = |&(a, b): &(f64, f64)| (x.position(a), y.position(b));
                let points: Vec<_> = points.iter().map(at).collect();
                draw_line(&mut chart, &points, &along, index(&series.label))?;
            }
        }
        Ok(())
    }

    /// Draws title, grid, ticks and labels.
    fn draw_axes<'a, B: DrawingBackend>(
        &self,
        area: &Area<B>,
        x: &Scale,
        y: &Scale,
    ) -> Result<Axes<'a, B>, DrawingAreaErrorKind<B::ErrorType>> {
        let style = style::text(TEXT, INK);
        let widest = y
            .labels()
            .map(|label| style::text_width(&label, &style))
            .max();
        let line = (TEXT * 1.4) as i32;
        let (left, right) = (widest.unwrap_or(0) + line + 24, MARGIN + 12);
        let (width, _) = area.dim_in_pixel();
        let title = style::wrap(
            &self.title,
            &style,
            width as i32 - MARGIN / 2 - left - right,
        );
        let mut chart = ChartBuilder::on(area)
            .margin(MARGIN / 2)
            .margin_right(right)
            .margin_top(MARGIN / 2 + title.len() as i32 * line)
            .set_label_area_size(LabelAreaPosition::Bottom, 2 * line + 16)
            .set_label_area_size(LabelAreaPosition::Left, left)
            .build_cartesian_2d(Positions(x.clone()), Positions(y.clone()))?;
        let (across, _) = chart.plotting_area().get_pixel_range();
        let (start, _) = area.get_base_pixel();
        let middle = i32::midpoint(across.start, across.end) - start;
        let centered = style.pos(Pos::new(HPos::Center, VPos::Top));
        for (row, text) in (0..).zip(title) {
            area.draw_text(&text, &centered, (middle, MARGIN / 4 + row * line))?;
        }
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
        Ok(chart)
    }
}

type Axes<'a, B> = ChartContext<'a, B, Cartesian2d<Positions, Positions>>;

impl Shape {
    /// Returns all points; of a band, those of the lower edge and then those of the upper.
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

/// Draws a line. If it has few points, each has a mark.
fn draw_line<B: DrawingBackend>(
    chart: &mut Axes<B>,
    points: &[(f64, f64)],
    along: &Range<f64>,
    index: usize,
) -> Drawn<B> {
    let stroke = style::color(index).stroke_width(LINE);
    for part in visible_parts(points, along) {
        chart.draw_series(LineSeries::new(part, stroke))?;
    }
    if points.len() <= 25 {
        let inside = points
            .iter()
            .filter(|&&(x, y)| x.is_finite() && along.contains(&y));
        chart.draw_series(inside.map(|&at| EmptyElement::at(at) + mark(index)))?;
    }
    Ok(())
}

/// Splits a line at points that are not finite, and clips it at the edges of the chart.
fn visible_parts(points: &[(f64, f64)], along: &Range<f64>) -> Vec<Vec<(f64, f64)>> {
    let mut parts: Vec<Vec<(f64, f64)>> = Vec::new();
    for ends in points.windows(2) {
        let (from, to) = (ends[0], ends[1]);
        let finite = [from.0, from.1, to.0, to.1].into_iter().all(f64::is_finite);
        let outside = from.1.max(to.1) < along.start || from.1.min(to.1) > along.end;
        if !finite || outside {
            continue;
        }
        let cut = |end: (f64, f64), other| match end.1.clamp(along.start, along.end) {
            edge if edge == end.1 => end,
            edge => crossing(end, other, edge),
        };
        let (from, to) = (cut(from, to), cut(to, from));
        match parts.last_mut() {
            Some(part) if part.last() == Some(&from) => part.push(to),
            _ => parts.push(vec![from, to]),
        }
    }
    parts
}

/// Clips an area at the upper and at the lower edge of the chart (Sutherland, Hodgman 1974,
/// Reentrant Polygon Clipping).
fn visible_area(outline: Vec<(f64, f64)>, along: &Range<f64>) -> Vec<(f64, f64)> {
    [(along.start, 1.0), (along.end, -1.0)]
        .into_iter()
        .fold(outline, |outline, (edge, sign)| {
            let inside = |corner: (f64, f64)| (corner.1 - edge) * sign >= 0.0;
            let mut left = Vec::new();
            let next = outline.iter().cycle().skip(1);
            for (&from, &to) in outline.iter().zip(next) {
                if inside(from) {
                    left.push(from);
                }
                if inside(from) != inside(to) {
                    left.push(crossing(from, to, edge));
                }
            }
            left
        })
}

/// Returns where the line between two points, one on either side, crosses the height `edge`.
fn crossing(from: (f64, f64), to: (f64, f64), edge: f64) -> (f64, f64) {
    let share = (edge - from.1) / (to.1 - from.1);
    (from.0 + share * (to.0 - from.0), edge)
}

/// Returns the mark of series number `index`. Its shape identifies the series in black and white.
pub(crate) fn mark(index: usize) -> Polygon<(i32, i32)> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_cut_at_the_edges_and_at_gaps() {
        let line = [
            (0.0, 0.5),
            (1.0, 2.5),
            (2.0, 3.0),
            (3.0, -1.0),
            (4.0, f64::NAN),
            (5.0, 0.0),
        ];
        let parts = visible_parts(&line, &(0.0..1.0));
        assert_eq!(
            parts,
            [[(0.0, 0.5), (0.25, 1.0)], [(2.5, 1.0), (2.75, 0.0)]]
        );
        let inside = [(0.0, 0.5), (1.0, 0.25), (2.0, 1.0)];
        assert_eq!(visible_parts(&inside, &(0.0..1.0)), [inside.to_vec()]);
    }

    #[test]
    fn areas_are_cut_at_the_edges() {
        let triangle = vec![(0.0, 0.0), (2.0, 0.0), (1.0, 2.0)];
        let cut = [(0.0, 0.0), (2.0, 0.0), (1.5, 1.0), (0.5, 1.0)];
        assert_eq!(visible_area(triangle.clone(), &(0.0..1.0)), cut);
        assert_eq!(visible_area(triangle.clone(), &(0.0..2.0)), triangle);
        assert_eq!(visible_area(triangle, &(3.0..4.0)), []);
    }
}
