//! Least squares.

use super::{expect_full_rank, split, transposed};
use crate::autograd::Tensor;
use crate::error::{Error, Result};
use crate::tensor::broadcast_shapes;

/// # Linear algebra
///
/// Behind the feature `linalg`.
impl Tensor {
    /// Returns the x (…, n, k) that minimizes `|A x - b|₂` for matrices A (…, m, n) of full rank,
    /// which are `self`, and b (…, m, k). If m < n it is the solution with the smallest norm.
    /// Leading axes are broadcast. A `b` of one axis (m) is a vector, and x is (…, n).
    ///
    /// Computed by [`qr`](Self::qr) and [`solve_triangular`](Self::solve_triangular), and
    /// differentiated through both. PyTorch's `driver="gels"` computes the same. For a lower rank
    /// multiply by [`pinv`](Self::pinv).
    ///
    /// # Errors
    /// [`Error::Shape`] if the lengths do not fit, [`Error::DType`] if the dtypes differ,
    /// [`Error::NonFinite`] if an element is infinite or NaN, [`Error::Argument`] if the rank is
    /// not full: an element of R's diagonal is at most max(m, n) ε times the largest.
    ///
    /// ```
    /// # use cotangent::Tensor;
    /// // A line through (0, 1), (1, 3), (2, 5).
    /// let a = Tensor::from([[1.0f64, 0.0], [1.0, 1.0], [1.0, 2.0]]);
    /// let line = a.lstsq(&Tensor::from([1.0f64, 3.0, 5.0]))?;
    /// assert!((line.at(&[0])?.item()? - 1.0).abs() < 1e-12);
    /// assert!((line.at(&[1])?.item()? - 2.0).abs() < 1e-12);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn lstsq(&self, b: &Self) -> Result<Self> {
        let op = "lstsq";
        if b.rank() == 1 {
            return self.lstsq(&b.unsqueeze(-1)?)?.squeeze(-1);
        }
        self.expect_same_dtype(op, b)?;
        self.expect_finite_matrices(op)?;
        b.expect_finite_matrices(op)?;
        let (front, [m, n]) = split(self);
        let (b_front, [rows, _]) = split(b);
        if rows != m {
            let reason = format!("the matrix has {m} rows, the right side {rows}");
            return Err(Error::shape(op, reason, &[self.shape(), b.shape()]));
        }
        broadcast_shapes(op, front, b_front)?;
        if m >= n {
            let (q, r) = self.qr()?;
            expect_full_rank(op, &r, m)?;
            return r.solve_triangular(&transposed(&q)?.matmul(b)?, true);
        }
        let (q, r) = transposed(self)?.qr()?;
        expect_full_rank(op, &r, n)?;
        q.matmul(&transposed(&r)?.solve_triangular(b, false)?)
    }
}
