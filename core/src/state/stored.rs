//! An entry to be loaded, in memory or in a file. The values in a file are read only if they fit.

use super::dict::Entry;
use crate::autograd::Tensor;
use crate::error::Result;
use crate::tensor::bytes::{from_bf16, from_f16};
use crate::tensor::{DType, Element, Shape};
use safetensors::tensor::{Dtype, TensorView};
use std::borrow::Cow;

/// An entry to be loaded.
pub(super) enum Stored<'s> {
    /// An entry of a state in memory.
    InMemory(&'s Entry),
    /// An entry of a file, of any type.
    InFile(View<'s>),
}

/// A tensor in the bytes of a file.
#[derive(Clone)]
pub(super) struct View<'s> {
    pub dtype: Dtype,
    pub shape: Vec<usize>,
    /// The bytes from the first element to the last.
    pub bytes: &'s [u8],
    /// The distances in elements between neighbours, or `None` if the order is row-major.
    pub strides: Option<Vec<usize>>,
}

impl<'s> From<TensorView<'s>> for View<'s> {
    fn from(view: TensorView<'s>) -> Self {
        Self {
            dtype: view.dtype(),
            shape: view.shape().to_vec(),
            bytes: view.data(),
            strides: None,
        }
    }
}

impl<'s> View<'s> {
    /// Returns the bytes of the elements in row-major order.
    fn row_major(&self) -> Cow<'s, [u8]> {
        let Some(strides) = &self.strides else {
            return self.bytes.into();
        };
        let size = self.dtype.bitsize() / 8;
        let count: usize = self.shape.iter().product();
        let mut bytes = Vec::with_capacity(count * size);
        let mut index = vec![0; self.shape.len()];
        for _ in 0..count {
            let places = index.iter().zip(strides).map(|(i, stride)| i * stride);
            let place = places.sum::<usize>() * size;
            bytes.extend_from_slice(&self.bytes[place..place + size]);
            for (i, &len) in index.iter_mut().zip(&self.shape).rev() {
                *i += 1;
                if *i < len {
                    break;
                }
                *i = 0;
            }
        }
        bytes.into()
    }
}

impl Stored<'_> {
    /// Reads the value, for any leaf.
    pub fn read(&self) -> Result<Entry, String> {
        match self {
            Self::InMemory(entry) => Ok((*entry).clone()),
            Self::InFile(view) if held_in(view.dtype).is_some() => {
                read_tensor(view).map(Entry::Tensor)
            }
            Self::InFile(_) => self.count().map(Entry::Count),
        }
    }

    /// Reads the value for a leaf with the value `expected`, if the shapes are equal and no number
    /// has to be rounded.
    pub fn tensor_like(&self, expected: &Tensor) -> Result<Tensor, String> {
        let fits = match (held_in(self.dtype()), expected.dtype()) {
            (Some(found), expected) => found == expected || expected == DType::F64,
            (None, _) => false,
        };
        if !fits {
            let found = self.dtype();
            return Err(format!(
                "expected dtype {}, found {found:?}",
                expected.dtype()
            ));
        }
        if self.shape() != expected.shape() {
            return Err(format!(
                "expected shape {}, found {}",
                Shape::from(expected.shape()),
                Shape::from(self.shape())
            ));
        }
        match self.read()? {
            Entry::Tensor(tensor) => Ok(tensor.detach().to_dtype(expected.dtype())),
            Entry::Count(_) => Err(format!("expected dtype {}, found I64", expected.dtype())),
        }
    }

    /// Returns whether the value would have to be rounded for a leaf with the value `expected`.
    pub fn is_wider_than(&self, expected: &Tensor) -> bool {
        self.dtype() == Dtype::F64 && expected.dtype() == DType::F32
    }

    /// Reads the value for a counter.
    pub fn count(&self) -> Result<u64, String> {
        match self {
            Self::InMemory(Entry::Count(count)) => return Ok(*count),
            Self::InFile(view) if view.dtype == Dtype::I64 && view.shape.is_empty() => {
                if let Ok(bytes) = view.bytes.try_into() {
                    return u64::try_from(i64::from_le_bytes(bytes))
                        .map_err(|_| "expected a count, found a negative number".to_owned());
                }
            }
            _ => {}
        }
        Err(format!(
            "expected a scalar of dtype I64, found {:?} {}",
            self.dtype(),
            Shape::from(self.shape())
        ))
    }

    fn dtype(&self) -> Dtype {
        match self {
            Self::InMemory(Entry::Tensor(tensor)) => file_dtype(tensor.dtype()),
            Self::InMemory(Entry::Count(_)) => Dtype::I64,
            Self::InFile(view) => view.dtype,
        }
    }

    fn shape(&self) -> &[usize] {
        match self {
            Self::InMemory(Entry::Tensor(tensor)) => tensor.shape(),
            Self::InMemory(Entry::Count(_)) => &[],
            Self::InFile(view) => &view.shape,
        }
    }
}

/// Returns the dtype of files for a dtype.
pub(super) fn file_dtype(dtype: DType) -> Dtype {
    match dtype {
        DType::F32 => Dtype::F32,
        DType::F64 => Dtype::F64,
    }
}

/// Returns the smallest dtype that can represent all numbers of a file's dtype, or `None` if that
/// is not for parameters.
fn held_in(dtype: Dtype) -> Option<DType> {
    match dtype {
        Dtype::F64 => Some(DType::F64),
        Dtype::F32 | Dtype::F16 | Dtype::BF16 => Some(DType::F32),
        _ => None,
    }
}

/// Reads the tensor of an entry, with the dtype that [`held_in`] returns.
fn read_tensor(view: &View<'_>) -> Result<Tensor, String> {
    fn values<T: Element, const N: usize>(
        view: &View<'_>,
        read: impl Fn([u8; N]) -> T,
    ) -> Result<Tensor> {
        let bytes = view.row_major();
        let (chunks, _) = bytes.as_chunks::<N>();
        let values: Vec<T> = chunks.iter().map(|chunk| read(*chunk)).collect();
        Tensor::from_vec(values, &view.shape[..])
    }
    let tensor = match view.dtype {
        Dtype::F64 => values(view, f64::from_le_bytes),
        Dtype::F32 => values(view, f32::from_le_bytes),
        Dtype::F16 => values(view, |bytes| from_f16(u16::from_le_bytes(bytes))),
        Dtype::BF16 => values(view, |bytes| from_bf16(u16::from_le_bytes(bytes))),
        other => return Err(format!("expected floating-point numbers, found {other:?}")),
    };
    tensor.map_err(|error| error.to_string())
}
