//! A net that PyTorch has trained on MNIST: that of the package `digit-recognizer-py` 0.1.0.

use cotangent::prelude::*;

/// The net, with PyTorch's names of the parameters.
#[derive(Module, Clone, Debug)]
pub struct Recognizer {
    conv_layers: Sequential,
    fc_layers: Sequential,
}

impl Recognizer {
    pub fn new(rng: &mut impl Rng) -> Result<Self> {
        let mut conv_layers = Sequential::new();
        for (inputs, outputs) in [(1, 32), (32, 64), (64, 128)] {
            conv_layers = conv_layers
                .push(Conv2d::builder(inputs, outputs, 3).padding(1).build(rng)?)
                .push(Relu)
                .push(MaxPool2d::new(2));
        }
        let fc_layers = Sequential::new()
            .push(Linear::new(128 * 3 * 3, 256, rng)?)
            .push(Relu)
            .push(Linear::new(256, 10, rng)?);
        Ok(Self {
            conv_layers,
            fc_layers,
        })
    }
}

impl Layer for Recognizer {
    fn compute(&self, x: &Tensor, pass: &Pass) -> Result<Tensor> {
        // The mean and the standard deviation of the training images.
        let x = (x - 0.1307) / 0.3081;
        let features = self.conv_layers.forward(&x, pass)?;
        self.fc_layers.forward(&features.flatten_from(1)?, pass)
    }
}
