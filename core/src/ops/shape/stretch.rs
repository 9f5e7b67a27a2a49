//! Elements repeated one by one, and grids of coordinates.

use super::join::borrowed;
use crate::autograd::{Tensor, stretch};
use crate::error::{Error, Result};
use crate::tensor::{Indices, Shape, refusable, resolve_axis, room};
use std::borrow::Borrow;

/// # Joining and splitting
impl Tensor {
    /// Repeats each slice of an axis, side by side: slice i `times[i]` times, or every slice
    /// `times` times if there is one number. [`repeat`](Self::repeat) repeats the axis as a whole.
    /// PyTorch: `x.repeat_interleave(times, axis)`; without an axis it repeats the
    /// [flattened](Self::flatten) elements.
    ///
    /// # Errors
    /// [`Error::Index`] if there is no such axis; [`Error::Shape`] if there is neither one number
    /// nor one for each slice, or if there would be more elements than memory can hold.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let x = Tensor::from([1.0f32, 2.0]);
    /// let y = x.repeat_interleave(0, &Indices::from(2))?;
    /// assert_eq!(y.to_vec::<f32>()?, [1.0, 1.0, 2.0, 2.0]);
    /// let y = x.repeat_interleave(0, &Indices::from([3, 1]))?;
    /// assert_eq!(y.to_vec::<f32>()?, [1.0, 1.0, 1.0, 2.0]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn repeat_interleave(&self, axis: isize, times: &Indices) -> Result<Self> {
        let op = "repeat_interleave";
        if let Some(vector) = self.as_vector() {
            return vector.repeat_interleave(axis, times);
        }
        let axis = resolve_axis(op, axis, self.rank())?;
        let len = self.shape()[axis];
        let (one, many) = (times.len() == 1, times.shape() == [len]);
        if times.rank() > 1 || !(one || many) {
            let reason = format!("expected one number of times or {len}, one for each slice");
            return Err(Error::shape(op, reason, &[self.shape(), times.shape()]));
        }
        let counts = || times.as_slice().iter().copied();
        let total = counts().fold(0, usize::saturating_add);
        let total = if one {
            total.saturating_mul(len)
        } else {
            total
        };
        let mut shape = self.array().shape().clone();
        shape.as_mut()[axis] = total;
        shape.reserve(op, self.dtype())?;
        if one {
            // (…, n, 1, …) becomes (…, n, times, …), which is merged.
            let axes = |each: usize| {
                let mut axes = self.array().shape().clone();
                axes.as_mut().edit(|lengths| lengths.insert(axis + 1, each));
                axes
            };
            let stretched = stretch(
                &self.reshaped(axes(1)),
                &axes(total.checked_div(len).unwrap_or(0)),
            );
            return Ok(stretched.reshaped(shape));
        }
        let places = refusable(op, || {
            let mut places = Vec::new();
            // Without elements there are no places, even if there are many slices.
            if !self.is_empty() {
                places = room(total);
                for (slice, count) in counts().enumerate() {
                    places.extend(std::iter::repeat_n(slice, count));
                }
            }
            Ok(Indices::from(places))
        })?;
        Ok(self.slices(op, axis, &places)?.reshaped(shape))
    }

    /// Returns the coordinates of the grid whose axes are these vectors: for vectors of the lengths
    /// n₁, …, nₖ as many tensors of the shape (n₁, …, nₖ), of which number i varies along axis i.
    /// Views. A scalar is a vector of one element.
    ///
    /// The order of the axes is PyTorch's `indexing="ij"`. For `"xy"` exchange the first two axes
    /// of each tensor.
    ///
    /// # Errors
    /// [`Error::Argument`] if there are no vectors, [`Error::Shape`] if one has more than one axis
    /// or the grid has more points than a process can address, [`Error::DType`] if the dtypes
    /// differ.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let (x, y) = (Tensor::from([1.0f32, 2.0]), Tensor::from([3.0f32, 4.0, 5.0]));
    /// let grid = Tensor::meshgrid(&[x, y])?;
    /// assert_eq!(grid[0].to_string(), "[[1. 1. 1.]\n [2. 2. 2.]]");
    /// assert_eq!(grid[1].to_string(), "[[3. 4. 5.]\n [3. 4. 5.]]");
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn meshgrid(vectors: &[impl Borrow<Self>]) -> Result<Vec<Self>> {
        let vectors = borrowed("meshgrid", vectors)?;
        if let Some(other) = vectors.iter().find(|vector| vector.rank() > 1) {
            let reason = "expected vectors";
            return Err(Error::shape("meshgrid", reason, &[other.shape()]));
        }
        let shape: Shape = vectors.iter().map(|vector| vector.len()).collect();
        shape.checked_len("meshgrid")?;
        let along = |(axis, vector): (usize, &&Self)| {
            let mut own = Shape::from(vec![1; shape.len()]);
            own.as_mut()[axis] = vector.len();
            stretch(&vector.reshaped(own), &shape)
        };
        Ok(vectors.iter().enumerate().map(along).collect())
    }
}
