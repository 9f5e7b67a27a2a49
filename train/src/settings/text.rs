//! TOML and JSON: reading with errors that name the place, writing, and pairs of text.

use super::place::{self, Part};
use super::reader::Wrong;
use super::value::{Value, numbers_of_json};
use cotangent_core::{Error, Result, replace_file};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_path_to_error::Track;
use std::cmp::Reverse;
use std::fmt::Display;
use std::fs;
use std::path::Path;
use toml::de::DeTable;

/// Reads settings from a file: JSON if its name ends in `.json`, else TOML.
///
/// # Errors
/// [`Error::Io`] if the file cannot be read. [`Error::Format`] if it is not valid; the error has
/// the line and column, the field, and the range that it must be in.
pub fn read<T: DeserializeOwned>(path: impl AsRef<Path>) -> Result<T> {
    let path = path.as_ref();
    let named = |error| match error {
        Error::Format { reason, .. } => Error::format(path, reason),
        error => error,
    };
    Language::of(path).read(&text(path)?).map_err(named)
}

/// Reads the text of a file.
fn text(path: &Path) -> Result<String> {
    let bytes = fs::read(path).map_err(|error| Error::io(path, error))?;
    String::from_utf8(bytes).map_err(|error| {
        let (at, bytes) = (error.utf8_error().valid_up_to(), error.into_bytes());
        let valid = String::from_utf8_lossy(&bytes[..at]);
        let (line, column) = place::line_and_column(&valid, valid.len());
        let reason = format!("line {line}, column {column}: the text is not valid UTF-8");
        Error::format(path, reason)
    })
}

/// Writes settings to a file, which is replaced if it exists: JSON if its name ends in `.json`,
/// else TOML.
///
/// # Errors
/// [`Error::Io`] if writing fails, [`Error::Argument`] if the format cannot represent the settings.
pub fn write<T: Serialize>(path: impl AsRef<Path>, settings: &T) -> Result<()> {
    let path = path.as_ref();
    let text = match Language::of(path) {
        Language::Json => to_json(settings)?,
        Language::Toml => to_toml(settings)?,
    };
    replace_file(path, text.as_bytes())
}

/// Reads settings from a text in TOML.
///
/// # Errors
/// [`Error::Format`] if it is not valid, as for [`read`].
pub fn from_toml<T: DeserializeOwned>(text: &str) -> Result<T> {
    Language::Toml.read(text)
}

/// Reads settings from a text in JSON.
///
/// # Errors
/// [`Error::Format`] if it is not valid, as for [`read`].
pub fn from_json<T: DeserializeOwned>(text: &str) -> Result<T> {
    Language::Json.read(text)
}

/// Returns settings as a text in TOML.
///
/// # Errors
/// [`Error::Argument`] if TOML cannot represent them.
pub fn to_toml<T: Serialize>(settings: &T) -> Result<String> {
    toml::to_string_pretty(settings).map_err(unwritten)
}

/// Returns settings as a text in JSON.
///
/// # Errors
/// [`Error::Argument`] if JSON cannot represent them.
pub fn to_json<T: Serialize>(settings: &T) -> Result<String> {
    serde_json::to_string_pretty(settings).map_err(unwritten)
}

/// Returns each value with the path of its field, such as `optimizer.learning_rate`.
pub(crate) fn pairs<T: Serialize>(settings: &T) -> Result<Vec<(String, String)>> {
    fn flatten(path: String, value: serde_json::Value, pairs: &mut Vec<(String, String)>) {
        match value {
            serde_json::Value::Object(fields) => {
                for (name, value) in fields {
                    let path = match &*path {
                        "" => name,
                        path => format!("{path}.{name}"),
                    };
                    flatten(path, value, pairs);
                }
            }
            serde_json::Value::Array(all) if all.iter().any(serde_json::Value::is_object) => {
                for (index, value) in all.into_iter().enumerate() {
                    flatten(format!("{path}[{index}]"), value, pairs);
                }
            }
            serde_json::Value::String(text) => pairs.push((path, text)),
            value => pairs.push((path, value.to_string())),
        }
    }
    let mut pairs = Vec::new();
    let value = serde_json::to_value(settings).map_err(unwritten)?;
    flatten(String::new(), value, &mut pairs);
    Ok(pairs)
}

#[derive(Clone, Copy)]
enum Language {
    Toml,
    Json,
}

impl Language {
    /// Returns the language of a file.
    fn of(path: &Path) -> Self {
        match path.extension() {
            Some(extension) if extension.eq_ignore_ascii_case("json") => Self::Json,
            _ => Self::Toml,
        }
    }

    fn read<T: DeserializeOwned>(self, text: &str) -> Result<T> {
        let text = without_mark(text);
        T::deserialize(self.parse(text)?).map_err(|wrong| self.error(text, wrong))
    }

    fn parse(self, text: &str) -> Result<Value> {
        match self {
            Self::Toml => parse_toml(text),
            Self::Json => parse_json(text),
        }
    }

    /// Creates the error of a field.
    fn error(self, text: &str, mut wrong: Wrong) -> Error {
        wrong.path.reverse();
        let (path, reason) = explained(wrong.path, &wrong.message, self.table());
        // The path is empty, or that of a field that the whole text does not have.
        let (find, whole): (fn(&str, &[Part], bool) -> _, _) = match self {
            Self::Toml => (place::in_toml, 0),
            Self::Json => (place::in_json, text.trim_end().len().saturating_sub(1)),
        };
        let find = |path: &[Part]| find(text, path, wrong.is_key);
        let at = find(&path).or_else(|| find(path.split_last()?.1));
        fault(text, Some(at.unwrap_or(whole)), &path, reason)
    }

    /// Returns what a struct is called.
    fn table(self) -> &'static str {
        match self {
            Self::Toml => "a table",
            Self::Json => "an object",
        }
    }
}

fn parse_toml(text: &str) -> Result<Value> {
    let table = DeTable::parse(text).map_err(|error| {
        let at = error.span().map(|span| span.start);
        let mut path = place::near_toml(text, at.unwrap_or_default());
        // A key inside of an inline table.
        if error.message() == "duplicate key"
            && let Some(key) = error.span().and_then(|span| text.get(span))
            && !path.contains(&Part::Key(key.to_owned()))
        {
            path.push(Part::Key(key.to_owned()));
        }
        fault(text, at, &path, malformed(text, at, error.message()))
    })?;
    Value::of_toml(table.into_inner()).map_err(|wrong| Language::Toml.error(text, wrong))
}

fn parse_json(text: &str) -> Result<Value> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let mut track = Track::new();
    let tracked = serde_path_to_error::Deserializer::new(&mut deserializer, &mut track);
    let value = Value::deserialize(tracked).and_then(|value| deserializer.end().map(|()| value));
    let mut value = value.map_err(|error| {
        let (line, column) = (error.line(), error.column());
        let message = error.to_string();
        let place = format!(" at line {line} column {column}");
        let message = message.strip_suffix(&place).unwrap_or(&message);
        let path = place::parts(&track.path()).unwrap_or_default();
        let (path, reason) = explained(path, message, Language::Json.table());
        let lines = text.split_inclusive('\n').take(line.saturating_sub(1));
        let start: usize = lines.map(str::len).sum();
        let at = (line > 0).then(|| start + column.saturating_sub(1));
        fault(text, at, &path, reason)
    })?;
    value.restore(&mut numbers_of_json(text));
    Ok(value)
}

fn unwritten(error: impl Display) -> Error {
    Error::argument("settings", error.to_string())
}

/// Removes the mark that some editors write at the beginning of a text.
fn without_mark(text: &str) -> &str {
    text.strip_prefix('\u{feff}').unwrap_or(text)
}

/// Creates an error with the place and the path of a field.
fn fault(text: &str, at: Option<usize>, path: &[Part], reason: String) -> Error {
    let line = at.map(|at| {
        let (line, column) = place::line_and_column(text, at);
        format!("line {line}, column {column}")
    });
    let path = (!path.is_empty()).then(|| format!("`{}`", place::text(path)));
    let place: Vec<String> = line.into_iter().chain(path).collect();
    let reason = match &place[..] {
        [] => reason,
        place => format!("{}: {reason}", place.join(", ")),
    };
    Error::format("", reason)
}

/// Returns the reason why a text is not TOML, from the message and the text at the place.
fn malformed(text: &str, at: Option<usize>, message: &str) -> String {
    let rest = at.and_then(|at| text.get(at..)).unwrap_or_default();
    let rest = rest.lines().next().unwrap_or_default().trim();
    let found: String = rest.chars().take(40).collect();
    let is = |start: &str| message.starts_with(start);
    if message == "duplicate key" {
        "is set twice".to_owned()
    } else if is("string values must be quoted") && found.is_empty() {
        "the value is missing".to_owned()
    } else if is("string values must be quoted") || is("invalid boolean") {
        format!("must be a number, true, false, or a text in quotes, found {found}")
    } else if is("missing escaped value") {
        "a text in double quotes has a `\\` before another letter; single quotes allow it"
            .to_owned()
    } else if found.is_empty() {
        message.to_owned()
    } else {
        format!("{message}, found {found}")
    }
}

/// Returns the path and the reason of an error, both in plain words, from serde's path and message.
/// The language calls a struct `table`.
fn explained(mut path: Vec<Part>, message: &str, table: &str) -> (Vec<Part>, String) {
    let named = |start: &str| {
        let (name, rest) = message.strip_prefix(start)?.split_once('`')?;
        Some((name.to_owned(), rest))
    };
    if let Some((name, "")) = named("missing field `") {
        path.push(Part::Key(name));
        return (path, "is missing".to_owned());
    }
    if let Some((name, "")) = named("duplicate field `") {
        if path.last() != Some(&Part::Key(name.clone())) {
            path.push(Part::Key(name));
        }
        return (path, "is set twice".to_owned());
    }
    // The fault of a field, whose name its struct has added.
    if let Some((name, rest)) = named("`")
        && let Some(reason) = rest.strip_prefix(": ")
    {
        path.push(Part::Key(name));
        return (path, reason.to_owned());
    }
    let plain = message
        .replace("EOF while parsing", "the text ends inside of")
        .replace("expected value", "expected a value");
    let reason = typed(message, table).or_else(|| suggested(message));
    (path, reason.unwrap_or(plain))
}

/// Returns the message about a value of a wrong type in plain words.
fn typed(message: &str, table: &str) -> Option<String> {
    let kinds = ["invalid type: ", "invalid value: ", "invalid length "];
    let rest = kinds.iter().find_map(|kind| message.strip_prefix(kind))?;
    let (found, expected) = rest.rsplit_once(", expected ")?;
    let expected = match expected {
        "f32" | "f64" => "a number",
        "u8" | "u16" | "u32" | "u64" | "u128" | "usize" => "a whole number from 0 on",
        "i8" | "i16" | "i32" | "i64" | "i128" | "isize" => "a whole number",
        "a boolean" => "true or false",
        "a string" | "path string" => "a text",
        "string or map" => "a name in quotes",
        "a sequence" => "a list",
        expected if expected.starts_with("struct ") || expected == "a map" => table,
        expected => expected,
    };
    let found = match found {
        "sequence" => "a list",
        "map" => table,
        found if message.starts_with(kinds[2]) => &format!("a list of {found}"),
        found => match found.split_once(' ') {
            Some(("string", text)) => text,
            _ => found.split('`').nth(1).unwrap_or(found),
        },
    };
    Some(format!("must be {expected}, found {found}"))
}

/// Shortens serde's message about an unknown name, and adds the name that is most like it.
fn suggested(message: &str) -> Option<String> {
    let kinds = [("unknown field", "field"), ("unknown variant", "name")];
    let (_, kind) = kinds.iter().find(|(kind, _)| message.starts_with(kind))?;
    let mut quoted = message.split('`').skip(1).step_by(2);
    let found = quoted.next()?;
    let known: Vec<&str> = quoted.collect();
    Some(match alike(found, &known) {
        Some(name) => format!("unknown {kind} `{found}`, did you mean `{name}`?"),
        None => format!(
            "unknown {kind} `{found}`, expected one of {}",
            known.join(", ")
        ),
    })
}

/// Returns the name that is most like one that was found, if there is one: by its letters, by its
/// initials, or since one contains the other.
fn alike<'a>(found: &str, known: &[&'a str]) -> Option<&'a str> {
    let found = found.to_lowercase().replace('-', "_");
    // Of two equally near names the longer one has more letters in common.
    let nearest = known
        .iter()
        .min_by_key(|name| (distance(&found, name), Reverse(name.len())));
    let near = nearest.filter(|name| distance(&found, name) <= name.len().div_ceil(3));
    let initials = |name: &str| -> String {
        let words = name.split('_');
        words.filter_map(|word| word.chars().next()).collect()
    };
    let contains = |name: &str| {
        found.len().min(name.len()) > 3 && (name.contains(&found) || found.contains(name))
    };
    let by_initials = || known.iter().find(|name| initials(name) == found);
    let by_part = || {
        let parts = known.iter().filter(|name| contains(name));
        parts.min_by_key(|name| name.len())
    };
    near.or_else(by_initials).or_else(by_part).copied()
}

/// Returns the number of letters to insert, delete, replace or swap with the next.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut rows = vec![vec![0; b.len() + 1]; a.len() + 1];
    for i in 0..=a.len() {
        for j in 0..=b.len() {
            rows[i][j] = match (i, j) {
                (0, _) => j,
                (_, 0) => i,
                _ => {
                    let differs = usize::from(a[i - 1] != b[j - 1]);
                    let replaced = rows[i - 1][j - 1] + differs;
                    let nearest = replaced.min(rows[i - 1][j] + 1).min(rows[i][j - 1] + 1);
                    if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                        nearest.min(rows[i - 2][j - 2] + 1)
                    } else {
                        nearest
                    }
                }
            };
        }
    }
    rows[a.len()][b.len()]
}
