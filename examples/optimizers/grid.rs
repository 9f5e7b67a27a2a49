//! A figure of many small panels with common axes, for comparison.

use cotangent::figure::plotters::prelude::*;
use cotangent::figure::plotters::style::text_anchor::{HPos, Pos, VPos};
use cotangent::figure::style::{self, FAINT, GRID, INK, MARGIN, TEXT, TITLE, WIDTH};
use cotangent::figure::{Area, Drawn, Figure};
use std::ops::RangeInclusive;

/// An axis that all panels share, below them or at their left.
pub struct Axis {
    pub label: &'static str,
    pub range: RangeInclusive<f64>,
    /// The positions of the ticks and their labels.
    pub ticks: Vec<(f64, String)>,
}

#[derive(Clone, Copy)]
pub enum Look {
    Line(RGBColor, u32),
    /// A filled outline.
    Area(RGBColor),
    /// A disc with its radius.
    Disc(RGBColor, f64),
    /// A diamond with its radius.
    Diamond(RGBColor, f64),
}

/// A mark in a panel.
pub struct Mark {
    pub look: Look,
    pub points: Vec<(f64, f64)>,
}

pub struct Panel {
    pub title: String,
    pub note: String,
    pub marks: Vec<Mark>,
}

pub struct Grid {
    pub title: String,
    pub note: String,
    pub columns: usize,
    pub axes: [Axis; 2],
    /// The width of a panel divided by its height.
    pub aspect: f64,
    pub keys: Vec<(Look, &'static str)>,
    /// Marks of every panel, drawn below its own.
    pub background: Vec<Mark>,
    pub panels: Vec<Panel>,
}

const LINE_HEIGHT: i32 = 38;
const GAP: i32 = 28;
const LEFT: i32 = 130;
const BELOW: i32 = 64;
/// The space above each panel for its title and its note.
const ABOVE: i32 = 2 * LINE_HEIGHT + 10;
const SAMPLE: i32 = 56;
const DOT: i32 = 32;

impl Grid {
    fn rows(&self) -> i32 {
        self.panels.len().div_ceil(self.columns).max(1) as i32
    }

    /// Returns the width and the height of a panel.
    fn panel_size(&self) -> (i32, i32) {
        let columns = self.columns as i32;
        let width = (WIDTH as i32 - LEFT - MARGIN - (columns - 1) * GAP) / columns;
        (width, (f64::from(width) / self.aspect) as i32)
    }

    /// Returns the lines of title and note, with their sizes and colours.
    fn heading(&self) -> Vec<(String, f64, RGBColor)> {
        let lines = [(&self.title, TITLE, INK), (&self.note, TEXT, FAINT)];
        let lines = lines.into_iter().flat_map(|(text, size, color)| {
            let wrapped = style::wrap(text, &style::text(size, color), WIDTH as i32 - 2 * MARGIN);
            wrapped.into_iter().map(move |line| (line, size, color))
        });
        lines.collect()
    }

    fn heading_height(&self) -> i32 {
        let lines = self.heading();
        let lines: f64 = lines.iter().map(|(_, size, _)| size * 1.35).sum();
        MARGIN + lines as i32 + LINE_HEIGHT + 24
    }

    fn draw_heading<B: DrawingBackend>(&self, area: &Area<B>) -> Drawn<B> {
        let mut y = MARGIN;
        for (line, size, color) in self.heading() {
            area.draw_text(&line, &style::text(size, color), (MARGIN, y))?;
            y += (size * 1.35) as i32;
        }
        let (mut x, y) = (MARGIN, y + 12);
        let style = style::text(TEXT, INK);
        for &(look, label) in &self.keys {
            let middle = y + (TEXT * 0.45) as i32;
            let is_dot = matches!(look, Look::Disc(..) | Look::Diamond(..));
            let (from, to) = (x, x + if is_dot { DOT } else { SAMPLE });
            let sample = match look {
                Look::Area(_) => vec![
                    (from, middle - 10),
                    (to, middle - 10),
                    (to, middle + 10),
                    (from, middle + 10),
                ],
                Look::Line(..) => vec![(from, middle), (to, middle)],
                _ => vec![(i32::midpoint(from, to), middle)],
            };
            draw_mark(area, look, &sample)?;
            area.draw_text(label, &style, (to + 12, y))?;
            x = to + 12 + style::text_width(label, &style) + MARGIN;
        }
        Ok(())
    }

    /// Draws panel number `index` with the upper left corner of its frame at `corner`.
    fn draw_panel<B: DrawingBackend>(
        &self,
        area: &Area<B>,
        index: usize,
        (left, top): (i32, i32),
    ) -> Drawn<B> {
        let (width, height) = self.panel_size();
        let panel = &self.panels[index];
        let text = style::text(TEXT, INK);
        area.draw_text(&panel.title, &text, (left, top - ABOVE + 6))?;
        let faint = style::text(TEXT, FAINT);
        area.draw_text(&panel.note, &faint, (left, top - ABOVE + 6 + LINE_HEIGHT))?;

        let share = |axis: &Axis, value: f64| {
            (value - axis.range.start()) / (axis.range.end() - axis.range.start())
        };
        let [x_axis, y_axis] = &self.axes;
        let x = |value: f64| f64::from(left) + share(x_axis, value) * f64::from(width);
        let y = |value: f64| f64::from(top + height) - share(y_axis, value) * f64::from(height);
        let (right, bottom) = (left + width, top + height);

        let below = text.pos(Pos::new(HPos::Center, VPos::Top));
        let beside = text.pos(Pos::new(HPos::Right, VPos::Center));
        let lowest = index + self.columns >= self.panels.len();
        for (at, label) in &x_axis.ticks {
            let at = x(*at) as i32;
            draw_mark(area, Look::Line(GRID, 2), &[(at, top), (at, bottom)])?;
            if lowest {
                area.draw_text(label, &below, (at, bottom + 8))?;
            }
        }
        for (at, label) in &y_axis.ticks {
            let at = y(*at) as i32;
            draw_mark(area, Look::Line(GRID, 2), &[(left, at), (right, at)])?;
            if index.is_multiple_of(self.columns) {
                area.draw_text(label, &beside, (left - 10, at))?;
            }
        }
        if lowest {
            let middle = (i32::midpoint(left, right), bottom + 8 + LINE_HEIGHT);
            area.draw_text(x_axis.label, &below, middle)?;
        }

        let frame = [[left, right], [top, bottom]].map(|ends| ends.map(f64::from));
        for mark in self.background.iter().chain(&panel.marks) {
            let points = mark.points.iter().map(|&(a, b)| (x(a), y(b)));
            let points: Vec<_> = points.collect();
            for part in visible(mark.look, &points, frame) {
                draw_mark(area, mark.look, &part)?;
            }
        }
        let outline = [
            (left, top),
            (right, top),
            (right, bottom),
            (left, bottom),
            (left, top),
        ];
        draw_mark(area, Look::Line(FAINT, 2), &outline)
    }
}

impl Figure for Grid {
    fn size(&self) -> (u32, u32) {
        let (_, height) = self.panel_size();
        let rows = self.rows() * (height + ABOVE + GAP);
        (WIDTH, (self.heading_height() + rows + BELOW) as u32)
    }

    fn draw<B: DrawingBackend>(&self, area: &Area<B>) -> Drawn<B> {
        self.draw_heading(area)?;
        let (width, height) = self.panel_size();
        let top = self.heading_height();
        let turned = style::text(TEXT, INK)
            .transform(FontTransform::Rotate270)
            .pos(Pos::new(HPos::Center, VPos::Top));
        for index in 0..self.panels.len() {
            let (row, column) = (index / self.columns, index % self.columns);
            let left = LEFT + column as i32 * (width + GAP);
            let top = top + ABOVE + row as i32 * (height + ABOVE + GAP);
            self.draw_panel(area, index, (left, top))?;
            if column == 0 {
                let middle = (14, top + height / 2);
                area.draw_text(self.axes[1].label, &turned, middle)?;
            }
        }
        Ok(())
    }
}

fn draw_mark<B: DrawingBackend>(area: &Area<B>, look: Look, points: &[(i32, i32)]) -> Drawn<B> {
    match look {
        Look::Line(color, width) => area.draw(&PathElement::new(points, color.stroke_width(width))),
        Look::Area(color) => area.draw(&Polygon::new(points, color.filled())),
        Look::Disc(color, radius) => dots(area, points, color, &ring(16, radius)),
        Look::Diamond(color, radius) => dots(area, points, color, &ring(4, radius)),
    }
}

/// Returns the corners of a regular polygon around (0, 0).
fn ring(corners: u16, radius: f64) -> Vec<(i32, i32)> {
    let corner = |i| {
        let (sin, cos) = (f64::from(i) / f64::from(corners) * std::f64::consts::TAU).sin_cos();
        ((cos * radius).round() as i32, (sin * radius).round() as i32)
    };
    (0..corners).map(corner).collect()
}

/// Draws marks with a white rim, so that they are visible on lines of any colour.
fn dots<B: DrawingBackend>(
    area: &Area<B>,
    points: &[(i32, i32)],
    color: RGBColor,
    shape: &[(i32, i32)],
) -> Drawn<B> {
    for &(x, y) in points {
        let at = |&(dx, dy): &(i32, i32)| (x + dx, y + dy);
        let corners: Vec<_> = shape.iter().map(at).collect();
        let rim = [&corners[..], &corners[..2]].concat();
        area.draw(&PathElement::new(rim, WHITE.stroke_width(5)))?;
        area.draw(&Polygon::new(corners, color.filled()))?;
    }
    Ok(())
}

/// Clips a mark at the frame, in whole pixels: a line into its visible parts, an area at top and
/// bottom, dots one by one.
fn visible(look: Look, points: &[(f64, f64)], frame: [[f64; 2]; 2]) -> Vec<Vec<(i32, i32)>> {
    let pixel = |(x, y): (f64, f64)| (x.round() as i32, y.round() as i32);
    let [[left, right], [top, bottom]] = frame;
    match look {
        Look::Line(..) => {
            let mut parts: Vec<Vec<(i32, i32)>> = Vec::new();
            for ends in points.windows(2) {
                let Some((from, to)) = cut(ends[0], ends[1], frame) else {
                    continue;
                };
                let (from, to) = (pixel(from), pixel(to));
                match parts.last_mut() {
                    Some(part) if part.last() == Some(&from) => {
                        if from != to {
                            part.push(to);
                        }
                    }
                    _ => parts.push(vec![from, to]),
                }
            }
            parts
        }
        Look::Area(_) => {
            let inside = |&(x, y): &(f64, f64)| (x.clamp(left, right), y.clamp(top, bottom));
            vec![points.iter().map(inside).map(pixel).collect()]
        }
        Look::Disc(..) | Look::Diamond(..) => {
            let inside =
                |&&(x, y): &&(f64, f64)| (left..=right).contains(&x) && (top..=bottom).contains(&y);
            vec![points.iter().filter(inside).map(|&at| pixel(at)).collect()]
        }
    }
}

type Point = (f64, f64);

/// Returns the part of the line between two points that is inside the frame (Liang, Barsky 1984, A
/// New Concept and Method for Line Clipping).
fn cut(from: Point, to: Point, frame: [[f64; 2]; 2]) -> Option<(Point, Point)> {
    let (dx, dy) = (to.0 - from.0, to.1 - from.1);
    if !(dx.is_finite() && dy.is_finite()) {
        return None;
    }
    let (mut enter, mut leave) = (0.0f64, 1.0f64);
    for (start, way, [low, high]) in [(from.0, dx, frame[0]), (from.1, dy, frame[1])] {
        if way == 0.0 {
            if !(low..=high).contains(&start) {
                return None;
            }
            continue;
        }
        let (a, b) = ((low - start) / way, (high - start) / way);
        enter = enter.max(a.min(b));
        leave = leave.min(a.max(b));
    }
    let at = |share: f64| (from.0 + share * dx, from.1 + share * dy);
    (enter <= leave).then(|| (at(enter), at(leave)))
}
