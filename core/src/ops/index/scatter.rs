//! Writing elements by index, each at a place of its own: replacing the elements there, or adding
//! to them.

use super::gather::{Picks, in_a_vector};
use crate::autograd::{Cotangents, Op, OpKind, Tensor, Vjp};
use crate::error::{Error, Result};
use crate::kernel::index::{are_ascending, write};
use crate::tensor::{Array, Indices, Mask, Shape, resolve_axis, with_dtype};
use smallvec::smallvec;

/// # Indexing and sorting
impl Tensor {
    /// Returns this tensor with the elements at `indices` along `axis` replaced by those of
    /// `source`. For axis 1 of three, y\[i, indices\[i, j, k\], k\] = source\[i, j, k\]. Elements
    /// of `source` without an index are not used.
    ///
    /// Of several elements for one place, the last in row-major order stays, and it alone has a
    /// gradient. In PyTorch any of them may stay, and all have one.
    ///
    /// # Errors
    /// As [`scatter_add`](Self::scatter_add).
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let x = Tensor::from([10.0f32, 20.0, 30.0]);
    /// let y = x.scatter(0, &Indices::from([2, 0]), &Tensor::from([1.0f32, 2.0]))?;
    /// assert_eq!(y.to_vec::<f32>()?, [2.0, 20.0, 1.0]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    #[doc(alias = "put_along_axis")]
    pub fn scatter(&self, axis: isize, indices: &Indices, source: &Self) -> Result<Self> {
        self.scattered("scatter", axis, indices, source, &|x, picks, source| {
            Ok(x.written(picks, source))
        })
    }

    /// Returns this tensor with the elements of `source` added at `indices` along `axis`. For axis
    /// 1 of three, y\[i, indices\[i, j, k\], k\] += source\[i, j, k\]. It is the transpose of
    /// [`gather`](Self::gather). Elements of `source` without an index are not added. Several
    /// elements of one place are added in their order and in `f64`, so that the sum is always the
    /// same.
    ///
    /// # Errors
    /// [`Error::Index`] if there is no such axis or an index is not below its length;
    /// [`Error::Shape`] if `indices` has another number of axes than this tensor or `source`, is
    /// longer than `source` along any axis, or is longer than this tensor along another axis;
    /// [`Error::DType`] if the dtypes differ.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let x = Tensor::from([10.0f32, 20.0, 30.0]);
    /// let y = x.scatter_add(0, &Indices::from([0, 2, 0]), &Tensor::from([1.0f32, 2.0, 3.0]))?;
    /// assert_eq!(y.to_vec::<f32>()?, [14.0, 20.0, 32.0]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    #[doc(alias = "put_along_axis")]
    pub fn scatter_add(&self, axis: isize, indices: &Indices, source: &Self) -> Result<Self> {
        self.scattered("scatter_add", axis, indices, source, &|x, picks, source| {
            Ok(x.put(picks, source))
        })
    }

    /// Checks the arguments of an operation that scatters, and calls `write` with the lines that
    /// the indices select from, the indices, and the elements of `source` that have one.
    pub(super) fn scattered(
        &self,
        op: &'static str,
        axis: isize,
        indices: &Indices,
        source: &Self,
        write: &dyn Fn(&Self, &Picks, &Self) -> Result<Self>,
    ) -> Result<Self> {
        let operands = [("this tensor", Some(self)), ("source", Some(source))];
        Tensor::expect_one_dtype(op, &operands)?;
        if let Some(vector) = self.as_vector() {
            let source = source.as_vector().unwrap_or_else(|| source.clone());
            let indices = in_a_vector(indices)?;
            let written = vector.scattered(op, axis, &indices, &source, write)?;
            return Ok(written.as_scalar());
        }
        let axis = resolve_axis(op, axis, self.rank())?;
        let lines = self.lines_of(op, axis, indices)?;
        let covers = source.rank() == self.rank()
            && source
                .shape()
                .iter()
                .zip(indices.shape())
                .all(|(n, i)| i <= n);
        if !covers {
            let reason =
                "expected a source with at least as many elements as indices along each axis";
            let shapes = [indices.shape(), source.shape()];
            return Err(Error::shape(op, reason, &shapes));
        }
        self.reserve_like(op)?;
        let source = source.cropped(op, indices.shape());
        let picks = Picks {
            op,
            axis,
            indices: indices.clone(),
            each: true,
        };
        let written = write(&self.cropped(op, &lines), &picks, &source)?;
        if written.shape() == self.shape() {
            return Ok(written);
        }
        Ok(self.with_corner(op, &written))
    }

    /// Returns this tensor with `source` at places in range. Of several elements or slices for one
    /// place, the last stays.
    pub(super) fn written(&self, picks: &Picks, source: &Self) -> Self {
        if !picks.each && !are_ascending(picks.indices.as_slice()) {
            let (places, indices) = last_of_each(picks, self.shape()[picks.axis]);
            let kept = Picks {
                indices: places,
                ..picks.clone()
            };
            let picks = Picks {
                indices,
                ..picks.clone()
            };
            return self.written(&picks, &source.taken(&kept));
        }
        let (sizes, indices) = (picks.sizes(self.shape()), picks.indices.as_slice());
        let output = with_dtype!(self.dtype(), F => {
            let xs = &*source.array().contiguous::<F>();
            let write = if picks.each { write::write_each::<F> } else { write::write_slices::<F> };
            Array::build::<F>(self.array().shape().clone(), |out| {
                self.array().copy_to(out);
                write(sizes, indices, xs, out);
            })
        });
        Self::from_op(output.into(), &[self, source], || Written {
            picks: picks.clone(),
            source: source.array().shape().clone(),
        })
    }
}

/// Returns the number of the last slice for each index that occurs, and these indices, ascending.
fn last_of_each(picks: &Picks, len: usize) -> (Indices, Indices) {
    let mut last = vec![None; len];
    for (k, &index) in picks.indices.as_slice().iter().enumerate() {
        last[index] = Some(k);
    }
    let found = || (0..len).filter_map(|index| Some((last[index]?, index)));
    (
        found().map(|(k, _)| k).collect(),
        found().map(|(_, index)| index).collect(),
    )
}

/// Saves the places, and the shape of what was written there. Slices have ascending places.
struct Written {
    picks: Picks,
    source: Shape,
}

impl Op for Written {
    fn name(&self) -> &'static str {
        self.picks.op
    }
    fn kind(&self) -> OpKind {
        OpKind::Blend
    }
    fn vjp(&self, cotangent: Tensor, context: &Vjp) -> Result<Cotangents> {
        let zeros = Tensor::constant_of(&self.source, 0.0, cotangent.dtype());
        let rest = (context.wants(0)).then(|| cotangent.written(&self.picks, &zeros));
        let source = context.wants(1).then(|| {
            let taken = cotangent.taken(&self.picks);
            if !self.picks.each {
                return Ok(taken);
            }
            let (sizes, indices) = (self.picks.sizes(cotangent.shape()), &self.picks.indices);
            let kept = Mask::build(self.source.clone(), |out| {
                write::kept_each(sizes, indices.as_slice(), out);
            });
            if kept.all() {
                Ok(taken)
            } else {
                kept.select(&taken, &zeros)
            }
        });
        Ok(smallvec![rest, source.transpose()?])
    }
}
