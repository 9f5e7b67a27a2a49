//! Sequences: models of characters, attention, layer normalization.

use crate::{Weights, device, tensor, training};
use anyhow::Result;
use burn::module::{Module, Param};
use burn::nn::{
    Embedding, EmbeddingConfig, GateController, Gru, GruConfig, LayerNorm, LayerNormConfig, Linear,
    Lstm, LstmConfig,
};
use burn::tensor::module::attention;
use burn::tensor::ops::AttentionModuleOptions;
use burn::tensor::{Device, Int, Tensor, TensorData, activation};
use cotangent_peers::{Case, Run, Step, characters};

const HEADS: usize = 4;
const WIDTH: usize = 128;
const CONTEXT: usize = 128;

pub fn cases() -> Vec<Case> {
    vec![
        Case::training("charlstm256_adam_b32_t64", lstm),
        Case::training("chargru256_adam_b32_t64", gru),
        Case::training("chargpt4x128_adam_b16_t128", gpt),
        Case::timed("attention_b8h8t256w32", attention_alone),
        Case::timed("layer_norm_1024x1024", layer_norm),
        Case::timed("generate_chargpt4x128", generation),
    ]
}

fn embedding(count: usize, width: usize, weights: &mut Weights) -> Embedding {
    let mut layer = EmbeddingConfig::new(count, width).init(&weights.device);
    layer.weight = weights.matrix([count, width]);
    layer
}

/// Gives the gates their rows of the weights that PyTorch has for all gates together.
fn set_gates(gates: &mut [&mut GateController], weights: &mut Weights) {
    let count = gates.len();
    for hidden in [false, true] {
        let inputs = if hidden { 256 } else { 64 };
        let all: Param<Tensor<2>> = weights.matrix([count * 256, inputs]);
        let rows = all.val().chunk(count, 0);
        for (gate, rows) in gates.iter_mut().zip(rows) {
            let linear = if hidden {
                &mut gate.hidden_transform
            } else {
                &mut gate.input_transform
            };
            linear.weight = weights.transposed(rows);
            linear.bias = Some(weights.zeros(256));
        }
    }
}

fn text(batch: usize, time: usize, device: &Device) -> (Tensor<2, Int>, Tensor<1, Int>) {
    let [x, y] = characters(batch, time).map(|part| {
        let part: Vec<i64> = part.into_iter().map(|character| character as i64).collect();
        Tensor::<1, Int>::from_data(TensorData::new(part, [batch * time]), device)
    });
    (x.reshape([batch, time]), y)
}

#[derive(Module, Debug)]
struct CharLstm {
    embedding: Embedding,
    layer: Lstm,
    out: Linear,
}

fn lstm() -> Result<Step> {
    let device = device();
    let mut weights = Weights::new(&device);
    let embedding = embedding(64, 64, &mut weights);
    let mut layer = LstmConfig::new(64, 256, true).init(&device);
    if let Some(forget_gate) = &mut layer.forget_gate {
        let gates = &mut [
            &mut layer.input_gate,
            forget_gate,
            &mut layer.cell_gate,
            &mut layer.output_gate,
        ];
        set_gates(gates, &mut weights);
    }
    let out = weights.linear(256, 64);
    let net = CharLstm {
        embedding,
        layer,
        out,
    };
    let (x, y) = text(32, 64, &device);
    training(net, move |net, loss| {
        let states = net.layer.forward(net.embedding.forward(x.clone()), None).0;
        loss.forward(net.out.forward(states).flatten(0, 1), y.clone())
    })
}

#[derive(Module, Debug)]
struct CharGru {
    embedding: Embedding,
    layer: Gru,
    out: Linear,
}

fn gru() -> Result<Step> {
    let device = device();
    let mut weights = Weights::new(&device);
    let embedding = embedding(64, 64, &mut weights);
    let mut layer = GruConfig::new(64, 256, true).init(&device);
    let gates = &mut [
        &mut layer.reset_gate,
        &mut layer.update_gate,
        &mut layer.new_gate,
    ];
    set_gates(gates, &mut weights);
    let out = weights.linear(256, 64);
    let net = CharGru {
        embedding,
        layer,
        out,
    };
    let (x, y) = text(32, 64, &device);
    training(net, move |net, loss| {
        let states = net.layer.forward(net.embedding.forward(x.clone()), None);
        loss.forward(net.out.forward(states).flatten(0, 1), y.clone())
    })
}

#[derive(Module, Debug)]
struct Block {
    in_proj: Linear,
    out_proj: Linear,
    linear1: Linear,
    linear2: Linear,
    norm1: LayerNorm,
    norm2: LayerNorm,
}

impl Block {
    fn new(weights: &mut Weights) -> Self {
        let norm = || LayerNormConfig::new(WIDTH).init(&weights.device);
        let (norm1, norm2) = (norm(), norm());
        Self {
            in_proj: weights.linear(WIDTH, 3 * WIDTH),
            out_proj: weights.linear(WIDTH, WIDTH),
            linear1: weights.linear(WIDTH, 4 * WIDTH),
            linear2: weights.linear(4 * WIDTH, WIDTH),
            norm1,
            norm2,
        }
    }

    fn forward(&self, x: Tensor<3>, attend: impl FnOnce([Tensor<4>; 3]) -> Tensor<4>) -> Tensor<3> {
        let [batch, time, _] = x.dims();
        let qkv = self.in_proj.forward(self.norm1.forward(x.clone()));
        let mut parts = qkv.chunk(3, 2).into_iter().map(|part| {
            let heads = part.reshape([batch, time, HEADS, WIDTH / HEADS]);
            heads.swap_dims(1, 2)
        });
        let qkv = [(); 3].map(|()| parts.next().expect("there are three"));
        let y = attend(qkv).swap_dims(1, 2).reshape([batch, time, WIDTH]);
        let x = x + self.out_proj.forward(y);
        let y = self.linear1.forward(self.norm2.forward(x.clone()));
        x + self.linear2.forward(activation::gelu(y))
    }
}

#[derive(Module, Debug)]
struct Gpt {
    positions: Param<Tensor<2>>,
    embedding: Embedding,
    blocks: Vec<Block>,
    norm: LayerNorm,
    out: Linear,
}

impl Gpt {
    fn new(weights: &mut Weights) -> Self {
        Self {
            positions: weights.matrix([CONTEXT, WIDTH]),
            embedding: embedding(64, WIDTH, weights),
            blocks: (0..4).map(|_| Block::new(weights)).collect(),
            norm: LayerNormConfig::new(WIDTH).init(&weights.device),
            out: weights.linear(WIDTH, 64),
        }
    }
}

fn causal([q, k, v]: [Tensor<4>; 3]) -> Tensor<4> {
    let options = AttentionModuleOptions {
        is_causal: true,
        ..Default::default()
    };
    attention(q, k, v, None, None, options)
}

fn gpt() -> Result<Step> {
    let device = device();
    let net = Gpt::new(&mut Weights::new(&device));
    let (x, y) = text(16, CONTEXT, &device);
    training(net, move |net, loss| {
        let positions = net.positions.val().unsqueeze::<3>();
        let mut x = net.embedding.forward(x.clone()) + positions;
        for block in &net.blocks {
            x = block.forward(x, causal);
        }
        let logits = net.out.forward(net.norm.forward(x));
        loss.forward(logits.flatten(0, 1), y.clone())
    })
}

/// Generates one character for each call, and begins anew when the context is full. Keys and values
/// are written into tensors of the whole context.
fn generation() -> Result<Run> {
    let device = Device::flex();
    let net = Gpt::new(&mut Weights::new(&device));
    let empty = || Tensor::<4>::zeros([1, HEADS, CONTEXT, WIDTH / HEADS], &device);
    let mut caches: Vec<[Tensor<4>; 2]> = (0..4).map(|_| [empty(), empty()]).collect();
    let mut x = Tensor::<2, Int>::zeros([1, 1], &device);
    let mut position = 0;
    Ok(Box::new(move || {
        let at = net.positions.val().slice([position..position + 1]);
        let mut y = net.embedding.forward(x.clone()) + at.unsqueeze::<3>();
        for (block, cache) in net.blocks.iter().zip(&mut caches) {
            y = block.forward(y, |[q, k, v]| {
                let [keys, values] = cache;
                let all = [0..1, 0..HEADS, 0..position + 1, 0..WIDTH / HEADS];
                let new = [0..1, 0..HEADS, position..position + 1, 0..WIDTH / HEADS];
                let seen = |cache: &mut Tensor<4>, part| {
                    let old = std::mem::replace(cache, Tensor::empty([1, 1, 1, 1], &device));
                    *cache = old.slice_assign(new.clone(), part);
                    cache.clone().slice(all.clone())
                };
                let (keys, values) = (seen(keys, k), seen(values, v));
                attention(
                    q,
                    keys,
                    values,
                    None,
                    None,
                    AttentionModuleOptions::default(),
                )
            });
        }
        let logits = net.out.forward(net.norm.forward(y));
        x = logits.argmax(2).squeeze_dim::<2>(2);
        position = (position + 1) % CONTEXT;
        Ok(())
    }))
}

fn attention_alone() -> Result<Run> {
    let device = device();
    let shape = [8, 8, 256, 32];
    let operands = [(); 3].map(|()| tensor(shape, &device).require_grad());
    let g = tensor(shape, &device);
    Ok(Box::new(move || {
        let y = causal(operands.clone());
        std::hint::black_box((y * g.clone()).sum().backward());
        Ok(())
    }))
}

fn layer_norm() -> Result<Run> {
    let device = device();
    let layer = LayerNormConfig::new(1024).init(&device);
    let x = tensor([1024, 1024], &device).require_grad();
    let g = tensor([1024, 1024], &device);
    Ok(Box::new(move || {
        let y = layer.forward(x.clone());
        std::hint::black_box((y * g.clone()).sum().backward());
        Ok(())
    }))
}
