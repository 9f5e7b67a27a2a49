//! Views of parts of a tensor: narrowing, slicing, flipping, splitting, rows; and padding, the
//! transpose of narrowing.

use crate::autograd::Tensor;
use crate::error::{Error, Result};
use crate::ops::shape::window::Window;
use crate::tensor::{Axes, Shape, Span, resolve_axis, resolve_place};

/// # Shape and views
impl Tensor {
    /// Returns the elements `start..start + len` of one axis. A view.
    ///
    /// # Errors
    /// [`Error::Index`] if the axis or the range does not exist.
    ///
    /// ```
    /// # use cotangent::Tensor;
    /// let x = Tensor::from([1.0f32, 2.0, 3.0, 4.0]).narrow(0, 1, 2)?;
    /// assert_eq!(x.to_vec::<f32>()?, [2.0, 3.0]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn narrow(&self, axis: isize, start: usize, len: usize) -> Result<Self> {
        let span = Span::narrow(self.shape(), axis, start, len)?;
        Ok(self.seen_through("narrow", span))
    }

    /// Returns the elements at one index of an axis, without that axis. A view. A negative index
    /// counts from the end. PyTorch: `x.select(dim, index)`.
    ///
    /// # Errors
    /// [`Error::Index`] if the axis or the index does not exist.
    ///
    /// ```
    /// # use cotangent::Tensor;
    /// let x = Tensor::from([[1.0f32, 2.0, 3.0], [4.0, 5.0, 6.0]]);
    /// assert_eq!(x.select(1, -1)?.to_vec::<f32>()?, [3.0, 6.0]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn select(&self, axis: isize, index: isize) -> Result<Self> {
        let axis = resolve_axis("select", axis, self.rank())?;
        let start = resolve_place("select", index, self.shape()[axis])?;
        self.narrowed("select", axis, start, 1)
            .squeeze(axis as isize)
    }

    /// Narrows an axis to a range that is known to exist.
    pub(crate) fn narrowed(&self, op: &'static str, axis: usize, start: usize, len: usize) -> Self {
        let span = Span {
            axis,
            start,
            len,
            step: 1,
        };
        self.seen_through(op, span)
    }

    /// Returns every `step`-th element of one axis from `start` up to, and without, `end`, as
    /// NumPy's `x[start:end:step]` does. A view.
    ///
    /// A negative step goes backwards. Negative bounds count from the end. With `None` as a bound,
    /// the slice begins or stops at the end of the axis in its direction.
    ///
    /// # Errors
    /// [`Error::Index`] if there is no such axis or a bound is outside of it, where NumPy and
    /// PyTorch use the nearest valid bound; [`Error::Argument`] if `step` is 0.
    ///
    /// ```
    /// # use cotangent::Tensor;
    /// let x = Tensor::from([0.0f32, 1.0, 2.0, 3.0, 4.0, 5.0]);
    /// assert_eq!(x.slice(0, 1, -1, 2)?.to_vec::<f32>()?, [1.0, 3.0]);
    /// assert_eq!(x.slice(0, -2, None, 1)?.to_vec::<f32>()?, [4.0, 5.0]);
    /// assert_eq!(x.slice(0, 4, 1, -2)?.to_vec::<f32>()?, [4.0, 2.0]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn slice(
        &self,
        axis: isize,
        start: impl Into<Option<isize>>,
        end: impl Into<Option<isize>>,
        step: isize,
    ) -> Result<Self> {
        let span = Span::slice(self.shape(), axis, start.into(), end.into(), step)?;
        Ok(self.seen_through("slice", span))
    }

    /// Reverses the order of the elements along `axes`. A view, while PyTorch copies.
    ///
    /// # Errors
    /// [`Error::Index`] if there is no such axis, [`Error::Argument`] if one is named twice.
    ///
    /// ```
    /// # use cotangent::Tensor;
    /// let x = Tensor::from([[1.0f32, 2.0], [3.0, 4.0]]);
    /// assert_eq!(x.flip(1)?.to_vec::<f32>()?, [2.0, 1.0, 4.0, 3.0]);
    /// assert_eq!(x.flip(..)?.to_vec::<f32>()?, [4.0, 3.0, 2.0, 1.0]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    #[doc(alias = "fliplr")]
    #[doc(alias = "flipud")]
    pub fn flip(&self, axes: impl Into<Axes>) -> Result<Self> {
        let axes = axes.into();
        if let Some(vector) = self.as_vector() {
            return Ok(vector.flip(axes)?.as_scalar());
        }
        let spans = axes.named("flip", self.rank())?.into_iter().map(|axis| {
            let len = self.shape()[axis];
            Span {
                axis,
                start: len.saturating_sub(1),
                len,
                step: -1,
            }
        });
        Ok(self.seen_through("flip", spans.collect::<Window>()))
    }

    /// Pads the tensor with `value`: `around` has a pair for each axis, the number of elements
    /// before the first and after the last.
    ///
    /// The order is that of NumPy. PyTorch's `pad` takes one flat list that begins with the last
    /// axis. It also takes negative numbers; use [`narrow`](Self::narrow) instead.
    ///
    /// # Errors
    /// [`Error::Argument`] if there is not one pair for each axis, [`Error::Shape`] if there would
    /// be more elements than memory can hold.
    ///
    /// ```
    /// # use cotangent::Tensor;
    /// let x = Tensor::from([[1.0f32, 2.0]]).pad(&[(1, 0), (0, 1)], 9.0)?;
    /// assert_eq!(x.to_string(), "[[9. 9. 9.]\n [1. 2. 9.]]");
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    #[doc(alias = "constant_pad_nd")]
    pub fn pad(&self, around: &[(usize, usize)], value: f64) -> Result<Self> {
        let shape = padded_shape("pad", self, around)?;
        Ok(self.put_inside("pad", around, shape, value))
    }

    /// Returns the tensor inside a shape that is filled with `value`.
    pub(super) fn put_inside(
        &self,
        op: &'static str,
        around: &[(usize, usize)],
        shape: Shape,
        value: f64,
    ) -> Self {
        let axes = self.shape().iter().zip(around).enumerate();
        let spans = axes.map(|(axis, (&len, &(start, _)))| Span {
            axis,
            start,
            len,
            step: 1,
        });
        self.put_behind(op, spans.collect::<Window>(), shape, value)
    }
}

/// Checks that there is a pair for each axis, and returns the shape with so many elements more.
pub(super) fn padded_shape(
    op: &'static str,
    x: &Tensor,
    around: &[(usize, usize)],
) -> Result<Shape> {
    if around.len() != x.rank() {
        let (pairs, rank) = (around.len(), x.rank());
        let reason = format!("expected a pair for each of {rank} axes, found {pairs}");
        return Err(Error::argument(op, reason));
    }
    let axes = x.shape().iter().zip(around);
    let shape: Shape = axes
        .map(|(len, &(before, after))| len.saturating_add(before).saturating_add(after))
        .collect();
    shape.reserve(op, x.dtype())?;
    Ok(shape)
}

/// # Joining and splitting
impl Tensor {
    /// Splits an axis into consecutive pieces of length `len`, the last of which may be shorter.
    /// Views. An empty axis gives one empty piece.
    ///
    /// # Errors
    /// [`Error::Index`] if there is no such axis, [`Error::Argument`] if `len` is 0.
    ///
    /// ```
    /// # use cotangent::Tensor;
    /// let pieces = Tensor::from([1.0f32, 2.0, 3.0, 4.0, 5.0]).split(0, 2)?;
    /// assert_eq!(pieces.len(), 3);
    /// assert_eq!(pieces[2].to_vec::<f32>()?, [5.0]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn split(&self, axis: isize, len: usize) -> Result<Vec<Self>> {
        let axis = resolve_axis("split", axis, self.rank())?;
        if len == 0 {
            return Err(Error::argument(
                "split",
                "expected a length of at least 1, found 0",
            ));
        }
        Ok(self.pieces("split", axis, len))
    }

    fn pieces(&self, op: &'static str, axis: usize, len: usize) -> Vec<Self> {
        let full = self.shape()[axis];
        (0..full.div_ceil(len).max(1))
            .map(|i| self.narrowed(op, axis, i * len, len.min(full - i * len)))
            .collect()
    }

    /// Splits an axis into consecutive pieces of the given lengths, whose sum must be that of the
    /// axis. Views.
    ///
    /// # Errors
    /// [`Error::Index`] if there is no such axis, [`Error::Shape`] if the lengths do not add up.
    ///
    /// ```
    /// # use cotangent::Tensor;
    /// let pieces = Tensor::from([1.0f32, 2.0, 3.0]).split_sizes(0, &[1, 2])?;
    /// assert_eq!(pieces[1].to_vec::<f32>()?, [2.0, 3.0]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    #[doc(alias = "split_with_sizes")]
    pub fn split_sizes(&self, axis: isize, sizes: &[usize]) -> Result<Vec<Self>> {
        let axis = resolve_axis("split_sizes", axis, self.rank())?;
        let total = sizes.iter().try_fold(0usize, |sum, &n| sum.checked_add(n));
        if total != Some(self.shape()[axis]) {
            let len = self.shape()[axis];
            let reason =
                format!("the sizes {sizes:?} do not add up to the length {len} of axis {axis}");
            return Err(Error::shape("split_sizes", reason, &[self.shape()]));
        }
        let mut start = 0;
        let piece = |&len: &usize| {
            start += len;
            self.narrowed("split_sizes", axis, start - len, len)
        };
        Ok(sizes.iter().map(piece).collect())
    }

    /// Splits an axis into at most `count` pieces of equal length, the last of which may be
    /// shorter. Views.
    ///
    /// An axis of length n gives pieces of length ⌈n / count⌉, as in PyTorch. They may be fewer
    /// than `count`: 7 into 5 gives 2, 2, 2, 1. An empty axis gives one empty piece, while PyTorch
    /// returns `count` of them.
    ///
    /// # Errors
    /// [`Error::Index`] if there is no such axis, [`Error::Argument`] if `count` is 0.
    ///
    /// ```
    /// # use cotangent::{DType, Tensor};
    /// let [query, key, value] = &Tensor::zeros([5, 12], DType::F32)?.chunk(1, 3)?[..] else {
    ///     panic!("12 columns are 3 times 4");
    /// };
    /// for piece in [query, key, value] {
    ///     assert_eq!(piece.shape(), [5, 4]);
    /// }
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn chunk(&self, axis: isize, count: usize) -> Result<Vec<Self>> {
        let axis = resolve_axis("chunk", axis, self.rank())?;
        if count == 0 {
            return Err(Error::argument(
                "chunk",
                "expected at least one piece, found 0",
            ));
        }
        Ok(self.pieces("chunk", axis, self.shape()[axis].div_ceil(count).max(1)))
    }

    /// Iterates over the slices of the first axis, without that axis. Views.
    ///
    /// Backward computes a tensor of the whole shape for each row. For many rows
    /// [`index_select`](Self::index_select), or an operation on all of them, is cheaper.
    ///
    /// # Errors
    /// [`Error::Shape`] if there is no axis.
    ///
    /// ```
    /// # use cotangent::Tensor;
    /// let x = Tensor::from([[1.0f32, 2.0], [3.0, 4.0]]);
    /// let rows = x.rows()?;
    /// assert_eq!(rows.len(), 2);
    /// for row in rows {
    ///     assert_eq!(row.shape(), [2]);
    /// }
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    #[doc(alias = "unbind")]
    pub fn rows(
        &self,
    ) -> Result<impl ExactSizeIterator<Item = Self> + DoubleEndedIterator + use<>> {
        let Some(&count) = self.shape().first() else {
            return Err(Error::shape(
                "rows",
                "expected at least one axis",
                &[self.shape()],
            ));
        };
        let (x, shape) = (self.clone(), self.array().shape().without(0));
        Ok((0..count).map(move |i| x.narrowed("rows", 0, i, 1).reshaped(shape.clone())))
    }
}
