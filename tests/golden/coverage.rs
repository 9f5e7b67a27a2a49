//! Every layer that `nn` exports has golden values, or a reason below. The names are read from the
//! sources, so that no new layer is missed.

use crate::table;
use std::collections::BTreeSet;

/// Exports without a row, by reason.
const NO_ROW: &[(&str, &[&str])] = &[
    (
        "builder of a layer that has rows",
        &[
            "BatchNormBuilder",
            "ConvBuilder",
            "EmbeddingBuilder",
            "GroupNormBuilder",
            "InstanceNormBuilder",
            "LayerNormBuilder",
            "LinearBuilder",
            "MlpBuilder",
            "MultiHeadAttentionBuilder",
            "RecurrentBuilder",
            "RmsNormBuilder",
            "TransformerBlockBuilder",
            "TransformerDecoderLayerBuilder",
            "TransformerEncoderLayerBuilder",
        ],
    ),
    (
        "a layer for one number of spatial axes",
        &[
            "AdaptiveAvgPool1d",
            "AdaptiveAvgPool2d",
            "AdaptiveAvgPool3d",
            "AdaptiveMaxPool1d",
            "AdaptiveMaxPool2d",
            "AdaptiveMaxPool3d",
            "AvgPool1d",
            "AvgPool2d",
            "AvgPool3d",
            "Conv1d",
            "Conv2d",
            "Conv3d",
            "ConvTranspose1d",
            "ConvTranspose2d",
            "ConvTranspose3d",
            "MaxPool1d",
            "MaxPool2d",
            "MaxPool3d",
            "Upsample1d",
            "Upsample2d",
            "Upsample3d",
        ],
    ),
    (
        "enum of layers, with their type names",
        &["Activation", "Normalization"],
    ),
    ("part of `Mlp`", &["MlpBlock"]),
    (
        "part of attention",
        &["KeyValueCache", "Rotary", "key_mask"],
    ),
    (
        "part of recurrent layers",
        &["LstmState", "RecurrentWeights"],
    ),
    ("not a layer", &["Init", "Layer", "Module", "recalibrate"]),
];

/// Returns the names that the root of a library exports with `pub use`, except whole crates.
fn exported(source: &str) -> BTreeSet<&str> {
    let uses = source.split("\npub use ").skip(1);
    let paths = uses.filter_map(|rest| rest.split(';').next());
    let paths = paths.filter(|path| path.contains("::"));
    let names = paths.filter_map(|path| path.rsplit("::").next());
    names
        .flat_map(|names| names.trim_matches(['{', '}']).split(','))
        .map(str::trim)
        .filter(|name| !name.is_empty())
        .collect()
}

#[test]
fn every_layer_has_golden_values() {
    let source = include_str!("../../nn/src/lib.rs");
    let exported = exported(source);
    // One for each notation.
    assert!(
        exported.contains("PRelu") && exported.contains("BatchNorm"),
        "{exported:?}"
    );
    let rows = table::layers().into_iter().chain(table::spatial());
    let rows = rows
        .chain(table::transformer())
        .chain(table::convolutional());
    let built = rows.map(|(case, build)| {
        let subject = build(case).unwrap_or_else(|error| panic!("{case}: {error}"));
        let name = subject.module().type_name();
        let name = name.split('<').next().unwrap_or(name);
        name.rsplit("::").next().unwrap_or(name)
    });
    let built: BTreeSet<_> = built.collect();
    let excused: BTreeSet<_> = NO_ROW
        .iter()
        .flat_map(|(_, names)| *names)
        .copied()
        .collect();
    let without: Vec<_> = exported
        .iter()
        .filter(|name| !built.contains(*name) && !excused.contains(*name))
        .collect();
    assert!(without.is_empty(), "no golden row builds {without:?}");
    let gone: Vec<_> = excused.difference(&exported).collect();
    assert!(gone.is_empty(), "excused, but not exported: {gone:?}");
    let both: Vec<_> = built.intersection(&excused).collect();
    assert!(both.is_empty(), "excused, but there is a row for {both:?}");
}
