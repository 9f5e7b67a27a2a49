//! Sums and means of the elements that are not NaN, and counts of true values.

use crate::autograd::{Cotangents, Op, OpKind, Tensor, Vjp, stretch};
use crate::error::Result;
use crate::kernel::Float;
use crate::kernel::elementwise::compare::Equal;
use crate::kernel::reduce::fold::{Numbers, SumOfNumbers};
use crate::ops::elementwise::arithmetic;
use crate::ops::elementwise::compare::indicator;
use crate::ops::reduce::sum::{in_range, mean_to_shape};
use crate::tensor::{Axes, DType, Indices, Mask, Reduced, Shape, with_dtype};
use smallvec::smallvec;

/// # Reductions
impl Tensor {
    /// Returns the sum of the elements that are not NaN, a scalar, which is 0 if there are none.
    /// The gradient of a NaN is 0, even if the cotangent is infinite or NaN.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// assert_eq!(Tensor::from([1.0f32, f32::NAN, 2.5]).nansum().item()?, 3.5);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn nansum(&self) -> Self {
        sum_of_numbers(self, &Reduced::all(self.shape())).reshaped(Shape::default())
    }

    /// Returns the sums over some axes of the elements that are not NaN, as
    /// [`nansum`](Self::nansum).
    ///
    /// # Errors
    /// As [`sum_over`](Self::sum_over).
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let x = Tensor::from([[1.0f32, f32::NAN], [3.0, 4.0]]);
    /// assert_eq!(x.nansum_over(1)?.to_vec::<f32>()?, [1.0, 7.0]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn nansum_over(&self, axes: impl Into<Axes>) -> Result<Self> {
        let axes = axes.into().resolve("nansum_over", self.shape())?;
        Ok(sum_of_numbers(self, &axes).reshaped(axes.result))
    }

    /// Returns the mean of the elements that are not NaN, a scalar, which is NaN if there are none.
    /// The gradient of a NaN is 0. It is finite if the elements are, even if their sum overflows.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// assert_eq!(Tensor::from([1.0f32, f32::NAN, 2.0]).nanmean().item()?, 1.5);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn nanmean(&self) -> Self {
        mean_of_numbers(self, &Reduced::all(self.shape())).reshaped(Shape::default())
    }

    /// Returns the means over some axes of the elements that are not NaN, as
    /// [`nanmean`](Self::nanmean).
    ///
    /// # Errors
    /// As [`sum_over`](Self::sum_over).
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let x = Tensor::from([[1.0f32, f32::NAN], [3.0, 4.0]]);
    /// assert_eq!(x.nanmean_over(1)?.to_vec::<f32>()?, [1.0, 3.5]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn nanmean_over(&self, axes: impl Into<Axes>) -> Result<Self> {
        let axes = axes.into().resolve("nanmean_over", self.shape())?;
        Ok(mean_of_numbers(self, &axes).reshaped(axes.result))
    }
}

/// # Reductions
impl Mask {
    /// Returns the number of values over `axes` that are true.
    ///
    /// # Errors
    /// As [`any_over`](Self::any_over).
    ///
    /// ```
    /// # use cotangent::{Indices, Tensor};
    /// let x = Tensor::from([[1.0f32, 0.0], [2.0, 3.0]]);
    /// assert_eq!(x.ne_scalar(0.0).count_over(1)?, Indices::from([1, 2]));
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    #[doc(alias = "count_nonzero")]
    pub fn count_over(&self, axes: impl Into<Axes>) -> Result<Indices> {
        let reduced = axes.into().resolve("count_over", self.shape())?;
        reduced.result.reserve("count_over", DType::F64)?; // The counts have 8 bytes.
        let mut counts = vec![0; reduced.result.element_count()];
        self.each_group(&reduced, &mut counts, &|count, piece| {
            *count += piece.iter().filter(|&&value| value).count();
        });
        Indices::from_vec(counts, reduced.result)
    }
}

/// Computes the sum with the reduced axes kept.
fn sum_of_numbers(x: &Tensor, axes: &Reduced) -> Tensor {
    let sum = x
        .array()
        .reduce(SumOfNumbers, &axes.reduced, axes.kept.clone());
    Tensor::from_op(sum.into(), &[x], || NanSum { x: x.detach() })
}

/// Computes the mean with the reduced axes kept.
fn mean_of_numbers(x: &Tensor, axes: &Reduced) -> Tensor {
    let counts = x.array().reduce(Numbers, &axes.reduced, axes.kept.clone());
    let all = axes.count as f64;
    let complete = with_dtype!(x.dtype(), F => {
        counts.contiguous::<F>().iter().all(|&count| count == F::from_f64(all))
    });
    if complete {
        return mean_to_shape(x, &axes.kept, all);
    }
    let counts = Tensor::from(counts);
    in_range(x, &|x, scale| {
        arithmetic::over(&sum_of_numbers(x, axes), &counts.mul_scalar(scale))
    })
}

/// Saves x, to find the NaN.
struct NanSum {
    x: Tensor,
}

impl Op for NanSum {
    fn name(&self) -> &'static str {
        "nansum"
    }
    fn kind(&self) -> OpKind {
        OpKind::Reduction
    }
    fn vjp(&self, cotangent: Tensor, _: &Vjp) -> Result<Cotangents> {
        let numbers = indicator(Equal, &self.x, &self.x);
        let g = stretch(&cotangent, self.x.array().shape());
        Ok(smallvec![Some(arithmetic::kept(&g, &numbers))])
    }
}
