//! The history as comma-separated values.

use crate::{EpochRecord, History, Log};
use cotangent_core::{Error, Result, replace_file};
use std::path::{Path, PathBuf};

impl History {
    /// Returns the history as comma-separated values: a header of `epoch`, `step` and the names,
    /// and a row for each epoch. A missing value or NaN is an empty field; infinite values are
    /// `inf` and `-inf`.
    ///
    /// ```
    /// use cotangent::train::History;
    /// let mut history = History::new();
    /// history.push(1, 45, [("loss", 0.75)]);
    /// assert_eq!(history.to_csv(), "epoch,step,loss\n1,45,0.75\n");
    /// ```
    pub fn to_csv(&self) -> String {
        let mut header = vec!["epoch".to_owned(), "step".to_owned()];
        header.extend(self.names().map(str::to_owned));
        let mut writer = csv::Writer::from_writer(Vec::new());
        let mut write = |record: &[String]| writer.write_record(record);
        let mut written = write(&header);
        for row in self.rows() {
            let mut record = vec![row.epoch().to_string(), row.step().to_string()];
            record.extend(row.values().map(|(_, value)| field(value)));
            written = written.and_then(|()| write(&record));
        }
        debug_assert!(
            written.is_ok(),
            "memory takes all rows, which have one length"
        );
        let bytes = writer.into_inner().unwrap_or_default();
        String::from_utf8(bytes).unwrap_or_default()
    }

    /// Writes [`to_csv`](Self::to_csv) to a file. The file is replaced whole or not at all.
    ///
    /// # Errors
    /// [`Error::Io`] if the file cannot be written.
    pub fn save_csv(&self, path: impl AsRef<Path>) -> Result<()> {
        replace_file(path.as_ref(), self.to_csv().as_bytes())
    }
}

fn field(value: f64) -> String {
    if value.is_nan() {
        String::new()
    } else {
        value.to_string()
    }
}

/// Saves the [history](History::to_csv) after each epoch as a CSV file.
///
/// The file is replaced whole, so that it always has complete rows. A resumed run replaces rows
/// after its checkpoint. [`JsonLines`](crate::JsonLines) has the steps too.
#[derive(Clone, Debug)]
pub struct CsvLog {
    path: PathBuf,
}

impl CsvLog {
    /// Creates a log. The first epoch writes the file, and its folder if there is none.
    pub fn new(path: impl AsRef<Path>) -> Self {
        Self {
            path: path.as_ref().to_owned(),
        }
    }
}

impl Log for CsvLog {
    fn epoch(&mut self, record: &EpochRecord<'_>) -> Result<()> {
        super::create_folder(&self.path).map_err(|error| Error::io(&self.path, error))?;
        record.history.save_csv(&self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::super::rehearsal::Rehearsal;
    use super::*;

    #[test]
    fn every_name_and_number_has_a_form() {
        let mut history = History::new();
        history.push(1, 3, [("loss", f64::NAN), ("a,\"b\"\nc", -0.0)]);
        history.push(2, 6, [("loss", f64::NEG_INFINITY), ("late", 1e-300)]);
        let expected = "epoch,step,loss,\"a,\"\"b\"\"\nc\",late\n1,3,,-0,\n2,6,-inf,,0.";
        let csv = history.to_csv();
        assert!(csv.starts_with(expected) && csv.ends_with("1\n"), "{csv}");
        // Numbers are written with all their digits.
        let last = csv
            .trim_end()
            .rsplit(',')
            .next()
            .and_then(|field| field.parse().ok());
        assert_eq!(last, Some(1e-300));
        assert_eq!(History::new().to_csv(), "epoch,step\n");
    }

    #[test]
    fn a_killed_and_resumed_run_has_every_row_once() -> Result<()> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("logs/run.csv");
        Rehearsal::killed(CsvLog::new(&path), || CsvLog::new(&path))?;
        let csv = std::fs::read_to_string(path)?;
        let rows: Vec<_> = csv.lines().map(|line| line.split(',').next()).collect();
        assert_eq!(rows, ["epoch", "1", "2", "3", "4"].map(Some), "{csv}");
        Ok(())
    }

    #[test]
    fn a_path_that_cannot_be_written_is_an_error() -> Result<()> {
        let folder = tempfile::tempdir()?;
        let refused = History::new().save_csv(folder.path());
        assert!(matches!(refused, Err(Error::Io { .. })), "{refused:?}");
        Ok(())
    }
}
