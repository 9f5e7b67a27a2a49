//! Determinants and their logarithms.

use super::{each_of, transposed, unpack};
use crate::autograd::{Cotangents, Op, OpKind, Tensor, Vjp};
use crate::error::Result;
use crate::kernel::linear::determinant;
use crate::tensor::with_dtype;
use smallvec::smallvec;

/// # Linear algebra
///
/// Behind the feature `linalg`.
impl Tensor {
    /// Returns the determinants of square matrices: (…, n, n) becomes (…). The determinant of a
    /// matrix without elements is 1.
    ///
    /// The gradient is `g det(A) A⁻ᵀ`. Its elements have all digits if they are in the range, also
    /// if the determinant or the inverse is not. Of a singular matrix it is an error here; PyTorch
    /// computes it from the singular values.
    ///
    /// # Errors
    /// [`Error::Shape`](crate::Error::Shape) if the matrices are not square,
    /// [`Error::NonFinite`](crate::Error::NonFinite) if an element is infinite or NaN. In backward,
    /// [`Error::Argument`](crate::Error::Argument) if a matrix is singular.
    ///
    /// ```
    /// # use cotangent::Tensor;
    /// let a = Tensor::from([[1.0f64, 2.0], [3.0, 4.0]]);
    /// assert!((a.det()?.item()? + 2.0).abs() < 1e-12);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    #[doc(alias = "determinant")]
    pub fn det(&self) -> Result<Self> {
        let n = self.expect_square("det")?;
        let output = Self::from(with_dtype!(self.dtype(), F => {
            each_of::<F>("det", self, &[], &|a, out| determinant::determinant(a, n, out))
        })?);
        Ok(Self::from_op(output, &[self], || Determinant {
            a: self.clone(),
        }))
    }

    /// Returns the signs of the determinants of square matrices, and the logarithms of their
    /// sizes: (…, n, n) becomes two tensors (…). The logarithm does not overflow where the
    /// determinant does. The sign has no gradient, and that of the logarithm is `g A⁻ᵀ`.
    ///
    /// Of a singular matrix the sign is 0 and the logarithm is -∞.
    ///
    /// # Errors
    /// As [`det`](Self::det).
    ///
    /// ```
    /// # use cotangent::Tensor;
    /// let (sign, log) = Tensor::from([[1.0f64, 2.0], [3.0, 4.0]]).slogdet()?;
    /// assert_eq!(sign.item()?, -1.0);
    /// assert!((log.item()? - 2f64.ln()).abs() < 1e-12);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    #[doc(alias = "logdet")]
    pub fn slogdet(&self) -> Result<(Self, Self)> {
        let n = self.expect_square("slogdet")?;
        let both = Self::from(with_dtype!(self.dtype(), F => {
            each_of::<F>("slogdet", self, &[2], &|a, out| determinant::log_determinant(a, n, out))
        })?);
        let [sign, log] = unpack(&both, [&[], &[]])?;
        let log = Self::from_op(log, &[self], || LogDeterminant { a: self.clone() });
        Ok((sign, log))
    }
}

/// Returns a tensor (…) as matrices of one element.
fn as_matrices(x: &Tensor) -> Result<Tensor> {
    x.unsqueeze(-1)?.unsqueeze(-1)
}

/// Returns the matrices of cofactors of square matrices, det(a) a⁻ᵀ.
fn cofactors(a: &Tensor) -> Result<Tensor> {
    let n = a.expect_square("det")?;
    let output = with_dtype!(a.dtype(), F => {
        each_of::<F>("det", a, &[n, n], &|a, out| determinant::cofactors(a, n, out))
    })?;
    Ok(Tensor::from_array_op(output, &[a], |c| Cofactors {
        a: a.clone(),
        c: c.clone().into(),
    }))
}

/// y = det a.
struct Determinant {
    a: Tensor,
}

impl Op for Determinant {
    fn name(&self) -> &'static str {
        "det"
    }
    fn kind(&self) -> OpKind {
        OpKind::Reduction
    }
    fn vjp(&self, cotangent: Tensor, context: &Vjp) -> Result<Cotangents> {
        let cofactors = cofactors(&context.saved(&self.a))?;
        Ok(smallvec![Some(as_matrices(&cotangent)?.mul(&cofactors)?)])
    }
}

/// c = det(a) a⁻ᵀ.
struct Cofactors {
    a: Tensor,
    c: Tensor,
}

impl Op for Cofactors {
    fn name(&self) -> &'static str {
        "det"
    }
    fn kind(&self) -> OpKind {
        OpKind::Other
    }
    /// Computes (Σ g c) a⁻ᵀ - c gᵀ a⁻ᵀ.
    fn vjp(&self, cotangent: Tensor, context: &Vjp) -> Result<Cotangents> {
        let inverse = transposed(&context.saved(&self.a).inverse_for("det")?)?;
        let c = context.output(&self.c);
        let total = as_matrices(&cotangent.mul(&c)?.sum_over([-2, -1])?)?.mul(&inverse)?;
        let product = c.matmul(&transposed(&cotangent)?)?.matmul(&inverse)?;
        Ok(smallvec![Some(total.sub(&product)?)])
    }
}

/// y = log |det a|.
struct LogDeterminant {
    a: Tensor,
}

impl Op for LogDeterminant {
    fn name(&self) -> &'static str {
        "slogdet"
    }
    fn kind(&self) -> OpKind {
        OpKind::Reduction
    }
    fn vjp(&self, cotangent: Tensor, context: &Vjp) -> Result<Cotangents> {
        let inverse = transposed(&context.saved(&self.a).inverse_for("slogdet")?)?;
        Ok(smallvec![Some(as_matrices(&cotangent)?.mul(&inverse)?)])
    }
}
