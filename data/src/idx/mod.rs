//! The IDX format, in which [MNIST](crate::mnist()) and similar data sets are published.
//!
//! A file consists of two zero bytes, a byte for the element type, a byte for the number of axes,
//! the length of each axis as a big-endian `u32`, and the elements, big-endian, with the last axis
//! varying fastest. Headers are not trusted: memory grows with the bytes that arrive, not with the
//! length that a header claims. Bytes after the last element are an error.
//!
//! Gzip is recognized by its first bytes, whatever the file's name. The contents of several members
//! are concatenated. Zeros after them are skipped, since tapes and block devices pad their last
//! block with zeros; any other bytes there are an error.

mod decode;
mod fault;

use std::fs::File;
use std::path::Path;

use cotangent_core::{Indices, Tensor};

use crate::error::{Error, Result};
use decode::Failure;
pub use fault::Fault;

/// The default limit of [`read`] and [`parse`] for the bytes of the elements: 2 GiB, about forty
/// times the training images of MNIST.
///
/// Zeros compress by a factor of a thousand, so that a small file with an honest header could take
/// very much memory. [`read_with_limit`] takes another limit.
pub const DEFAULT_LIMIT: usize = 1 << 31;

/// The elements of an [`Array`], in the file's element type.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Values {
    /// Element type 0x08.
    U8(Vec<u8>),
    /// Element type 0x09.
    I8(Vec<i8>),
    /// Element type 0x0B.
    I16(Vec<i16>),
    /// Element type 0x0C.
    I32(Vec<i32>),
    /// Element type 0x0D.
    F32(Vec<f32>),
    /// Element type 0x0E.
    F64(Vec<f64>),
}

impl Values {
    /// Returns the number of elements.
    pub fn len(&self) -> usize {
        match self {
            Self::U8(values) => values.len(),
            Self::I8(values) => values.len(),
            Self::I16(values) => values.len(),
            Self::I32(values) => values.len(),
            Self::F32(values) => values.len(),
            Self::F64(values) => values.len(),
        }
    }

    /// Returns whether there are no elements.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the Rust name of the element type.
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::U8(_) => "u8",
            Self::I8(_) => "i8",
            Self::I16(_) => "i16",
            Self::I32(_) => "i32",
            Self::F32(_) => "f32",
            Self::F64(_) => "f64",
        }
    }
}

/// The content of an IDX file: a shape of at least one axis, and the values.
#[derive(Clone, Debug, PartialEq)]
pub struct Array {
    shape: Vec<usize>,
    values: Values,
}

impl Array {
    /// Returns the lengths of the axes, for instance `[60000, 28, 28]`.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// Returns the elements, with the last axis varying fastest.
    pub fn values(&self) -> &Values {
        &self.values
    }

    /// Returns the shape and the elements by value.
    pub fn into_parts(self) -> (Vec<usize>, Values) {
        (self.shape, self.values)
    }

    /// Converts the values to a tensor, without scaling. The dtype represents each of them exactly:
    /// `f64` for the element types `i32` and `f64`, `f32` for the others.
    ///
    /// ```
    /// use cotangent::data::idx;
    ///
    /// // Elements of type u8 in one axis of length 3.
    /// let array = idx::parse(&[0, 0, 0x08, 1, 0, 0, 0, 3, 5, 0, 255])?;
    /// assert_eq!(array.to_tensor()?.to_vec::<f32>()?, [5.0, 0.0, 255.0]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn to_tensor(&self) -> Result<Tensor> {
        fn floats<V: Copy + Into<F>, F>(values: &[V]) -> Vec<F> {
            values.iter().map(|&value| value.into()).collect()
        }
        let shape = self.shape.as_slice();
        Ok(match &self.values {
            Values::U8(values) => Tensor::from_vec(floats::<_, f32>(values), shape)?,
            Values::I8(values) => Tensor::from_vec(floats::<_, f32>(values), shape)?,
            Values::I16(values) => Tensor::from_vec(floats::<_, f32>(values), shape)?,
            Values::I32(values) => Tensor::from_vec(floats::<_, f64>(values), shape)?,
            Values::F32(values) => Tensor::from_vec(values.clone(), shape)?,
            Values::F64(values) => Tensor::from_vec(values.clone(), shape)?,
        })
    }

    /// Converts the values to indices, for example class labels. Negative values and floats are an
    /// error.
    ///
    /// ```
    /// use cotangent::data::idx;
    ///
    /// let array = idx::parse(&[0, 0, 0x08, 1, 0, 0, 0, 3, 5, 0, 4])?;
    /// assert_eq!(array.to_indices()?.as_slice(), [5, 0, 4]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn to_indices(&self) -> Result<Indices> {
        fn indices<V: Copy + TryInto<usize> + ToString>(values: &[V]) -> Result<Vec<usize>> {
            let checked = values.iter().enumerate().map(|(position, &value)| {
                let found = || value.to_string();
                value.try_into().map_err(|_| Error::NotAnIndex {
                    position,
                    found: found(),
                })
            });
            checked.collect()
        }
        let indices = match &self.values {
            Values::U8(values) => indices(values)?,
            Values::I8(values) => indices(values)?,
            Values::I16(values) => indices(values)?,
            Values::I32(values) => indices(values)?,
            Values::F32(_) | Values::F64(_) => {
                let found = format!("the element type {}", self.values.type_name());
                return Err(Error::NotAnIndex { position: 0, found });
            }
        };
        Ok(Indices::from_vec(indices, self.shape.as_slice())?)
    }
}

/// Reads an IDX file, raw or gzipped, of at most [`DEFAULT_LIMIT`] bytes of elements.
///
/// # Errors
/// [`Error::Io`] if the file cannot be read, [`Error::Idx`] with a [`Fault`] if its content is not
/// valid.
///
/// ```no_run
/// let images = cotangent::data::idx::read("mnist/train-images-idx3-ubyte.gz")?;
/// assert_eq!(images.shape(), [60_000, 28, 28]);
/// # Ok::<(), cotangent::data::Error>(())
/// ```
pub fn read(path: impl AsRef<Path>) -> Result<Array> {
    read_with_limit(path, DEFAULT_LIMIT)
}

/// Reads an IDX file as [`read`] does, with another limit for the bytes of its elements (after
/// decompression).
pub fn read_with_limit(path: impl AsRef<Path>, limit: usize) -> Result<Array> {
    let path = path.as_ref();
    let io = |error| Error::io(path, error);
    let file = File::open(path).map_err(io)?;
    decode::array(file, limit).map_err(|failure| match failure {
        Failure::Io(error) => io(error),
        Failure::Fault(fault) => Error::Idx {
            file: path.display().to_string(),
            fault,
        },
    })
}

/// Decodes the content of an IDX file, raw or gzipped, of at most [`DEFAULT_LIMIT`] bytes of
/// elements.
///
/// ```
/// use cotangent::data::idx;
///
/// let array = idx::parse(&[0, 0, 0x0B, 2, 0, 0, 0, 1, 0, 0, 0, 2, 0x01, 0x00, 0xFF, 0xFF])?;
/// assert_eq!(array.shape(), [1, 2]);
/// assert_eq!(array.values(), &idx::Values::I16(vec![256, -1]));
///
/// let error = idx::parse(&[0, 0, 0x08, 1, 0, 0, 0, 9, 1, 2]).unwrap_err();
/// assert!(error.to_string().contains("asks for 9 bytes"));
/// # Ok::<(), cotangent::Error>(())
/// ```
pub fn parse(bytes: &[u8]) -> Result<Array> {
    const NAME: &str = "bytes in memory";
    decode::array(bytes, DEFAULT_LIMIT).map_err(|failure| match failure {
        Failure::Io(error) => Error::io(NAME, error),
        Failure::Fault(fault) => Error::Idx {
            file: NAME.to_owned(),
            fault,
        },
    })
}
