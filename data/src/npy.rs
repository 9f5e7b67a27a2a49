//! A `.npy` file as a data set (feature `npy`).

use cotangent_core::npy::Rows;
use cotangent_core::{Result, Tensor};

use crate::dataset::Dataset;
use crate::error::Error;
use crate::key::Key;

/// A sample is a row, read from the file when a batch needs it.
impl Dataset for Rows {
    type Sample = Tensor;

    fn len(&self) -> usize {
        Rows::len(self)
    }

    fn get(&self, position: usize) -> Result<Tensor> {
        self.narrow(position, 1)?.squeeze(0)
    }

    fn batch(&self, positions: &[usize], _key: Key) -> Result<Tensor> {
        // Rows that follow each other are read at once.
        let runs = positions.chunk_by(|&before, &next| before.checked_add(1) == Some(next));
        let runs = runs.map(|run| {
            let rows = self.narrow(run[0], run.len());
            rows.map_err(|error| Error::item(run[0], error))
        });
        Tensor::cat(&runs.collect::<Result<Vec<_>>>()?, 0)
    }
}
