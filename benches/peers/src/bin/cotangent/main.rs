//! `cotangent` as a runner: the workloads of `train_step`, the operations of `ops`.

mod attention;
mod composed;
#[path = "../../../../elementwise/formulas.rs"]
#[allow(dead_code)]
mod formulas;
mod images;
#[path = "../../../../train_step/mnist.rs"]
#[allow(dead_code)]
mod mnist;
#[path = "../../../../train_step/nets.rs"]
#[allow(dead_code)]
mod nets;
mod sequences;

use anyhow::Result;
use cotangent::nn::BatchNorm;
use cotangent::optim::{Adam, AdamW, Nesterov, Optimizer};
use cotangent::prelude::*;
use cotangent_peers::{Case, Run, Step, mnist_folder, numbers, serve, weight};
use formulas::{ALPHA, BETA, focal, gelu_tanh, glu, swiglu, swish};
use nets::Workload;

fn main() -> Result<()> {
    let mut cases = Vec::new();
    for workload in Workload::all() {
        let name: &'static str = workload.name.clone().leak();
        cases.push(Case::timed(name, move || {
            let mut training = workload.training()?;
            Ok(Box::new(move || Ok(training.step()?)))
        }));
    }
    cases.extend(operations());
    cases.extend(elementwise());
    cases.extend(images::cases());
    cases.extend(sequences::cases());
    cases.extend(attention::cases());
    cases.extend(composed::cases());
    cases.push(Case::timed("inference_b1", || {
        let mut training = Workload::book(2).training()?;
        training.step()?;
        let x = training.x.narrow(0, 0, 1)?;
        Ok(Box::new(move || {
            let _ = std::hint::black_box(training.net.predict(&x)?);
            Ok(())
        }))
    }));
    for workload in Workload::squares() {
        let name: &'static str = workload.name.clone().leak();
        cases.push(Case::timed(name, move || {
            let training = workload.training()?;
            Ok(Box::new(move || {
                let _ = std::hint::black_box(training.net.predict(&training.x)?);
                Ok(())
            }))
        }));
    }
    if let Some(folder) = mnist_folder() {
        cases.push(Case::epoch("mnist_epoch", move || {
            let (train, test) = cotangent::data::mnist(&folder)?;
            let mut training = mnist::Epochs::new(&train)?;
            let mut epoch = 0;
            Ok(Box::new(move || {
                let seconds = training.run(epoch)?;
                epoch += 1;
                Ok([seconds, training.accuracy(&test)?])
            }))
        }));
    }
    serve(&cases)
}

type F = fn(&Tensor) -> cotangent::Result<Tensor>;

fn operations() -> Vec<Case> {
    let formulas: [(&str, F); 5] = [
        ("tanh_1m", |x| Ok(x.tanh())),
        ("elu_1m", |x| Ok(x.elu(1.0))),
        ("sigmoid_1m", |x| Ok(x.sigmoid())),
        ("exp_1m", |x| Ok(x.exp())),
        ("softmax_1024x1024", |x| x.softmax(1)),
    ];
    let mut cases: Vec<Case> = formulas
        .map(|(name, f)| {
            Case::timed(name, move || {
                let (x, g) = (tensor(&[1024, 1024])?.tracked(), tensor(&[1024, 1024])?);
                Ok(Box::new(move || {
                    f(&x)?.backward_with(&g)?;
                    Ok(())
                }))
            })
        })
        .into();
    cases.push(Case::timed("batch_norm_256x1024", || {
        let layer = BatchNorm::new(1024)?;
        let (x, g) = (tensor(&[256, 1024])?.tracked(), tensor(&[256, 1024])?);
        let pass = Pass::train(1);
        Ok(Box::new(move || {
            layer.forward(&x, &pass)?.backward_with(&g)?;
            Ok(())
        }))
    }));
    cases.push(Case::timed("chain_1000", || {
        let (x, c) = (Tensor::scalar(1.0f32).tracked(), Tensor::scalar(1.0001f32));
        Ok(Box::new(move || {
            let mut y = x.clone();
            for _ in 0..1000 {
                y = y.mul(&c)?;
            }
            y.backward()?;
            Ok(())
        }))
    }));
    type Build = fn() -> cotangent::Result<Box<dyn Optimizer>>;
    let optimizers: [(&str, Build); 5] = [
        ("adam_10m", || Adam::new(1e-3).build()),
        ("adamw_10m", || AdamW::new(1e-3).build()),
        ("nesterov_10m", || Nesterov::new(1e-3).build()),
        ("rmsprop_10m", || RmsProp::new(1e-3).build()),
        ("adagrad_10m", || AdaGrad::new(1e-3).build()),
    ];
    cases.extend(optimizers.map(|(name, build)| Case::timed(name, move || optimizer(build()?))));
    cases
}

/// Returns the functions that are written with `#[elementwise]`.
fn elementwise() -> Vec<Case> {
    type F = fn(&[Tensor]) -> cotangent::Result<Tensor>;
    let formulas: [(&str, usize, F); 4] = [
        ("gelu_tanh_1m", 1, |x| Ok(gelu_tanh(&x[0]))),
        ("swish_1m", 1, |x| Ok(swish(&x[0], BETA))),
        ("glu_1m", 2, |x| glu(&x[0], &x[1])),
        ("swiglu_1m", 2, |x| swiglu(&x[0], &x[1], BETA)),
    ];
    let mut cases: Vec<Case> = formulas
        .map(|(name, operands, f)| {
            Case::timed(name, move || {
                let operand = |_| Ok(tensor(&[1024, 1024])?.tracked());
                let x = (0..operands)
                    .map(operand)
                    .collect::<cotangent::Result<Vec<_>>>()?;
                let g = tensor(&[1024, 1024])?;
                Ok(Box::new(move || {
                    f(&x)?.backward_with(&g)?;
                    Ok(())
                }))
            })
        })
        .into();
    cases.push(Case::timed("focal_1m", || {
        let x = tensor(&[1024, 1024])?.tracked();
        let targets = (0..1024 * 1024).map(|i| if i % 7 == 0 { 1.0f32 } else { 0.0 });
        let target = Tensor::from_vec(targets.collect(), [1024, 1024])?;
        Ok(Box::new(move || {
            focal(&x, &target, ALPHA)?.backward()?;
            Ok(())
        }))
    }));
    cases
}

fn tensor(shape: &[usize]) -> cotangent::Result<Tensor> {
    Tensor::from_vec(numbers(shape.iter().product()), shape)
}

/// Times a step over ten matrices of 1000 x 1000.
fn optimizer(mut optimizer: Box<dyn Optimizer>) -> Result<Run> {
    let mut params = Vec::new();
    let mut gradients = Gradients::default();
    for _ in 0..10 {
        let param = Param::new(&tensor(&[1000, 1000])?);
        gradients.insert(&param, tensor(&[1000, 1000])?);
        params.push(param);
    }
    Ok(Box::new(move || {
        Ok(optimizer.step(&mut params, gradients.clone())?)
    }))
}

/// A net that is trained with Adam, with the weights that all runners have.
struct Training<M> {
    net: M,
    optimizer: Box<dyn Optimizer>,
}

impl<M: Module + 'static> Training<M> {
    fn new(mut net: M) -> Result<Self> {
        set_weights(&mut net)?;
        let optimizer = Adam::new(1e-3).build()?;
        Ok(Self { net, optimizer })
    }

    /// Times a step, which returns the loss.
    fn step(
        mut self,
        loss: impl Fn(&M, &Pass) -> cotangent::Result<Tensor> + 'static,
    ) -> Result<Step> {
        let pass = Pass::train(1);
        Ok(Box::new(move || {
            let loss = loss(&self.net, &pass)?;
            let value = loss.item()?;
            let gradients = loss.backward()?;
            self.optimizer.step(&mut self.net, gradients)?;
            Ok(value)
        }))
    }
}

/// Sets the matrices to the numbers that all runners have, and biases to 0.
fn set_weights(net: &mut impl Module) -> Result<()> {
    let mut matrices = 0;
    for (name, param) in net.named_params_mut() {
        let shape = param.shape().to_vec();
        if shape.len() > 1 {
            matrices += 1;
            param.set(&Tensor::from_vec(weight(matrices, &shape), shape)?)?;
        } else if name.contains("bias") {
            param.set(&Tensor::zeros(shape, DType::F32)?)?;
        }
    }
    Ok(())
}
