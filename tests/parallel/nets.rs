//! Small nets with layers of several kinds.

use cotangent::prelude::*;

/// A net with convolutions and batch normalization.
#[derive(Module)]
pub struct Convolutional {
    conv: Conv2d,
    norm: BatchNorm,
    head: Linear,
}

impl Convolutional {
    pub fn new() -> Result<Self> {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        Ok(Self {
            conv: Conv2d::new(2, 4, 3, &mut rng)?,
            norm: BatchNorm::new(4)?,
            head: Linear::new(4, 3, &mut rng)?,
        })
    }
}

impl Layer for Convolutional {
    fn compute(&self, x: &Tensor, pass: &Pass) -> Result<Tensor> {
        let x = self.conv.forward(x, pass)?;
        let x = self.norm.forward(&x, pass)?.relu();
        self.head.forward(&x.mean_over([-1, -2])?, pass)
    }
}

/// A net that reads a sequence step by step.
#[derive(Module)]
pub struct Recurrent {
    gru: Gru,
    head: Linear,
}

impl Recurrent {
    pub fn new() -> Result<Self> {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        Ok(Self {
            gru: Gru::builder(4, 8).layers(2).dropout(0.2).build(&mut rng)?,
            head: Linear::new(8, 3, &mut rng)?,
        })
    }
}

impl Layer for Recurrent {
    fn compute(&self, x: &Tensor, pass: &Pass) -> Result<Tensor> {
        let steps = self.gru.forward(x, pass)?;
        self.head.forward(&steps.select(1, -1)?, pass)
    }
}

/// A net that reads a sequence as a whole.
#[derive(Module)]
pub struct Attentive {
    block: TransformerBlock,
    head: Linear,
}

impl Attentive {
    pub fn new() -> Result<Self> {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        Ok(Self {
            block: TransformerBlock::builder(4, 2)
                .dropout(0.2)
                .build(&mut rng)?,
            head: Linear::new(4, 3, &mut rng)?,
        })
    }
}

impl Layer for Attentive {
    fn compute(&self, x: &Tensor, pass: &Pass) -> Result<Tensor> {
        let steps = self.block.forward(x, pass)?;
        self.head.forward(&steps.select(1, -1)?, pass)
    }
}

/// A net whose batch normalizations have the statistics of the whole batch.
#[derive(Module, Clone)]
pub struct Synchronized {
    first: Linear,
    norm: BatchNorm,
    second: Linear,
    last_norm: BatchNorm,
    head: Linear,
}

impl Synchronized {
    pub fn new() -> Result<Self> {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        Ok(Self {
            first: Linear::new(6, 8, &mut rng)?,
            norm: BatchNorm::builder(8).synchronized().build()?,
            second: Linear::new(8, 8, &mut rng)?,
            last_norm: BatchNorm::builder(8).synchronized().build()?,
            head: Linear::new(8, 3, &mut rng)?,
        })
    }
}

impl Layer for Synchronized {
    fn compute(&self, x: &Tensor, pass: &Pass) -> Result<Tensor> {
        let x = self
            .norm
            .forward(&self.first.forward(x, pass)?, pass)?
            .elu(1.0);
        let x = self
            .last_norm
            .forward(&self.second.forward(&x, pass)?, pass)?;
        self.head.forward(&x.elu(1.0), pass)
    }
}
