//! The bytes of a file, raw or gzipped, for every reader of this crate.

use std::fmt::{self, Display};
use std::io::{self, BufRead, BufReader, Chain, Cursor, ErrorKind, Read};

use flate2::bufread::GzDecoder;

const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

/// The first bytes of some files in UTF-8, which are no part of the text.
pub(crate) const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// A source with its first bytes put back.
type Whole<R> = Chain<Cursor<Vec<u8>>, R>;

/// A source that is decompressed if its first bytes are those of gzip.
pub(crate) enum Source<R: Read> {
    Raw(Whole<R>),
    Gzip(Box<Members<BufReader<Whole<R>>>>),
}

impl<R: Read> Source<R> {
    /// Reads the first two bytes of `source`, which decide.
    pub(crate) fn new(mut source: R) -> io::Result<Self> {
        let start = at_most(&mut source, GZIP_MAGIC.len())?;
        let gzipped = start == GZIP_MAGIC;
        let source = Cursor::new(start).chain(source);
        Ok(if gzipped {
            Self::Gzip(Box::new(Members::new(BufReader::new(source))))
        } else {
            Self::Raw(source)
        })
    }
}

impl<R: Read> Read for Source<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Raw(source) => source.read(out),
            Self::Gzip(members) => members.read(out).map_err(|error| {
                if !is_about_content(&error) {
                    return error;
                }
                let detail = match error.kind() {
                    ErrorKind::UnexpectedEof => "it ends too early".to_owned(),
                    _ => error.to_string(),
                };
                io::Error::new(ErrorKind::InvalidData, DamagedGzip(detail))
            }),
        }
    }
}

/// Returns the decompressor's message if `error` says that gzip data is damaged.
pub(crate) fn gzip_damage(error: &io::Error) -> Option<String> {
    let DamagedGzip(detail) = error.get_ref()?.downcast_ref()?;
    Some(detail.clone())
}

/// Reads the next `count` bytes of `source`, or fewer if it ends. The buffer grows as they arrive.
pub(crate) fn at_most(source: impl Read, count: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    source.take(count as u64).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[derive(Debug)]
struct DamagedGzip(String);

impl Display for DamagedGzip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the gzip data is damaged: {}", self.0)
    }
}

impl std::error::Error for DamagedGzip {}

/// The contents of a gzip file's members, concatenated (RFC 1952). Zeros between and behind them
/// are skipped, since tapes and block devices pad their last block with zeros. Any other bytes
/// there are an error.
pub(crate) struct Members<R> {
    member: Option<GzDecoder<R>>,
}

impl<R: BufRead> Members<R> {
    fn new(source: R) -> Self {
        Self {
            member: Some(GzDecoder::new(source)),
        }
    }
}

impl<R: BufRead> Read for Members<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        loop {
            let Some(member) = &mut self.member else {
                return Ok(0);
            };
            let count = member.read(out)?;
            if count > 0 || out.is_empty() {
                return Ok(count);
            }
            let source = member.get_mut();
            loop {
                let bytes = source.fill_buf()?;
                let zeros = bytes.iter().take_while(|&&byte| byte == 0).count();
                if bytes.is_empty() {
                    return Ok(0);
                }
                if zeros == 0 {
                    break;
                }
                source.consume(zeros);
            }
            self.member = self
                .member
                .take()
                .map(|member| GzDecoder::new(member.into_inner()));
        }
    }
}

/// Returns whether an error is about the content. The decompressor reports damaged data with these
/// kinds; an operating system that cannot read uses others.
fn is_about_content(error: &io::Error) -> bool {
    error.raw_os_error().is_none()
        && matches!(
            error.kind(),
            ErrorKind::UnexpectedEof | ErrorKind::InvalidInput | ErrorKind::InvalidData
        )
}
