//! Reads the names of public functions, and of the functions that tests call, from the sources, so
//! that no new function is missed.

#![allow(dead_code)] // Each test uses a part.

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Reads the Rust files of a folder, or a single file; the path is relative to `tests`.
fn sources(folder: &str) -> Vec<(PathBuf, TokenStream)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let mut files = Vec::new();
    let mut open = vec![root];
    while let Some(path) = open.pop() {
        if path.is_dir() {
            open.extend(
                std::fs::read_dir(&path)
                    .unwrap()
                    .map(|entry| entry.unwrap().path()),
            );
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let tokens = std::fs::read_to_string(&path).unwrap().parse().unwrap();
            files.push((path, tokens));
        }
    }
    assert!(!files.is_empty());
    files
}

fn is(token: Option<&TokenTree>, text: &str) -> bool {
    token.is_some_and(|token| token.to_string() == text)
}

/// Adds the names after `pub fn` at any depth, also in macro calls, and whether the documentation
/// has an example. Skips tests and definitions of macros.
fn add_public(tokens: TokenStream, found: &mut BTreeMap<String, bool>) {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    for (i, token) in tokens.iter().enumerate() {
        if is(Some(token), "fn")
            && i > 0
            && is(tokens.get(i - 1), "pub")
            && let Some(TokenTree::Ident(name)) = tokens.get(i + 1)
        {
            // Attributes in front of `pub`, among them doc comments; each is a `#` and a group.
            let attributes = tokens[..i - 1].rchunks(2);
            let attributes = attributes.take_while(|pair| is(pair.first(), "#"));
            let attributes: Vec<String> = attributes.map(|pair| pair[1].to_string()).collect();
            // The parts of which `#[elementwise]` composes operations.
            if attributes
                .iter()
                .any(|attribute| attribute.contains("(hidden)"))
            {
                continue;
            }
            let example = attributes.iter().any(|attribute| attribute.contains("```"));
            *found.entry(name.to_string()).or_default() |= example;
        }
        let TokenTree::Group(group) = token else {
            continue;
        };
        let before = |back: usize, text: &str| i >= back && is(tokens.get(i - back), text);
        let of_tests = before(2, "mod") && before(1, "tests");
        let of_definition = before(3, "macro_rules");
        if !of_tests && !of_definition {
            add_public(group.stream(), found);
        }
    }
}

/// Adds the names after `pub fn` at any depth, of functions that take no `self`. Skips tests and
/// definitions of macros.
fn add_without_self(tokens: TokenStream, found: &mut BTreeSet<String>) {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let before = |i: usize, back: usize, text: &str| i >= back && is(tokens.get(i - back), text);
    for (i, token) in tokens.iter().enumerate() {
        if is(Some(token), "fn")
            && before(i, 1, "pub")
            && let Some(TokenTree::Ident(name)) = tokens.get(i + 1)
        {
            let arguments = tokens[i..].iter().find_map(|token| match token {
                TokenTree::Group(group) if group.delimiter() == Delimiter::Parenthesis => {
                    Some(group.stream())
                }
                _ => None,
            });
            let arguments = arguments.into_iter().flatten();
            if !arguments.into_iter().any(|token| is(Some(&token), "self")) {
                found.insert(name.to_string());
            }
        }
        let TokenTree::Group(group) = token else {
            continue;
        };
        let of_tests = before(i, 2, "mod") && before(i, 1, "tests");
        if !of_tests && !before(i, 3, "macro_rules") {
            add_without_self(group.stream(), found);
        }
    }
}

/// Adds the last names of the paths of a `use`, or the names that they get there.
fn add_used(tokens: &[TokenTree], found: &mut BTreeSet<String>) {
    for (i, token) in tokens.iter().enumerate() {
        match token {
            TokenTree::Group(group) => {
                add_used(&group.stream().into_iter().collect::<Vec<_>>(), found);
            }
            TokenTree::Ident(name) => {
                let next = tokens.get(i + 1);
                if !is(next, ":") && !is(next, "as") && name != "as" {
                    found.insert(name.to_string());
                }
            }
            _ => {}
        }
    }
}

/// Adds the names of called functions and methods: `.name(` and `::name(`.
fn called(tokens: TokenStream, found: &mut BTreeSet<String>) {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    for (i, token) in tokens.iter().enumerate() {
        let TokenTree::Group(group) = token else {
            continue;
        };
        if let (Delimiter::Parenthesis, Some(TokenTree::Ident(name))) =
            (group.delimiter(), i.checked_sub(1).map(|i| &tokens[i]))
            && i >= 2
            && (is(tokens.get(i - 2), ".") || is(tokens.get(i - 2), ":"))
        {
            found.insert(name.to_string());
        }
        called(group.stream(), found);
    }
}

/// Returns the names of the functions that a source text calls.
pub fn called_in(text: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    called(text.parse().expect("the text is Rust"), &mut found);
    found
}

/// Returns the names of the public functions in a folder of `core/src`, and whether their
/// documentation has an example.
pub fn public_functions(folder: &str) -> BTreeMap<String, bool> {
    let mut found = BTreeMap::new();
    for (_, tokens) in sources(&format!("../core/src/{folder}")) {
        add_public(tokens, &mut found);
    }
    found
}

/// Returns the names of the public functions in a folder or file that take no `self`; the path is
/// relative to `tests`.
pub fn functions_without_self(path: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (_, tokens) in sources(path) {
        add_without_self(tokens, &mut found);
    }
    found
}

/// Returns the names that a file exports by `pub use`; the path is relative to `tests`.
pub fn exports(file: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (_, tokens) in sources(file) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        for statement in tokens.split(|token| is(Some(token), ";")) {
            let mut words = statement.windows(2);
            let start = words.position(|pair| is(pair.first(), "pub") && is(pair.last(), "use"));
            if let Some(start) = start {
                add_used(&statement[start + 2..], &mut found);
            }
        }
    }
    found
}

/// Returns the names of the functions that the tests in a folder or file call.
pub fn all_called(folder: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (_, tokens) in sources(folder) {
        called(tokens, &mut found);
    }
    found
}

/// Returns the names of the types in a folder that have a method with this signature, written
/// without spaces.
pub fn types_with(folder: &str, signature: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (_, tokens) in sources(folder) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        // `impl Name { … }`
        for three in tokens.windows(3) {
            let [of, name, TokenTree::Group(methods)] = three else {
                continue;
            };
            let methods = methods.to_string().replace(char::is_whitespace, "");
            if is(Some(of), "impl") && methods.contains(signature) {
                found.insert(name.to_string());
            }
        }
    }
    found
}
