//! A generative adversarial net (Goodfellow et al. 2014, Generative Adversarial Nets) learns a ring
//! of eight normal distributions. Its two nets have an optimizer each:
//!
//! ```sh
//! cargo run --release --example gan -- --out figures
//! ```

#[path = "common/picture.rs"]
mod picture;

use clap::Parser;
use cotangent::prelude::*;
use std::f64::consts::TAU;

#[derive(Stateful)]
struct Gan {
    generator: Mlp,
    critic: Mlp,
    generator_optimizer: Box<dyn Optimizer>,
    critic_optimizer: Box<dyn Optimizer>,
}

fn noise(points: usize, seed: u64) -> Result<Tensor> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    Tensor::normal([points, 8], 0.0, 1.0, DType::F32, &mut rng)
}

impl Task for Gan {
    type Batch = Tensor;

    fn train_step(&mut self, real: &Tensor, step: &mut Step<'_>) -> Result<()> {
        let noise = noise(step.samples(), step.pass().next_seed())?;
        let fake = self.generator.forward(&noise, step.pass())?;
        let judge = |x: &Tensor| self.critic.forward(x, step.pass());
        // A penalty on the slope at real points (Mescheder, Geiger, Nowozin 2018, Which Training
        // Methods for GANs do actually Converge?).
        let real = real.tracked();
        let judged = judge(&real)?;
        let backward = Backward::new().create_graph();
        let penalty = backward.grad(&judged.sum(), &[&real])?[0].square().mean();
        let loss = judged.neg().softplus().mean() + judge(&fake.detach())?.softplus().mean();
        let gradients = (loss + penalty * 0.1).backward()?;
        self.critic_optimizer.step(&mut self.critic, gradients)?;

        let loss = self.critic.forward(&fake, step.pass())?.neg().softplus();
        let (net, gradients) = (&mut self.generator, loss.mean().backward()?);
        self.generator_optimizer.step(net, gradients)
    }
}

fn main() -> anyhow::Result<()> {
    let options = picture::Options::parse();
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let angles = Tensor::linspace(0.0, 7.0 / 8.0 * TAU, 8, DType::F32)?;
    let modes = Tensor::stack(&[angles.cos(), angles.sin()], 1)? * 2.0;
    let ring = modes.repeat(&[512, 1])?;
    let ring = ring.add(&ring.normal_like(0.0, 0.05, &mut rng)?)?;
    let adam = || Adam::new(1e-3).betas(0.5, 0.99).build();
    let mut gan = Gan {
        generator: Mlp::builder([8, 64, 64, 2]).build(&mut rng)?,
        critic: Mlp::builder([2, 64, 64, 1]).build(&mut rng)?,
        generator_optimizer: adam()?,
        critic_optimizer: adam()?,
    };
    let batches = Batches::new(Table::new(ring.clone())?, 128)?.shuffle(1);
    Fit::new(options.epochs).seed(1).run(&mut gan, &batches)?;

    let drawn = gan.generator.predict(&noise(2000, 7)?)?;
    options.save("gan", &picture::points([&ring, &drawn])?)?;
    let offsets = drawn.unsqueeze(1)?.sub(&modes)?;
    let near = offsets.square().sum_over(2)?.lt_scalar(0.3 * 0.3);
    let shares = near.to_tensor(DType::F32).mean_over(0)?.to_f64_vec();
    let found = shares.iter().filter(|&&share| share > 0.02).count();
    println!("share by mode {shares:.3?}");
    let near: f64 = shares.iter().sum();
    println!("modes {found} of 8, near them {near:.3}");
    Ok(())
}
