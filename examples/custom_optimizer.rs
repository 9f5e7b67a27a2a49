//! A custom optimizer: a formula for one element, as the trait `Rule`. The library finds the
//! gradients, keeps and saves the state, and runs the formula on all threads with the best
//! instruction set; parameter groups work too. Optimizers that need more than one element at a time
//! implement the trait `Algorithm`.
//!
//! ```sh
//! cargo run --example custom_optimizer
//! ```

use cotangent::kernel::Real;
use cotangent::optim::{Elementwise, Rule, Settings, StepInfo, Stepper};
use cotangent::prelude::*;

/// Momentum with a bounded step: `m = μ m + (1 - μ) g; w -= η tanh(m / s)`.
#[derive(Clone, Copy, Debug)]
struct SoftSign {
    scale: f64,
}

impl Rule<1> for SoftSign {
    const NAME: &'static str = "SoftSign";
    const STATE: [&'static str; 1] = ["m"];

    #[inline(always)]
    fn update<T: Real>(&self, at: StepInfo, w: T, g: T, [m]: [T; 1]) -> (T, [T; 1]) {
        let mu = at.settings.momentum;
        let m = m * mu + g * (1.0 - mu);
        (w - (m / self.scale).tanh() * at.settings.learning_rate, [m])
    }
}

fn main() -> Result<()> {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let mut net = Mlp::builder([2, 16, 1]).activation(Tanh).build(&mut rng)?;
    // The target is 1 if exactly one of the two inputs is above 0.
    let x = Tensor::from([[1.0f32, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]]);
    let y = Tensor::from([[0.0f32], [1.0], [1.0], [0.0]]);

    let settings = Settings {
        momentum: 0.9,
        ..Settings::new(0.02)
    };
    let mut optimizer = Stepper::new(Elementwise(SoftSign { scale: 0.01 }), settings)?;
    let pass = Pass::train(1);
    let mut last = f64::INFINITY;
    for step in 0..=200 {
        let loss = net.forward(&x, &pass)?.sub(&y)?.square().mean();
        last = loss.item()?;
        if step % 50 == 0 {
            println!("step {step:>3}  loss {last:.5}");
        }
        optimizer.step(&mut net, loss.backward()?)?;
    }
    assert!(last < 0.01, "the loss stays at {last}");
    Ok(())
}
