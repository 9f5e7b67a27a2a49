//! Lines of a text file, one after the other.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::source::{BYTE_ORDER_MARK, Source, gzip_damage};

/// The largest number of bytes in a line: 8 MiB.
const LONGEST: usize = 8 << 20;

/// A reason why a line of a text file could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LineFault {
    /// The line is not valid UTF-8.
    #[error("the text is not valid UTF-8 after {valid} bytes")]
    NotUtf8 {
        /// The number of valid bytes in front.
        valid: usize,
    },

    /// The line is longer than 8 MiB, perhaps because the file is not text.
    #[error("the line has more than {limit} bytes")]
    TooLong {
        /// The largest number of bytes.
        limit: usize,
    },

    /// The gzip container is damaged.
    #[error("the gzip data is damaged: {detail}")]
    DamagedGzip {
        /// The message of the decompressor.
        detail: String,
    },
}

/// Iterates over the lines of a text file in UTF-8, without their ends (`\n` or `\r\n`) and without
/// a byte order mark. The file may be gzipped, and larger than memory.
///
/// # Errors
/// [`Error::Io`] if the file cannot be opened. An item is an error if the file cannot be read
/// further ([`Error::Io`]), or if a line is not valid ([`Error::Line`]).
///
/// ```no_run
/// let lines = cotangent::data::lines("names.txt")?;
/// let names = lines.collect::<Result<Vec<String>, _>>()?;
/// # Ok::<(), cotangent::Error>(())
/// ```
#[doc(alias = "TextLineDataset")]
pub fn lines(path: impl AsRef<Path>) -> Result<Lines> {
    let path = path.as_ref().to_owned();
    let source = File::open(&path).and_then(Source::new);
    let source = source.map_err(|error| Error::io(&path, error))?;
    Ok(Lines {
        path,
        source: BufReader::new(source),
        line: 0,
        has_ended: false,
    })
}

/// An iterator over the lines of a text file; see [`lines()`]. It ends after an error.
pub struct Lines {
    path: PathBuf,
    source: BufReader<Source<File>>,
    /// The number of lines read.
    line: u64,
    has_ended: bool,
}

impl std::fmt::Debug for Lines {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut text = f.debug_struct("Lines");
        text.field("path", &self.path);
        text.field("line", &self.line);
        text.finish_non_exhaustive()
    }
}

impl Lines {
    fn read_line(&mut self) -> Result<Option<String>> {
        self.line += 1;
        let mut bytes = Vec::new();
        // One byte more than allowed shows that the line is too long.
        let mut source = self.source.by_ref().take(LONGEST as u64 + 1);
        if let Err(error) = source.read_until(b'\n', &mut bytes) {
            return Err(match gzip_damage(&error) {
                Some(detail) => self.error(LineFault::DamagedGzip { detail }),
                None => Error::io(&self.path, error),
            });
        }
        if self.line == 1 && bytes.starts_with(BYTE_ORDER_MARK) {
            bytes.drain(..BYTE_ORDER_MARK.len());
        }
        if bytes.is_empty() {
            return Ok(None);
        }
        if bytes.len() > LONGEST {
            return Err(self.error(LineFault::TooLong { limit: LONGEST }));
        }
        if bytes.ends_with(b"\n") {
            bytes.pop();
            if bytes.ends_with(b"\r") {
                bytes.pop();
            }
        }
        let line = String::from_utf8(bytes).map_err(|error| {
            let valid = error.utf8_error().valid_up_to();
            self.error(LineFault::NotUtf8 { valid })
        })?;
        Ok(Some(line))
    }

    fn error(&self, fault: LineFault) -> Error {
        Error::Line {
            file: self.path.display().to_string(),
            line: self.line,
            fault,
        }
    }
}

impl Iterator for Lines {
    type Item = Result<String>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.has_ended {
            return None;
        }
        let line = self.read_line().transpose();
        self.has_ended = !matches!(line, Some(Ok(_)));
        line
    }
}

impl std::iter::FusedIterator for Lines {}
