//! burn as a runner, on its Flex backend with AVX-512 products.

mod images;
mod sequences;

use anyhow::Result;
use burn::grad_clipping::GradientClippingConfig;
use burn::module::{Module, Param};
use burn::nn::loss::{CrossEntropyLoss, CrossEntropyLossConfig};
use burn::nn::{BatchNorm, BatchNormConfig, Linear, LinearConfig};
use burn::optim::{
    AdaGradConfig, AdamConfig, AdamWConfig, GradientsParams, ModuleOptimizer, RmsPropConfig,
    SgdConfig, momentum::MomentumConfig,
};
use burn::tensor::{Device, Int, Tensor, TensorData, activation};
use cotangent_peers::{
    Case, Epoch, Mnist, Run, Shape, Step, WORKLOADS, mnist_folder, numbers, serve, weight,
};
use std::time::Instant;

#[derive(Module, Debug)]
struct Net {
    hidden: Vec<Linear>,
    norms: Vec<BatchNorm>,
    out: Linear,
    elu: bool,
    selu: bool,
}

impl Net {
    fn new(shape: Shape, device: &Device) -> Self {
        let sizes = shape.sizes();
        let hidden = sizes.windows(2).take(shape.hidden.len());
        let norms = shape.hidden.iter().filter(|_| shape.batch_norm);
        Self {
            hidden: hidden
                .map(|pair| {
                    let linear = LinearConfig::new(pair[0], pair[1]);
                    linear.with_bias(!shape.batch_norm).init(device)
                })
                .collect(),
            norms: norms
                .map(|&size| BatchNormConfig::new(size).init(device))
                .collect(),
            out: LinearConfig::new(sizes[sizes.len() - 2], 10).init(device),
            elu: shape.activation == "elu",
            selu: shape.activation == "selu",
        }
    }

    fn forward(&self, mut x: Tensor<2>) -> Tensor<2> {
        for (i, linear) in self.hidden.iter().enumerate() {
            x = linear.forward(x);
            if let Some(norm) = self.norms.get(i) {
                x = norm.forward(x);
            }
            x = if self.elu {
                activation::elu(x, 1.0)
            } else if self.selu {
                activation::selu(x)
            } else {
                activation::relu(x)
            };
        }
        self.out.forward(x)
    }
}

fn device() -> Device {
    Device::flex().autodiff()
}

fn data(shape: Shape, device: &Device) -> (Tensor<2>, Tensor<1, Int>) {
    let (x, labels) = shape.data();
    (
        Tensor::from_data(TensorData::new(x, [shape.batch, 784]), device),
        Tensor::from_data(TensorData::new(labels, [shape.batch]), device),
    )
}

fn workload(shape: Shape) -> Result<Run> {
    let device = device();
    let mut net = Some(Net::new(shape, &device));
    let mut optimizer = AdamConfig::new().with_epsilon(1e-8).init();
    let loss = CrossEntropyLossConfig::new().init(&device);
    let (x, labels) = data(shape, &device);
    Ok(Box::new(move || {
        if let Some(before) = net.take() {
            let loss = loss.forward(before.forward(x.clone()), labels.clone());
            let gradients = GradientsParams::from_grads(loss.backward(), &before);
            net = Some(optimizer.step(1e-3, before, gradients));
        }
        Ok(())
    }))
}

fn tensor<const D: usize>(shape: [usize; D], device: &Device) -> Tensor<D> {
    let values = numbers(shape.iter().product());
    Tensor::from_data(TensorData::new(values, shape), device)
}

/// The weights that all runners have, in their order.
struct Weights {
    device: Device,
    count: usize,
}

impl Weights {
    fn new(device: &Device) -> Self {
        let device = device.clone();
        Self { device, count: 0 }
    }

    /// Returns the next weight.
    fn matrix<const D: usize>(&mut self, shape: [usize; D]) -> Param<Tensor<D>> {
        self.count += 1;
        let data = TensorData::new(weight(self.count, &shape), shape);
        Param::from_tensor(Tensor::from_data(data, &self.device))
    }

    fn zeros(&self, len: usize) -> Param<Tensor<1>> {
        Param::from_tensor(Tensor::zeros([len], &self.device))
    }

    /// Returns a weight (outputs, inputs) in burn's order of axes, as a contiguous matrix.
    fn transposed(&self, weight: Tensor<2>) -> Param<Tensor<2>> {
        Param::from_tensor(Tensor::from_data(
            weight.transpose().into_data(),
            &self.device,
        ))
    }

    fn linear(&mut self, inputs: usize, outputs: usize) -> Linear {
        let mut layer = LinearConfig::new(inputs, outputs).init(&self.device);
        let weight = self.matrix([outputs, inputs]).val();
        layer.weight = self.transposed(weight);
        layer.bias = Some(self.zeros(outputs));
        layer
    }
}

/// Times a step of a net that is trained with Adam. Returns the loss.
fn training<M: Module + 'static>(
    net: M,
    loss: impl Fn(&M, &CrossEntropyLoss) -> Tensor<1> + 'static,
) -> Result<Step> {
    let mut net = Some(net);
    let mut optimizer = AdamConfig::new().with_epsilon(1e-8).init();
    let cross_entropy = CrossEntropyLossConfig::new().init(&device());
    Ok(Box::new(move || {
        let before = net.take().expect("it is put back below");
        let loss = loss(&before, &cross_entropy);
        let value: f32 = loss.clone().into_scalar();
        let gradients = GradientsParams::from_grads(loss.backward(), &before);
        net = Some(optimizer.step(1e-3, before, gradients));
        Ok(f64::from(value))
    }))
}

type F = fn(Tensor<2>) -> Tensor<2>;

fn operations() -> Vec<Case> {
    let formulas: [(&str, F); 5] = [
        ("tanh_1m", activation::tanh),
        ("elu_1m", |x| activation::elu(x, 1.0)),
        ("sigmoid_1m", activation::sigmoid),
        ("exp_1m", Tensor::exp),
        ("softmax_1024x1024", |x| activation::softmax(x, 1)),
    ];
    let mut cases: Vec<Case> = formulas
        .map(|(name, f)| {
            Case::timed(name, move || {
                let device = device();
                let x = tensor([1024, 1024], &device).require_grad();
                let g = tensor([1024, 1024], &device);
                Ok(Box::new(move || {
                    // Backward takes no cotangent, so a product with it and a sum replace it.
                    std::hint::black_box((f(x.clone()) * g.clone()).sum().backward());
                    Ok(())
                }))
            })
        })
        .into();
    cases.push(Case::timed("batch_norm_256x1024", || {
        let device = device();
        let layer = BatchNormConfig::new(1024).init(&device);
        let x = tensor([256, 1024], &device).require_grad();
        let g = tensor([256, 1024], &device);
        Ok(Box::new(move || {
            let y = layer.forward(x.clone());
            std::hint::black_box((y * g.clone()).sum().backward());
            Ok(())
        }))
    }));
    cases.push(Case::timed("chain_1000", || {
        let device = device();
        let x = Tensor::<1>::from_floats([1.0], &device).require_grad();
        let c = Tensor::<1>::from_floats([1.0001], &device);
        Ok(Box::new(move || {
            let mut y = x.clone();
            for _ in 0..1000 {
                y = y * c.clone();
            }
            std::hint::black_box(y.backward());
            Ok(())
        }))
    }));
    type Build = fn() -> ModuleOptimizer;
    let optimizers: [(&str, Build); 5] = [
        ("adam_10m", || AdamConfig::new().with_epsilon(1e-8).init()),
        ("adamw_10m", || AdamWConfig::new().init()),
        ("nesterov_10m", nesterov),
        ("rmsprop_10m", || RmsPropConfig::new().init()),
        ("adagrad_10m", || AdaGradConfig::new().init()),
    ];
    cases.extend(optimizers.map(|(name, build)| Case::timed(name, move || optimizer(build()))));
    cases
}

fn nesterov() -> ModuleOptimizer {
    let momentum = MomentumConfig::new()
        .with_dampening(0.0)
        .with_nesterov(true);
    SgdConfig::new().with_momentum(Some(momentum)).init()
}

/// Times a step over ten matrices of 1000 x 1000. A step consumes the gradients, so their copy is
/// timed too.
fn optimizer(mut optimizer: ModuleOptimizer) -> Result<Run> {
    let device = device();
    let matrices = (0..10).map(|_| LinearConfig::new(1000, 1000).with_bias(false).init(&device));
    let mut net: Option<Vec<Linear>> = Some(matrices.collect());
    let g = tensor([1000, 1000], &Device::flex());
    Ok(Box::new(move || {
        if let Some(before) = net.take() {
            let mut gradients = GradientsParams::new();
            for linear in &before {
                gradients.register(linear.weight.id, g.clone());
            }
            net = Some(optimizer.step(1e-3, before, gradients));
        }
        Ok(())
    }))
}

fn epochs() -> Result<Epoch> {
    let device = device();
    let mnist = Mnist::read()?;
    let part = |(x, labels): (Vec<f32>, Vec<u8>), device: &Device| {
        let count = labels.len();
        let labels: Vec<i64> = labels.into_iter().map(i64::from).collect();
        let x = Tensor::<2>::from_data(TensorData::new(x, [count, 784]), device);
        let labels = Tensor::<1, Int>::from_data(TensorData::new(labels, [count]), device);
        (x, labels)
    };
    let (x, labels) = part(mnist.train, &device);
    let (test_x, test_labels) = part(mnist.test, &Device::flex());
    let mut net = Some(Net::new(Shape::book(128), &device));
    // It clips each parameter's gradient alone and offers no clipping by the global norm.
    let momentum = MomentumConfig::new()
        .with_dampening(0.0)
        .with_nesterov(true);
    let optimizer = SgdConfig::new().with_momentum(Some(momentum));
    let clip = Some(GradientClippingConfig::Norm(1.0));
    let mut optimizer = optimizer.with_gradient_clipping(clip).init();
    let loss = CrossEntropyLossConfig::new().init(&device);
    let mut random = 1u64;
    Ok(Box::new(move || {
        let started = Instant::now();
        let mut order: Vec<i64> = (0..60_000).collect();
        for i in (1..order.len()).rev() {
            random = random
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            order.swap(i, (random >> 33) as usize % (i + 1));
        }
        let mut trained = net.take().expect("it is put back below");
        for batch in order.chunks(128) {
            let batch = Tensor::<1, Int>::from_data(TensorData::from(batch), &device);
            let (x, labels) = (
                x.clone().select(0, batch.clone()),
                labels.clone().select(0, batch),
            );
            let loss = loss.forward(trained.forward(x), labels);
            let gradients = GradientsParams::from_grads(loss.backward(), &trained);
            trained = optimizer.step(0.01, trained, gradients);
        }
        let seconds = started.elapsed().as_secs_f64();
        let predicted = trained
            .valid()
            .forward(test_x.clone())
            .argmax(1)
            .squeeze_dim::<1>(1);
        let right: i64 = predicted
            .equal(test_labels.clone())
            .int()
            .sum()
            .into_scalar();
        net = Some(trained);
        Ok([seconds, right as f64 / 10_000.0])
    }))
}

fn main() -> Result<()> {
    let mut cases: Vec<Case> = WORKLOADS
        .map(|(name, shape)| Case::timed(name, move || workload(shape)))
        .into();
    cases.extend(operations());
    cases.extend(images::cases());
    cases.extend(sequences::cases());
    cases.push(Case::timed("inference_b1", || {
        let net = Net::new(Shape::book(1), &device()).valid();
        let (x, _) = data(Shape::book(1), &Device::flex());
        Ok(Box::new(move || {
            std::hint::black_box(net.forward(x.clone()));
            Ok(())
        }))
    }));
    if mnist_folder().is_some() {
        cases.push(Case::epoch("mnist_epoch", epochs));
    }
    serve(&cases)
}
