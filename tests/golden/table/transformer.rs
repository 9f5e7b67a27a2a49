//! Attention and transformer layers of the cases from PyTorch.

use super::layers::rng;
use crate::layers::{Given, Row, Subject, called, layer};
use cotangent::nn::*;
use cotangent::prelude::*;

fn attention() -> MultiHeadAttentionBuilder {
    MultiHeadAttention::builder(4, 2)
}

fn encoder() -> TransformerEncoderLayerBuilder {
    TransformerEncoderLayer::builder(4, 2).hidden(8)
}

fn decoder(builder: TransformerDecoderLayerBuilder) -> Result<Box<dyn Subject>> {
    called(builder.build(&mut rng()), |decoder, given: &Given, pass| {
        decoder.forward(&given.inputs[0], &given.inputs[1], None, pass)
    })
}

const TRANSFORMER: &[Row] = &[
    ("attention", |_| layer(attention().build(&mut rng()))),
    ("attention, no bias", |_| {
        layer(attention().no_bias().build(&mut rng()))
    }),
    ("attention, causal", |_| {
        layer(attention().causal().build(&mut rng()))
    }),
    ("attention, memory", |_| {
        called(attention().build(&mut rng()), |attention, given, pass| {
            attention.attend(&given.inputs[0], &given.inputs[1], None, pass)
        })
    }),
    ("attention, masked memory", |_| {
        called(attention().build(&mut rng()), |attention, given, pass| {
            let mask = key_mask(&[5, 2], 5)?;
            attention.attend(&given.inputs[0], &given.inputs[1], Some(&mask), pass)
        })
    }),
    ("encoder", |_| layer(encoder().build(&mut rng()))),
    ("encoder, masked", |_| {
        called(encoder().build(&mut rng()), |encoder, given, pass| {
            encoder.forward_masked(&given.inputs[0], &key_mask(&[5, 2], 5)?, pass)
        })
    }),
    ("encoder, norm first", |_| {
        layer(encoder().norm_first().build(&mut rng()))
    }),
    ("encoder, causal, gelu", |_| {
        layer(
            encoder()
                .norm_first()
                .causal()
                .activation(Gelu)
                .build(&mut rng()),
        )
    }),
    ("decoder", |_| {
        decoder(TransformerDecoderLayer::builder(4, 2).hidden(8))
    }),
    ("decoder, norm first", |_| {
        decoder(
            TransformerDecoderLayer::builder(4, 2)
                .hidden(8)
                .norm_first(),
        )
    }),
    ("attention, grouped, rotary", |_| {
        let builder = attention()
            .causal()
            .no_bias()
            .key_heads(1)
            .rotary(&Rotary::new(8, 2)?);
        layer(builder.build(&mut rng()))
    }),
    ("swiglu", |_| layer(SwiGlu::new(4, 6, &mut rng()))),
    ("block", |_| {
        let builder = TransformerBlock::builder(4, 2)
            .key_heads(1)
            .rotary(&Rotary::new(8, 2)?);
        layer(builder.hidden(6).build(&mut rng()))
    }),
    ("learnt positions", |_| {
        layer(LearntPositions::new(6, 4, &mut rng()))
    }),
    ("sinusoidal positions", |_| {
        layer(SinusoidalPositions::new(6, 4))
    }),
];

pub fn transformer() -> Vec<Row> {
    TRANSFORMER.to_vec()
}
