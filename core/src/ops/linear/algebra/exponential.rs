//! The matrix exponential.

use super::{each_of, split, transposed};
use crate::autograd::{Cotangents, Op, OpKind, Tensor, Vjp};
use crate::error::Result;
use crate::kernel::linear::exponential::exponential;
use crate::tensor::with_dtype;
use smallvec::smallvec;

/// # Linear algebra
///
/// Behind the feature `linalg`.
impl Tensor {
    /// Returns the exponentials `Σ Aⁱ / i!` of square matrices (…, n, n). Elements that are too
    /// large are infinite or NaN.
    ///
    /// Uses the Padé approximant of order 13, with scaling and squaring. The gradient is the upper
    /// right block of the exponential of `[[Aᵀ, g], [0, Aᵀ]]`, a matrix of twice the size.
    ///
    /// Source: Higham, 2005, "The scaling and squaring method for the matrix exponential
    /// revisited"; Al-Mohy and Higham, 2009, "Computing the Fréchet derivative of the matrix
    /// exponential".
    ///
    /// # Errors
    /// [`Error::Shape`](crate::Error::Shape) if the matrices are not square,
    /// [`Error::NonFinite`](crate::Error::NonFinite) if an element is infinite or NaN.
    ///
    /// ```
    /// # use cotangent::Tensor;
    /// let a = Tensor::from([[0.0f64, 1.0], [0.0, 0.0]]);
    /// assert_eq!(a.matrix_exp()?.to_vec::<f64>()?, [1.0, 1.0, 0.0, 1.0]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    #[doc(alias = "expm")]
    pub fn matrix_exp(&self) -> Result<Self> {
        let n = self.expect_square("matrix_exp")?;
        let output = with_dtype!(self.dtype(), F => {
            each_of::<F>("matrix_exp", self, &[n, n], &|a, out| exponential(a, n, out))
        })?;
        Ok(Self::from_op(output.into(), &[self], || Exponential {
            a: self.clone(),
        }))
    }
}

/// y = exp a.
struct Exponential {
    a: Tensor,
}

impl Op for Exponential {
    fn name(&self) -> &'static str {
        "matrix_exp"
    }
    fn kind(&self) -> OpKind {
        OpKind::Other
    }
    fn vjp(&self, cotangent: Tensor, context: &Vjp) -> Result<Cotangents> {
        let at = transposed(&context.saved(&self.a))?;
        let (_, [n, _]) = split(&at);
        let cotangent = cotangent.broadcast_to(at.shape())?;
        let upper = Tensor::cat(&[at.clone(), cotangent], -1)?;
        let lower = Tensor::cat(&[at.zeros_like()?, at], -1)?;
        let whole = Tensor::cat(&[upper, lower], -2)?.matrix_exp()?;
        Ok(smallvec![Some(whole.narrow(-2, 0, n)?.narrow(-1, n, n)?)])
    }
}
