//! `Table`, samples of any type in memory.

use cotangent_core::Result as CoreResult;

use crate::dataset::{Dataset, positions_of, rows_of};
use crate::error::{Error, Result};
use crate::key::Key;
use crate::sample::Sample;

/// Samples in memory: tensors and indices whose first axis counts the samples.
///
/// A table has any parts: inputs and float targets for regression, several inputs, or inputs alone.
/// For class labels [`Labeled`](crate::Labeled) can do more. Clones share the values.
///
/// ```
/// use cotangent::prelude::*;
///
/// let inputs = Tensor::from([[0.0f32, 1.0], [1.0, 0.0], [1.0, 1.0]]);
/// let targets = Tensor::from([1.0f32, 1.0, 0.0]);
/// let table = Table::new((inputs, targets))?;
/// assert_eq!(table.len(), 3);
/// for batch in Batches::new(&table, 2)?.shuffle(42).epoch(0) {
///     let (inputs, targets) = batch?;
///     assert_eq!(inputs.shape(), [targets.len(), 2]);
/// }
/// # Ok::<(), Error>(())
/// ```
#[doc(alias = "TensorDataset")]
#[derive(Clone, Debug)]
pub struct Table<S> {
    all: S,
    rows: usize,
}

impl<S: Sample> Table<S> {
    /// Creates a table from a batch of all samples.
    ///
    /// # Errors
    /// [`Error::Core`] if a part has no axis, or the parts have different numbers of rows.
    pub fn new(all: S) -> Result<Self> {
        let rows = all.rows()?;
        Ok(Self { all, rows })
    }

    /// Returns all samples as one batch.
    pub fn all(&self) -> &S {
        &self.all
    }

    /// Returns the number of samples.
    pub fn len(&self) -> usize {
        self.rows
    }

    /// Returns whether there are no samples.
    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }
}

impl<S: Sample> Dataset for Table<S> {
    type Sample = S;

    fn len(&self) -> usize {
        self.rows
    }

    fn get(&self, position: usize) -> CoreResult<S> {
        let samples = self.rows;
        if position >= samples {
            return Err(Error::SampleOutOfRange { position, samples }.into());
        }
        self.all.row(position)
    }

    fn batch(&self, draws: &[(usize, Key)]) -> CoreResult<S> {
        rows_of(&self.all, &positions_of(draws, self.rows)?)
    }
}
