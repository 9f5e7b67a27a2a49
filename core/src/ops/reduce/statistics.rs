//! Variances. They scale elements whose squares leave the range of the dtype, as norms do.

use crate::autograd::{Cotangents, Op, OpKind, Tensor, Vjp, sum_to_shape};
use crate::error::Result;
use crate::kernel::Float;
use crate::kernel::elementwise::compare::Equal;
use crate::kernel::norm::channels::Channels;
use crate::kernel::norm::moments::Moments;
use crate::kernel::reduce::fold::SumOfSquares;
use crate::kernel::reduce::range::is_accurate;
use crate::ops::elementwise::arithmetic;
use crate::ops::elementwise::compare::indicator;
use crate::ops::elementwise::select::select;
use crate::tensor::{Array, Axes, Reduced, Shape, with_dtype};
use smallvec::smallvec;

/// # Reductions
impl Tensor {
    /// Returns the variance of all elements, `Σ (x - mean)² / (n - 1)`, a scalar. It is NaN for
    /// fewer than two elements.
    ///
    /// It is computed from a mean with more digits than a tensor stores: a mean that is large
    /// relative to the deviations does not harm, and equal elements have the variance 0. If squares
    /// overflow or vanish, the elements are scaled by a power of two. PyTorch's gradient uses the
    /// rounded mean, and its variance of equal elements is a rounding error.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// assert_eq!(Tensor::from([10_001.0f32, 10_003.0]).var().item()?, 2.0);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    #[doc(alias = "variance")]
    pub fn var(&self) -> Self {
        spread(self, &Reduced::all(self.shape()), 1.0, false).reshaped(Shape::default())
    }

    /// Returns the variances over some axes, `Σ (x - mean)² / max(0, n - correction)` of n elements
    /// each. A correction of 1 gives the unbiased estimate from a sample, 0 the variance of the
    /// elements.
    ///
    /// If the divisor is 0, the result and the gradients are infinite or NaN. In PyTorch the
    /// gradients are finite if the correction is above n.
    ///
    /// # Errors
    /// As [`sum_over`](Self::sum_over).
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let x = Tensor::from([[1.0f32, 3.0], [2.0, 6.0]]);
    /// assert_eq!(x.var_over(1, 1.0)?.to_vec::<f32>()?, [2.0, 8.0]);
    /// assert_eq!(x.var_over(1, 0.0)?.to_vec::<f32>()?, [1.0, 4.0]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    #[doc(alias = "variance")]
    pub fn var_over(&self, axes: impl Into<Axes>, correction: f64) -> Result<Self> {
        let axes = axes.into().resolve("var_over", self.shape())?;
        Ok(spread(self, &axes, correction, false).reshaped(axes.result))
    }

    /// Returns the standard deviation of all elements, the square root of [`var`](Self::var). It is
    /// right even if the variance leaves the range of the dtype. If it is 0, its derivative is 0.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// assert_eq!(Tensor::from([1.0f64, 3.0]).std().item()?, 2f64.sqrt());
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn std(&self) -> Self {
        spread(self, &Reduced::all(self.shape()), 1.0, true).reshaped(Shape::default())
    }

    /// Returns the standard deviations over some axes, the square roots of
    /// [`var_over`](Self::var_over). If one is 0, its derivative is 0.
    ///
    /// # Errors
    /// As [`sum_over`](Self::sum_over).
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let x = Tensor::from([[1.0f32, 3.0], [2.0, 6.0]]);
    /// assert_eq!(x.std_over(1, 0.0)?.to_vec::<f32>()?, [1.0, 2.0]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn std_over(&self, axes: impl Into<Axes>, correction: f64) -> Result<Self> {
        let axes = axes.into().resolve("std_over", self.shape())?;
        Ok(spread(self, &axes, correction, true).reshaped(axes.result))
    }
}

/// Computes a / b of one shape, and 0 if b is 0, where the derivatives are 0 too.
pub(super) fn over_or_zero(a: &Tensor, b: &Tensor) -> Tensor {
    let vanishes = indicator(Equal, b, &b.constant_like(0.0));
    // The branch that is not selected must be finite too: its derivative is multiplied by 0.
    let divisor = select(&vanishes, &b.constant_like(1.0), b);
    let quotient = arithmetic::over(a, &divisor);
    select(&vanishes, &a.constant_like(0.0), &quotient)
}

/// Computes the variance, or its square root, with the reduced axes kept.
fn spread(x: &Tensor, axes: &Reduced, correction: f64, root: bool) -> Tensor {
    let divisor = (axes.count as f64 - correction).max(0.0);
    let plain = Deviations::of(&x.detach(), axes);
    let squares = plain.squares.array();
    let scales = with_dtype!(x.dtype(), F => {
        let squares = &*squares.contiguous::<F>();
        let means = &*plain.mean.array().contiguous::<F>();
        // The sum of elements that are not equal is larger than this.
        let error = |i: usize| means[i].to_f64() * F::EPSILON.to_f64();
        let noise = |i: usize| error(i).powi(2) * axes.count as f64;
        let fits = |i: usize| is_accurate(squares[i], axes.count) && squares[i].to_f64() > noise(i);
        x.array().scales(&axes.reduced, &axes.kept, true, fits)
    });
    let scales = scales.map(Scales::from);
    let deviations = match &scales {
        Some(scales) => Deviations::of(&scales.apply(&x.detach()), axes),
        None => plain,
    };
    let variance = deviations.squares.div_scalar(divisor);
    let unscaled = |y: &Tensor| match &scales {
        Some(scales) => arithmetic::times(y, &scales.back),
        None => y.clone(),
    };
    let output = if root {
        unscaled(&variance.sqrt())
    } else {
        unscaled(&unscaled(&variance))
    };
    Tensor::from_op(output.clone(), &[x], || Spread {
        x: x.clone(),
        root: root.then_some(output),
        scales,
        mean: deviations.mean,
        rest: deviations.rest,
        axes: axes.clone(),
        correction,
    })
}

/// The deviations from the mean over some axes.
struct Deviations {
    mean: Tensor,
    /// The rounding error of the mean, which is the mean of the deviations from it.
    rest: Tensor,
    /// The sum of the squared deviations.
    squares: Tensor,
}

impl Deviations {
    fn of(x: &Tensor, axes: &Reduced) -> Self {
        Self::of_channels(x, axes).unwrap_or_else(|| Self::composed(x, axes))
    }

    /// Computes the deviations in two sweeps over memory, or in one, if the kept axes are
    /// neighbours, as the channels of batch normalization are. The result is `None` if they are
    /// not, or if a sum leaves the range of the dtype.
    fn of_channels(x: &Tensor, axes: &Reduced) -> Option<Self> {
        let sizes = channels(x, axes)?;
        with_dtype!(x.dtype(), F => {
            let moments = Moments::of(&x.array().contiguous::<F>(), sizes);
            let all = [&moments.mean, &moments.rest, &moments.squares];
            let is_finite = |values: &&Vec<F>| values.iter().all(|x| x.is_finite());
            let kept = || axes.kept.clone();
            let tensor = |values: &Vec<F>| Tensor::from(Array::from_slice(kept(), values));
            all.iter().all(is_finite).then(|| Self {
                mean: tensor(&moments.mean),
                rest: tensor(&moments.rest),
                squares: tensor(&moments.squares),
            })
        })
    }

    fn composed(x: &Tensor, axes: &Reduced) -> Self {
        let mean = mean(x, axes);
        let once = arithmetic::minus(x, &mean);
        let rest = rest(&once, axes);
        let twice = arithmetic::minus(&once, &rest);
        let squares = twice
            .array()
            .reduce(SumOfSquares, &axes.reduced, axes.kept.clone());
        let squares = squares.into();
        Self {
            mean,
            rest,
            squares,
        }
    }
}

/// Returns the sizes of contiguous data whose kept axes are neighbours, if the kernels of channels
/// are fast for them.
fn channels(x: &Tensor, axes: &Reduced) -> Option<Channels> {
    let shape = x.shape();
    let is_kept = |axis: &usize| !axes.reduced[*axis] && shape[*axis] != 1;
    let first = (0..shape.len()).find(is_kept)?;
    let last = (0..shape.len()).rfind(is_kept)?;
    let is_gap = |axis: usize| axes.reduced[axis] && shape[axis] != 1;
    let product = |axes: &[usize]| axes.iter().product::<usize>();
    let sizes = Channels {
        samples: product(&shape[..first]),
        channels: product(&shape[first..=last]),
        inner: product(&shape[last + 1..]),
    };
    let is_fast = sizes.inner == 1 || sizes.inner >= SHORT;
    let is_contiguous = x.array().layout.is_row_major();
    (is_contiguous && is_fast && !(first..last).any(is_gap)).then_some(sizes)
}

/// Elements of a line below which the kernels of channels are slower than a composition.
const SHORT: usize = 64;

fn mean(x: &Tensor, axes: &Reduced) -> Tensor {
    sum_to_shape(x, &axes.kept).div_scalar(axes.count as f64)
}

/// Computes the rounding error of a mean from the deviations. It is 0 for an infinite mean: the
/// gradients of the finite elements are infinite then, not NaN.
fn rest(deviations: &Tensor, axes: &Reduced) -> Tensor {
    let rest = mean(deviations, axes);
    let number = indicator(Equal, &rest, &rest);
    select(&number, &rest, &rest.constant_like(0.0))
}

/// A power of two for each reduced group, which multiplies it before the squares are taken. Norms
/// and deviations are multiplied too, and their gradients are the same.
#[derive(Clone)]
pub(super) struct Scales {
    scale: Tensor,
    /// The reciprocals of the scales, and 0 for a scale of 0.
    pub(super) back: Tensor,
}

impl From<Array> for Scales {
    fn from(scale: Array) -> Self {
        let scale = Tensor::from(scale);
        let back = over_or_zero(&scale.constant_like(1.0), &scale);
        Self { scale, back }
    }
}

impl Scales {
    /// Returns these scales, but by the size of the elements where they are equal.
    fn without_zeros(&self, x: &Tensor, axes: &Reduced) -> Self {
        let own = self.scale.to_f64_vec();
        let by_size = x
            .array()
            .scales(&axes.reduced, &axes.kept, false, |i| own[i] == 1.0);
        by_size.map_or_else(
            || Self::from(self.scale.constant_like(1.0).into_array()),
            Self::from,
        )
    }

    pub(super) fn apply(&self, x: &Tensor) -> Tensor {
        arithmetic::times(x, &self.scale)
    }
}

/// y = Σ (x - mean)² / divisor, or its square root. Saves x, the mean and the square root.
struct Spread {
    x: Tensor,
    root: Option<Tensor>,
    scales: Option<Scales>,
    /// Of x times its scales, as the rest.
    mean: Tensor,
    rest: Tensor,
    axes: Reduced,
    correction: f64,
}

impl Op for Spread {
    fn name(&self) -> &'static str {
        if self.root.is_some() { "std" } else { "var" }
    }
    fn kind(&self) -> OpKind {
        OpKind::Reduction
    }
    /// Computes dx = 2 g (x - mean) / divisor; for the square root with g / (2 y) in place of g.
    fn vjp(&self, cotangent: Tensor, context: &Vjp) -> Result<Cotangents> {
        let divisor = (self.axes.count as f64 - self.correction).max(0.0);
        let saved = context.saved(&self.x);
        let scales = match &self.scales {
            // The second derivative of a variance is not 0 where the first is.
            Some(scales) if context.records() && self.root.is_none() => {
                Some(scales.without_zeros(&saved, &self.axes))
            }
            scales => scales.clone(),
        };
        let x = match &scales {
            Some(scales) => scales.apply(&saved),
            None => saved,
        };
        let [mean, rest] = if context.records() {
            let mean = mean(&x, &self.axes);
            let once = arithmetic::minus(&x, &mean);
            [mean, rest(&once, &self.axes)]
        } else {
            [self.mean.clone(), self.rest.clone()]
        };
        let mut deviation = arithmetic::minus(&arithmetic::minus(&x, &mean), &rest);
        let slope = match (&self.root, &scales) {
            (None, None) => cotangent.mul_scalar(2.0 / divisor),
            (None, Some(scales)) => {
                deviation = arithmetic::times(&deviation, &scales.back);
                cotangent.mul_scalar(2.0 / divisor)
            }
            (Some(y), None) => over_or_zero(&cotangent, &context.output(y)).div_scalar(divisor),
            // The output may have lost digits.
            (Some(_), Some(_)) => {
                let y = spread(&x, &self.axes, self.correction, true);
                over_or_zero(&cotangent, &y).div_scalar(divisor)
            }
        };
        Ok(smallvec![Some(arithmetic::times(&deviation, &slope))])
    }
}
