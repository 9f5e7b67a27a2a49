//! The sections of the page.

use super::HtmlReport;
use super::page::{drawing, pairs, scrolling, section, text, verbatim};
use crate::logs::table::{chosen, short};
use crate::{History, Table};
use cotangent_core::Result;
use cotangent_core::kernel::Tier;
use cotangent_figure::Figure;
use std::env::consts::{ARCH, OS};
use std::fmt::Write;
use std::thread::available_parallelism;

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
    details += &section("Versions", &versions());
    Ok(details)
}

/// Returns a table of the versions and the machine, on which the bits of a run may depend.
fn versions() -> String {
    let threads = available_parallelism().map_or(1, usize::from).to_string();
    let instructions = format!("{:?}", Tier::current());
    let processor = processor();
    let mut versions = vec![("cotangent", env!("CARGO_PKG_VERSION"))];
    versions.extend(option_env!("COTANGENT_RUSTC").map(|version| ("compiler", version)));
    versions.extend([("system", OS), ("architecture", ARCH)]);
    versions.extend(processor.iter().map(|name| ("processor", &name[..])));
    versions.extend([
        ("instruction set", &instructions[..]),
        ("hardware threads", &threads[..]),
    ]);
    pairs(versions)
}

/// Returns the name of the processor, where the system has a file with it, as Linux does.
fn processor() -> Option<String> {
    let info = std::fs::read_to_string("/proc/cpuinfo").ok()?;
    let line = info.lines().find(|line| line.starts_with("model name"))?;
    let (_, name) = line.split_once(':')?;
    Some(name.trim().to_owned())
}
