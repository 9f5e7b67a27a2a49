//! Sequences: models of characters, attention, layer normalization. The fused softmax and layer
//! normalization have no gradient, so training takes the slow ones.

use crate::{Vars, tensor, training};
use anyhow::Result;
use candle_core::{DType, Device, Tensor, Var};
use candle_nn::kv_cache::KvCache;
use candle_nn::rnn::{GRUConfig, LSTMConfig, RNN, gru, lstm};
use candle_nn::{Embedding, Linear, Module, VarBuilder, loss, ops};
use cotangent_peers::{Case, Run, Step, characters};
use std::collections::HashMap;

const HEADS: usize = 4;
const WIDTH: usize = 128;
const CONTEXT: usize = 128;

pub fn cases() -> Vec<Case> {
    vec![
        Case::training("charlstm256_adam_b32_t64", || {
            recurrent(4, |builder| {
                Ok(lstm(64, 256, LSTMConfig::default(), builder)?)
            })
        }),
        Case::training("chargru256_adam_b32_t64", || {
            recurrent(3, |builder| {
                Ok(gru(64, 256, GRUConfig::default(), builder)?)
            })
        }),
        Case::training("chargpt4x128_adam_b16_t128", gpt),
        Case::timed("attention_b8h8t256w32", attention_alone),
        Case::timed("layer_norm_1024x1024", layer_norm),
        Case::timed("generate_chargpt4x128", generation),
    ]
}

fn text(batch: usize, time: usize) -> Result<(Tensor, Tensor)> {
    let [x, y] = characters(batch, time).map(|part| {
        let part: Vec<i64> = part.into_iter().map(|character| character as i64).collect();
        Tensor::from_vec(part, batch * time, &Device::Cpu)
    });
    Ok((x?.reshape((batch, time))?, y?))
}

fn recurrent<R: RNN + 'static>(
    gates: usize,
    layer: impl Fn(VarBuilder) -> Result<R>,
) -> Result<Step> {
    let mut vars = Vars::default();
    let embedding = Embedding::new(vars.matrix(&[64, 64])?, 64);
    let rows = gates * 256;
    let tensors = HashMap::from([
        ("weight_ih_l0".to_owned(), vars.matrix(&[rows, 64])?),
        ("weight_hh_l0".to_owned(), vars.matrix(&[rows, 256])?),
        ("bias_ih_l0".to_owned(), vars.zeros(rows)?),
        ("bias_hh_l0".to_owned(), vars.zeros(rows)?),
    ]);
    let layer = layer(VarBuilder::from_tensors(tensors, DType::F32, &Device::Cpu))?;
    let out = vars.linear(256, 64)?;
    let (x, y) = text(32, 64)?;
    training(vars, move || {
        let states = layer.seq(&embedding.forward(&x)?)?;
        // For a GRU it joins the steps along the features.
        let states = layer.states_to_tensor(&states)?.reshape((32 * 64, 256))?;
        Ok(loss::cross_entropy(&out.forward(&states)?, &y)?)
    })
}

struct Norm {
    gain: Tensor,
    bias: Tensor,
}

impl Norm {
    fn new(vars: &mut Vars) -> Result<Self> {
        Ok(Self {
            gain: vars.ones(WIDTH)?,
            bias: vars.zeros(WIDTH)?,
        })
    }

    fn forward(&self, x: &Tensor, training: bool) -> candle_core::Result<Tensor> {
        if training {
            ops::layer_norm_slow(x, &self.gain, &self.bias, 1e-5)
        } else {
            ops::layer_norm(x, &self.gain, &self.bias, 1e-5)
        }
    }
}

struct Block {
    in_proj: Linear,
    out_proj: Linear,
    linear1: Linear,
    linear2: Linear,
    norm1: Norm,
    norm2: Norm,
}

impl Block {
    fn new(vars: &mut Vars) -> Result<Self> {
        Ok(Self {
            in_proj: vars.linear(WIDTH, 3 * WIDTH)?,
            out_proj: vars.linear(WIDTH, WIDTH)?,
            linear1: vars.linear(WIDTH, 4 * WIDTH)?,
            linear2: vars.linear(4 * WIDTH, WIDTH)?,
            norm1: Norm::new(vars)?,
            norm2: Norm::new(vars)?,
        })
    }

    fn forward(
        &self,
        x: &Tensor,
        training: bool,
        attend: impl FnOnce([Tensor; 3]) -> Result<Tensor>,
    ) -> Result<Tensor> {
        let (batch, time, _) = x.dims3()?;
        let qkv = self.in_proj.forward(&self.norm1.forward(x, training)?)?;
        let part = |at: usize| -> candle_core::Result<Tensor> {
            let part = qkv.narrow(2, at * WIDTH, WIDTH)?;
            let heads = part.reshape((batch, time, HEADS, WIDTH / HEADS))?;
            heads.transpose(1, 2)?.contiguous()
        };
        let y = attend([part(0)?, part(1)?, part(2)?])?;
        let y = y.transpose(1, 2)?.reshape((batch, time, WIDTH))?;
        let x = (x + self.out_proj.forward(&y)?)?;
        let y = self.norm2.forward(&x, training)?;
        let y = self.linear1.forward(&y)?.gelu_erf()?;
        Ok((&x + self.linear2.forward(&y)?)?)
    }
}

struct Gpt {
    positions: Tensor,
    embedding: Embedding,
    blocks: Vec<Block>,
    norm: Norm,
    out: Linear,
}

impl Gpt {
    fn new(vars: &mut Vars) -> Result<Self> {
        Ok(Self {
            positions: vars.matrix(&[CONTEXT, WIDTH])?,
            embedding: Embedding::new(vars.matrix(&[64, WIDTH])?, WIDTH),
            blocks: (0..4).map(|_| Block::new(vars)).collect::<Result<_>>()?,
            norm: Norm::new(vars)?,
            out: vars.linear(WIDTH, 64)?,
        })
    }
}

/// Returns minus infinity for keys behind a query, and 0 for the others.
fn causal_bias(time: usize) -> Result<Tensor> {
    let rows = (0..time).flat_map(|row| {
        (0..time).map(
            move |column| {
                if column > row { f32::NEG_INFINITY } else { 0.0 }
            },
        )
    });
    let values: Vec<f32> = rows.collect();
    Ok(Tensor::from_vec(values, (time, time), &Device::Cpu)?)
}

fn causal([q, k, v]: [Tensor; 3], bias: &Tensor) -> Result<Tensor> {
    let scale = 1.0 / (q.dim(3)? as f64).sqrt();
    let scores = (q.matmul(&k.t()?)? * scale)?.broadcast_add(bias)?;
    Ok(ops::softmax(&scores, 3)?.matmul(&v)?)
}

fn gpt() -> Result<Step> {
    let mut vars = Vars::default();
    let net = Gpt::new(&mut vars)?;
    let (x, y) = text(16, CONTEXT)?;
    let bias = causal_bias(CONTEXT)?;
    training(vars, move || {
        let mut x = net.embedding.forward(&x)?.broadcast_add(&net.positions)?;
        for block in &net.blocks {
            x = block.forward(&x, true, |qkv| causal(qkv, &bias))?;
        }
        let logits = net.out.forward(&net.norm.forward(&x, true)?)?;
        Ok(loss::cross_entropy(&logits.flatten(0, 1)?, &y)?)
    })
}

/// Generates one character for each call, and begins anew when the context is full.
fn generation() -> Result<Run> {
    let mut vars = Vars::default();
    vars.fixed = true;
    let net = Gpt::new(&mut vars)?;
    let mut caches: Vec<KvCache> = (0..4).map(|_| KvCache::new(2, CONTEXT)).collect();
    let mut x = Tensor::zeros((1, 1), DType::U32, &Device::Cpu)?;
    let mut position = 0;
    Ok(Box::new(move || {
        if position == 0 {
            caches.iter_mut().for_each(KvCache::reset);
        }
        let at = net.positions.narrow(0, position, 1)?;
        let mut y = net.embedding.forward(&x)?.broadcast_add(&at)?;
        for (block, cache) in net.blocks.iter().zip(&mut caches) {
            y = block.forward(&y, false, |[q, k, v]| {
                let (k, v) = cache.append(&k, &v)?;
                let scale = 1.0 / (q.dim(3)? as f64).sqrt();
                let scores = (q.matmul(&k.t()?)? * scale)?;
                Ok(ops::softmax_last_dim(&scores)?.matmul(&v)?)
            })?;
        }
        let logits = net.out.forward(&net.norm.forward(&y, false)?)?;
        x = logits.argmax(2)?;
        position = (position + 1) % CONTEXT;
        Ok(())
    }))
}

fn attention_alone() -> Result<Run> {
    let shape = [8, 8, 256, 32];
    let vars = [(); 3].map(|()| Ok(Var::from_tensor(&tensor(&shape)?)?));
    let [q, k, v]: [Result<Var>; 3] = vars;
    let (q, k, v) = (q?, k?, v?);
    let (g, bias) = (tensor(&shape)?, causal_bias(256)?);
    Ok(Box::new(move || {
        let qkv = [&q, &k, &v].map(|var| var.as_tensor().clone());
        (causal(qkv, &bias)? * &g)?.sum_all()?.backward()?;
        Ok(())
    }))
}

fn layer_norm() -> Result<Run> {
    let mut vars = Vars::default();
    let (gain, bias) = (vars.ones(1024)?, vars.zeros(1024)?);
    let x = Var::from_tensor(&tensor(&[1024, 1024])?)?;
    let g = tensor(&[1024, 1024])?;
    Ok(Box::new(move || {
        let y = ops::layer_norm_slow(&x, &gain, &bias, 1e-5)?;
        (y * &g)?.sum_all()?.backward()?;
        Ok(())
    }))
}
