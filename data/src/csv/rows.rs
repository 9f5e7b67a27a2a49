//! The rows of a file, one after the other, in memory for one row.

use std::io::{Chain, Cursor, Read};
use std::path::Path;
use std::sync::Arc;

use ::csv::{ReaderBuilder, StringRecord};
use cotangent_core::Tensor;

use super::cell::{Cell, Header, csv_error};
use super::guard::Guard;
use super::{Categories, Fault, Options};
use crate::error::{Error, Result};
use crate::source::{BYTE_ORDER_MARK, Source, at_most, gzip_damage};

/// A row of a CSV file.
#[derive(Clone, Debug)]
pub struct Row {
    header: Arc<Header>,
    pub(super) line: u64,
    pub(super) record: StringRecord,
}

impl Row {
    /// Returns the number of the line in which the row begins, from 1.
    pub fn line(&self) -> u64 {
        self.line
    }

    /// Returns the numbers in `columns`, of the shape `(columns)`.
    ///
    /// # Errors
    /// [`Error::Csv`] if there is no such column, or a cell is missing or not a finite number.
    pub fn numbers<C: AsRef<str>>(&self, columns: &[C]) -> Result<Tensor> {
        self.tensor(columns, None)
    }

    /// Returns the numbers in `columns` as [`numbers`](Self::numbers) does, and `missing` for a
    /// missing cell.
    pub fn numbers_or<C: AsRef<str>>(&self, columns: &[C], missing: f64) -> Result<Tensor> {
        self.tensor(columns, Some(missing))
    }

    /// Returns the number in `column`.
    ///
    /// # Errors
    /// Those of [`numbers`](Self::numbers).
    pub fn number(&self, column: &str) -> Result<f64> {
        self.cell(self.header.position(column)?).number(None)
    }

    /// Returns the index of the category in `column`.
    ///
    /// # Errors
    /// [`Error::Csv`] if there is no such column, or the cell is missing or not a category.
    pub fn category(&self, column: &str, categories: &Categories) -> Result<usize> {
        let position = self.header.position(column)?;
        self.cell(position).category(categories)
    }

    /// Returns the text in `column`.
    ///
    /// # Errors
    /// [`Error::Csv`] if there is no such column or the cell is missing.
    pub fn text(&self, column: &str) -> Result<&str> {
        self.cell(self.header.position(column)?).present()
    }

    /// Returns whether the cell in `column` is missing.
    ///
    /// # Errors
    /// [`Error::Csv`] if there is no such column.
    pub fn is_missing(&self, column: &str) -> Result<bool> {
        Ok(self.cell(self.header.position(column)?).is_missing())
    }

    fn tensor<C: AsRef<str>>(&self, columns: &[C], missing: Option<f64>) -> Result<Tensor> {
        let columns = self.header.positions(columns)?;
        let cells = columns.iter().map(|&column| self.cell(column));
        self.header.tensor(&[columns.len()], missing, cells)
    }

    fn cell(&self, column: usize) -> Cell<'_> {
        Cell {
            header: &self.header,
            line: self.line,
            column,
            text: self.record.get(column).unwrap_or_default().trim(),
        }
    }
}

type Bytes = Guard<Chain<Cursor<Vec<u8>>, Source<Box<dyn Read + Send>>>>;

/// An iterator over the rows of a CSV file; see [`rows`](super::rows()). It ends after an error.
pub struct Rows {
    reader: ::csv::Reader<Bytes>,
    header: Arc<Header>,
    has_ended: bool,
}

impl std::fmt::Debug for Rows {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut text = f.debug_struct("Rows");
        text.field("file", &self.header.file);
        text.field("columns", &self.header.names);
        text.finish_non_exhaustive()
    }
}

impl Rows {
    /// Reads the header of `source`, whose name in errors is `file`.
    pub(super) fn new(
        options: &Options,
        file: String,
        source: Box<dyn Read + Send>,
    ) -> Result<Self> {
        options.check()?;
        let (delimiter, comment) = (options.delimiter, options.comment);
        let io = |error| Error::io(Path::new(&file), error);
        let mut source = Source::new(source).map_err(io)?;
        let start = at_most(&mut source, BYTE_ORDER_MARK.len()).map_err(|error| {
            let fault = gzip_damage(&error).map(|detail| Fault::DamagedGzip { detail });
            match fault {
                Some(fault) => csv_error(&file, None, None, fault),
                None => io(error),
            }
        })?;
        let start = match start.strip_prefix(BYTE_ORDER_MARK) {
            Some(rest) => rest.to_vec(),
            None => start,
        };
        let source = Guard::new(Cursor::new(start).chain(source), delimiter, comment);
        let mut reader = ReaderBuilder::new()
            .delimiter(delimiter)
            .comment(comment)
            .has_headers(false)
            .flexible(true)
            .from_reader(source);
        let (line, names) = match &options.header {
            Some(names) => (None, names.clone()),
            None => match next_record(&mut reader, &file, &[])? {
                None => return Err(csv_error(&file, Some(1), None, Fault::NoHeader)),
                Some((line, names)) => {
                    let names = names.iter().map(|name| name.trim().to_owned());
                    (Some(line), names.collect())
                }
            },
        };
        let missing = options.missing.clone();
        let header = Header::new(file, line, names, missing, options.dtype)?;
        Ok(Self {
            reader,
            header: Arc::new(header),
            has_ended: false,
        })
    }

    /// Returns the names of the columns.
    pub fn columns(&self) -> &[String] {
        &self.header.names
    }

    pub(super) fn header(&self) -> Arc<Header> {
        self.header.clone()
    }

    fn read_row(&mut self) -> Result<Option<Row>> {
        let Header { file, names, .. } = &*self.header;
        let Some((line, record)) = next_record(&mut self.reader, file, names)? else {
            return Ok(None);
        };
        let (expected, found) = (names.len(), record.len());
        if expected != found {
            let fault = Fault::RowLength { expected, found };
            return Err(csv_error(file, Some(line), None, fault));
        }
        let header = self.header.clone();
        Ok(Some(Row {
            header,
            line,
            record,
        }))
    }
}

impl Iterator for Rows {
    type Item = Result<Row>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.has_ended {
            return None;
        }
        let row = self.read_row().transpose();
        self.has_ended = !matches!(row, Some(Ok(_)));
        row
    }
}

impl std::iter::FusedIterator for Rows {}

/// Reads the next record and its line. `names` are those of the columns, as far as they are known.
fn next_record(
    reader: &mut ::csv::Reader<Bytes>,
    file: &str,
    names: &[String],
) -> Result<Option<(u64, StringRecord)>> {
    let mut record = StringRecord::new();
    let read = reader.read_record(&mut record);
    let line = reader.get_ref().line();
    let error = |column, fault| Err(csv_error(file, Some(line), column, fault));
    match read.map_err(::csv::Error::into_kind) {
        Ok(false) => return Ok(None),
        Ok(true) => {}
        Err(::csv::ErrorKind::Utf8 { err, .. }) => {
            let column = names.get(err.field()).map(String::as_str);
            return error(column, Fault::NotUtf8);
        }
        Err(::csv::ErrorKind::Io(cause)) => {
            let fault = cause.get_ref().and_then(|cause| cause.downcast_ref());
            if let Some(fault) = fault {
                return error(None, Fault::clone(fault));
            }
            return match gzip_damage(&cause) {
                Some(detail) => error(None, Fault::DamagedGzip { detail }),
                None => Err(Error::io(Path::new(file), cause)),
            };
        }
        Err(other) => unreachable!("a reader without a schema returned {other:?}"),
    }
    if reader.get_ref().is_quote_open() {
        return error(None, Fault::OpenQuote);
    }
    if reader.get_ref().continues_after_quote() {
        return error(None, Fault::TextAfterQuote);
    }
    reader.get_mut().row_read();
    Ok(Some((line, record)))
}
