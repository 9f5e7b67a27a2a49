//! Operations of each family of kernels, forward and, if the name says so, backward.

use anyhow::Result;
use cotangent::nn::{BatchNorm, Conv2d, LayerNorm, Lstm, MultiHeadAttention};
use cotangent::prelude::*;
use std::hint::black_box;

/// An operation's name, and one run of it.
pub type Kernel = (&'static str, Box<dyn FnMut() -> Result<()>>);

fn normal(shape: &[usize]) -> Result<Tensor> {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    Ok(Tensor::normal(shape, 0.0, 1.0, DType::F32, &mut rng)?)
}

/// A run of a function of tensors of these shapes.
fn run<F>(name: &'static str, shapes: &[&[usize]], f: F) -> Result<Kernel>
where
    F: Fn(&[Tensor]) -> cotangent::Result<Tensor> + 'static,
{
    let xs: Vec<Tensor> = shapes
        .iter()
        .map(|shape| normal(shape))
        .collect::<Result<_>>()?;
    let run = move || {
        let _ = black_box(f(&xs)?);
        Ok(())
    };
    Ok((name, Box::new(run)))
}

/// The same forward and backward, in training mode.
fn both<F>(name: &'static str, shape: &[usize], f: F) -> Result<Kernel>
where
    F: Fn(&Tensor, &Pass) -> cotangent::Result<Tensor> + 'static,
{
    let x = normal(shape)?.tracked();
    let pass = Pass::train(1);
    let g = normal(f(&x, &pass)?.shape())?;
    let run = move || {
        let _ = black_box(f(&x, &pass)?.backward_with(&g)?);
        Ok(())
    };
    Ok((name, Box::new(run)))
}

pub fn all() -> Result<Vec<Kernel>> {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let conv = Conv2d::builder(64, 64, 3).padding(1).build(&mut rng)?;
    let batch_norm = BatchNorm::new(1024)?;
    let layer_norm = LayerNorm::new(1024)?;
    let lstm = Lstm::new(256, 256, &mut rng)?;
    let attention = MultiHeadAttention::builder(256, 8).build(&mut rng)?;
    let mut adam = Adam::new(1e-3).build()?;
    let mut parameters = vec![Param::new(&normal(&[1000, 1000])?)];
    let pass = Pass::train(1);
    let factors = normal(&[1000, 1000])?;
    let step = move || -> Result<()> {
        let loss = parameters[0].read(&pass).mul(&factors)?.sum();
        Ok(adam.step(&mut parameters, loss.backward()?)?)
    };
    Ok(vec![
        run("tanh, 2^20", &[&[1 << 20]], |x| Ok(x[0].tanh()))?,
        run("sum, 2^14", &[&[1 << 14]], |x| Ok(x[0].sum()))?,
        run("sum, 2^20", &[&[1 << 20]], |x| Ok(x[0].sum()))?,
        run("sum over rows, 512 x 300", &[&[512, 300]], |x| {
            x[0].sum_over(0)
        })?,
        run("sum over rows, 65536 x 64", &[&[65_536, 64]], |x| {
            x[0].sum_over(0)
        })?,
        run("softmax, 1024 x 1024", &[&[1024, 1024]], |x| {
            x[0].softmax(1)
        })?,
        run(
            "product, 512 x 512 x 512",
            &[&[512, 512], &[512, 512]],
            |x| x[0].matmul(&x[1]),
        )?,
        run("product, 64 x 256 x 64", &[&[64, 256], &[256, 64]], |x| {
            x[0].matmul(&x[1])
        })?,
        run(
            "product, 16 x 65536 x 64",
            &[&[16, 65_536], &[65_536, 64]],
            |x| x[0].matmul(&x[1]),
        )?,
        run(
            "one row by 4096 x 4096",
            &[&[1, 4096], &[4096, 4096]],
            |x| x[0].matmul(&x[1]),
        )?,
        run(
            "a matrix plus its transpose, 2048 x 2048",
            &[&[2048, 2048]],
            |x| x[0].add(&x[0].transpose(0, 1)?),
        )?,
        run("cumulative sum, 1024 x 1024", &[&[1024, 1024]], |x| {
            x[0].cumsum(1)
        })?,
        run("sort, 1024 x 1024", &[&[1024, 1024]], |x| {
            Ok(x[0].sort(1, Order::Ascending)?.0)
        })?,
        both(
            "convolution, 32 x 64 x 32 x 32",
            &[32, 64, 32, 32],
            move |x, pass| conv.forward(x, pass),
        )?,
        both("convolution of one image's gradient", &[1, 64, 56, 56], {
            let conv = Conv2d::builder(64, 64, 3).padding(1).build(&mut rng)?;
            move |x, pass| conv.forward(x, pass)
        })?,
        both(
            "batch normalization, 256 x 1024",
            &[256, 1024],
            move |x, pass| batch_norm.forward(x, pass),
        )?,
        both(
            "layer normalization, 256 x 1024",
            &[256, 1024],
            move |x, pass| layer_norm.forward(x, pass),
        )?,
        both("LSTM, 32 x 64 x 256", &[32, 64, 256], move |x, pass| {
            lstm.forward(x, pass)
        })?,
        both(
            "attention, 8 x 128 x 256, 8 heads",
            &[8, 128, 256],
            move |x, pass| attention.forward(x, pass),
        )?,
        ("a product of 10^6 elements, and Adam", Box::new(step)),
    ])
}
