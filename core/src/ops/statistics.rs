//! Variances, norms: reductions that need care with large or equal elements.

use super::binary::{self, Minus, Over, Times};
use super::compare::indicator;
use super::extremes::extreme;
use super::select::select;
use crate::autograd::{Cotangents, Op, Tensor, Vjp, sum_to_shape};
use crate::error::Result;
use crate::kernel::compare::Equal;
use crate::kernel::reduce::SumOfSquares;
use crate::tensor::{Axes, Reduced, Shape};
use smallvec::smallvec;

/// Which norm of a vector.
///
/// ```
/// use cotangent_core::{Norm, Tensor};
/// let x = Tensor::from([3.0f32, -4.0]);
/// assert_eq!(x.norm(Norm::L1)?.item()?, 7.0);
/// assert_eq!(x.norm(Norm::L2)?.item()?, 5.0);
/// assert_eq!(x.norm(Norm::LInf)?.item()?, 4.0);
/// # Ok::<(), cotangent_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Norm {
    /// Σ |x|. The derivative at an element that is 0 counts as 0.
    L1,
    /// √Σ x². The derivative where all elements are 0 counts as 0, and so does the second
    /// (PyTorch's second derivative is NaN there). It overflows where a square does, as PyTorch's:
    /// in `f32` from 2e19 on.
    L2,
    /// max |x|. Elements that attain it share the gradient evenly.
    LInf,
}

impl Tensor {
    /// The variance of all elements, Σ (x - mean)² / (n - 1), a scalar; NaN of fewer than two.
    /// Computed in two passes: a mean that is large against the deviations does no harm.
    ///
    /// ```
    /// # use cotangent_core::Tensor;
    /// assert_eq!(Tensor::from([10_001.0f32, 10_003.0]).var().item()?, 2.0);
    /// # Ok::<(), cotangent_core::Error>(())
    /// ```
    #[doc(alias = "variance")]
    pub fn var(&self) -> Self {
        spread(self, Reduced::all(self.shape()), 1.0, false)
    }

    /// The variance over some axes, Σ (x - mean)² / max(0, n - correction) for n elements each:
    /// correction 1 for the unbiased estimate from a sample, 0 for the variance of the elements.
    ///
    /// Where the divisor is 0 the result is infinite or NaN, and so are the gradients. (In PyTorch
    /// the gradients are finite if the correction is above n.)
    ///
    /// # Errors
    /// As [`sum_over`](Self::sum_over).
    ///
    /// ```
    /// # use cotangent_core::Tensor;
    /// let x = Tensor::from([[1.0f32, 3.0], [2.0, 6.0]]);
    /// assert_eq!(x.var_over(1, 1.0)?.to_vec::<f32>()?, [2.0, 8.0]);
    /// assert_eq!(x.var_over(1, 0.0)?.to_vec::<f32>()?, [1.0, 4.0]);
    /// # Ok::<(), cotangent_core::Error>(())
    /// ```
    #[doc(alias = "variance")]
    pub fn var_over(&self, axes: impl Into<Axes>, correction: f64) -> Result<Self> {
        let axes = axes.into().resolve("var_over", self.shape())?;
        Ok(spread(self, axes, correction, false))
    }

    /// The standard deviation of all elements, the square root of [`var`](Self::var). The
    /// derivative where it is 0 counts as 0.
    ///
    /// ```
    /// # use cotangent_core::Tensor;
    /// assert_eq!(Tensor::from([1.0f64, 3.0]).std().item()?, 2f64.sqrt());
    /// # Ok::<(), cotangent_core::Error>(())
    /// ```
    pub fn std(&self) -> Self {
        spread(self, Reduced::all(self.shape()), 1.0, true)
    }

    /// The standard deviation over some axes, the square root of [`var_over`](Self::var_over). The
    /// derivative where it is 0 counts as 0.
    ///
    /// # Errors
    /// As [`sum_over`](Self::sum_over).
    ///
    /// ```
    /// # use cotangent_core::Tensor;
    /// let x = Tensor::from([[1.0f32, 3.0], [2.0, 6.0]]);
    /// assert_eq!(x.std_over(1, 0.0)?.to_vec::<f32>()?, [1.0, 2.0]);
    /// # Ok::<(), cotangent_core::Error>(())
    /// ```
    pub fn std_over(&self, axes: impl Into<Axes>, correction: f64) -> Result<Self> {
        let axes = axes.into().resolve("std_over", self.shape())?;
        Ok(spread(self, axes, correction, true))
    }

    /// The norm of all elements, seen as one vector; a scalar.
    ///
    /// # Errors
    /// [`Error::Shape`](crate::Error::Shape) for [`Norm::LInf`] of no elements.
    ///
    /// ```
    /// # use cotangent_core::{Norm, Tensor};
    /// assert_eq!(Tensor::from([[2.0f32, 2.0], [2.0, 2.0]]).norm(Norm::L2)?.item()?, 4.0);
    /// # Ok::<(), cotangent_core::Error>(())
    /// ```
    #[doc(alias = "vector_norm")]
    pub fn norm(&self, norm: Norm) -> Result<Self> {
        norm_of("norm", self, norm, Reduced::all(self.shape()))
    }

    /// The norms over some axes.
    ///
    /// # Errors
    /// As [`sum_over`](Self::sum_over), and [`Error::Shape`](crate::Error::Shape) for
    /// [`Norm::LInf`] if a reduced axis is empty.
    ///
    /// ```
    /// # use cotangent_core::{Norm, Tensor};
    /// let x = Tensor::from([[3.0f32, 4.0], [0.0, -2.0]]);
    /// assert_eq!(x.norm_over(Norm::L2, 1)?.to_vec::<f32>()?, [5.0, 2.0]);
    /// # Ok::<(), cotangent_core::Error>(())
    /// ```
    #[doc(alias = "vector_norm")]
    pub fn norm_over(&self, norm: Norm, axes: impl Into<Axes>) -> Result<Self> {
        let axes = axes.into().resolve("norm_over", self.shape())?;
        norm_of("norm_over", self, norm, axes)
    }
}

/// a / b, and 0 where b is 0, with derivatives that are 0 there too; of one shape.
fn over_or_zero(a: &Tensor, b: &Tensor) -> Tensor {
    let vanishes = indicator(Equal, b, &b.constant_like(0.0));
    // The branch that is not chosen must be finite too: its derivative is multiplied by 0.
    let divisor = select(&vanishes, &b.constant_like(1.0), b);
    let quotient = binary::apply(Over, a, &divisor);
    select(&vanishes, &a.constant_like(0.0), &quotient)
}

/// The variance, or its square root.
fn spread(x: &Tensor, axes: Reduced, correction: f64, root: bool) -> Tensor {
    let divisor = (axes.count as f64 - correction).max(0.0);
    // The mean is rounded: what it is off by is the mean of the deviations from it.
    let once = centered(&x.detach(), &axes.kept, axes.count);
    let twice = centered(&once, &axes.kept, axes.count);
    let squares = twice
        .array()
        .reduce(SumOfSquares, &axes.reduced, axes.kept.clone());
    let variance = Tensor::from(squares).div_scalar(divisor);
    let output = if root { variance.sqrt() } else { variance };
    let recorded = Tensor::from_op(output.clone(), &[x], || Spread {
        x: x.clone(),
        root: root.then_some(output),
        kept: axes.kept.clone(),
        count: axes.count,
        divisor,
    });
    recorded.reshaped(axes.result)
}

/// x less its mean over the axes that have length 1 in `kept`.
fn centered(x: &Tensor, kept: &Shape, count: usize) -> Tensor {
    let mean = sum_to_shape(x, kept).div_scalar(count as f64);
    binary::apply(Minus, x, &mean)
}

/// y = Σ (x - mean)² / divisor, or its square root. Saves x, and the square root.
struct Spread {
    x: Tensor,
    root: Option<Tensor>,
    kept: Shape,
    count: usize,
    divisor: f64,
}

impl Op for Spread {
    fn name(&self) -> &'static str {
        if self.root.is_some() { "std" } else { "var" }
    }
    /// dx = 2 g (x - mean) / divisor, where for the square root g / (2 y) stands for g.
    fn vjp(&self, cotangent: Tensor, context: &Vjp) -> Result<Cotangents> {
        let g = match &self.root {
            Some(y) => over_or_zero(&cotangent, &context.output(y).mul_scalar(2.0)),
            None => cotangent,
        };
        let centered = centered(&context.saved(&self.x), &self.kept, self.count);
        let slope = centered.mul_scalar(2.0 / self.divisor);
        Ok(smallvec![Some(binary::apply(Times, &slope, &g))])
    }
}

fn norm_of(op: &'static str, x: &Tensor, norm: Norm, axes: Reduced) -> Result<Tensor> {
    match norm {
        Norm::L1 => Ok(sum_to_shape(&x.abs(), &axes.kept).reshaped(axes.result)),
        Norm::LInf => extreme(op, &x.abs(), axes, 1.0),
        Norm::L2 => {
            let squares = x
                .array()
                .reduce(SumOfSquares, &axes.reduced, axes.kept.clone());
            let output = Tensor::from(squares).sqrt();
            let recorded = Tensor::from_op(output.clone(), &[x], || Euclidean {
                x: x.clone(),
                output,
            });
            Ok(recorded.reshaped(axes.result))
        }
    }
}

/// y = √Σ x². Saves both.
struct Euclidean {
    x: Tensor,
    output: Tensor,
}

impl Op for Euclidean {
    fn name(&self) -> &'static str {
        "norm"
    }
    /// dx = x g / y
    fn vjp(&self, cotangent: Tensor, context: &Vjp) -> Result<Cotangents> {
        let scale = over_or_zero(&cotangent, &context.output(&self.output));
        Ok(smallvec![Some(binary::apply(
            Times,
            &context.saved(&self.x),
            &scale
        ))])
    }
}
