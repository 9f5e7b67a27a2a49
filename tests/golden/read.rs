//! Reads golden files: tensors with names `operation/case/role`. Records which a test has read.

use cotangent::prelude::*;
use safetensors::{Dtype, SafeTensors};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Returns the folder of the golden files.
pub fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("golden/data")
}

/// A golden file. It records which tensors are read, so that a test can check that it read all.
pub struct File {
    pub name: &'static str,
    stored: BTreeMap<String, Stored>,
    read: RefCell<BTreeSet<String>>,
}

enum Stored {
    Real(Tensor),
    Whole(Indices),
}

impl File {
    /// Reads a file of the folder; panics if it is missing or malformed.
    pub fn open(name: &'static str) -> Self {
        let path = directory().join(name).with_extension("safetensors");
        let bytes =
            std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let file = SafeTensors::deserialize(&bytes).unwrap();
        let stored = file.iter().map(|(key, view)| {
            let (shape, data) = (view.shape(), view.data());
            let value = match view.dtype() {
                Dtype::F32 => Stored::Real(
                    Tensor::from_vec(numbers(data, f32::from_le_bytes), shape).unwrap(),
                ),
                Dtype::F64 => Stored::Real(
                    Tensor::from_vec(numbers(data, f64::from_le_bytes), shape).unwrap(),
                ),
                Dtype::I64 => {
                    let values = numbers(data, |bytes| {
                        usize::try_from(i64::from_le_bytes(bytes)).unwrap()
                    });
                    Stored::Whole(Indices::from_vec(values, shape).unwrap())
                }
                other => panic!("{name}: {key} holds {other:?}"),
            };
            (key.to_owned(), value)
        });
        Self {
            name,
            stored: stored.collect(),
            read: RefCell::default(),
        }
    }

    /// Returns the distinct first parts of the names.
    pub fn operations(&self) -> BTreeSet<&str> {
        self.stored
            .keys()
            .filter_map(|key| key.split('/').next())
            .collect()
    }

    /// Returns the distinct second parts of the names that start with `operation`.
    pub fn cases(&self, operation: &str) -> BTreeSet<&str> {
        let parts = self.stored.keys().map(|key| key.split('/'));
        parts
            .filter_map(|mut parts| (parts.next()? == operation).then(|| parts.next())?)
            .collect()
    }

    /// Returns a tensor of real numbers in its stored dtype.
    pub fn get(&self, key: &str) -> Option<Tensor> {
        let Stored::Real(tensor) = self.mark(key)? else {
            panic!("{}: {key} holds whole numbers", self.name)
        };
        Some(tensor.clone())
    }

    /// As [`get`](Self::get), but panics if the tensor is missing.
    pub fn tensor(&self, key: &str) -> Tensor {
        self.get(key)
            .unwrap_or_else(|| panic!("{}: there is no {key}", self.name))
    }

    /// Returns labels, indices or a count.
    pub fn indices(&self, key: &str) -> Option<Indices> {
        let Stored::Whole(indices) = self.mark(key)? else {
            panic!("{}: {key} holds real numbers", self.name)
        };
        Some(indices.clone())
    }

    /// Returns the tensors `key.0`, `key.1` and so on.
    pub fn numbered(&self, key: &str) -> Vec<Tensor> {
        (0..)
            .map_while(|i| self.get(&format!("{key}.{i}")))
            .collect()
    }

    fn mark(&self, key: &str) -> Option<&Stored> {
        let (key, stored) = self.stored.get_key_value(key)?;
        self.read.borrow_mut().insert(key.clone());
        Some(stored)
    }

    /// Returns the names that no test has read.
    pub fn unread(&self) -> Vec<String> {
        let read = self.read.borrow();
        self.stored
            .keys()
            .filter(|&key| !read.contains(key))
            .cloned()
            .collect()
    }
}

fn numbers<T, const N: usize>(bytes: &[u8], read: impl Fn([u8; N]) -> T) -> Vec<T> {
    bytes
        .as_chunks::<N>()
        .0
        .iter()
        .map(|chunk| read(*chunk))
        .collect()
}

/// A memory layout of an operand; the values are the same in all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    Contiguous,
    /// A view with reversed strides.
    Reversed,
    /// A view into a longer last axis, with a NaN on both sides.
    Embedded,
}

impl Form {
    pub const ALL: [Self; 3] = [Self::Contiguous, Self::Reversed, Self::Embedded];

    pub fn lay(self, x: &Tensor) -> Tensor {
        match self {
            Self::Contiguous => x.clone(),
            Self::Reversed => reversed(&copied(&reversed(x))),
            Self::Embedded if x.rank() == 0 => {
                let padded = [f64::NAN, x.item().unwrap(), f64::NAN];
                let padded = Tensor::from(padded).to_dtype(x.dtype());
                padded.narrow(0, 1, 1).unwrap().reshape([]).unwrap()
            }
            Self::Embedded => {
                let len = x.shape()[x.rank() - 1];
                let mut shape = x.shape().to_vec();
                shape[x.rank() - 1] = len + 2;
                let mut values = x.to_f64_vec().into_iter();
                let mut place = 0;
                let padded = Tensor::from_fn(shape, x.dtype(), || {
                    let inside = (1..=len).contains(&(place % (len + 2)));
                    place += 1;
                    if inside {
                        values.next().unwrap()
                    } else {
                        f64::NAN
                    }
                });
                padded.unwrap().narrow(-1, 1, len).unwrap()
            }
        }
    }
}

fn reversed(x: &Tensor) -> Tensor {
    x.permute((0..x.rank() as isize).rev().collect::<Axes>())
        .unwrap()
}

/// Returns a contiguous copy.
fn copied(x: &Tensor) -> Tensor {
    Tensor::from_vec(x.to_f64_vec(), x.shape())
        .unwrap()
        .to_dtype(x.dtype())
}
