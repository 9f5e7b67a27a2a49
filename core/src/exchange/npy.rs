//! NumPy's `.npy` and `.npz` files (feature `npy`).
//!
//! Tensors are read from arrays of `float32` and `float64`, [`Indices`] from arrays of integers, in
//! either byte order, row-major or column-major. Files are written row-major and little-endian, and
//! take their name only when all of them is on the disk. What a file claims about itself is held
//! against its size before memory is taken for it.
//!
//! ```
//! use cotangent_core::{Tensor, npy};
//! let path = std::env::temp_dir().join(format!("cotangent-{}.npy", std::process::id()));
//! npy::write(&path, &Tensor::from([[1.0f32, 2.0], [3.0, 4.0]]))?;
//! assert_eq!(npy::read(&path)?.shape(), [2, 2]);
//! # std::fs::remove_file(&path).unwrap();
//! # Ok::<(), cotangent_core::Error>(())
//! ```

use crate::autograd::Tensor;
use crate::disk::{read_file, replace_file};
use crate::error::{Error, Result};
use crate::tensor::{Element, Indices, Shape, with_dtype};
use npyz::{AutoSerialize, Deserialize, NpyFile, Order, Serialize, WriterBuilder};
use std::collections::BTreeMap;
use std::io::{Cursor, Read, Write};
use std::path::{Path, PathBuf};
use zip::write::SimpleFileOptions;

/// The longest header that is read: NumPy's own are of a few hundred bytes at most.
const LONGEST_HEADER: usize = 64 * 1024;

/// Reads a tensor from a `.npy` file.
///
/// # Errors
/// [`Error::Io`] if the file cannot be read; [`Error::Format`] if it is no sound `.npy` file or holds
/// something else than floating-point numbers.
pub fn read(path: impl AsRef<Path>) -> Result<Tensor> {
    let path = path.as_ref();
    tensor_from(&read_file(path)?, path)
}

/// Reads indices from a `.npy` file of integers.
///
/// # Errors
/// As [`read`], and [`Error::Format`] if a number is negative.
pub fn read_indices(path: impl AsRef<Path>) -> Result<Indices> {
    let path = path.as_ref();
    indices_from(&read_file(path)?, path)
}

/// Writes a tensor to a `.npy` file, replacing the file if there is one.
///
/// # Errors
/// [`Error::Io`] if writing fails; a file that was there is unchanged then.
pub fn write(path: impl AsRef<Path>, tensor: &Tensor) -> Result<()> {
    replace_file(path.as_ref(), &bytes_of(tensor)?)
}

/// Writes indices to a `.npy` file, as `int64`.
///
/// # Errors
/// As [`write()`].
pub fn write_indices(path: impl AsRef<Path>, indices: &Indices) -> Result<()> {
    let values = indices.as_slice().iter().map(|&value| value as i64);
    let bytes = array_bytes(indices.shape(), values).map_err(in_memory)?;
    replace_file(path.as_ref(), &bytes)
}

/// Writes tensors under their names to an `.npz` file, uncompressed as NumPy's `savez` does.
///
/// # Errors
/// As [`write()`], and [`Error::Argument`] if two tensors have one name.
///
/// ```
/// use cotangent_core::{Tensor, npy};
/// let path = std::env::temp_dir().join(format!("cotangent-{}.npz", std::process::id()));
/// npy::write_npz(&path, &[("x", &Tensor::from([1.0f32])), ("y", &Tensor::from([2.0f64]))])?;
/// let file = npy::Npz::read(&path)?;
/// assert_eq!(file.names().collect::<Vec<_>>(), ["x", "y"]);
/// assert_eq!(file.tensor("y")?.item()?, 2.0);
/// # std::fs::remove_file(&path).unwrap();
/// # Ok::<(), cotangent_core::Error>(())
/// ```
pub fn write_npz(path: impl AsRef<Path>, tensors: &[(&str, &Tensor)]) -> Result<()> {
    let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
    // The format's earliest date in place of today's: the same tensors give the same bytes.
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
        let bytes = bytes_of(tensor)?;
        let options = options.large_file(u32::try_from(bytes.len()).is_err());
        archive
            .start_file(format!("{name}.npy"), options)
            .map_err(|error| in_memory(error.into()))?;
        archive.write_all(&bytes).map_err(in_memory)?;
    }
    let bytes = archive.finish().map_err(|error| in_memory(error.into()))?;
    replace_file(path.as_ref(), bytes.get_ref())
}

/// An `.npz` file: arrays by name, compressed or not.
#[derive(Clone, Debug)]
pub struct Npz {
    path: PathBuf,
    arrays: BTreeMap<String, Vec<u8>>,
}

impl Npz {
    /// Reads a file.
    ///
    /// # Errors
    /// [`Error::Io`] if the file cannot be read, [`Error::Format`] if it is no sound `.npz` file.
    pub fn read(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let format = |error: zip::result::ZipError| format_error(path, error);
        let mut archive = zip::ZipArchive::new(Cursor::new(read_file(path)?)).map_err(format)?;
        let mut arrays = BTreeMap::new();
        for i in 0..archive.len() {
            let mut entry = archive.by_index(i).map_err(format)?;
            let name = entry.name().map_err(format)?.into_owned();
            let name = name
                .strip_suffix(".npy")
                .map_or(name.clone(), str::to_owned);
            let mut bytes = Vec::new();
            entry
                .read_to_end(&mut bytes)
                .map_err(|error| format_error(path, error))?;
            arrays.insert(name, bytes);
        }
        Ok(Self {
            path: path.to_owned(),
            arrays,
        })
    }

    /// The names of the arrays, in alphabetical order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.arrays.keys().map(String::as_str)
    }

    /// The tensor of that name.
    ///
    /// # Errors
    /// [`Error::Format`] if there is none, or it is no sound array of floating-point numbers.
    pub fn tensor(&self, name: &str) -> Result<Tensor> {
        self.array(name)
            .and_then(|bytes| tensor_from(bytes, &self.path))
            .map_err(|error| error.within(name))
    }

    /// The indices of that name.
    ///
    /// # Errors
    /// [`Error::Format`] if there is none, or it is no sound array of integers that are not negative.
    pub fn indices(&self, name: &str) -> Result<Indices> {
        self.array(name)
            .and_then(|bytes| indices_from(bytes, &self.path))
            .map_err(|error| error.within(name))
    }

    fn array(&self, name: &str) -> Result<&[u8]> {
        let names = || self.names().collect::<Vec<_>>().join(", ");
        let array = self.arrays.get(name).map(Vec::as_slice);
        array.ok_or_else(|| {
            format_error(
                &self.path,
                format!("there is no array of this name; there are: {}", names()),
            )
        })
    }
}

fn tensor_from(bytes: &[u8], path: &Path) -> Result<Tensor> {
    if let Some(tensor) = floats::<f32>(bytes, path)? {
        return Ok(tensor);
    }
    if let Some(tensor) = floats::<f64>(bytes, path)? {
        return Ok(tensor);
    }
    let found = open(bytes, path)?.dtype().descr();
    Err(format_error(
        path,
        format!("expected an array of float32 or float64, found {found}"),
    ))
}

/// The tensor, if the array's elements are of this type.
fn floats<F: Element + Deserialize>(bytes: &[u8], path: &Path) -> Result<Option<Tensor>> {
    let Some((values, shape, order)) = elements::<F>(bytes, path)? else {
        return Ok(None);
    };
    match order {
        Order::C => Tensor::from_vec(values, shape),
        // The first axis varies fastest: as row-major, the axes are in reverse order.
        Order::Fortran => {
            let reversed: Vec<usize> = (0..shape.len()).rev().collect();
            let shape: Shape = shape.iter().rev().copied().collect();
            Tensor::from_vec(values, shape)?.permute(&reversed)
        }
    }
    .map(Some)
}

fn indices_from(bytes: &[u8], path: &Path) -> Result<Indices> {
    fn whole<T>(bytes: &[u8], path: &Path) -> Result<Option<Indices>>
    where
        T: Deserialize + Copy + std::fmt::Display,
        usize: TryFrom<T>,
    {
        let Some((values, shape, order)) = elements::<T>(bytes, path)? else {
            return Ok(None);
        };
        if order == Order::Fortran && shape.len() > 1 {
            return Err(format_error(
                path,
                "integers in column-major order are not supported",
            ));
        }
        let convert = |value: T| {
            usize::try_from(value).map_err(|_| format_error(path, format!("{value} is no index")))
        };
        let values = values
            .into_iter()
            .map(convert)
            .collect::<Result<Vec<usize>>>()?;
        Indices::from_vec(values, shape).map(Some)
    }
    let readers = [
        whole::<i64>,
        whole::<i32>,
        whole::<i16>,
        whole::<i8>,
        whole::<u8>,
        whole::<u16>,
        whole::<u32>,
        whole::<u64>,
    ];
    for reader in readers {
        if let Some(indices) = reader(bytes, path)? {
            return Ok(indices);
        }
    }
    let found = open(bytes, path)?.dtype().descr();
    Err(format_error(
        path,
        format!("expected an array of integers, found {found}"),
    ))
}

type Elements<T> = (Vec<T>, Shape, Order);

/// The elements as they lie in the file, if they are of this type.
fn elements<T: Deserialize>(bytes: &[u8], path: &Path) -> Result<Option<Elements<T>>> {
    let file = open(bytes, path)?;
    let order = file.order();
    let shape: Shape = file.shape().iter().map(|&len| len as usize).collect();
    let count = shape.checked_len("npy")?;
    let Ok(reader) = file.try_data::<T>() else {
        return Ok(None);
    };
    let values = reader.collect::<std::io::Result<Vec<T>>>();
    let values = values
        .map_err(|error| format_error(path, format!("the elements are cut short: {error}")))?;
    debug_assert_eq!(values.len(), count);
    Ok(Some((values, shape, order)))
}

/// The file with its header read, once what it claims has been held against what is there.
fn open<'a>(bytes: &'a [u8], path: &Path) -> Result<NpyFile<&'a [u8]>> {
    plausible(bytes).map_err(|reason| format_error(path, reason))?;
    NpyFile::new(bytes).map_err(|error| format_error(path, error))
}

/// Refuses what would have a parser take memory or stack for a claim.
fn plausible(bytes: &[u8]) -> std::result::Result<(), String> {
    let no_file = || "this is no .npy file".to_owned();
    let rest = bytes.strip_prefix(b"\x93NUMPY").ok_or_else(no_file)?;
    let (len, rest) = match rest {
        [1, _, a, b, rest @ ..] => (u32::from(u16::from_le_bytes([*a, *b])), rest),
        [2 | 3, _, a, b, c, d, rest @ ..] => (u32::from_le_bytes([*a, *b, *c, *d]), rest),
        _ => return Err(no_file()),
    };
    let len = len as usize;
    if len > LONGEST_HEADER || len > rest.len() {
        return Err(format!(
            "the header claims {len} bytes, of which {} are there",
            rest.len()
        ));
    }
    let (header, data) = rest.split_at(len);
    let opening = header
        .iter()
        .filter(|byte| matches!(byte, b'(' | b'[' | b'{'));
    if opening.count() > 2 {
        return Err("the header describes something else than an array of numbers".to_owned());
    }
    // Whatever else the header says: the lengths in the one tuple are the shape.
    let text = String::from_utf8_lossy(header);
    let tuple = text
        .split_once('(')
        .and_then(|(_, rest)| rest.split_once(')'));
    let (tuple, _) = tuple.ok_or("the header has no shape")?;
    let (mut nonzero, mut empty) = (Some(1u64), false);
    for length in tuple
        .split(',')
        .map(str::trim)
        .filter(|text| !text.is_empty())
    {
        match length.trim_end_matches('L').parse::<u64>() {
            Ok(0) => empty = true,
            Ok(length) => nonzero = nonzero.and_then(|product| product.checked_mul(length)),
            Err(_) => return Err(format!("{length:?} is no length")),
        }
    }
    match nonzero {
        Some(elements) if empty || elements <= data.len() as u64 => Ok(()),
        _ => Err(format!(
            "the shape ({tuple}) has more elements than the file has bytes"
        )),
    }
}

fn bytes_of(tensor: &Tensor) -> Result<Vec<u8>> {
    with_dtype!(tensor.dtype(), F => array_bytes(tensor.shape(), tensor.array().to_vec::<F>()))
        .map_err(in_memory)
}

fn array_bytes<T: Serialize + AutoSerialize>(
    shape: &[usize],
    values: impl IntoIterator<Item = T>,
) -> std::io::Result<Vec<u8>> {
    let shape: Vec<u64> = shape.iter().map(|&len| len as u64).collect();
    let mut bytes = Vec::new();
    let options = npyz::WriteOptions::new().default_dtype().shape(&shape);
    let mut writer = options.writer(&mut bytes).begin_nd()?;
    writer.extend(values)?;
    writer.finish()?;
    Ok(bytes)
}

/// An error of writing to memory, which has none but by a fault here.
fn in_memory(error: std::io::Error) -> Error {
    Error::Io {
        path: PathBuf::new(),
        source: error,
    }
}

fn format_error(path: &Path, reason: impl std::fmt::Display) -> Error {
    Error::Format {
        path: path.to_owned(),
        reason: reason.to_string(),
    }
}
