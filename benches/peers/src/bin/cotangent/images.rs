//! Images: convolutional nets, single convolutions, pooling.

use crate::{Training, sequences::rng, tensor};
use anyhow::Result;
use cotangent::nn::{BatchNorm, Conv2d, MaxPool2d, Relu};
use cotangent::prelude::*;
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

fn mnist_cnn() -> Result<Step> {
    let mut rng = rng();
    let net = Sequential::new()
        .push(Conv2d::new(1, 32, 3, &mut rng)?)
        .push(Relu)
        .push(Conv2d::new(32, 64, 3, &mut rng)?)
        .push(Relu)
        .push(MaxPool2d::new(2))
        .push(Flatten::new())
        .push(Linear::new(9216, 128, &mut rng)?)
        .push(Relu)
        .push(Linear::new(128, 10, &mut rng)?);
    images(net, [64, 1, 28, 28])
}

/// Times a step of a net on images (batch, channels, height, width).
fn images(net: impl Layer + 'static, shape: [usize; 4]) -> Result<Step> {
    let (x, y) = (tensor(&shape)?, Indices::from(labels(shape[0])));
    Training::new(net)?.step(move |net, pass| net.forward(&x, pass)?.cross_entropy(&y))
}

#[derive(Module, Clone, Debug)]
struct Block {
    conv1: Conv2d,
    norm1: BatchNorm,
    conv2: Conv2d,
    norm2: BatchNorm,
    /// The channels that the shortcut adds.
    #[module(skip)]
    more: usize,
}

impl Block {
    fn new([inputs, outputs]: [usize; 2]) -> cotangent::Result<Self> {
        let more = outputs - inputs;
        Ok(Self {
            conv1: convolved(inputs, outputs, if more == 0 { 1 } else { 2 })?,
            norm1: BatchNorm::new(outputs)?,
            conv2: convolved(outputs, outputs, 1)?,
            norm2: BatchNorm::new(outputs)?,
            more,
        })
    }
}

fn convolved(inputs: usize, outputs: usize, stride: usize) -> cotangent::Result<Conv2d> {
    let layer = Conv2d::builder(inputs, outputs, 3);
    layer.stride(stride).padding(1).no_bias().build(&mut rng())
}

impl Layer for Block {
    fn compute(&self, x: &Tensor, pass: &Pass) -> cotangent::Result<Tensor> {
        let y = self.norm1.forward(&self.conv1.forward(x, pass)?, pass)?;
        let y = self.conv2.forward(&y.relu(), pass)?;
        let y = self.norm2.forward(&y, pass)?;
        if self.more == 0 {
            return Ok(y.add(x)?.relu());
        }
        let half = (self.more / 2, self.more / 2);
        let x = x.slice(2, None, None, 2)?.slice(3, None, None, 2)?;
        Ok(y.add(&x.pad(&[(0, 0), half, (0, 0), (0, 0)], 0.0)?)?.relu())
    }
}

fn resnet20() -> Result<Step> {
    let mut net = Sequential::new()
        .push(convolved(3, 16, 1)?)
        .push(BatchNorm::new(16)?)
        .push(Relu);
    for channels in RESNET20 {
        net = net.push(Block::new(channels)?);
    }
    let net = net
        .push(GlobalAvgPool)
        .push(Flatten::new())
        .push(Linear::new(64, 10, &mut rng())?);
    images(net, [32, 3, 32, 32])
}

fn convolution(sizes: Convolution, backward: bool) -> Result<Run> {
    let Convolution {
        batch,
        inputs,
        outputs,
        side,
        kernel,
    } = sizes;
    let layer = Conv2d::builder(inputs, outputs, kernel).padding(kernel / 2);
    let layer = layer.build(&mut rng())?;
    let x = tensor(&[batch, inputs, side, side])?;
    if !backward {
        return Ok(Box::new(move || {
            let _ = std::hint::black_box(layer.predict(&x)?);
            Ok(())
        }));
    }
    let (x, pass) = (x.tracked(), Pass::train(1));
    let g = tensor(&[batch, outputs, side, side])?;
    Ok(Box::new(move || {
        layer.forward(&x, &pass)?.backward_with(&g)?;
        Ok(())
    }))
}

fn max_pool() -> Result<Run> {
    let x = tensor(&[64, 64, 24, 24])?.tracked();
    let g = tensor(&[64, 64, 12, 12])?;
    Ok(Box::new(move || {
        x.max_pool([2, 2])?.backward_with(&g)?;
        Ok(())
    }))
}
