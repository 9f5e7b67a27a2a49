//! Some training steps of a net on several ranks, and data for them.

use super::nets::Synchronized;
use cotangent::data::Table;
use cotangent::parallel::Ranks;
use cotangent::prelude::*;

/// Trains for some steps and returns the bytes of the state, and the losses.
pub fn train<M: Module>(
    ranks: &Ranks,
    mut net: M,
    optimizer: &dyn Fn() -> Result<Box<dyn Optimizer>>,
    data: &Table<(Tensor, Indices)>,
    forward: impl Fn(&M, &Tensor, &Pass) -> Result<Tensor>,
) -> Result<(Vec<u8>, Vec<u64>)> {
    let mut optimizer = optimizer()?;
    let batches = Batches::new(data, 20)?.shuffle(3);
    let pass = Pass::train(5);
    let mut losses = Vec::new();
    for epoch in 0..2 {
        for batch in batches.shards(epoch, ranks.own_shards(), ranks.shards())? {
            let summed = ranks.gradients(&net, &batch?, &pass, |net, (x, y), pass| {
                forward(net, x, pass)?.cross_entropy(y)
            })?;
            losses.push(summed.loss.to_bits());
            optimizer.step(&mut net, summed.gradients)?;
        }
    }
    Ok((net.state()?.to_bytes()?, losses))
}

/// Trains a net with synchronized batch normalization so.
pub fn train_at_once(
    ranks: &Ranks,
    data: &Table<(Tensor, Indices)>,
) -> Result<(Vec<u8>, Vec<u64>)> {
    let mut net = Synchronized::new()?;
    let mut optimizer = Adam::new(1e-2).build()?;
    let (batches, pass) = (Batches::new(data, 18)?.shuffle(3), Pass::train(5));
    let mut losses = Vec::new();
    for epoch in 0..3 {
        for batch in batches.shards(epoch, ranks.own_shards(), ranks.shards())? {
            let loss = |net: &Synchronized, (x, y): &(Tensor, Indices), pass: &Pass| {
                net.forward(x, pass)?.cross_entropy(y)
            };
            let summed = ranks.gradients_at_once(&net, &batch?, &pass, loss)?;
            losses.push(summed.loss.to_bits());
            optimizer.step(&mut net, summed.gradients)?;
        }
    }
    Ok((net.state()?.to_bytes()?, losses))
}

/// Of 25 samples the last batch has 5: some of 8 shards are empty. Of 36 it has 16, so that each
/// shard has the two samples that batch normalization needs.
pub fn data(samples: usize, shape: &[usize]) -> Table<(Tensor, Indices)> {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let shape: Vec<usize> = [samples].iter().chain(shape).copied().collect();
    let x = Tensor::normal(shape, 0.0, 1.0, DType::F32, &mut rng).unwrap();
    let y: Indices = (0..samples).map(|i| i * i % 3).collect();
    Table::new((x, y)).unwrap()
}
