//! Images: convolutional nets, single convolutions, pooling.

use crate::tensor;
use anyhow::Result;
use cotangent_peers::{Case, Run};

pub fn cases() -> Vec<Case> {
    vec![Case::timed("max_pool_64x64x24x24", max_pool)]
}

fn max_pool() -> Result<Run> {
    let x = tensor(&[64, 64, 24, 24])?.tracked();
    let g = tensor(&[64, 64, 12, 12])?;
    Ok(Box::new(move || {
        x.max_pool([2, 2])?.backward_with(&g)?;
        Ok(())
    }))
}
