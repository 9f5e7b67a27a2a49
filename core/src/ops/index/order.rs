//! Sorting, and the largest or smallest elements. The results are gathered from the operand, so
//! that gradients flow back to the elements that were taken.

use crate::autograd::Tensor;
use crate::error::{Error, Result};
use crate::kernel::reduce::order::{Lines, Pick};
use crate::tensor::{Indices, resolve_axis, with_dtype};

/// The order of sorted elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// From the smallest element to the largest.
    Ascending,
    /// From the largest element to the smallest.
    Descending,
}

/// # Indexing and sorting
impl Tensor {
    /// Sorts the elements along an axis. Returns them with their places: `x.gather(axis, &places)`
    /// is the sorted tensor. Equal elements keep their order (PyTorch's `stable=True`), and NaN
    /// counts as the largest.
    ///
    /// # Errors
    /// [`Error::Index`] if there is no such axis.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let (sorted, places) = Tensor::from([3.0f32, 1.0, 2.0]).sort(0, Order::Ascending)?;
    /// assert_eq!(sorted.to_vec::<f32>()?, [1.0, 2.0, 3.0]);
    /// assert_eq!(places.as_slice(), [1, 2, 0]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    #[doc(alias = "argsort")]
    pub fn sort(&self, axis: isize, order: Order) -> Result<(Self, Indices)> {
        if let Some(vector) = self.as_vector() {
            let (sorted, places) = vector.sort(axis, order)?;
            return Ok((sorted.as_scalar(), places.reshape([])?));
        }
        let axis = resolve_axis("sort", axis, self.rank())?;
        self.ordered("sort", axis, self.shape()[axis], order)
    }

    /// Returns the `k` largest elements along an axis, from the largest on, with their places. Of
    /// equal elements the first is taken first, and NaN counts as the largest.
    ///
    /// # Errors
    /// [`Error::Index`] if there is no such axis; [`Error::Argument`] if the axis has fewer than
    /// `k` elements, or if `k` is not 1 for a scalar.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let x = Tensor::from([[1.0f32, 5.0, 3.0], [2.0, 0.0, 4.0]]);
    /// let (values, places) = x.top_k(1, 2)?;
    /// assert_eq!(values.to_string(), "[[5. 3.]\n [4. 2.]]");
    /// assert_eq!(places.as_slice(), [1, 2, 2, 0]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    #[doc(alias = "topk")]
    pub fn top_k(&self, axis: isize, k: usize) -> Result<(Self, Indices)> {
        self.first_k("top_k", axis, k, Order::Descending)
    }

    /// Returns the `k` smallest elements along an axis, from the smallest on, with their places. Of
    /// equal elements the first is taken first, and NaN counts as the largest. In PyTorch it is
    /// `topk` with `largest=False`.
    ///
    /// # Errors
    /// As [`top_k`](Self::top_k).
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let x = Tensor::from([[1.0f32, 5.0, 3.0], [2.0, 0.0, 4.0]]);
    /// let (values, places) = x.bottom_k(1, 2)?;
    /// assert_eq!(values.to_string(), "[[1. 3.]\n [0. 2.]]");
    /// assert_eq!(places.as_slice(), [0, 2, 1, 0]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    #[doc(alias = "topk")]
    pub fn bottom_k(&self, axis: isize, k: usize) -> Result<(Self, Indices)> {
        self.first_k("bottom_k", axis, k, Order::Ascending)
    }

    fn first_k(
        &self,
        op: &'static str,
        axis: isize,
        k: usize,
        order: Order,
    ) -> Result<(Self, Indices)> {
        if let Some(vector) = self.as_vector() {
            let (values, places) = vector.first_k(op, axis, k, order)?;
            if k == 0 {
                let reason = "k must be 1 for a scalar, found 0";
                return Err(Error::argument(op, reason));
            }
            return Ok((values.as_scalar(), places.reshape([])?));
        }
        let axis = resolve_axis(op, axis, self.rank())?;
        let len = self.shape()[axis];
        if k > len {
            let reason = format!("k must be at most the length of the axis, {len}, found {k}");
            return Err(Error::argument(op, reason));
        }
        self.ordered(op, axis, k, order)
    }

    /// Returns the first `k` elements of each sorted line, and their places.
    fn ordered(
        &self,
        op: &'static str,
        axis: usize,
        k: usize,
        order: Order,
    ) -> Result<(Self, Indices)> {
        let descending = order == Order::Descending;
        let mut shape = self.array().shape().clone();
        let lines = Lines {
            outer: shape[..axis].iter().product(),
            len: shape[axis],
            inner: shape[axis + 1..].iter().product(),
        };
        shape.as_mut()[axis] = k;
        shape.reserve(op, self.dtype())?;
        let places = with_dtype!(self.dtype(), F => {
            lines.pick(&self.array().contiguous::<F>(), descending, Pick::First(k))
        });
        let places = Indices::from_vec(places, shape)?;
        Ok((self.taken_each(axis, &places), places))
    }
}
