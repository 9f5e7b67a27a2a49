//! Images: convolutional nets, single convolutions, pooling.

use crate::{Weights, device, tensor, training};
use anyhow::Result;
use burn::module::Module;
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::pool::{MaxPool2d, MaxPool2dConfig};
use burn::nn::{BatchNorm, BatchNormConfig, Linear, PaddingConfig2d};
use burn::tensor::ops::PadMode;
use burn::tensor::{Device, Int, Tensor, TensorData, activation, s};
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

#[derive(Module, Debug)]
struct Cnn {
    conv1: Conv2d,
    conv2: Conv2d,
    pool: MaxPool2d,
    hidden: Linear,
    out: Linear,
}

fn mnist_cnn() -> Result<Step> {
    let device = device();
    let mut weights = Weights::new(&device);
    let mut convolution = |inputs, outputs| {
        let mut layer = Conv2dConfig::new([inputs, outputs], [3, 3]).init(&device);
        layer.weight = weights.matrix([outputs, inputs, 3, 3]);
        layer.bias = Some(weights.zeros(outputs));
        layer
    };
    let (conv1, conv2) = (convolution(1, 32), convolution(32, 64));
    let net = Cnn {
        conv1,
        conv2,
        pool: MaxPool2dConfig::new([2, 2]).with_strides([2, 2]).init(),
        hidden: weights.linear(9216, 128),
        out: weights.linear(128, 10),
    };
    let (x, y) = images(64, 1, 28, &device);
    training(net, move |net, loss| {
        let x = activation::relu(net.conv1.forward(x.clone()));
        let x = activation::relu(net.conv2.forward(x));
        let x = net.pool.forward(x).flatten::<2>(1, 3);
        let x = activation::relu(net.hidden.forward(x));
        loss.forward(net.out.forward(x), y.clone())
    })
}

fn images(
    batch: usize,
    channels: usize,
    side: usize,
    device: &Device,
) -> (Tensor<4>, Tensor<1, Int>) {
    let labels: Vec<i64> = labels(batch)
        .into_iter()
        .map(|label| label as i64)
        .collect();
    (
        tensor([batch, channels, side, side], device),
        Tensor::from_data(TensorData::new(labels, [batch]), device),
    )
}

#[derive(Module, Debug)]
struct Normalized {
    conv: Conv2d,
    norm: BatchNorm,
}

impl Normalized {
    fn new(inputs: usize, outputs: usize, stride: usize, weights: &mut Weights) -> Self {
        let mut conv = Conv2dConfig::new([inputs, outputs], [3, 3])
            .with_stride([stride, stride])
            .with_padding(PaddingConfig2d::Explicit(1, 1, 1, 1))
            .with_bias(false)
            .init(&weights.device);
        conv.weight = weights.matrix([outputs, inputs, 3, 3]);
        let norm = BatchNormConfig::new(outputs).init(&weights.device);
        Self { conv, norm }
    }

    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        self.norm.forward(self.conv.forward(x))
    }
}

#[derive(Module, Debug)]
struct Block {
    first: Normalized,
    second: Normalized,
    /// The channels that the shortcut adds.
    more: usize,
}

impl Block {
    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let y = activation::relu(self.first.forward(x.clone()));
        let y = self.second.forward(y);
        let shortcut = if self.more == 0 {
            x
        } else {
            let half = self.more / 2;
            let x = x.slice(s![.., .., ..;2, ..;2]);
            x.pad([(half, half), (0, 0), (0, 0)], PadMode::Constant(0.0))
        };
        activation::relu(y + shortcut)
    }
}

#[derive(Module, Debug)]
struct ResNet {
    first: Normalized,
    blocks: Vec<Block>,
    out: Linear,
}

fn resnet20() -> Result<Step> {
    let device = device();
    let mut weights = Weights::new(&device);
    let first = Normalized::new(3, 16, 1, &mut weights);
    let blocks = RESNET20.map(|[inputs, outputs]| {
        let stride = if inputs == outputs { 1 } else { 2 };
        Block {
            first: Normalized::new(inputs, outputs, stride, &mut weights),
            second: Normalized::new(outputs, outputs, 1, &mut weights),
            more: outputs - inputs,
        }
    });
    let net = ResNet {
        first,
        blocks: blocks.into(),
        out: weights.linear(64, 10),
    };
    let (x, y) = images(32, 3, 32, &device);
    training(net, move |net, loss| {
        let mut x = activation::relu(net.first.forward(x.clone()));
        for block in &net.blocks {
            x = block.forward(x);
        }
        let x = x.mean_dim(3).mean_dim(2).flatten::<2>(1, 3);
        loss.forward(net.out.forward(x), y.clone())
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
    let device = if backward { device() } else { Device::flex() };
    let half = kernel / 2;
    let layer = Conv2dConfig::new([inputs, outputs], [kernel, kernel])
        .with_padding(PaddingConfig2d::Explicit(half, half, half, half))
        .init(&device);
    let x = tensor([batch, inputs, side, side], &device);
    if !backward {
        return Ok(Box::new(move || {
            std::hint::black_box(layer.forward(x.clone()));
            Ok(())
        }));
    }
    let x = x.require_grad();
    let g = tensor([batch, outputs, side, side], &device);
    Ok(Box::new(move || {
        let y = layer.forward(x.clone());
        std::hint::black_box((y * g.clone()).sum().backward());
        Ok(())
    }))
}

fn max_pool() -> Result<Run> {
    let device = device();
    let layer = MaxPool2dConfig::new([2, 2]).with_strides([2, 2]).init();
    let x = tensor([64, 64, 24, 24], &device).require_grad();
    let g = tensor([64, 64, 12, 12], &device);
    Ok(Box::new(move || {
        let y = layer.forward(x.clone());
        std::hint::black_box((y * g.clone()).sum().backward());
        Ok(())
    }))
}
