//! Matrix products. Kernels read operands through their strides, so a transpose is never copied.

use crate::autograd::{Cotangents, Op, OpKind, Tensor, Vjp};
use crate::error::{Error, Result};
use crate::kernel::linear::gemm::gemm;
use crate::kernel::linear::matrix::Matrix;
use crate::kernel::threads::parallel::{self, GRAIN};
use crate::ops::reduce::sum::sum_each;
use crate::ops::sum_of_some;
use crate::tensor::{Array, Shape, broadcast_shapes, with_dtype};
use smallvec::smallvec;

/// # Linear algebra
impl Tensor {
    /// Computes the matrix product over the last two axes, with leading axes broadcast: (…, m, k)
    /// by (…, k, n) gives (…, m, n).
    ///
    /// An operand of one axis is a vector: (k) by (k, n) gives (n), (m, k) by (k) gives (m), and
    /// (k) by (k) gives the scalar product.
    ///
    /// # Errors
    /// [`Error::Shape`] if the inner lengths differ, the leading axes do not broadcast, an operand
    /// is a scalar, or there would be more elements than memory can hold; [`Error::DType`] if the
    /// dtypes differ.
    ///
    /// ```
    /// # use cotangent::Tensor;
    /// let a = Tensor::from([[1.0f32, 2.0], [3.0, 4.0]]);
    /// let b = Tensor::from([[1.0f32], [10.0]]);
    /// assert_eq!(a.matmul(&b)?.to_vec::<f32>()?, [21.0, 43.0]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    #[doc(alias = "bmm")]
    pub fn matmul(&self, other: &Self) -> Result<Self> {
        self.expect_same_dtype("matmul", other)?;
        let shapes = [self.shape(), other.shape()];
        if self.rank() == 0 || other.rank() == 0 {
            return Err(Error::shape(
                "matmul",
                "expected matrices or vectors, found a scalar",
                &shapes,
            ));
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
            (rank, other_rank) => {
                let &[.., k, n] = other.shape() else {
                    return Err(Error::shape(
                        "matmul",
                        "expected matrices or vectors, found a scalar",
                        &shapes,
                    ));
                };
                // A stack of matrices times one matrix is a single matrix with more rows.
                let rows = self.len().checked_div(k).unwrap_or(0);
                let folded = Shape::from([rows, k]);
                if 2 < rank
                    && other_rank <= rank
                    && other.shape()[..other_rank - 2].iter().all(|&len| len == 1)
                    && rows > 0
                    && self.array().layout.reshape(&folded).is_some()
                {
                    let mut shape = self.array().shape().clone();
                    shape.as_mut()[rank - 1] = n;
                    let other = other.reshaped(Shape::from([k, n]));
                    return Ok(self.reshaped(folded).matmul(&other)?.reshaped(shape));
                }
                let (a, b) = (rank - 2, other_rank - 2);
                let batch = broadcast_shapes("matmul", &self.shape()[..a], &other.shape()[..b])?;
                let m = self.shape()[rank - 2];
                let shape: Shape = batch.iter().copied().chain([m, n]).collect();
                shape.reserve("matmul", self.dtype())?;
                let output = Self::from(product(self.array(), other.array(), &batch));
                Ok(Self::from_op(output, &[self, other], || Product {
                    a: other.is_tracked().then(|| self.clone()),
                    b: self.is_tracked().then(|| other.clone()),
                }))
            }
        }
    }

    /// Computes the affine map of a dense layer, `x Wᵀ + b`, in one pass over memory: x (…, in),
    /// weight (out, in), bias (out), result (…, out). PyTorch: `torch.nn.functional.linear`.
    ///
    /// # Errors
    /// [`Error::Shape`] if the lengths do not fit, [`Error::DType`] if the dtypes differ.
    ///
    /// ```
    /// # use cotangent::Tensor;
    /// let x = Tensor::from([[1.0f32, 2.0]]);
    /// let weight = Tensor::from([[1.0f32, 0.0], [0.0, 1.0], [1.0, 1.0]]);
    /// let bias = Tensor::from([10.0f32, 20.0, 30.0]);
    /// assert_eq!(x.linear(&weight, Some(&bias))?.to_vec::<f32>()?, [11.0, 22.0, 33.0]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn linear(&self, weight: &Self, bias: Option<&Self>) -> Result<Self> {
        let operands = [
            ("input", Some(self)),
            ("weight", Some(weight)),
            ("bias", bias),
        ];
        Tensor::expect_one_dtype("linear", &operands)?;
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
        if let Some(bias) = bias.filter(|bias| bias.shape() != [out]) {
            let reason = format!("expected a bias of length {out}");
            let shapes = [weight.shape(), bias.shape()];
            return Err(Error::shape("linear", reason, &shapes));
        }
        let rows = self.shape()[..self.rank() - 1].iter().product::<usize>();
        let mut shape = self.array().shape().clone();
        shape.as_mut()[self.rank() - 1] = out;
        shape.reserve("linear", self.dtype())?;
        let flat = self.reshaped(Shape::from([rows, features]));
        Ok(Affine::record(&flat, weight, true, bias).reshaped(shape))
    }

    /// Computes `self + a b` for matrices a (m, k) and b (k, n), in one pass over memory. `self` is
    /// broadcast to (m, n).
    ///
    /// # Errors
    /// [`Error::Shape`] if a and b are not matrices whose inner lengths agree, or if `self` does
    /// not broadcast to (m, n); [`Error::DType`] if the dtypes differ.
    ///
    /// ```
    /// # use cotangent::Tensor;
    /// let bias = Tensor::from([100.0f32, 200.0]);
    /// let a = Tensor::from([[1.0f32, 2.0]]);
    /// let b = Tensor::from([[1.0f32, 0.0], [10.0, 1.0]]);
    /// assert_eq!(bias.addmm(&a, &b)?.to_vec::<f32>()?, [121.0, 202.0]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn addmm(&self, a: &Self, b: &Self) -> Result<Self> {
        let operands = [("the summand", Some(self)), ("a", Some(a)), ("b", Some(b))];
        Tensor::expect_one_dtype("addmm", &operands)?;
        let shapes = [self.shape(), a.shape(), b.shape()];
        let (&[m, k], &[b_rows, n]) = (a.shape(), b.shape()) else {
            return Err(Error::shape("addmm", "expected two matrices", &shapes));
        };
        if k != b_rows {
            let reason = format!("the first matrix has {k} columns, the second {b_rows} rows");
            return Err(Error::shape("addmm", reason, &shapes));
        }
        Shape::from([m, n]).reserve("addmm", self.dtype())?;
        if broadcast_shapes("addmm", self.shape(), &[m, n])?[..] != [m, n] {
            let reason = "the first operand must broadcast to the shape of the product";
            return Err(Error::shape("addmm", reason, &shapes));
        }
        Ok(Affine::record(a, b, false, Some(self)))
    }

    /// Computes the scalar product `Σ aᵢ bᵢ` of two vectors, summed pairwise.
    ///
    /// # Errors
    /// [`Error::Shape`] unless both have one axis, of one length; [`Error::DType`] if the dtypes
    /// differ.
    ///
    /// ```
    /// # use cotangent::Tensor;
    /// let product = Tensor::from([1.0f32, 2.0]).dot(&Tensor::from([10.0f32, 1.0]))?;
    /// assert_eq!(product.item()?, 12.0);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn dot(&self, other: &Self) -> Result<Self> {
        self.expect_same_dtype("dot", other)?;
        if self.rank() != 1 || self.shape() != other.shape() {
            let reason = "expected two vectors of one length";
            return Err(Error::shape("dot", reason, &[self.shape(), other.shape()]));
        }
        Ok(self.mul(other)?.sum())
    }

    /// Computes the outer product `yᵢⱼ = aᵢ bⱼ` of two vectors.
    ///
    /// # Errors
    /// [`Error::Shape`] unless both have one axis, [`Error::DType`] if the dtypes differ.
    ///
    /// ```
    /// # use cotangent::Tensor;
    /// let product = Tensor::from([1.0f32, 2.0]).outer(&Tensor::from([10.0f32, 1.0]))?;
    /// assert_eq!(product.to_vec::<f32>()?, [10.0, 1.0, 20.0, 2.0]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    #[doc(alias = "ger")]
    pub fn outer(&self, other: &Self) -> Result<Self> {
        self.expect_same_dtype("outer", other)?;
        let (&[m], &[n]) = (self.shape(), other.shape()) else {
            let reason = "expected two vectors";
            return Err(Error::shape(
                "outer",
                reason,
                &[self.shape(), other.shape()],
            ));
        };
        Shape::from([m, n]).reserve("outer", self.dtype())?;
        self.unsqueeze(1)?.mul(other)
    }
}

/// Computes the products of stacks of matrices whose leading axes broadcast to `batch`.
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
            gemm([m, k, n], a.matrix(i), b.matrix(i), 0.0 as F, out);
        }
    }))
}

/// Computes a b + bias for matrices, or a bᵀ + bias; the bias is broadcast.
fn affine(a: &Array, b: &Array, transposed: bool, bias: Option<&Array>) -> Array {
    let [m, k, n] = [
        a.shape()[0],
        a.shape()[1],
        b.shape()[usize::from(!transposed)],
    ];
    let shape = Shape::from([m, n]);
    let bias = bias.map(|bias| bias.broadcast_to(&shape));
    with_dtype!(a.dtype(), F => Array::build::<F>(shape, |y| {
        let beta = match bias {
            Some(bias) if !y.is_empty() => {
                let bias = bias.view::<F>();
                parallel::chunks_mut(y, GRAIN, &|start, y| bias.gather(start, y));
                1.0
            }
            _ => 0.0,
        };
        let b: Matrix<F> = b.matrix(0);
        let b = if transposed { b.transposed() } else { b };
        gemm([m, k, n], a.matrix(0), b, beta, y);
    }))
}

/// Returns the number of terms of the sums of a product, whose first operand is (…, m, k).
fn count_terms(operands: &[&[usize]], output: &[usize]) -> u64 {
    let terms = operands[0].last().map_or(0, |&k| k as u64);
    output.iter().map(|&n| n as u64).product::<u64>() * terms
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
    fn kind(&self) -> OpKind {
        OpKind::Product
    }
    fn multiply_adds(&self, operands: &[&[usize]], output: &[usize]) -> u64 {
        count_terms(operands, output)
    }
    /// Computes da = g bᵀ and db = aᵀ g. The backward loop sums over broadcast axes.
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
    /// Computes da b + a db.
    fn jvp(&self, tangents: &[Option<Tensor>], context: &Vjp) -> Result<Option<Tensor>> {
        let left = match (&tangents[0], &self.b) {
            (Some(da), Some(b)) => Some(da.matmul(&context.saved(b))?),
            _ => None,
        };
        let right = match (&self.a, &tangents[1]) {
            (Some(a), Some(db)) => Some(context.saved(a).matmul(db)?),
            _ => None,
        };
        sum_of_some(left, right)
    }

    fn shares(&self, operand: usize, shape: &[usize], output: &[usize]) -> bool {
        operand == 1 && shape.len() < output.len().max(3)
    }

    /// Computes aᵀ g for the rows of each sample.
    fn vjp_each(
        &self,
        cotangent: &Tensor,
        samples: usize,
        context: &Vjp,
    ) -> Result<Option<Cotangents>> {
        let (Some(a), false) = (&self.a, context.wants(0)) else {
            return Ok(None);
        };
        if context.parents[1]
            .as_ref()
            .is_none_or(|b| b.shape.len() != 2)
        {
            return Ok(None);
        }
        let db = weights_each(a, cotangent, samples)?;
        Ok(Some(smallvec![None, Some(db)]))
    }
}

/// Computes aᵀ g for the rows of each sample: (samples, columns of a, columns of g).
fn weights_each(a: &Tensor, g: &Tensor, samples: usize) -> Result<Tensor> {
    let rows = |x: &Tensor| {
        let columns = x.shape().last().copied().unwrap_or(1);
        let rows = x.len() / (samples * columns).max(1);
        x.detach().reshape([samples, rows, columns])
    };
    let (a, g) = (rows(a)?, rows(g)?);
    if a.shape()[1] == 1 {
        // One row: the outer product, without the sums of a matrix product.
        return a.transpose(1, 2)?.mul(&g);
    }
    a.transpose(1, 2)?.matmul(&g)
}

/// y = a b + bias, or a bᵀ + bias. Each factor is saved for the other's cotangent.
struct Affine {
    a: Option<Tensor>,
    b: Option<Tensor>,
    transposed: bool,
}

impl Affine {
    fn record(a: &Tensor, b: &Tensor, transposed: bool, bias: Option<&Tensor>) -> Tensor {
        let bias_array = bias.map(Tensor::array);
        let output = Tensor::from(affine(a.array(), b.array(), transposed, bias_array));
        let op = || Self {
            a: b.is_tracked().then(|| a.clone()),
            b: a.is_tracked().then(|| b.clone()),
            transposed,
        };
        match bias {
            Some(bias) => Tensor::from_op(output, &[a, b, bias], op),
            None => Tensor::from_op(output, &[a, b], op),
        }
    }
}

impl Op for Affine {
    fn name(&self) -> &'static str {
        if self.transposed { "linear" } else { "addmm" }
    }
    fn kind(&self) -> OpKind {
        OpKind::Product
    }
    fn multiply_adds(&self, operands: &[&[usize]], output: &[usize]) -> u64 {
        count_terms(operands, output)
    }
    /// Computes da = g bᵀ and db = aᵀ g or, if b is transposed, da = g b and db = gᵀ a. The bias
    /// gets g, which the backward loop sums.
    fn vjp(&self, cotangent: Tensor, context: &Vjp) -> Result<Cotangents> {
        let da = match &self.b {
            Some(b) if context.wants(0) => {
                let b = context.saved(b);
                let b = if self.transposed {
                    b
                } else {
                    b.transpose(0, 1)?
                };
                Some(cotangent.matmul(&b)?)
            }
            _ => None,
        };
        let db = match &self.a {
            Some(a) if context.wants(1) => {
                let a = context.saved(a);
                let db = if self.transposed {
                    cotangent.transpose(0, 1)?.matmul(&a)?
                } else {
                    a.transpose(0, 1)?.matmul(&cotangent)?
                };
                Some(db)
            }
            _ => None,
        };
        let mut cotangents: Cotangents = smallvec![da, db];
        if context.parents.len() == 3 {
            cotangents.push(context.wants(2).then_some(cotangent));
        }
        Ok(cotangents)
    }
    /// Computes da b + a db + dbias.
    fn jvp(&self, tangents: &[Option<Tensor>], _: &Vjp) -> Result<Option<Tensor>> {
        let product = |a: &Tensor, b: &Tensor, bias: Option<&Tensor>| {
            let bias = bias.map(Tensor::array);
            Tensor::from(affine(a.array(), b.array(), self.transposed, bias))
        };
        let mut bias = tangents.get(2).and_then(Option::as_ref);
        let left = match (&tangents[0], &self.b) {
            (Some(da), Some(b)) => Some(product(da, b, bias.take())),
            _ => None,
        };
        let right = match (&self.a, &tangents[1]) {
            (Some(a), Some(db)) => Some(product(a, db, bias.take())),
            _ => None,
        };
        sum_of_some(left, right)
    }

    fn shares(&self, operand: usize, _: &[usize], _: &[usize]) -> bool {
        operand > 0
    }

    fn vjp_each(
        &self,
        cotangent: &Tensor,
        samples: usize,
        context: &Vjp,
    ) -> Result<Option<Cotangents>> {
        if context.wants(0) {
            return Ok(None);
        }
        let db = match &self.a {
            Some(a) if context.wants(1) && self.transposed => {
                Some(weights_each(cotangent, a, samples)?)
            }
            Some(a) if context.wants(1) => Some(weights_each(a, cotangent, samples)?),
            _ => None,
        };
        let mut cotangents: Cotangents = smallvec![None, db];
        if let Some(bias) = context.parents.get(2) {
            let dbias = bias.as_ref();
            let dbias = dbias.map(|bias| sum_each(cotangent, samples, &bias.shape));
            if matches!(dbias, Some(None)) {
                return Ok(None);
            }
            cotangents.push(dbias.flatten());
        }
        Ok(Some(cotangents))
    }
}
