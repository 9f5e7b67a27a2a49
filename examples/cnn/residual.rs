//! A small residual net: convolutions, batch normalization, ReLU.
//!
//! Source: He, Zhang, Ren, Sun 2015, Deep Residual Learning for Image Recognition.

use cotangent::prelude::*;

/// Two convolutions of 3x3, whose result is added to the input: `relu(x + f(x))`.
#[derive(Module, Clone, Debug)]
struct Block {
    conv1: Conv2d,
    norm1: BatchNorm,
    conv2: Conv2d,
    norm2: BatchNorm,
    /// A convolution of 1x1, if input and output have different shapes.
    shortcut: Option<(Conv2d, BatchNorm)>,
}

/// Creates a convolution without a bias, since batch normalization has one.
fn conv(
    inputs: usize,
    outputs: usize,
    side: usize,
    stride: usize,
    rng: &mut impl Rng,
) -> Result<Conv2d> {
    Conv2d::builder(inputs, outputs, side)
        .stride(stride)
        .padding(side / 2)
        .weight(init::he_normal())
        .no_bias()
        .build(rng)
}

impl Block {
    fn new(inputs: usize, outputs: usize, stride: usize, rng: &mut impl Rng) -> Result<Self> {
        let conv1 = conv(inputs, outputs, 3, stride, rng)?;
        let conv2 = conv(outputs, outputs, 3, 1, rng)?;
        let shortcut = if inputs == outputs && stride == 1 {
            None
        } else {
            let conv = conv(inputs, outputs, 1, stride, rng)?;
            Some((conv, BatchNorm::new(outputs)?))
        };
        Ok(Self {
            conv1,
            norm1: BatchNorm::new(outputs)?,
            conv2,
            norm2: BatchNorm::new(outputs)?,
            shortcut,
        })
    }
}

impl Layer for Block {
    fn compute(&self, x: &Tensor, pass: &Pass) -> Result<Tensor> {
        let h = self
            .norm1
            .forward(&self.conv1.forward(x, pass)?, pass)?
            .relu();
        let h = self.norm2.forward(&self.conv2.forward(&h, pass)?, pass)?;
        let x = match &self.shortcut {
            Some((conv, norm)) => norm.forward(&conv.forward(x, pass)?, pass)?,
            None => x.clone(),
        };
        Ok(h.add(&x)?.relu())
    }
}

/// The net. Images are (batch, 1, height, width).
#[derive(Module, Clone, Debug)]
pub struct ResidualNet {
    conv: Conv2d,
    norm: BatchNorm,
    blocks: Vec<Block>,
    out: Linear,
}

impl ResidualNet {
    /// Creates a net with `width` channels at the first resolution, twice as many at half of it,
    /// and four times as many at a quarter.
    pub fn new(width: usize, classes: usize, rng: &mut impl Rng) -> Result<Self> {
        Ok(Self {
            conv: conv(1, width, 3, 1, rng)?,
            norm: BatchNorm::new(width)?,
            blocks: vec![
                Block::new(width, width, 1, rng)?,
                Block::new(width, 2 * width, 2, rng)?,
                Block::new(2 * width, 4 * width, 2, rng)?,
            ],
            out: Linear::new(4 * width, classes, rng)?,
        })
    }
}

impl Layer for ResidualNet {
    fn compute(&self, x: &Tensor, pass: &Pass) -> Result<Tensor> {
        let h = self
            .norm
            .forward(&self.conv.forward(x, pass)?, pass)?
            .relu();
        let h = self.blocks.forward(&h, pass)?;
        // The mean over height and width.
        self.out.forward(&h.mean_over([2, 3])?, pass)
    }
}
