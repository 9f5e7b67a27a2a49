//! The lists of the guide name every public layer, activation, loss, initializer, optimizer,
//! schedule and metric, and nothing else. The public items are read from the sources.

use super::support::sources::{exports, functions_without_self};
use std::collections::BTreeSet;
use std::path::Path;

type Names = BTreeSet<String>;

/// Exports of `nn` that are no layers: the kinds of options and states, functions, and derives.
/// Builders and the types behind numbered ones, such as `Conv`, are left out by their names.
const BESIDE_LAYERS: &[&str] = &[
    "Activation",
    "Init",
    "KeyValueCache",
    "Layer",
    "LstmState",
    "MlpBlock",
    "Module",
    "Normalization",
    "RecurrentWeights",
    "key_mask",
    "recalibrate",
];

/// Exports of `optim` that are no optimizers and nothing around one: the parts of custom
/// optimizers, results, and options.
const BESIDE_OPTIMIZERS: &[&str] = &[
    "Algorithm",
    "Elementwise",
    "LbfgsBuilder",
    "LbfgsEnd",
    "LbfgsReport",
    "MuonScale",
    "Optimizer",
    "ParamState",
    "ParamStep",
    "Rule",
    "Schedule",
    "Settings",
    "StepInfo",
    "Stepper",
];

/// Methods that make a schedule of others.
const COMBINATIONS: &[&str] = &["then", "times"];

fn read(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Returns the cells of the tables of a page, without their heads.
fn rows(page: &str) -> Vec<Vec<String>> {
    let text = read(&format!("guide/lists/{page}.md"));
    let (mut rows, mut in_table) = (Vec::new(), false);
    for line in text.lines() {
        let Some(line) = line.strip_prefix("| ") else {
            in_table = line.starts_with("|-");
            continue;
        };
        if in_table {
            let line = line.strip_suffix(" |").expect("a row ends with a bar");
            rows.push(line.split(" | ").map(str::to_owned).collect());
        }
    }
    assert!(!rows.is_empty(), "{page} has no table");
    rows
}

/// Returns the names in the links of a column.
fn column(page: &str, number: usize) -> Names {
    let cells = rows(page).into_iter().map(|row| row[number].clone());
    let names = |cell: String| {
        let links = cell.split("[`").skip(1);
        let names = links.filter_map(|link| Some(link.split_once("`]")?.0.to_owned()));
        names.collect::<Vec<_>>()
    };
    cells.flat_map(names).collect()
}

/// Returns the methods of a tensor below a heading of the list of operations.
fn methods(heading: &str) -> Names {
    let listed = read("src/guide/operations.md");
    let start = format!("# {heading}\n");
    let (_, section) = listed.split_once(&start).expect("a heading of the list");
    let section = section.split("\n# ").next().unwrap_or_default();
    let names = section.split('`').skip(1).step_by(2);
    names.map(str::to_owned).collect()
}

fn without(mut names: Names, others: &[&str]) -> Names {
    for &other in others {
        assert!(names.remove(other), "there is no {other}");
    }
    names
}

#[track_caller]
fn assert_same(page: &str, listed: &Names, public: &Names) {
    let missing: Vec<_> = public.difference(listed).collect();
    let unknown: Vec<_> = listed.difference(public).collect();
    assert!(
        missing.is_empty() && unknown.is_empty(),
        "guide/lists/{page}.md: without a row {missing:?}, not public {unknown:?}"
    );
}

#[test]
fn every_layer_and_activation_is_listed() {
    let all = exports("../nn/src/lib.rs");
    let numbered = |name: &String| all.contains(&format!("{name}1d"));
    let is_layer = |name: &&String| !name.ends_with("Builder") && !numbered(name);
    let public = all.iter().filter(is_layer).cloned().collect();
    let public = without(public, BESIDE_LAYERS);

    let is_type = |name: &String| name.starts_with(char::is_uppercase);
    let (mut listed, functions): (Names, Names) =
        column("activations", 0).into_iter().partition(is_type);
    listed.extend(column("layers", 0));
    assert_same("layers", &listed, &public);
    assert_same("activations", &functions, &methods("Activations"));
}

#[test]
fn every_loss_is_listed() {
    let all = exports("../core/src/lib.rs");
    let builders = all.into_iter().filter(|name| name.ends_with("Loss"));
    let mut public = without(methods("Losses"), &["accuracy"]);
    public.extend(builders);
    let listed = without(column("losses", 0), &["cosine_similarity"]);
    assert_same("losses", &listed, &public);
}

#[test]
fn every_initializer_is_listed() {
    let public = functions_without_self("../nn/src/init/mod.rs");
    assert_same("initializers", &column("initializers", 0), &public);
}

#[test]
fn every_optimizer_is_listed() {
    let listed = column("optimizers", 0);
    let is_clip = |name: &&String| name.starts_with("clip::");
    let (clips, optimizers): (BTreeSet<_>, BTreeSet<_>) = listed.iter().partition(is_clip);
    let owned = |names: BTreeSet<&String>| names.into_iter().cloned().collect();
    let public = without(exports("../optim/src/lib.rs"), BESIDE_OPTIMIZERS);
    assert_same("optimizers", &owned(optimizers), &public);

    let public = functions_without_self("../optim/src/clip.rs");
    let public = public.iter().map(|name| format!("clip::{name}")).collect();
    assert_same("optimizers", &owned(clips), &public);
}

#[test]
fn every_schedule_is_listed() {
    let public = functions_without_self("../optim/src/schedule");
    let public = without(public, &["range_test"]);
    let listed = without(column("schedules", 0), COMBINATIONS);
    assert_same("schedules", &listed, &public);
}

#[test]
fn every_metric_is_listed() {
    let public = without(exports("../train/src/metrics/mod.rs"), &["ClassMean"]);
    assert_same("metrics", &column("metrics", 0), &public);
}

/// A row says of each framework either its names or `none`.
#[test]
fn every_row_names_both_frameworks() {
    for page in [
        "layers",
        "activations",
        "losses",
        "initializers",
        "optimizers",
        "schedules",
        "metrics",
    ] {
        for row in rows(page) {
            for cell in &row[row.len() - 2..] {
                let is_named = cell.starts_with('`') && cell.ends_with('`');
                assert!(is_named || cell == "none", "{page}: {row:?}");
            }
        }
    }
}
