//! Batch normalization with the statistics of all shards of a batch.

use cotangent_core::module::AllReduce;
use cotangent_core::{
    Axes, BatchStatistics, Cotangents, Error, Op, OpKind, Result, Shape, Tensor, Vjp,
};
use std::sync::Arc;

/// Normalizes each channel with the mean and the biased variance of all shards, and returns these.
///
/// It is composed of operations, and so are its derivatives of every order.
pub(super) fn batch_norm(
    x: &Tensor,
    gamma: Option<&Tensor>,
    beta: Option<&Tensor>,
    epsilon: f64,
    all: &Arc<dyn AllReduce>,
) -> Result<(Tensor, BatchStatistics)> {
    let axes: Vec<isize> = (0..x.rank() as isize).filter(|&axis| axis != 1).collect();
    let own = x.len() / x.shape()[1].max(1);
    let count = all.sum(vec![own as f64])?.into_iter().sum::<f64>();
    if count < 2.0 {
        let reason = format!("expected at least 2 values per channel in all shards, found {count}");
        return Err(Error::shape("batch_norm", reason, &[x.shape()]));
    }
    // (channels) as (1, channels, 1, …)
    let column: Shape = (0..x.rank())
        .map(|axis| if axis == 1 { x.shape()[1] } else { 1 })
        .collect();
    let mean_of = |x: &Tensor| -> Result<Tensor> {
        let sum = sum_over_shards(&x.sum_over(Axes::keep(&axes[..]))?, all)?;
        Ok(sum * (1.0 / count))
    };
    let mean = mean_of(x)?;
    let centred = x.sub(&mean)?;
    let variance = mean_of(&centred.square())?;
    let mut y = centred.mul(&variance.add_scalar(epsilon).rsqrt())?;
    if let Some(gamma) = gamma {
        y = y.mul(&gamma.reshape(&column)?)?;
    }
    if let Some(beta) = beta {
        y = y.add(&beta.reshape(&column)?)?;
    }
    let statistics = BatchStatistics {
        mean: mean.detach().flatten(),
        variance: variance.detach().flatten(),
        count: count as usize,
    };
    Ok((y, statistics))
}

/// Returns the sum of a tensor over all shards.
fn sum_over_shards(x: &Tensor, all: &Arc<dyn AllReduce>) -> Result<Tensor> {
    let sums = all.sum(x.to_f64_vec())?;
    let sums = Tensor::from_vec(sums, x.shape())?.to_dtype(x.dtype());
    let all = Arc::clone(all);
    Ok(Tensor::from_op(sums, &[x], || SumOverShards { all }))
}

/// y = Σ x over the shards. Since all shards have y, the cotangent of x is the sum of theirs.
struct SumOverShards {
    all: Arc<dyn AllReduce>,
}

impl Op for SumOverShards {
    fn name(&self) -> &'static str {
        "sum_over_shards"
    }

    fn kind(&self) -> OpKind {
        OpKind::Normalization
    }

    fn vjp(&self, cotangent: Tensor, _: &Vjp) -> Result<Cotangents> {
        let sum = sum_over_shards(&cotangent, &self.all)?;
        Ok([Some(sum)].into_iter().collect())
    }
}
