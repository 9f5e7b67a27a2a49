//! The places of values in sorted sequences.

use crate::autograd::Tensor;
use crate::error::{Error, Result};
use crate::kernel::index::search;
use crate::tensor::{Indices, refusable, room, with_dtype};

/// # Indexing and sorting
impl Tensor {
    /// Returns for each of `values` its place in this sorted sequence: the number of elements below
    /// it, or with `right` the number of elements at most as large. `self` has the shape `(n)`, and
    /// `values` any shape; or both have the same leading axes, `(…, n)` and `(…, m)`, and each row
    /// of values is searched for in its own row.
    ///
    /// NaN counts as the largest number, as in [`sort`](Self::sort). In PyTorch a NaN in the
    /// sequence is smaller than every value, and a sequence that is not sorted is no error.
    ///
    /// # Errors
    /// [`Error::Argument`] if the sequence is not sorted; [`Error::Shape`] if the shapes do not
    /// fit, or the system refuses memory; [`Error::DType`] if the dtypes differ.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let sorted = Tensor::from([1.0f32, 3.0, 3.0, 5.0]);
    /// let values = Tensor::from([0.0f32, 3.0, 9.0]);
    /// assert_eq!(sorted.searchsorted(&values, false)?.as_slice(), [0, 1, 4]);
    /// assert_eq!(sorted.searchsorted(&values, true)?.as_slice(), [0, 3, 4]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    #[doc(alias = "binary_search")]
    pub fn searchsorted(&self, values: &Self, right: bool) -> Result<Indices> {
        let operands = [("the sequence", Some(self)), ("values", Some(values))];
        Tensor::expect_one_dtype("searchsorted", &operands)?;
        let fits = match (self.shape(), values.shape()) {
            ([_], _) => true,
            ([front @ .., _], [other @ .., _]) => front == other,
            _ => false,
        };
        if !fits {
            let reason = "expected a sequence of one axis, or values with the same leading axes";
            let shapes = [self.shape(), values.shape()];
            return Err(Error::shape("searchsorted", reason, &shapes));
        }
        places_of("searchsorted", self, values, right)
    }

    /// Returns for each element the number of its interval between `boundaries`, a sorted vector:
    /// interval i ends with boundary i, which belongs to it, or with `right` to the next one. It is
    /// [`searchsorted`](Self::searchsorted) with the operands exchanged.
    ///
    /// # Errors
    /// [`Error::Argument`] if the boundaries are not sorted; [`Error::Shape`] if they do not have
    /// one axis, or the system refuses memory; [`Error::DType`] if the dtypes differ.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let ages = Tensor::from([3.0f32, 18.0, 40.0, 70.0]);
    /// let boundaries = Tensor::from([18.0f32, 65.0]);
    /// assert_eq!(ages.bucketize(&boundaries, false)?.as_slice(), [0, 0, 1, 2]);
    /// assert_eq!(ages.bucketize(&boundaries, true)?.as_slice(), [0, 1, 1, 2]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    #[doc(alias = "digitize")]
    pub fn bucketize(&self, boundaries: &Self, right: bool) -> Result<Indices> {
        let operands = [
            ("this tensor", Some(self)),
            ("boundaries", Some(boundaries)),
        ];
        Tensor::expect_one_dtype("bucketize", &operands)?;
        if boundaries.rank() != 1 {
            let reason = "expected boundaries of one axis";
            return Err(Error::shape("bucketize", reason, &[boundaries.shape()]));
        }
        places_of("bucketize", boundaries, self, right)
    }
}

/// Searches for each row of values in its row of the sequence, or for all values in its only row.
fn places_of(op: &'static str, sorted: &Tensor, values: &Tensor, right: bool) -> Result<Indices> {
    let len = sorted.shape().last().copied().unwrap_or(0);
    let width = match sorted.rank() {
        1 => values.len(),
        _ => values.shape().last().copied().unwrap_or(0),
    };
    refusable(op, || {
        let mut places = room(values.len());
        places.resize(values.len(), 0);
        let mut keys = room(sorted.len());
        with_dtype!(sorted.dtype(), F => {
            let (xs, values) = (sorted.array().contiguous::<F>(), values.array().contiguous::<F>());
            let (xs, values) = (&*xs, &*values);
            keys.extend(xs.iter().map(|&x| search::key(x)));
            let rows = keys.chunks_exact(len.max(1)).zip(xs.chunks_exact(len.max(1)));
            for (keys, row) in rows {
                if let Some(i) = (1..len).find(|&i| keys[i] < keys[i - 1]) {
                    let (before, after) = (row[i - 1], row[i]);
                    let reason = format!(
                        "expected a sorted sequence, found {after} at place {i} behind {before}"
                    );
                    return Err(Error::argument(op, reason));
                }
            }
            search::places(right, [len, width], &keys, values, &mut places);
        });
        Indices::from_vec(places, values.shape())
    })
}
