//! A folder of `core/src` uses only folders below it, and the files of some folders have no
//! circular dependencies. `.ci/floors` prints which folder uses which.

#[path = "floors/uses.rs"]
mod uses;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use uses::{Crate, Edge};

/// The folders and single files of `core/src`, from the top. `lib.rs` has no floor, because it
/// names all of them.
const FLOORS: [&str; 13] = [
    "model",
    "gradcheck",
    "state",
    "module",
    "transform",
    "exchange",
    "ops",
    "autograd",
    "tensor",
    "disk",
    "error",
    "shape",
    "kernel",
];

/// The folders whose files must have no circular dependencies.
const WITHOUT_CIRCLES: [&str; 6] = ["state", "module", "transform", "tensor", "shape", "kernel"];

/// Returns the floor of a file: its folder, or the name of a single file.
fn floor(file: &str) -> &str {
    let end = file.find(['/', '.']).unwrap_or(file.len());
    &file[..end]
}

/// Returns the position of a floor, counted from the top.
fn height(floor: &str) -> Result<usize, String> {
    let place = FLOORS.iter().position(|&known| known == floor);
    place.ok_or_else(|| format!("`{floor}` is not listed in FLOORS"))
}

/// Returns the uses of a higher floor, and the uses by or of folders that are not listed.
fn upward(edges: &BTreeSet<Edge>) -> Vec<String> {
    let edges = edges.iter().filter(|(from, _)| from != "lib.rs");
    let wrong = edges.filter_map(
        |(from, to)| match (height(floor(from)), height(floor(to))) {
            (Err(reason), _) | (_, Err(reason)) => Some(format!("{from} uses {to}: {reason}")),
            (Ok(own), Ok(used)) if used < own => {
                Some(format!("{from} uses {to}, which is above it"))
            }
            _ => None,
        },
    );
    wrong.collect()
}

/// Returns circular dependencies among the files of a floor: at least one if there are any, not
/// necessarily all.
fn circles(edges: &BTreeSet<Edge>, of: &str) -> Vec<String> {
    let mut uses = BTreeMap::<&str, Vec<&str>>::new();
    for (from, to) in edges {
        if floor(from) == of && floor(to) == of {
            uses.entry(from).or_default().push(to);
        }
    }
    let (mut done, mut found) = (BTreeSet::new(), Vec::new());
    for &file in uses.keys() {
        if !done.contains(file) {
            follow(&uses, &mut vec![file], &mut done, &mut found);
        }
    }
    found
}

/// Searches depth first from the last file of `way`. Files that are searched to the end are `done`.
fn follow<'a>(
    uses: &BTreeMap<&'a str, Vec<&'a str>>,
    way: &mut Vec<&'a str>,
    done: &mut BTreeSet<&'a str>,
    found: &mut Vec<String>,
) {
    let file = way[way.len() - 1];
    for &used in uses.get(file).into_iter().flatten() {
        if let Some(start) = way.iter().position(|&earlier| earlier == used) {
            found.push(format!("{} → {used}", way[start..].join(" → ")));
        } else if !done.contains(used) {
            way.push(used);
            follow(uses, way, done, found);
            way.pop();
        }
    }
    done.insert(file);
}

/// Returns all faults of a crate.
fn faults(of: &Crate) -> Vec<String> {
    let edges = of.edges();
    let mut faults = upward(&edges);
    for folder in WITHOUT_CIRCLES {
        faults.extend(circles(&edges, folder));
        let hidden = of.globs().into_iter().filter(|file| floor(file) == folder);
        faults.extend(
            hidden.map(|file| {
                format!("{file}: `*` or a macro hides which items of a module it uses")
            }),
        );
    }
    faults
}

/// Returns a line for each floor with the number of its uses of each other floor.
fn table(edges: &BTreeSet<Edge>) -> String {
    let mut lines = Vec::new();
    for from in FLOORS {
        let mut counts = BTreeMap::<usize, usize>::new();
        for (user, used) in edges {
            if floor(user) == from && floor(used) != from {
                let place = height(floor(used)).unwrap_or(FLOORS.len());
                *counts.entry(place).or_default() += 1;
            }
        }
        let used = counts.iter().map(|(&place, count)| {
            let name = FLOORS.get(place).unwrap_or(&"?");
            format!("{name} {count}")
        });
        let used: Vec<String> = used.collect();
        lines.push(format!("{from:<10} uses {}", used.join(", ")));
    }
    lines.join("\n")
}

fn core() -> Crate {
    Crate::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../core/src"))
}

#[test]
fn floors_use_only_lower_floors() {
    let core = core();
    let (edges, faults) = (core.edges(), faults(&core));
    println!("Uses of files of other floors:\n{}", table(&edges));
    assert!(edges.len() > 300, "only {} uses were found", edges.len());
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

/// Returns the faults of a crate with these files, given as name and text.
fn faults_of(files: &[(&str, &str)]) -> Vec<String> {
    faults(&Crate::of(files))
}

const ROOT: (&str, &str) = ("lib.rs", "mod kernel; mod tensor; pub use tensor::Array;");
const KERNEL: (&str, &str) = (
    "kernel/mod.rs",
    "mod gemm; mod tile; pub use gemm::Matrix; pub(crate) use tile::tile;",
);
const TENSOR: (&str, &str) = ("tensor/mod.rs", "mod array; pub use array::Array;");
const ARRAY: (&str, &str) = (
    "tensor/array.rs",
    "use crate::kernel::Matrix; pub struct Array;",
);

/// Returns the faults of a small crate with these texts for two files of its folder `kernel`.
fn faults_with(gemm: &str, tile: &str) -> Vec<String> {
    faults_of(&[
        ROOT,
        KERNEL,
        TENSOR,
        ARRAY,
        ("kernel/gemm.rs", gemm),
        ("kernel/tile.rs", tile),
    ])
}

const UPWARD: &str = "kernel/tile.rs uses tensor/array.rs, which is above it";
const CIRCLE: &str = "kernel/gemm.rs → kernel/tile.rs → kernel/gemm.rs";

#[test]
fn uses_of_lower_floors_and_of_neighbours_are_no_faults() {
    let gemm = "use super::tile; use std::{fmt, ops::{Add, Mul as Times}}; pub struct Matrix;
        fn f() { tile::tile() }";
    assert_eq!(
        faults_with(gemm, "use self::own::f; mod own { pub fn f() {} }"),
        [""; 0]
    );
}

#[test]
fn upward_uses_are_found_in_every_notation() {
    for tile in [
        "use crate::tensor::Array;",
        "use crate::tensor::array::Array as Other;",
        "use crate::{kernel::Matrix, tensor::{self, Array}};",
        "use crate::Array;",
        "use crate::tensor; fn f() { tensor::array::of() }",
        "fn f() { let x = [crate::tensor::Array::new()]; }",
        "fn f(x: &super::super::tensor::Array) {}",
        "mod inner { impl super::super::super::tensor::array::Trait for X {} }",
        "macro_rules! of { ($x:expr) => { $crate::tensor::Array::of($x) }; }",
        "#[cfg(feature = \"npy\")] use crate::Array;",
    ] {
        assert_eq!(faults_with("", tile), [UPWARD], "{tile}");
    }
}

#[test]
fn tests_and_documentation_may_use_anything() {
    let tile = "
        //! As [`Array`](crate::tensor::Array).
        /// `crate::tensor::Array`
        pub(in crate::tensor) fn tile() {} // crate::tensor::Array
        #[cfg(test)]
        use crate::tensor::Array;
        #[cfg(test)]
        mod tests { use super::*; use crate::{Array, kernel::gemm}; }
        #[test]
        fn test() { crate::tensor::Array::new(); }";
    assert_eq!(faults_with("use super::tile;", tile), [""; 0]);
}

#[test]
fn circles_are_found_in_every_notation() {
    for tile in [
        "use crate::kernel::gemm::Matrix;",
        // Through a re-export of the folder, also under another name.
        "use crate::kernel::Matrix;",
        "use super::{Matrix as Operand};",
        "fn f(x: super::Matrix) {}",
        "use super::gemm; fn f() { gemm::gemm() }",
        "use crate::kernel; fn f(x: kernel::Matrix) {}",
    ] {
        for gemm in ["use super::tile::tile;", "fn f() { super::tile() }"] {
            assert_eq!(faults_with(gemm, tile), [CIRCLE], "{gemm} {tile}");
        }
    }
    let longer = faults_of(&[
        ("lib.rs", "mod module;"),
        (
            "module/mod.rs",
            "mod a; mod b; mod c; pub use {a::A, b::B, c::C};",
        ),
        ("module/a.rs", "use super::B;"),
        ("module/b.rs", "use crate::module::C;"),
        ("module/c.rs", "fn c(a: super::A) {}"),
    ]);
    assert_eq!(
        longer,
        ["module/a.rs → module/b.rs → module/c.rs → module/a.rs"]
    );
}

#[test]
fn a_folder_and_its_file_can_form_a_circle() {
    let found = faults_of(&[
        ("lib.rs", "mod state;"),
        (
            "state/mod.rs",
            "mod read; use read::bytes; pub fn load() { bytes() } pub struct State;",
        ),
        ("state/read.rs", "use super::State;"),
    ]);
    assert_eq!(found, ["state/mod.rs → state/read.rs → state/mod.rs"]);
}

#[test]
fn hidden_uses_and_unlisted_folders_are_faults() {
    for tile in [
        "use super::*;",
        "use crate::kernel; macro_rules! f { ($m:ident) => { kernel::$m() }; }",
    ] {
        let faults = faults_with("", tile);
        assert_eq!(faults.len(), 1, "{tile}: {faults:?}");
        assert!(
            faults[0].starts_with("kernel/tile.rs: `*` or a macro hides"),
            "{faults:?}"
        );
    }
    let faults = faults_of(&[
        ("lib.rs", "mod attic; mod shape;"),
        ("attic.rs", "use crate::shape::Shape;"),
        ("shape/mod.rs", "pub struct Shape;"),
    ]);
    assert_eq!(
        faults,
        ["attic.rs uses shape/mod.rs: `attic` is not listed in FLOORS"]
    );
}
