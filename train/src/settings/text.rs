//! TOML and JSON: reading with errors that name the place, writing, and pairs of text.

use cotangent_core::{Error, Result, replace_file};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_path_to_error::Track;
use std::cmp::Reverse;
use std::fmt::Display;
use std::fs;
use std::path::Path;

/// Reads settings from a file: JSON if its name ends in `.json`, else TOML.
///
/// # Errors
/// [`Error::Io`] if the file cannot be read. [`Error::Format`] if it is not valid; the error has
/// the line, the field, and the range that it must be in.
pub fn read<T: DeserializeOwned>(path: impl AsRef<Path>) -> Result<T> {
    let path = path.as_ref();
    let text = fs::read_to_string(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::InvalidData => Error::format(path, "the text is not valid UTF-8"),
        _ => Error::io(path, error),
    })?;
    let parsed = if is_json(path) {
        from_json(&text)
    } else {
        from_toml(&text)
    };
    parsed.map_err(|error| match error {
        Error::Format { reason, .. } => Error::format(path, reason),
        error => error,
    })
}

/// Writes settings to a file, which is replaced if it exists: JSON if its name ends in `.json`,
/// else TOML.
///
/// # Errors
/// [`Error::Io`] if writing fails, [`Error::Argument`] if the format cannot represent the settings.
pub fn write<T: Serialize>(path: impl AsRef<Path>, settings: &T) -> Result<()> {
    let path = path.as_ref();
    let text = if is_json(path) {
        to_json(settings)?
    } else {
        to_toml(settings)?
    };
    replace_file(path, text.as_bytes())
}

/// Reads settings from a text in TOML.
///
/// # Errors
/// [`Error::Format`] if it is not valid, as for [`read`].
pub fn from_toml<T: DeserializeOwned>(text: &str) -> Result<T> {
    let line = |error: &toml::de::Error| {
        let start = error.span()?.start;
        Some(text.get(..start)?.matches('\n').count() + 1)
    };
    let invalid = |error: toml::de::Error| fault(line(&error), "", error.message());
    let deserializer = toml::Deserializer::parse(text).map_err(invalid)?;
    let mut track = Track::new();
    let deserializer = serde_path_to_error::Deserializer::new(deserializer, &mut track);
    T::deserialize(deserializer).map_err(|error| {
        let path = track.path().to_string();
        fault(line(&error), &path, error.message())
    })
}

/// Reads settings from a text in JSON.
///
/// # Errors
/// [`Error::Format`] if it is not valid, as for [`read`].
pub fn from_json<T: DeserializeOwned>(text: &str) -> Result<T> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let mut track = Track::new();
    let tracked = serde_path_to_error::Deserializer::new(&mut deserializer, &mut track);
    let invalid = |path: &str, error: serde_json::Error| {
        let place = format!(" at line {} column {}", error.line(), error.column());
        let message = error.to_string();
        let message = message.strip_suffix(&place).unwrap_or(&message);
        fault(Some(error.line()).filter(|&line| line > 0), path, message)
    };
    let settings = T::deserialize(tracked).map_err(|error| {
        let path = track.path().to_string();
        invalid(&path, error)
    })?;
    deserializer.end().map_err(|error| invalid("", error))?;
    Ok(settings)
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
            serde_json::Value::String(text) => pairs.push((path, text)),
            value => pairs.push((path, value.to_string())),
        }
    }
    let mut pairs = Vec::new();
    let value = serde_json::to_value(settings).map_err(unwritten)?;
    flatten(String::new(), value, &mut pairs);
    Ok(pairs)
}

fn is_json(path: &Path) -> bool {
    let extension = path.extension();
    extension.is_some_and(|extension| extension.eq_ignore_ascii_case("json"))
}

fn unwritten(error: impl Display) -> Error {
    Error::argument("settings", error.to_string())
}

/// Creates the error of a field, with a suggestion if its name is unknown.
fn fault(line: Option<usize>, path: &str, message: &str) -> Error {
    let message = suggested(message);
    let line = line.map(|line| format!("line {line}"));
    let path = Some(path).filter(|path| !matches!(*path, "" | "."));
    let path = path.map(|path| format!("`{path}`"));
    let place: Vec<String> = line.into_iter().chain(path).collect();
    let reason = match &place[..] {
        [] => message,
        place => format!("{}: {message}", place.join(", ")),
    };
    Error::format("", reason)
}

/// Shortens serde's message about an unknown name, and adds the name that is most like it.
fn suggested(message: &str) -> String {
    let kinds = [("unknown field", "field"), ("unknown variant", "name")];
    let kind = kinds.iter().find(|(kind, _)| message.starts_with(kind));
    let mut quoted = message.split('`').skip(1).step_by(2);
    let (Some((_, kind)), Some(found)) = (kind, quoted.next()) else {
        return message.to_owned();
    };
    let known: Vec<&str> = quoted.collect();
    // Of two equally near names the longer one has more letters in common.
    let nearest = known
        .iter()
        .min_by_key(|name| (distance(found, name), Reverse(name.len())));
    match nearest {
        Some(name) if distance(found, name) <= name.len().div_ceil(3) => {
            format!("unknown {kind} `{found}`, did you mean `{name}`?")
        }
        _ => format!(
            "unknown {kind} `{found}`, expected one of {}",
            known.join(", ")
        ),
    }
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
