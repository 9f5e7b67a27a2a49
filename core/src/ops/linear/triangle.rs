//! Triangles and diagonals of the matrices in the last two axes.

use crate::autograd::{Cotangents, Op, OpKind, Tensor, Vjp};
use crate::error::{Error, Result};
use crate::kernel::threads::parallel::{self, GRAIN};
use crate::ops::shape::window::Window;
use crate::tensor::{Array, Shape, with_dtype};
use smallvec::smallvec;

/// # Linear algebra
impl Tensor {
    /// Sets the elements above a diagonal of the matrices in the last two axes to 0. Diagonal 0 is
    /// the main one; positive numbers are above it.
    ///
    /// # Errors
    /// [`Error::Shape`] if there are not at least two axes.
    ///
    /// ```
    /// # use cotangent::{DType, Tensor};
    /// let x = Tensor::ones([2, 3], DType::F32)?;
    /// assert_eq!(x.tril(0)?.to_string(), "[[1. 0. 0.]\n [1. 1. 0.]]");
    /// assert_eq!(x.tril(-1)?.to_string(), "[[0. 0. 0.]\n [1. 0. 0.]]");
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn tril(&self, diagonal: isize) -> Result<Self> {
        self.expect_matrices("tril")?;
        self.reserve_like("tril")?;
        Ok(self.triangle(Triangle {
            lower: true,
            diagonal,
        }))
    }

    /// Sets the elements below a diagonal of the matrices in the last two axes to 0. Diagonal 0 is
    /// the main one; positive numbers are above it.
    ///
    /// # Errors
    /// [`Error::Shape`] if there are not at least two axes.
    ///
    /// ```
    /// # use cotangent::{DType, Tensor};
    /// let x = Tensor::ones([2, 3], DType::F32)?;
    /// assert_eq!(x.triu(1)?.to_string(), "[[0. 1. 1.]\n [0. 0. 1.]]");
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn triu(&self, diagonal: isize) -> Result<Self> {
        self.expect_matrices("triu")?;
        self.reserve_like("triu")?;
        Ok(self.triangle(Triangle {
            lower: false,
            diagonal,
        }))
    }

    fn triangle(&self, triangle: Triangle) -> Self {
        let [rows, columns] = [1, 0].map(|i| self.shape()[self.rank() - 1 - i]);
        let output = with_dtype!(self.dtype(), F => {
            let xs = &*self.array().contiguous::<F>();
            Array::build::<F>(self.array().shape().clone(), |out| {
                let piece = (GRAIN / columns.max(1)).max(1) * columns;
                parallel::chunks_mut(out, piece, &|start, out| {
                    let xs = xs[start..].chunks_exact(columns);
                    let lines = out.chunks_exact_mut(columns).zip(xs);
                    for (line, (out, xs)) in (start / columns..).zip(lines) {
                        out.fill(F::default());
                        let kept = triangle.kept(line % rows, columns);
                        out[kept.clone()].copy_from_slice(&xs[kept]);
                    }
                });
            })
        });
        Self::from_op(output.into(), &[self], || triangle)
    }

    /// Returns the elements (i, i + `offset`) of the matrices in the last two axes: (…, m, n)
    /// becomes (…, length of the diagonal). A view.
    ///
    /// # Errors
    /// [`Error::Shape`] if there are not at least two axes.
    ///
    /// ```
    /// # use cotangent::Tensor;
    /// let x = Tensor::from([[1.0f32, 2.0, 3.0], [4.0, 5.0, 6.0]]);
    /// assert_eq!(x.diagonal(0)?.to_vec::<f32>()?, [1.0, 5.0]);
    /// assert_eq!(x.diagonal(1)?.to_vec::<f32>()?, [2.0, 6.0]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    #[doc(alias = "diag")]
    pub fn diagonal(&self, offset: isize) -> Result<Self> {
        self.expect_matrices("diagonal")?;
        Ok(self.seen_through("diagonal", Window::Diagonal(offset)))
    }

    /// Returns matrices of zeros with these vectors on a diagonal: (…, n) becomes (…, n + |offset|,
    /// n + |offset|), the transpose of [`diagonal`](Self::diagonal). For one vector it is PyTorch's
    /// `torch.diag`.
    ///
    /// # Errors
    /// [`Error::Shape`] if this is a scalar, or the result has more elements than memory can hold.
    ///
    /// ```
    /// # use cotangent::Tensor;
    /// let x = Tensor::from([1.0f32, 2.0]);
    /// assert_eq!(x.diag_embed(0)?.to_string(), "[[1. 0.]\n [0. 2.]]");
    /// assert_eq!(x.diag_embed(-1)?.to_string(), "[[0. 0. 0.]\n [1. 0. 0.]\n [0. 2. 0.]]");
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    #[doc(alias = "diag")]
    #[doc(alias = "diagflat")]
    pub fn diag_embed(&self, offset: isize) -> Result<Self> {
        let Some((&len, front)) = self.shape().split_last() else {
            let reason = "expected at least one axis";
            return Err(Error::shape("diag_embed", reason, &[self.shape()]));
        };
        let size = len.saturating_add(offset.unsigned_abs());
        let shape: Shape = front.iter().copied().chain([size, size]).collect();
        shape.reserve("diag_embed", self.dtype())?;
        Ok(self.put_behind("diag_embed", Window::Diagonal(offset), shape, 0.0))
    }

    pub(in crate::ops) fn expect_matrices(&self, op: &'static str) -> Result<()> {
        if self.rank() < 2 {
            let reason = "expected at least two axes";
            return Err(Error::shape(op, reason, &[self.shape()]));
        }
        Ok(())
    }
}

/// The map that keeps the part of a matrix on one side of a diagonal. It is linear, and its own
/// transpose.
#[derive(Clone, Copy)]
struct Triangle {
    lower: bool,
    diagonal: isize,
}

impl Triangle {
    /// Returns the columns of a row that are kept.
    fn kept(self, row: usize, columns: usize) -> std::ops::Range<usize> {
        // The column of the diagonal; the next one is the first behind it.
        let column = self.diagonal.saturating_add(row as isize);
        let within = |column: isize| column.clamp(0, columns as isize) as usize;
        if self.lower {
            0..within(column.saturating_add(1))
        } else {
            within(column)..columns
        }
    }
}

impl Op for Triangle {
    fn name(&self) -> &'static str {
        if self.lower { "tril" } else { "triu" }
    }
    fn kind(&self) -> OpKind {
        OpKind::Blend
    }
    fn vjp(&self, cotangent: Tensor, _: &Vjp) -> Result<Cotangents> {
        Ok(smallvec![Some(cotangent.triangle(*self))])
    }
}
