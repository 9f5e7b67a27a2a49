//! A custom activation and a custom loss, each written as a formula: `#[elementwise]` derives their
//! gradients at compile time and compiles value and gradients to one sweep each.
//!
//! Two nets learn the sine on [-6, 6]. One has the activation tanh, the other one Snake (Ziyin,
//! Hartwig, Ueda 2020, Neural Networks Fail to Learn Periodic Functions and How to Fix It). Beyond
//! that interval only Snake continues the wave.
//!
//! `cargo test --example elementwise` runs the checks of the derivatives.

use cotangent::prelude::*;
use std::f64::consts::LN_2;

/// `x + sin²(a x) / a`
#[elementwise(kind = Activation, check(x = -3.0..3.0, a = 0.5..3.0))]
fn snake(x: Tensor, a: Tensor) -> Tensor {
    x + square(sin(a * x)) / a
}

/// The mean of `ln cosh(prediction - target)`, which is quadratic near 0 and linear far from it.
/// The logarithm is computed without overflow.
#[elementwise(check(prediction = -4.0..4.0, target = -4.0..4.0))]
fn log_cosh_loss(prediction: Tensor, target: Tensor) -> Mean {
    let size = abs(prediction - target);
    size + ln_1p(exp(-2.0 * size)) - LN_2
}

/// A layer with one frequency `a` for each unit, which is trained.
#[derive(Module, Clone, Debug)]
struct Snake {
    a: Param,
}

impl Layer for Snake {
    fn compute(&self, x: &Tensor, pass: &Pass) -> Result<Tensor> {
        snake(x, &self.a.read(pass))
    }
}

fn main() -> Result<()> {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let units = 32;
    let frequencies = Param::new(&Tensor::uniform([units], 0.5, 2.0, DType::F32, &mut rng)?);
    let mut with_snake = Sequential::new()
        .push(Linear::new(1, units, &mut rng)?)
        .push(Snake { a: frequencies })
        .push(Linear::new(units, 1, &mut rng)?);
    let mut with_tanh = Sequential::new()
        .push(Linear::new(1, units, &mut rng)?)
        .push(Tanh)
        .push(Linear::new(units, 1, &mut rng)?);

    let near = Tensor::linspace(-6.0, 6.0, 256, DType::F32)?.unsqueeze(1)?;
    let far = Tensor::linspace(6.0, 12.0, 128, DType::F32)?.unsqueeze(1)?;
    let mut errors = Vec::new();
    for (name, net) in [("tanh", &mut with_tanh), ("snake", &mut with_snake)] {
        train(net, &near)?;
        let error = |x: &Tensor| net.predict(x)?.sub(&x.sin())?.abs().mean().item();
        println!(
            "{name:5} mean error on [-6, 6]: {:.3}, on [6, 12]: {:.3}",
            error(&near)?,
            error(&far)?
        );
        errors.push(error(&far)?);
    }
    println!(
        "snake continues the wave: {}",
        if errors[1] < 0.5 * errors[0] {
            "yes"
        } else {
            "no"
        }
    );
    Ok(())
}

fn train(net: &mut Sequential, x: &Tensor) -> Result<()> {
    let target = x.sin();
    let mut optimizer = Adam::new(0.01).build()?;
    for step in 0..2000 {
        let loss = log_cosh_loss(&net.forward(x, &Pass::train(step))?, &target)?;
        optimizer.step(net, loss.backward()?)?;
    }
    Ok(())
}
