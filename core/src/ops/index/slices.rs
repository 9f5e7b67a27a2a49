//! Writing slices of an axis by index: replacing the slices there, or adding to them.

use super::gather::Picks;
use crate::autograd::Tensor;
use crate::error::{Error, Result};
use crate::tensor::{Indices, resolve_axis};

/// # Indexing and sorting
impl Tensor {
    /// Returns this tensor with the slices of `source` added to the slices of an axis at `indices`:
    /// y\[indices\[j\], k\] += source\[j, k\] for axis 0 of two. It is the transpose of
    /// [`index_select`](Self::index_select). Several slices of one place are added pairwise in
    /// their order, so that the sum is always the same. PyTorch has a factor `alpha`;
    /// [multiply](Self::mul_scalar) the source instead.
    ///
    /// # Errors
    /// [`Error::Index`] if there is no such axis or an index is not below its length;
    /// [`Error::Shape`] unless `source` has the shape of this tensor, with a slice for each index
    /// along the axis; [`Error::DType`] if the dtypes differ.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let x = Tensor::from([[1.0f32, 1.0], [2.0, 2.0]]);
    /// let source = Tensor::from([[10.0f32, 20.0], [30.0, 40.0]]);
    /// let y = x.index_add(0, &Indices::from([1, 1]), &source)?;
    /// assert_eq!(y.to_string(), "[[ 1.  1.]\n [42. 62.]]");
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn index_add(&self, axis: isize, indices: &Indices, source: &Self) -> Result<Self> {
        self.sliced("index_add", axis, indices, source, &Self::put)
    }

    /// Returns this tensor with the slices of an axis at `indices` replaced by those of `source`:
    /// y\[indices\[j\], k\] = source\[j, k\] for axis 0 of two.
    ///
    /// Of several slices for one place, the last stays, and it alone has a gradient. In PyTorch any
    /// of them may stay, and all have one.
    ///
    /// # Errors
    /// As [`index_add`](Self::index_add).
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let x = Tensor::from([[1.0f32, 1.0], [2.0, 2.0]]);
    /// let y = x.index_copy(0, &Indices::from([1]), &Tensor::from([[10.0f32, 20.0]]))?;
    /// assert_eq!(y.to_string(), "[[ 1.  1.]\n [10. 20.]]");
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn index_copy(&self, axis: isize, indices: &Indices, source: &Self) -> Result<Self> {
        self.sliced("index_copy", axis, indices, source, &Self::written)
    }

    /// Replaces the slices of an axis at `indices` by `value`. No gradient flows to them.
    ///
    /// # Errors
    /// [`Error::Index`] if there is no such axis or an index is not below its length,
    /// [`Error::Shape`] if the system refuses memory.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let x = Tensor::from([[1.0f32, 2.0, 3.0], [4.0, 5.0, 6.0]]);
    /// let y = x.index_fill(1, &Indices::from([0, 2]), -1.0)?;
    /// assert_eq!(y.to_string(), "[[-1.  2. -1.]\n [-1.  5. -1.]]");
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn index_fill(&self, axis: isize, indices: &Indices, value: f64) -> Result<Self> {
        if let Some(vector) = self.as_vector() {
            return Ok(vector.index_fill(axis, indices, value)?.as_scalar());
        }
        let axis_number = resolve_axis("index_fill", axis, self.rank())?;
        let mut shape = self.array().shape().clone();
        shape.as_mut()[axis_number] = indices.len();
        let source = Self::constant_of(&shape, value, self.dtype());
        self.sliced("index_fill", axis, indices, &source, &Self::written)
    }

    /// Checks the arguments of an operation that writes slices, and calls `write`.
    fn sliced(
        &self,
        op: &'static str,
        axis: isize,
        indices: &Indices,
        source: &Self,
        write: &dyn Fn(&Self, &Picks, &Self) -> Self,
    ) -> Result<Self> {
        let operands = [("this tensor", Some(self)), ("source", Some(source))];
        Tensor::expect_one_dtype(op, &operands)?;
        if let Some(vector) = self.as_vector() {
            let source = source.as_vector().unwrap_or_else(|| source.clone());
            let written = vector.sliced(op, axis, indices, &source, write)?;
            return Ok(written.as_scalar());
        }
        let axis = resolve_axis(op, axis, self.rank())?;
        let mut expected = self.array().shape().clone();
        expected.as_mut()[axis] = indices.len();
        if expected != *source.array().shape() {
            let reason = format!("expected a source of the shape {expected}, one slice per index");
            return Err(Error::shape(op, reason, &[self.shape(), source.shape()]));
        }
        indices.check(op, "index", self.shape()[axis], "elements of the axis")?;
        self.reserve_like(op)?;
        let picks = Picks {
            op,
            axis,
            indices: indices.clone(),
            each: false,
        };
        Ok(write(self, &picks, source))
    }
}
