//! Tables of which only some rows are stored, since all others are 0.

use super::array::Array;
use super::contiguous::Contiguous;
use super::element::{Element, with_dtype};
use super::layout::Layout;
use super::storage::Storage;
use crate::kernel::Update;
use crate::kernel::index::rows::Occurring;
use crate::shape::Shape;
use std::sync::Arc;

/// The work for one row besides that for its elements, in elements of a sweep over the whole table.
const ROW_COST: usize = 256;

/// Returns whether to store so many rows of a table alone.
pub(crate) fn are_few(rows: usize, shape: &Shape) -> bool {
    let width: usize = shape.iter().skip(1).product();
    rows.saturating_mul(ROW_COST + width) <= shape.element_count()
}

/// The rows of an array that are stored.
#[derive(Clone, Copy)]
pub(crate) struct Rows<'a> {
    /// The numbers of the rows, in ascending order.
    pub indices: &'a Arc<[usize]>,
    values: &'a Storage,
    width: usize,
}

impl<'a> Rows<'a> {
    /// Returns the elements of the stored rows.
    pub(crate) fn values<F: Element>(self) -> Contiguous<'a, F> {
        Contiguous::own(self.values.as_slice())
    }

    /// Returns the stored row of this number; none if it is 0.
    fn get<F: Element>(self, row: usize) -> Option<&'a [F]> {
        let place = self.indices.binary_search(&row).ok()?;
        let values = self.values.as_slice::<F>();
        Some(&values[place * self.width..(place + 1) * self.width])
    }
}

impl Array {
    /// Returns the stored rows if only some are stored.
    pub(crate) fn rows(&self) -> Option<Rows<'_>> {
        let stored = self.storage.rows()?;
        let shape = self.shape();
        let width: usize = shape.iter().skip(1).product();
        // A view, such as a transposition, has other rows.
        let same = stored.values.len() == stored.indices.len() * width
            && self.storage.len() == self.len()
            && self.layout == Layout::row_major(shape.clone());
        same.then_some(Rows {
            indices: &stored.indices,
            values: &stored.values,
            width,
        })
    }

    /// Returns the values of the stored rows, (rows, …).
    pub(crate) fn row_values(&self) -> Option<Self> {
        let rows = self.rows()?;
        let mut shape = self.shape().clone();
        shape.as_mut()[0] = rows.indices.len();
        Some(Self {
            storage: rows.values.clone(),
            layout: Layout::row_major(shape),
        })
    }

    /// Creates a table with `values` in the rows `indices`, which are ascending, and zeros in the
    /// others. There is at least one row, and rows are not empty.
    pub(crate) fn with_rows(shape: Shape, indices: Arc<[usize]>, values: &Self) -> Self {
        let whole = values.storage.len() == values.len() && values.layout.is_row_major();
        let values = if whole {
            values.storage.clone()
        } else {
            values.copied().storage
        };
        Self {
            storage: Storage::of_rows(shape.element_count(), indices, values),
            layout: Layout::row_major(shape),
        }
    }

    /// Creates a table of zeros with the sums of the slices of `xs` that have the same index, if so
    /// few rows are best stored alone.
    pub(crate) fn sums_by_row(shape: &Shape, indices: &[usize], xs: &Self) -> Option<Self> {
        if indices.is_empty() || shape.element_count() == 0 || !are_few(indices.len(), shape) {
            return None;
        }
        let found = Occurring::of(indices);
        let values = with_dtype!(xs.dtype(), F => {
            let xs = &*xs.contiguous::<F>();
            let width: usize = shape.iter().skip(1).product();
            Self::build::<F>(Shape::from([found.indices.len(), width]), |out| found.sums(xs, out))
        });
        Some(Self::with_rows(
            shape.clone(),
            found.indices.into(),
            &values,
        ))
    }

    /// Returns the sum of two arrays of one shape of which only rows are stored.
    pub(crate) fn sum_of_rows(&self, other: &Self) -> Option<Self> {
        let (a, b) = (self.rows()?, other.rows()?);
        let mut indices = [&a.indices[..], &b.indices[..]].concat();
        indices.sort_unstable();
        indices.dedup();
        if !are_few(indices.len(), self.shape()) {
            return None;
        }
        let values = with_dtype!(self.dtype(), F => {
            let zeros = vec![F::default(); a.width];
            Self::build::<F>(Shape::from([indices.len(), a.width]), |out| {
                for (row, out) in indices.iter().zip(out.chunks_exact_mut(a.width)) {
                    // Zeros are added too: the sum of -0 and 0 is 0.
                    let [a, b] = [a, b].map(|rows| rows.get::<F>(*row).unwrap_or(&zeros));
                    for ((out, &a), &b) in out.iter_mut().zip(a).zip(b) {
                        *out = a + b;
                    }
                }
            })
        });
        Some(Self::with_rows(
            self.shape().clone(),
            indices.into(),
            &values,
        ))
    }

    /// Applies `update`, which must map 0 to 0, to the stored rows. Returns none if all are stored.
    pub(crate) fn updated_rows(&self, update: impl Update<1, 0>) -> Option<Self> {
        let indices = Arc::clone(self.rows()?.indices);
        let mut values = self.row_values()?;
        values.update(update, []);
        Some(Self::with_rows(self.shape().clone(), indices, &values))
    }
}
