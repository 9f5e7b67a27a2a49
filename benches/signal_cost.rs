//! The cost of the signal report in a training step: without a report, with one that does not look,
//! with one at every tenth step, and at every step. The variants take turns, so that the machine's
//! other load affects all of them equally.
//!
//! ```sh
//! cargo bench --bench signal_cost
//! ```

use cotangent::data::Batches;
use cotangent::nn::Relu;
use cotangent::nn::signal::Signal;
use cotangent::prelude::*;
use std::time::Instant;

const ROUNDS: usize = 15;
const STEPS: usize = 40;

struct Run {
    name: &'static str,
    every: Option<u64>,
    milliseconds: Vec<f64>,
}

fn main() -> anyhow::Result<()> {
    let data = cotangent::data::digits()?;
    let batches = Batches::new(&data, 128)?.shuffle(0);
    let Some(batch) = batches.epoch(0).next() else {
        anyhow::bail!("there is a batch");
    };
    let (x, labels) = batch?;
    let run = |name, every| Run {
        name,
        every,
        milliseconds: Vec::new(),
    };
    let mut runs = [
        run("no watch", None),
        run("a report that never looks again", Some(0)),
        run("every 10th step", Some(10)),
        run("every step", Some(1)),
    ];
    for _ in 0..ROUNDS {
        for run in &mut runs {
            let mut rng = ChaCha8Rng::seed_from_u64(1);
            let mut net = Mlp::builder([64, 256, 256, 256, 256, 10])
                .activation(Relu)
                .batch_norm()
                .build(&mut rng)?;
            let mut optimizer = Nesterov::new(0.01).build()?;
            let mut pass = Pass::train(0);
            let signal = run.every.map(|every| Signal::of(&net).every(every));
            if let Some(signal) = &signal {
                pass = pass.observed(signal.clone());
            }
            let mut started = Instant::now();
            for step in 0..=STEPS {
                if step == 1 {
                    started = Instant::now(); // All reports look at the first step.
                }
                let grads = net.forward(&x, &pass)?.cross_entropy(&labels)?.backward()?;
                optimizer.step(&mut net, grads)?;
                if let Some(signal) = &signal {
                    std::hint::black_box(signal.step(&net)?);
                }
            }
            run.milliseconds
                .push(started.elapsed().as_secs_f64() * 1e3 / STEPS as f64);
        }
    }
    println!("milliseconds a step: median (smallest, largest), ratio of the medians to no report");
    let mut base = 0.0;
    for run in &mut runs {
        run.milliseconds.sort_unstable_by(f64::total_cmp);
        let median = run.milliseconds[ROUNDS / 2];
        if run.every.is_none() {
            base = median;
        }
        println!(
            "{:32} {median:.3} ({:.3}, {:.3})  {:.3}",
            run.name,
            run.milliseconds[0],
            run.milliseconds[ROUNDS - 1],
            median / base,
        );
    }
    Ok(())
}
