//! The workloads: dense nets on batches of made-up data, in the public interface alone.

use cotangent::nn::Relu;
use cotangent::prelude::*;

/// What a step of training is measured on.
#[derive(Clone, Debug)]
pub struct Workload {
    pub name: String,
    /// The number of inputs first, that of outputs last.
    pub sizes: Vec<usize>,
    pub batch_norm: bool,
    pub activation: Activation,
    pub batch: usize,
}

/// A net with its data and optimizer, ready for a step.
pub struct Training {
    pub net: Mlp,
    pub x: Tensor,
    labels: Indices,
    optimizer: Box<dyn Optimizer>,
    pass: Pass,
}

impl Workload {
    fn new(
        name: impl Into<String>,
        sizes: Vec<usize>,
        batch_norm: bool,
        activation: impl Into<Activation>,
        batch: usize,
    ) -> Self {
        Self {
            name: name.into(),
            sizes,
            batch_norm,
            activation: activation.into(),
            batch,
        }
    }

    /// The textbook's net: batch normalization and ELU.
    pub fn book(batch: usize) -> Self {
        let name = format!("book_bn_elu_adam_b{batch}");
        Self::new(name, vec![784, 300, 100, 10], true, Elu::default(), batch)
    }

    /// `depth` layers of 100 units, SELU.
    pub fn deep_selu(depth: usize) -> Self {
        let name = format!("deep{depth}x100_selu_adam_b32");
        Self::new(name, layers(depth, 100), false, Selu, 32)
    }

    /// `depth` layers of 100 units, batch normalization and ReLU.
    pub fn deep_relu(depth: usize) -> Self {
        let name = format!("deep{depth}x100_bn_relu_adam_b32");
        Self::new(name, layers(depth, 100), true, Relu, 32)
    }

    /// Four layers of `width` units, ReLU, batch 256.
    pub fn wide(width: usize) -> Self {
        let name = format!("wide{width}x4_relu_adam_b256");
        Self::new(name, layers(4, width), false, Relu, 256)
    }

    /// The six that the goals are about.
    pub fn all() -> Vec<Self> {
        let mut all: Vec<Self> = [32, 128, 512].map(Self::book).into();
        all.extend([Self::deep_selu(20), Self::deep_relu(20), Self::wide(1024)]);
        all
    }

    /// The net with everything that a step needs.
    pub fn training(&self) -> Result<Training> {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let mut net = Mlp::builder(self.sizes.clone()).activation(self.activation.clone());
        if self.batch_norm {
            net = net.batch_norm();
        }
        let x = Tensor::normal([self.batch, self.sizes[0]], 0.0, 1.0, DType::F32, &mut rng)?;
        let classes = self.sizes[self.sizes.len() - 1];
        let labels: Vec<usize> = (0..self.batch).map(|i| i * 7 % classes).collect();
        Ok(Training {
            net: net.build(&mut rng)?,
            x,
            labels: labels.into(),
            optimizer: Adam::new(1e-3).build()?,
            pass: Pass::train(1),
        })
    }

    /// The bytes that a step must hold at once: parameters, gradients, Adam's two states, the
    /// inputs, what each hidden layer saves for backward (the product and the activation), the
    /// outputs.
    pub fn bytes_to_hold(&self) -> usize {
        let hidden: usize = self.sizes[1..self.sizes.len() - 1].iter().sum();
        let ends = self.sizes[0] + self.sizes[self.sizes.len() - 1];
        4 * (4 * self.parameters() + self.batch * (2 * hidden + ends))
    }

    /// The number of parameters.
    pub fn parameters(&self) -> usize {
        let weights: usize = self.sizes.windows(2).map(|pair| pair[0] * pair[1]).sum();
        let hidden: usize = self.sizes[1..self.sizes.len() - 1].iter().sum();
        weights + hidden * if self.batch_norm { 2 } else { 1 } + self.sizes[self.sizes.len() - 1]
    }

    /// Floating-point operations of the step's matrix products.
    pub fn operations(&self) -> f64 {
        let pairs = self.sizes.windows(2).enumerate();
        let products = pairs.map(|(layer, pair)| {
            let products = if layer == 0 { 2 } else { 3 };
            products * 2 * self.batch * pair[0] * pair[1]
        });
        products.sum::<usize>() as f64
    }
}

fn layers(depth: usize, width: usize) -> Vec<usize> {
    let mut sizes = vec![784];
    sizes.extend(std::iter::repeat_n(width, depth));
    sizes.push(10);
    sizes
}

impl Training {
    /// Forward, loss, backward, optimizer.
    pub fn step(&mut self) -> Result<()> {
        let loss = self.net.forward(&self.x, &self.pass)?;
        let grads = loss.cross_entropy(&self.labels)?.backward()?;
        self.optimizer.step(&mut self.net, grads)
    }
}
