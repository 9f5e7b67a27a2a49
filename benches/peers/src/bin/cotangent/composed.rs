//! Nets whose time is spent between kernels: gates of small operations, second derivatives.

use crate::{Training, sequences::rng, tensor};
use anyhow::Result;
use cotangent::nn::{LayerNorm, Tanh};
use cotangent::prelude::*;
use cotangent_peers::{Case, Step, labels};

const WIDTH: usize = 256;

pub fn cases() -> Vec<Case> {
    vec![
        Case::training("gates12_6x256_adam_b64", gates),
        Case::training("pinn_f64_2x32_adam_b64", pinn),
    ]
}

/// A layer with twelve small operations behind its product.
#[derive(Module, Clone, Debug)]
struct Gated {
    norm: LayerNorm,
    linear: Linear,
    gain: Param,
}

impl Gated {
    fn new(rng: &mut ChaCha8Rng) -> cotangent::Result<Self> {
        Ok(Self {
            norm: LayerNorm::new(WIDTH)?,
            linear: Linear::new(WIDTH, 2 * WIDTH, rng)?,
            gain: Param::new(&Tensor::ones([WIDTH], DType::F32)?),
        })
    }
}

impl Layer for Gated {
    fn compute(&self, x: &Tensor, pass: &Pass) -> cotangent::Result<Tensor> {
        let a = self.linear.forward(&self.norm.forward(x, pass)?, pass)?;
        let g = a.narrow(1, 0, WIDTH)?.sigmoid();
        let u = a.narrow(1, WIDTH, WIDTH)?.tanh();
        let r = x.add(&g.mul(&u)?)?;
        let size = r.mul(&r)?.mean_over(Axes::keep(1))?.sqrt();
        let n = r.div(&size)?.mul(&self.gain.read(pass))?;
        x.add(&g.mul(&n.sub(x)?)?)
    }
}

fn gates() -> Result<Step> {
    let mut rng = rng();
    let mut net = Sequential::new();
    for _ in 0..6 {
        net = net.push(Gated::new(&mut rng)?);
    }
    let net = net.push(Linear::new(WIDTH, 10, &mut rng)?);
    let (x, y) = (tensor(&[64, WIDTH])?, Indices::from(labels(64)));
    Training::new(net)?.step(move |net, pass| net.forward(&x, pass)?.cross_entropy(&y))
}

/// Solves u'' + u = f between 0 and 2 with given values at both ends. The solution is sin 2x.
fn pinn() -> Result<Step> {
    let net = Mlp::builder([1, 32, 32, 1]).activation(Tanh);
    let mut training = Training::new(net.build(&mut rng())?)?;
    training.net.convert(DType::F64);
    let x = Tensor::linspace(0.0, 2.0, 64, DType::F64)?.reshape([64, 1])?;
    let f = x.mul_scalar(2.0).sin().mul_scalar(-3.0);
    let x = x.tracked();
    let ends = Tensor::from([[0.0f64], [2.0]]);
    let values = ends.mul_scalar(2.0).sin();
    training.step(move |net, pass| {
        let derivative = Backward::new().create_graph();
        let u = net.forward(&x, pass)?;
        let slope = derivative.grad(&u.sum(), &[&x])?;
        let curvature = derivative.grad(&slope[0].sum(), &[&x])?;
        let residual = curvature[0].add(&u)?.sub(&f)?;
        let missed = net.forward(&ends, pass)?.sub(&values)?;
        residual.square().mean().add(&missed.square().mean())
    })
}
