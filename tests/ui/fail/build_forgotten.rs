//! A builder is neither a layer nor an optimizer: `build` makes one of it.

use cotangent::prelude::*;

fn train(_: &mut dyn Optimizer) {}

fn main() -> Result<()> {
    let mut rng = ChaCha8Rng::seed_from_u64(0);
    let mut net = Linear::new(2, 3, &mut rng)?;
    let (x, pass) = (Tensor::from([[1.0f32, 2.0]]), Pass::train(0));
    let mut optimizer = Adam::new(0.1);
    let grads = net.forward(&x, &pass)?.sum().backward()?;
    optimizer.step(&mut net, grads)?;
    let y = Linear::builder(2, 3).forward(&x, &pass)?;
    let y = Mlp::builder([3, 1]).predict(&y)?;
    train(&mut Sgd::new(0.1));
    let net = Sequential::new().push(BatchNorm::builder(3));
    Ok(())
}
