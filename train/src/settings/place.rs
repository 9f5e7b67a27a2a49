//! Where a field is in a text: its offset, and the line and column of an offset.

use serde_path_to_error::{Path, Segment};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// A step of the way from the whole text to a field.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Part {
    Key(String),
    Index(usize),
}

/// Returns the parts of a path; none if it is not known.
pub(super) fn parts(path: &Path) -> Option<Vec<Part>> {
    path.iter()
        .map(|segment| match segment {
            Segment::Seq { index } => Some(Part::Index(*index)),
            Segment::Map { key } => Some(Part::Key(key.clone())),
            _ => None,
        })
        .collect()
}

/// Returns a path as text, such as `schedule.then[0].at`.
pub(super) fn text(parts: &[Part]) -> String {
    let mut text = String::new();
    for part in parts {
        match part {
            Part::Key(key) if text.is_empty() => text.push_str(key),
            Part::Key(key) => text.extend([".", key]),
            Part::Index(index) => text.extend(["[", &index.to_string(), "]"]),
        }
    }
    text
}

/// Returns the line and the column of an offset, both counted from 1.
pub(super) fn line_and_column(text: &str, offset: usize) -> (usize, usize) {
    let before = &text[..text.floor_char_boundary(offset)];
    let line = before.rsplit('\n').next().unwrap_or_default();
    (before.matches('\n').count() + 1, line.chars().count() + 1)
}

/// Where a field is: its key, and its value unless that is a table.
#[derive(Clone, Copy)]
struct Found {
    key: usize,
    value: Option<usize>,
}

impl Found {
    fn offset(self, key: bool) -> usize {
        self.value.filter(|_| !key).unwrap_or(self.key)
    }
}

/// Returns the offset of a field in TOML: of its value, or of its key if it is a table or `key` is
/// set. None if the text does not have it, or the path is that of the whole text.
pub(super) fn in_toml(text: &str, path: &[Part], key: bool) -> Option<usize> {
    fn find(value: &Spanned<DeValue<'_>>, key: usize, path: &[Part]) -> Option<Found> {
        let start = value.span().start;
        match (path, value.get_ref()) {
            ([], DeValue::Table(_)) => Some(Found { key, value: None }),
            ([], _) => Some(Found {
                key,
                value: Some(start),
            }),
            ([Part::Key(name), rest @ ..], DeValue::Table(table)) => field(table, name, rest),
            ([Part::Index(index), rest @ ..], DeValue::Array(array)) => {
                let element = array.get(*index)?;
                find(element, element.span().start, rest)
            }
            _ => None,
        }
    }
    fn field(table: &DeTable<'_>, name: &str, rest: &[Part]) -> Option<Found> {
        let (key, value) = table.iter().find(|(key, _)| key.get_ref() == name)?;
        find(value, key.span().start, rest)
    }
    let table = DeTable::parse(text).ok()?;
    let [Part::Key(name), rest @ ..] = path else {
        return None;
    };
    Some(field(table.get_ref(), name, rest)?.offset(key))
}

/// Returns the path of the field at an offset in a text that is not valid TOML, by the key of its
/// line and the last header before it.
pub(super) fn near_toml(text: &str, offset: usize) -> Vec<Part> {
    let is_name = |letter: char| letter.is_ascii_alphanumeric() || "_-.".contains(letter);
    let names = |name: &str| -> Option<Vec<Part>> {
        let name = name.trim();
        let is_key = name.starts_with(|first: char| first.is_ascii_alphabetic());
        let parts = name.split('.').map(|name| Part::Key(name.to_owned()));
        (is_key && name.chars().all(is_name)).then(|| parts.collect())
    };
    let header = |line: &str| {
        let line = line.split('#').next()?.trim();
        names(line.strip_prefix('[')?.trim_matches(['[', ']']))
    };
    let (line, _) = line_and_column(text, offset);
    let (mut path, mut key) = (Vec::new(), None);
    for line in text.lines().take(line) {
        if let Some(header) = header(line) {
            (path, key) = (header, None);
        } else {
            key = line.split_once('=').and_then(|(key, _)| names(key));
        }
    }
    path.extend(key.into_iter().flatten());
    path
}

/// As [`in_toml`] for JSON, which must be valid up to the end of the field.
pub(super) fn in_json(text: &str, path: &[Part], key: bool) -> Option<usize> {
    let mut scan = Scan {
        bytes: text.as_bytes(),
        at: 0,
    };
    scan.space();
    let mut found = None;
    for part in path {
        let open = scan.next()?;
        let mut index = 0;
        found = loop {
            scan.space();
            let key = scan.at;
            let is_found = match part {
                Part::Key(name) if open == b'{' => {
                    let found = scan.string()?;
                    scan.space();
                    (scan.next()? == b':').then_some(())?;
                    found == *name
                }
                Part::Index(wanted) if open == b'[' => index == *wanted,
                _ => return None,
            };
            scan.space();
            if is_found {
                let is_table = scan.peek()? == b'{';
                let value = (!is_table).then_some(scan.at);
                break Some(Found { key, value });
            }
            scan.skip()?;
            scan.space();
            (scan.next()? == b',').then_some(())?;
            index += 1;
        };
    }
    Some(found?.offset(key))
}

/// A position in JSON.
struct Scan<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Scan<'_> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn next(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.at += 1;
        Some(byte)
    }

    fn space(&mut self) {
        while self.peek().is_some_and(|byte| byte.is_ascii_whitespace()) {
            self.at += 1;
        }
    }

    /// Reads a string.
    fn string(&mut self) -> Option<String> {
        let start = self.at;
        (self.next()? == b'"').then_some(())?;
        loop {
            match self.next()? {
                b'"' => break,
                b'\\' => drop(self.next()?),
                _ => {}
            }
        }
        serde_json::from_slice(&self.bytes[start..self.at]).ok()
    }

    /// Skips a value.
    fn skip(&mut self) -> Option<()> {
        let mut depth = 0;
        loop {
            match self.peek()? {
                b'"' => drop(self.string()?),
                b'{' | b'[' => {
                    depth += 1;
                    self.at += 1;
                }
                b'}' | b']' | b',' if depth == 0 => return Some(()),
                b'}' | b']' => {
                    depth -= 1;
                    self.at += 1;
                }
                _ => self.at += 1,
            }
        }
    }
}
