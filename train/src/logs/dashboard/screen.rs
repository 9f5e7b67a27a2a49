//! The picture: progress, the curve of the loss, and the latest values.

use crate::logs::curve::Curve;
use crate::logs::table::{one_line, short};
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Style, Stylize};
use ratatui::symbols::Marker;
use ratatui::text::Line;
use ratatui::widgets::{Axis, Block, Chart, Dataset, Gauge, GraphType, Row, Table};

/// The values that the dashboard shows.
#[derive(Clone, Debug, Default)]
pub(super) struct View {
    /// The epoch, the steps and the pace.
    pub heading: String,
    /// The share of the steps that are done, if it is known.
    pub done: Option<f64>,
    /// The loss by step.
    pub loss: Curve,
    /// The loss of the validation by step.
    pub validation: Curve,
    /// The means of the present epoch.
    pub values: Vec<(String, f64)>,
    /// The values of the last epoch.
    pub last: Vec<(String, f64)>,
    /// Whether the run ends after the current step.
    pub is_stopping: bool,
}

/// Draws the view on the whole screen, whatever its size.
pub(super) fn draw(frame: &mut Frame<'_>, view: &View) {
    let heading = u16::from(!view.heading.is_empty());
    let [heading, gauge, middle, foot] = Layout::vertical([
        Constraint::Length(heading),
        Constraint::Length(u16::from(view.done.is_some())),
        Constraint::Min(0),
        Constraint::Length(1),
    ])
    .areas(frame.area());
    frame.render_widget(Line::from(view.heading.as_str()).bold(), heading);
    if let Some(done) = view.done {
        let bar = Gauge::default().ratio(done.clamp(0.0, 1.0));
        frame.render_widget(bar.gauge_style(Style::new().fg(Color::Cyan)), gauge);
    }
    let keys = if view.is_stopping {
        "ends after this step; Ctrl-C again ends the process at once"
    } else {
        "Ctrl-C ends the run after this step"
    };
    frame.render_widget(Line::from(keys).dim(), foot);

    let rows = view.rows();
    let wanted = rows.len() as u16 + 3;
    // Beside the chart on a wide screen, below it on a narrow one.
    let parts = if middle.width >= 100 {
        Layout::horizontal([Constraint::Min(40), Constraint::Length(48)])
    } else {
        Layout::vertical([Constraint::Min(6), Constraint::Max(wanted)])
    };
    let [chart, table] = parts.areas(middle);
    draw_chart(frame, chart, view);
    // A number that is cut off would be another one.
    let mut widths = vec![
        Constraint::Fill(1),
        Constraint::Length(10),
        Constraint::Length(10),
    ];
    if table.width < 34 {
        widths.pop();
    }
    let columns = widths.len();
    let rows = rows.into_iter();
    let rows = rows.map(|row| Row::new(row.into_iter().take(columns)));
    let header = ["", "this epoch", "last epoch"].into_iter().take(columns);
    let values = Table::new(rows, widths)
        .header(Row::new(header).dim())
        .block(Block::bordered().title("values"));
    frame.render_widget(values, table);
}

fn draw_chart(frame: &mut Frame<'_>, area: Rect, view: &View) {
    let curves = [
        ("training", view.loss.points(), Color::Cyan),
        ("validation", view.validation.points(), Color::Yellow),
    ];
    let all = || curves.iter().flat_map(|(_, points, _)| points.iter());
    let x = bounds(all().map(|(step, _)| *step));
    let y = bounds(all().map(|(_, value)| *value));
    let curves = curves.iter().filter(|(_, points, _)| !points.is_empty());
    let curves = curves.map(|(name, points, color)| {
        Dataset::default()
            .name(*name)
            .marker(Marker::Braille)
            .graph_type(GraphType::Line)
            .style(Style::new().fg(*color))
            .data(points)
    });
    let steps = x.map(|step| format!("{step:.0}"));
    let chart = Chart::new(curves.collect())
        .block(Block::bordered().title("loss by step"))
        .x_axis(Axis::default().bounds(x).labels(steps))
        .y_axis(Axis::default().bounds(y).labels(y.map(short)));
    frame.render_widget(chart, area);
}

/// Returns the range of the values, with some room if they are equal.
fn bounds(values: impl Iterator<Item = f64>) -> [f64; 2] {
    let range = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| {
        (low.min(value), high.max(value))
    });
    match range {
        (low, high) if low > high => [0.0, 1.0],
        (low, high) if low == high => [low - 0.5, high + 0.5],
        (low, high) => [low, high],
    }
}

impl View {
    /// Returns the rows of the table: the name, its mean in this epoch, its value in the last one.
    fn rows(&self) -> Vec<[String; 3]> {
        let find = |values: &[(String, f64)], name: &str| {
            let found = values.iter().find(|(known, _)| known == name);
            found.map_or_else(String::new, |(_, value)| short(*value))
        };
        let mut names: Vec<&String> = self.values.iter().map(|(name, _)| name).collect();
        for (name, _) in &self.last {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        let row = |name: &&String| {
            [
                one_line(name),
                find(&self.values, name),
                find(&self.last, name),
            ]
        };
        names.iter().map(row).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ratatui::Terminal;
    use ratatui::backend::TestBackend;

    fn view() -> View {
        let mut view = View {
            heading: "epoch 2/4  step 5  10 steps/s, 3 seconds left".to_owned(),
            done: Some(0.4),
            values: vec![("loss".to_owned(), 0.5)],
            last: vec![
                ("loss".to_owned(), 0.75),
                ("validation_loss\n".to_owned(), 0.8),
            ],
            ..View::default()
        };
        for step in 1..=5000 {
            view.loss.push(step, 1.0 / step as f64);
        }
        view.loss.push(5001, f64::NAN);
        view.validation.push(2500, 0.8);
        view
    }

    fn screen(width: u16, height: u16, view: &View) -> String {
        let mut terminal = match Terminal::new(TestBackend::new(width, height)) {
            Ok(terminal) => terminal,
            Err(never) => match never {},
        };
        let Ok(drawn) = terminal.draw(|frame| draw(frame, view));
        let cells = drawn.buffer.content.chunks(usize::from(width.max(1)));
        let line = |cells: &[ratatui::buffer::Cell]| -> String {
            cells.iter().map(ratatui::buffer::Cell::symbol).collect()
        };
        cells.map(line).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn all_values_are_on_a_wide_and_on_a_narrow_screen() {
        for width in [60, 120] {
            let screen = screen(width, 30, &view());
            for text in [
                "epoch 2/4",
                "40%",
                "loss by step",
                "training",
                "validation",
                "this epoch",
                "0.5000",
                "0.7500",
                "validation_loss\u{fffd}",
                "Ctrl-C ends",
            ] {
                assert!(screen.contains(text), "{text} is missing:\n{screen}");
            }
        }
        let stopping = View {
            is_stopping: true,
            ..view()
        };
        assert!(screen(80, 24, &stopping).contains("ends after this step"));
    }

    #[test]
    fn numbers_of_a_narrow_screen_are_whole() {
        let view = View {
            values: vec![("a long name of a value".to_owned(), -1.234e-100)],
            last: vec![("a long name of a value".to_owned(), -5.678e-100)],
            ..View::default()
        };
        for (width, shown) in [(20, 1), (33, 1), (34, 2), (40, 2)] {
            let screen = screen(width, 30, &view);
            let numbers = ["-1.23e-100", "-5.68e-100"];
            let found = numbers.map(|number| screen.matches(number).count());
            assert_eq!(found.iter().sum::<usize>(), shown, "{screen}");
            assert_eq!(screen.matches("e-1").count(), shown, "{screen}");
        }
    }

    #[test]
    fn every_size_and_an_empty_view_can_be_drawn() {
        for width in (0..14).chain([99, 100, 101, 500]) {
            for height in (0..14).chain([200]) {
                screen(width, height, &view());
                screen(width, height, &View::default());
            }
        }
    }
}
