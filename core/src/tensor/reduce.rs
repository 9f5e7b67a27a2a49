//! Reductions of an array over some of its axes: the only place that decides in which order memory
//! is read for them.

use super::array::Array;
use super::element::with_dtype;
use crate::kernel::reduce::fold::{self, Extreme, Reduction};
use crate::kernel::reduce::range;
use crate::shape::Shape;
use smallvec::SmallVec;

/// The fewest columns that are reduced side by side.
const FEW_COLUMNS: usize = 8;

/// The lengths of the axes of an array for a reduction.
enum Sweep {
    /// The last axis is reduced, which has this length.
    Rows(usize),
    /// An axis of the first length is reduced, followed by elements of the second number that are
    /// kept.
    Columns([usize; 2]),
}

impl Array {
    /// Reduces the axes for which `reduced` is true. The result has the shape `shape`, whose number
    /// of elements is the product of the other axes' lengths.
    #[track_caller]
    pub(crate) fn reduce<R: Reduction>(
        &self,
        reduction: R,
        reduced: &[bool],
        shape: Shape,
    ) -> Self {
        let (array, sweep) = self.arranged(reduced);
        with_dtype!(self.dtype(), F => match sweep {
            Sweep::Rows(len) => array.reduce_rows::<F, R>(reduction, len, shape),
            Sweep::Columns(lens) => array.reduce_columns::<F, R>(reduction, lens, shape),
        })
    }

    /// Orders the axes for a reduction of those for which `reduced` is true.
    fn arranged(&self, reduced: &[bool]) -> (Self, Sweep) {
        // Axes of length 1 are dropped: they do not change the order of the elements.
        let long = |which: bool| {
            (0..reduced.len())
                .filter(move |&axis| reduced[axis] == which && self.shape()[axis] != 1)
        };
        let kept: SmallVec<[usize; 4]> = long(false).collect();
        let gone: SmallVec<[usize; 4]> = long(true).collect();
        // The order within a sum is free, so the reduced axes are read in memory order.
        let mut by_stride = gone.clone();
        by_stride.sort_by_key(|&axis| std::cmp::Reverse(self.layout.strides[axis].abs()));
        let seen = |order: [&[usize]; 2]| self.with_layout(self.layout.permute(&order.concat()));
        let len = |axes: &[usize]| {
            axes.iter()
                .map(|&axis| self.shape()[axis])
                .product::<usize>()
        };
        let rows = seen([&kept, &by_stride]);
        let row_len = len(&gone);
        if !gone.is_empty() && rows.layout.is_row_major() {
            return (rows, Sweep::Rows(row_len));
        }
        let columns = seen([&by_stride, &kept]);
        if columns.layout.is_row_major() {
            return (columns, Sweep::Columns([row_len, len(&kept)]));
        }
        let inner: SmallVec<[usize; 4]> = kept
            .iter()
            .copied()
            .filter(|axis| Some(axis) > gone.last())
            .collect();
        let outer = kept
            .iter()
            .filter(|&axis| Some(axis) < gone.first())
            .count();
        let is_block = outer + inner.len() == kept.len();
        if is_block && len(&inner) >= FEW_COLUMNS {
            return (self.clone(), Sweep::Columns([row_len, len(&inner)]));
        }
        (rows, Sweep::Rows(row_len))
    }

    /// Computes for each group of elements that a reduction over these axes sums the power of two
    /// that scales its largest element to about 1. The result has the shape `shape`.
    ///
    /// Groups for which `fits` returns true need no scale and get 1; if all do, the result is
    /// `None`. If `spreads`, the distances between elements count, and a group of equal numbers
    /// gets 0.
    pub(crate) fn scales(
        &self,
        reduced: &[bool],
        shape: &Shape,
        spreads: bool,
        fits: impl Fn(usize) -> bool,
    ) -> Option<Self> {
        if (0..shape.iter().product()).all(&fits) {
            return None;
        }
        let [most, least] =
            [1.0, -1.0].map(|sign| self.reduce(Extreme { sign }, reduced, shape.clone()));
        with_dtype!(self.dtype(), F => {
            let most = &*most.contiguous::<F>();
            let least = &*least.contiguous::<F>();
            let scale = |(i, (&most, &less)): (usize, (&F, &F))| match -less {
                _ if fits(i) => 1.0,
                least if spreads && least == most => 0.0,
                least => range::scale(range::largest(&[least, most])),
            };
            let scales: Vec<F> = most.iter().zip(least).enumerate().map(scale).collect();
            let needed = scales.iter().any(|&scale| scale != 1.0);
            needed.then(|| Self::from_slice(shape.clone(), &scales))
        })
    }

    #[track_caller]
    fn reduce_rows<F: super::Element, R: Reduction>(
        &self,
        reduction: R,
        len: usize,
        shape: Shape,
    ) -> Self {
        let xs = &*self.contiguous::<F>();
        Self::build::<F>(shape, |out| fold::rows(reduction, xs, len, out))
    }

    /// Reduces the middle axis of (outer, rows, columns).
    #[track_caller]
    fn reduce_columns<F: super::Element, R: Reduction>(
        &self,
        reduction: R,
        lengths: [usize; 2],
        shape: Shape,
    ) -> Self {
        let xs = &*self.contiguous::<F>();
        Self::build::<F>(shape, |out| fold::columns(reduction, xs, lengths, out))
    }
}
