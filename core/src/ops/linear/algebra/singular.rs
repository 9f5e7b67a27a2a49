//! Singular values and singular vectors.

use super::{
    each_of, epsilon, expect_apart, is_used, named, repeated, shape_of, split, transposed, unpack,
};
use crate::autograd::{Cotangents, Op, OpKind, Tensor, Vjp};
use crate::error::{Error, Result};
use crate::kernel::linear::decompose;
use crate::tensor::with_dtype;
use smallvec::smallvec;

/// # Linear algebra
///
/// Behind the feature `linalg`.
impl Tensor {
    /// Returns the singular value decomposition `A = U diag(S) Vᵀ` of matrices A (…, m, n): with
    /// k = min(m, n), U (…, m, k), S (…, k), descending, and Vᵀ (…, k, n). It is PyTorch's with
    /// `full_matrices=False`.
    ///
    /// The signs of the singular vectors are not specified; only those of a column of U and the
    /// row of Vᵀ together. A loss should not depend on them.
    ///
    /// The gradient is `U ((J / E) S + S (K / E) + diag(gS)) Vᵀ` with `J = Uᵀ gU - gUᵀ U`,
    /// `K = Vᵀ gV - gVᵀ V` and `Eᵢⱼ = Sⱼ² - Sᵢ²`, plus `(I - U Uᵀ) gU S⁻¹ Vᵀ` and
    /// `U S⁻¹ gVᵀ (I - V Vᵀ)`.
    ///
    /// Source: Giles, 2008, "Collected matrix derivative results for forward and reverse mode
    /// algorithmic differentiation"; Townsend, 2016, "Differentiating the singular value
    /// decomposition".
    ///
    /// # Errors
    /// [`Error::Shape`] if there are fewer than two axes, [`Error::NonFinite`] if an element is
    /// infinite or NaN. In backward, [`Error::Argument`] if the singular vectors have a gradient
    /// and singular values are equal up to rounding, or the least is 0 and m ≠ n.
    ///
    /// ```
    /// # use cotangent::Tensor;
    /// let a = Tensor::from([[0.0f64, 2.0], [3.0, 0.0]]);
    /// let (u, s, vt) = a.svd()?;
    /// assert_eq!(s.to_vec::<f64>()?, [3.0, 2.0]);
    /// assert_eq!(u.mul(&s)?.matmul(&vt)?.to_vec::<f64>()?, [0.0, 2.0, 3.0, 0.0]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn svd(&self) -> Result<(Self, Self, Self)> {
        let packed = self.packed_singular("svd")?;
        let lens = split(self).1;
        let packed = Self::from_op(packed.clone(), &[self], || Singular { packed, lens });
        let [ut, s, vt] = parts(&packed, lens)?;
        Ok((transposed(&ut)?, s, vt))
    }

    /// Returns the singular values of matrices, descending: (…, m, n) becomes (…, min(m, n)). As
    /// [`svd`](Self::svd), but repeated singular values are allowed for first derivatives, which
    /// are then those of the computed singular vectors.
    ///
    /// # Errors
    /// As [`svd`](Self::svd); equal singular values are an error for second derivatives only.
    ///
    /// ```
    /// # use cotangent::Tensor;
    /// let s = Tensor::from([[0.0f64, 2.0], [-3.0, 0.0]]).svdvals()?;
    /// assert_eq!(s.to_vec::<f64>()?, [3.0, 2.0]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn svdvals(&self) -> Result<Self> {
        self.singular_values("svdvals")
    }

    pub(in crate::ops) fn singular_values(&self, op: &'static str) -> Result<Self> {
        let packed = self.packed_singular(op)?;
        let [ut, s, vt] = parts(&packed, split(self).1)?;
        Ok(Self::from_op(s, &[self], || SingularValues {
            a: self.clone(),
            ut,
            vt,
        }))
    }

    /// Returns uᵀ, s and vᵀ, one behind the other, untracked.
    fn packed_singular(&self, op: &'static str) -> Result<Self> {
        self.expect_finite_matrices(op)?;
        let (front, [m, n]) = split(self);
        let len = m.saturating_add(n).saturating_add(1);
        let len = len.saturating_mul(m.min(n));
        shape_of(front, &[len]).reserve(op, self.dtype())?;
        Ok(with_dtype!(self.dtype(), F => {
            each_of::<F>(op, self, &[len], &|a, out| decompose::singular(a, [m, n], out))
        })?
        .into())
    }
}

fn parts(packed: &Tensor, [m, n]: [usize; 2]) -> Result<[Tensor; 3]> {
    let k = m.min(n);
    unpack(packed, [&[k, m], &[k], &[k, n]])
}

/// Computes u diag(g) vᵀ.
fn of_values(g: &Tensor, ut: &Tensor, vt: &Tensor) -> Result<Tensor> {
    transposed(ut)?.matmul(&g.unsqueeze(-1)?.mul(vt)?)
}

/// uᵀ, s and vᵀ, one behind the other.
struct Singular {
    packed: Tensor,
    lens: [usize; 2],
}

impl Singular {
    /// Computes the cotangent of a that comes from those of the vectors.
    fn of_vectors(&self, [ut, s, vt]: [&Tensor; 3], [gut, gvt]: [&Tensor; 2]) -> Result<Tensor> {
        let [m, n] = self.lens;
        let k = m.min(n);
        let (columns, rows) = (s.unsqueeze(-2)?, s.unsqueeze(-1)?);
        // Sⱼ² - Sᵢ² in two factors, since it could leave the range. The diagonal is not used.
        let eye = Tensor::eye([k, k], s.dtype())?;
        let gaps = columns.sub(&rows)?.add(&eye)?;
        let sums = columns.add(&rows)?.add(&eye)?;
        let skew = |product: &Tensor| product.sub(&transposed(product)?)?.div(&gaps);
        let (utgu, gvtv) = (ut.matmul(&transposed(gut)?)?, gvt.matmul(&transposed(vt)?)?);
        let left = skew(&utgu)?.mul(&columns.div(&sums)?)?;
        let right = rows.div(&sums)?.mul(&skew(&transposed(&gvtv)?)?)?;
        let mut da = transposed(ut)?.matmul(&left.add(&right)?)?.matmul(vt)?;
        if m > k {
            // (I - U Uᵀ) gU S⁻¹ Vᵀ
            let rest = gut.sub(&transposed(&utgu)?.matmul(ut)?)?;
            da = da.add(&transposed(&rest.div(&rows)?)?.matmul(vt)?)?;
        }
        if n > k {
            // U S⁻¹ gVᵀ (I - V Vᵀ)
            let rest = gvt.sub(&gvtv.matmul(vt)?)?;
            da = da.add(&transposed(ut)?.matmul(&rest.div(&rows)?)?)?;
        }
        Ok(da)
    }

    /// Returns the number of the first matrix of which the least singular value is 0 although the
    /// gradient divides by it, and that of all matrices.
    fn vanishing(&self, s: &Tensor) -> Option<(usize, usize)> {
        let [m, n] = self.lens;
        let numbers = s.to_f64_vec();
        let rows = numbers.chunks_exact(m.min(n).max(1));
        let count = rows.len();
        let is_zero = |row: &[f64]| {
            row.last()
                .zip(row.first())
                .is_some_and(|(last, first)| *last <= m.max(n) as f64 * epsilon(s.dtype()) * first)
        };
        let mut found = rows.enumerate().filter(|_| m != n);
        found.find(|(_, row)| is_zero(row)).map(|(i, _)| (i, count))
    }
}

impl Op for Singular {
    fn name(&self) -> &'static str {
        "svd"
    }
    fn kind(&self) -> OpKind {
        OpKind::Other
    }
    fn vjp(&self, cotangent: Tensor, context: &Vjp) -> Result<Cotangents> {
        let [ut, s, vt] = parts(&context.output(&self.packed), self.lens)?;
        let [gut, gs, gvt] = parts(&cotangent, self.lens)?;
        let mut da = of_values(&gs, &ut, &vt)?;
        let used = is_used(&gut) || is_used(&gvt);
        if used {
            expect_apart("svd", &s, "singular values")?;
            if let Some((i, count)) = self.vanishing(&s) {
                let reason = format!(
                    "{} has a singular value of 0, for which the gradient of the vectors is not \
                     defined",
                    named(i, count)
                );
                return Err(Error::argument("svd", reason));
            }
        }
        let defined = || repeated(&s).is_none() && self.vanishing(&s).is_none();
        if used || (context.records() && defined()) {
            da = da.add(&self.of_vectors([&ut, &s, &vt], [&gut, &gvt])?)?;
        }
        Ok(smallvec![Some(da)])
    }
}

/// s, with the rows of uᵀ and vᵀ.
struct SingularValues {
    a: Tensor,
    ut: Tensor,
    vt: Tensor,
}

impl Op for SingularValues {
    fn name(&self) -> &'static str {
        "svdvals"
    }
    fn kind(&self) -> OpKind {
        OpKind::Other
    }
    fn vjp(&self, cotangent: Tensor, context: &Vjp) -> Result<Cotangents> {
        let da = if context.records() {
            let (u, _, vt) = context.saved(&self.a).svd()?;
            of_values(&cotangent, &transposed(&u)?, &vt)?
        } else {
            of_values(&cotangent, &self.ut, &self.vt)?
        };
        Ok(smallvec![Some(da)])
    }
}
