//! The possible faults of an IDX file. Each text says what was expected and what was found.

/// A reason why bytes are not a valid IDX file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// The file ends within its header.
    #[error("the header needs {expected} bytes, the file ends after {found}")]
    TruncatedHeader {
        /// The length of the header, as far as it is known.
        expected: usize,
        /// The number of bytes in the file.
        found: usize,
    },

    /// The file begins neither like IDX nor like gzip.
    #[error(
        "expected it to begin with two zero bytes (IDX) or with 1f 8b (gzip), \
         found {:02x} {:02x}",
        found[0], found[1]
    )]
    NotIdx {
        /// The first two bytes.
        found: [u8; 2],
    },

    /// The third byte is not one of the six element types.
    #[error(
        "unknown element type 0x{code:02x}, expected 0x08 (u8), 0x09 (i8), \
         0x0b (i16), 0x0c (i32), 0x0d (f32) or 0x0e (f64)"
    )]
    UnknownElementType {
        /// The byte found.
        code: u8,
    },

    /// The fourth byte, the number of axes, is 0.
    #[error("the header has no axes, expected at least one")]
    NoAxes,

    /// The number of bytes is more than this machine can address.
    #[error("the shape {shape:?} in the header is larger than any memory")]
    SizeOverflow {
        /// The lengths of the axes.
        shape: Vec<u32>,
    },

    /// The elements take more bytes than the caller allows.
    #[error(
        "the shape {shape:?} in the header asks for {needed} bytes, more than the limit of {limit}"
    )]
    OverLimit {
        /// The lengths of the axes.
        shape: Vec<u32>,
        /// The number of bytes that the shape needs.
        needed: usize,
        /// The number of bytes that the caller allows.
        limit: usize,
    },

    /// The file ends before its last element.
    #[error(
        "the shape {shape:?} in the header asks for {expected} bytes of elements, \
         the file has {found}"
    )]
    Truncated {
        /// The lengths of the axes.
        shape: Vec<u32>,
        /// The number of bytes that the shape needs.
        expected: usize,
        /// The number of bytes in the file.
        found: usize,
    },

    /// The file continues after its last element.
    #[error(
        "the shape {shape:?} in the header asks for {expected} bytes of elements, the file has more"
    )]
    TrailingBytes {
        /// The lengths of the axes.
        shape: Vec<u32>,
        /// The number of bytes that the shape needs.
        expected: usize,
    },

    /// The gzip container is damaged: cut off, with a wrong checksum, or followed by something
    /// else.
    #[error("the gzip data is damaged: {detail}")]
    DamagedGzip {
        /// The message of the decompressor.
        detail: String,
    },
}
