//! The frame of the page, and its pieces of HTML.

use std::fmt::Write;

/// The body of a page in two parts, between which figures are inserted.
#[derive(Clone, Debug)]
pub(super) struct Page {
    pub title: String,
    /// The outcome, the curves and the tables.
    pub results: String,
    /// The model, settings and versions.
    pub details: String,
}

impl Page {
    /// Returns the whole document.
    pub fn with_figures(&self, figures: &[(String, String)]) -> String {
        let title = text(&self.title);
        let figures: String = figures
            .iter()
            .map(|(title, svg)| section(title, &scrolling(&drawing(title, svg))))
            .collect();
        let (results, details) = (&self.results, &self.details);
        format!(
            "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n\
             <h1>{title}</h1>\n{results}{figures}{details}</main>\n</body>\n</html>\n"
        )
    }
}

/// Wide tables and texts scroll inside their section, so that the page fits a phone.
const STYLE: &str = include_str!("style.css");

/// Returns text that a browser shows as it is, also in an attribute in double quotes.
pub(super) fn text(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            character if is_forbidden(character) => escaped.push('\u{fffd}'),
            character => escaped.push(character),
        }
    }
    escaped
}

/// Returns whether HTML has no such character.
fn is_forbidden(character: char) -> bool {
    character.is_control() && !matches!(character, '\n' | '\t')
}

/// Returns a section. Its content is HTML.
pub(super) fn section(title: &str, content: &str) -> String {
    format!("<section>\n<h2>{}</h2>\n{content}</section>\n", text(title))
}

/// Returns an SVG with a description for readers that do not see it.
pub(super) fn drawing(title: &str, svg: &str) -> String {
    let svg = svg.replacen(
        "<svg ",
        &format!("<svg role=\"img\" aria-label=\"{}\" ", text(title)),
        1,
    );
    let svg = svg.trim_end().replace(is_forbidden, "\u{fffd}");
    format!("<figure>\n{svg}\n</figure>\n")
}

/// Returns text with its spaces and line breaks.
pub(super) fn verbatim(lines: &str) -> String {
    format!("<pre>{}</pre>\n", text(lines.trim_end()))
}

/// Returns a table of two columns, a name and a value.
pub(super) fn pairs<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let mut rows = String::new();
    for (name, value) in pairs {
        let (name, value) = (text(name), text(value));
        let _ = writeln!(
            rows,
            "<tr><th scope=\"row\">{name}</th><td>{value}</td></tr>"
        );
    }
    scrolling(&format!(
        "<table class=\"pairs\">\n<tbody>\n{rows}</tbody>\n</table>\n"
    ))
}

/// Returns content that scrolls sideways where it is wider than the page.
pub(super) fn scrolling(content: &str) -> String {
    format!("<div class=\"wide\">\n{content}</div>\n")
}
