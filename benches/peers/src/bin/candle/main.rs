//! candle as a runner. It has no SELU (ReLU replaces it), no Nesterov and no clipping, so no
//! epochs.

mod images;
mod sequences;

use anyhow::Result;
use candle_core::{DType, Device, Tensor, Var};
use candle_nn::{
    AdamW, BatchNorm, Linear, Module, ModuleT, Optimizer, ParamsAdamW, VarBuilder, VarMap, linear,
    linear_no_bias, loss,
};
use cotangent_peers::{Case, Run, Shape, Step, WORKLOADS, numbers, serve, weight};

struct Net {
    hidden: Vec<(Linear, Option<BatchNorm>)>,
    out: Linear,
    activation: &'static str,
}

impl Net {
    fn new(shape: Shape, vars: &VarBuilder) -> Result<Self> {
        let sizes = shape.sizes();
        let mut hidden = Vec::new();
        for (i, &size) in shape.hidden.iter().enumerate() {
            let vars = vars.pp(format!("hidden.{i}"));
            hidden.push(if shape.batch_norm {
                let norm = candle_nn::batch_norm(size, 1e-5, vars.pp("norm"))?;
                (
                    linear_no_bias(sizes[i], size, vars.pp("linear"))?,
                    Some(norm),
                )
            } else {
                (linear(sizes[i], size, vars.pp("linear"))?, None)
            });
        }
        Ok(Self {
            hidden,
            out: linear(sizes[sizes.len() - 2], 10, vars.pp("out"))?,
            activation: shape.activation,
        })
    }

    fn forward(&self, x: &Tensor, training: bool) -> candle_core::Result<Tensor> {
        let mut x = x.clone();
        for (linear, norm) in &self.hidden {
            x = linear.forward(&x)?;
            if let Some(norm) = norm {
                x = norm.forward_t(&x, training)?;
            }
            x = if self.activation == "elu" {
                x.elu(1.0)?
            } else {
                x.relu()?
            };
        }
        self.out.forward(&x)
    }
}

fn data(shape: Shape) -> Result<(Tensor, Tensor)> {
    let (x, labels) = shape.data();
    let x = Tensor::from_vec(x, (shape.batch, 784), &Device::Cpu)?;
    Ok((x, Tensor::from_vec(labels, shape.batch, &Device::Cpu)?))
}

fn adam() -> ParamsAdamW {
    ParamsAdamW {
        weight_decay: 0.0,
        ..ParamsAdamW::default()
    }
}

fn workload(shape: Shape) -> Result<Run> {
    let vars = VarMap::new();
    let net = Net::new(
        shape,
        &VarBuilder::from_varmap(&vars, DType::F32, &Device::Cpu),
    )?;
    let mut optimizer = AdamW::new(vars.all_vars(), adam())?;
    let (x, labels) = data(shape)?;
    Ok(Box::new(move || {
        let loss = loss::cross_entropy(&net.forward(&x, true)?, &labels)?;
        Ok(optimizer.backward_step(&loss)?)
    }))
}

fn tensor(shape: &[usize]) -> candle_core::Result<Tensor> {
    Tensor::from_vec(numbers(shape.iter().product()), shape, &Device::Cpu)
}

/// The parameters of a net, with the weights that all runners have, in their order.
#[derive(Default)]
struct Vars {
    all: Vec<Var>,
    count: usize,
    /// Whether the tensors are constants, which record nothing.
    fixed: bool,
}

impl Vars {
    fn put(&mut self, values: Tensor) -> Result<Tensor> {
        if self.fixed {
            return Ok(values);
        }
        let var = Var::from_tensor(&values)?;
        let tensor = var.as_tensor().clone();
        self.all.push(var);
        Ok(tensor)
    }

    /// Returns the next weight.
    fn matrix(&mut self, shape: &[usize]) -> Result<Tensor> {
        self.count += 1;
        let values = weight(self.count, shape);
        self.put(Tensor::from_vec(values, shape, &Device::Cpu)?)
    }

    fn zeros(&mut self, len: usize) -> Result<Tensor> {
        self.put(Tensor::zeros(len, DType::F32, &Device::Cpu)?)
    }

    fn ones(&mut self, len: usize) -> Result<Tensor> {
        self.put(Tensor::ones(len, DType::F32, &Device::Cpu)?)
    }

    fn linear(&mut self, inputs: usize, outputs: usize) -> Result<Linear> {
        let weight = self.matrix(&[outputs, inputs])?;
        Ok(Linear::new(weight, Some(self.zeros(outputs)?)))
    }
}

/// Times a step with Adam. Returns the loss.
fn training(vars: Vars, loss: impl Fn() -> Result<Tensor> + 'static) -> Result<Step> {
    let mut optimizer = AdamW::new(vars.all, adam())?;
    Ok(Box::new(move || {
        let loss = loss()?;
        optimizer.backward_step(&loss)?;
        Ok(f64::from(loss.to_scalar::<f32>()?))
    }))
}

type F = fn(&Tensor) -> candle_core::Result<Tensor>;

fn operations() -> Vec<Case> {
    let formulas: [(&str, F); 5] = [
        ("tanh_1m", Tensor::tanh),
        ("elu_1m", |x| x.elu(1.0)),
        ("sigmoid_1m", candle_nn::ops::sigmoid),
        ("exp_1m", Tensor::exp),
        // The fused softmax has no gradient.
        ("softmax_1024x1024", |x| candle_nn::ops::softmax(x, 1)),
    ];
    let mut cases: Vec<Case> = formulas
        .map(|(name, f)| {
            Case::timed(name, move || {
                let x = Var::from_tensor(&tensor(&[1024, 1024])?)?;
                let g = tensor(&[1024, 1024])?;
                Ok(Box::new(move || {
                    // Backward takes no cotangent, so a product with it and a sum replace it.
                    (f(&x)? * &g)?.sum_all()?.backward()?;
                    Ok(())
                }))
            })
        })
        .into();
    cases.push(Case::timed("batch_norm_256x1024", || {
        let vars = VarMap::new();
        let builder = VarBuilder::from_varmap(&vars, DType::F32, &Device::Cpu);
        let layer = candle_nn::batch_norm(1024, 1e-5, builder)?;
        let x = Var::from_tensor(&tensor(&[256, 1024])?)?;
        let g = tensor(&[256, 1024])?;
        Ok(Box::new(move || {
            (layer.forward_t(&x, true)? * &g)?.sum_all()?.backward()?;
            Ok(())
        }))
    }));
    cases.push(Case::timed("chain_1000", || {
        let x = Var::new(1f32, &Device::Cpu)?;
        let c = Tensor::new(1.0001f32, &Device::Cpu)?;
        Ok(Box::new(move || {
            let mut y = x.as_tensor().clone();
            for _ in 0..1000 {
                y = (y * &c)?;
            }
            y.backward()?;
            Ok(())
        }))
    }));
    cases.push(Case::timed("adam_10m", || {
        let matrix = || Ok(Var::from_tensor(&tensor(&[1000, 1000])?)?);
        let vars = (0..10).map(|_| matrix()).collect::<Result<Vec<_>>>()?;
        let g = tensor(&[1000, 1000])?;
        let mut sum = Tensor::new(0f32, &Device::Cpu)?;
        for var in &vars {
            sum = (sum + (var.as_tensor() * &g)?.sum_all()?)?;
        }
        let gradients = sum.backward()?;
        let mut optimizer = AdamW::new(vars, adam())?;
        Ok(Box::new(move || Ok(optimizer.step(&gradients)?)))
    }));
    cases
}

fn main() -> Result<()> {
    let mut cases: Vec<Case> = WORKLOADS
        .map(|(name, shape)| Case::timed(name, move || workload(shape)))
        .into();
    cases.extend(operations());
    cases.extend(images::cases());
    cases.extend(sequences::cases());
    cases.push(Case::timed("inference_b1", || {
        let vars = VarMap::new();
        let shape = Shape::book(1);
        let net = Net::new(
            shape,
            &VarBuilder::from_varmap(&vars, DType::F32, &Device::Cpu),
        )?;
        let (x, _) = data(shape)?;
        Ok(Box::new(move || {
            std::hint::black_box(net.forward(&x, false)?);
            Ok(())
        }))
    }));
    serve(&cases)
}
