//! Training on several ranks gives the bits of one rank with the same shards, and errors of a rank
//! end the job on all of them.

#[path = "parallel/accumulation.rs"]
mod accumulation;
#[path = "parallel/agreement.rs"]
mod agreement;
#[path = "parallel/buffers.rs"]
mod buffers;
#[path = "parallel/failures.rs"]
mod failures;
#[path = "parallel/fit.rs"]
mod fit;
#[path = "parallel/metrics.rs"]
mod metrics;
#[path = "parallel/nets.rs"]
mod nets;
#[path = "parallel/nonfinite.rs"]
mod nonfinite;
#[path = "parallel/signal.rs"]
mod signal;
#[path = "parallel/steps.rs"]
mod steps;
#[path = "parallel/synchronized.rs"]
mod synchronized;
#[path = "parallel/unequal.rs"]
mod unequal;

use cotangent::data::Shards;
use cotangent::parallel::Ranks;
use cotangent::prelude::*;
use nets::{Attentive, Convolutional, Recurrent};
use steps::{data, train};

/// Checks that runs on different numbers of ranks have the same bits.
fn same_bits(
    shards: usize,
    counts: &[usize],
    run: impl Fn(&Ranks) -> Result<(Vec<u8>, Vec<u64>)> + Sync,
) {
    let single = run(&Ranks::builder().shards(shards).single().unwrap()).unwrap();
    for &count in counts {
        let builder = Ranks::builder()
            .shards(shards)
            .bucket_bytes(1000)
            .check_every(2);
        for (rank, result) in builder
            .threads(count, &run)
            .unwrap()
            .into_iter()
            .enumerate()
        {
            assert!(result == single, "rank {rank} of {count} differs");
        }
    }
}

#[test]
fn dense_nets_with_dropout_and_batch_norm_have_the_same_bits() {
    let data = data(36, &[6]);
    let net = || {
        let net = Mlp::builder([6, 16, 8, 3]).batch_norm().dropout(0.2);
        net.build(&mut ChaCha8Rng::seed_from_u64(1)).unwrap()
    };
    same_bits(8, &[1, 2, 4, 8], |ranks| {
        let adam = || Adam::new(1e-2).build();
        train(ranks, net(), &adam, &data, |net, x, pass| {
            net.forward(x, pass)
        })
    });
    same_bits(8, &[2, 8], |ranks| {
        let sgd = || Momentum::new(1e-1).build();
        train(ranks, net(), &sgd, &data, |net, x, pass| {
            net.forward(x, pass)
        })
    });
}

#[test]
fn other_numbers_of_ranks_have_the_same_bits() {
    let data = data(25, &[6]);
    let net = Mlp::builder([6, 16, 3]).dropout(0.2);
    for (shards, count) in [(3, 3), (6, 3), (5, 5), (7, 7)] {
        same_bits(shards, &[count], |ranks| {
            let net = net
                .clone()
                .build(&mut ChaCha8Rng::seed_from_u64(1))
                .unwrap();
            let adam = || Adam::new(1e-2).build();
            train(ranks, net, &adam, &data, |net, x, pass| {
                net.forward(x, pass)
            })
        });
    }
}

#[test]
fn convolutional_recurrent_and_attentive_nets_have_the_same_bits() {
    let adam = || Adam::new(1e-2).build();
    let images = data(36, &[2, 6, 6]);
    same_bits(8, &[2, 4, 8], |ranks| {
        train(ranks, Convolutional::new()?, &adam, &images, Layer::forward)
    });
    let series = data(25, &[5, 4]);
    same_bits(8, &[2, 4, 8], |ranks| {
        train(ranks, Recurrent::new()?, &adam, &series, Layer::forward)
    });
    same_bits(8, &[2, 4, 8], |ranks| {
        train(ranks, Attentive::new()?, &adam, &series, Layer::forward)
    });
}

#[test]
fn gradients_are_those_of_the_whole_batch() -> Result<()> {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let mut net = Mlp::builder([6, 16, 3]).build(&mut rng)?;
    net.convert(DType::F64);
    // 13 samples: shards of 1 and 2.
    let x = Tensor::normal([13, 6], 0.0, 1.0, DType::F64, &mut rng)?;
    let y: Indices = (0..13).map(|i| i % 3).collect();
    let whole = net.forward(&x, &Pass::train(1))?.cross_entropy(&y)?;
    let expected = whole.backward()?;
    let results = Ranks::builder().shards(8).threads(4, |ranks| {
        let batch = Shards::split(&(x.clone(), y.clone()), ranks.own_shards(), 8)?;
        let net = net.clone();
        let pass = Pass::train(1);
        let summed = ranks.gradients(&net, &batch, &pass, |net, (x, y), pass| {
            net.forward(x, pass)?.cross_entropy(y)
        })?;
        let gradients = net.params().into_iter();
        let gradients = gradients.map(|param| summed.gradients.get(param).unwrap().clone());
        Ok((summed.loss, gradients.collect::<Vec<_>>()))
    })?;
    for (loss, gradients) in results {
        assert!((loss - whole.item()?).abs() < 1e-14);
        for (found, param) in gradients.iter().zip(net.params()) {
            let error = found
                .sub(expected.get(param).unwrap())?
                .abs()
                .max()?
                .item()?;
            assert!(error < 1e-15, "{error}");
        }
    }
    Ok(())
}
