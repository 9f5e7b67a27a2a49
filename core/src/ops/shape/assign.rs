//! Assignment by copy: a tensor with one of its views replaced.

use crate::autograd::Tensor;
use crate::error::{Error, Result};
use crate::ops::shape::window::Window;
use crate::tensor::{Shape, Span, resolve_axis, resolve_place};

/// # Indexing and sorting
impl Tensor {
    /// Returns this tensor with `source` in place of
    /// [`slice(axis, start, end, step)`](Self::slice). PyTorch: `x.slice_scatter(source, dim,
    /// start, end, step)`, or `x[start:end:step] = source`.
    ///
    /// # Errors
    /// As [`slice`](Self::slice); [`Error::Shape`] unless `source` has the shape of the slice, or
    /// if the system refuses memory; [`Error::DType`] if the dtypes differ.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let x = Tensor::from([1.0f32, 2.0, 3.0, 4.0]);
    /// let y = x.slice_scatter(&Tensor::from([10.0f32, 30.0]), 0, None, None, 2)?;
    /// assert_eq!(y.to_vec::<f32>()?, [10.0, 2.0, 30.0, 4.0]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn slice_scatter(
        &self,
        source: &Self,
        axis: isize,
        start: impl Into<Option<isize>>,
        end: impl Into<Option<isize>>,
        step: isize,
    ) -> Result<Self> {
        let span = Span::slice(self.shape(), axis, start.into(), end.into(), step)?;
        let mut part = self.array().shape().clone();
        part.as_mut()[span.axis] = span.len;
        self.assigned("slice_scatter", span, source, &part)
    }

    /// Returns this tensor with `source` in place of [`select(axis, index)`](Self::select).
    /// PyTorch: `x.select_scatter(source, dim, index)`, or `x[index] = source`.
    ///
    /// # Errors
    /// [`Error::Index`] if the axis or the index does not exist; [`Error::Shape`] unless `source`
    /// has the shape of this tensor without the axis, or if the system refuses memory;
    /// [`Error::DType`] if the dtypes differ.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let x = Tensor::from([[1.0f32, 2.0], [3.0, 4.0]]);
    /// let y = x.select_scatter(&Tensor::from([10.0f32, 30.0]), 1, 0)?;
    /// assert_eq!(y.to_string(), "[[10.  2.]\n [30.  4.]]");
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn select_scatter(&self, source: &Self, axis: isize, index: isize) -> Result<Self> {
        let op = "select_scatter";
        let axis = resolve_axis(op, axis, self.rank())?;
        let span = Span {
            axis,
            start: resolve_place(op, index, self.shape()[axis])?,
            len: 1,
            step: 1,
        };
        self.assigned(op, span, source, &self.array().shape().without(axis))
    }

    /// Returns this tensor with `source` in place of [`diagonal(offset)`](Self::diagonal), that of
    /// the matrices in the last two axes. PyTorch's `diagonal_scatter` takes the first two axes if
    /// it is not told others.
    ///
    /// # Errors
    /// [`Error::Shape`] if there are not at least two axes, unless `source` has the shape of the
    /// diagonal, or if the system refuses memory; [`Error::DType`] if the dtypes differ.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let x = Tensor::from([[1.0f32, 2.0], [3.0, 4.0]]);
    /// let y = x.diagonal_scatter(&Tensor::from([10.0f32, 40.0]), 0)?;
    /// assert_eq!(y.to_string(), "[[10.  2.]\n [ 3. 40.]]");
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    #[doc(alias = "fill_diagonal")]
    pub fn diagonal_scatter(&self, source: &Self, offset: isize) -> Result<Self> {
        self.expect_matrices("diagonal_scatter")?;
        let diagonal = self.array().layout.diagonal(offset);
        let window = Window::Diagonal(offset);
        self.assigned("diagonal_scatter", window, source, &diagonal.shape)
    }

    /// Replaces a window that fits this tensor by `source`, which must have the shape `part`. The
    /// window may have further axes of length 1.
    fn assigned(
        &self,
        op: &'static str,
        window: impl Into<Window>,
        source: &Self,
        part: &Shape,
    ) -> Result<Self> {
        let operands = [("this tensor", Some(self)), ("source", Some(source))];
        Tensor::expect_one_dtype(op, &operands)?;
        if source.array().shape() != part {
            let reason = format!("expected a source of the shape {part}");
            return Err(Error::shape(op, reason, &[self.shape(), source.shape()]));
        }
        self.reserve_like(op)?;
        let window = window.into();
        let seen = self.array().shape().seen_through(&window);
        Ok(self.replaced(op, window, &source.reshaped(seen)))
    }
}
