//! Training steps on two hosts that are joined by a link of known bandwidth and delay, against one
//! process. `run.py` makes the hosts, which are namespaces of this machine, and starts the ranks:
//!
//! ```sh
//! cargo bench --features mpi --bench hosts --no-run
//! benches/hosts/run.py target/release/deps/hosts-*   # as root
//! ```

use anyhow::Result;
use cotangent::data::Shards;
use cotangent::parallel::Ranks;
use cotangent::prelude::*;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::{Duration, Instant};

const WARM_UP: usize = 3;

/// Trains a net of about a million parameters. Its arguments are the number of steps, of shards,
/// and of samples in a shard. Rank 0 prints the median seconds of a step, the bytes of the
/// gradients, and a hash of the weights.
fn main() -> Result<()> {
    let numbers: Vec<usize> = std::env::args()
        .skip(1)
        .flat_map(|text| text.parse())
        .collect();
    let &[steps, shards, samples] = &numbers[..] else {
        println!("see benches/hosts/run.py");
        return Ok(());
    };
    let ranks = Ranks::builder()
        .shards(shards)
        .patience(Duration::from_mins(1))
        .mpi()?;
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let mut net = Mlp::builder([784, 512, 512, 512, 10]).build(&mut rng)?;
    let rows = shards * samples;
    let x = Tensor::normal([rows, 784], 0.0, 1.0, DType::F32, &mut rng)?;
    let y: Indices = (0..rows).map(|i| i * 7 % 10).collect();
    let batch = Shards::split(&(x, y), ranks.own_shards(), shards)?;
    let (mut optimizer, pass) = (Momentum::new(1e-2).build()?, Pass::train(1));
    let mut times = Vec::new();
    for _ in 0..WARM_UP + steps {
        let started = Instant::now();
        let summed = ranks.gradients(&net, &batch, &pass, |net, (x, y), pass| {
            net.forward(x, pass)?.cross_entropy(y)
        })?;
        optimizer.step(&mut net, summed.gradients)?;
        times.push(started.elapsed().as_secs_f64());
    }
    let mut times = times.split_off(WARM_UP);
    times.sort_unstable_by(f64::total_cmp);
    let mut hasher = DefaultHasher::new();
    net.state()?.to_bytes()?.hash(&mut hasher);
    let bytes: usize = net
        .params()
        .iter()
        .map(|param| param.value().len() * 4)
        .sum();
    if ranks.is_first() {
        println!(
            "{} {bytes} {:016x}",
            times[times.len() / 2],
            hasher.finish()
        );
    }
    Ok(())
}
