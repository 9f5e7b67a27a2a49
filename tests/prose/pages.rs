//! The README and the pages of `guide` are read in two places: on the repository's page, where
//! links are paths of files, and in the docs, which have items and no files. Each page defines the
//! labels of its links at its end, for the repository: `[label]: path "item"`. In the docs a
//! generated file in `docs/embedded` comes first, and defines the same labels: images as data, and
//! links as items. Of several definitions of one label Markdown takes the first.

use crate::markdown::{Definition, Page};
use crate::{files, root};
use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::{Component, Path, PathBuf};

/// The most words of a page of the guide.
const WORDS: usize = 1500;
/// The longest line of code in the guide. The docs cut off longer ones in a window of usual width.
const COLUMNS: usize = 90;
/// The largest image, in bytes.
const IMAGE: usize = 72_000;
/// The kinds of blocks of code. Those in Rust run as tests.
const FENCES: [&str; 5] = ["rust", "text", "sh", "toml", "python"];

/// The files in Markdown that people write and that a repository's page shows, by their path from
/// the root. Those in `src` are for the docs alone, which check their links.
fn sources() -> Vec<String> {
    let mut found = Vec::new();
    files(root(), &mut found);
    let names = found.into_iter().map(|(name, _)| name);
    let extension = |name: &str| Path::new(name).extension().is_some_and(|end| end == "md");
    let shown = |name: &String| {
        extension(name) && !name.starts_with("src/") && !name.starts_with("docs/embedded/")
    };
    let mut names: Vec<String> = names.filter(shown).collect();
    names.sort();
    names
}

/// The pages that the docs show too.
fn pages() -> Vec<String> {
    let both = |name: &String| name == "README.md" || name.starts_with("guide/");
    sources().into_iter().filter(both).collect()
}

fn read(name: &str) -> Page {
    let text = std::fs::read_to_string(root().join(name));
    Page::of(&text.unwrap_or_else(|e| panic!("{name}: {e}")))
}

/// The path of a link's file from the root, and its anchor.
fn resolve(page: &str, target: &str) -> (String, Option<String>) {
    let (file, anchor) = match target.split_once('#') {
        Some((file, anchor)) => (file, Some(anchor.to_owned())),
        None => (target, None),
    };
    if file.is_empty() {
        return (page.to_owned(), anchor);
    }
    let mut path = PathBuf::from(page);
    path.pop();
    for part in Path::new(file).components() {
        match part {
            Component::ParentDir => drop(path.pop()),
            Component::CurDir => {}
            part => path.push(part),
        }
    }
    (path.to_string_lossy().into_owned(), anchor)
}

fn is_web(target: &str) -> bool {
    target.contains("://")
}

/// The module of a page of the guide: `guide/a/README.md` is `guide::a`, and `guide/a/b.md` is
/// `guide::a::b`.
fn module(page: &str) -> Option<String> {
    let path = page.strip_prefix("guide/")?.strip_suffix(".md")?;
    let parts = path.split('/').filter(|&part| part != "README");
    let parts: Vec<&str> = ["crate", "guide"].into_iter().chain(parts).collect();
    Some(parts.join("::"))
}

/// The target of a label in the docs. Addresses in the web are the same in both places.
fn in_docs(page: &str, definition: &Definition) -> Option<String> {
    let Definition {
        label,
        target,
        item,
    } = definition;
    if is_web(target) {
        return None;
    }
    let (file, anchor) = resolve(page, target);
    let kind = match Path::new(&file).extension().and_then(|end| end.to_str()) {
        Some("png") => Some("png"),
        Some("svg") => Some("svg+xml"),
        _ => None,
    };
    if let Some(kind) = kind {
        let bytes = std::fs::read(root().join(&file));
        let bytes = bytes.unwrap_or_else(|e| panic!("{page}: [{label}]: {target}: {e}"));
        return Some(format!("data:image/{kind};base64,{}", base64(&bytes)));
    }
    let item = match item {
        Some(item) => item.replacen("cotangent", "crate", 1),
        None => module(&file)
            .unwrap_or_else(|| panic!("{page}: [{label}]: {target} needs an item as its title")),
    };
    let anchor = anchor.map_or(String::new(), |anchor| format!("#{anchor}"));
    Some(item + &anchor)
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for group in bytes.chunks(3) {
        let bits = (0..3).fold(0u32, |bits, i| {
            bits << 8 | u32::from(*group.get(i).unwrap_or(&0))
        });
        for i in 0..4 {
            let digit = DIGITS[(bits >> (18 - 6 * i)) as usize & 63];
            text.push(if i <= group.len() {
                char::from(digit)
            } else {
                '='
            });
        }
    }
    text
}

/// The faults of the links of a page in Markdown: files that do not exist, and anchors that the
/// file does not have.
fn broken(name: &str, page: &Page) -> Vec<String> {
    let mut faults = Vec::new();
    let defined = page.definitions.iter().map(|known| &known.target);
    let targets: BTreeSet<&String> = page.targets.iter().chain(defined).collect();
    for target in targets {
        let is_item = target.contains("::") || target.starts_with("mailto:");
        if is_web(target) || is_item {
            continue;
        }
        let (file, anchor) = resolve(name, target);
        let here = file == name;
        if !here && !root().join(&file).exists() {
            faults.push(format!("{name}: {target}: no such file"));
        } else if let Some(anchor) = anchor {
            let anchors = if here {
                &page.anchors
            } else {
                &read(&file).anchors
            };
            if !anchors.contains(&anchor) {
                faults.push(format!("{name}: {target}: no such heading"));
            }
        }
    }
    faults
}

/// The faults of a page that two places show.
fn unsuitable(name: &str, page: &Page) -> Vec<String> {
    let in_one_place = |target: &&String| !is_web(target) && !target.starts_with('#');
    let in_place = page.in_place.iter().filter(in_one_place);
    let in_place = in_place.map(|target| format!("{target} needs a label"));
    let undefined = page.undefined.iter();
    let undefined = undefined.map(|label| format!("[{label}] has no definition"));
    let unused = page.definitions.iter().map(|known| &known.label);
    let unused = unused.filter(|label| !page.uses(label));
    let unused = unused.map(|label| format!("nothing uses [{label}]"));
    let fences = page.fences.iter();
    let fences = fences.filter(|fence| !FENCES.contains(&fence.as_str()));
    let fences = fences.map(|fence| format!("a block of code of the kind `{fence}`"));
    let all = in_place.chain(undefined).chain(unused).chain(fences);
    all.map(|fault| format!("{name}: {fault}")).collect()
}

/// The code in tables of translations that no block of the page runs. White space does not count.
fn untested(name: &str, page: &Page) -> Vec<String> {
    let plain = |text: &str| text.split_whitespace().collect::<String>();
    let blocks: Vec<String> = page.rust.iter().map(|block| plain(block)).collect();
    let runs = |code: &&String| blocks.iter().any(|block| block.contains(&plain(code)));
    let missing = page.here.iter().filter(|code| !runs(code));
    missing
        .map(|code| format!("{name}: no block runs `{code}`"))
        .collect()
}

#[test]
fn base64_pads_the_last_group() {
    let texts = ["", "f", "fo", "foo", "foob"];
    assert_eq!(
        texts.map(|text| base64(text.as_bytes())),
        ["", "Zg==", "Zm8=", "Zm9v", "Zm9vYg=="]
    );
}

#[test]
fn links_become_items() {
    let item = |target: &str, item: Option<&str>| {
        let definition = Definition {
            label: "x".to_owned(),
            target: target.to_owned(),
            item: item.map(str::to_owned),
        };
        in_docs("guide/training/a.md", &definition)
    };
    let found = |text: &str| Some(text.to_owned());
    assert_eq!(item("b.md", None), found("crate::guide::training::b"));
    assert_eq!(item("README.md", None), found("crate::guide::training"));
    assert_eq!(item("../c.md#d", None), found("crate::guide::c#d"));
    assert_eq!(
        item("../../nn/src/mlp.rs", Some("cotangent::nn::Mlp")),
        found("crate::nn::Mlp")
    );
    assert_eq!(item("https://example.org", None), None);
}

#[test]
fn faults_of_links_are_found() {
    let text = "# A\n\n[a][b] [c](#a) [d](#e) [f](README.md#cotangent) [g](README.md#none) [h]\n\n\
                ```rust,ignore\n```\n\n[b]: none.md\n[i]: Cargo.toml\n";
    let page = Page::of(text);
    let faults = broken("x.md", &page);
    assert_eq!(
        faults,
        [
            "x.md: #e: no such heading",
            "x.md: README.md#none: no such heading",
            "x.md: none.md: no such file",
        ]
    );
    assert_eq!(
        unsuitable("x.md", &page),
        [
            "x.md: README.md#cotangent needs a label",
            "x.md: README.md#none needs a label",
            "x.md: [h] has no definition",
            "x.md: nothing uses [i]",
            "x.md: a block of code of the kind `rust,ignore`",
        ]
    );
}

#[test]
fn translations_without_a_test_are_found() {
    let text = "| there | here |\n|---|---|\n| `x` | `a.b(1)`, `c(2)` |\n\
                | | [`d`](#e), `f`: g |\n\n\
                | here | there |\n|---|---|\n| `h` | `i` |\n\n\
                ```python\nf\n```\n\n```rust\nlet y = a\n    .b(1);\n```\n";
    assert_eq!(
        untested("x.md", &Page::of(text)),
        ["x.md: no block runs `c(2)`", "x.md: no block runs `f`"]
    );
}

#[test]
fn translations_are_tested() {
    let pages = pages().into_iter();
    let pages = pages.filter(|name| name.starts_with("guide/coming_from/"));
    let pages: Vec<(String, Page)> = pages.map(|name| (name.clone(), read(&name))).collect();
    assert!(
        pages.iter().any(|(_, page)| !page.here.is_empty()),
        "no table of translations"
    );
    let faults = pages.iter().flat_map(|(name, page)| untested(name, page));
    let faults: Vec<String> = faults.collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn links_between_files_resolve() {
    let faults = sources()
        .iter()
        .flat_map(|name| broken(name, &read(name)))
        .collect::<Vec<_>>();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn pages_suit_the_repository_and_the_docs() {
    let faults = pages()
        .iter()
        .flat_map(|name| unsuitable(name, &read(name)))
        .collect::<Vec<_>>();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn pages_of_the_guide_are_short_and_can_be_found() {
    let mut faults = Vec::new();
    let (mut reached, mut next) = (BTreeSet::new(), vec!["guide/README.md".to_owned()]);
    while let Some(name) = next.pop() {
        if module(&name).is_none() || !reached.insert(name.clone()) {
            continue;
        }
        let page = read(&name);
        if page.words > WORDS {
            let words = page.words;
            faults.push(format!("{name}: {words} words, at most {WORDS}"));
        }
        if page.columns > COLUMNS {
            let columns = page.columns;
            faults.push(format!(
                "{name}: code of {columns} columns, at most {COLUMNS}"
            ));
        }
        let defined = page.definitions.iter();
        next.extend(defined.map(|known| resolve(&name, &known.target).0));
    }
    let missing = pages().into_iter().filter(|name| module(name).is_some());
    let missing = missing.filter(|name| !reached.contains(name));
    faults.extend(missing.map(|name| format!("{name}: no page of the guide links to it")));
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn embedded_images_and_links_are_those_of_the_pages() {
    let update = std::env::var_os("UPDATE_EXPECT").is_some();
    let mut faults = Vec::new();
    let mut known = BTreeSet::new();
    for name in pages() {
        let mut expected = String::new();
        for definition in read(&name).definitions {
            let (label, target) = (&definition.label, &definition.target);
            let (file, _) = resolve(&name, target);
            let size = std::fs::metadata(root().join(&file)).map_or(0, |file| file.len());
            let is_image = [".png", ".svg"].iter().any(|end| file.ends_with(end));
            if is_image && size > IMAGE as u64 && name.starts_with("guide/") {
                faults.push(format!("{file}: {size} bytes, at most {IMAGE}"));
            }
            if let Some(target) = in_docs(&name, &definition) {
                writeln!(expected, "[{label}]: {target}").expect("room for the text");
            }
        }
        let embedded = format!("docs/embedded/{name}");
        let path = root().join(&embedded);
        if update {
            let folder = path.parent().expect("a folder");
            std::fs::create_dir_all(folder).expect("the folder is made");
            std::fs::write(&path, &expected).expect("the page is written");
        }
        if std::fs::read_to_string(&path).ok() != Some(expected) {
            faults.push(format!("{embedded} is out of date"));
        }
        known.insert(embedded);
    }
    let mut found = Vec::new();
    files(&root().join("docs/embedded"), &mut found);
    for (name, path) in found {
        if known.contains(&name) {
            continue;
        }
        if update {
            std::fs::remove_file(path).expect("the file is removed");
        } else {
            faults.push(format!("{name} belongs to no page"));
        }
    }
    let remedy = "run `UPDATE_EXPECT=1 .ci/prose`";
    assert!(faults.is_empty(), "{remedy}\n{}", faults.join("\n"));
}
