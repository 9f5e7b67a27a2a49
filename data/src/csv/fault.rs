//! The possible faults of a CSV file. Each text says what was expected and what was found.

use std::fmt::{self, Display};

/// A reason why a CSV file, a row or a cell could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// The file has no line with the names of the columns.
    #[error("expected a line with the names of the columns, found none")]
    NoHeader,

    /// Two columns have the same name.
    #[error("the columns {first} and {second} have the same name")]
    DuplicateColumn {
        /// The position of the first column, from 1.
        first: usize,
        /// The position of the second column, from 1.
        second: usize,
    },

    /// No column has the requested name.
    #[error("there is no such column, the file has {}", List(columns))]
    UnknownColumn {
        /// The columns of the file.
        columns: Vec<String>,
    },

    /// A row has more or fewer cells than the header.
    #[error("expected {expected} cells, as many as the header has, found {found}")]
    RowLength {
        /// The number of columns.
        expected: usize,
        /// The number of cells.
        found: usize,
    },

    /// A row is longer than [`LONGEST_ROW`](super::LONGEST_ROW), perhaps because a quote is not
    /// closed.
    #[error("the row has more than {limit} bytes, perhaps because a quote is not closed")]
    RowTooLong {
        /// The largest number of bytes.
        limit: usize,
    },

    /// The file ends inside a quoted cell.
    #[error("a quote is opened and not closed before the end of the file")]
    OpenQuote,

    /// A cell continues after its closing quote.
    #[error(
        "a cell continues after its closing quote; a quote inside a quoted cell is written twice"
    )]
    TextAfterQuote,

    /// A cell or a name is not valid UTF-8.
    #[error("the text is not valid UTF-8")]
    NotUtf8,

    /// A cell is missing where a value is needed.
    #[error("the value is missing")]
    Missing,

    /// A cell is not a number.
    #[error("expected a number, found `{found}`")]
    NotANumber {
        /// The content of the cell, or its beginning.
        found: String,
    },

    /// A cell is NaN or infinite, or too large for the dtype.
    #[error("expected a finite number of the type {dtype}, found `{found}`")]
    NotFinite {
        /// The content of the cell, or its beginning.
        found: String,
        /// The name of the dtype.
        dtype: String,
    },

    /// A cell is none of the categories.
    #[error("expected one of {}, found `{found}`", List(categories))]
    UnknownCategory {
        /// The content of the cell, or its beginning.
        found: String,
        /// The categories.
        categories: Vec<String>,
    },

    /// The text is larger than the limit for a table in memory.
    #[error(
        "the table has more than {limit} bytes of text; read it row by row, or raise the limit"
    )]
    OverLimit {
        /// The largest number of bytes.
        limit: usize,
    },

    /// The gzip container is damaged: cut off, with a wrong checksum, or followed by something
    /// else.
    #[error("the gzip data is damaged: {detail}")]
    DamagedGzip {
        /// The message of the decompressor.
        detail: String,
    },
}

/// The first names of a list, and how many more there are.
struct List<'a>(&'a [String]);

impl Display for List<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 8;
        for (i, name) in self.0.iter().take(SHOWN).enumerate() {
            write!(f, "{}`{}`", if i == 0 { "" } else { ", " }, shortened(name))?;
        }
        match self.0.len() {
            0 => write!(f, "none"),
            count if count > SHOWN => write!(f, " and {} more", count - SHOWN),
            _ => Ok(()),
        }
    }
}

/// Returns a text for an error message: its first characters, on one line.
pub(super) fn shortened(text: &str) -> String {
    const LONGEST: usize = 40;
    let mut start: String = text.chars().take(LONGEST).collect();
    if start.len() < text.len() {
        start.push('…');
    }
    start.escape_debug().collect()
}
