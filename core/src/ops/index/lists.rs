//! Elements by their index in all axes, or in the first of them.

use super::gather::Picks;
use crate::autograd::{Tensor, stretch};
use crate::error::{Error, Result};
use crate::ops::shape::window::Window;
use crate::tensor::{Indices, Shape, Span, broadcast_shapes, refusable, resolve_place, room};
use std::borrow::Borrow;

/// # Indexing and sorting
impl Tensor {
    /// Returns one element as a scalar, a view. `place` has an index for each axis; negative ones
    /// count from the end. [`item`](Self::item) converts it to a number. PyTorch: `x[i, j]`.
    ///
    /// # Errors
    /// [`Error::Argument`] if there is not one index for each axis, [`Error::Index`] if an index is
    /// out of range.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let x = Tensor::from([[1.0f32, 2.0, 3.0], [4.0, 5.0, 6.0]]);
    /// assert_eq!(x.at([0, -1])?.item()?, 3.0);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn at(&self, place: impl AsRef<[isize]>) -> Result<Self> {
        let place = place.as_ref();
        if place.len() != self.rank() {
            let (rank, found) = (self.rank(), place.len());
            let reason = format!("expected an index for each of {rank} axes, found {found}");
            return Err(Error::argument("at", reason));
        }
        let axes = place.iter().zip(self.shape()).enumerate();
        let spans = axes.map(|(axis, (&index, &len))| {
            Ok(Span {
                axis,
                start: resolve_place("at", index, len)?,
                len: 1,
                step: 1,
            })
        });
        let window = spans.collect::<Result<Window>>()?;
        Ok(self.seen_through("at", window).as_scalar())
    }

    /// Returns the elements at `places` in row-major order, with the shape of `places`. In PyTorch
    /// negative places count from the end; [`Indices`] are never negative.
    ///
    /// # Errors
    /// [`Error::Index`] if a place is not below the number of elements, [`Error::Shape`] if the
    /// system refuses memory.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let x = Tensor::from([[1.0f32, 2.0, 3.0], [4.0, 5.0, 6.0]]);
    /// assert_eq!(x.take(&Indices::from([5, 0]))?.to_vec::<f32>()?, [6.0, 1.0]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn take(&self, places: &Indices) -> Result<Self> {
        places.check("take", "place", self.len(), "elements")?;
        let flat = self.reshape(self.len())?;
        let taken = flat.slices("take", 0, places)?;
        Ok(taken.reshaped(places.shape().into()))
    }

    /// Returns the elements, or the slices of the rest of the axes, at lists of indices into the
    /// first axes. For two lists and three axes, y\[i, k\] = x\[first\[i\], second\[i\], k\]. The
    /// lists are broadcast together; their shape is followed by the other axes. PyTorch:
    /// `x[first, second]`, in which negative indices count from the end.
    ///
    /// Other axes are moved to the front by [`permute`](Self::permute). The places of a mask are
    /// lists too: see [`Mask::nonzero`](crate::Mask::nonzero).
    ///
    /// # Errors
    /// [`Error::Argument`] if there are no lists or more than axes; [`Error::Index`] if an index is
    /// not below the length of its axis; [`Error::Shape`] if the lists do not broadcast, or the
    /// result has more elements than memory can hold.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let x = Tensor::from([[1.0f32, 2.0, 3.0], [4.0, 5.0, 6.0]]);
    /// let (rows, columns) = (Indices::from([0, 1, 1]), Indices::from([2, 0, 2]));
    /// assert_eq!(x.index(&[&rows, &columns])?.to_vec::<f32>()?, [3.0, 4.0, 6.0]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn index(&self, lists: &[impl Borrow<Indices>]) -> Result<Self> {
        let listed = self.listed("index", lists)?;
        let rows = self.reshape(&listed.rows)?;
        let taken = rows.slices("index", 0, &listed.picks.indices)?;
        Ok(taken.reshaped(listed.result))
    }

    /// Returns this tensor with `values` at lists of indices into the first axes, or with `values`
    /// added there if `accumulate`. `values` is broadcast to the shape that
    /// [`index`](Self::index) returns for the lists. PyTorch: `x.index_put((first, second), values,
    /// accumulate)`, or `x[first, second] = values`.
    ///
    /// Of several values for one place, the last stays, and it alone has a gradient; in PyTorch any
    /// may stay, and all have a gradient. With `accumulate` the values of a place are added
    /// pairwise in their order.
    ///
    /// # Errors
    /// As [`index`](Self::index); [`Error::Shape`] if `values` does not broadcast to the selected
    /// elements, [`Error::DType`] if the dtypes differ.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let x = Tensor::from([[1.0f32, 2.0, 3.0], [4.0, 5.0, 6.0]]);
    /// let lists = [Indices::from([0, 1]), Indices::from([2, 0])];
    /// let y = x.index_put(&lists, &Tensor::from([-3.0f32, -4.0]), false)?;
    /// assert_eq!(y.to_string(), "[[ 1.  2. -3.]\n [-4.  5.  6.]]");
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn index_put(
        &self,
        lists: &[impl Borrow<Indices>],
        values: &Self,
        accumulate: bool,
    ) -> Result<Self> {
        let op = "index_put";
        let operands = [("this tensor", Some(self)), ("values", Some(values))];
        Tensor::expect_one_dtype(op, &operands)?;
        let Listed {
            rows,
            result,
            picks,
        } = self.listed(op, lists)?;
        if broadcast_shapes(op, values.shape(), &result)? != result {
            let reason = format!("expected values that broadcast to the shape {result}");
            return Err(Error::shape(op, reason, &[self.shape(), values.shape()]));
        }
        self.reserve_like(op)?;
        refusable(op, || {
            let mut slices = rows.clone();
            slices.as_mut()[0] = picks.indices.len();
            let (table, values) = (
                self.reshaped(rows),
                stretch(values, &result).reshaped(slices),
            );
            let written = if accumulate {
                table.put(&picks, &values)
            } else {
                table.written(&picks, &values)
            };
            Ok(written.reshaped(self.array().shape().clone()))
        })
    }

    /// Checks lists of indices, and combines them to one list for the merged axes.
    fn listed(&self, op: &'static str, lists: &[impl Borrow<Indices>]) -> Result<Listed> {
        let (count, rank) = (lists.len(), self.rank());
        if !(1..=rank).contains(&count) {
            let reason = format!("expected 1 to {rank} lists of indices, found {count}");
            return Err(Error::argument(op, reason));
        }
        let mut shape = Shape::default();
        for (list, &len) in lists.iter().zip(self.shape()) {
            list.borrow()
                .check(op, "index", len, "elements of the axis")?;
            shape = broadcast_shapes(op, &shape, list.borrow().shape())?;
        }
        let (merged, rest) = self.shape().split_at(count);
        let result: Shape = shape.iter().chain(rest).copied().collect();
        result.reserve(op, self.dtype())?;
        let rows = [merged.iter().product()]
            .into_iter()
            .chain(rest.iter().copied());
        let indices = refusable(op, || {
            let mut places = Vec::new();
            // Without elements there are no places, even if the lists are long.
            if !result.contains(&0) {
                let count = shape.iter().product();
                places = room(count);
                places.resize(count, 0);
                for (list, len) in lists.iter().zip(merged) {
                    let list = list.borrow().stretched(&shape);
                    for (place, index) in places.iter_mut().zip(list.as_slice()) {
                        *place = *place * len + index;
                    }
                }
            }
            Ok(Indices::from(places))
        })?;
        Ok(Listed {
            rows: rows.collect(),
            result,
            picks: Picks {
                op,
                axis: 0,
                indices,
                each: false,
            },
        })
    }
}

/// Lists of indices as one list.
struct Listed {
    /// The shape of the tensor with the axes of the lists merged.
    rows: Shape,
    /// The shape of the selected elements.
    result: Shape,
    picks: Picks,
}
