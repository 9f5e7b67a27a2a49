//! NumPy's `.npy` and `.npz` files (feature `npy`).
//!
//! Arrays of any numbers that a dtype represents exactly are read as tensors, and arrays of
//! integers also as [`Indices`], in either byte order, row-major or column-major:
//!
//! | elements in the file | tensor |
//! |---|---|
//! | `float16`, `float32`, `bool` (as 0 and 1), `int8`, `int16`, `uint8`, `uint16` | f32 |
//! | `float64`, `int32`, `uint32` | f64 |
//! | `int64`, `uint64` | f64 if it represents each value exactly, else an error |
//!
//! Headers may be written by Python 2 or 3, or by hand. NumPy can append arrays to one `.npy` file;
//! like NumPy, [`read`] returns the first and ignores the rest. [`Rows`] reads a file that is
//! larger than memory row by row.
//!
//! Files are written row-major and little-endian, and are [replaced only when the new file is
//! complete](crate::replace_file). The header of a file allocates nothing: memory grows with the
//! elements that are read. The decompressed size of an `.npz` file has a [limit](Npz::read).
//!
//! ```
//! use cotangent::{Tensor, npy};
//! let path = std::env::temp_dir().join(format!("cotangent-{}.npy", std::process::id()));
//! npy::write(&path, &Tensor::from([[1.0f32, 2.0], [3.0, 4.0]]))?;
//! assert_eq!(npy::read(&path)?.shape(), [2, 2]);
//! # std::fs::remove_file(&path).unwrap();
//! # Ok::<(), cotangent::Error>(())
//! ```

mod header;
mod number;
mod rows;

use crate::autograd::Tensor;
use crate::disk::{read_file, replace_file};
use crate::error::{Error, Result};
use crate::tensor::bytes::little_endian;
use crate::tensor::{DType, Indices};
use header::Header;
use number::Floats;
pub use rows::Rows;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufReader, Cursor, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use zip::write::SimpleFileOptions;

/// Reads a tensor from a `.npy` file.
///
/// # Errors
/// [`Error::Io`] if the file cannot be read; [`Error::Format`] if it is not a valid `.npy` file, or
/// contains other elements than numbers that `f64` represents exactly.
pub fn read(path: impl AsRef<Path>) -> Result<Tensor> {
    let path = path.as_ref();
    let (header, values) = read_file_with(path, number::floats).map_err(failed(path))?;
    values.into_tensor(&header)
}

/// Reads indices from a `.npy` file of integers; `bool` is read as 0 and 1.
///
/// # Errors
/// Those of [`read`], and [`Error::Format`] if the elements are not integers or one is negative.
pub fn read_indices(path: impl AsRef<Path>) -> Result<Indices> {
    let path = path.as_ref();
    let (header, values) = read_file_with(path, number::indices).map_err(failed(path))?;
    Indices::from_vec(values, header.shape)
}

/// Writes a tensor to a `.npy` file, which is replaced if it exists.
///
/// # Errors
/// [`Error::Io`] if writing fails; [`Error::Shape`] if the tensor has more than 64 axes, the limit
/// of NumPy. An existing file is unchanged then.
pub fn write(path: impl AsRef<Path>, tensor: &Tensor) -> Result<()> {
    replace_file(path.as_ref(), &tensor_bytes(tensor)?)
}

/// Writes indices to a `.npy` file, as `int64`.
///
/// # Errors
/// Those of [`write()`], and [`Error::Argument`] if an index is 2⁶³ or more.
pub fn write_indices(path: impl AsRef<Path>, indices: &Indices) -> Result<()> {
    let mut elements = Vec::with_capacity(indices.len() * 8);
    for &index in indices.as_slice() {
        let value = i64::try_from(index).map_err(|_| {
            Error::argument("write_indices", format!("{index} is too large for int64"))
        })?;
        elements.extend(value.to_le_bytes());
    }
    let bytes = array_bytes("<i8", indices.shape(), &elements)?;
    replace_file(path.as_ref(), &bytes)
}

/// Writes tensors under their names to an `.npz` file, uncompressed as NumPy's `savez` does.
///
/// # Errors
/// Those of [`write()`], and [`Error::Argument`] if two tensors have the same name.
///
/// ```
/// use cotangent::{Tensor, npy};
/// let path = std::env::temp_dir().join(format!("cotangent-{}.npz", std::process::id()));
/// npy::write_npz(&path, &[("x", &Tensor::from([1.0f32])), ("y", &Tensor::from([2.0f64]))])?;
/// let file = npy::Npz::read(&path)?;
/// assert_eq!(file.names().collect::<Vec<_>>(), ["x", "y"]);
/// assert_eq!(file.tensor("y")?.item()?, 2.0);
/// # std::fs::remove_file(&path).unwrap();
/// # Ok::<(), cotangent::Error>(())
/// ```
pub fn write_npz(path: impl AsRef<Path>, tensors: &[(&str, &Tensor)]) -> Result<()> {
    let path = path.as_ref();
    let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
    // The earliest date of the format, so that the same tensors give the same bytes.
    let options = SimpleFileOptions::default()
        .compression_method(zip::CompressionMethod::Stored)
        .last_modified_time(zip::DateTime::default());
    for (i, (name, tensor)) in tensors.iter().enumerate() {
        if tensors[..i].iter().any(|(other, _)| other == name) {
            return Err(Error::argument(
                "write_npz",
                format!("two tensors have the name `{name}`"),
            ));
        }
        let bytes = tensor_bytes(tensor)?;
        let options = options.large_file(u32::try_from(bytes.len()).is_err());
        archive
            .start_file(format!("{name}.npy"), options)
            .map_err(|error| Error::io(path, error.into()))?;
        archive
            .write_all(&bytes)
            .map_err(|error| Error::io(path, error))?;
    }
    let bytes = archive.finish();
    let bytes = bytes.map_err(|error| Error::io(path, error.into()))?;
    replace_file(path, bytes.get_ref())
}

/// The number of bytes that the arrays of any `.npz` file may occupy: 1 GiB. The limit of a large
/// file is higher, see [`Npz::read`].
pub const DEFAULT_LIMIT: usize = 1 << 30;

/// The largest ratio of the decompressed size of a large file to its length.
const LARGEST_RATIO: usize = 32;

/// An `.npz` file: arrays by name, compressed or not.
///
/// The bytes of the file are kept in memory. An array is decompressed when it is requested. Bytes
/// behind the archive are ignored.
#[derive(Clone)]
pub struct Npz {
    path: PathBuf,
    archive: Archive,
    /// The index in the archive by array name.
    entries: BTreeMap<String, usize>,
}

type Archive = zip::ZipArchive<Cursor<Shared>>;

#[derive(Clone)]
struct Shared(Arc<Vec<u8>>);

impl AsRef<[u8]> for Shared {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl std::fmt::Debug for Npz {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<&str> = self.names().collect();
        f.debug_struct("Npz")
            .field("path", &self.path)
            .field("names", &names)
            .finish_non_exhaustive()
    }
}

impl Npz {
    /// Reads a file. Its arrays together may occupy [`DEFAULT_LIMIT`] bytes or 32 times the file's
    /// length, whichever is more, in their types in the file.
    ///
    /// Compression shrinks equal bytes by a factor of a thousand, so without a limit a small file
    /// could fill the memory. [`read_with_limit`](Self::read_with_limit) sets another limit, for
    /// data that compress better.
    ///
    /// # Errors
    /// [`Error::Io`] if the file cannot be read; [`Error::Format`] if it is not a valid `.npz` file
    /// or exceeds the limit.
    pub fn read(path: impl AsRef<Path>) -> Result<Self> {
        Self::open(path.as_ref(), |len| {
            DEFAULT_LIMIT.max(len.saturating_mul(LARGEST_RATIO))
        })
    }

    /// Reads a file as [`read`](Self::read) does, with another limit on the bytes that its arrays
    /// together occupy.
    ///
    /// # Errors
    /// Those of [`read`](Self::read).
    pub fn read_with_limit(path: impl AsRef<Path>, limit: usize) -> Result<Self> {
        Self::open(path.as_ref(), |_| limit)
    }

    /// Reads a file; `limit` returns the limit for a file of the given length.
    fn open(path: &Path, limit: impl FnOnce(usize) -> usize) -> Result<Self> {
        let format = |error: zip::result::ZipError| Error::format(path, error.to_string());
        let bytes = read_file(path)?;
        let limit = limit(bytes.len());
        let bytes = Cursor::new(Shared(Arc::new(bytes)));
        let mut archive = zip::ZipArchive::new(bytes).map_err(format)?;
        let (mut entries, mut inflated) = (BTreeMap::new(), 0u64);
        for i in 0..archive.len() {
            let entry = archive.by_index_raw(i).map_err(format)?;
            let name = entry.name().map_err(format)?;
            let name = name.strip_suffix(".npy").unwrap_or(&name).to_owned();
            // No more bytes of an entry than this are ever read.
            inflated = inflated.saturating_add(entry.size());
            if entries.insert(name.clone(), i).is_some() {
                let reason = format!("two arrays have the name `{name}`");
                return Err(Error::format(path, reason));
            }
        }
        if inflated > limit as u64 {
            let reason = format!(
                "the arrays take {inflated} bytes, more than the limit of {limit}; \
                 `Npz::read_with_limit` takes another"
            );
            return Err(Error::format(path, reason));
        }
        Ok(Self {
            path: path.to_owned(),
            archive,
            entries,
        })
    }

    /// Iterates over the names of the arrays, in alphabetical order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.entries.keys().map(String::as_str)
    }

    /// Returns the array `name` as a tensor, converted as [`read`] does: images of `uint8` become
    /// `f32` from 0 to 255.
    ///
    /// # Errors
    /// [`Error::Format`] if there is no such array, or if it is not a valid array of numbers that
    /// `f64` represents exactly.
    pub fn tensor(&self, name: &str) -> Result<Tensor> {
        self.array(name, number::floats)
            .and_then(|(header, values)| values.into_tensor(&header))
            .map_err(|error| error.within(name))
    }

    /// Returns the array `name` as indices.
    ///
    /// # Errors
    /// [`Error::Format`] if there is no such array, or if it is not a valid array of integers that
    /// are not negative.
    pub fn indices(&self, name: &str) -> Result<Indices> {
        self.array(name, number::indices)
            .and_then(|(header, values)| Indices::from_vec(values, header.shape))
            .map_err(|error| error.within(name))
    }

    fn array<T>(
        &self,
        name: &str,
        read: impl FnOnce(&Header, &mut dyn Read) -> io::Result<T>,
    ) -> Result<(Header, T)> {
        let Some(&index) = self.entries.get(name) else {
            let names = self.names().collect::<Vec<_>>().join(", ");
            let reason = format!("no array has this name; the file contains: {names}");
            return Err(Error::format(&self.path, reason));
        };
        // The clone shares the file's bytes.
        let mut archive = self.archive.clone();
        let entry = archive.by_index(index);
        let entry = entry.map_err(|error| Error::format(&self.path, error.to_string()))?;
        let size = entry.size();
        read_array(entry, Some(size), read).map_err(failed(&self.path))
    }
}

/// Reads the header of a file, and the elements behind it with `read`.
fn read_file_with<T>(
    path: &Path,
    read: impl FnOnce(&Header, &mut dyn Read) -> io::Result<T>,
) -> io::Result<(Header, T)> {
    read_array(BufReader::new(File::open(path)?), None, read)
}

/// Reads the header of an array, and the elements behind it with `read`. If the size is known, it
/// must be that which the header implies.
fn read_array<T>(
    mut source: impl Read,
    size: Option<u64>,
    read: impl FnOnce(&Header, &mut dyn Read) -> io::Result<T>,
) -> io::Result<(Header, T)> {
    let header = Header::read(&mut source)?;
    let needed = header.len as u64 + header.elements as u64;
    if let Some(size) = size.filter(|&size| size != needed) {
        let shape = &header.shape;
        let reason =
            format!("expected a file of {needed} bytes for the shape {shape}, found {size} bytes");
        return Err(invalid(reason));
    }
    let value = read(&header, &mut source)?;
    // The checksum of an entry is compared when its end is read.
    if size.is_some() && source.read(&mut [0])? > 0 {
        return Err(invalid("the array is larger than the archive states"));
    }
    Ok((header, value))
}

impl Floats {
    fn into_tensor(self, header: &Header) -> Result<Tensor> {
        let shape = header.shape.clone();
        match self {
            Self::F32(values) => Tensor::from_vec(values, shape),
            Self::F64(values) => Tensor::from_vec(values, shape),
        }
    }
}

fn tensor_bytes(tensor: &Tensor) -> Result<Vec<u8>> {
    let descr = match tensor.dtype() {
        DType::F32 => "<f4",
        DType::F64 => "<f8",
    };
    array_bytes(descr, tensor.shape(), &little_endian(tensor.array()))
}

fn array_bytes(descr: &str, shape: &[usize], elements: &[u8]) -> Result<Vec<u8>> {
    let header = header::bytes(descr, shape);
    let header = header
        .ok_or_else(|| Error::shape("npy", "an array of NumPy has at most 64 axes", &[shape]))?;
    Ok([&header, elements].concat())
}

/// Creates the error of invalid contents.
fn invalid(reason: impl Into<String>) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, reason.into())
}

/// Returns a function that converts the error of reading a file: [`Error::Io`] for an error of the
/// system or a lack of memory, else [`Error::Format`].
fn failed(path: &Path) -> impl Fn(io::Error) -> Error {
    move |error| {
        if error.raw_os_error().is_some() || error.kind() == ErrorKind::OutOfMemory {
            Error::io(path, error)
        } else {
            Error::format(path, error.to_string())
        }
    }
}
