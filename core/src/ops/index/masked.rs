//! Taking and replacing the elements where a mask is true.

use super::gather::Picks;
use crate::autograd::{Tensor, stretch};
use crate::error::{Error, Result};
use crate::kernel::index::places::Places;
use crate::tensor::{Array, Indices, Mask, broadcast_shapes, refusable, room, with_dtype};

/// # Indexing and sorting
impl Mask {
    /// Returns the places where this mask is true, in row-major order: a row for each, with an
    /// index for each axis, `(count, rank)`.
    ///
    /// The columns are lists for [`Tensor::index`]: `places.transpose(0, 1)?.rows()?`. A mask of
    /// one axis selects slices by `x.index_select(axis, &mask.nonzero()?)`.
    ///
    /// # Errors
    /// [`Error::Shape`] if the system refuses memory.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let mask = Mask::from([[true, false], [true, true]]);
    /// assert_eq!(mask.nonzero()?, Indices::from([[0, 0], [1, 0], [1, 1]]));
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    #[doc(alias = "argwhere")]
    pub fn nonzero(&self) -> Result<Indices> {
        let shape = self.shape();
        let places = places("nonzero", self)?;
        refusable("nonzero", || {
            let mut indices = room(places.len() * shape.len());
            for &place in places.as_slice() {
                let row = indices.len();
                indices.resize(row + shape.len(), 0);
                let axes = indices[row..].iter_mut().zip(shape).rev();
                axes.fold(place, |rest, (index, len)| {
                    *index = rest % len;
                    rest / len
                });
            }
            Indices::from_vec(indices, [places.len(), shape.len()])
        })
    }
}

/// # Indexing and sorting
impl Tensor {
    /// Returns the elements where `mask` is true, in row-major order, as a vector. The mask and
    /// this tensor are broadcast together. PyTorch: `x[mask]`, `x.masked_select(mask)`.
    ///
    /// # Errors
    /// [`Error::Shape`] if the shapes do not broadcast, or the system refuses memory.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let x = Tensor::from([[1.0f32, -2.0], [-3.0, 4.0]]);
    /// assert_eq!(x.masked_select(&x.gt_scalar(0.0))?.to_vec::<f32>()?, [1.0, 4.0]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    #[doc(alias = "boolean_mask")]
    pub fn masked_select(&self, mask: &Mask) -> Result<Self> {
        let op = "masked_select";
        let shape = broadcast_shapes(op, self.shape(), mask.shape())?;
        shape.checked_len(op)?;
        refusable(op, || {
            let places = places(op, &mask.stretched(&shape))?;
            let wide = if *self.array().shape() == shape {
                self.clone()
            } else {
                stretch(self, &shape)
            };
            wide.flatten().slices(op, 0, &places)
        })
    }

    /// Returns this tensor with the elements where `mask`, broadcast to this tensor's shape, is
    /// true replaced by the first elements of `source`, in row-major order. It is the transpose of
    /// [`masked_select`](Self::masked_select) among the other elements.
    ///
    /// # Errors
    /// [`Error::Shape`] if the mask does not broadcast to this shape, `source` has fewer elements
    /// than the mask selects, or the system refuses memory; [`Error::DType`] if the dtypes differ.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let x = Tensor::from([[1.0f32, -2.0], [-3.0, 4.0]]);
    /// let y = x.masked_scatter(&x.lt_scalar(0.0), &Tensor::from([10.0f32, 20.0, 30.0]))?;
    /// assert_eq!(y.to_string(), "[[ 1. 10.]\n [20.  4.]]");
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn masked_scatter(&self, mask: &Mask, source: &Self) -> Result<Self> {
        let op = "masked_scatter";
        let operands = [("this tensor", Some(self)), ("source", Some(source))];
        Tensor::expect_one_dtype(op, &operands)?;
        let shape = self.array().shape();
        if broadcast_shapes(op, mask.shape(), shape)? != *shape {
            let reason = "the mask must broadcast to the shape of the tensor";
            return Err(Error::shape(op, reason, &[mask.shape(), shape]));
        }
        self.reserve_like(op)?;
        refusable(op, || {
            let mask = mask.stretched(shape);
            let found = Places::of(mask.as_slice());
            let count = found.count();
            if source.len() < count {
                let reason = format!("expected a source of at least {count} elements");
                return Err(Error::shape(op, reason, &[shape, source.shape()]));
            }
            let (x, source) = (self.flatten(), source.flatten().narrowed(op, 0, 0, count));
            let output = with_dtype!(self.dtype(), F => {
                let xs = &*x.array().contiguous::<F>();
                let source = &*source.array().contiguous::<F>();
                Array::build::<F>(x.array().shape().clone(), |out| found.merge(xs, source, out))
            });
            if !x.is_tracked() && !source.is_tracked() {
                return Ok(Self::from(output).reshaped(shape.clone()));
            }
            let picks = Picks {
                op,
                axis: 0,
                indices: listed(&found),
                each: false,
            };
            let written = x.recorded_writing(&picks, &source, output);
            Ok(written.reshaped(shape.clone()))
        })
    }

    /// Returns the places of the elements that are not 0, as [`Mask::nonzero`] does. NaN is not 0.
    ///
    /// # Errors
    /// [`Error::Shape`] if the system refuses memory.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let x = Tensor::from([[1.0f32, 0.0], [-3.0, 4.0]]);
    /// assert_eq!(x.nonzero()?, Indices::from([[0, 0], [1, 0], [1, 1]]));
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    #[doc(alias = "argwhere")]
    pub fn nonzero(&self) -> Result<Indices> {
        refusable("nonzero", || self.ne_scalar(0.0).nonzero())
    }
}

/// Returns the places of true values in row-major order.
fn places(op: &'static str, mask: &Mask) -> Result<Indices> {
    refusable(op, || Ok(listed(&Places::of(mask.as_slice()))))
}

/// Lists places, within [`refusable`].
fn listed(found: &Places<'_>) -> Indices {
    let mut places = room(found.count());
    places.resize(found.count(), 0);
    found.write(&mut places);
    Indices::from(places)
}
