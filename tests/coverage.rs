//! No operation without its tests: every public function of `core/src/ops` is run by a gradient
//! check and held against golden values by the registry of operations, or says there why not. The
//! functions are read from the sources, so that a new one cannot be forgotten.

use std::collections::{BTreeMap, BTreeSet};
use support::operations::{Entry, Part, registry};
use support::sources::{called_in, public_functions};

mod support {
    pub mod operations;
    pub mod sources;
}

/// The names of the operations, and whether their documentation has an example.
fn operations() -> BTreeMap<String, bool> {
    public_functions("ops")
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
fn every_entry_is_of_an_operation() {
    let operations = operations();
    let unknown = |entry: &Entry| !operations.contains_key(entry.function);
    let unknown: Vec<_> = registry()
        .into_iter()
        .filter(unknown)
        .map(|entry| entry.function)
        .collect();
    assert!(unknown.is_empty(), "there is no {unknown:?}");
}

/// The operations that no entry runs in any of these parts, and none excuses from the first; and
/// those that are excused and run all the same.
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

/// The options of losses: the examples stand with the structs.
const OPTIONS: &[&str] = &[
    "new",
    "loss",
    "reduction",
    "delta",
    "log_target",
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
