//! Taking and replacing the elements where a mask is true.

use crate::autograd::{Cotangents, Op, OpKind, Tensor, Vjp, stretch};
use crate::error::{Error, Result};
use crate::kernel::index::places::Places;
use crate::tensor::{Array, Indices, Mask, Shape, broadcast_shapes, refusable, room, with_dtype};
use smallvec::smallvec;

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
            let mask = mask.stretched(&shape);
            if *self.array().shape() == shape {
                self.selected(op, &mask)
            } else {
                stretch(self, &shape).selected(op, &mask)
            }
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
            let source = source.flatten().narrowed(op, 0, 0, count);
            let output = merged(&found, Some(self), &source, shape);
            Ok(Self::from_op(output.into(), &[self, &source], || Merged {
                op,
                mask: mask.clone(),
            }))
        })
    }

    /// Returns the elements where a mask of this shape is true.
    fn selected(&self, op: &'static str, mask: &Mask) -> Result<Self> {
        let found = Places::of(mask.as_slice());
        let shape = Shape::from([found.count()]);
        shape.reserve(op, self.dtype())?;
        let output = with_dtype!(self.dtype(), F => {
            let xs = &*self.array().contiguous::<F>();
            Array::build::<F>(shape, |out| found.take(xs, out))
        });
        Ok(Self::from_op(output.into(), &[self], || Selected {
            op,
            mask: mask.clone(),
        }))
    }

    /// Returns zeros with these elements where a mask is true: the transpose of `selected`.
    fn spread(&self, op: &'static str, mask: &Mask) -> Self {
        let found = Places::of(mask.as_slice());
        let output = merged(&found, None, self, &Shape::from(mask.shape()));
        Self::from_op(output.into(), &[self], || Spread {
            op,
            mask: mask.clone(),
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

/// Returns the elements of `x`, or zeros, with those of `source` at the places.
fn merged(found: &Places<'_>, x: Option<&Tensor>, source: &Tensor, shape: &Shape) -> Array {
    with_dtype!(source.dtype(), F => {
        let xs = x.map(|x| x.array().contiguous::<F>());
        let source = &*source.array().contiguous::<F>();
        Array::build::<F>(shape.clone(), |out| found.merge(xs.as_deref(), source, out))
    })
}

struct Selected {
    op: &'static str,
    mask: Mask,
}

impl Op for Selected {
    fn name(&self) -> &'static str {
        self.op
    }
    fn kind(&self) -> OpKind {
        OpKind::Lookup
    }
    fn vjp(&self, cotangent: Tensor, _: &Vjp) -> Result<Cotangents> {
        Ok(smallvec![Some(cotangent.spread(self.op, &self.mask))])
    }
}

struct Spread {
    op: &'static str,
    mask: Mask,
}

impl Op for Spread {
    fn name(&self) -> &'static str {
        self.op
    }
    fn kind(&self) -> OpKind {
        OpKind::Blend
    }
    fn vjp(&self, cotangent: Tensor, _: &Vjp) -> Result<Cotangents> {
        Ok(smallvec![Some(cotangent.selected(self.op, &self.mask)?)])
    }
}

struct Merged {
    op: &'static str,
    mask: Mask,
}

impl Op for Merged {
    fn name(&self) -> &'static str {
        self.op
    }
    fn kind(&self) -> OpKind {
        OpKind::Blend
    }
    fn vjp(&self, cotangent: Tensor, context: &Vjp) -> Result<Cotangents> {
        let rest = (context.wants(0)).then(|| cotangent.masked_fill(&self.mask, 0.0));
        let source = (context.wants(1)).then(|| cotangent.selected(self.op, &self.mask));
        Ok(smallvec![rest.transpose()?, source.transpose()?])
    }
}
