//! Solutions of linear systems, and inverses.

use super::{each, each_of, split, transposed};
use crate::autograd::{Cotangents, Op, OpKind, Tensor, Vjp};
use crate::error::{Error, Result};
use crate::kernel::linear::decompose;
use crate::tensor::{broadcast_shapes, with_dtype};
use smallvec::smallvec;

/// # Linear algebra
///
/// Behind the feature `linalg`.
impl Tensor {
    /// Solves `A x = b` for square matrices A (…, n, n), which are `self`, and b (…, n, k): returns
    /// x (…, n, k). Leading axes are broadcast. A `b` of one axis (n) is a vector, and x is (…, n).
    /// PyTorch takes some other `b` for batches of vectors too, depending on the shapes.
    ///
    /// Uses the LU factorization with partial pivoting. The gradients are `db = A⁻ᵀ g` and
    /// `dA = -db xᵀ`.
    ///
    /// Source: Giles, 2008, "Collected matrix derivative results for forward and reverse mode
    /// algorithmic differentiation".
    ///
    /// # Errors
    /// [`Error::Shape`] if the matrices are not square or the lengths do not fit,
    /// [`Error::DType`] if the dtypes differ, [`Error::NonFinite`] if an element is infinite or
    /// NaN, [`Error::Argument`] if a matrix is singular: a pivot is exactly 0.
    ///
    /// ```
    /// # use cotangent::Tensor;
    /// let a = Tensor::from([[2.0f64, 0.0], [1.0, 4.0]]);
    /// let x = a.solve(&Tensor::from([2.0f64, 9.0]))?;
    /// assert_eq!(x.to_vec::<f64>()?, [1.0, 2.0]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn solve(&self, b: &Self) -> Result<Self> {
        let op = "solve";
        if b.rank() == 1 {
            return self.solve(&b.unsqueeze(-1)?)?.squeeze(-1);
        }
        let [a, b] = system(op, self, b)?;
        let (front, [n, k]) = split(&b);
        let work = n.saturating_mul(n).saturating_mul(n);
        let x = with_dtype!(a.dtype(), F => {
            let (a, b) = (&*a.array().contiguous::<F>(), &*b.array().contiguous::<F>());
            each::<F>(op, front, &[n, k], work, &|i, x| {
                decompose::solve(&a[i * n * n..][..n * n], &b[i * n * k..][..n * k], n, k, x)
            })
        })?;
        Ok(Self::from_array_op(x, &[&a, &b], |x| Solve {
            a: a.clone(),
            x: x.clone().into(),
        }))
    }

    /// Solves `A x = b` for triangles A (…, n, n), which are `self`, and b (…, n, k): returns
    /// x (…, n, k). Leading axes are broadcast, and a `b` of one axis (n) is a vector. Elements on
    /// the other side of the diagonal must be finite, but do not count; their gradient is 0.
    ///
    /// The gradients are those of [`solve`](Self::solve). For `x A = b`, transpose all three; for a
    /// unit diagonal, set it.
    ///
    /// # Errors
    /// As [`solve`](Self::solve); [`Error::Argument`] if an element of the diagonal is 0.
    ///
    /// ```
    /// # use cotangent::Tensor;
    /// let a = Tensor::from([[2.0f64, 0.0], [1.0, 4.0]]);
    /// let x = a.solve_triangular(&Tensor::from([2.0f64, 9.0]), false)?;
    /// assert_eq!(x.to_vec::<f64>()?, [1.0, 2.0]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    #[doc(alias = "triangular_solve")]
    pub fn solve_triangular(&self, b: &Self, upper: bool) -> Result<Self> {
        let op = "solve_triangular";
        if b.rank() == 1 {
            return self.solve_triangular(&b.unsqueeze(-1)?, upper)?.squeeze(-1);
        }
        let [a, b] = system(op, self, b)?;
        let (front, [n, k]) = split(&b);
        let work = n.saturating_mul(n).saturating_mul(k);
        let x = with_dtype!(a.dtype(), F => {
            let (a, b) = (&*a.array().contiguous::<F>(), &*b.array().contiguous::<F>());
            each::<F>(op, front, &[n, k], work, &|i, x| {
                let (a, b) = (&a[i * n * n..][..n * n], &b[i * n * k..][..n * k]);
                decompose::solve_triangular(a, b, [n, k], upper, x)
            })
        })?;
        Ok(Self::from_array_op(x, &[&a, &b], |x| SolveTriangular {
            a: a.clone(),
            x: x.clone().into(),
            upper,
        }))
    }

    /// Returns the inverses of square matrices (…, n, n). [`solve`](Self::solve) is faster and more
    /// accurate than a product with the inverse.
    ///
    /// The gradient is `-Yᵀ g Yᵀ` for the inverse Y.
    ///
    /// # Errors
    /// [`Error::Shape`] if the matrices are not square, [`Error::NonFinite`] if an element is
    /// infinite or NaN, [`Error::Argument`] if a matrix is singular.
    ///
    /// ```
    /// # use cotangent::Tensor;
    /// let a = Tensor::from([[2.0f64, 0.0], [0.0, 4.0]]);
    /// assert_eq!(a.inverse()?.to_vec::<f64>()?, [0.5, 0.0, 0.0, 0.25]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    #[doc(alias = "inv")]
    pub fn inverse(&self) -> Result<Self> {
        self.inverse_for("inverse")
    }

    pub(super) fn inverse_for(&self, op: &'static str) -> Result<Self> {
        let n = self.expect_square(op)?;
        let output = with_dtype!(self.dtype(), F => {
            each_of::<F>(op, self, &[n, n], &|a, out| decompose::inverse(a, n, out))
        })?;
        Ok(Self::from_array_op(output, &[self], |y| Inverse {
            y: y.clone().into(),
        }))
    }
}

/// Returns the operands with their leading axes broadcast.
fn system(op: &'static str, a: &Tensor, b: &Tensor) -> Result<[Tensor; 2]> {
    a.expect_same_dtype(op, b)?;
    let n = a.expect_square(op)?;
    b.expect_finite_matrices(op)?;
    let (front, [_, _]) = split(a);
    let (b_front, [rows, columns]) = split(b);
    if rows != n {
        let reason = format!("the matrix has {n} rows, the right side {rows}");
        return Err(Error::shape(op, reason, &[a.shape(), b.shape()]));
    }
    let front = broadcast_shapes(op, front, b_front)?;
    let all = |tail: [usize; 2]| front.iter().copied().chain(tail).collect::<Vec<_>>();
    Ok([
        a.broadcast_to(all([n, n]))?,
        b.broadcast_to(all([n, columns]))?,
    ])
}

/// x = a⁻¹ b.
struct Solve {
    a: Tensor,
    x: Tensor,
}

impl Op for Solve {
    fn name(&self) -> &'static str {
        "solve"
    }
    fn kind(&self) -> OpKind {
        OpKind::Other
    }
    fn vjp(&self, cotangent: Tensor, context: &Vjp) -> Result<Cotangents> {
        let db = transposed(&context.saved(&self.a))?.solve(&cotangent)?;
        let da = if context.wants(0) {
            Some(db.matmul(&transposed(&context.output(&self.x))?)?.neg())
        } else {
            None
        };
        Ok(smallvec![da, context.wants(1).then_some(db)])
    }
}

/// x = a⁻¹ b for a triangle a.
struct SolveTriangular {
    a: Tensor,
    x: Tensor,
    upper: bool,
}

impl Op for SolveTriangular {
    fn name(&self) -> &'static str {
        "solve_triangular"
    }
    fn kind(&self) -> OpKind {
        OpKind::Other
    }
    fn vjp(&self, cotangent: Tensor, context: &Vjp) -> Result<Cotangents> {
        let a = transposed(&context.saved(&self.a))?;
        let db = a.solve_triangular(&cotangent, !self.upper)?;
        let da = if context.wants(0) {
            let da = db.matmul(&transposed(&context.output(&self.x))?)?.neg();
            Some(if self.upper { da.triu(0)? } else { da.tril(0)? })
        } else {
            None
        };
        Ok(smallvec![da, context.wants(1).then_some(db)])
    }
}

/// y = a⁻¹.
struct Inverse {
    y: Tensor,
}

impl Op for Inverse {
    fn name(&self) -> &'static str {
        "inverse"
    }
    fn kind(&self) -> OpKind {
        OpKind::Other
    }
    fn vjp(&self, cotangent: Tensor, context: &Vjp) -> Result<Cotangents> {
        let y = transposed(&context.output(&self.y))?;
        Ok(smallvec![Some(y.matmul(&cotangent)?.matmul(&y)?.neg())])
    }
}
