//! The pseudo-inverse.

use super::{each_of, epsilon, split, transposed};
use crate::autograd::{Cotangents, Op, OpKind, Tensor, Vjp};
use crate::error::Result;
use crate::kernel::linear::decompose;
use crate::tensor::with_dtype;
use smallvec::smallvec;

/// # Linear algebra
///
/// Behind the feature `linalg`.
impl Tensor {
    /// Returns the pseudo-inverses P of Moore and Penrose: (…, m, n) becomes (…, n, m). Singular
    /// values of at most max(m, n) ε times the largest count as 0, as with PyTorch's defaults.
    ///
    /// The gradient is that at constant rank:
    /// `-Pᵀ g Pᵀ + (I - A P) gᵀ P Pᵀ + Pᵀ P gᵀ (I - P A)`.
    ///
    /// Source: Golub and Pereyra, 1973, "The differentiation of pseudo-inverses and nonlinear least
    /// squares problems whose variables separate".
    ///
    /// # Errors
    /// [`Error::Shape`](crate::Error::Shape) if there are fewer than two axes,
    /// [`Error::NonFinite`](crate::Error::NonFinite) if an element is infinite or NaN.
    ///
    /// ```
    /// # use cotangent::Tensor;
    /// let a = Tensor::from([[2.0f64, 0.0], [0.0, 0.0]]);
    /// assert_eq!(a.pinv()?.to_vec::<f64>()?, [0.5, 0.0, 0.0, 0.0]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    #[doc(alias = "pinverse")]
    pub fn pinv(&self) -> Result<Self> {
        self.expect_finite_matrices("pinv")?;
        let (_, [m, n]) = split(self);
        let tolerance = m.max(n) as f64 * epsilon(self.dtype());
        let output = with_dtype!(self.dtype(), F => {
            each_of::<F>("pinv", self, &[n, m], &|a, out| {
                decompose::pseudo_inverse(a, [m, n], tolerance, out)
            })
        })?;
        Ok(Self::from_array_op(output, &[self], |p| PseudoInverse {
            a: self.clone(),
            p: p.clone().into(),
        }))
    }
}

/// The pseudo-inverse p of a.
struct PseudoInverse {
    a: Tensor,
    p: Tensor,
}

impl Op for PseudoInverse {
    fn name(&self) -> &'static str {
        "pinv"
    }
    fn kind(&self) -> OpKind {
        OpKind::Other
    }
    fn vjp(&self, cotangent: Tensor, context: &Vjp) -> Result<Cotangents> {
        let (a, p) = (context.saved(&self.a), context.output(&self.p));
        let (pt, gt) = (transposed(&p)?, transposed(&cotangent)?);
        let product = pt.matmul(&cotangent)?.matmul(&pt)?;
        let left = gt.matmul(&p)?;
        let left = left.sub(&a.matmul(&p.matmul(&left)?)?)?.matmul(&pt)?;
        let right = p.matmul(&gt)?;
        let right = pt.matmul(&right.sub(&right.matmul(&p)?.matmul(&a)?)?)?;
        Ok(smallvec![Some(left.add(&right)?.sub(&product)?)])
    }
}
