//! The rules for written text that a machine can check: lines of at most 100 columns, no phrases
//! that the style excludes, no broken links between files or in the docs, pages of the guide of a
//! bounded length, and embedded images that equal the files. `.ci/prose` and `.ci/docs` run parts of
//! it.

#[path = "prose/docs.rs"]
mod docs;
#[path = "prose/markdown.rs"]
mod markdown;
#[path = "prose/pages.rs"]
mod pages;
#[path = "prose/rules.rs"]
mod rules;

use rules::{Kind, faults};
use std::path::{Path, PathBuf};

/// The files that no rule applies to: this test's lists of phrases, and generated text.
const EXEMPT: [&str; 3] = ["tests/prose.rs", "tests/prose/rules.rs", "docs/embedded/"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the workspace")
}

/// All files of the workspace that people write, by their path from the root.
fn files(folder: &Path, found: &mut Vec<(String, PathBuf)>) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if path.is_dir() {
            if name != "target" && name != ".git" && name != "__pycache__" {
                files(&path, found);
            }
        } else {
            let shown = path.strip_prefix(root()).expect("a path below the root");
            found.push((shown.to_string_lossy().into_owned(), path));
        }
    }
}

#[test]
#[ignore = "`.ci/prose` runs it"]
fn all_files_follow_the_rules() {
    let mut found = Vec::new();
    files(root(), &mut found);
    found.sort();
    let mut all = Vec::new();
    for (name, path) in found {
        if EXEMPT.iter().any(|exempt| name.starts_with(exempt)) {
            continue;
        }
        let Ok(text) = std::fs::read_to_string(&path) else {
            continue;
        };
        if let Some(kind) = Kind::of(&name, &text) {
            let here = faults(kind, &text).into_iter();
            all.extend(here.map(|(line, fault)| format!("{name}:{line}: {fault}")));
        }
    }
    assert!(all.is_empty(), "{} faults:\n{}", all.len(), all.join("\n"));
}
