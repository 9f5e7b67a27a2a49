//! CSV files: a table in memory, or row by row if it is larger.
//!
//! The first line has the names of the columns. A quoted cell may contain delimiters, quotes
//! (doubled) and line breaks (RFC 4180). Spaces around a cell are ignored, and so are empty lines.
//! Files may be gzipped, and may begin with a byte order mark.
//!
//! Columns are converted to numbers, categories or texts when they are taken out. An empty cell is
//! a missing value, and [`Options::missing`] adds other texts for it. Every error has the file, the
//! line, and the column if there is one.
//!
//! ```
//! use cotangent::data::csv;
//! use cotangent::{DType, Tensor};
//!
//! let table = csv::parse("\
//! area, rooms, city, price
//! 50, 2, Paris, 410
//! 72.5, 3, Rome, 395
//! 64, , Paris, 500")?;
//!
//! let cities = table.categories("city")?;
//! assert_eq!(cities.names(), ["Paris", "Rome"]);
//! let city = table.indices("city", &cities)?.one_hot(cities.len(), DType::F32)?;
//! let numbers = table.numbers_or(&["area", "rooms"], 2.5)?;
//! let inputs = Tensor::cat(&[numbers, city], 1)?;
//! assert_eq!(inputs.shape(), [3, 4]);
//! assert_eq!(table.numbers(&["price"])?.to_vec::<f32>()?, [410.0, 395.0, 500.0]);
//!
//! let error = table.numbers(&["rooms"]).unwrap_err();
//! assert_eq!(
//!     error.to_string(),
//!     "`text in memory`, line 4, column `rooms`: the value is missing"
//! );
//! # Ok::<(), cotangent::Error>(())
//! ```

mod categories;
mod cell;
mod columns;
mod fault;
mod guard;
mod rows;

use std::fs::File;
use std::io::{Cursor, Read};
use std::path::Path;

use cotangent_core::DType;

pub use categories::Categories;
pub use columns::Columns;
pub use fault::Fault;
pub use rows::{Row, Rows};

use crate::error::{Error, Result};

/// The largest number of bytes in a row: 8 MiB. An unclosed quote in a large file ends there.
pub const LONGEST_ROW: usize = 8 << 20;

/// The default limit of [`Options::limit`]: 2 GiB.
pub const DEFAULT_LIMIT: usize = 1 << 31;

/// Reads a CSV file into memory. [`Options::read`] has other delimiters, and more.
///
/// # Errors
/// [`Error::Io`] if the file cannot be read, [`Error::Csv`] with a [`Fault`] if its content is not
/// valid.
///
/// ```no_run
/// let table = cotangent::data::csv::read("houses.csv")?;
/// let (inputs, targets) = (table.numbers(&["area", "rooms"])?, table.numbers(&["price"])?);
/// # Ok::<(), cotangent::Error>(())
/// ```
#[doc(alias = "read_csv")]
pub fn read(path: impl AsRef<Path>) -> Result<Columns> {
    Options::new().read(path)
}

/// Iterates over the rows of a CSV file, which may be larger than memory.
///
/// # Errors
/// Those of [`read`], for the header. An item is an error if its row is not valid.
///
/// ```no_run
/// let mut sum = 0.0;
/// for row in cotangent::data::csv::rows("houses.csv.gz")? {
///     sum += row?.number("price")?;
/// }
/// # Ok::<(), cotangent::Error>(())
/// ```
pub fn rows(path: impl AsRef<Path>) -> Result<Rows> {
    Options::new().rows(path)
}

/// Reads a CSV file whose content is in memory, such as text or the bytes of a file.
///
/// # Errors
/// [`Error::Csv`] with a [`Fault`] if the content is not valid.
pub fn parse(content: impl AsRef<[u8]>) -> Result<Columns> {
    Options::new().parse(content)
}

/// The form of a CSV file.
///
/// ```
/// use cotangent::data::csv;
///
/// let options = csv::Options::new().delimiter(b';').header(["day", "degrees"]).missing(["?"]);
/// let table = options.parse("1; 21.5\n2; ?\n3; 19")?;
/// assert_eq!(table.numbers_or(&["degrees"], 20.0)?.to_vec::<f32>()?, [21.5, 20.0, 19.0]);
/// # Ok::<(), cotangent::Error>(())
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Options {
    delimiter: u8,
    comment: Option<u8>,
    header: Option<Vec<String>>,
    missing: Vec<String>,
    dtype: DType,
    limit: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self::new()
    }
}

impl Options {
    /// Creates the defaults: commas, a header, no comments, only empty cells missing, numbers as
    /// `f32`.
    pub fn new() -> Self {
        Self {
            delimiter: b',',
            comment: None,
            header: None,
            missing: Vec::new(),
            dtype: DType::F32,
            limit: DEFAULT_LIMIT,
        }
    }

    /// Sets the byte between the cells of a row, such as `b';'` or `b'\t'`.
    pub fn delimiter(mut self, delimiter: u8) -> Self {
        self.delimiter = delimiter;
        self
    }

    /// Ignores lines that begin with `byte`, such as `b'#'`.
    pub fn comment(mut self, byte: u8) -> Self {
        self.comment = Some(byte);
        self
    }

    /// Sets the names of the columns of a file without a header: its first line is a row.
    pub fn header<N: Into<String>>(mut self, names: impl IntoIterator<Item = N>) -> Self {
        self.header = Some(names.into_iter().map(Into::into).collect());
        self
    }

    /// Adds texts of a missing value, for example `["NA", "?"]`. An empty cell is always missing.
    pub fn missing<N: Into<String>>(mut self, texts: impl IntoIterator<Item = N>) -> Self {
        self.missing.extend(texts.into_iter().map(Into::into));
        self
    }

    /// Sets the dtype of numbers, by default `f32`.
    pub fn dtype(mut self, dtype: DType) -> Self {
        self.dtype = dtype;
        self
    }

    /// Sets the largest number of bytes of text in memory, by default [`DEFAULT_LIMIT`]. A small
    /// gzipped file can contain very much text.
    pub fn limit(mut self, bytes: usize) -> Self {
        self.limit = bytes;
        self
    }

    /// Reads a file into memory, as [`read`] does.
    ///
    /// # Errors
    /// Those of [`read`], and [`cotangent::Error::Argument`](cotangent_core::Error::Argument) if
    /// the delimiter or the comment is a quote, a line break, or not ASCII, or both are the same.
    pub fn read(&self, path: impl AsRef<Path>) -> Result<Columns> {
        Columns::read(self.rows(path)?, self.limit)
    }

    /// Iterates over the rows of a file, as [`rows`] does.
    ///
    /// # Errors
    /// Those of [`read`](Self::read), for the header.
    pub fn rows(&self, path: impl AsRef<Path>) -> Result<Rows> {
        let path = path.as_ref();
        let file = File::open(path).map_err(|error| Error::io(path, error))?;
        Rows::new(self, path.display().to_string(), Box::new(file))
    }

    /// Reads the content of a file, as [`parse`] does.
    ///
    /// # Errors
    /// Those of [`read`](Self::read).
    pub fn parse(&self, content: impl AsRef<[u8]>) -> Result<Columns> {
        const NAME: &str = "text in memory";
        let source: Box<dyn Read + Send> = Box::new(Cursor::new(content.as_ref().to_vec()));
        Columns::read(Rows::new(self, NAME.to_owned(), source)?, self.limit)
    }

    fn check(&self) -> Result<()> {
        let is_wrong = |byte: u8| !byte.is_ascii() || matches!(byte, b'"' | b'\n' | b'\r');
        let bytes = [Some(self.delimiter), self.comment];
        if bytes.into_iter().flatten().any(is_wrong) || self.comment == Some(self.delimiter) {
            let found = bytes.map(|byte| byte.map(|byte| byte as char));
            let reason = format!(
                "expected different ASCII characters, no quotes or line breaks, as delimiter \
                 and comment, found {:?} and {:?}",
                found[0], found[1]
            );
            return Err(cotangent_core::Error::argument("csv", reason).into());
        }
        Ok(())
    }
}
