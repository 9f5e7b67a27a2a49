//! The rows of a `.npy` file, read where they are in the file.

use super::header::Header;
use super::{failed, invalid, number};
use crate::autograd::Tensor;
use crate::error::{Error, Result};
use crate::tensor::Shape;
use std::fs::File;
use std::io::{self, BufReader, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// A `.npy` file whose rows are read when they are needed, so that it may be larger than memory.
///
/// A row is what an index of the first axis selects. Several threads can read at the same time. The
/// file must not change meanwhile.
///
/// ```
/// use cotangent::{Tensor, npy};
/// let path = std::env::temp_dir().join(format!("cotangent-rows-{}.npy", std::process::id()));
/// npy::write(&path, &Tensor::from([[1.0f32, 2.0], [3.0, 4.0], [5.0, 6.0]]))?;
/// let rows = npy::Rows::open(&path)?;
/// assert_eq!((rows.len(), rows.shape()), (3, &[3, 2][..]));
/// assert_eq!(rows.narrow(1, 2)?.to_vec::<f32>()?, [3.0, 4.0, 5.0, 6.0]);
/// # std::fs::remove_file(&path).unwrap();
/// # Ok::<(), cotangent::Error>(())
/// ```
#[derive(Debug)]
pub struct Rows {
    path: PathBuf,
    file: Mutex<BufReader<File>>,
    header: Header,
}

impl Rows {
    /// Opens a file, and reads its header.
    ///
    /// # Errors
    /// [`Error::Io`] if the file cannot be read; [`Error::Format`] if it is not a valid `.npy` file
    /// of numbers, is shorter than its header says, has no axis, or is column-major.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let (file, header) = open(path).map_err(failed(path))?;
        Ok(Self {
            path: path.to_owned(),
            file: Mutex::new(file),
            header,
        })
    }

    /// Returns the shape of the whole array.
    pub fn shape(&self) -> &[usize] {
        &self.header.shape
    }

    /// Returns the number of rows, the length of the first axis.
    pub fn len(&self) -> usize {
        self.header.shape[0]
    }

    /// Returns whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Reads the `len` rows from `start` on, converted as [`read`](super::read) does.
    ///
    /// # Errors
    /// [`Error::Index`] if there are no such rows, [`Error::Io`] or [`Error::Format`] if they
    /// cannot be read.
    pub fn narrow(&self, start: usize, len: usize) -> Result<Tensor> {
        let rows = self.len();
        if len > rows || start > rows - len {
            let last = start.saturating_add(len).saturating_sub(1);
            let last = i64::try_from(last).unwrap_or(i64::MAX);
            return Err(Error::index("narrow", "row", last, rows, "rows"));
        }
        let header = &self.header;
        let shape: Shape = [len]
            .into_iter()
            .chain(header.shape[1..].iter().copied())
            .collect();
        let row = header.elements.checked_div(rows).unwrap_or(0);
        let part = Header {
            shape,
            elements: row * len,
            ..*header
        };
        let read = || {
            // A reader that panicked has left nothing that matters: every read begins with a seek.
            let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
            file.seek(SeekFrom::Start((header.len + row * start) as u64))?;
            number::floats(&part, &mut *file)
        };
        let values = read().map_err(failed(&self.path))?;
        values.into_tensor(&part)
    }
}

fn open(path: &Path) -> io::Result<(BufReader<File>, Header)> {
    let mut file = BufReader::new(File::open(path)?);
    let header = Header::read(&mut file)?;
    if header.shape.is_empty() {
        return Err(invalid("expected an array with rows, found a scalar"));
    }
    if header.column_major && header.shape.len() > 1 {
        let reason = "the array is column-major, so that its rows are not in one place: save \
                      `numpy.ascontiguousarray(array)`, or read the whole file by `npy::read`";
        return Err(invalid(reason));
    }
    let (needed, found) = (
        header.len + header.elements,
        file.get_ref().metadata()?.len(),
    );
    if found < needed as u64 {
        let shape = &header.shape;
        return Err(invalid(format!(
            "the file is truncated: the shape {shape} needs {needed} bytes, found {found}"
        )));
    }
    Ok((file, header))
}
