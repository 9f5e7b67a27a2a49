//! Sequences: models of characters, layer normalization.

use crate::{Training, tensor};
use anyhow::Result;
use cotangent::nn::{Gru, LayerNorm, Lstm};
use cotangent::prelude::*;
use cotangent_peers::{Case, Run, Step, characters};

pub fn cases() -> Vec<Case> {
    vec![
        Case::training("charlstm256_adam_b32_t64", || {
            recurrent(Lstm::new(64, 256, &mut rng())?)
        }),
        Case::training("chargru256_adam_b32_t64", || {
            recurrent(Gru::new(64, 256, &mut rng())?)
        }),
        Case::timed("layer_norm_1024x1024", layer_norm),
    ]
}

pub fn rng() -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(1)
}

#[derive(Module, Clone, Debug)]
struct Recurrent<L: Layer> {
    embedding: Embedding,
    layer: L,
    out: Linear,
}

fn recurrent(layer: impl Layer + Clone + 'static) -> Result<Step> {
    let net = Recurrent {
        embedding: Embedding::new(64, 64, &mut rng())?,
        layer,
        out: Linear::new(256, 64, &mut rng())?,
    };
    language(net, 32, 64, |net, x, pass| {
        let states = net.layer.forward(&net.embedding.forward(x, pass)?, pass)?;
        net.out.forward(&states, pass)
    })
}

/// Times a step of a model of characters.
pub fn language<M: Module + 'static>(
    net: M,
    batch: usize,
    time: usize,
    forward: impl Fn(&M, &Indices, &Pass) -> cotangent::Result<Tensor> + 'static,
) -> Result<Step> {
    let [x, y] = characters(batch, time).map(|part| Indices::from_vec(part, [batch, time]));
    let (x, y) = (x?, y?);
    Training::new(net)?.step(move |net, pass| forward(net, &x, pass)?.cross_entropy(&y))
}

fn layer_norm() -> Result<Run> {
    let layer = LayerNorm::new(1024)?;
    let (x, g) = (tensor(&[1024, 1024])?.tracked(), tensor(&[1024, 1024])?);
    let pass = Pass::train(1);
    Ok(Box::new(move || {
        layer.forward(&x, &pass)?.backward_with(&g)?;
        Ok(())
    }))
}
