//! The values of all epochs of a run.

use cotangent_core::state::{Entry, StateDict, Stateful};
use cotangent_core::{Error, Result, Tensor};

/// The values of a run, with a row for each epoch and a column for each name, such as `loss` and
/// `validation_accuracy`.
///
/// ```
/// use cotangent::train::History;
/// let mut history = History::new();
/// history.push(1, 45, [("loss", 0.9), ("validation_loss", 0.8)]);
/// history.push(2, 90, [("loss", 0.4), ("validation_loss", 0.5)]);
/// assert_eq!(history.column("loss"), Some(&[0.9, 0.4][..]));
/// assert_eq!(history.last("validation_loss"), Some(0.5));
/// assert_eq!(history.steps(), [45, 90]);
/// ```
#[derive(Clone, Debug, Default)]
pub struct History {
    epochs: Vec<u64>,
    steps: Vec<u64>,
    /// The columns in the order in which they first had a value. A missing value is NaN.
    columns: Vec<(String, Vec<f64>)>,
}

/// A row of a [`History`].
#[derive(Clone, Copy, Debug)]
pub struct Row<'a> {
    history: &'a History,
    index: usize,
}

impl History {
    /// Creates a history without rows.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a row: the number of the epoch, counted from 1, the number of steps so far, and the
    /// values. A name that is new begins a column, in which the earlier rows have NaN.
    pub fn push<N: AsRef<str>>(
        &mut self,
        epoch: u64,
        step: u64,
        values: impl IntoIterator<Item = (N, f64)>,
    ) {
        let rows = self.len();
        self.epochs.push(epoch);
        self.steps.push(step);
        for (name, value) in values {
            let name = name.as_ref();
            let known = self.columns.iter().position(|(known, _)| known == name);
            let column = known.unwrap_or_else(|| {
                self.columns.push((name.to_owned(), vec![f64::NAN; rows]));
                self.columns.len() - 1
            });
            let column = &mut self.columns[column].1;
            // A name that is given twice in a row has its last value.
            column.truncate(rows);
            column.push(value);
        }
        for (_, column) in &mut self.columns {
            column.resize(rows + 1, f64::NAN);
        }
    }

    /// Returns the number of rows.
    pub fn len(&self) -> usize {
        self.epochs.len()
    }

    /// Returns whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.epochs.is_empty()
    }

    /// Returns the names of the columns.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.columns.iter().map(|(name, _)| &**name)
    }

    /// Returns the number of the epoch of each row, counted from 1.
    pub fn epochs(&self) -> &[u64] {
        &self.epochs
    }

    /// Returns the number of steps before the end of each row's epoch.
    pub fn steps(&self) -> &[u64] {
        &self.steps
    }

    /// Returns the values of a column, one for each row. A missing value is NaN.
    pub fn column(&self, name: &str) -> Option<&[f64]> {
        let column = self.columns.iter().find(|(known, _)| known == name)?;
        Some(&column.1)
    }

    /// Returns the value in the last row; none if the column is unknown or the value missing.
    pub fn last(&self, name: &str) -> Option<f64> {
        let value = *self.column(name)?.last()?;
        (!value.is_nan()).then_some(value)
    }

    /// Returns all rows.
    pub fn rows(&self) -> impl DoubleEndedIterator<Item = Row<'_>> + ExactSizeIterator {
        (0..self.len()).map(|index| Row {
            history: self,
            index,
        })
    }
}

impl<'a> Row<'a> {
    /// Returns the number of the epoch, counted from 1.
    pub fn epoch(&self) -> u64 {
        self.history.epochs[self.index]
    }

    /// Returns the number of steps before the end of the epoch.
    pub fn step(&self) -> u64 {
        self.history.steps[self.index]
    }

    /// Returns the value in a column; NaN if it is missing, none if the column is unknown.
    pub fn get(&self, name: &str) -> Option<f64> {
        self.history.column(name).map(|column| column[self.index])
    }

    /// Returns the names and values of all columns. A missing value is NaN.
    pub fn values(&self) -> impl Iterator<Item = (&'a str, f64)> + use<'a> {
        let index = self.index;
        let columns = self.history.columns.iter();
        columns.map(move |(name, column)| (&**name, column[index]))
    }
}

/// Compares the bits of the values, so that a missing value equals a missing value.
impl PartialEq for History {
    fn eq(&self, other: &Self) -> bool {
        let bits = |history: &Self| -> Vec<(String, Vec<u64>)> {
            let columns = history.columns.iter();
            let bits = |column: &[f64]| column.iter().map(|value| value.to_bits()).collect();
            columns
                .map(|(name, column)| (name.clone(), bits(column)))
                .collect()
        };
        (&self.epochs, &self.steps) == (&other.epochs, &other.steps) && bits(self) == bits(other)
    }
}

/// The entries are `epochs`, `steps`, and the columns as `column.NUMBER.NAME`.
impl Stateful for History {
    fn state(&self) -> Result<StateDict> {
        let mut state = StateDict::new();
        let counts = |counts: &[u64]| -> Vec<f64> { counts.iter().map(|&n| n as f64).collect() };
        state.insert("epochs", list(&counts(&self.epochs)));
        state.insert("steps", list(&counts(&self.steps)));
        for (number, (name, column)) in self.columns.iter().enumerate() {
            state.insert(&format!("column.{number}.{name}"), list(column));
        }
        Ok(state)
    }

    fn load_state(&mut self, state: &StateDict) -> Result<()> {
        let counts = |name| -> Result<Vec<u64>> {
            let numbers = state.tensor(name)?.to_f64_vec();
            Ok(numbers.into_iter().map(|number| number as u64).collect())
        };
        let (epochs, steps) = (counts("epochs")?, counts("steps")?);
        let mut columns = Vec::new();
        for (entry, _) in state
            .iter()
            .filter(|(name, _)| !matches!(*name, "epochs" | "steps"))
        {
            let parts = entry.strip_prefix("column.");
            let parts = parts.and_then(|name| name.split_once('.'));
            let number = parts.and_then(|(number, name)| Some((number.parse().ok()?, name)));
            let Some((number, name)) = number else {
                return Err(wrong(entry, "not expected in the state of a history"));
            };
            let number: usize = number;
            columns.push((number, name.to_owned(), state.tensor(entry)?.to_f64_vec()));
        }
        columns.sort_by_key(|(number, ..)| *number);
        let uneven = columns
            .iter()
            .any(|(.., column)| column.len() != epochs.len());
        if uneven || steps.len() != epochs.len() {
            return Err(wrong("epochs", "the columns of a history differ in length"));
        }
        *self = Self {
            epochs,
            steps,
            columns: columns
                .into_iter()
                .map(|(_, name, column)| (name, column))
                .collect(),
        };
        Ok(())
    }
}

fn list(values: &[f64]) -> Entry {
    Entry::Tensor(Tensor::from(values))
}

fn wrong(entry: &str, reason: &str) -> Error {
    Error::state("", vec![format!("`{entry}`: {reason}")])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_may_begin_late_and_states_keep_all() -> Result<()> {
        let mut history = History::new();
        history.push(1, 3, [("loss", 0.5)]);
        history.push(2, 6, [("b.c", f64::INFINITY), ("loss", 0.25)]);
        history.push(3, 9, [("b.c", 1.0)]);
        for number in 0..12 {
            history.push(4 + number, 9, [(format!("late{number}"), 1.0)]);
        }
        assert_eq!(history.names().nth(1), Some("b.c"));
        assert!(
            history
                .column("b.c")
                .is_some_and(|column| column[0].is_nan())
        );
        assert_eq!(history.last("loss"), None);
        let mut loaded = History::new();
        loaded.load_state(&StateDict::from_bytes(&history.state()?.to_bytes()?)?)?;
        assert_eq!(loaded, history);
        let row = loaded
            .rows()
            .nth(1)
            .map(|row| (row.epoch(), row.step(), row.get("loss")));
        assert_eq!(row, Some((2, 6, Some(0.25))));
        Ok(())
    }

    #[test]
    fn damaged_states_are_errors() -> Result<()> {
        let mut history = History::new();
        history.push(1, 3, [("loss", 0.5)]);
        let good = history.state()?;
        for (name, entry) in [
            ("column.x.loss", list(&[1.0])),
            ("column.1.other", list(&[1.0, 2.0])),
            ("other", Entry::Count(1)),
            ("steps", Entry::Count(1)),
        ] {
            let mut state = good.clone();
            state.insert(name, entry);
            assert!(history.load_state(&state).is_err(), "{name}");
        }
        assert_eq!(history.last("loss"), Some(0.5));
        Ok(())
    }
}
