//! The textbook's default deep net: He initialization, batch normalization, ELU, dropout.

use cotangent::prelude::*;

/// A hidden layer.
#[derive(Module, Clone, Debug)]
pub struct Hidden {
    linear: Linear,
    norm: BatchNorm,
    dropout: Dropout,
}

impl Layer for Hidden {
    fn compute(&self, x: &Tensor, pass: &Pass) -> Result<Tensor> {
        let z = self.linear.forward(x, pass)?;
        let a = self.norm.forward(&z, pass)?.elu(1.0);
        self.dropout.forward(&a, pass)
    }
}

#[derive(Module, Clone, Debug)]
pub struct DeepNet {
    hidden: Vec<Hidden>,
    out: Linear,
}

impl DeepNet {
    /// Creates a net from `features` inputs through hidden layers of the given sizes to `classes`
    /// logits.
    pub fn new(
        features: usize,
        hidden: &[usize],
        classes: usize,
        dropout: f64,
        rng: &mut impl Rng,
    ) -> Result<Self> {
        let mut inputs = features;
        let mut layers = Vec::new();
        for &units in hidden {
            layers.push(Hidden {
                // Batch normalization has a bias, so that the layer needs none.
                linear: Linear::builder(inputs, units)
                    .weight(init::he_normal())
                    .no_bias()
                    .build(rng)?,
                norm: BatchNorm::new(units)?,
                dropout: Dropout::new(dropout)?,
            });
            inputs = units;
        }
        Ok(Self {
            hidden: layers,
            out: Linear::new(inputs, classes, rng)?,
        })
    }
}

impl Layer for DeepNet {
    fn compute(&self, x: &Tensor, pass: &Pass) -> Result<Tensor> {
        self.out.forward(&self.hidden.forward(x, pass)?, pass)
    }
}
