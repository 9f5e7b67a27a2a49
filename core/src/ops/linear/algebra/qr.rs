//! The QR factorization.

use super::{each_of, expect_full_rank, shape_of, split, transposed, unpack};
use crate::autograd::{Cotangents, Op, OpKind, Tensor, Vjp};
use crate::error::Result;
use crate::kernel::linear::decompose;
use crate::tensor::with_dtype;
use smallvec::smallvec;

/// # Linear algebra
///
/// Behind the feature `linalg`.
impl Tensor {
    /// Factors matrices A (…, m, n) into `Q R`: with k = min(m, n), Q (…, m, k) has orthonormal
    /// columns, and R (…, k, n) is an upper triangle whose diagonal is not negative. PyTorch's
    /// diagonal may be negative.
    ///
    /// The gradient for m ≥ n is `(gQ + Q S) R⁻ᵀ`, where S is the symmetric matrix with the lower
    /// triangle of `R gRᵀ - gQᵀ Q`. A matrix with m < n is the factorization of its first m
    /// columns, and `R = Qᵀ A`.
    ///
    /// Source: Walter and Lehmann, 2010, "Algorithmic differentiation of linear algebra functions
    /// with application in optimum experimental design"; Roberts and Roberts, 2020, "QR and LQ
    /// decomposition matrix backpropagation algorithms for square, wide, and deep matrices".
    ///
    /// # Errors
    /// [`Error::Shape`](crate::Error::Shape) if there are fewer than two axes,
    /// [`Error::NonFinite`](crate::Error::NonFinite) if an element is infinite or NaN. In backward,
    /// [`Error::Argument`](crate::Error::Argument) if the first k columns are linearly
    /// dependent: an element of R's diagonal is at most max(m, n) ε times the largest.
    ///
    /// ```
    /// # use cotangent::Tensor;
    /// let a = Tensor::from([[3.0f64, 1.0], [4.0, 2.0]]);
    /// let (q, r) = a.qr()?;
    /// assert!((r.at(&[0, 0])?.item()? - 5.0).abs() < 1e-12);
    /// assert!(q.matmul(&r)?.sub(&a)?.abs().max()?.item()? < 1e-12);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn qr(&self) -> Result<(Self, Self)> {
        self.expect_finite_matrices("qr")?;
        let (front, [m, n]) = split(self);
        if m < n {
            let (q, r) = self.narrow(-1, 0, m)?.qr()?;
            let rest = transposed(&q)?.matmul(&self.narrow(-1, m, n - m)?)?;
            return Ok((q, Self::cat(&[r, rest], -1)?));
        }
        let len = n.saturating_mul(m).saturating_add(n.saturating_mul(n));
        shape_of(front, &[len]).reserve("qr", self.dtype())?;
        let output = with_dtype!(self.dtype(), F => {
            each_of::<F>("qr", self, &[len], &|a, out| decompose::qr(a, [m, n], out))
        })?;
        let packed = Self::from_array_op(output, &[self], |packed| Qr {
            packed: packed.clone().into(),
            lens: [m, n],
        });
        let [qt, r] = unpack(&packed, [&[n, m], &[n, n]])?;
        Ok((transposed(&qt)?, r))
    }
}

/// qᵀ and r, one behind the other, with q r = a.
struct Qr {
    packed: Tensor,
    lens: [usize; 2],
}

impl Op for Qr {
    fn name(&self) -> &'static str {
        "qr"
    }
    fn kind(&self) -> OpKind {
        OpKind::Other
    }
    fn vjp(&self, cotangent: Tensor, context: &Vjp) -> Result<Cotangents> {
        let [m, n] = self.lens;
        let parts: [&[usize]; 2] = [&[n, m], &[n, n]];
        let [qt, r] = unpack(&context.output(&self.packed), parts)?;
        expect_full_rank("qr", &r, m)?;
        let [gqt, gr] = unpack(&cotangent, parts)?;
        let product = r.matmul(&transposed(&gr)?)?;
        let product = product.sub(&gqt.matmul(&transposed(&qt)?)?)?;
        let symmetric = product.tril(0)?.add(&transposed(&product.tril(-1)?)?)?;
        let da = r.solve_triangular(&gqt.add(&symmetric.matmul(&qt)?)?, true)?;
        Ok(smallvec![Some(transposed(&da)?)])
    }
}
