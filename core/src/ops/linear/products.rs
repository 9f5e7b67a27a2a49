//! Products of tensors of any rank, which are matrix products or elementwise products of views.

use crate::autograd::Tensor;
use crate::error::{Error, Result};
use crate::tensor::{Axes, Shape, broadcast_shapes};

/// # Linear algebra
impl Tensor {
    /// Computes the Kronecker product: each element of this tensor times the whole other one. Along
    /// each axis the lengths are multiplied, (a, b) and (c, d) give (a c, b d), and y\[i c + k, j d
    /// + l\] = x\[i, j\] z\[k, l\]. The tensor of fewer axes gets axes of length 1 in front.
    ///
    /// # Errors
    /// [`Error::Shape`] if there would be more elements than memory can hold, [`Error::DType`] if
    /// the dtypes differ.
    ///
    /// ```
    /// # use cotangent::Tensor;
    /// let product = Tensor::from([[1.0f32, 2.0]]).kron(&Tensor::from([[1.0f32], [10.0]]))?;
    /// assert_eq!(product.to_string(), "[[ 1.  2.]\n [10. 20.]]");
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn kron(&self, other: &Self) -> Result<Self> {
        self.expect_same_dtype("kron", other)?;
        let rank = self.rank().max(other.rank());
        let length = |x: &Self, axis: usize| {
            (axis + x.rank())
                .checked_sub(rank)
                .map_or(1, |axis| x.shape()[axis])
        };
        let axes = || (0..rank).map(|axis| [length(self, axis), length(other, axis)]);
        let shape: Shape = axes().map(|[a, b]| a.saturating_mul(b)).collect();
        shape.reserve("kron", self.dtype())?;
        // (a, 1) by (1, b) gives (a, b), which are merged.
        let a = self.reshaped(axes().flat_map(|[a, _]| [a, 1]).collect());
        let b = other.reshaped(axes().flat_map(|[_, b]| [1, b]).collect());
        Ok(a.mul(&b)?.reshaped(shape))
    }

    /// Sums the products over pairs of axes, `axes` of this tensor and `other_axes` of the other,
    /// in their order. The result has the other axes of this tensor, then those of the other. In
    /// PyTorch `dims` is the pair of both lists, or the number of the last axes here and the first
    /// ones there. [`einsum`](Self::einsum) names the axes by letters.
    ///
    /// # Errors
    /// [`Error::Index`] if there is no such axis; [`Error::Argument`] if an axis is named twice or
    /// the lists differ in length; [`Error::Shape`] if the lengths of a pair differ (PyTorch sums
    /// an axis whose partner has length 1), or the result has more elements than memory can hold;
    /// [`Error::DType`] if the dtypes differ.
    ///
    /// ```
    /// # use cotangent::Tensor;
    /// let x = Tensor::from([[1.0f32, 2.0], [3.0, 4.0]]);
    /// let y = Tensor::from([[1.0f32, 0.0], [0.0, 10.0]]);
    /// assert_eq!(x.tensordot(&y, 0, 1)?.to_string(), "[[ 1. 30.]\n [ 2. 40.]]");
    /// assert_eq!(x.tensordot(&y, [0, 1], [0, 1])?.item()?, 41.0);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn tensordot(
        &self,
        other: &Self,
        axes: impl Into<Axes>,
        other_axes: impl Into<Axes>,
    ) -> Result<Self> {
        let op = "tensordot";
        self.expect_same_dtype(op, other)?;
        let axes = axes.into().named(op, self.rank())?;
        let other_axes = other_axes.into().named(op, other.rank())?;
        if axes.len() != other_axes.len() {
            let (found, others) = (axes.len(), other_axes.len());
            let reason =
                format!("expected as many axes of both tensors, found {found} and {others}");
            return Err(Error::argument(op, reason));
        }
        for (&axis, &other_axis) in axes.iter().zip(&other_axes) {
            let (len, other_len) = (self.shape()[axis], other.shape()[other_axis]);
            if len != other_len {
                let reason = format!(
                    "axis {axis} has length {len}, its partner, axis {other_axis}, has length \
                     {other_len}"
                );
                return Err(Error::shape(op, reason, &[self.shape(), other.shape()]));
            }
        }
        let free = |x: &Self, summed: &[usize]| -> Vec<usize> {
            (0..x.rank())
                .filter(|axis| !summed.contains(axis))
                .collect()
        };
        let (rows, columns) = (free(self, &axes), free(other, &other_axes));
        let len = |x: &Self, axes: &[usize]| axes.iter().map(|&axis| x.shape()[axis]).product();
        let [m, k, n]: [usize; 3] = [len(self, &rows), len(self, &axes), len(other, &columns)];
        let lengths = rows.iter().map(|&axis| self.shape()[axis]);
        let shape: Shape = lengths
            .chain(columns.iter().map(|&axis| other.shape()[axis]))
            .collect();
        shape.reserve(op, self.dtype())?;
        let a = self
            .permuted(&[&rows[..], &axes].concat())
            .reshape([m, k])?;
        let b = other
            .permuted(&[&other_axes[..], &columns].concat())
            .reshape([k, n])?;
        Ok(a.matmul(&b)?.reshaped(shape))
    }

    /// Computes `self + a b` for stacks of matrices a (s, m, k) and b (s, k, n). `self` is
    /// broadcast to (s, m, n). PyTorch's factors `beta` and `alpha` are 1 here;
    /// [multiply](Self::mul_scalar) the operands instead.
    ///
    /// # Errors
    /// [`Error::Shape`] if a and b are not stacks of s matrices whose inner lengths agree, if
    /// `self` does not broadcast to (s, m, n), or if the result has more elements than memory can
    /// hold; [`Error::DType`] if the dtypes differ.
    ///
    /// ```
    /// # use cotangent::Tensor;
    /// let a = Tensor::from([[[1.0f32, 2.0]], [[3.0, 4.0]]]);
    /// let b = Tensor::from([[[1.0f32], [10.0]], [[1.0], [100.0]]]);
    /// let y = Tensor::from(1000.0f32).baddbmm(&a, &b)?;
    /// assert_eq!(y.to_vec::<f32>()?, [1021.0, 1403.0]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn baddbmm(&self, a: &Self, b: &Self) -> Result<Self> {
        let op = "baddbmm";
        let operands = [("the summand", Some(self)), ("a", Some(a)), ("b", Some(b))];
        Tensor::expect_one_dtype(op, &operands)?;
        let shapes = [self.shape(), a.shape(), b.shape()];
        let (&[stack, m, k], &[b_stack, b_rows, n]) = (a.shape(), b.shape()) else {
            return Err(Error::shape(op, "expected two stacks of matrices", &shapes));
        };
        if (stack, k) != (b_stack, b_rows) {
            let reason = format!(
                "the first stack has {stack} matrices of {k} columns, the second {b_stack} of \
                 {b_rows} rows"
            );
            return Err(Error::shape(op, reason, &shapes));
        }
        let shape = Shape::from([stack, m, n]);
        if broadcast_shapes(op, self.shape(), &shape)? != shape {
            let reason = "the first operand must broadcast to the shape of the product";
            return Err(Error::shape(op, reason, &shapes));
        }
        shape.reserve(op, self.dtype())?;
        self.add(&a.matmul(b)?)
    }
}
