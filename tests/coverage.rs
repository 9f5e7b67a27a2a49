//! Every public function of `core/src/ops` has a gradient check, golden values, drawn arguments and
//! extreme values in the registry of operations, or gives a reason there. The functions are read
//! from the sources, so that no new one is missed. The guide's lists have all of them too, and all
//! layers, initializers, optimizers, schedules and metrics.

use std::collections::{BTreeMap, BTreeSet};
use support::operations::{Entry, Part, registry};
use support::sources::{called_in, public_functions};

mod support {
    pub mod operations;
    pub mod sources;
}

#[path = "names/lists.rs"]
mod lists;
#[path = "names/pytorch.rs"]
mod names;

/// Returns the names of the operations, and whether their documentation has an example.
fn operations() -> BTreeMap<String, bool> {
    public_functions("ops")
}

#[test]
fn operations_are_read_from_the_sources() {
    let found = operations();
    // One for each way to define an operation: a method, and a row of each macro.
    for name in ["matmul", "exp", "relu", "maximum", "batch_norm"] {
        assert!(found.contains_key(name), "{found:?}");
    }
    assert!(found.len() > 150, "{} {found:?}", found.len());
}

#[test]
fn every_entry_names_an_operation() {
    let operations = operations();
    let unknown = |entry: &Entry| !operations.contains_key(entry.function);
    let unknown: Vec<_> = registry()
        .into_iter()
        .filter(unknown)
        .map(|entry| entry.function)
        .collect();
    assert!(unknown.is_empty(), "there is no {unknown:?}");
}

/// Returns the operations that no entry runs in any of these parts although none excuses them from
/// the first, and the operations that are excused but run.
fn missing(parts: &[Part]) -> Vec<String> {
    let (entries, mut run) = (registry(), BTreeSet::new());
    let (mut own, mut excused) = (BTreeSet::new(), BTreeSet::new());
    for entry in &entries {
        for text in parts.iter().map(|&part| entry.calls[part as usize]) {
            if !text.is_empty() {
                own.insert(entry.function);
                run.extend(called_in(text));
            }
        }
        if entry.without.iter().any(|(part, _)| *part == parts[0]) {
            excused.insert(entry.function);
        }
    }
    let wrong = |name: &String| {
        let (own, excused) = (own.contains(&name[..]), excused.contains(&name[..]));
        if own {
            excused
        } else {
            !excused && !run.contains(name)
        }
    };
    operations().into_keys().filter(wrong).collect()
}

#[test]
fn every_operation_has_a_gradient_check() {
    assert_eq!(missing(&[Part::Check]), [""; 0]);
}

#[test]
fn every_operation_has_golden_values() {
    assert_eq!(missing(&[Part::Golden]), [""; 0]);
}

#[test]
fn every_operation_is_drawn() {
    assert_eq!(missing(&[Part::Draw]), [""; 0]);
}

#[test]
fn every_operation_is_run_on_extreme_values() {
    assert_eq!(missing(&[Part::Extreme, Part::Check]), [""; 0]);
}

/// The options of builders: their examples are in the documentation of the structs.
const OPTIONS: &[&str] = &[
    "new",
    "loss",
    "reduction",
    "delta",
    "margin",
    "squared",
    "epsilon",
    "swap",
    "full",
    "rates",
    "alpha",
    "gamma",
    "unbalanced",
    "blank",
    "zero_infinity",
    "log_target",
    "class_weights",
    "positive_weight",
    "ignore_label",
    "label_smoothing",
    "stride",
    "padding",
    "dilation",
    "same",
    "same_strided",
    "padding_mode",
    "groups",
    "output_padding",
    "ceil_mode",
    "exclude_padding",
    "divisor",
    "causal",
    "causal_from",
    "mask",
    "additive_mask",
    "scale",
    "attend",
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
