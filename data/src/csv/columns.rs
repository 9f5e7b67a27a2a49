//! A CSV file in memory, from which columns are taken as tensors.

use std::collections::BTreeSet;
use std::sync::Arc;

use cotangent_core::{Indices, Mask, Tensor};

use super::cell::{Cell, Header, csv_error};
use super::{Categories, Fault, Rows};
use crate::error::Result;

/// The text of a CSV file in memory; see [`read`](super::read).
///
/// A column has no type of its own. It is converted when it is taken out, and the error of a cell
/// that does not fit names its line and column.
#[doc(alias = "DataFrame")]
#[derive(Clone, Debug)]
pub struct Columns {
    header: Arc<Header>,
    /// The text of all cells, row by row.
    text: String,
    /// The end of each cell in `text`.
    ends: Vec<usize>,
    /// The line of each row.
    lines: Vec<u64>,
}

impl Columns {
    pub(super) fn read(rows: Rows, limit: usize) -> Result<Self> {
        let header = rows.header();
        let (mut text, mut ends, mut lines) = (String::new(), Vec::new(), Vec::new());
        for row in rows {
            let row = row?;
            for cell in &row.record {
                text.push_str(cell.trim());
                ends.push(text.len());
            }
            lines.push(row.line);
            // An empty cell takes memory too.
            if text.len().saturating_add(ends.len()) > limit {
                let fault = Fault::OverLimit { limit };
                return Err(csv_error(&header.file, Some(row.line), None, fault));
            }
        }
        Ok(Self {
            header,
            text,
            ends,
            lines,
        })
    }

    /// Returns the number of rows.
    pub fn len(&self) -> usize {
        self.lines.len()
    }

    /// Returns whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// Returns the names of the columns.
    pub fn columns(&self) -> &[String] {
        &self.header.names
    }

    /// Returns the numbers in `columns`, of the shape `(rows, columns)`.
    ///
    /// # Errors
    /// [`Error::Csv`](crate::Error::Csv) if there is no such column, or a cell is missing or not a
    /// finite number.
    pub fn numbers<C: AsRef<str>>(&self, columns: &[C]) -> Result<Tensor> {
        self.tensor(columns, None)
    }

    /// Returns the numbers in `columns` as [`numbers`](Self::numbers) does, and `missing` for a
    /// missing cell. A [`Standardizer`](crate::Standardizer) ignores `f64::NAN` when it is fitted
    /// and replaces it by the mean when it is applied.
    pub fn numbers_or<C: AsRef<str>>(&self, columns: &[C], missing: f64) -> Result<Tensor> {
        self.tensor(columns, Some(missing))
    }

    /// Returns which cells in `columns` are missing, of the shape `(rows, columns)`.
    ///
    /// # Errors
    /// [`Error::Csv`](crate::Error::Csv) if there is no such column.
    pub fn missing<C: AsRef<str>>(&self, columns: &[C]) -> Result<Mask> {
        let columns = self.header.positions(columns)?;
        let missing = self.cells(&columns).map(Cell::is_missing).collect();
        Ok(Mask::from_vec(missing, [self.len(), columns.len()])?)
    }

    /// Returns the distinct texts in `column`, in alphabetical order, without missing cells.
    ///
    /// # Errors
    /// [`Error::Csv`](crate::Error::Csv) if there is no such column.
    pub fn categories(&self, column: &str) -> Result<Categories> {
        let column = [self.header.position(column)?];
        let present = self.cells(&column).filter(|cell| !cell.is_missing());
        let names: BTreeSet<&str> = present.map(|cell| cell.text).collect();
        Categories::new(names)
    }

    /// Returns the index of the category in `column` for each row, of the shape `(rows)`.
    /// [`Indices::one_hot`] converts them to inputs of a net.
    ///
    /// # Errors
    /// [`Error::Csv`](crate::Error::Csv) if there is no such column, or a cell is missing or not a
    /// category.
    pub fn indices(&self, column: &str, categories: &Categories) -> Result<Indices> {
        let column = [self.header.position(column)?];
        let cells = self.cells(&column);
        cells.map(|cell| cell.category(categories)).collect()
    }

    /// Returns the texts in `column`, with an empty text for an empty cell.
    ///
    /// # Errors
    /// [`Error::Csv`](crate::Error::Csv) if there is no such column.
    pub fn texts(&self, column: &str) -> Result<Vec<&str>> {
        let column = [self.header.position(column)?];
        Ok(self.cells(&column).map(|cell| cell.text).collect())
    }

    fn tensor<C: AsRef<str>>(&self, columns: &[C], missing: Option<f64>) -> Result<Tensor> {
        let columns = self.header.positions(columns)?;
        let shape = [self.len(), columns.len()];
        self.header.tensor(&shape, missing, self.cells(&columns))
    }

    /// Iterates over the cells of some columns, row by row.
    fn cells(&self, columns: &[usize]) -> impl Iterator<Item = Cell<'_>> {
        let width = self.header.names.len();
        let rows = self.lines.iter().enumerate();
        rows.flat_map(move |(row, &line)| {
            columns.iter().map(move |&column| {
                let cell = row * width + column;
                let start = if cell == 0 { 0 } else { self.ends[cell - 1] };
                Cell {
                    header: &self.header,
                    line,
                    column,
                    text: &self.text[start..self.ends[cell]],
                }
            })
        })
    }
}
