//! Decodes a stream of bytes into an array. No claim of the bytes about their own length is
//! trusted.

use std::io::{self, Read};

use super::{Array, Fault, Values};
use crate::source::{Source, at_most, gzip_damage};

/// The two causes of a failed decoding: invalid bytes, or bytes that could not be read.
#[derive(Debug)]
pub(super) enum Failure {
    Fault(Fault),
    Io(io::Error),
}

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// Decodes raw or gzipped IDX. `limit` bounds the bytes of the elements.
pub(super) fn array(source: impl Read, limit: usize) -> Result<Array, Failure> {
    let source = Source::new(source)?;
    uncompressed(source, limit).map_err(|failure| match failure {
        Failure::Io(error) => match gzip_damage(&error) {
            Some(detail) => Fault::DamagedGzip { detail }.into(),
            None => error.into(),
        },
        fault @ Failure::Fault(_) => fault,
    })
}

fn uncompressed(mut source: impl Read, limit: usize) -> Result<Array, Failure> {
    let header = Header::read(&mut source)?;
    let shape = header.lengths;
    let overflow = || Fault::SizeOverflow {
        shape: shape.clone(),
    };

    let mut lengths = Vec::with_capacity(shape.len());
    let mut expected = header.element.size();
    for &length in &shape {
        let length = usize::try_from(length).map_err(|_| overflow())?;
        expected = expected.checked_mul(length).ok_or_else(overflow)?;
        lengths.push(length);
    }
    if expected > limit {
        return Err(Fault::OverLimit {
            shape,
            needed: expected,
            limit,
        }
        .into());
    }

    // One byte more than expected detects a longer file, and ends an endless stream.
    let bytes = at_most(&mut source, expected.checked_add(1).ok_or_else(overflow)?)?;
    match bytes.len() {
        found if found < expected => Err(Fault::Truncated {
            shape,
            expected,
            found,
        }
        .into()),
        found if found > expected => Err(Fault::TrailingBytes { shape, expected }.into()),
        _ => Ok(Array {
            shape: lengths,
            values: header.element.decode(bytes),
        }),
    }
}

struct Header {
    element: Element,
    lengths: Vec<u32>,
}

impl Header {
    fn read(source: &mut impl Read) -> Result<Self, Failure> {
        let magic = at_most(&mut *source, 4)?;
        let &[first, second, code, axes] = magic.as_slice() else {
            return Err(Fault::TruncatedHeader {
                expected: 4,
                found: magic.len(),
            }
            .into());
        };
        if [first, second] != [0, 0] {
            return Err(Fault::NotIdx {
                found: [first, second],
            }
            .into());
        }
        let element = Element::from_code(code).ok_or(Fault::UnknownElementType { code })?;
        if axes == 0 {
            return Err(Fault::NoAxes.into());
        }

        let expected = 4 * usize::from(axes);
        let lengths = at_most(source, expected)?;
        if lengths.len() < expected {
            return Err(Fault::TruncatedHeader {
                expected: 4 + expected,
                found: 4 + lengths.len(),
            }
            .into());
        }
        Ok(Self {
            element,
            lengths: big_endian(&lengths, u32::from_be_bytes),
        })
    }
}

#[derive(Clone, Copy)]
enum Element {
    U8,
    I8,
    I16,
    I32,
    F32,
    F64,
}

impl Element {
    fn from_code(code: u8) -> Option<Self> {
        Some(match code {
            0x08 => Self::U8,
            0x09 => Self::I8,
            0x0B => Self::I16,
            0x0C => Self::I32,
            0x0D => Self::F32,
            0x0E => Self::F64,
            _ => return None,
        })
    }

    fn size(self) -> usize {
        match self {
            Self::U8 | Self::I8 => 1,
            Self::I16 => 2,
            Self::I32 | Self::F32 => 4,
            Self::F64 => 8,
        }
    }

    fn decode(self, bytes: Vec<u8>) -> Values {
        match self {
            Self::U8 => Values::U8(bytes),
            Self::I8 => Values::I8(big_endian(&bytes, i8::from_be_bytes)),
            Self::I16 => Values::I16(big_endian(&bytes, i16::from_be_bytes)),
            Self::I32 => Values::I32(big_endian(&bytes, i32::from_be_bytes)),
            Self::F32 => Values::F32(big_endian(&bytes, f32::from_be_bytes)),
            Self::F64 => Values::F64(big_endian(&bytes, f64::from_be_bytes)),
        }
    }
}

fn big_endian<T, const SIZE: usize>(bytes: &[u8], convert: fn([u8; SIZE]) -> T) -> Vec<T> {
    let (elements, _) = bytes.as_chunks::<SIZE>();
    elements.iter().map(|&element| convert(element)).collect()
}

#[cfg(test)]
mod tests {
    use std::io::{ErrorKind, repeat};

    use flate2::Compression;
    use flate2::read::GzEncoder;

    use super::*;

    fn fault(source: impl Read, limit: usize) -> Fault {
        match array(source, limit) {
            Err(Failure::Fault(fault)) => fault,
            other => panic!("expected a fault, found {other:?}"),
        }
    }

    /// A stream that never ends, so that a function that reads it whole never returns.
    fn endless(header: &[u8]) -> impl Read {
        header.chain(repeat(0))
    }

    const TEN_BYTES: [u8; 8] = [0, 0, 0x08, 1, 0, 0, 0, 10];
    const FOUR_GIGABYTES: [u8; 8] = [0, 0, 0x08, 1, 0xFF, 0xFF, 0xFF, 0xFF];

    #[test]
    fn reading_stops_one_byte_after_what_the_header_says() {
        let trailing = Fault::TrailingBytes {
            shape: vec![10],
            expected: 10,
        };
        assert_eq!(fault(endless(&TEN_BYTES), 1000), trailing);
        let bomb = GzEncoder::new(endless(&TEN_BYTES), Compression::fast());
        assert_eq!(fault(bomb, 1000), trailing);
    }

    #[test]
    fn an_honest_header_does_not_lift_the_limit() {
        let limit = 1000;
        let over = Fault::OverLimit {
            shape: vec![u32::MAX],
            needed: u32::MAX as usize,
            limit,
        };
        let bomb = GzEncoder::new(endless(&FOUR_GIGABYTES), Compression::fast());
        assert_eq!(fault(bomb, limit), over);
    }

    #[test]
    #[cfg(target_pointer_width = "64")]
    fn a_claim_beyond_all_memory_allocates_nothing() {
        // 2^62 bytes, which the system would refuse at once.
        let header = [0, 0, 0x08, 2, 0x80, 0, 0, 0, 0x80, 0, 0, 0, 7];
        let shape = vec![1 << 31; 2];
        let truncated = Fault::Truncated {
            shape,
            expected: 1 << 62,
            found: 1,
        };
        assert_eq!(fault(&header[..], usize::MAX), truncated);
    }

    #[test]
    fn a_source_that_cannot_be_read_is_not_called_damaged() {
        struct Broken;
        impl Read for Broken {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(ErrorKind::TimedOut.into())
            }
        }
        let mut compressed = Vec::new();
        GzEncoder::new(&TEN_BYTES[..], Compression::fast())
            .read_to_end(&mut compressed)
            .unwrap();
        for start in [&TEN_BYTES[..], &compressed[..12]] {
            match array(start.chain(Broken), 1000) {
                Err(Failure::Io(error)) => assert_eq!(error.kind(), ErrorKind::TimedOut),
                other => panic!("expected an I/O error, found {other:?}"),
            }
        }
    }
}
