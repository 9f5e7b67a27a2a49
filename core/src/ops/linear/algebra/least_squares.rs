//! Least squares.

use super::{epsilon, named, split, transposed};
use crate::autograd::Tensor;
use crate::error::{Error, Result};

/// # Linear algebra
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
        let (_, [m, n]) = split(self);
        let (_, [rows, _]) = split(b);
        if rows != m {
            let reason = format!("the matrix has {m} rows, the right side {rows}");
            return Err(Error::shape(op, reason, &[self.shape(), b.shape()]));
        }
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

/// Returns an error unless all diagonals of the triangles are above rounding errors.
fn expect_full_rank(op: &'static str, r: &Tensor, longest: usize) -> Result<()> {
    let k = r.shape()[r.rank() - 1];
    let diagonals = r.detach().diagonal(0)?.to_f64_vec();
    let rows = diagonals.chunks_exact(k.max(1));
    let count = rows.len();
    for (i, row) in rows.enumerate() {
        let largest = row.iter().fold(0.0f64, |most, &x| most.max(x));
        let least = longest as f64 * epsilon(r.dtype()) * largest;
        if row.iter().any(|&x| x <= least) {
            let reason = format!("{} does not have full rank", named(i, count));
            return Err(Error::argument(op, reason));
        }
    }
    Ok(())
}
