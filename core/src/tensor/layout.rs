//! Layouts: shape, strides and offset of an array in its storage, and the views that only change
//! these.

use crate::kernel::linear::matrix::Matrix;
use crate::kernel::strided::{View, is_row_major};
use crate::shape::{Shape, SmallList};
use smallvec::SmallVec;

/// The shape, the strides in elements, and the index of the first element in the storage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Layout {
    pub shape: Shape,
    pub strides: SmallList<isize>,
    pub offset: usize,
}

impl Layout {
    /// Creates the row-major layout without gaps.
    pub(crate) fn row_major(shape: Shape) -> Self {
        let mut strides = SmallList::filled(0, shape.len());
        let mut stride = 1isize;
        for (place, &len) in strides.iter_mut().zip(shape.iter()).rev() {
            *place = stride;
            stride *= len.max(1) as isize;
        }
        Self {
            shape,
            strides,
            offset: 0,
        }
    }

    pub(crate) fn is_row_major(&self) -> bool {
        is_row_major(&self.shape, &self.strides)
    }

    /// Returns a view with this layout and no data.
    pub(crate) fn view<F: Copy>(&self) -> View<'_, F> {
        View {
            data: &[],
            offset: self.offset,
            strides: &self.strides,
            shape: &self.shape,
        }
    }

    /// Returns matrix number `index`, in row-major order, of this stack of matrices (the last two
    /// axes) in `data`.
    pub(crate) fn matrix<'a, F>(&self, data: &'a [F], index: usize) -> Matrix<'a, F> {
        let rank = self.shape.len();
        let mut offset = self.offset as isize;
        let mut rest = index;
        for axis in (0..rank - 2).rev() {
            offset += (rest % self.shape[axis]) as isize * self.strides[axis];
            rest /= self.shape[axis];
        }
        Matrix {
            data,
            offset: offset as usize,
            row_stride: self.strides[rank - 2],
            column_stride: self.strides[rank - 1],
        }
    }

    /// Puts the axes in another order: axis `i` of the result is axis `order[i]` of this layout.
    pub(crate) fn permute(&self, order: &[usize]) -> Self {
        Self {
            shape: order.iter().map(|&axis| self.shape[axis]).collect(),
            strides: order.iter().map(|&axis| self.strides[axis]).collect(),
            offset: self.offset,
        }
    }

    /// Stretches this layout to `shape`, to which it must broadcast.
    pub(crate) fn broadcast_to(&self, shape: &Shape) -> Self {
        let missing = shape.len() - self.shape.len();
        let strides = (0..shape.len())
            .map(|axis| {
                let own = axis.checked_sub(missing);
                own.filter(|&own| self.shape[own] != 1)
                    .map_or(0, |own| self.strides[own])
            })
            .collect();
        Self {
            shape: shape.clone(),
            strides,
            offset: self.offset,
        }
    }

    /// Keeps `len` elements of `axis` from `start`, every `step`-th, backwards if negative.
    pub(crate) fn slice(&self, axis: usize, start: usize, len: usize, step: isize) -> Self {
        let mut layout = self.clone();
        if len > 0 {
            layout.offset = (layout.offset as isize + start as isize * self.strides[axis]) as usize;
        }
        layout.shape.as_mut()[axis] = len;
        layout.strides[axis] *= step;
        layout
    }

    /// Replaces the last two axes by the diagonal on which the column number exceeds the row number
    /// by `offset`.
    pub(crate) fn diagonal(&self, offset: isize) -> Self {
        let mut layout = self.clone();
        let [(columns, column_stride), (rows, row_stride)] = [(); 2].map(|()| {
            (
                layout.shape.as_mut().edit(Vec::pop),
                layout.strides.edit(Vec::pop),
            )
        });
        let (first_row, first_column) = match offset.unsigned_abs() {
            distance if offset < 0 => (distance, 0),
            distance => (0, distance),
        };
        let left = |len: Option<usize>, first: usize| len.unwrap_or(0).saturating_sub(first);
        let len = left(rows, first_row).min(left(columns, first_column));
        let (row_stride, column_stride) = (row_stride.unwrap_or(0), column_stride.unwrap_or(0));
        if len > 0 {
            let first = first_row as isize * row_stride + first_column as isize * column_stride;
            layout.offset = (layout.offset as isize + first) as usize;
        }
        layout.shape.as_mut().edit(|lengths| lengths.push(len));
        layout
            .strides
            .edit(|strides| strides.push(row_stride + column_stride));
        layout
    }

    /// Merges axes as far as the strides allow, without changing the order of the elements.
    pub(crate) fn collapsed(&self) -> Self {
        let runs = self.merged();
        Self {
            shape: runs.iter().map(|&(len, _)| len).collect(),
            strides: runs.iter().map(|&(_, stride)| stride).collect(),
            offset: self.offset,
        }
    }

    /// Gives the same elements another shape, or returns `None` if that needs a copy.
    pub(crate) fn reshape(&self, shape: &Shape) -> Option<Self> {
        if self.is_row_major() {
            return Some(Self {
                offset: self.offset,
                ..Self::row_major(shape.clone())
            });
        }
        // Neighbouring axes that are one axis in memory can be divided into new axes.
        let runs = self.merged();
        let mut strides: SmallVec<[isize; 4]> = SmallVec::new();
        let mut runs = runs.into_iter();
        let mut run = runs.next();
        let mut left = run.map_or(1, |(len, _)| len);
        for &len in shape.iter() {
            if len == 1 {
                strides.push(0);
                continue;
            }
            while left == 1 {
                run = runs.next();
                left = run?.0;
            }
            if len == 0 || !left.is_multiple_of(len) {
                return None;
            }
            left /= len;
            strides.push(run?.1 * left as isize);
        }
        Some(Self {
            shape: shape.clone(),
            strides: SmallList::from(&strides[..]),
            offset: self.offset,
        })
    }

    /// Returns (length, stride) of the axes without those of length 1; neighbouring axes that are
    /// one axis in memory are merged.
    fn merged(&self) -> SmallVec<[(usize, isize); 4]> {
        let mut runs: SmallVec<[(usize, isize); 4]> = SmallVec::new();
        for (&len, &stride) in self.shape.iter().zip(self.strides.iter()) {
            if len == 1 {
                continue;
            }
            match runs.last_mut() {
                Some((last, last_stride)) if *last_stride == stride * len as isize => {
                    *last *= len;
                    *last_stride = stride;
                }
                _ => runs.push((len, stride)),
            }
        }
        runs
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reshape_of_a_transposed_layout_is_a_view_only_where_memory_allows() {
        let transposed = Layout::row_major(Shape::from([2, 3, 4])).permute(&[2, 0, 1]);
        let split = transposed
            .reshape(&Shape::from([2, 2, 6]))
            .map(|l| l.strides.to_vec());
        assert_eq!(split, Some(vec![2, 1, 4]));
        assert!(transposed.reshape(&Shape::from([8, 3])).is_none());
        assert!(transposed.reshape(&Shape::from([24])).is_none());
    }
}
