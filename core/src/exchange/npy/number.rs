//! The element types of `.npy` files, and their conversion.

use super::header::Header;
use super::invalid;
use crate::tensor::bytes::from_f16;
use std::io::{self, ErrorKind, Read};

/// An element type.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Number {
    Bool,
    I8,
    U8,
    I16,
    U16,
    I32,
    U32,
    I64,
    U64,
    F16,
    F32,
    F64,
}

impl Number {
    /// Parses the name of a type; also returns whether the bytes are big-endian. NumPy writes the
    /// first name of each type and reads all of them.
    pub(super) fn parse(descr: &str) -> Option<(Self, bool)> {
        let (big_endian, name) = match descr.split_at_checked(1)? {
            ("<", name) => (false, name),
            (">", name) => (true, name),
            ("=" | "|", name) => (cfg!(target_endian = "big"), name),
            _ => (cfg!(target_endian = "big"), descr),
        };
        let number = match name {
            "b1" | "?" | "bool" => Self::Bool,
            "i1" | "b" | "int8" => Self::I8,
            "u1" | "B" | "uint8" => Self::U8,
            "i2" | "h" | "int16" => Self::I16,
            "u2" | "H" | "uint16" => Self::U16,
            "i4" | "i" | "int32" => Self::I32,
            "u4" | "I" | "uint32" => Self::U32,
            "i8" | "q" | "int64" => Self::I64,
            "u8" | "Q" | "uint64" => Self::U64,
            "f2" | "e" | "float16" => Self::F16,
            "f4" | "f" | "float32" => Self::F32,
            "f8" | "d" | "float64" | "float" => Self::F64,
            _ => return None,
        };
        Some((number, big_endian))
    }

    /// Returns the number of bytes of an element.
    pub(super) fn size(self) -> usize {
        match self {
            Self::Bool | Self::I8 | Self::U8 => 1,
            Self::I16 | Self::U16 | Self::F16 => 2,
            Self::I32 | Self::U32 | Self::F32 => 4,
            Self::I64 | Self::U64 | Self::F64 => 8,
        }
    }
}

/// Elements in row-major order, in the smallest dtype that represents all numbers of the file's
/// type.
pub(super) enum Floats {
    F32(Vec<f32>),
    F64(Vec<f64>),
}

/// Reads the elements behind a header as floating-point numbers. An integer that `f64` does not
/// represent exactly is an error.
pub(super) fn floats(header: &Header, source: &mut dyn Read) -> io::Result<Floats> {
    fn exact<T: Copy + Into<i128>>(value: T, float: f64) -> io::Result<f64> {
        let value = value.into();
        if float as i128 == value {
            return Ok(float);
        }
        let reason = format!("{value} is not exact in f64, the nearest number is {float}");
        Err(invalid(reason))
    }
    macro_rules! all {
        ($into:ident, $read:expr) => {
            elements(header, source, |bytes| Ok($read(bytes))).map(Floats::$into)
        };
    }
    match header.number {
        Number::Bool => all!(F32, |[byte]: [u8; 1]| f32::from(byte != 0)),
        Number::I8 => all!(F32, |bytes| f32::from(i8::from_le_bytes(bytes))),
        Number::U8 => all!(F32, |bytes| f32::from(u8::from_le_bytes(bytes))),
        Number::I16 => all!(F32, |bytes| f32::from(i16::from_le_bytes(bytes))),
        Number::U16 => all!(F32, |bytes| f32::from(u16::from_le_bytes(bytes))),
        Number::F16 => all!(F32, |bytes| from_f16(u16::from_le_bytes(bytes))),
        Number::F32 => all!(F32, f32::from_le_bytes),
        Number::I32 => all!(F64, |bytes| f64::from(i32::from_le_bytes(bytes))),
        Number::U32 => all!(F64, |bytes| f64::from(u32::from_le_bytes(bytes))),
        Number::F64 => all!(F64, f64::from_le_bytes),
        Number::I64 => elements(header, source, |bytes| {
            let value = i64::from_le_bytes(bytes);
            exact(value, value as f64)
        })
        .map(Floats::F64),
        Number::U64 => elements(header, source, |bytes| {
            let value = u64::from_le_bytes(bytes);
            exact(value, value as f64)
        })
        .map(Floats::F64),
    }
}

/// Reads the elements behind a header as indices, in row-major order.
pub(super) fn indices(header: &Header, source: &mut dyn Read) -> io::Result<Vec<usize>> {
    macro_rules! all {
        ($integer:ty) => {
            elements(header, source, |bytes| {
                let value = <$integer>::from_le_bytes(bytes);
                usize::try_from(value)
                    .map_err(|_| invalid(format!("expected an index, found {value}")))
            })
        };
    }
    match header.number {
        Number::Bool => elements(header, source, |[byte]| Ok(usize::from(byte != 0))),
        Number::I8 => all!(i8),
        Number::U8 => all!(u8),
        Number::I16 => all!(i16),
        Number::U16 => all!(u16),
        Number::I32 => all!(i32),
        Number::U32 => all!(u32),
        Number::I64 => all!(i64),
        Number::U64 => all!(u64),
        found @ (Number::F16 | Number::F32 | Number::F64) => {
            let reason = format!("expected an array of integers, found {found:?}");
            Err(invalid(reason))
        }
    }
}

/// Calls `read` with each element's bytes in little-endian order. Memory grows with the bytes that
/// are read.
fn elements<V: Copy, const N: usize>(
    header: &Header,
    source: &mut dyn Read,
    read: impl Fn([u8; N]) -> io::Result<V>,
) -> io::Result<Vec<V>> {
    let count = header.elements / N;
    let mut values = Vec::new();
    let mut block = vec![[0; N]; count.min(8192)];
    while values.len() < count {
        let missing = count - values.len();
        let block = &mut block[..missing.min(8192)];
        source
            .read_exact(block.as_flattened_mut())
            .map_err(|error| match error.kind() {
                ErrorKind::UnexpectedEof => {
                    let (bytes, shape) = (header.elements, &header.shape);
                    invalid(format!(
                        "the file is truncated: the shape {shape} needs {bytes} bytes"
                    ))
                }
                _ => error,
            })?;
        values.try_reserve(block.len())?;
        for bytes in block {
            if header.big_endian {
                bytes.reverse();
            }
            values.push(read(*bytes)?);
        }
    }
    if header.column_major {
        return row_major(&values, &header.shape);
    }
    Ok(values)
}

/// Reorders column-major elements to row-major.
fn row_major<V: Copy>(values: &[V], shape: &[usize]) -> io::Result<Vec<V>> {
    let mut step = 1;
    let steps = shape.iter().map(|len| {
        let here = step;
        step *= len;
        here
    });
    let steps: Vec<usize> = steps.collect();
    let mut ordered = Vec::new();
    ordered.try_reserve_exact(values.len())?;
    let (mut index, mut from) = (vec![0; shape.len()], 0);
    while ordered.len() < values.len() {
        ordered.push(values[from]);
        for axis in (0..shape.len()).rev() {
            index[axis] += 1;
            from += steps[axis];
            if index[axis] < shape[axis] {
                break;
            }
            from -= index[axis] * steps[axis];
            index[axis] = 0;
        }
    }
    Ok(ordered)
}
