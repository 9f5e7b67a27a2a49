//! The sections of the page.

use super::HtmlReport;
use super::page::{drawing, pairs, scrolling, section, text, verbatim};
use crate::logs::table::{chosen, short};
use crate::{History, Table};
use cotangent_core::Result;
use cotangent_figure::{Chart, Charts, Figure};
use std::fmt::Write;

/// The width of a chart in pixels. Its text is readable on a phone too.
const WIDTH: u32 = 900;

const VALIDATION: &str = "validation_";

/// Returns a chart over the epochs for each name, with the validation beside the training.
pub(super) fn curves(history: &History) -> Result<String> {
    let mut charts = String::new();
    for name in history.names() {
        let plain = name.strip_prefix(VALIDATION).unwrap_or(name);
        if plain != name && history.column(plain).is_some() {
            continue;
        }
        let epochs = || history.epochs().iter().map(|&epoch| epoch as f64);
        let mut chart = Chart::new("epoch", "");
        let lines = [
            ("training", plain.to_owned()),
            ("validation", format!("{VALIDATION}{plain}")),
        ];
        for (label, name) in lines {
            if let Some(values) = history.column(&name) {
                chart = chart.line(label, epochs().zip(values.iter().copied()));
            }
        }
        let figure = Charts::new(plain).width(WIDTH).push(chart);
        charts += &drawing(&format!("{plain} by epoch"), &figure.to_svg()?);
    }
    let content = format!("<div class=\"curves\">\n{charts}</div>\n");
    Ok(if charts.is_empty() {
        String::new()
    } else {
        section("Curves", &content)
    })
}

/// Returns a table of the first, the last, the best and some other epochs.
pub(super) fn epochs(history: &History, best: Option<u64>) -> String {
    let names = ["epoch", "step"].into_iter().chain(history.names());
    let head: String = names.map(column).collect();
    let chosen = chosen(history, best);
    let mut rows = String::new();
    for (i, row) in history.rows().enumerate() {
        if chosen.contains(&i) {
            let class = if best == Some(row.epoch()) {
                " class=\"best\""
            } else {
                ""
            };
            let values = row
                .values()
                .map(|(_, value)| format!("<td>{}</td>", short(value)));
            let values: String = values.collect();
            let (epoch, step) = (row.epoch(), row.step());
            let head = format!("<th scope=\"row\">{epoch}</th><td>{step}</td>");
            let _ = writeln!(rows, "<tr{class}>{head}{values}</tr>");
        }
    }
    let table =
        format!("<table>\n<thead>\n<tr>{head}</tr>\n</thead>\n<tbody>\n{rows}</tbody>\n</table>\n");
    section("Epochs", &scrolling(&table))
}

/// Returns a table of a metric, with each cell shaded by its share of the row's sum.
pub(super) fn heat(name: &str, table: &Table) -> String {
    let columns = table.column_names.len();
    let head: String = table.column_names.iter().map(column).collect();
    let values = table.values.to_f64_vec();
    let mut rows = String::new();
    for (name, row) in table.row_names.iter().zip(values.chunks(columns.max(1))) {
        let sum: f64 = row.iter().sum();
        let cells: String = row.iter().map(|&value| shaded(value, sum)).collect();
        let _ = writeln!(
            rows,
            "<tr><th scope=\"row\">{}</th>{cells}</tr>",
            text(name)
        );
    }
    let caption = format!(
        "rows: {}, columns: {}",
        text(&table.rows),
        text(&table.columns)
    );
    let table = format!(
        "<table class=\"heat\">\n<caption>{caption}</caption>\n<thead>\n<tr><td></td>{head}</tr>\n\
         </thead>\n<tbody>\n{rows}</tbody>\n</table>\n"
    );
    section(name, &scrolling(&table))
}

/// Returns the head of a column.
fn column(name: impl AsRef<str>) -> String {
    format!("<th scope=\"col\">{}</th>", text(name.as_ref()))
}

/// Returns a cell with its share of the row's sum as the colour.
fn shaded(value: f64, sum: f64) -> String {
    let level = (value / sum * 9.0).round().clamp(0.0, 9.0) as usize;
    format!("<td class=\"h{level}\">{}</td>", count(value))
}

/// Formats a count without decimals.
fn count(value: f64) -> String {
    if value.fract() == 0.0 {
        value.to_string()
    } else {
        short(value)
    }
}

/// Returns the sections on the model and the run.
pub(super) fn details(report: &HtmlReport) -> Result<String> {
    let mut details = String::new();
    if let Some(signal) = &report.signal {
        let figure = scrolling(&drawing("Signal report by layer", &signal.to_svg()?));
        let title = format!("Signal report, step {}", signal.step);
        details += &section(
            &title,
            &format!("{figure}{}", verbatim(&signal.to_string())),
        );
    }
    if let Some(model) = &report.model {
        details += &section("Model", &verbatim(model));
    }
    if !report.settings.is_empty() {
        let settings = report.settings.iter();
        details += &section(
            "Settings",
            &pairs(settings.map(|(name, value)| (&name[..], &value[..]))),
        );
    }
    let threads = std::thread::available_parallelism()
        .map_or(1, usize::from)
        .to_string();
    let versions = [
        ("cotangent", env!("CARGO_PKG_VERSION")),
        ("system", std::env::consts::OS),
        ("processor", std::env::consts::ARCH),
        ("hardware threads", &threads),
    ];
    details += &section("Versions", &pairs(versions));
    Ok(details)
}
