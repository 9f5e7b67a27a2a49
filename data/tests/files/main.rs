//! The readers of files with valid, damaged, truncated and random files.

mod augment;
mod csv;
#[cfg(feature = "images")]
mod damaged_images;
#[cfg(feature = "images")]
mod images;
mod lines;
mod malformed_csv;
#[cfg(feature = "npy")]
mod npy;

use std::fs;
use std::io::Write;
use std::path::PathBuf;

use flate2::Compression;
use flate2::write::GzEncoder;

/// Writes a file into a folder that is removed with the returned guard.
fn file(content: impl AsRef<[u8]>) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("table.csv");
    fs::write(&path, content).unwrap();
    (folder, path)
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}
