//! Shared values with a shape, and their views: the common part of `Indices` and `Mask`.

use super::checks::resolve_axis;
use super::layout::Layout;
use super::span::Span;
use super::storage::{refusable, room};
use crate::error::{Error, Result};
use crate::kernel::strided::View;
use crate::kernel::threads::parallel::{self, GRAIN};
use crate::shape::Shape;
use std::sync::Arc;

/// Values in row-major order: a contiguous part of a shared vector.
#[derive(Clone)]
pub(super) struct Cells<T> {
    values: Arc<Vec<T>>,
    /// The index of the first value in the vector.
    start: usize,
    shape: Shape,
}

impl<T> Cells<T> {
    /// Takes the values of a vector, whose length `shape` must have.
    fn new(values: Vec<T>, shape: Shape) -> Self {
        Self {
            values: Arc::new(values),
            start: 0,
            shape,
        }
    }

    pub(super) fn scalar(value: T) -> Self {
        Self::new(vec![value], Shape::default())
    }

    pub(super) fn matrix(values: &[T], [rows, columns]: [usize; 2]) -> Self
    where
        T: Clone,
    {
        Self::new(values.to_vec(), Shape::from([rows, columns]))
    }

    pub(super) fn from_vec(op: &'static str, values: Vec<T>, shape: Shape) -> Result<Self> {
        if shape.checked_len(op)? != values.len() {
            let reason = format!("{} values do not fill the shape", values.len());
            return Err(Error::shape(op, reason, &[&shape]));
        }
        Ok(Self::new(values, shape))
    }

    pub(super) fn shape(&self) -> &Shape {
        &self.shape
    }

    pub(super) fn as_slice(&self) -> &[T] {
        match self.shape.element_count() {
            // A view of no values may start anywhere.
            0 => &[],
            len => &self.values[self.start..self.start + len],
        }
    }

    /// Gives the same values another shape with as many elements.
    fn reshaped(&self, shape: Shape) -> Self {
        Self {
            values: Arc::clone(&self.values),
            start: self.start,
            shape,
        }
    }

    pub(super) fn reshape(&self, shape: Shape) -> Result<Self> {
        let shape = shape.filled_by("reshape", &self.shape, "values")?;
        Ok(self.reshaped(shape))
    }

    pub(super) fn flatten(&self) -> Self {
        self.reshaped(Shape::from(self.shape.element_count()))
    }

    pub(super) fn unsqueeze(&self, axis: isize) -> Result<Self> {
        Ok(self.reshaped(self.shape.unsqueezed(axis)?))
    }

    pub(super) fn squeeze(&self, axis: isize) -> Result<Self> {
        Ok(self.reshaped(self.shape.squeezed(axis)?))
    }

    /// Returns the slice `index` of the first axis, without that axis.
    fn row(&self, index: usize, shape: &Shape) -> Self {
        Self {
            values: Arc::clone(&self.values),
            start: self.start + index * shape.element_count(),
            shape: shape.clone(),
        }
    }
}

impl<T: Copy + Default + Send + Sync> Cells<T> {
    /// Creates values of the given shape, which `fill` writes.
    pub(super) fn build(shape: Shape, fill: impl FnOnce(&mut [T])) -> Self {
        let len = shape.element_count();
        let mut values = room(len);
        values.resize(len, T::default());
        fill(&mut values);
        Self::new(values, shape)
    }

    /// Returns a strided view of the values.
    pub(super) fn view<'a>(&'a self, layout: &'a Layout) -> View<'a, T> {
        View {
            data: self.as_slice(),
            offset: layout.offset,
            strides: &layout.strides,
            shape: &layout.shape,
        }
    }

    /// Returns the values that a layout selects: a view if they are in row-major order, else a
    /// copy.
    pub(super) fn seen(&self, layout: &Layout) -> Self {
        if layout.is_row_major() {
            return Self {
                values: Arc::clone(&self.values),
                start: self.start + layout.offset,
                shape: layout.shape.clone(),
            };
        }
        let view = self.view(layout);
        Self::build(layout.shape.clone(), |out| {
            let piece = view.piece_len(GRAIN);
            parallel::chunks_mut(out, piece, &|start, out| view.gather(start, out));
        })
    }

    /// Broadcasts the values to `shape`; they are copied unless they have it already.
    pub(super) fn stretched(&self, shape: &Shape) -> Self {
        if self.shape == *shape {
            return self.clone();
        }
        self.seen(&self.layout().broadcast_to(shape))
    }

    pub(super) fn layout(&self) -> Layout {
        Layout::row_major(self.shape.clone())
    }

    pub(super) fn narrow(&self, axis: isize, start: usize, len: usize) -> Result<Self> {
        self.within("narrow", Span::narrow(&self.shape, axis, start, len)?)
    }

    pub(super) fn slice(
        &self,
        axis: isize,
        start: Option<isize>,
        end: Option<isize>,
        step: isize,
    ) -> Result<Self> {
        self.within("slice", Span::slice(&self.shape, axis, start, end, step)?)
    }

    fn within(&self, op: &'static str, span: Span) -> Result<Self> {
        let layout = (self.layout()).slice(span.axis, span.start, span.len, span.step);
        refusable(op, || Ok(self.seen(&layout)))
    }

    pub(super) fn transpose(&self, first: isize, second: isize) -> Result<Self> {
        let rank = self.shape.len();
        let resolve = |axis| resolve_axis("transpose", axis, rank.max(1));
        let (first, second) = (resolve(first)?, resolve(second)?);
        if first == second {
            return Ok(self.clone());
        }
        let mut order: Vec<usize> = (0..rank).collect();
        order.swap(first, second);
        refusable(
            "transpose",
            || Ok(self.seen(&self.layout().permute(&order))),
        )
    }

    pub(super) fn rows(
        &self,
    ) -> Result<impl ExactSizeIterator<Item = Self> + DoubleEndedIterator + use<T>> {
        let Some(&count) = self.shape.first() else {
            let reason = "expected at least one axis";
            return Err(Error::shape("rows", reason, &[&self.shape]));
        };
        let (cells, shape) = (self.clone(), self.shape.without(0));
        Ok((0..count).map(move |index| cells.row(index, &shape)))
    }
}

impl<T: PartialEq> PartialEq for Cells<T> {
    fn eq(&self, other: &Self) -> bool {
        self.shape == other.shape && self.as_slice() == other.as_slice()
    }
}

impl<T: Eq> Eq for Cells<T> {}

/// Defines the public methods of a type around [`Cells`] of `$value`. The text `$six` is an
/// expression for six values, for the examples.
macro_rules! cells {
    ($name:ident of $value:ty, $six:literal) => {
        /// # Shape and views
        ///
        /// The values are immutable and always in row-major order. A view shares their memory, and
        /// keeps all of it alive; where the order must change, the values are copied.
        impl $name {
            /// Returns the same values in row-major order under another shape. One length may be
            /// [`INFER`](crate::INFER).
            ///
            /// # Errors
            /// [`Error::Shape`](crate::Error::Shape) if the numbers of values differ, if more than
            /// one length is `INFER`, or if no single length fits in its place.
            ///
            /// ```
            #[doc = concat!("# use cotangent::{", stringify!($name), ", INFER};")]
            #[doc = concat!("let x = ", $six, ".reshape([2, 3])?;")]
            /// assert_eq!(x.reshape([INFER, 2])?.shape(), [3, 2]);
            /// # Ok::<(), cotangent::Error>(())
            /// ```
            #[doc(alias = "view")]
            pub fn reshape(&self, shape: impl Into<Shape>) -> Result<Self> {
                self.0.reshape(shape.into()).map(Self)
            }

            /// Returns all values in row-major order as a vector. A view.
            #[must_use]
            pub fn flatten(&self) -> Self {
                Self(self.0.flatten())
            }

            /// Returns the values `start..start + len` of one axis: a view if they lie side by
            /// side, as those of the first axis do, else a copy.
            ///
            /// # Errors
            /// [`Error::Index`](crate::Error::Index) if the axis or the range does not exist,
            /// [`Error::Shape`](crate::Error::Shape) if the system refuses memory.
            ///
            /// ```
            #[doc = concat!("# use cotangent::", stringify!($name), ";")]
            #[doc = concat!("let x = ", $six, ".reshape([2, 3])?;")]
            /// assert_eq!(x.narrow(1, 0, 2)?.shape(), [2, 2]);
            /// # Ok::<(), cotangent::Error>(())
            /// ```
            pub fn narrow(&self, axis: isize, start: usize, len: usize) -> Result<Self> {
                self.0.narrow(axis, start, len).map(Self)
            }

            /// Returns every `step`-th value of one axis from `start` up to, and without, `end`, as
            /// [`Tensor::slice`](crate::Tensor::slice) does: a view if they lie side by side, else
            /// a copy.
            ///
            /// # Errors
            /// [`Error::Index`](crate::Error::Index) if there is no such axis or a bound is outside
            /// of it, [`Error::Argument`](crate::Error::Argument) if `step` is 0,
            /// [`Error::Shape`](crate::Error::Shape) if the system refuses memory.
            ///
            /// ```
            #[doc = concat!("# use cotangent::", stringify!($name), ";")]
            #[doc = concat!("let x = ", $six, ";")]
            /// assert_eq!(x.slice(0, 1, -1, 2)?.len(), 2);
            /// # Ok::<(), cotangent::Error>(())
            /// ```
            pub fn slice(
                &self,
                axis: isize,
                start: impl Into<Option<isize>>,
                end: impl Into<Option<isize>>,
                step: isize,
            ) -> Result<Self> {
                self.0.slice(axis, start.into(), end.into(), step).map(Self)
            }

            /// Returns a copy with two axes exchanged; negative ones count from the end.
            ///
            /// # Errors
            /// [`Error::Index`](crate::Error::Index) if there is no such axis,
            /// [`Error::Shape`](crate::Error::Shape) if the system refuses memory.
            ///
            /// ```
            #[doc = concat!("# use cotangent::", stringify!($name), ";")]
            #[doc = concat!("let x = ", $six, ".reshape([2, 3])?;")]
            /// assert_eq!(x.transpose(0, 1)?.shape(), [3, 2]);
            /// # Ok::<(), cotangent::Error>(())
            /// ```
            pub fn transpose(&self, first: isize, second: isize) -> Result<Self> {
                self.0.transpose(first, second).map(Self)
            }

            /// Adds an axis of length 1 in front of axis `axis` (`-1`: after the last). A view.
            ///
            /// # Errors
            /// [`Error::Index`](crate::Error::Index) if the place is out of range.
            pub fn unsqueeze(&self, axis: isize) -> Result<Self> {
                self.0.unsqueeze(axis).map(Self)
            }

            /// Removes axis `axis`, whose length must be 1. A view.
            ///
            /// # Errors
            /// [`Error::Index`](crate::Error::Index) if there is no such axis,
            /// [`Error::Shape`](crate::Error::Shape) if it is longer.
            pub fn squeeze(&self, axis: isize) -> Result<Self> {
                self.0.squeeze(axis).map(Self)
            }

            /// Returns the slices of the first axis, one by one, without that axis. Views.
            ///
            /// # Errors
            /// [`Error::Shape`](crate::Error::Shape) if there is no axis.
            ///
            /// ```
            #[doc = concat!("# use cotangent::", stringify!($name), ";")]
            #[doc = concat!("let x = ", $six, ".reshape([2, 3])?;")]
            /// for row in x.rows()? {
            ///     assert_eq!(row.shape(), [3]);
            /// }
            /// # Ok::<(), cotangent::Error>(())
            /// ```
            #[doc(alias = "unbind")]
            pub fn rows(
                &self,
            ) -> Result<impl ExactSizeIterator<Item = Self> + DoubleEndedIterator + use<>> {
                Ok(self.0.rows()?.map(Self))
            }
        }

        impl $name {
            /// Broadcasts the values to `shape`; they are copied unless they have it already.
            pub(crate) fn stretched(&self, shape: &Shape) -> Self {
                Self(self.0.stretched(shape))
            }
        }

        /// # Properties and data
        impl $name {
            /// Returns the lengths of the axes, outermost first; empty for a scalar.
            pub fn shape(&self) -> &[usize] {
                self.0.shape()
            }

            /// Returns the number of axes.
            pub fn rank(&self) -> usize {
                self.0.shape().len()
            }

            /// Returns the values in row-major order.
            pub fn as_slice(&self) -> &[$value] {
                self.0.as_slice()
            }

            /// Returns the number of values.
            pub fn len(&self) -> usize {
                self.as_slice().len()
            }

            /// Returns whether there are no values.
            pub fn is_empty(&self) -> bool {
                self.len() == 0
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.debug_struct(stringify!($name))
                    .field("values", &self.as_slice())
                    .field("shape", self.0.shape())
                    .finish()
            }
        }

        impl From<$value> for $name {
            /// Creates a scalar: one value without axes.
            fn from(value: $value) -> Self {
                Self(Cells::scalar(value))
            }
        }

        impl From<Vec<$value>> for $name {
            fn from(values: Vec<$value>) -> Self {
                Self(values.into())
            }
        }

        impl From<&[$value]> for $name {
            fn from(values: &[$value]) -> Self {
                Self::from(values.to_vec())
            }
        }

        impl<const N: usize> From<[$value; N]> for $name {
            fn from(values: [$value; N]) -> Self {
                Self::from(values.to_vec())
            }
        }

        impl<const N: usize, const M: usize> From<[[$value; N]; M]> for $name {
            fn from(values: [[$value; N]; M]) -> Self {
                Self(Cells::matrix(values.as_flattened(), [M, N]))
            }
        }

        impl FromIterator<$value> for $name {
            fn from_iter<I: IntoIterator<Item = $value>>(values: I) -> Self {
                Self::from(values.into_iter().collect::<Vec<_>>())
            }
        }
    };
}
pub(super) use cells;

impl<T> From<Vec<T>> for Cells<T> {
    fn from(values: Vec<T>) -> Self {
        let shape = Shape::from(values.len());
        Self::new(values, shape)
    }
}

#[cfg(test)]
mod tests {
    use crate::tensor::{INFER, Indices, Mask};
    use crate::{DType, Result};

    #[test]
    fn parts_of_the_first_axis_share_memory() -> Result<()> {
        let text: Indices = (0..10).collect();
        let window = text.narrow(0, 3, 4)?;
        assert_eq!(window.as_slice(), [3, 4, 5, 6]);
        assert_eq!(window.as_slice().as_ptr(), text.as_slice()[3..].as_ptr());
        let rows = window.reshape([2, INFER])?;
        assert_eq!(rows, Indices::from([[3, 4], [5, 6]]));
        let last = rows.rows()?.next_back().expect("two rows");
        assert_eq!(last.as_slice().as_ptr(), text.as_slice()[5..].as_ptr());
        assert_eq!(last.narrow(0, 1, 1)?.as_slice(), [6]);
        Ok(())
    }

    #[test]
    fn other_parts_are_copied_in_order() -> Result<()> {
        let x = Indices::from([[0, 1, 2], [3, 4, 5]]);
        assert_eq!(x.narrow(1, 1, 2)?, Indices::from([[1, 2], [4, 5]]));
        assert_eq!(x.narrow(-1, 3, 0)?.shape(), [2, 0]);
        assert_eq!(x.transpose(0, -1)?, Indices::from([[0, 3], [1, 4], [2, 5]]));
        let reversed = Indices::from([[3, 4, 5], [0, 1, 2]]);
        assert_eq!(x.slice(0, None, None, -1)?, reversed);
        assert_eq!(x.flatten().slice(0, 1, -1, 2)?.as_slice(), [1, 3]);
        assert_eq!(x.unsqueeze(1)?.shape(), [2, 1, 3]);
        assert_eq!(x.unsqueeze(-1)?.squeeze(2)?, x);
        let mask = Mask::from([[true, false], [false, false]]);
        assert_eq!(mask.transpose(0, 1)?.narrow(0, 1, 1)?.count(), 0);
        assert_eq!(mask.unsqueeze(0)?.rows()?.len(), 1);
        Ok(())
    }

    #[test]
    fn errors_read_as_those_of_tensors() -> Result<()> {
        let (x, tensor) = (
            Indices::range(6)?.reshape([2, 3])?,
            crate::Tensor::zeros([2, 3], DType::F32)?,
        );
        let same = |ours: Result<Indices>, theirs: Result<crate::Tensor>| {
            let [ours, theirs] =
                [ours.err(), theirs.err()].map(|error| error.map(|e| e.to_string()));
            assert!(ours.is_some() && ours == theirs, "{ours:?} {theirs:?}");
        };
        same(x.narrow(0, 1, 2), tensor.narrow(0, 1, 2));
        same(x.narrow(2, 1, 2), tensor.narrow(2, 1, 2));
        same(x.slice(1, 5, None, 1), tensor.slice(1, 5, None, 1));
        same(x.slice(1, 0, None, 0), tensor.slice(1, 0, None, 0));
        same(x.transpose(0, 2), tensor.transpose(0, 2));
        same(x.squeeze(0), tensor.squeeze(0));
        same(x.unsqueeze(4), tensor.unsqueeze(4));
        let error = x.reshape([4, INFER]).expect_err("6 by 4");
        let text = "reshape: 6 values cannot be divided by 4, the product of the given lengths \
                    (shapes (2, 3) and (4, INFER))";
        assert_eq!(error.to_string(), text);
        Ok(())
    }

    #[test]
    fn indices_compare_elementwise_and_as_a_whole() -> Result<()> {
        let x = Indices::from([[3, 1], [2, 3]]);
        let row = Indices::from([3, 3]);
        assert_eq!(x.eq(&row)?, Mask::from([[true, false], [false, true]]));
        assert_eq!(x.ne(&row)?, x.eq(&row)?.not());
        assert_eq!(x.eq_scalar(2).count() + x.ne_scalar(2).count(), 4);
        assert_eq!(x.eq(&Indices::from(3))?, x.eq_scalar(3));
        assert!(x == x.clone() && x.flatten() != x);
        assert!(x.eq(&Indices::from([1, 2, 3])).is_err());
        assert_eq!(x.narrow(0, 1, 1)?.flatten(), Indices::from([2, 3]));
        Ok(())
    }
}
