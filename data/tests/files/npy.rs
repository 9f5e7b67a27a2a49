//! `.npy` files whose rows are read when a batch needs them.

use std::fs;

use cotangent_core::npy::{self, Rows};
use cotangent_core::{Error, Tensor};
use cotangent_data::{Batches, Dataset, Key};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::file;

/// Saves an array `(5, 2, 3)` with the values 0 to 29.
fn array() -> (tempfile::TempDir, std::path::PathBuf, Tensor) {
    let values = (0..30).map(|value: u8| f32::from(value)).collect();
    let tensor = Tensor::from_vec::<f32>(values, [5, 2, 3]).unwrap();
    let (folder, path) = file("");
    npy::write(&path, &tensor).unwrap();
    (folder, path, tensor)
}

#[test]
fn rows_are_those_of_the_whole_array() {
    let (_folder, path, whole) = array();
    let rows = Rows::open(&path).unwrap();
    assert_eq!((rows.shape(), Dataset::len(&rows)), (&[5, 2, 3][..], 5));
    let third = Dataset::get(&rows, 3).unwrap();
    assert_eq!(third.shape(), [2, 3]);
    assert_eq!(third.to_f64_vec(), whole.select(0, 3).unwrap().to_f64_vec());
    let draws = [4, 0, 1, 1, 2].map(|position| (position, Key::new(0, 0)));
    let batch = rows.batch(&draws).unwrap();
    let firsts = batch.select(2, 0).unwrap().select(1, 0).unwrap();
    assert_eq!(firsts.to_f64_vec(), [24.0, 0.0, 6.0, 6.0, 12.0]);

    let mut read = Vec::new();
    for batch in Batches::new(&rows, 2).unwrap().epoch(0) {
        read.extend(batch.unwrap().to_f64_vec());
    }
    assert_eq!(read, whole.to_f64_vec());
}

#[test]
fn rows_out_of_range_and_damaged_files_are_typed_errors() {
    let (_folder, path, _) = array();
    let rows = Rows::open(&path).unwrap();
    for (start, len) in [(5, 1), (4, 2), (0, 6), (usize::MAX, 2), (1, usize::MAX)] {
        let error = rows.narrow(start, len);
        assert!(matches!(error, Err(Error::Index { .. })), "{error:?}");
    }
    assert_eq!(rows.narrow(5, 0).unwrap().shape(), [0, 2, 3]);
    let bytes = fs::read(&path).unwrap();
    fs::write(&path, &bytes[..bytes.len() - 1]).unwrap();
    let error = Rows::open(&path).unwrap_err().to_string();
    assert!(
        error.contains("truncated") && error.contains("table.csv"),
        "{error}"
    );
    // A file that becomes shorter while it is open.
    let error = rows.narrow(4, 1).unwrap_err().to_string();
    assert!(error.contains("truncated"), "{error}");

    let text = String::from_utf8_lossy(&bytes[..128]).into_owned();
    for (from, to, expected) in [
        ("(5, 2, 3)", "()       ", "scalar"),
        ("False", "True ", "column-major"),
        ("(5, 2, 3)", "(99999999", "truncated"),
    ] {
        let _ = text.find(from).unwrap();
        let header = bytes[..128].to_vec();
        let place = header
            .windows(from.len())
            .position(|part| part == from.as_bytes());
        let mut damaged = bytes.clone();
        damaged[place.unwrap()..][..to.len()].copy_from_slice(to.as_bytes());
        fs::write(&path, damaged).unwrap();
        let error = Rows::open(&path).unwrap_err().to_string();
        let syntax = error.contains("expected");
        assert!(error.contains(expected) || syntax, "{error}");
    }
}

proptest! {
    #[test]
    fn mutated_files_never_panic(
        changes in vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        cut in 0_usize..60,
    ) {
        let (_folder, path, _) = array();
        let mut bytes = fs::read(&path).unwrap();
        for (place, byte) in changes {
            let place = place.index(140);
            bytes[place] = byte;
        }
        bytes.truncate(bytes.len() - cut);
        fs::write(&path, bytes).unwrap();
        if let Ok(rows) = Rows::open(&path) {
            let len = Dataset::len(&rows).min(3);
            if let Ok(read) = rows.narrow(0, len) {
                prop_assert_eq!(read.shape()[0], len);
            }
        }
    }
}
