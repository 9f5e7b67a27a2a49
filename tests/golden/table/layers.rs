//! The layers of the cases from PyTorch.

use crate::layers::{Row, Subject, called, layer};
use cotangent::nn::*;
use cotangent::prelude::*;

/// Creates a generator for initial values, which the values of the file replace.
pub fn rng() -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(0)
}

const DENSE: &[Row] = &[
    ("linear", |_| layer(Linear::new(3, 4, &mut rng()))),
    ("linear, no bias", |_| {
        layer(Linear::builder(3, 4).no_bias().build(&mut rng()))
    }),
    ("linear, sequences", |_| {
        layer(Linear::new(3, 4, &mut rng()))
    }),
    ("embedding", |_| embedding(Embedding::new(5, 3, &mut rng()))),
    ("embedding, padded", |_| {
        embedding(Embedding::builder(5, 3).padding_index(1).build(&mut rng()))
    }),
    ("embedding, max_norm 1.25 1.0", |_| {
        bounded(1.25, Norm::L1, None)
    }),
    ("embedding, max_norm 0.75 2.0", |_| {
        bounded(0.75, Norm::L2, None)
    }),
    ("embedding, max_norm 0.5 inf", |_| {
        bounded(0.5, Norm::LInf, None)
    }),
    ("embedding, max_norm 0.75 2.0, padded", |_| {
        bounded(0.75, Norm::L2, Some(1))
    }),
    ("flatten", |_| layer(Ok(Flatten::default()))),
    ("flatten(2)", |_| layer(Ok(Flatten { start_axis: 2 }))),
    ("dropout, predicting", |_| layer(Dropout::new(0.4))),
    ("dropout of nothing", |_| layer(Dropout::new(0.0))),
    ("alpha_dropout, predicting", |_| {
        layer(AlphaDropout::new(0.4))
    }),
    ("alpha_dropout of nothing", |_| {
        layer(AlphaDropout::new(0.0))
    }),
];

fn bounded(max: f64, norm: Norm, padding: Option<usize>) -> Result<Box<dyn Subject>> {
    let mut builder = Embedding::builder(5, 3).max_norm(max, norm);
    if let Some(index) = padding {
        builder = builder.padding_index(index);
    }
    embedding(builder.build(&mut rng()))
}

pub fn embedding(built: Result<Embedding>) -> Result<Box<dyn Subject>> {
    called(built, |embedding, given, pass| {
        let indices = given
            .indices
            .as_ref()
            .expect("an embedding is given indices");
        embedding.forward(indices, pass)
    })
}

const NORMALIZATIONS: &[Row] = &[
    ("batch_norm", |_| layer(BatchNorm::new(4))),
    ("batch_norm, lengths", |_| layer(BatchNorm::new(3))),
    ("batch_norm, images", |_| layer(BatchNorm::new(2))),
    ("batch_norm, momentum 0.3", |_| {
        layer(BatchNorm::builder(4).momentum(0.3).build())
    }),
    ("batch_norm, momentum 0.3", |_| {
        layer(BatchNorm::builder(4).decay(0.7).build())
    }),
    ("batch_norm, cumulative", |_| {
        layer(BatchNorm::builder(4).cumulative().build())
    }),
    ("batch_norm, epsilon 0.01", |_| {
        layer(BatchNorm::builder(4).epsilon(0.01).build())
    }),
    ("batch_norm, no affine", |_| {
        layer(BatchNorm::builder(4).no_affine().build())
    }),
    ("batch_norm, no running statistics", |_| {
        layer(BatchNorm::builder(4).no_running_statistics().build())
    }),
    ("batch_norm, offset", |_| {
        layer(BatchNorm::builder(2).momentum(1.0).build())
    }),
    ("layer_norm", |_| layer(LayerNorm::new(5))),
    ("layer_norm, images", |_| layer(LayerNorm::new([3, 4]))),
    ("layer_norm, epsilon 0.01", |_| {
        layer(LayerNorm::builder(5).epsilon(0.01).build())
    }),
    ("layer_norm, no affine", |_| {
        layer(LayerNorm::builder(5).no_affine().build())
    }),
    ("layer_norm, no bias", |_| {
        layer(LayerNorm::builder(5).no_bias().build())
    }),
    ("layer_norm, offset", |_| layer(LayerNorm::new(60))),
    ("rms_norm", |_| layer(RmsNorm::new(5))),
    ("rms_norm, images", |_| layer(RmsNorm::new([3, 4]))),
    ("rms_norm, epsilon 0.01", |_| {
        layer(RmsNorm::builder(5).epsilon(0.01).build())
    }),
    ("rms_norm, no affine", |_| {
        layer(RmsNorm::builder(5).no_affine().build())
    }),
];

const ACTIVATIONS: &[Row] = &[
    ("identity", named),
    ("relu", named),
    ("relu6", named),
    ("leaky_relu", named),
    ("leaky_relu(0.2)", named),
    ("prelu", named),
    ("prelu, channels", |_| layer(PRelu::new(4, 0.25))),
    ("rrelu, predicting", named),
    ("rrelu(0.2,0.2)", named),
    ("elu", named),
    ("elu(0.5)", named),
    ("celu", named),
    ("celu(2)", named),
    ("selu", named),
    ("gelu", named),
    ("gelu_tanh", named),
    ("silu", named),
    ("mish", named),
    ("hard_swish", named),
    ("softplus", named),
    ("tanh", named),
    ("hard_tanh", named),
    ("sigmoid", named),
    ("hard_sigmoid", named),
    ("log_sigmoid", named),
    ("softmax", named),
    ("softmax(1)", named),
    ("log_softmax", named),
    ("log_softmax(1)", named),
];

/// Creates the activation that a case names in front of the first comma and space.
pub fn named(case: &str) -> Result<Box<dyn Subject>> {
    let name = case.split(", ").next().unwrap_or(case);
    layer(name.parse::<Activation>())
}

/// The rows of one kind of recurrent layers and cells.
macro_rules! recurrent {
    ($(
        $kind:literal $layer:ident $cell:ident $($option:ident)?:
            |$state:ident| $from:expr, |$out:ident| $into:expr;
    )*) => {
        &[$(
            ($kind, |_| layer(
                $layer::builder(2, 3)$(.$option())?.build(&mut rng())
            )),
            (concat!($kind, ", no bias"), |_| layer(
                $layer::builder(2, 3)$(.$option())?.no_bias().build(&mut rng())
            )),
            (concat!($kind, ", last only"), |_| layer(
                $layer::builder(2, 3)$(.$option())?.bidirectional().last_only().build(&mut rng())
            )),
            (concat!($kind, ", time first, three layers"), |_| layer(
                $layer::builder(2, 3)$(.$option())?.layers(3).time_first().build(&mut rng())
            )),
            (concat!($kind, ", two layers in both directions"), |_| layer(
                $layer::builder(2, 3)
                    $(.$option())?.layers(2).bidirectional().build(&mut rng())
            )),
            (concat!($kind, ", from states"), |_| {
                let built = $layer::builder(2, 3)$(.$option())?.layers(2).build(&mut rng());
                called(built, |layer, given, pass| {
                    let $state = &given.inputs[1..];
                    let (output, $out) = layer.run(&given.inputs[0], Some(&$from), pass)?;
                    joined(&output, &$into)
                })
            }),
            (concat!($kind, ", lengths"), |_| {
                let built = $layer::builder(2, 3)
                    $(.$option())?.layers(2).bidirectional().build(&mut rng());
                called(built, |layer, given, pass| {
                    let $state = &given.inputs[1..];
                    let (x, lengths) = (&given.inputs[0], [4, 5, 1]);
                    let (output, $out) = layer.run_lengths(x, &lengths, Some(&$from), pass)?;
                    joined(&output, &$into)
                })
            }),
            (concat!($kind, "_cell"), |_| {
                called($cell::builder(2, 3)$(.$option())?.build(&mut rng()), |cell, given, pass| {
                    let $state = &given.inputs[1..];
                    let $out = cell.step(&given.inputs[0], &$from, pass)?;
                    let states = $into.map(Tensor::flatten);
                    Tensor::cat(&states, 0)
                })
            }),
        )*]
    };
}

const RECURRENT: &[Row] = recurrent! {
    "lstm" Lstm LstmCell:
        |given| LstmState { h: given[0].clone(), c: given[1].clone() }, |state| [&state.h, &state.c];
    "gru" Gru GruCell: |given| given[0], |state| [&state];
    "rnn" Rnn RnnCell: |given| given[0], |state| [&state];
    "rnn, relu" Rnn RnnCell relu: |given| given[0], |state| [&state];
};

/// Joins output and states to one vector.
fn joined(output: &Tensor, states: &[&Tensor]) -> Result<Tensor> {
    let parts = [output].into_iter().chain(states.iter().copied());
    Tensor::cat(&parts.map(Tensor::flatten).collect::<Vec<_>>(), 0)
}

const COMPOSED: &[Row] = &[
    ("sequential", |_| {
        let net = Sequential::new()
            .push(Linear::builder(3, 5).no_bias().build(&mut rng())?)
            .push(BatchNorm::new(5)?)
            .push(Elu::default())
            .push(Linear::new(5, 2, &mut rng())?);
        layer(Ok(net))
    }),
    ("residual", |_| {
        let body = Sequential::new().push(Linear::new(3, 3, &mut rng())?);
        layer(Ok(Residual::new(body.push(Tanh))))
    }),
    ("residual, projected", |_| {
        let shortcut = Linear::builder(3, 2).no_bias().build(&mut rng())?;
        layer(Linear::new(3, 2, &mut rng()).map(|body| Residual::new(body).with_shortcut(shortcut)))
    }),
    ("mlp", |_| mlp(|net| net)),
    ("mlp, batch_norm, elu", |_| {
        mlp(|net| net.batch_norm().activation(Elu::default()))
    }),
    ("mlp, layer_norm, tanh", |_| {
        mlp(|net| net.layer_norm().activation(Tanh))
    }),
    ("mlp, rms_norm, prelu", |_| {
        mlp(|net| net.rms_norm().activation(PRelu::default()))
    }),
];

pub fn mlp(options: fn(MlpBuilder) -> MlpBuilder) -> Result<Box<dyn Subject>> {
    layer(options(Mlp::builder([3, 6, 5, 2])).build(&mut rng()))
}

pub fn layers() -> Vec<Row> {
    [DENSE, NORMALIZATIONS, ACTIVATIONS, RECURRENT, COMPOSED].concat()
}
