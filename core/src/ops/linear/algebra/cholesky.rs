//! The Cholesky factorization.

use super::{each_of, transposed};
use crate::autograd::{Cotangents, Op, OpKind, Tensor, Vjp};
use crate::error::Result;
use crate::kernel::linear::decompose;
use crate::tensor::with_dtype;
use smallvec::smallvec;

/// # Linear algebra
///
/// Behind the feature `linalg`.
impl Tensor {
    /// Returns the lower triangles L (…, n, n) with `L Lᵀ = A` and a positive diagonal, for
    /// symmetric positive definite matrices A (…, n, n).
    ///
    /// Uses the symmetric part `(A + Aᵀ) / 2`, so that the gradient, which is symmetric, is exact
    /// in each element. PyTorch reads the lower triangle; its gradient is symmetric too.
    ///
    /// The gradient is `L⁻ᵀ P L⁻¹`, where P is the symmetric part of the lower triangle of `Lᵀ g`
    /// with half its diagonal.
    ///
    /// Source: Murray, 2016, "Differentiation of the Cholesky decomposition".
    ///
    /// # Errors
    /// [`Error::Shape`](crate::Error::Shape) if the matrices are not square,
    /// [`Error::NonFinite`](crate::Error::NonFinite) if an element is infinite or NaN,
    /// [`Error::Argument`](crate::Error::Argument) if a matrix is not positive definite.
    ///
    /// ```
    /// # use cotangent::Tensor;
    /// let a = Tensor::from([[4.0f64, 2.0], [2.0, 10.0]]);
    /// assert_eq!(a.cholesky()?.to_vec::<f64>()?, [2.0, 0.0, 1.0, 3.0]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn cholesky(&self) -> Result<Self> {
        let n = self.expect_square("cholesky")?;
        let output = with_dtype!(self.dtype(), F => {
            each_of::<F>("cholesky", self, &[n, n], &|a, out| decompose::cholesky(a, n, out))
        })?;
        Ok(Self::from_array_op(output, &[self], |l| Cholesky {
            l: l.clone().into(),
        }))
    }
}

/// l lᵀ = a.
struct Cholesky {
    l: Tensor,
}

impl Op for Cholesky {
    fn name(&self) -> &'static str {
        "cholesky"
    }
    fn kind(&self) -> OpKind {
        OpKind::Other
    }
    fn vjp(&self, cotangent: Tensor, context: &Vjp) -> Result<Cotangents> {
        let lt = transposed(&context.output(&self.l))?;
        let product = lt.matmul(&cotangent)?;
        // The lower triangle twice, with its diagonal once.
        let lower = product.tril(0)?.add(&product.tril(-1)?)?;
        let symmetric = lower.add(&transposed(&lower)?)?.mul_scalar(0.25);
        let half = lt.solve_triangular(&symmetric, true)?;
        Ok(smallvec![Some(
            lt.solve_triangular(&transposed(&half)?, true)?
        )])
    }
}
