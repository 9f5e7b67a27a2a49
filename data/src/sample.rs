//! `Sample`, the trait of everything that a data set may contain: tensors, indices, tuples of them.

use std::array;
use std::hash::{Hash, Hasher};

use cotangent_core::{Error, Indices, Mask, Result, Shape, Tensor};

/// One sample, or a batch of samples: both have the same type, and a batch has one more axis in
/// front.
///
/// An image `(height, width)` and its label are the sample `(Tensor, Indices)`, with an index
/// without axes. A batch of them has images `(batch, height, width)` and labels `(batch)`. Tensors,
/// indices and masks are samples, and so are [sequences](crate::Sequence) of unequal lengths,
/// tuples and arrays of samples. `#[derive(Clone, Sample)]` makes a struct of samples a sample.
///
/// Generic code calls the methods of this trait. A tensor's own methods of the same names take an
/// axis too.
///
/// ```
/// use cotangent::data::Sample;
/// use cotangent::prelude::*;
///
/// let first = (Tensor::from([1.0f32, 2.0]), Indices::from(7));
/// let second = (Tensor::from([3.0f32, 4.0]), Indices::from(8));
/// let batch = Sample::stack(&[first, second.clone()])?;
/// assert_eq!((batch.0.shape(), batch.1.as_slice()), (&[2, 2][..], &[7, 8][..]));
/// assert_eq!((batch.rows()?, batch.row(1)?.1), (2, second.1));
/// # Ok::<(), Error>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no sample of a data set",
    note = "samples are `Tensor`, `Indices`, `Mask`, `Sequence`, tuples and arrays of samples, and \
            structs of samples with `#[derive(Clone, Sample)]`"
)]
pub trait Sample: Clone + Send + Sync + 'static {
    /// Returns a batch of samples, which must have equal shapes.
    ///
    /// # Errors
    /// [`Error::Argument`] if there are no samples, [`Error::Shape`] if their shapes differ,
    /// [`Error::DType`] if their dtypes differ.
    #[doc(alias = "collate")]
    fn stack(samples: &[Self]) -> Result<Self>;

    /// Returns the number of samples of a batch: the length of the first axis.
    ///
    /// # Errors
    /// [`Error::Shape`] if there is no axis, [`Error::Argument`] if the parts of a batch have
    /// different numbers of rows.
    fn rows(&self) -> Result<usize>;

    /// Returns a batch of the given rows, in their order. A row may occur several times.
    ///
    /// # Errors
    /// [`Error::Index`] if there is no such row, [`Error::Shape`] if there is no axis.
    fn select(&self, rows: &[usize]) -> Result<Self>;

    /// Returns the `len` rows from `start` on, as views.
    ///
    /// # Errors
    /// [`Error::Index`] if there are no such rows, [`Error::Shape`] if there is no axis.
    fn narrow(&self, start: usize, len: usize) -> Result<Self>;

    /// Returns one sample of a batch, without the axis of the batch, as a view.
    ///
    /// # Errors
    /// [`Error::Index`] if there is no such row, [`Error::Shape`] if there is no axis.
    fn row(&self, row: usize) -> Result<Self>;

    /// Adds the values to a hash, by which [processes](crate::Epochs::fingerprint) that train
    /// together check that they have the same data. The default adds nothing.
    fn digest(&self, digest: &mut dyn Hasher) {
        let _ = digest;
    }
}

impl Sample for Tensor {
    fn stack(samples: &[Self]) -> Result<Self> {
        Tensor::stack(samples, 0)
    }

    fn rows(&self) -> Result<usize> {
        first_length(self.shape())
    }

    fn select(&self, rows: &[usize]) -> Result<Self> {
        check_rows(self.shape(), rows)?;
        self.index_select(0, &Indices::from(rows))
    }

    fn narrow(&self, start: usize, len: usize) -> Result<Self> {
        self.narrow(0, start, len)
    }

    fn row(&self, row: usize) -> Result<Self> {
        check_rows(self.shape(), &[row])?;
        self.select(0, row as isize)
    }

    fn digest(&self, mut digest: &mut dyn Hasher) {
        (self.shape(), self.dtype()).hash(&mut digest);
        if let Ok(values) = self.to_vec::<f32>() {
            for value in values {
                digest.write_u32(value.to_bits());
            }
            return;
        }
        for value in self.to_f64_vec() {
            digest.write_u64(value.to_bits());
        }
    }
}

/// Implements [`Sample`] for an array of whole values.
macro_rules! cells {
    ($($type:ty),*) => {$(
        impl Sample for $type {
            fn stack(samples: &[Self]) -> Result<Self> {
                let Some(first) = samples.first() else {
                    return Err(Error::argument("stack", "expected at least one sample"));
                };
                let mut values = reserved(samples.len().saturating_mul(first.len()))?;
                for sample in samples {
                    if sample.shape() != first.shape() {
                        let reason = "samples must have equal shapes";
                        let shapes = [first.shape(), sample.shape()];
                        return Err(Error::shape("stack", reason, &shapes));
                    }
                    values.extend_from_slice(sample.as_slice());
                }
                Self::from_vec(values, batch_shape(samples.len(), first.shape()))
            }

            fn rows(&self) -> Result<usize> {
                first_length(self.shape())
            }

            fn select(&self, rows: &[usize]) -> Result<Self> {
                check_rows(self.shape(), rows)?;
                let inner = &self.shape()[1..];
                let width = inner.iter().product::<usize>();
                let mut values = reserved(rows.len().saturating_mul(width))?;
                for row in rows {
                    values.extend_from_slice(&self.as_slice()[row * width..][..width]);
                }
                Self::from_vec(values, batch_shape(rows.len(), inner))
            }

            fn narrow(&self, start: usize, len: usize) -> Result<Self> {
                self.narrow(0, start, len)
            }

            fn row(&self, row: usize) -> Result<Self> {
                check_rows(self.shape(), &[row])?;
                self.narrow(0, row, 1)?.squeeze(0)
            }

            fn digest(&self, mut digest: &mut dyn Hasher) {
                (self.shape(), self.as_slice()).hash(&mut digest);
            }
        }
    )*};
}

cells!(Indices, Mask);

/// Implements [`Sample`] for tuples.
macro_rules! tuples {
    ($(($($part:ident . $position:tt),+))*) => {$(
        impl<$($part: Sample),+> Sample for ($($part,)+) {
            fn stack(samples: &[Self]) -> Result<Self> {
                Ok(($($part::stack(
                    &samples.iter().map(|sample| sample.$position.clone()).collect::<Vec<_>>(),
                )?,)+))
            }

            fn rows(&self) -> Result<usize> {
                same_rows(&[$(self.$position.rows()?),+])
            }

            fn select(&self, rows: &[usize]) -> Result<Self> {
                Ok(($(self.$position.select(rows)?,)+))
            }

            fn narrow(&self, start: usize, len: usize) -> Result<Self> {
                Ok(($(self.$position.narrow(start, len)?,)+))
            }

            fn row(&self, row: usize) -> Result<Self> {
                Ok(($(self.$position.row(row)?,)+))
            }

            fn digest(&self, digest: &mut dyn Hasher) {
                $(self.$position.digest(digest);)+
            }
        }
    )*};
}

tuples! {
    (A.0)
    (A.0, B.1)
    (A.0, B.1, C.2)
    (A.0, B.1, C.2, D.3)
    (A.0, B.1, C.2, D.3, E.4)
    (A.0, B.1, C.2, D.3, E.4, F.5)
}

impl<S: Sample, const N: usize> Sample for [S; N] {
    fn stack(samples: &[Self]) -> Result<Self> {
        let Some(first) = samples.first() else {
            return Err(Error::argument("stack", "expected at least one sample"));
        };
        each(first, |i| {
            let parts: Vec<S> = samples.iter().map(|sample| sample[i].clone()).collect();
            S::stack(&parts)
        })
    }

    fn rows(&self) -> Result<usize> {
        same_rows(&self.iter().map(S::rows).collect::<Result<Vec<_>>>()?)
    }

    fn select(&self, rows: &[usize]) -> Result<Self> {
        each(self, |i| self[i].select(rows))
    }

    fn narrow(&self, start: usize, len: usize) -> Result<Self> {
        each(self, |i| self[i].narrow(start, len))
    }

    fn row(&self, row: usize) -> Result<Self> {
        each(self, |i| self[i].row(row))
    }

    fn digest(&self, digest: &mut dyn Hasher) {
        for part in self {
            part.digest(digest);
        }
    }
}

/// Creates the parts of an array, or returns the first error. After it the array is filled with
/// `parts`.
fn each<S: Sample, const N: usize>(
    parts: &[S; N],
    mut part: impl FnMut(usize) -> Result<S>,
) -> Result<[S; N]> {
    let mut result = Ok(());
    let created = array::from_fn(|i| {
        let created = match &result {
            Ok(()) => part(i),
            Err(_) => return parts[i].clone(),
        };
        created.unwrap_or_else(|error| {
            result = Err(error);
            parts[i].clone()
        })
    });
    result.map(|()| created)
}

/// Returns the number of rows of all parts of a batch.
#[doc(hidden)]
pub fn same_rows(rows: &[usize]) -> Result<usize> {
    let Some(&first) = rows.first() else {
        return Err(Error::argument(
            "rows",
            "a batch must have at least one part",
        ));
    };
    match rows.iter().find(|&&rows| rows != first) {
        None => Ok(first),
        Some(other) => {
            let reason = format!(
                "the parts of a batch must have the same number of rows, found {first} and {other}"
            );
            Err(Error::argument("rows", reason))
        }
    }
}

fn first_length(shape: &[usize]) -> Result<usize> {
    let reason = "expected at least one axis (samples first), found a scalar";
    let first = shape.first().copied();
    first.ok_or_else(|| Error::shape("rows", reason, &[shape]))
}

fn check_rows(shape: &[usize], rows: &[usize]) -> Result<()> {
    let count = first_length(shape)?;
    match rows.iter().find(|&&row| row >= count) {
        None => Ok(()),
        Some(&row) => {
            let row = i64::try_from(row).unwrap_or(i64::MAX);
            Err(Error::index("select", "row", row, count, "rows"))
        }
    }
}

pub(crate) fn batch_shape(rows: usize, sample: &[usize]) -> Shape {
    [rows].into_iter().chain(sample.iter().copied()).collect()
}

/// Returns an empty vector with room for `len` values, or an error if the system refuses it.
fn reserved<T>(len: usize) -> Result<Vec<T>> {
    let mut values = Vec::new();
    values.try_reserve_exact(len).map_err(Error::other)?;
    Ok(values)
}
