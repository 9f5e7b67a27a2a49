//! Transfer learning: a deep net learns the digits 0 to 4 from about 720 images. Its lower layers
//! are then reused to learn the digits 5 to 9 from 20 images each, and for comparison the same net
//! learns them from scratch. The reused layers are frozen at first. The default net has logistic
//! units, whose gradients vanish; with `--elu` it has batch normalization and needs no transfer.
//! ```sh
//! cargo run --release --example transfer -- --seeds 10
//! ```

#[path = "common/measure.rs"]
mod measure;

use cotangent::prelude::*;
use cotangent::state::Loader;

/// Reuse the lower layers of a net that has learnt the digits 0 to 4 to learn 5 to 9.
#[derive(clap::Parser)]
struct Arguments {
    /// The number of runs, each with its own splits, weights and batches.
    #[arg(long, default_value_t = 3)]
    seeds: u64,
    /// Use a net with batch normalization and ELU.
    #[arg(long)]
    elu: bool,
}

/// Trains on images, or on the outputs of the three lower layers.
fn loss(net: &Mlp, (x, labels): &(Tensor, Indices), step: &mut Step<'_>) -> Result<Tensor> {
    let first = if x.shape()[1] == 64 { 0 } else { 3 };
    let h = net.hidden[first..].forward(x, step.pass())?;
    net.out.forward(&h, step.pass())?.cross_entropy(labels)
}

/// Returns the accuracies with reused layers and from scratch.
fn experiment(seed: u64, elu: bool) -> anyhow::Result<[f64; 2]> {
    let (old, _) = digits()?.only_classes(0..5)?.split_stratified(0.2, seed)?;
    let (train, test) = digits()?.only_classes(5..10)?.split_per_class(20, seed)?;
    let net = Mlp::builder([64, 100, 100, 100, 100, 5]).activation(Sigmoid);
    // The learning rates were chosen on seeds from 100 on.
    let (net, epochs, rates) = if elu {
        let net = net.activation(Elu::default()).batch_norm();
        (net, 20, [0.003, 0.03, 0.02, 0.02])
    } else {
        (net, 60, [0.05, 0.2, 0.15, 0.05])
    };
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let (old_net, new_net) = (net.clone().build(&mut rng)?, net.build(&mut rng)?);
    let task = |net: Mlp, rate| -> Result<_> {
        Ok(Supervised::new(net, Nesterov::new(rate).build()?, loss).clip(clip::global_norm(5.0)))
    };
    let batches = |data| Batches::new(data, 20)?.shuffle(seed).drop_last();
    let mut pretrained = task(old_net, rates[0])?;
    Fit::new(epochs).run(&mut pretrained, &batches(old)?)?;

    let (mut net, lower) = (new_net.clone(), r"hidden\.[0-2]\..*");
    let loader = Loader::new().select(lower)?;
    loader.load_from(&mut net, pretrained.model())?;
    net.freeze_where(lower)?;
    let features = train.map_inputs(500, |images| net.hidden[..3].predict(images))?;
    let mut transfer = task(net, rates[1])?;
    let mut run = Fit::new(10).run(&mut transfer, &batches(features)?)?;
    let (net, optimizer) = transfer.parts_mut();
    net.unfreeze_where(lower)?;
    optimizer.set_learning_rate(rates[2])?;
    Fit::new(40).extend(&mut run, &mut transfer, &batches(train.clone())?)?;
    let mut scratch = task(new_net, rates[3])?;
    Fit::new(40).run(&mut scratch, &batches(train)?)?;
    let accuracy = |net| measure::accuracy(net, &test);
    Ok([accuracy(transfer.model())?, accuracy(scratch.model())?])
}

fn main() -> anyhow::Result<()> {
    let Arguments { seeds, elu } = clap::Parser::parse();
    let found: Vec<_> = (0..seeds)
        .map(|seed| experiment(seed, elu))
        .collect::<anyhow::Result<_>>()?;
    let mean = |way: usize| found.iter().map(|found| found[way]).sum::<f64>() / seeds as f64;
    println!("transfer {:.4} scratch {:.4}", mean(0), mean(1));
    Ok(())
}
