//! Buffers that forward changes: the mean of those of all shards. The others keep their bits.

use cotangent::data::Shards;
use cotangent::module::{AllReduce, Buffer};
use cotangent::parallel::Ranks;
use cotangent::prelude::*;

/// A layer whose buffers change in several ways.
#[derive(Module, Clone)]
struct Statistics {
    weight: Param,
    kept: Buffer,
    frozen: Buffer,
    constant: Buffer,
    mean: Buffer,
    positive: Buffer,
}

impl Statistics {
    fn new() -> Self {
        // Products and quotients of these numbers are rounded, and 0 times infinity is NaN.
        let kept = [0.1f64, -0.0, f64::INFINITY, f64::NAN, 1.0 / 3.0];
        let mut frozen = Buffer::new(&Tensor::from(kept));
        frozen.freeze();
        Self {
            weight: Param::new(&Tensor::from([2.0f64])),
            kept: Buffer::new(&Tensor::from(kept)),
            frozen,
            constant: Buffer::new(&Tensor::from([1.0f64])),
            mean: Buffer::new(&Tensor::from([0.7f64])),
            positive: Buffer::new(&Tensor::from([8.0f64])),
        }
    }

    fn loss(&self, x: &Tensor, pass: &Pass) -> Result<Tensor> {
        self.constant.set(&Tensor::from([0.1f64]))?;
        let mean = x.mean();
        self.mean.set(&mean.reshape([1])?)?;
        if mean.item()? > 0.0 {
            self.positive.set(&mean.reshape([1])?)?;
        }
        Ok(x.mul(&self.weight.read(pass))?.mean())
    }

    fn bits(&self) -> Vec<Vec<u64>> {
        let buffers = self.named_buffers().into_iter();
        let bits = |buffer: &Buffer| {
            let values = buffer.value().to_f64_vec();
            values.into_iter().map(f64::to_bits).collect()
        };
        buffers.map(|(_, buffer)| bits(buffer)).collect()
    }
}

#[test]
fn buffers_are_means_over_the_shards_that_change_them() -> Result<()> {
    // Shards of 1, 1, 1, 2, 1, 1, 1, 2 samples. The means of three are above 0.
    let samples = [-1.0f64, 2.0, -3.0, -1.0, -1.0, 5.0, -2.0, -1.0, 3.0, 4.0];
    let x = Tensor::from(samples).unsqueeze(1)?;
    let start = Statistics::new().bits();
    let mean = samples.iter().sum::<f64>() / 10.0;
    let positive = (2.0 + 5.0 + 2.0 * 3.5 + 8.0 * 6.0) / 10.0;
    for count in [1, 2, 4, 8] {
        let all = Ranks::builder().shards(8).threads(count, |ranks| {
            let net = Statistics::new();
            let batch = Shards::split(&x, ranks.own_shards(), 8)?;
            ranks.gradients(&net, &batch, &Pass::train(1), Statistics::loss)?;
            Ok(net.bits())
        })?;
        for found in &all {
            assert_eq!(found, &all[0], "{count} ranks");
            assert_eq!(found[..2], start[..2]);
            let [constant, mean_found, positive_found] =
                [2, 3, 4].map(|buffer: usize| f64::from_bits(found[buffer][0]));
            assert_eq!(constant.to_bits(), 0.1f64.to_bits());
            assert!((mean_found - mean).abs() < 1e-15, "{mean_found} {mean}");
            assert!((positive_found - positive).abs() < 1e-14);
        }
    }
    Ok(())
}

#[test]
fn buffers_of_a_shard_that_counts_nothing_have_no_weight() -> Result<()> {
    let x = Tensor::from([[1.0f64], [3.0]]);
    let all = Ranks::builder().threads(2, |ranks| {
        let net = Statistics::new();
        let batch = Shards::split(&x, ranks.own_shards(), 2)?;
        let first = ranks.is_first();
        ranks.gradients(&net, &batch, &Pass::train(1), |net, x: &Tensor, pass| {
            let loss = net.loss(x, pass)?;
            if first {
                net.mean.set(&Tensor::from([f64::INFINITY]))?;
            }
            Ok((loss, if first { 0.0 } else { 1.0 }))
        })?;
        net.mean.value().item()
    })?;
    assert_eq!(all, [3.0, 3.0]);
    Ok(())
}

#[test]
fn shards_at_once_cannot_change_a_buffer_each_for_itself() {
    let x = Tensor::from([[1.0f64], [3.0], [5.0], [7.0]]);
    for count in [1, 2, 4] {
        let result = Ranks::builder().shards(4).threads(count, |ranks| {
            let net = Statistics::new();
            let batch = Shards::split(&x, ranks.own_shards(), 4)?;
            let loss = |net: &Statistics, x: &Tensor, pass: &Pass| {
                if pass.moves_statistics() {
                    net.mean.set(&x.mean().reshape([1])?)?;
                }
                Ok(x.mul(&net.weight.read(pass))?.mean())
            };
            ranks.gradients_at_once(&net, &batch, &Pass::train(1), loss)
        });
        let text = result.unwrap_err().to_string();
        let expected = "a layer has changed the buffer `mean`, and shards that are computed at";
        assert!(text.contains(expected), "{text}");
    }
}

#[test]
fn shards_at_once_may_set_a_buffer_alike() -> Result<()> {
    let x = Tensor::from([[1.0f64], [3.0], [5.0], [7.0]]);
    for count in [1, 2, 4] {
        let all = Ranks::builder().shards(4).threads(count, |ranks| {
            let net = Statistics::new();
            let batch = Shards::split(&x, ranks.own_shards(), 4)?;
            let loss = |net: &Statistics, x: &Tensor, pass: &Pass| {
                let all: &dyn AllReduce = &**pass.all_reduce().expect("shards");
                let sums = all.sum(vec![x.sum().item()?, x.len() as f64])?;
                if pass.moves_statistics() {
                    all.sets_alike(&net.mean);
                    net.mean.set(&Tensor::from([sums[0] / sums[1]]))?;
                }
                Ok(x.mul(&net.weight.read(pass))?.mean())
            };
            ranks.gradients_at_once(&net, &batch, &Pass::train(1), loss)?;
            net.mean.value().item()
        })?;
        assert_eq!(all, vec![4.0; count]);
    }
    Ok(())
}
