//! No operation without its tests: every public function of `core/src/ops` is run by the table of
//! gradient checks and by the table of golden values, or stands in a list below with the reason why
//! not. The functions are read from the sources, so that a new one cannot be forgotten.

use std::collections::BTreeMap;
use support::sources::{self, public_functions};

mod support {
    pub mod sources;
}

/// What has no gradient, by reason. Where PyTorch has it, golden values are asked for all the same.
const NO_GRADIENT: &[(&str, &[&str])] = &[
    ("gives truth values", COMPARISONS),
    ("gives indices", &["argmax", "argmin"]),
    ("gives numbers", &["sum_of_squares", "to_vec2"]),
    ("is made from no tensor", MADE),
    (
        "is made from no tensor",
        &["arange", "linspace", "eye", "one_hot", "to_tensor"],
    ),
    ("is made from no tensor", &["normal", "uniform"]),
    (
        "rounds, which numeric differences see: a test of its own in `support/laws.rs`",
        &["to_dtype"],
    ),
];

/// What has no golden values, by reason.
const NO_GOLDEN: &[(&str, &[&str])] = &[
    (
        "gives truth values: held against loops in `masks.rs`",
        COMPARISONS,
    ),
    (
        "chooses between values that are given: held against loops",
        &["select", "masked_fill"],
    ),
    (
        "draws random numbers, other than PyTorch's",
        &["dropout", "alpha_dropout", "rrelu", "normal", "uniform"],
    ),
    (
        "gives numbers: held against others where it is defined",
        &["sum_of_squares", "to_vec2"],
    ),
    ("is made from values that are given", MADE),
    ("is made from truth values that are given", &["to_tensor"]),
];

const COMPARISONS: &[&str] = &["lt", "le", "gt", "ge", "eq", "ne"];
const MADE: &[&str] = &[
    "from_vec",
    "from_slice",
    "scalar",
    "full",
    "zeros",
    "ones",
    "from_fn",
];

/// The names of the operations, and whether their documentation has an example.
fn operations() -> BTreeMap<String, bool> {
    public_functions("ops")
}

#[track_caller]
fn all_called(folder: &str, exceptions: &[(&str, &[&str])]) {
    let run = sources::all_called(folder);
    let operations = operations();
    let mut excused = BTreeMap::new();
    for (reason, names) in exceptions {
        for name in *names {
            assert!(
                operations.contains_key(*name),
                "there is no `{name}` to be excused"
            );
            assert!(
                excused.insert((*name).to_owned(), *reason).is_none(),
                "`{name}` is excused twice"
            );
        }
    }
    let missing: Vec<&String> = operations
        .keys()
        .filter(|name| !run.contains(*name) && !excused.contains_key(*name))
        .collect();
    assert!(missing.is_empty(), "nothing in {folder} runs {missing:?}");
}

#[test]
fn the_list_of_operations_is_found() {
    let found = operations();
    // One of each way in which they are written: a method, a row of each macro.
    for name in ["matmul", "exp", "relu", "maximum", "batch_norm"] {
        assert!(found.contains_key(name), "{found:?}");
    }
    assert!(found.len() > 150, "{} {found:?}", found.len());
}

#[test]
fn every_operation_has_a_gradient_check() {
    all_called("support/operations", NO_GRADIENT);
}

#[test]
fn every_operation_has_golden_values() {
    all_called("golden", NO_GOLDEN);
}

/// The options of losses: the examples stand with the structs.
const OPTIONS: &[&str] = &[
    "new",
    "loss",
    "reduction",
    "weight",
    "class_weights",
    "positive_weight",
    "ignore_label",
    "label_smoothing",
];

#[test]
fn every_operation_has_an_example() {
    let without: Vec<String> = operations()
        .into_iter()
        .filter(|(name, example)| !example && !OPTIONS.contains(&&name[..]))
        .map(|(name, _)| name)
        .collect();
    assert!(without.is_empty(), "{without:?}");
}
