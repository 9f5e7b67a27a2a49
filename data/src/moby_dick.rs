//! The embedded text, so that a first language model needs no download.

use std::io::Read;

use flate2::read::GzDecoder;

use crate::error::{Error, Result};

/// The origin of the file is in `assets/README.md`.
static COMPRESSED: &[u8] = include_bytes!("../assets/moby-dick.txt.gz");

const CHARACTERS: usize = 216_951;

/// Returns the first 22 chapters of Moby-Dick by Herman Melville (1851), up to the day on which the
/// ship sails: 216,951 characters of English prose, 76 different ones.
///
/// A paragraph is one line, and an empty line follows it. The book is in the public domain.
///
/// ```
/// let text = cotangent::data::moby_dick()?;
/// let paragraph = text.lines().nth(2).unwrap();
/// assert!(paragraph.starts_with("Call me Ishmael. Some years ago—never mind how long precisely"));
/// # Ok::<(), cotangent::Error>(())
/// ```
///
/// # Errors
/// [`Error::EmbeddedData`], only if the build is damaged.
pub fn moby_dick() -> Result<String> {
    decode(COMPRESSED)
}

fn decode(compressed: &[u8]) -> Result<String> {
    let damaged = |found: String| Error::EmbeddedData { found };
    let mut text = String::new();
    GzDecoder::new(compressed)
        .read_to_string(&mut text)
        .map_err(|error| damaged(error.to_string()))?;
    match text.chars().count() {
        CHARACTERS => Ok(text),
        count => Err(damaged(format!(
            "{count} characters instead of {CHARACTERS}"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    const CHECKSUM: u32 = 0x3a78_138f;

    #[test]
    fn the_embedded_file_is_the_published_one() {
        let text = moby_dick().unwrap();
        assert!(text.starts_with("CHAPTER 1. Loomings.\n\nCall me Ishmael."));
        assert_eq!(text.matches("CHAPTER ").count(), 22);
        assert_eq!(text.chars().collect::<BTreeSet<_>>().len(), 76);
        // The checksum of gzip covers every byte.
        let stored: [u8; 4] = COMPRESSED[COMPRESSED.len() - 8..][..4].try_into().unwrap();
        assert_eq!(u32::from_le_bytes(stored), CHECKSUM);
    }

    #[test]
    fn damage_is_reported() {
        let message = |bytes: &[u8]| decode(bytes).unwrap_err().to_string();
        assert!(message(&COMPRESSED[..1000]).contains("damaged"));
        let mut changed = COMPRESSED.to_vec();
        changed[40_000] ^= 1;
        assert!(message(&changed).contains("damaged"));
    }
}
