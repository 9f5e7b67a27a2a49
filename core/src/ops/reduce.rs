//! Sums, means, products. Sums are pairwise: their error grows with the logarithm of the length.

use super::binary::{self, Times};
use super::cumulative::products_before;
use crate::autograd::{Cotangents, Op, Tensor, Vjp, sum_to_shape};
use crate::error::Result;
use crate::kernel::{self, Float};
use crate::tensor::{Axes, DType, Reduced, Shape, with_dtype};
use smallvec::smallvec;

/// `x` as (elements of the result, elements that fall into each).
pub(super) fn in_rows(x: &Tensor, reduced: &Reduced) -> Result<Tensor> {
    let rows = reduced.kept.iter().product();
    let ordered = x.permute(&reduced.order())?;
    Ok(ordered.reshaped(Shape::from([rows, reduced.count])))
}

/// `x`, all of it, as one row.
pub(super) fn in_one_row(x: &Tensor) -> Tensor {
    x.reshaped(Shape::from([1, x.len()]))
}

impl Tensor {
    /// The sum of all elements, a scalar; 0 if there are none.
    ///
    /// ```
    /// # use cotangent_core::Tensor;
    /// assert_eq!(Tensor::from([1.0f32, 2.5]).sum().item()?, 3.5);
    /// # Ok::<(), cotangent_core::Error>(())
    /// ```
    #[track_caller]
    pub fn sum(&self) -> Self {
        sum_to_shape(self, &Shape::default())
    }

    /// The mean of all elements, a scalar; NaN if there are none.
    ///
    /// ```
    /// # use cotangent_core::Tensor;
    /// assert_eq!(Tensor::from([1.0f32, 2.0]).mean().item()?, 1.5);
    /// # Ok::<(), cotangent_core::Error>(())
    /// ```
    #[track_caller]
    pub fn mean(&self) -> Self {
        self.sum().div_scalar(self.len() as f64)
    }

    /// The sum over some axes; 0 over none.
    ///
    /// # Errors
    /// [`Error::Index`](crate::Error::Index) if there is no such axis,
    /// [`Error::Argument`](crate::Error::Argument) if one is named twice.
    ///
    /// ```
    /// # use cotangent_core::Tensor;
    /// let x = Tensor::from([[1.0f32, 2.0], [3.0, 4.0]]);
    /// assert_eq!(x.sum_over(0)?.to_vec::<f32>()?, [4.0, 6.0]);
    /// # Ok::<(), cotangent_core::Error>(())
    /// ```
    pub fn sum_over(&self, axes: impl Into<Axes>) -> Result<Self> {
        let axes = axes.into().resolve("sum_over", self.shape())?;
        Ok(sum_to_shape(self, &axes.kept).reshaped(axes.result))
    }

    /// The mean over some axes; NaN over no elements.
    ///
    /// # Errors
    /// As [`sum_over`](Self::sum_over).
    ///
    /// ```
    /// # use cotangent_core::Tensor;
    /// let x = Tensor::from([[1.0f32, 2.0], [3.0, 4.0]]);
    /// assert_eq!(x.mean_over(1)?.to_vec::<f32>()?, [1.5, 3.5]);
    /// # Ok::<(), cotangent_core::Error>(())
    /// ```
    pub fn mean_over(&self, axes: impl Into<Axes>) -> Result<Self> {
        let axes = axes.into().resolve("mean_over", self.shape())?;
        let sum = sum_to_shape(self, &axes.kept).reshaped(axes.result);
        Ok(sum.div_scalar(axes.count as f64))
    }

    /// The product of all elements, a scalar; 1 if there are none.
    ///
    /// The derivative with respect to an element is the product of all others, without a division:
    /// right where elements are 0, and where PyTorch divides infinity by infinity.
    ///
    /// ```
    /// # use cotangent_core::Tensor;
    /// let x = Tensor::from([2.0f32, 0.0, 5.0]).tracked();
    /// let grads = x.prod().backward()?;
    /// assert_eq!(grads.get(&x).unwrap().to_vec::<f32>()?, [0.0, 10.0, 0.0]);
    /// # Ok::<(), cotangent_core::Error>(())
    /// ```
    #[track_caller]
    pub fn prod(&self) -> Self {
        product_of_rows(&in_one_row(self)).reshaped(Shape::default())
    }

    /// The product over some axes; 1 over none. Its derivative is that of [`prod`](Self::prod).
    ///
    /// # Errors
    /// As [`sum_over`](Self::sum_over).
    ///
    /// ```
    /// # use cotangent_core::Tensor;
    /// let x = Tensor::from([[1.0f32, 2.0], [3.0, 4.0]]);
    /// assert_eq!(x.prod_over(0)?.to_vec::<f32>()?, [3.0, 8.0]);
    /// # Ok::<(), cotangent_core::Error>(())
    /// ```
    pub fn prod_over(&self, axes: impl Into<Axes>) -> Result<Self> {
        let axes = axes.into().resolve("prod_over", self.shape())?;
        Ok(product_of_rows(&in_rows(self, &axes)?).reshaped(axes.result))
    }

    /// Σ x², as a number; not recorded. In `f64` if the elements are, else rounded as `f32` pairwise
    /// summation is, unless that overflows or comes to nothing: `f64` holds the square of every `f32`.
    ///
    /// ```
    /// # use cotangent_core::Tensor;
    /// assert_eq!(Tensor::from([3.0f32, 4.0]).sum_of_squares(), 25.0);
    /// assert!(Tensor::from([1e30f32]).sum_of_squares() > 9e59);
    /// # Ok::<(), cotangent_core::Error>(())
    /// ```
    pub fn sum_of_squares(&self) -> f64 {
        let array = self.array().contiguous();
        with_dtype!(self.dtype(), F => {
            let xs = array.as_slice::<F>().unwrap_or_default();
            let sum = kernel::reduce::all(kernel::reduce::SumOfSquares, xs).to_f64();
            if self.dtype() == DType::F32 && !(1e-30..=f64::MAX).contains(&sum) {
                xs.iter().map(|x| x.to_f64().powi(2)).sum()
            } else {
                sum
            }
        })
    }
}

/// (rows, n) becomes (rows).
fn product_of_rows(x: &Tensor) -> Tensor {
    let shape = Shape::from([x.shape()[0]]);
    let output = x
        .array()
        .reduce(kernel::reduce::Product, &[false, true], shape);
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
    /// dxᵢⱼ = gᵢ · (the product before xᵢⱼ) · (the product behind it).
    fn vjp(&self, cotangent: Tensor, context: &Vjp) -> Result<Cotangents> {
        let x = context.saved(&self.x);
        let [before, behind] = [false, true].map(|reverse| products_before(&x, 1, reverse));
        let others = binary::apply(Times, &before, &behind);
        Ok(smallvec![Some(others.mul(&cotangent.unsqueeze(1)?)?)])
    }
}
