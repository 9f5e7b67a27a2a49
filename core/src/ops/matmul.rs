//! Matrix products. Operands are read through their strides: a transpose is never copied.

use crate::autograd::{Cotangents, Op, Tensor, Vjp};
use crate::error::{Error, Result};
use crate::kernel::gemm::{Matrix, gemm};
use crate::tensor::{Array, Shape, broadcast_shapes, with_dtype};
use smallvec::smallvec;

impl Tensor {
    /// The matrix product over the last two axes, with leading axes broadcast: (…, m, k) by
    /// (…, k, n) gives (…, m, n). An operand of one axis is a vector: (k) by (k, n) gives (n),
    /// (m, k) by (k) gives (m), (k) by (k) the scalar product.
    ///
    /// # Errors
    /// [`Error::Shape`] if the inner lengths differ, the leading axes do not broadcast or an
    /// operand is a scalar; [`Error::DType`] if the dtypes differ.
    ///
    /// ```
    /// # use cotangent_core::Tensor;
    /// let a = Tensor::from([[1.0f32, 2.0], [3.0, 4.0]]);
    /// let b = Tensor::from([[1.0f32], [10.0]]);
    /// assert_eq!(a.matmul(&b)?.to_vec::<f32>()?, [21.0, 43.0]);
    /// # Ok::<(), cotangent_core::Error>(())
    /// ```
    #[doc(alias = "dot")]
    #[doc(alias = "bmm")]
    pub fn matmul(&self, other: &Self) -> Result<Self> {
        other.expect_dtype("matmul", self.dtype())?;
        let shapes = [self.shape(), other.shape()];
        if self.rank() == 0 || other.rank() == 0 {
            return Err(Error::shape("matmul", "a scalar is no matrix", &shapes));
        }
        let inner = self.shape()[self.rank() - 1];
        let other_inner = other.shape()[other.rank().saturating_sub(2)];
        if inner != other_inner {
            let reason =
                format!("the first operand has {inner} columns, the second {other_inner} rows");
            return Err(Error::shape("matmul", reason, &shapes));
        }
        match (self.rank(), other.rank()) {
            (1, 1) => self
                .unsqueeze(0)?
                .matmul(&other.unsqueeze(1)?)?
                .reshape(Shape::default()),
            (1, _) => self.unsqueeze(0)?.matmul(other)?.squeeze(-2),
            (_, 1) => self.matmul(&other.unsqueeze(1)?)?.squeeze(-1),
            _ => {
                let (a, b) = (self.shape().len() - 2, other.shape().len() - 2);
                let batch = broadcast_shapes("matmul", &self.shape()[..a], &other.shape()[..b])?;
                let output = Self::from(product(self.array(), other.array(), &batch));
                Ok(Self::from_op(output, &[self, other], || Product {
                    a: other.is_tracked().then(|| self.clone()),
                    b: self.is_tracked().then(|| other.clone()),
                }))
            }
        }
    }

    /// The affine map of a dense layer, `x Wᵀ + b`, in one sweep: x (…, in), weight (out, in),
    /// bias (out), result (…, out).
    ///
    /// # Errors
    /// [`Error::Shape`] if the lengths do not fit, [`Error::DType`] if the dtypes differ.
    ///
    /// ```
    /// # use cotangent_core::Tensor;
    /// let x = Tensor::from([[1.0f32, 2.0]]);
    /// let weight = Tensor::from([[1.0f32, 0.0], [0.0, 1.0], [1.0, 1.0]]);
    /// let bias = Tensor::from([10.0f32, 20.0, 30.0]);
    /// assert_eq!(x.linear(&weight, Some(&bias))?.to_vec::<f32>()?, [11.0, 22.0, 33.0]);
    /// # Ok::<(), cotangent_core::Error>(())
    /// ```
    #[doc(alias = "addmm")]
    pub fn linear(&self, weight: &Self, bias: Option<&Self>) -> Result<Self> {
        weight.expect_dtype("linear", self.dtype())?;
        let (Some(&features), &[out, weight_in]) = (self.shape().last(), weight.shape()) else {
            let reason = "expected input (…, in) and weight (out, in)";
            return Err(Error::shape(
                "linear",
                reason,
                &[self.shape(), weight.shape()],
            ));
        };
        if features != weight_in {
            let reason = format!("input has {features} features, weight expects {weight_in}");
            return Err(Error::shape(
                "linear",
                reason,
                &[self.shape(), weight.shape()],
            ));
        }
        if let Some(bias) = bias {
            bias.expect_dtype("linear", self.dtype())?;
            if bias.shape() != [out] {
                let reason = format!("expected a bias of length {out}");
                return Err(Error::shape(
                    "linear",
                    reason,
                    &[weight.shape(), bias.shape()],
                ));
            }
        }
        let rows = self.shape()[..self.rank() - 1].iter().product::<usize>();
        let mut shape = self.array().shape().clone();
        shape.as_mut()[self.rank() - 1] = out;
        let flat = self.reshaped(Shape::from([rows, features]));
        let output = Self::from(affine(flat.array(), weight.array(), bias.map(Self::array)));
        let op = || Affine {
            x: weight.is_tracked().then(|| flat.clone()),
            weight: flat.is_tracked().then(|| weight.clone()),
        };
        let output = match bias {
            Some(bias) => Self::from_op(output, &[&flat, weight, bias], op),
            None => Self::from_op(output, &[&flat, weight], op),
        };
        Ok(output.reshaped(shape))
    }
}

/// Products of stacks of matrices whose leading axes broadcast to `batch`.
fn product(a: &Array, b: &Array, batch: &Shape) -> Array {
    let stretch = |operand: &Array| {
        let matrix = &operand.shape()[operand.shape().len() - 2..];
        operand.broadcast_to(&batch.iter().chain(matrix).copied().collect())
    };
    let (a, b) = (stretch(a), stretch(b));
    let rank = batch.len();
    let [m, k, n] = [a.shape()[rank], a.shape()[rank + 1], b.shape()[rank + 1]];
    let shape = batch.iter().copied().chain([m, n]).collect();
    with_dtype!(a.dtype(), F => Array::build::<F>(shape, |out| {
        if m * n == 0 {
            return;
        }
        for (i, out) in out.chunks_exact_mut(m * n).enumerate() {
            gemm([m, k, n], 1.0 as F, a.matrix(i), b.matrix(i), 0.0, out);
        }
    }))
}

/// x Wᵀ + b for x (rows, in).
fn affine(x: &Array, weight: &Array, bias: Option<&Array>) -> Array {
    let [rows, features, out] = [x.shape()[0], x.shape()[1], weight.shape()[0]];
    with_dtype!(x.dtype(), F => Array::build::<F>(Shape::from([rows, out]), |y| {
        let beta = match bias {
            Some(bias) if !y.is_empty() => {
                let bias = bias.to_vec::<F>();
                y.chunks_exact_mut(out).for_each(|y| y.copy_from_slice(&bias));
                1.0
            }
            _ => 0.0,
        };
        let weight: Matrix<F> = weight.matrix(0);
        gemm([rows, features, out], 1.0, x.matrix(0), weight.transposed(), beta, y);
    }))
}

/// y = a b. Each operand is saved for the other's cotangent.
struct Product {
    a: Option<Tensor>,
    b: Option<Tensor>,
}

impl Op for Product {
    fn name(&self) -> &'static str {
        "matmul"
    }
    /// da = g bᵀ, db = aᵀ g; where an operand was broadcast the backward loop sums.
    fn vjp(&self, cotangent: Tensor, context: &Vjp) -> Result<Cotangents> {
        let da = match &self.b {
            Some(b) if context.wants(0) => {
                Some(cotangent.matmul(&context.saved(b).transpose(-2, -1)?)?)
            }
            _ => None,
        };
        let db = match &self.a {
            Some(a) if context.wants(1) => {
                Some(context.saved(a).transpose(-2, -1)?.matmul(&cotangent)?)
            }
            _ => None,
        };
        Ok(smallvec![da, db])
    }
}

/// y = x Wᵀ + b.
struct Affine {
    x: Option<Tensor>,
    weight: Option<Tensor>,
}

impl Op for Affine {
    fn name(&self) -> &'static str {
        "linear"
    }
    /// dx = g W, dW = gᵀ x, db = Σ g, the last summed by the backward loop.
    fn vjp(&self, cotangent: Tensor, context: &Vjp) -> Result<Cotangents> {
        let dx = match &self.weight {
            Some(weight) if context.wants(0) => Some(cotangent.matmul(&context.saved(weight))?),
            _ => None,
        };
        let dw = match &self.x {
            Some(x) if context.wants(1) => {
                Some(cotangent.transpose(0, 1)?.matmul(&context.saved(x))?)
            }
            _ => None,
        };
        let mut cotangents: Cotangents = smallvec![dx, dw];
        if context.parents.len() == 3 {
            cotangents.push(context.wants(2).then_some(cotangent));
        }
        Ok(cotangents)
    }
}
