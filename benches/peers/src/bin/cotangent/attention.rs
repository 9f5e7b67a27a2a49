//! A transformer that models characters, and attention alone.

use crate::sequences::{language, rng};
use crate::{set_weights, tensor};
use anyhow::Result;
use cotangent::Attention;
use cotangent::nn::{KeyValueCache, LayerNorm, LearntPositions, TransformerEncoderLayer};
use cotangent::prelude::*;
use cotangent_peers::{Case, Run};

const WIDTH: usize = 128;
const CONTEXT: usize = 128;

pub fn cases() -> Vec<Case> {
    vec![
        Case::training("chargpt4x128_adam_b16_t128", || {
            language(Gpt::new()?, 16, CONTEXT, Gpt::forward)
        }),
        Case::timed("attention_b8h8t256w32", attention),
        Case::timed("generate_chargpt4x128", generation),
    ]
}

#[derive(Module, Clone, Debug)]
struct Gpt {
    positions: LearntPositions,
    embedding: Embedding,
    blocks: Vec<TransformerEncoderLayer>,
    norm: LayerNorm,
    out: Linear,
}

impl Gpt {
    fn new() -> Result<Self> {
        let mut rng = rng();
        let mut block = || {
            let block = TransformerEncoderLayer::builder(WIDTH, 4);
            let block = block.norm_first().causal().activation(Gelu);
            block.build(&mut rng)
        };
        let blocks = (0..4).map(|_| block()).collect::<cotangent::Result<_>>()?;
        Ok(Self {
            positions: LearntPositions::new(CONTEXT, WIDTH, &mut rng)?,
            embedding: Embedding::new(64, WIDTH, &mut rng)?,
            blocks,
            norm: LayerNorm::new(WIDTH)?,
            out: Linear::new(WIDTH, 64, &mut rng)?,
        })
    }

    fn forward(&self, x: &Indices, pass: &Pass) -> cotangent::Result<Tensor> {
        let mut x = self.embedding.forward(x, pass)?;
        x = self.positions.forward(&x, pass)?;
        for block in &self.blocks {
            x = block.forward(&x, pass)?;
        }
        self.out.forward(&self.norm.forward(&x, pass)?, pass)
    }

    /// Computes the logits of the character after x, (1, 1), which has the place `position`.
    fn step(
        &self,
        x: &Indices,
        position: usize,
        caches: &mut [KeyValueCache],
    ) -> cotangent::Result<Tensor> {
        let pass = Pass::inference();
        let mut x = self.embedding.forward(x, &pass)?;
        x = self.positions.forward_from(&x, position, &pass)?;
        for (block, cache) in self.blocks.iter().zip(caches) {
            x = block.step(&x, cache, &pass)?;
        }
        self.out.forward(&self.norm.forward(&x, &pass)?, &pass)
    }
}

/// Generates one character for each call, and begins anew when the context is full.
fn generation() -> Result<Run> {
    let mut net = Gpt::new()?;
    set_weights(&mut net)?;
    let mut caches: Vec<_> = (0..4).map(|_| KeyValueCache::new()).collect();
    let mut x = Indices::from([[0]]);
    let mut position = 0;
    Ok(Box::new(move || {
        if position == 0 {
            caches.iter_mut().for_each(KeyValueCache::clear);
        }
        x = net.step(&x, position, &mut caches)?.argmax(2)?;
        position = (position + 1) % CONTEXT;
        Ok(())
    }))
}

fn attention() -> Result<Run> {
    let shape = [8, 8, 256, 32];
    let operand = || Ok::<_, Error>(tensor(&shape)?.tracked());
    let (q, k, v, g) = (operand()?, operand()?, operand()?, tensor(&shape)?);
    Ok(Box::new(move || {
        let y = Attention::new().causal().attend(&q, &k, &v)?;
        y.backward_with(&g)?;
        Ok(())
    }))
}
