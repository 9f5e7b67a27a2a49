//! Images: convolutional nets, single convolutions, pooling.

use crate::{Vars, tensor, training};
use anyhow::Result;
use candle_core::{Device, Tensor, Var};
use candle_nn::{BatchNorm, Conv2d, Conv2dConfig, Module, loss};
use cotangent_peers::{Case, Convolution, RESNET20, Run, Step, convolutions, labels};

pub fn cases() -> Vec<Case> {
    let mut cases = vec![
        Case::training("mnist_cnn_adam_b64", mnist_cnn),
        Case::training("resnet20_adam_b32", resnet20),
    ];
    for (name, sizes) in convolutions() {
        let forward: &'static str = format!("{name}_forward").leak();
        let both: &'static str = format!("{name}_both").leak();
        cases.push(Case::timed(forward, move || convolution(sizes, false)));
        cases.push(Case::timed(both, move || convolution(sizes, true)));
    }
    cases.push(Case::timed("max_pool_64x64x24x24", max_pool));
    cases
}

fn images(batch: usize, channels: usize, side: usize) -> Result<(Tensor, Tensor)> {
    let labels: Vec<i64> = labels(batch)
        .into_iter()
        .map(|label| label as i64)
        .collect();
    Ok((
        tensor(&[batch, channels, side, side])?,
        Tensor::from_vec(labels, batch, &Device::Cpu)?,
    ))
}

fn mnist_cnn() -> Result<Step> {
    let mut vars = Vars::default();
    let config = Conv2dConfig::default();
    let mut convolution = |inputs, outputs| -> Result<Conv2d> {
        let weight = vars.matrix(&[outputs, inputs, 3, 3])?;
        Ok(Conv2d::new(weight, Some(vars.zeros(outputs)?), config))
    };
    let (conv1, conv2) = (convolution(1, 32)?, convolution(32, 64)?);
    let (hidden, out) = (vars.linear(9216, 128)?, vars.linear(128, 10)?);
    let (x, y) = images(64, 1, 28)?;
    training(vars, move || {
        let x = conv1.forward(&x)?.relu()?;
        let x = conv2.forward(&x)?.relu()?;
        // The gradient of its pooling is a quarter of the right one.
        let x = x.max_pool2d(2)?.flatten_from(1)?;
        let x = hidden.forward(&x)?.relu()?;
        Ok(loss::cross_entropy(&out.forward(&x)?, &y)?)
    })
}

struct Normalized {
    conv: Conv2d,
    norm: BatchNorm,
}

impl Normalized {
    fn new(inputs: usize, outputs: usize, stride: usize, vars: &mut Vars) -> Result<Self> {
        let config = Conv2dConfig {
            padding: 1,
            stride,
            ..Conv2dConfig::default()
        };
        let conv = Conv2d::new(vars.matrix(&[outputs, inputs, 3, 3])?, None, config);
        let running = |value: f32| Tensor::full(value, outputs, &Device::Cpu);
        let norm = BatchNorm::new(
            outputs,
            running(0.0)?,
            running(1.0)?,
            vars.ones(outputs)?,
            vars.zeros(outputs)?,
            1e-5,
        )?;
        Ok(Self { conv, norm })
    }

    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        Ok(self.norm.forward_train(&self.conv.forward(x)?)?)
    }
}

fn resnet20() -> Result<Step> {
    let mut vars = Vars::default();
    let first = Normalized::new(3, 16, 1, &mut vars)?;
    let mut blocks = Vec::new();
    for [inputs, outputs] in RESNET20 {
        let stride = if inputs == outputs { 1 } else { 2 };
        let one = Normalized::new(inputs, outputs, stride, &mut vars)?;
        let two = Normalized::new(outputs, outputs, 1, &mut vars)?;
        blocks.push((one, two, outputs - inputs));
    }
    let out = vars.linear(64, 10)?;
    let (x, labels) = images(32, 3, 32)?;
    training(vars, move || {
        let mut x = first.forward(&x)?.relu()?;
        for (one, two, more) in &blocks {
            let y = two.forward(&one.forward(&x)?.relu()?)?;
            let shortcut = if *more == 0 {
                x
            } else {
                // It has no slices with steps.
                let side = x.dim(2)? as u32;
                let even = Tensor::arange_step(0u32, side, 2, &Device::Cpu)?;
                let x = x.index_select(&even, 2)?.index_select(&even, 3)?;
                x.pad_with_zeros(1, more / 2, more / 2)?
            };
            x = (y + shortcut)?.relu()?;
        }
        let x = x.mean((2, 3))?;
        Ok(loss::cross_entropy(&out.forward(&x)?, &labels)?)
    })
}

fn convolution(sizes: Convolution, backward: bool) -> Result<Run> {
    let Convolution {
        batch,
        inputs,
        outputs,
        side,
        kernel,
    } = sizes;
    let mut vars = Vars::default();
    let weight = vars.matrix(&[outputs, inputs, kernel, kernel])?;
    let bias = vars.zeros(outputs)?;
    let config = Conv2dConfig {
        padding: kernel / 2,
        ..Conv2dConfig::default()
    };
    let x = tensor(&[batch, inputs, side, side])?;
    if !backward {
        let layer = Conv2d::new(weight.detach(), Some(bias.detach()), config);
        return Ok(Box::new(move || {
            std::hint::black_box(layer.forward(&x)?);
            Ok(())
        }));
    }
    let layer = Conv2d::new(weight, Some(bias), config);
    let x = Var::from_tensor(&x)?;
    let g = tensor(&[batch, outputs, side, side])?;
    Ok(Box::new(move || {
        (layer.forward(&x)? * &g)?.sum_all()?.backward()?;
        Ok(())
    }))
}

fn max_pool() -> Result<Run> {
    let x = Var::from_tensor(&tensor(&[64, 64, 24, 24])?)?;
    let g = tensor(&[64, 64, 12, 12])?;
    Ok(Box::new(move || {
        (x.max_pool2d(2)? * &g)?.sum_all()?.backward()?;
        Ok(())
    }))
}
