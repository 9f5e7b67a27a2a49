//! The layers of the cases from Keras, with options where its defaults differ.

use super::layers::{embedding, mlp, named, rng};
use crate::layers::{Row, layer};
use cotangent::nn::*;
use cotangent::prelude::*;

/// Returns a builder of batch normalization with Keras's defaults.
fn norm(channels: usize) -> BatchNormBuilder {
    BatchNorm::builder(channels)
        .decay(0.99)
        .epsilon(1e-3)
        .biased_running_variance()
}

const LAYERS: &[Row] = &[
    ("linear", |_| layer(Linear::new(3, 4, &mut rng()))),
    ("linear, no bias", |_| {
        layer(Linear::builder(3, 4).no_bias().build(&mut rng()))
    }),
    ("embedding", |_| embedding(Embedding::new(5, 3, &mut rng()))),
    ("flatten", |_| layer(Ok(Flatten::default()))),
    ("layer_norm", |_| {
        layer(LayerNorm::builder(5).epsilon(1e-3).build())
    }),
    ("rms_norm", |_| {
        layer(RmsNorm::builder(5).epsilon(1e-6).build())
    }),
    ("dropout, predicting", |_| layer(Dropout::new(0.4))),
    ("alpha_dropout, predicting", |_| {
        layer(AlphaDropout::new(0.4))
    }),
    ("prelu, channels", |_| layer(PRelu::new(4, 0.0))),
    ("batch_norm", |_| layer(norm(4).build())),
    ("batch_norm, lengths", |_| layer(norm(3).build())),
    ("batch_norm, images", |_| layer(norm(2).build())),
    ("batch_norm, momentum 0.7", |_| {
        layer(norm(4).decay(0.7).build())
    }),
    ("batch_norm, no affine", |_| {
        layer(norm(4).no_affine().build())
    }),
    ("batch_norm, frozen", |_| {
        layer(norm(4).build().map(ModuleExt::frozen))
    }),
    ("rnn", |_| layer(Rnn::new(2, 3, &mut rng()))),
    ("rnn, relu", |_| {
        layer(Rnn::builder(2, 3).relu().build(&mut rng()))
    }),
    ("rnn, no bias", |_| {
        layer(Rnn::builder(2, 3).no_bias().last_only().build(&mut rng()))
    }),
    ("rnn, last only", |_| {
        layer(Rnn::builder(2, 3).last_only().build(&mut rng()))
    }),
    ("lstm", |_| layer(Lstm::new(2, 3, &mut rng()))),
    ("lstm, last only", |_| {
        layer(Lstm::builder(2, 3).last_only().build(&mut rng()))
    }),
    ("sequential", |_| {
        let net = Sequential::new()
            .push(Linear::builder(3, 5).no_bias().build(&mut rng())?)
            .push(norm(5).build()?)
            .push(Elu::default())
            .push(Linear::new(5, 2, &mut rng())?);
        layer(Ok(net))
    }),
    ("mlp", |_| mlp(|net| net)),
];

/// Activations with the same names and settings in both libraries.
const ACTIVATIONS: &[Row] = &[
    ("relu", named),
    ("relu6", named),
    ("leaky_relu(0.3)", named),
    ("elu", named),
    ("celu", named),
    ("selu", named),
    ("gelu", named),
    ("silu", named),
    ("mish", named),
    ("hard_swish", named),
    ("softplus", named),
    ("tanh", named),
    ("hard_tanh", named),
    ("sigmoid", named),
    ("log_sigmoid", named),
    ("softmax", named),
    ("log_softmax", named),
];

pub fn keras() -> Vec<Row> {
    [LAYERS, ACTIVATIONS].concat()
}
