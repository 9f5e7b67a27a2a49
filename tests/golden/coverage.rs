//! No layer without golden values: every type that `nn` exports is built by a row of PyTorch's
//! table, or stands below with the reason why not. The names are read from the sources, so that a
//! new layer cannot be forgotten.

use crate::table;
use std::collections::BTreeSet;

/// What is exported and has no row of its own, by reason.
const NO_ROW: &[(&str, &[&str])] = &[
    (
        "builds a layer that has rows",
        &[
            "BatchNormBuilder",
            "EmbeddingBuilder",
            "LayerNormBuilder",
            "LinearBuilder",
            "MlpBuilder",
            "RmsNormBuilder",
            "RnnCellBuilder",
        ],
    ),
    (
        "is whichever layer it holds, and is called so",
        &["Activation", "Normalization"],
    ),
    ("is a part of `Mlp`", &["MlpBlock"]),
    ("is no layer", &["Init", "Layer", "Module", "recalibrate"]),
];

/// The names that a library's root exports: the last of each path, or those in its braces. Not
/// whole crates, which it passes on under a name of its own.
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
    // One of each way to write it.
    assert!(
        exported.contains("PRelu") && exported.contains("BatchNorm"),
        "{exported:?}"
    );
    let built = table::layers().into_iter().map(|(case, build)| {
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
