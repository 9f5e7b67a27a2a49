//! MNIST's four files under all their names, and their possible faults.

use std::fs;
use std::io::Write;
use std::path::Path;

use cotangent_data::{Error, Labeled, Result, mnist};
use flate2::Compression;
use flate2::write::GzEncoder;
use tempfile::TempDir;

fn images(count: u32, side: u32) -> Vec<u8> {
    let mut bytes = vec![0, 0, 0x08, 3];
    bytes.extend(
        [count, side, side]
            .iter()
            .flat_map(|length| length.to_be_bytes()),
    );
    bytes.extend((0..count * side * side).map(|pixel| (pixel % 256) as u8));
    bytes
}

fn labels(labels: &[u8]) -> Vec<u8> {
    let count = u32::try_from(labels.len()).unwrap();
    [&[0, 0, 0x08, 1][..], &count.to_be_bytes(), labels].concat()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// Creates a folder with a training set of three samples and a test set of two.
fn folder(separator: char, end: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (stem, extension, content) in [
        ("train-images", "idx3-ubyte", images(3, 28)),
        ("train-labels", "idx1-ubyte", labels(&[7, 0, 9])),
        ("t10k-images", "idx3-ubyte", images(2, 28)),
        ("t10k-labels", "idx1-ubyte", labels(&[1, 1])),
    ] {
        let content = if end.is_empty() {
            content
        } else {
            gzip(&content)
        };
        write(
            folder.path(),
            &format!("{stem}{separator}{extension}{end}"),
            &content,
        );
    }
    folder
}

fn write(folder: &Path, name: &str, content: &[u8]) {
    fs::write(folder.join(name), content).unwrap();
}

fn text(result: Result<(Labeled, Labeled)>) -> String {
    result.unwrap_err().to_string()
}

#[test]
fn all_spellings_are_found() {
    for (separator, end) in [('-', ""), ('-', ".gz"), ('.', ""), ('.', ".gz")] {
        let folder = folder(separator, end);
        let (train, test) = mnist(folder.path()).unwrap();
        assert_eq!(train.inputs().shape(), [3, 784]);
        assert_eq!(test.inputs().shape(), [2, 784]);
        assert_eq!(train.labels().as_slice(), [7, 0, 9]);
        assert_eq!(test.labels().as_slice(), [1, 1]);
        assert_eq!((train.classes(), test.classes()), (10, 10));

        let pixels = train.inputs().to_vec::<f32>().unwrap();
        assert_eq!(pixels[..3], [0.0, 1.0 / 255.0, 2.0 / 255.0]);
        assert_eq!(pixels[255], 1.0);
    }
}

#[test]
fn a_missing_file_is_named_in_all_its_spellings() {
    let folder = folder('-', "");
    fs::remove_file(folder.path().join("t10k-labels-idx1-ubyte")).unwrap();
    let error = mnist(folder.path()).unwrap_err();
    assert!(matches!(error, Error::FileNotFound { .. }), "{error}");
    let text = error.to_string();
    assert!(text.contains("t10k-labels-idx1-ubyte.gz"), "{text}");
    assert!(text.contains("t10k-labels.idx1-ubyte"), "{text}");
}

#[test]
fn counts_must_agree() {
    let folder = folder('-', "");
    write(
        folder.path(),
        "train-labels-idx1-ubyte",
        &labels(&[1, 2, 3, 4]),
    );
    let text = text(mnist(folder.path()));
    assert!(text.contains("train-images-idx3-ubyte"), "{text}");
    assert!(
        text.contains("[4, 28, 28]") && text.contains("[3, 28, 28]"),
        "{text}"
    );
}

#[test]
fn labels_must_be_digits_in_one_axis() {
    let folder = folder('-', "");
    write(folder.path(), "t10k-labels-idx1-ubyte", &labels(&[9, 10]));
    let found = text(mnist(folder.path()));
    assert!(found.contains("t10k-labels-idx1-ubyte"), "{found}");
    assert!(found.contains("found 10 at position 1"), "{found}");

    write(folder.path(), "t10k-labels-idx1-ubyte", &images(2, 1));
    let found = text(mnist(folder.path()));
    assert!(
        found.contains("labels in one axis, found the shape [2, 1, 1]"),
        "{found}"
    );
}

#[test]
fn images_must_be_of_28_by_28_bytes() {
    let folder = folder('-', "");
    write(folder.path(), "train-images-idx3-ubyte", &images(3, 27));
    let found = text(mnist(folder.path()));
    assert!(
        found.contains("[3, 28, 28]") && found.contains("[3, 27, 27]"),
        "{found}"
    );

    let mut signed = images(3, 28);
    signed[2] = 0x09;
    write(folder.path(), "train-images-idx3-ubyte", &signed);
    let found = text(mnist(folder.path()));
    assert!(
        found.contains("expected elements of type u8, found elements of type i8"),
        "{found}"
    );

    write(
        folder.path(),
        "train-images-idx3-ubyte",
        &images(3, 28)[..100],
    );
    assert!(matches!(mnist(folder.path()), Err(Error::Idx { .. })));
}
