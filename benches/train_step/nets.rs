//! The workloads: dense nets on synthetic data, written with the public interface alone.

use cotangent::nn::Relu;
use cotangent::prelude::*;

/// A workload: a net, its batch and its optimizer.
#[derive(Clone, Debug)]
pub struct Workload {
    pub name: String,
    /// The number of inputs, the sizes of the hidden layers, the number of outputs.
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

    /// Returns the textbook's net, with batch normalization and ELU.
    pub fn book(batch: usize) -> Self {
        let name = format!("book_bn_elu_adam_b{batch}");
        Self::new(name, vec![784, 300, 100, 10], true, Elu::default(), batch)
    }

    /// Returns a net of `depth` layers of 100 units with SELU.
    pub fn deep_selu(depth: usize) -> Self {
        let name = format!("deep{depth}x100_selu_adam_b32");
        Self::new(name, layers(depth, 100), false, Selu, 32)
    }

    /// Returns a net of `depth` layers of 100 units with batch normalization and ReLU.
    pub fn deep_relu(depth: usize) -> Self {
        let name = format!("deep{depth}x100_bn_relu_adam_b32");
        Self::new(name, layers(depth, 100), true, Relu, 32)
    }

    /// Returns a net of four layers of `width` units with ReLU, batch 256.
    pub fn wide(width: usize) -> Self {
        let name = format!("wide{width}x4_relu_adam_b256");
        Self::new(name, layers(4, width), false, Relu, 256)
    }

    /// Returns a net for the latency of one sample: `depth` layers of `width` inputs and outputs.
    pub fn square(depth: usize, width: usize) -> Self {
        let name = format!("latency_{depth}x{width}");
        Self::new(name, vec![width; depth + 1], false, Relu, 1)
    }

    /// Returns the nets whose latency is measured.
    pub fn squares() -> Vec<Self> {
        let widths = [16, 64, 256, 1024];
        let all = [2, 5, 10].map(|depth| widths.map(|width| Self::square(depth, width)));
        all.concat()
    }

    /// Returns the six workloads that the project's goals for speed name.
    pub fn all() -> Vec<Self> {
        let mut all: Vec<Self> = [32, 128, 512].map(Self::book).into();
        all.extend([Self::deep_selu(20), Self::deep_relu(20), Self::wide(1024)]);
        all
    }

    /// Builds the net with its data and its optimizer.
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

    /// Returns the bytes that a step must keep at once: parameters, gradients, Adam's two states,
    /// the inputs, the tensors that each hidden layer saves for backward (the product and the
    /// activation), and the outputs.
    pub fn bytes_to_hold(&self) -> usize {
        let hidden: usize = self.sizes[1..self.sizes.len() - 1].iter().sum();
        let ends = self.sizes[0] + self.sizes[self.sizes.len() - 1];
        4 * (4 * self.parameters() + self.batch * (2 * hidden + ends))
    }

    /// Returns the number of parameters.
    pub fn parameters(&self) -> usize {
        let weights: usize = self.sizes.windows(2).map(|pair| pair[0] * pair[1]).sum();
        let hidden: usize = self.sizes[1..self.sizes.len() - 1].iter().sum();
        weights + hidden * if self.batch_norm { 2 } else { 1 } + self.sizes[self.sizes.len() - 1]
    }

    /// Returns the floating-point operations of the step's matrix products.
    pub fn operations(&self) -> f64 {
        let pairs = self.sizes.windows(2).enumerate();
        let products = pairs.map(|(layer, pair)| {
            let products = if layer == 0 { 2 } else { 3 };
            products * 2 * self.batch * pair[0] * pair[1]
        });
        products.sum::<usize>() as f64
    }

    /// Returns the floating-point operations of the products of a prediction.
    pub fn forward_operations(&self) -> f64 {
        let pairs = self.sizes.windows(2);
        let products = pairs.map(|pair| 2 * self.batch * pair[0] * pair[1]);
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
    /// Runs forward, loss, backward and optimizer.
    pub fn step(&mut self) -> Result<()> {
        let loss = self.net.forward(&self.x, &self.pass)?;
        let grads = loss.cross_entropy(&self.labels)?.backward()?;
        self.optimizer.step(&mut self.net, grads)
    }
}
