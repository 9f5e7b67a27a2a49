//! The generated docs of the facade alone: no link is broken, and `guide::operations` lists every
//! method of `Tensor` under its heading. `.ci/docs` generates the docs and runs these tests.

use crate::root;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::{Component, Path, PathBuf};

/// Methods behind a feature. They get no link, which would be broken without the feature.
const BEHIND_FEATURES: [&str; 15] = [
    "cholesky",
    "det",
    "eigh",
    "eigvalsh",
    "inverse",
    "lstsq",
    "matrix_exp",
    "pinv",
    "qr",
    "slogdet",
    "solve",
    "solve_triangular",
    "svd",
    "svdvals",
    "to_ndarray",
];

/// The folder of the generated docs.
fn docs() -> PathBuf {
    let folder = std::env::var_os("COTANGENT_DOCS").expect("`.ci/docs` sets COTANGENT_DOCS");
    root().join(folder)
}

/// The values of an attribute, `attribute="value"`.
fn values<'a>(page: &'a str, attribute: &str) -> impl Iterator<Item = &'a str> {
    let start = format!(" {attribute}=\"");
    let rests: Vec<&str> = page.split(&start[..]).skip(1).collect();
    rests.into_iter().filter_map(|rest| rest.split('"').next())
}

/// A path without `.` and `..`.
fn normal(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => drop(normal.pop()),
            Component::CurDir => {}
            part => normal.push(part),
        }
    }
    normal
}

fn pages(folder: &Path, found: &mut BTreeMap<PathBuf, String>) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            pages(&path, found);
        } else if path
            .extension()
            .is_some_and(|extension| extension == "html")
        {
            let text = std::fs::read_to_string(&path).expect("a page");
            found.insert(path, text);
        }
    }
}

/// The links of the pages that lead to no file or to no place in it. Links to the web are not
/// followed.
fn broken(pages: &BTreeMap<PathBuf, String>, exists: impl Fn(&Path) -> bool) -> Vec<String> {
    let places: BTreeMap<&Path, BTreeSet<&str>> = pages
        .iter()
        .map(|(path, text)| (path.as_path(), values(text, "id").collect()))
        .collect();
    let mut broken = Vec::new();
    for (path, text) in pages {
        let anchors = text
            .split("<a")
            .skip(1)
            .filter_map(|rest| rest.split('>').next());
        for link in anchors.flat_map(|anchor| values(anchor, "href")) {
            if link.contains(':') && !link.contains("::") {
                continue;
            }
            let (file, place) = link.split_once('#').unwrap_or((link, ""));
            let target = match file {
                "" => path.clone(),
                file => normal(&path.parent().expect("a folder").join(file)),
            };
            let known = places.get(target.as_path());
            let found = known.map_or_else(
                || exists(&target),
                |places| place.is_empty() || places.contains(place),
            );
            if !found {
                broken.push(format!("{}: {link}", path.display()));
            }
        }
    }
    broken
}

/// The headings of a type's page, in the order of the alphabet, with the methods below them.
fn methods(page: &str) -> BTreeMap<&str, BTreeSet<&str>> {
    let inherent = page
        .split("id=\"trait-implementations\"")
        .next()
        .unwrap_or(page);
    let mut found = BTreeMap::<&str, BTreeSet<&str>>::new();
    for block in inherent.split("class=\"impl\"").skip(1) {
        let (head, items) = block.split_once("</section>").unwrap_or((block, ""));
        let heading = head
            .rsplit_once("</a>")
            .and_then(|(_, rest)| rest.split('<').next());
        let names = items.split("id=\"method.").skip(1);
        let names = names.filter_map(|rest| rest.split('"').next());
        found
            .entry(heading.unwrap_or_default())
            .or_default()
            .extend(names);
    }
    found
}

#[test]
fn broken_links_are_found() {
    let page = "<h2 id=\"a\"><a href=\"#a\"><a class=\"x\" href=\"../b.html#c\"><a href=\"#d\">\
                <a href=\"https://example.org\"><a href=\"e.html\"><a href=\"random::rand\">";
    let pages = [("docs/x/p.html", page), ("docs/b.html", "<p id=\"c\">")];
    let pages = pages.map(|(path, text)| (PathBuf::from(path), text.to_owned()));
    let found = broken(&BTreeMap::from(pages), |_| false);
    assert_eq!(
        found,
        [
            "docs/x/p.html: #d",
            "docs/x/p.html: e.html",
            "docs/x/p.html: random::rand"
        ]
    );
}

#[test]
#[ignore = "`.ci/docs` runs it"]
fn docs_have_no_broken_links() {
    let mut found = BTreeMap::new();
    pages(&docs().join("cotangent"), &mut found);
    assert!(found.len() > 100, "{} pages", found.len());
    let sources = docs().join("src");
    let broken = broken(&found, |path| path.starts_with(&sources) || path.exists());
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
#[ignore = "`.ci/docs` runs it"]
fn the_guide_lists_all_methods_of_tensor() {
    let page = docs().join("cotangent/struct.Tensor.html");
    let page = std::fs::read_to_string(page).expect("the page of `Tensor`");
    let mut expected = String::new();
    for (heading, names) in methods(&page) {
        assert!(!heading.is_empty(), "methods without a heading: {names:?}");
        let links = names.iter().map(|&name| match name {
            name if BEHIND_FEATURES.contains(&name) => format!("`{name}`"),
            name => format!("[`{name}`](crate::Tensor::{name})"),
        });
        let links: Vec<String> = links.collect();
        writeln!(expected, "# {heading}\n\n{}\n", links.join(",\n")).expect("room for the text");
    }
    let path = root().join("src/guide/operations.md");
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        std::fs::write(&path, &expected).expect("the page is written");
    }
    let listed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        listed == expected,
        "{} is out of date: UPDATE_EXPECT=1 .ci/docs",
        path.display()
    );
}
