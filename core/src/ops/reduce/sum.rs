//! Sums, means and products. Sums are pairwise: their error grows with the logarithm of the length.

use crate::autograd::{Cotangents, Op, OpKind, Tensor, Vjp, sum_to_shape};
use crate::error::Result;
use crate::kernel::Float;
use crate::kernel::reduce::{fold, product};
use crate::ops::reduce::cumulative::{Lines, pulled_product};
use crate::tensor::{Array, Axes, DType, Mask, Reduced, Rows, Shape, Span, with_dtype};
use smallvec::smallvec;

/// Returns `x` as `(elements of the result, elements that are reduced to each)`.
pub(crate) fn in_rows(x: &Tensor, reduced: &Reduced) -> Tensor {
    let rows = reduced.kept.iter().product();
    let ordered = x.permuted(&reduced.order());
    ordered.reshaped(Shape::from([rows, reduced.count]))
}

/// Returns all elements of `x` as one row.
pub(crate) fn in_one_row(x: &Tensor) -> Tensor {
    x.reshaped(Shape::from([1, x.len()]))
}

/// Computes Σ x / `divisor` over the axes that `shape` does not have or has with length 1.
pub(crate) fn mean_to_shape(x: &Tensor, shape: &Shape, divisor: f64) -> Tensor {
    in_range(x, &|x, scale| {
        sum_to_shape(x, shape).div_scalar(divisor * scale)
    })
}

/// Returns `mean(x, 1)`, or where that is not finite, the mean of scaled elements and their scale.
/// The sum of finite elements may have overflowed. Scaled by a power of two it cannot, and no digit
/// changes.
pub(super) fn in_range(x: &Tensor, mean_of: &dyn Fn(&Tensor, f64) -> Tensor) -> Tensor {
    let mean = mean_of(x, 1.0);
    let finite: Vec<bool> = with_dtype!(mean.dtype(), F => {
        let means = mean.array().contiguous::<F>();
        if means.iter().all(|mean| mean.is_finite()) {
            return mean;
        }
        means.iter().map(|mean| mean.is_finite()).collect()
    });
    let scale = 0.5f64.powi(64 - x.len().leading_zeros() as i32);
    let small = mean_of(&x.mul_scalar(scale), scale);
    match Mask::from_vec(finite, mean.shape()) {
        Ok(finite) => finite.select(&mean, &small).unwrap_or(mean),
        Err(_) => mean,
    }
}

/// # Reductions
impl Tensor {
    /// Returns the sum of all elements, a scalar, which is 0 without elements.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// assert_eq!(Tensor::from([1.0f32, 2.5]).sum().item()?, 3.5);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    #[track_caller]
    pub fn sum(&self) -> Self {
        sum_to_shape(self, &Shape::default())
    }

    /// Returns the mean of all elements, a scalar, which is NaN without elements. It is finite if
    /// the elements are, even if their sum overflows; in PyTorch it is infinite then.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// assert_eq!(Tensor::from([1.0f32, 2.0]).mean().item()?, 1.5);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    #[track_caller]
    pub fn mean(&self) -> Self {
        mean_to_shape(self, &Shape::default(), self.len() as f64)
    }

    /// Returns the sums over some axes. A sum over no elements is 0.
    ///
    /// # Errors
    /// [`Error::Index`](crate::Error::Index) if there is no such axis,
    /// [`Error::Argument`](crate::Error::Argument) if one is named twice.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let x = Tensor::from([[1.0f32, 2.0], [3.0, 4.0]]);
    /// assert_eq!(x.sum_over(0)?.to_vec::<f32>()?, [4.0, 6.0]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn sum_over(&self, axes: impl Into<Axes>) -> Result<Self> {
        let axes = axes.into().resolve("sum_over", self.shape())?;
        Ok(sum_to_shape(self, &axes.kept).reshaped(axes.result))
    }

    /// Returns the means over some axes, as [`mean`](Self::mean). A mean over no elements is NaN.
    ///
    /// # Errors
    /// As [`sum_over`](Self::sum_over).
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let x = Tensor::from([[1.0f32, 2.0], [3.0, 4.0]]);
    /// assert_eq!(x.mean_over(1)?.to_vec::<f32>()?, [1.5, 3.5]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn mean_over(&self, axes: impl Into<Axes>) -> Result<Self> {
        let axes = axes.into().resolve("mean_over", self.shape())?;
        Ok(mean_to_shape(self, &axes.kept, axes.count as f64).reshaped(axes.result))
    }

    /// Returns the product of all elements, a scalar, which is 1 without elements. It is
    /// accumulated in `f64` with an exponent of any size and rounded once, so that partial products
    /// cannot overflow or vanish. An infinite element times 0 is NaN.
    ///
    /// The derivative with respect to an element is the product of all others, computed without a
    /// division and rounded once. It is right if elements are 0, and if PyTorch divides infinity by
    /// infinity.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let x = Tensor::from([2.0f32, 0.0, 5.0]).tracked();
    /// let grads = x.prod().backward()?;
    /// assert_eq!(grads.get(&x).unwrap().to_vec::<f32>()?, [0.0, 10.0, 0.0]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    #[track_caller]
    pub fn prod(&self) -> Self {
        product_of_rows(&in_one_row(self)).reshaped(Shape::default())
    }

    /// Returns the products over some axes, with derivatives as those of [`prod`](Self::prod). A
    /// product over no elements is 1.
    ///
    /// # Errors
    /// As [`sum_over`](Self::sum_over).
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let x = Tensor::from([[1.0f32, 2.0], [3.0, 4.0]]);
    /// assert_eq!(x.prod_over(0)?.to_vec::<f32>()?, [3.0, 8.0]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn prod_over(&self, axes: impl Into<Axes>) -> Result<Self> {
        let axes = axes.into().resolve("prod_over", self.shape())?;
        Ok(product_of_rows(&in_rows(self, &axes)).reshaped(axes.result))
    }

    /// Returns `Σ x²` as a number, which is not differentiable. Elements of `f32` are summed
    /// pairwise in `f32`. If that sum overflows or vanishes, it is computed in `f64`, which can
    /// represent the square of every `f32`.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// assert_eq!(Tensor::from([3.0f32, 4.0]).sum_of_squares(), 25.0);
    /// assert!(Tensor::from([1e30f32]).sum_of_squares() > 9e59);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn sum_of_squares(&self) -> f64 {
        with_dtype!(self.dtype(), F => {
            let rows = self.array().rows();
            let xs = &*rows.map_or_else(|| self.array().contiguous::<F>(), Rows::values);
            let sum = match rows {
                Some(rows) => fold::all_of_rows(fold::SumOfSquares, self.len(), rows.indices, xs),
                None => fold::all(fold::SumOfSquares, xs),
            };
            let sum = sum.to_f64();
            if self.dtype() == DType::F32 && !(1e-30..=f64::MAX).contains(&sum) {
                xs.iter().map(|x| x.to_f64().powi(2)).sum()
            } else {
                sum
            }
        })
    }
}

/// Computes the product of each row: `(rows, n)` becomes `(rows)`.
fn product_of_rows(x: &Tensor) -> Tensor {
    let (rows, len) = (x.shape()[0], x.shape()[1]);
    let output = with_dtype!(x.dtype(), F => {
        let xs = &*x.array().contiguous::<F>();
        Array::build::<F>(Shape::from([rows]), |out| product::rows(xs, len, out))
    });
    Tensor::from_op(output.into(), &[x], || Product { x: x.clone() })
}

/// yᵢ = Πⱼ xᵢⱼ. Saves x.
struct Product {
    x: Tensor,
}

impl Op for Product {
    fn name(&self) -> &'static str {
        "prod"
    }
    fn kind(&self) -> OpKind {
        OpKind::Reduction
    }
    /// Computes that of the running product, whose last element is the product.
    fn vjp(&self, cotangent: Tensor, context: &Vjp) -> Result<Cotangents> {
        let x = context.saved(&self.x);
        let shape = x.array().shape();
        let Some(start) = shape[1].checked_sub(1) else {
            return Ok(smallvec![Some(x.constant_like(0.0))]);
        };
        let last = Span {
            axis: 1,
            start,
            len: 1,
            step: 1,
        };
        let g = cotangent
            .unsqueeze(1)?
            .put_behind(self.name(), last, shape.clone(), 0.0);
        Ok(smallvec![Some(pulled_product(
            &x,
            &g,
            &[],
            &Lines::Axis(1)
        ))])
    }
}

/// Sums the rows of each sample over the axes along which an operand of this shape was broadcast.
/// `None` if it has rows itself.
pub(crate) fn sum_each(rows: &Tensor, samples: usize, operand: &Shape) -> Option<Tensor> {
    let (first, rest) = rows.shape().split_first()?;
    let own = if operand.len() == rows.rank() {
        let (first, own) = operand.split_first()?;
        if *first != 1 {
            return None;
        }
        own
    } else {
        &operand[..]
    };
    let of_sample = [&[samples, first / samples][..], rest].concat();
    let mut kept = vec![1; of_sample.len()];
    kept[0] = samples;
    let place = kept.len() - own.len();
    kept[place..].copy_from_slice(own);
    let rows = rows.reshaped(of_sample.into_iter().collect());
    Some(sum_to_shape(&rows, &kept.into_iter().collect()))
}
