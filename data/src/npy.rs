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

    fn batch(&self, draws: &[(usize, Key)]) -> Result<Tensor> {
        // Rows that follow each other are read at once.
        let runs = draws.chunk_by(|before, next| before.0.checked_add(1) == Some(next.0));
        let runs = runs.map(|run| {
            let (start, _) = run[0];
            let rows = self.narrow(start, run.len());
            rows.map_err(|error| Error::item(start, error))
        });
        Tensor::cat(&runs.collect::<Result<Vec<_>>>()?, 0)
    }
}
