//! A table of the rows of every layer in `nn`. The layers are read from the exports, so that no new
//! layer is missed.

use cotangent::nn::signal::{self, LayerSignal, Report};
use cotangent::nn::{Gelu, MlpBlock, MlpBuilder, Normalization};
use cotangent::prelude::*;
use std::collections::BTreeSet;
use std::fmt::Debug;

const EXPORTS: &str = include_str!("../../nn/src/lib.rs");

/// Exports that are not layers, with the reason. Builders are recognized by their names.
const NO_LAYERS: &[(&str, &str)] = &[
    ("Init", "initializer"),
    ("KeyValueCache", "state of a generation"),
    ("Rotary", "option of attention"),
    ("LstmState", "the state of `Lstm` and `LstmCell`"),
    ("RecurrentWeights", "the parameters of the recurrent layers"),
];

/// Layers that have an exported name for each number of spatial axes too, such as `MaxPool2d`.
const WITH_DIMENSIONS: &[&str] = &[
    "AdaptiveAvgPool",
    "AdaptiveMaxPool",
    "AvgPool",
    "Conv",
    "ConvTranspose",
    "MaxPool",
    "Upsample",
];

/// Returns the types that `nn` exports from its own files, without builders.
fn exported() -> BTreeSet<&'static str> {
    let is_type = |name: &&str| name.starts_with(char::is_uppercase) && !name.ends_with("Builder");
    let uses = EXPORTS.split("pub use ").skip(1);
    uses.filter(|path| !path.starts_with("cotangent_"))
        .filter_map(|path| path.split_once(';')?.0.split_once("::"))
        .flat_map(|(_, names)| names.split(|c: char| !c.is_alphanumeric() && c != '_'))
        .filter(is_type)
        .collect()
}

/// Formats a row as `path: operations (kinds) columns`, with the columns that only some rows have.
fn row(layer: &LayerSignal) -> String {
    let kinds: Vec<String> = layer.kinds.iter().map(ToString::to_string).collect();
    let columns = [
        ("dead", layer.dead.is_some()),
        ("saturated", layer.saturated.is_some()),
        ("drift", layer.drift.is_some()),
    ];
    let (operations, kinds) = (layer.operations.join(" "), kinds.join(" "));
    let mut row = format!("{}: {operations} ({kinds})", layer.name());
    for (column, _) in columns.into_iter().filter(|(_, there)| *there) {
        row += " ";
        row += column;
    }
    row
}

/// Returns the rows of a report; panics unless each has a gradient, also of its weights.
#[track_caller]
fn rows(report: &Report) -> Vec<String> {
    for layer in &report.layers {
        let whole = layer.gradient.is_some() && layer.weight_gradient.is_some();
        assert!(whole, "`{}` has no gradient\n{report}", layer.name());
    }
    assert!(report.unused.is_empty(), "{report}");
    report.layers.iter().map(row).collect()
}

fn labels() -> Indices {
    (0..16).map(|i| i % 5).collect::<Vec<_>>().into()
}

fn input(shape: &[usize]) -> Result<Tensor> {
    Tensor::normal(
        shape,
        0.0,
        1.0,
        DType::F32,
        &mut ChaCha8Rng::seed_from_u64(1),
    )
}

fn linear(inputs: usize, outputs: usize) -> Result<Linear> {
    Linear::new(inputs, outputs, &mut ChaCha8Rng::seed_from_u64(2))
}

#[derive(Module)]
struct Sandwich<L> {
    below: Linear,
    layer: L,
    above: Linear,
}

/// Returns the rows of a layer between two linear layers. Its input has shape (16, 8), or this
/// shape; its output has 8 values for each of the 16 samples.
fn given<L: Module>(
    shape: &[usize],
    layer: L,
    forward: impl FnOnce(&L, &Tensor, &Pass) -> Result<Tensor>,
) -> Result<Vec<String>> {
    let net = Sandwich {
        below: linear(6, shape[shape.len() - 1])?,
        layer,
        above: linear(8, 5)?,
    };
    let mut data = shape.to_vec();
    *data.last_mut().expect("an axis of features") = 6;
    let x = input(&data)?;
    let report = signal::inspect(&net, |net, pass| {
        let x = net.below.forward(&x, pass)?;
        let y = forward(&net.layer, &x, pass)?;
        net.above.forward(&y, pass)?.cross_entropy(&labels())
    })?;
    Ok(rows(&report))
}

/// As [`given`], for a layer from (16, 8) to (16, 8). With more axes, a linear layer would add
/// reshapes to the rows.
fn layer<L: Layer>(layer: L) -> Result<Vec<String>> {
    given(&[16, 8], layer, L::forward)
}

/// As [`layer`], for a layer of sequences: 4 sequences of 4 positions.
fn sequence<L: Layer>(layer: L) -> Result<Vec<String>> {
    given(&[4, 4, 8], layer, |layer, x, pass| {
        joined(&layer.forward(x, pass)?)
    })
}

/// Makes a sample of each position.
fn joined(sequences: &Tensor) -> Result<Tensor> {
    sequences.reshape([16, 8])
}

const PLAIN: &str = "below: linear (product)";

/// The layers that have a row, and the rows that differ from the expected ones.
#[derive(Default)]
struct Table {
    covered: BTreeSet<&'static str>,
    wrong: Vec<String>,
}

impl Table {
    /// Compares the rows of a layer, given by its exported name and its options, with the expected
    /// ones. The row of the layer above is added to them.
    fn row(
        &mut self,
        (name, special): (&'static str, &str),
        found: Result<Vec<String>>,
        expected: &[&str],
    ) {
        self.covered.insert(name);
        let found = found.unwrap_or_else(|error| vec![error.to_string()]);
        let expected = [expected, &["above: linear (product)"]].concat();
        if found != expected {
            let (found, expected) = (found.join("\n  "), expected.join("\n  "));
            let text = format!("{name} {special}\n  {found}\nexpected\n  {expected}");
            self.wrong.push(text);
        }
    }

    fn plain_layers(&mut self) -> Result<()> {
        let rng = &mut ChaCha8Rng::seed_from_u64(3);
        let of_linear = &[PLAIN, "layer: linear (product)"];
        self.row(("Linear", ""), layer(linear(8, 8)?), of_linear);
        let without_bias = Linear::builder(8, 8).no_bias().build(rng)?;
        self.row(("Linear", "no bias"), layer(without_bias), of_linear);
        self.row(
            ("Dropout", ""),
            layer(Dropout::new(0.25)?),
            &["below: linear mul (product blend)"],
        );
        self.row(
            ("Dropout", "in front of an activation"),
            layer(Sequential::new().push(Dropout::new(0.25)?).push(Relu)),
            &["below: linear mul relu (product blend activation) dead saturated"],
        );
        self.row(
            ("AlphaDropout", ""),
            layer(AlphaDropout::new(0.25)?),
            &["below: linear mul add (product blend blend)"],
        );
        self.row(
            ("Flatten", ""),
            given(&[16, 2, 4], Flatten::default(), Layer::forward),
            &["below: linear reshape reshape (product shape shape)"],
        );
        // The sum continues the last row.
        let add =
            |layer: &Embedding, x: &Tensor, pass: &Pass| x.add(&layer.forward(&labels(), pass)?);
        self.row(
            ("Embedding", ""),
            given(&[16, 8], Embedding::new(5, 8, rng)?, add),
            &[PLAIN, "layer: embedding add (lookup blend)"],
        );
        let padded = Embedding::builder(5, 8).padding_index(2).build(rng)?;
        self.row(
            ("Embedding", "with padding"),
            given(&[16, 8], padded, add),
            &[
                PLAIN,
                "layer: embedding broadcast_to where add (lookup shape blend blend)",
            ],
        );
        let bounded = Embedding::builder(5, 8)
            .max_norm(1.0, Norm::L2)
            .build(rng)?;
        self.row(
            ("Embedding", "with a largest norm"),
            given(&[16, 8], bounded, add),
            &[PLAIN, "layer: embedding mul add (lookup blend blend)"],
        );
        Ok(())
    }

    fn normalizations(&mut self) -> Result<()> {
        let (batch, of_layer, rms) = (BatchNorm::new(8)?, LayerNorm::new([8])?, RmsNorm::new([8])?);
        let of_batch = &[PLAIN, "layer: batch_norm (normalization) drift"];
        let of_a_layer = &[PLAIN, "layer: layer_norm (normalization)"];
        let of_rms = &[PLAIN, "layer: rms_norm (normalization)"];
        self.row(("BatchNorm", ""), layer(batch.clone()), of_batch);
        self.row(("LayerNorm", ""), layer(of_layer.clone()), of_a_layer);
        self.row(("RmsNorm", ""), layer(rms.clone()), of_rms);
        let any = "Normalization";
        self.row((any, "batch"), layer(Normalization::Batch(batch)), of_batch);
        self.row(
            (any, "layer"),
            layer(Normalization::Layer(of_layer)),
            of_a_layer,
        );
        self.row((any, "rms"), layer(Normalization::Rms(rms)), of_rms);

        // A layer without parameters has no path, so it continues the row below.
        self.row(
            ("BatchNorm", "without parameters"),
            layer(BatchNorm::builder(8).no_affine().build()?),
            &["below: linear batch_norm (product normalization)"],
        );
        self.row(
            ("LayerNorm", "without parameters"),
            layer(LayerNorm::builder([8]).no_affine().build()?),
            &["below: linear layer_norm (product normalization)"],
        );
        let rms = RmsNorm::builder([8]).no_affine().build()?;
        self.row(
            ("RmsNorm", "without parameters, and an activation"),
            layer(Sequential::new().push(rms).push(Tanh)),
            &["below: linear rms_norm tanh (product normalization activation) dead saturated"],
        );
        Ok(())
    }

    /// Pooling continues the row of its input. Other operations that change the number of elements
    /// end it.
    fn spatial(&mut self) -> Result<()> {
        fn flat<L: Layer + Clone + Debug + Send + Sync + 'static>(
            shape: &[usize],
            layer: L,
        ) -> Result<Vec<String>> {
            let layer = Sequential::new().push(layer).push(Flatten::new());
            given(shape, layer, Layer::forward)
        }
        let ended = &["below: linear reshape (product shape)"];
        let rng = &mut ChaCha8Rng::seed_from_u64(4);
        let of_conv = &[ended[0], "layer.0: conv reshape (convolution shape)"];
        let conv = Conv1d::new(3, 2, 2, rng)?;
        self.row(("Conv", ""), flat(&[16, 3, 5], conv), of_conv);
        let of_transpose = &[
            ended[0],
            "layer.0: conv_transpose reshape (convolution shape)",
        ];
        let conv = ConvTranspose1d::new(3, 2, 2, rng)?;
        self.row(("ConvTranspose", ""), flat(&[16, 3, 3], conv), of_transpose);
        let mut pool = |layer, name: &str, found| {
            let row = format!("below: linear reshape {name} reshape");
            self.row(
                (layer, ""),
                found,
                &[&format!("{row} (product shape reduction shape)")],
            );
        };
        let pairs = &[16, 2, 8];
        pool("MaxPool", "max_pool", flat(pairs, MaxPool1d::new(2)));
        pool("AvgPool", "avg_pool", flat(pairs, AvgPool1d::new(2)));
        let four = flat(pairs, AdaptiveMaxPool1d::new(4));
        pool("AdaptiveMaxPool", "adaptive_max_pool", four);
        let four = flat(pairs, AdaptiveAvgPool1d::new(4));
        pool("AdaptiveAvgPool", "adaptive_avg_pool", four);
        let whole = &[16, 8, 3];
        pool(
            "GlobalMaxPool",
            "global_max_pool",
            flat(whole, GlobalMaxPool),
        );
        self.row(
            ("GlobalAvgPool", ""),
            flat(whole, GlobalAvgPool),
            &["below: linear reshape sum div_scalar reshape \
               (product shape reduction elementwise shape)"],
        );
        let twice = Upsample1d::by(2);
        self.row(("Upsample", ""), flat(&[16, 2, 2], twice), ended);
        self.row(("Unfold", ""), flat(&[16, 1, 5], Unfold::new([2])), ended);
        self.row(("Fold", ""), flat(&[16, 2, 7], Fold::new([8], [2])), ended);
        let moved = "below: linear reshape reshape permute reshape reshape \
                     (product shape shape shape shape shape)";
        let shuffle = PixelShuffle::new(2);
        self.row(("PixelShuffle", ""), flat(&[16, 4, 2], shuffle), &[moved]);
        let shuffle = PixelUnshuffle::new(2);
        self.row(("PixelUnshuffle", ""), flat(&[16, 2, 4], shuffle), &[moved]);
        self.row(
            ("ChannelDropout", ""),
            flat(&[16, 2, 4], ChannelDropout::new(0.25)?),
            &["below: linear reshape mul reshape (product shape blend shape)"],
        );
        self.row(
            ("GroupNorm", ""),
            layer(GroupNorm::new(2, 8)?),
            &[PLAIN, "layer: group_norm (normalization)"],
        );
        let normalized = InstanceNorm::builder(2).affine().build()?;
        self.row(
            ("InstanceNorm", ""),
            flat(&[16, 2, 4], normalized),
            &[
                "below: linear reshape (product shape)",
                "layer.0: instance_norm reshape (normalization shape)",
            ],
        );
        Ok(())
    }

    fn recurrent(&mut self) -> Result<()> {
        let rng = &mut ChaCha8Rng::seed_from_u64(3);
        let zeros = || Tensor::zeros([16, 8], DType::F32);
        let below = "below: linear reshape (product shape)";
        self.row(
            ("RnnCell", ""),
            given(&[16, 8], RnnCell::new(8, 8, rng)?, move |layer, x, pass| {
                layer.step(x, &zeros()?, pass)
            }),
            &[
                below,
                "layer: rnn_tanh reshape (recurrence shape) dead saturated",
            ],
        );
        self.row(
            ("GruCell", ""),
            given(&[16, 8], GruCell::new(8, 8, rng)?, move |layer, x, pass| {
                layer.step(x, &zeros()?, pass)
            }),
            &[
                below,
                "layer: gru reshape (recurrence shape) dead saturated",
            ],
        );
        self.row(
            ("LstmCell", ""),
            given(
                &[16, 8],
                LstmCell::new(8, 8, rng)?,
                move |layer, x, pass| {
                    let (h, c) = (zeros()?, zeros()?);
                    Ok(layer.step(x, &LstmState { h, c }, pass)?.h)
                },
            ),
            &[below, "layer: lstm (recurrence) dead saturated"],
        );
        let below = "below: linear reshape permute (product shape shape)";
        let rnn = Rnn::new(4, 8, rng)?.last_only();
        self.row(
            ("Rnn", ""),
            given(&[16, 3, 4], rnn, Layer::forward),
            &[
                below,
                "layer: rnn_tanh select reshape (recurrence shape shape) dead saturated",
            ],
        );
        let gru = Gru::new(4, 8, rng)?.last_only();
        self.row(
            ("Gru", ""),
            given(&[16, 3, 4], gru, Layer::forward),
            &[
                below,
                "layer: gru select reshape (recurrence shape shape) dead saturated",
            ],
        );
        let lstm = Lstm::builder(4, 4)
            .layers(2)
            .bidirectional()
            .last_only()
            .build(rng)?;
        self.row(
            ("Lstm", "two layers in both directions"),
            given(&[16, 3, 4], lstm, Layer::forward),
            &[
                "below: linear reshape permute flip (product shape shape shape)",
                "layer.weight_ih_l0: lstm (recurrence) dead saturated",
                "layer.weight_ih_l0_reverse: lstm flip (recurrence shape) dead saturated",
                "layer.weight_ih_l1: lstm (recurrence) dead saturated",
                "layer.weight_ih_l1_reverse: lstm cat (recurrence shape) dead saturated",
            ],
        );
        Ok(())
    }

    #[allow(clippy::too_many_lines)] // A table.
    fn attention(&mut self) -> Result<()> {
        let rng = &mut ChaCha8Rng::seed_from_u64(3);
        let attention = MultiHeadAttention::new(8, 2, rng)?;
        self.row(
            ("MultiHeadAttention", ""),
            sequence(attention),
            &[
                "below: linear reshape reshape (product shape shape)",
                "layer (1): linear reshape reshape permute (product shape shape shape)",
                "layer (2): linear reshape reshape permute (product shape shape shape)",
                "layer (3): linear reshape reshape permute scaled_dot_product_attention permute \
                 reshape reshape (product shape shape shape attention shape shape shape) saturated",
                "layer.out_proj: linear reshape reshape (product shape shape)",
            ],
        );
        let positions = LearntPositions::new(4, 8, rng)?;
        self.row(
            ("LearntPositions", ""),
            sequence(positions),
            &[
                "below: linear reshape (product shape)",
                "layer: add reshape (blend shape)",
            ],
        );
        let positions = SinusoidalPositions::new(4, 8)?;
        self.row(
            ("SinusoidalPositions", ""),
            sequence(positions),
            &["below: linear reshape add reshape (product shape blend shape)"],
        );
        self.row(
            ("SwiGlu", ""),
            layer(SwiGlu::new(8, 6, rng)?),
            &[
                "below: linear (product)",
                "layer.gate: linear (product)",
                "layer.up: linear swiglu (product activation)",
                "layer.down: linear (product)",
            ],
        );
        let encoder = TransformerEncoderLayer::new(8, 2, rng)?;
        self.row(
            ("TransformerEncoderLayer", ""),
            sequence(encoder),
            &[
                "below: linear reshape \
         reshape (product shape shape)",
                "layer.self_attn (1): linear reshape reshape permute (product shape shape shape)",
                "layer.self_attn (2): linear reshape reshape permute (product shape shape shape)",
                "layer.self_attn (3): linear reshape reshape permute \
                 scaled_dot_product_attention permute \
                 reshape reshape (product shape shape shape attention shape shape shape) saturated",
                "layer.self_attn.out_proj: linear reshape add (product shape blend)",
                "layer.norm1: layer_norm reshape (normalization shape)",
                "layer.linear1: linear reshape relu (product shape activation) dead saturated",
                "layer.linear2: linear reshape add (product shape blend)",
                "layer.norm2: layer_norm reshape (normalization shape)",
            ],
        );
        let block = TransformerBlock::new(8, 2, rng)?;
        self.row(
            ("TransformerBlock", ""),
            sequence(block),
            &[
                "below: linear reshape (product \
         shape)",
                "layer.attention_norm: rms_norm reshape (normalization shape)",
                "layer.attention (1): linear reshape reshape permute (product shape shape shape)",
                "layer.attention (2): linear reshape reshape permute (product shape shape shape)",
                "layer.attention (3): linear reshape reshape permute \
                 scaled_dot_product_attention permute \
                 reshape reshape (product shape shape shape attention shape shape shape) saturated",
                "layer.attention.out_proj: linear reshape add (product shape blend)",
                "layer.feed_forward_norm: rms_norm reshape (normalization shape)",
                "layer.feed_forward.gate: linear reshape (product shape)",
                "layer.feed_forward.up: linear reshape swiglu reshape (product shape activation \
                 shape)",
                "layer.feed_forward.down: linear reshape add reshape (product shape blend shape)",
            ],
        );
        let decoder = TransformerDecoderLayer::new(8, 2, rng)?;
        self.row(
            ("TransformerDecoderLayer", "the input as memory"),
            given(&[4, 4, 8], decoder, |decoder, x, pass| {
                joined(&decoder.forward(x, x, None, pass)?)
            }),
            &[
                "below: linear reshape reshape (product shape shape)",
                "layer.self_attn (1): linear reshape reshape permute (product shape shape shape)",
                "layer.self_attn (2): linear reshape reshape permute (product shape shape shape)",
                "layer.self_attn (3): linear reshape reshape permute \
                 scaled_dot_product_attention permute \
                 reshape reshape (product shape shape shape attention shape shape shape) saturated",
                "layer.self_attn.out_proj: linear reshape add (product shape blend)",
                "layer.norm1: layer_norm reshape (normalization shape)",
                "layer.multihead_attn (1): linear reshape reshape permute (product shape shape \
                 shape)",
                "layer.multihead_attn (2): linear reshape reshape permute (product shape shape \
                 shape)",
                "layer.multihead_attn (3): linear reshape reshape permute \
                 scaled_dot_product_attention permute \
                 reshape reshape (product shape shape shape attention shape shape shape) saturated",
                "layer.multihead_attn.out_proj: linear reshape add (product shape blend)",
                "layer.norm2: layer_norm reshape (normalization shape)",
                "layer.linear1: linear reshape relu (product shape activation) dead saturated",
                "layer.linear2: linear reshape add (product shape blend)",
                "layer.norm3: layer_norm reshape (normalization shape)",
            ],
        );
        Ok(())
    }

    fn blocks(&mut self) -> Result<()> {
        let build = |mlp: MlpBuilder| mlp.build(&mut ChaCha8Rng::seed_from_u64(3));
        let block = |mlp| -> Result<MlpBlock> { Ok(build(mlp)?.hidden[0].clone()) };
        let mlp = || Mlp::builder([8, 8, 8]);
        self.row(
            ("Residual", ""),
            layer(Residual::new(linear(8, 8)?)),
            &[PLAIN, "layer.body: linear add (product blend)"],
        );
        let residual = Residual::new(linear(8, 8)?).with_shortcut(linear(8, 8)?);
        self.row(
            ("Residual", "with a shortcut, and an activation"),
            layer(Sequential::new().push(residual).push(Relu)),
            &[
                PLAIN,
                "layer.0.body: linear (product)",
                "layer.0.shortcut: linear add relu (product blend activation) dead saturated",
            ],
        );
        self.row(
            ("Sequential", ""),
            layer(Sequential::new().named("inner", linear(8, 8)?)?.push(Gelu)),
            &[
                PLAIN,
                "layer.inner: linear gelu (product activation) dead saturated",
            ],
        );
        self.row(
            ("Mlp", ""),
            layer(build(mlp())?),
            &[
                PLAIN,
                "layer.hidden.0.linear: linear relu (product activation) dead saturated",
                "layer.out: linear (product)",
            ],
        );
        self.row(
            ("MlpBlock", "batch normalization and dropout"),
            layer(block(mlp().batch_norm().dropout(0.5))?),
            &[
                PLAIN,
                "layer.linear: linear (product)",
                "layer.norm: batch_norm relu (normalization activation) dead saturated drift",
            ],
        );
        self.row(
            ("MlpBlock", "normalization behind the activation"),
            layer(block(mlp().rms_norm().norm_after_activation())?),
            &[
                PLAIN,
                "layer.linear: linear relu (product activation) dead saturated",
                "layer.norm: rms_norm (normalization)",
            ],
        );
        Ok(())
    }

    /// Compares the rows of all named activations. Their operations have the same name, except one.
    fn activations(&mut self) -> Result<()> {
        self.covered.insert("Activation");
        for name in Activation::NAMES {
            let activation: Activation = name.parse()?;
            let (_, exported) = activation.type_name().rsplit_once(':').unwrap_or_default();
            let expected = match *name {
                "identity" => PLAIN.to_owned(),
                "softmax" | "log_softmax" => format!("below: linear {name} (product softmax)"),
                "rrelu" => "below: linear prelu (product activation) dead saturated".to_owned(),
                _ => format!("below: linear {name} (product activation) dead saturated"),
            };
            self.row((exported, "by its name"), layer(activation), &[&expected]);
        }
        self.row(
            ("PRelu", "a slope for each channel"),
            layer(PRelu::new(8, 0.25)?),
            &["below: linear prelu (product activation) dead saturated"],
        );
        Ok(())
    }
}

#[test]
fn every_layer_has_the_expected_rows() -> Result<()> {
    let mut table = Table::default();
    table.plain_layers()?;
    table.normalizations()?;
    table.spatial()?;
    table.recurrent()?;
    table.attention()?;
    table.blocks()?;
    table.activations()?;
    assert!(table.wrong.is_empty(), "{}", table.wrong.join("\n\n"));

    let mut exported = exported();
    for (name, reason) in NO_LAYERS {
        assert!(exported.remove(name), "`{name}` ({reason}) is not exported");
    }
    for name in WITH_DIMENSIONS {
        for dimensions in 1..=3 {
            let name = format!("{name}{dimensions}d");
            assert!(exported.remove(&name[..]), "`{name}` is not exported");
        }
    }
    assert_eq!(table.covered, exported, "the table and the exports of `nn`");
    Ok(())
}

/// A custom forward with layers in containers of every kind.
#[test]
fn rows_of_containers_and_raw_parameters() -> Result<()> {
    #[derive(Module)]
    struct Parts {
        maybe: Option<Linear>,
        nothing: Option<Linear>,
        several: Vec<Linear>,
        boxed: Box<dyn Layer>,
        pair: (Linear, PRelu),
        frozen: Frozen<Sequential>,
        weight: Param,
        bias: Param,
        gamma: Param,
        masked: Param,
    }
    let net = Parts {
        maybe: Some(linear(6, 8)?),
        nothing: None,
        several: vec![linear(8, 8)?, linear(8, 8)?],
        boxed: Box::new(linear(8, 8)?),
        pair: (linear(8, 8)?, PRelu::default()),
        frozen: Frozen::new(
            Sequential::new()
                .push(linear(8, 8)?)
                .push(BatchNorm::new(8)?),
        ),
        weight: Param::new(&input(&[8, 8])?),
        bias: Param::new(&Tensor::zeros([8], DType::F32)?),
        gamma: Param::new(&Tensor::ones([8], DType::F32)?),
        masked: Param::new(&input(&[5, 8])?),
    };
    let (x, mask) = (input(&[16, 6])?, Tensor::ones([5, 8], DType::F32)?);
    let report = signal::inspect(&net, |net, pass| {
        assert!(net.nothing.is_none());
        let x = net.maybe.forward(&x, pass)?;
        let x = net.several[0].forward(&x, pass)?.relu();
        let x = net.several[1].forward(&x, pass)?;
        let x = net.boxed.forward(&x, pass)?.tanh();
        let x = net.pair.1.forward(&net.pair.0.forward(&x, pass)?, pass)?;
        let x = net.frozen.forward(&x, pass)?.relu();
        // A product and a normalization in one module have a row each; the bias belongs to the
        // product's row.
        let x = x
            .matmul(&net.weight.read(pass))?
            .add(&net.bias.read(pass))?
            .rms_norm([8], Some(&net.gamma.read(pass)), 1e-6)?
            .sigmoid();
        // A parameter that is masked, dropped out and normalized still counts as the parameter.
        let masked = net
            .masked
            .read(pass)
            .mul(&mask)?
            .rms_norm([8], None, 1e-6)?;
        let masked = pass.dropout(&masked, 0.25)?;
        x.linear(&masked, None)?.cross_entropy(&labels())
    })?;
    let expected = [
        "maybe: linear (product)",
        "several.0: linear relu (product activation) dead saturated",
        "several.1: linear (product)",
        "boxed: linear tanh (product activation) dead saturated",
        "pair.0: linear prelu (product activation) dead saturated",
        "frozen.0: linear (product)",
        "frozen.1: batch_norm relu (normalization activation) dead saturated drift",
        "weight: matmul add (product blend)",
        "gamma: rms_norm sigmoid (normalization activation) dead saturated",
        "masked: linear (product)",
    ];
    assert_eq!(rows(&report), expected, "{report}");
    Ok(())
}

/// A loss does not continue the row of the model's output, whether it is fused or composed.
#[test]
fn a_loss_does_not_continue_a_row() -> Result<()> {
    type Loss = fn(&Tensor, &Tensor) -> Result<Tensor>;
    let losses: [(&str, Loss); 7] = [
        ("mse_loss", |y, t| y.mse_loss(t)),
        ("l1_loss", |y, t| y.l1_loss(t)),
        ("huber_loss", |y, t| y.huber_loss(t, 1.0)),
        ("bce_with_logits", |y, t| y.bce_with_logits(&t.sigmoid())),
        ("squares", |y, t| Ok(y.sub(t)?.square().mean())),
        // Operations that are activations elsewhere do not continue it either.
        ("epsilon-insensitive", |y, t| {
            Ok(y.sub(t)?.abs().add_scalar(-0.1).relu().mean())
        }),
        ("between two outputs", |y, _| y.mse_loss(&y.mul_scalar(0.5))),
    ];
    let (net, x, targets) = (linear(6, 3)?, input(&[16, 6])?, input(&[16, 3])?);
    for (name, loss) in losses {
        let report = signal::inspect(&net, |net, pass| loss(&net.forward(&x, pass)?, &targets))?;
        let operations = &report.layers[0].operations;
        let expected: &[&str] = match name {
            "between two outputs" => &["linear", "mul_scalar"],
            _ => &["linear"],
        };
        assert_eq!(operations, expected, "{name}\n{report}");
    }
    Ok(())
}

/// The verdict depends on the output of a normalization, not on the scale of its input or on its
/// parameters.
#[test]
fn normalizations_with_and_without_parameters_get_the_same_verdict() -> Result<()> {
    let with = LayerNorm::builder([8]).no_bias().build()?;
    let without = LayerNorm::builder([8]).no_affine().build()?;
    let rms = RmsNorm::builder([8]).no_affine().build()?;
    let (x, last) = (input(&[16, 6])?, linear(8, 5)?);
    let below = Linear::builder(6, 8).weight(init::normal(1e5));
    let below = below.build(&mut ChaCha8Rng::seed_from_u64(2))?;
    let net = Sequential::new().push(below);
    let nets = [
        net.clone().push(with),
        net.clone().push(without),
        net.push(rms),
    ];
    for net in nets {
        let net = net.push(last.clone());
        let report = signal::inspect(&net, |net, pass| {
            net.forward(&x, pass)?.cross_entropy(&labels())
        })?;
        assert!(report.findings.is_empty(), "{report}");
        let normalized = report.layers.iter().rev().nth(1).expect("a row");
        assert!((normalized.activation.rms - 1.0).abs() < 0.01, "{report}");
        assert!(normalized.gradient.is_some(), "{report}");
    }
    Ok(())
}

#[test]
fn a_model_that_is_one_batch_normalization_reports_its_drift() -> Result<()> {
    let (net, x) = (BatchNorm::new(6)?, input(&[16, 6])?);
    let report = signal::inspect(&net, |net, pass| Ok(net.forward(&x, pass)?.square().mean()))?;
    assert!(report.layers[0].drift.is_some(), "{report}");
    Ok(())
}
