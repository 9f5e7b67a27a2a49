//! Eigenvalues and eigenvectors of symmetric matrices.

use super::{each_of, expect_apart, is_used, repeated, shape_of, split, transposed, unpack};
use crate::autograd::{Cotangents, Op, OpKind, Tensor, Vjp};
use crate::error::Result;
use crate::kernel::linear::decompose;
use crate::tensor::with_dtype;
use smallvec::smallvec;

/// # Linear algebra
///
/// Behind the feature `linalg`.
impl Tensor {
    /// Returns the eigenvalues (…, n) of symmetric matrices A (…, n, n), ascending, and their
    /// eigenvectors (…, n, n) as columns: `A = V diag(λ) Vᵀ`.
    ///
    /// Uses the symmetric part `(A + Aᵀ) / 2`, so that the gradient is exact in each element.
    /// PyTorch reads the lower triangle. The signs of the eigenvectors are not specified, and a
    /// loss should not depend on them.
    ///
    /// The gradient is `V (diag(gλ) + F ∘ Vᵀ gV) Vᵀ`, made symmetric, with
    /// `Fᵢⱼ = 1 / (λⱼ - λᵢ)` for i ≠ j.
    ///
    /// Source: Giles, 2008, "Collected matrix derivative results for forward and reverse mode
    /// algorithmic differentiation".
    ///
    /// # Errors
    /// [`Error::Shape`](crate::Error::Shape) if the matrices are not square,
    /// [`Error::NonFinite`](crate::Error::NonFinite) if an element is infinite or NaN. In backward,
    /// [`Error::Argument`](crate::Error::Argument) if the eigenvectors have a gradient and
    /// eigenvalues are equal up to rounding.
    ///
    /// ```
    /// # use cotangent::Tensor;
    /// let (values, vectors) = Tensor::from([[2.0f64, 1.0], [1.0, 2.0]]).eigh()?;
    /// assert!((values.at(&[0])?.item()? - 1.0).abs() < 1e-12);
    /// assert!((vectors.square().at(&[0, 1])?.item()? - 0.5).abs() < 1e-12);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn eigh(&self) -> Result<(Self, Self)> {
        let packed = self.packed_eigen("eigh")?;
        let n = self.shape()[self.rank() - 1];
        let packed = Self::from_op(packed.clone(), &[self], || Eigen { packed, n });
        let [values, vectors] = unpack(&packed, [&[n], &[n, n]])?;
        Ok((values, transposed(&vectors)?))
    }

    /// Returns the eigenvalues (…, n) of symmetric matrices (…, n, n), ascending. As
    /// [`eigh`](Self::eigh), but repeated eigenvalues are allowed for first derivatives, which are
    /// then those of the computed eigenvectors.
    ///
    /// # Errors
    /// As [`eigh`](Self::eigh); equal eigenvalues are an error for second derivatives only.
    ///
    /// ```
    /// # use cotangent::Tensor;
    /// let values = Tensor::from([[3.0f64, 0.0], [0.0, 2.0]]).eigvalsh()?;
    /// assert_eq!(values.to_vec::<f64>()?, [2.0, 3.0]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn eigvalsh(&self) -> Result<Self> {
        let packed = self.packed_eigen("eigvalsh")?;
        let n = self.shape()[self.rank() - 1];
        let [values, vectors] = unpack(&packed, [&[n], &[n, n]])?;
        Ok(Self::from_op(values, &[self], || Eigenvalues {
            a: self.clone(),
            vectors,
        }))
    }

    /// Returns the eigenvalues and then the eigenvectors as rows, untracked.
    fn packed_eigen(&self, op: &'static str) -> Result<Self> {
        let n = self.expect_square(op)?;
        let len = n.saturating_mul(n).saturating_add(n);
        shape_of(split(self).0, &[len]).reserve(op, self.dtype())?;
        Ok(with_dtype!(self.dtype(), F => {
            each_of::<F>(op, self, &[len], &|a, out| decompose::eigen(a, n, out))
        })?
        .into())
    }
}

/// Computes v diag(g) vᵀ for the rows of vᵀ.
fn of_values(g: &Tensor, vt: &Tensor) -> Result<Tensor> {
    transposed(&g.unsqueeze(-1)?.mul(vt)?)?.matmul(vt)
}

/// λ and vᵀ, one behind the other.
struct Eigen {
    packed: Tensor,
    n: usize,
}

impl Op for Eigen {
    fn name(&self) -> &'static str {
        "eigh"
    }
    fn kind(&self) -> OpKind {
        OpKind::Other
    }
    fn vjp(&self, cotangent: Tensor, context: &Vjp) -> Result<Cotangents> {
        let n = self.n;
        let parts: [&[usize]; 2] = [&[n], &[n, n]];
        let [values, vt] = unpack(&context.output(&self.packed), parts)?;
        let [gl, gvt] = unpack(&cotangent, parts)?;
        let mut da = of_values(&gl, &vt)?;
        let used = is_used(&gvt);
        if used {
            expect_apart("eigh", &values, "eigenvalues")?;
        }
        if used || (context.records() && repeated(&values).is_none()) {
            let product = vt.matmul(&transposed(&gvt)?)?;
            let skew = product.sub(&transposed(&product)?)?;
            let gaps = values.unsqueeze(-2)?.sub(&values.unsqueeze(-1)?)?;
            let gaps = gaps.add(&Tensor::eye([n, n], values.dtype())?)?;
            let inner = skew.div(&gaps)?.mul_scalar(0.5);
            da = da.add(&transposed(&vt)?.matmul(&inner)?.matmul(&vt)?)?;
        }
        Ok(smallvec![Some(da)])
    }
}

/// λ, with the rows of vᵀ.
struct Eigenvalues {
    a: Tensor,
    vectors: Tensor,
}

impl Op for Eigenvalues {
    fn name(&self) -> &'static str {
        "eigvalsh"
    }
    fn kind(&self) -> OpKind {
        OpKind::Other
    }
    fn vjp(&self, cotangent: Tensor, context: &Vjp) -> Result<Cotangents> {
        let vt = if context.records() {
            transposed(&context.saved(&self.a).eigh()?.1)?
        } else {
            self.vectors.clone()
        };
        Ok(smallvec![Some(of_values(&cotangent, &vt)?)])
    }
}
