//! The first page of the docs shows the README. The README's images and links are relative to the
//! repository, which the docs do not have. So `docs/embedded.md` comes first and defines the same
//! labels: images as data, and links as paths of items.

use crate::root;
use std::fmt::Write;

/// The README's links to files, and the items whose pages show the same.
const LINKS: [(&str, &str); 10] = [
    ("architecture", "crate::guide::architecture"),
    ("changelog", "crate::guide::changelog"),
    ("elementwise", "crate::guide::elementwise"),
    ("layers", "crate::nn"),
    ("losses", "crate::guide::losses"),
    ("operations", "crate::guide::operations"),
    ("optimizers-list", "crate::optim"),
    ("pytorch", "crate::guide::pytorch"),
    ("recipes", "crate::guide::recipes"),
    ("speed", "crate::guide::speed"),
];

/// The labels that a page defines, with their targets.
fn definitions(page: &str) -> Vec<(&str, &str)> {
    page.lines()
        .filter_map(|line| line.strip_prefix('[')?.split_once("]: "))
        .collect()
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

#[test]
fn base64_pads_the_last_group() {
    let texts = ["", "f", "fo", "foo", "foob"];
    assert_eq!(
        texts.map(|text| base64(text.as_bytes())),
        ["", "Zg==", "Zm8=", "Zm9v", "Zm9vYg=="]
    );
}

#[test]
fn embedded_images_and_links_are_those_of_the_readme() {
    let readme = std::fs::read_to_string(root().join("README.md")).expect("the README");
    let mut expected = String::new();
    for (label, target) in definitions(&readme) {
        let file = std::fs::read(root().join(target));
        let file = file.unwrap_or_else(|e| panic!("the README's link to {target}: {e}"));
        if target
            .rsplit_once('.')
            .is_some_and(|(_, extension)| extension == "png")
        {
            writeln!(
                expected,
                "[{label}]: data:image/png;base64,{}",
                base64(&file)
            )
        } else {
            let item = LINKS.iter().find(|(known, _)| *known == label);
            let (_, item) = item.unwrap_or_else(|| panic!("no item for the label `{label}`"));
            writeln!(expected, "[{label}]: {item}")
        }
        .expect("room for the text");
    }
    let path = root().join("docs/embedded.md");
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        std::fs::write(&path, &expected).expect("the page is written");
    }
    let embedded = std::fs::read_to_string(&path).unwrap_or_default();
    let remedy = "docs/embedded.md is out of date: run `UPDATE_EXPECT=1 .ci/prose`";
    assert!(embedded == expected, "{remedy}");
}

#[test]
fn all_links_of_the_readme_have_a_definition() {
    let readme = std::fs::read_to_string(root().join("README.md")).expect("the README");
    let defined: Vec<&str> = definitions(&readme)
        .iter()
        .map(|(label, _)| *label)
        .collect();
    let used = readme
        .split("][")
        .skip(1)
        .map(|rest| rest.split(']').next().unwrap_or(rest));
    for label in used {
        assert!(defined.contains(&label), "`{label}` has no definition");
    }
    assert!(
        !readme.contains("]("),
        "links in place show only where the repository is"
    );
}
