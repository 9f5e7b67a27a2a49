//! Forward mode beside the forward pass, and gradients of each sample beside a loop over samples.

use crate::{Bound, Case, Run, normal};
use anyhow::Result;
use cotangent::prelude::*;
use cotangent::transform;
use std::ops::Range;

const SAMPLES: usize = 64;

fn small() -> Result<(Box<dyn Layer>, Tensor)> {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let net = Mlp::builder([64, 32, 10]).activation(Tanh);
    Ok((Box::new(net.build(&mut rng)?), normal(&[SAMPLES, 64])?))
}

fn dense() -> Result<(Box<dyn Layer>, Tensor)> {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let net = Mlp::builder([256, 256, 256, 10]).activation(Tanh);
    Ok((Box::new(net.build(&mut rng)?), normal(&[SAMPLES, 256])?))
}

fn convolutional() -> Result<(Box<dyn Layer>, Tensor)> {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let net = Sequential::new()
        .push(Conv2d::builder(3, 16, 3).padding(1).build(&mut rng)?)
        .push(Relu)
        .push(MaxPool2d::new(2))
        .push(Conv2d::builder(16, 32, 3).padding(1).build(&mut rng)?)
        .push(Relu)
        .push(MaxPool2d::new(2))
        .push(Flatten::new())
        .push(Linear::new(32 * 7 * 7, 10, &mut rng)?);
    Ok((Box::new(net), normal(&[SAMPLES, 3, 28, 28])?))
}

/// Computes the losses of some samples.
fn losses(net: &dyn Layer, x: &Tensor, range: &Range<usize>) -> cotangent::Result<Tensor> {
    let labels: Indices = range.clone().map(|i| i % 10).collect();
    let x = x.narrow(0, range.start, range.len())?;
    let loss = CrossEntropyLoss::new().reduction(Reduction::None);
    loss.loss(&net.forward(&x, &Pass::train(1))?, &labels)
}

pub fn cases() -> Vec<Case> {
    type Net = fn() -> Result<(Box<dyn Layer>, Tensor)>;
    let nets: [(&str, Net); 3] = [
        ("small net", small),
        ("dense net", dense),
        ("convolutional net", convolutional),
    ];
    let mut cases = Vec::new();
    for (name, net) in nets {
        let mut add = |what: &str, setup: fn(Box<dyn Layer>, Tensor) -> Run| {
            let name = format!("{name}, {what}");
            cases.push(Case::new(name, Bound::Calls(1), move || {
                let (net, x) = net()?;
                Ok(setup(net, x))
            }));
        };
        add("forward", |net, x| {
            Box::new(move || {
                let x = x.tracked();
                let _ = net.forward(&x, &Pass::train(1).no_grad())?;
                Ok(())
            })
        });
        add("jvp along the input", |net, x| {
            Box::new(move || {
                let f = |x: &[Tensor]| net.forward(&x[0], &Pass::train(1).no_grad());
                let _ = transform::jvp(f, &[&x], &[&x])?;
                Ok(())
            })
        });
        add("gradients of the batch", |net, x| {
            Box::new(move || {
                losses(&*net, &x, &(0..SAMPLES))?.mean().backward()?;
                Ok(())
            })
        });
        add("gradients of each of 64 samples", |net, x| {
            Box::new(move || {
                transform::per_sample(SAMPLES, |range| losses(&*net, &x, &range))?;
                Ok(())
            })
        });
        add("64 gradients in a loop", |net, x| {
            Box::new(move || {
                for sample in 0..SAMPLES {
                    losses(&*net, &x, &(sample..sample + 1))?.sum().backward()?;
                }
                Ok(())
            })
        });
    }
    cases
}
