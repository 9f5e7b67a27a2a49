//! A step takes the gradients by value, so that they cannot be applied twice.
use cotangent::prelude::*;

fn train(net: &mut Linear, loss: &Tensor) -> Result<()> {
    let mut optimizer = Sgd::new(0.1).build()?;
    let grads = loss.backward()?;
    optimizer.step(net, grads)?;
    optimizer.step(net, grads)
}

fn main() {}
