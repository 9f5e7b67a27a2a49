//! The header of a file, and the cell of a row: the conversions from text, and the place for
//! errors.

use std::collections::HashMap;
use std::str::FromStr;

use cotangent_core::{DType, Tensor};

use super::fault::shortened;
use super::{Categories, Fault};
use crate::error::{Error, Result};

/// The parts that all rows of a file share.
#[derive(Debug)]
pub(super) struct Header {
    /// The path of the file, or a name of the bytes.
    pub(super) file: String,
    pub(super) names: Vec<String>,
    positions: HashMap<String, usize>,
    /// The texts of a missing value, besides the empty cell.
    missing: Vec<String>,
    dtype: DType,
}

impl Header {
    pub(super) fn new(
        file: String,
        line: Option<u64>,
        names: Vec<String>,
        missing: Vec<String>,
        dtype: DType,
    ) -> Result<Self> {
        let mut positions = HashMap::with_capacity(names.len());
        for (second, name) in names.iter().enumerate() {
            if let Some(first) = positions.insert(name.clone(), second) {
                let (first, second) = (first + 1, second + 1);
                let fault = Fault::DuplicateColumn { first, second };
                return Err(csv_error(&file, line, Some(name), fault));
            }
        }
        Ok(Self {
            file,
            names,
            positions,
            missing,
            dtype,
        })
    }

    pub(super) fn position(&self, column: &str) -> Result<usize> {
        self.positions.get(column).copied().ok_or_else(|| {
            let columns = self.names.clone();
            let fault = Fault::UnknownColumn { columns };
            csv_error(&self.file, None, Some(column), fault)
        })
    }

    pub(super) fn positions<C: AsRef<str>>(&self, columns: &[C]) -> Result<Vec<usize>> {
        let columns = columns.iter();
        columns.map(|name| self.position(name.as_ref())).collect()
    }

    /// Collects cells into a tensor of the dtype of the file.
    pub(super) fn tensor<'a>(
        &self,
        shape: &[usize],
        missing: Option<f64>,
        cells: impl Iterator<Item = Cell<'a>>,
    ) -> Result<Tensor> {
        fn numbers<'a, F: Number>(
            missing: Option<f64>,
            cells: impl Iterator<Item = Cell<'a>>,
        ) -> Result<Vec<F>> {
            cells.map(|cell| cell.number(missing)).collect()
        }
        Ok(match self.dtype {
            DType::F32 => Tensor::from_vec(numbers::<f32>(missing, cells)?, shape)?,
            _ => Tensor::from_vec(numbers::<f64>(missing, cells)?, shape)?,
        })
    }
}

/// A floating-point type that a cell is parsed as.
pub(super) trait Number: FromStr + Copy + Into<f64> {
    const NAME: &str;
    fn from_f64(value: f64) -> Self;
}

impl Number for f32 {
    const NAME: &str = "f32";
    fn from_f64(value: f64) -> Self {
        value as Self
    }
}

impl Number for f64 {
    const NAME: &str = "f64";
    fn from_f64(value: f64) -> Self {
        value
    }
}

/// The text of a cell, and its place.
#[derive(Clone, Copy)]
pub(super) struct Cell<'a> {
    pub(super) header: &'a Header,
    pub(super) line: u64,
    pub(super) column: usize,
    pub(super) text: &'a str,
}

impl<'a> Cell<'a> {
    pub(super) fn is_missing(self) -> bool {
        self.text.is_empty() || self.header.missing.iter().any(|text| text == self.text)
    }

    /// Returns the number in the cell, or `missing` if it has none.
    pub(super) fn number<F: Number>(self, missing: Option<f64>) -> Result<F> {
        if self.is_missing() {
            let missing = missing.ok_or_else(|| self.error(Fault::Missing))?;
            return Ok(F::from_f64(missing));
        }
        let found = || shortened(self.text);
        match self.text.parse::<F>() {
            Ok(number) if number.into().is_finite() => Ok(number),
            Ok(_) => Err(self.error(Fault::NotFinite {
                found: found(),
                dtype: F::NAME.to_owned(),
            })),
            Err(_) => Err(self.error(Fault::NotANumber { found: found() })),
        }
    }

    /// Returns the position of the cell's text in `categories`.
    pub(super) fn category(self, categories: &Categories) -> Result<usize> {
        if let Some(position) = categories.position(self.text) {
            return Ok(position);
        }
        if self.is_missing() {
            return Err(self.error(Fault::Missing));
        }
        Err(self.error(Fault::UnknownCategory {
            found: shortened(self.text),
            categories: categories.names().to_vec(),
        }))
    }

    /// Returns the text, or an error if it is missing.
    pub(super) fn present(self) -> Result<&'a str> {
        if self.is_missing() {
            return Err(self.error(Fault::Missing));
        }
        Ok(self.text)
    }

    fn error(self, fault: Fault) -> Error {
        let Header { file, names, .. } = self.header;
        csv_error(file, Some(self.line), Some(&names[self.column]), fault)
    }
}

/// Creates an [`Error::Csv`].
pub(super) fn csv_error(
    file: &str,
    line: Option<u64>,
    column: Option<&str>,
    fault: Fault,
) -> Error {
    Error::Csv {
        file: file.to_owned(),
        line,
        column: column.map(shortened),
        fault,
    }
}
