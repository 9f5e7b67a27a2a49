//! Norms of vectors of any order, and norms of matrices.

use crate::autograd::{Cotangents, Op, OpKind, Tensor, Vjp, stretch, sum_to_shape};
use crate::error::{Error, Result};
use crate::kernel::Float;
use crate::kernel::reduce::distance::Order;
use crate::kernel::reduce::fold::{Extreme, Nonzeros, Sum, SumOfSquares};
use crate::kernel::reduce::range::{self, is_accurate};
use crate::ops::elementwise::arithmetic;
use crate::ops::elementwise::operation;
use crate::ops::reduce::extremes::{extreme, shared};
use crate::ops::reduce::statistics::{Scales, over_or_zero};
use crate::tensor::{Array, Axes, Reduced, with_dtype};
use cotangent_macros::elementwise;
use smallvec::smallvec;

/// A norm of vectors. No derivative is NaN where elements or a whole vector are 0.
///
/// ```
/// use cotangent::{Norm, Tensor};
/// let x = Tensor::from([3.0f64, -4.0]);
/// assert_eq!(x.norm(Norm::L1)?.item()?, 7.0);
/// assert_eq!(x.norm(Norm::L2)?.item()?, 5.0);
/// assert_eq!(x.norm(Norm::LInf)?.item()?, 4.0);
/// assert!((x.norm(Norm::P(3.0))?.item()? - 91f64.cbrt()).abs() < 1e-12);
/// assert_eq!(x.norm(Norm::P(0.0))?.item()?, 2.0);
/// assert_eq!(x.norm(Norm::P(f64::NEG_INFINITY))?.item()?, 3.0);
/// # Ok::<(), cotangent::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Norm {
    /// `Σ |x|`. The derivative at an element of 0 is 0.
    L1,
    /// `√Σ x²`. If all elements are 0, the first and the second derivative are 0; PyTorch's second
    /// derivative is NaN. If squares overflow or vanish, the vector is scaled by a power of two.
    /// PyTorch's norm in `f32` is infinite from 2e19 on and loses digits below 1e-19.
    L2,
    /// `max |x|`. Elements of that size share the gradient evenly.
    LInf,
    /// `(Σ |x|^p)^(1/p)` for any p but NaN. An order of 0 is the number of elements that are not 0,
    /// whose derivative is 0; ∞ is `max |x|` and -∞ is `min |x|`. Other orders below 1 are no
    /// norms, but have the same formula.
    ///
    /// First and second derivatives at an element of 0 are 0, also where the formula's are
    /// infinite. The powers are those of `|x| / max |x|`, so that they do not overflow; PyTorch's
    /// do.
    P(f64),
}

/// A norm of matrices.
///
/// ```
/// use cotangent::{MatrixNorm, Tensor};
/// let x = Tensor::from([[1.0f32, -2.0], [2.0, 4.0]]);
/// assert_eq!(x.matrix_norm(MatrixNorm::Frobenius)?.item()?, 5.0);
/// assert_eq!(x.matrix_norm(MatrixNorm::One)?.item()?, 6.0);
/// assert_eq!(x.matrix_norm(MatrixNorm::Infinity)?.item()?, 6.0);
/// assert_eq!(x.matrix_norm(MatrixNorm::MinusOne)?.item()?, 3.0);
/// # Ok::<(), cotangent::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum MatrixNorm {
    /// `√Σ x²`: the Euclidean norm of all elements.
    Frobenius,
    /// The largest sum of `|x|` in a column, which is the operator norm for [`Norm::L1`].
    One,
    /// The largest sum of `|x|` in a row, which is the operator norm for [`Norm::LInf`].
    Infinity,
    /// The smallest sum of `|x|` in a column, PyTorch's order -1.
    MinusOne,
    /// The smallest sum of `|x|` in a row, PyTorch's order -∞.
    MinusInfinity,
    /// The sum of the singular values, PyTorch's order "nuc". Second derivatives need
    /// [`Tensor::svd`]'s. Behind the feature `linalg`.
    #[cfg(feature = "linalg")]
    Nuclear,
    /// The largest singular value, PyTorch's order 2, which is the operator norm for [`Norm::L2`].
    /// Second derivatives need [`Tensor::svd`]'s. Behind the feature `linalg`.
    #[cfg(feature = "linalg")]
    Spectral,
    /// The smallest singular value, PyTorch's order -2. Second derivatives need [`Tensor::svd`]'s.
    /// Behind the feature `linalg`.
    #[cfg(feature = "linalg")]
    MinusSpectral,
}

/// # Reductions
impl Tensor {
    /// Returns the norm of all elements as one vector, a scalar.
    ///
    /// # Errors
    /// [`Error::Shape`] without elements for [`Norm::LInf`] and for orders that are infinite or
    /// negative; [`Error::Argument`] for an order of NaN.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// assert_eq!(Tensor::from([[2.0f32, 2.0], [2.0, 2.0]]).norm(Norm::L2)?.item()?, 4.0);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    #[doc(alias = "vector_norm")]
    pub fn norm(&self, norm: Norm) -> Result<Self> {
        norm_of("norm", self, norm, Reduced::all(self.shape()))
    }

    /// Returns the norms of the vectors along some axes.
    ///
    /// # Errors
    /// As [`sum_over`](Self::sum_over), and as [`norm`](Self::norm) if a reduced axis is empty.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let x = Tensor::from([[3.0f32, 4.0], [0.0, -2.0]]);
    /// assert_eq!(x.norm_over(1, Norm::L2)?.to_vec::<f32>()?, [5.0, 2.0]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    #[doc(alias = "vector_norm")]
    pub fn norm_over(&self, axes: impl Into<Axes>, norm: Norm) -> Result<Self> {
        let axes = axes.into().resolve("norm_over", self.shape())?;
        norm_of("norm_over", self, norm, axes)
    }

    /// Returns the norms of the matrices of the last two axes: `(…, rows, columns)` becomes `(…)`.
    /// For other axes, [`permute`](Self::permute) first.
    ///
    /// # Errors
    /// [`Error::Shape`] if there are fewer than two axes, or if the largest or smallest of no sums
    /// or singular values would be taken.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let x = Tensor::from([[3.0f32, 0.0], [0.0, -4.0]]);
    /// assert_eq!(x.matrix_norm(MatrixNorm::Frobenius)?.item()?, 5.0);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn matrix_norm(&self, norm: MatrixNorm) -> Result<Self> {
        let op = "matrix_norm";
        if self.rank() < 2 {
            let reason = "expected matrices (…, rows, columns)";
            return Err(Error::shape(op, reason, &[self.shape()]));
        }
        let (summed, left, sign) = match norm {
            MatrixNorm::Frobenius => {
                let axes = Axes::from([-2, -1]).resolve(op, self.shape())?;
                return norm_of(op, self, Norm::L2, axes);
            }
            MatrixNorm::One => (-2, -1, 1.0),
            MatrixNorm::Infinity => (-1, -1, 1.0),
            MatrixNorm::MinusOne => (-2, -1, -1.0),
            MatrixNorm::MinusInfinity => (-1, -1, -1.0),
            #[cfg(feature = "linalg")]
            MatrixNorm::Nuclear => return self.singular_values(op)?.sum_over(-1),
            #[cfg(feature = "linalg")]
            MatrixNorm::Spectral | MatrixNorm::MinusSpectral => {
                let values = self.singular_values(op)?;
                let left = Axes::from(-1).resolve(op, values.shape())?;
                let sign = if norm == MatrixNorm::Spectral {
                    1.0
                } else {
                    -1.0
                };
                return extreme(op, &values, left, sign);
            }
        };
        let summed = Axes::from(summed).resolve(op, self.shape())?;
        let sums = norm_of(op, self, Norm::L1, summed)?;
        let left = Axes::from(left).resolve(op, sums.shape())?;
        extreme(op, &sums, left, sign)
    }
}

impl Norm {
    /// Returns the formula, or an error if the order is NaN, or if there are no elements but needed
    /// some.
    pub(crate) fn order(
        self,
        op: &'static str,
        count: usize,
        shapes: &[&[usize]],
    ) -> Result<Order> {
        let order = match self {
            Self::L1 | Self::P(1.0) => Order::L1,
            Self::L2 | Self::P(2.0) => Order::L2,
            Self::LInf => Order::Extreme(1.0),
            Self::P(0.0) => Order::Nonzeros,
            Self::P(p) if p.is_infinite() => Order::Extreme(p.signum()),
            Self::P(p) if p.is_nan() => {
                return Err(Error::argument(op, "the order of a norm must not be NaN"));
            }
            Self::P(p) => Order::Power(p),
        };
        let needs_elements = match order {
            Order::Extreme(_) => true,
            Order::Power(p) => p < 0.0,
            _ => false,
        };
        if needs_elements && count == 0 {
            let reason = "there are no elements to take the largest or smallest of";
            return Err(Error::shape(op, reason, shapes));
        }
        Ok(order)
    }
}

pub(super) fn norm_of(op: &'static str, x: &Tensor, norm: Norm, axes: Reduced) -> Result<Tensor> {
    let kept = match norm.order(op, axes.count, &[x.shape()])? {
        Order::L1 => sum_to_shape(&x.abs(), &axes.kept),
        Order::L2 => euclidean(x, &axes),
        Order::Extreme(sign) => return extreme(op, &x.abs(), axes, sign),
        Order::Nonzeros => nonzeros(x, &axes),
        Order::Power(p) => power_norm(x, p, &axes),
    };
    Ok(kept.reshaped(axes.result))
}

/// Computes g times the derivatives of norms y by x, recorded. y and g broadcast to x.
pub(super) fn slopes(order: Order, x: &Tensor, y: &Tensor, g: &Tensor) -> Tensor {
    match order {
        Order::Nonzeros => x.constant_like(0.0),
        Order::L1 => arithmetic::times(g, &x.sign()),
        Order::L2 => {
            let y = stretch(y, x.array().shape());
            arithmetic::times(g, &over_or_zero(x, &y))
        }
        Order::Extreme(_) => arithmetic::times(&shared(&x.abs().detach(), y, g), &x.sign()),
        Order::Power(p) => operation::apply_known(power_slope::new(p - 1.0), [g, x, y]),
    }
}

/// Computes the number of elements that are not 0.
fn nonzeros(x: &Tensor, axes: &Reduced) -> Tensor {
    let counts = x.array().reduce(Nonzeros, &axes.reduced, axes.kept.clone());
    Tensor::from_op(counts.into(), &[x], || Flat {
        zeros: x.constant_like(0.0),
    })
}

/// A function whose derivative is 0.
struct Flat {
    zeros: Tensor,
}

impl Op for Flat {
    fn name(&self) -> &'static str {
        "norm"
    }
    fn kind(&self) -> OpKind {
        OpKind::Reduction
    }
    fn vjp(&self, _: Tensor, _: &Vjp) -> Result<Cotangents> {
        Ok(smallvec![Some(self.zeros.clone())])
    }
}

/// Computes m t with t = (Σ (|x| / m)^p)^(1/p), with the reduced axes kept. m is the largest size
/// for a positive p, the smallest for a negative one, so that each power is at most 1.
fn power_norm(x: &Tensor, p: f64, axes: &Reduced) -> Tensor {
    let sizes = x.detach().abs();
    let sign = p.signum();
    let extremes = sizes
        .array()
        .reduce(Extreme { sign }, &axes.reduced, axes.kept.clone());
    let extremes = Tensor::from(extremes).scaled_in_place(sign);
    let powers = operation::apply_known(share::new(), [&sizes, &extremes]).powf(p);
    let sums = powers.array().reduce(Sum, &axes.reduced, axes.kept.clone());
    let [output, relative] = with_dtype!(x.dtype(), F => {
        let (extremes, sums) = (extremes.array().contiguous::<F>(), sums.contiguous::<F>());
        let build = |norm: &dyn Fn(f64, f64) -> f64| {
            let shape = axes.kept.clone();
            Tensor::from(Array::build::<F>(shape, |out| {
                for ((out, m), sum) in out.iter_mut().zip(&*extremes).zip(&*sums) {
                    let (m, sum) = (m.to_f64(), sum.to_f64());
                    let unscaled = m == 0.0 || m.is_infinite();
                    let t = if unscaled { 1.0 } else { sum.powf(p.recip()) };
                    *out = F::from_f64(norm(m, t));
                }
            }))
        };
        // The largest of no sizes is -∞.
        [build(&|m, t| if m == f64::NEG_INFINITY { 0.0 } else { m * t }), build(&|_, t| t)]
    });
    Tensor::from_op(output, &[x], || PowerNorm {
        x: x.clone(),
        extremes,
        relative,
        axes: axes.clone(),
        p,
    })
}

/// Computes x / m, and 0 if m is 0.
#[elementwise(name = "norm", crate = "crate")]
fn share(x: Tensor, m: Tensor) -> Tensor {
    if m == 0.0 { 0.0 } else { x / m }
}

/// The derivative of a norm y by x, for the exponent p - 1, times the cotangent.
#[elementwise(name = "norm", crate = "crate")]
fn power_slope(g: Tensor, x: Tensor, y: Tensor, exponent: f64) -> Tensor {
    if x == 0.0 {
        0.0
    } else if y == 0.0 {
        0.0
    } else {
        g * sign(x) * powf(abs(x) / y, exponent)
    }
}

/// Saves x, m and t, which have the rank of x. The norm itself may have lost digits.
struct PowerNorm {
    x: Tensor,
    extremes: Tensor,
    relative: Tensor,
    axes: Reduced,
    p: f64,
}

impl Op for PowerNorm {
    fn name(&self) -> &'static str {
        "norm"
    }
    fn kind(&self) -> OpKind {
        OpKind::Reduction
    }
    /// Computes dx = g sign(x) (|x| / y)^(p - 1), which is the same for x / m and t.
    fn vjp(&self, cotangent: Tensor, context: &Vjp) -> Result<Cotangents> {
        let x = context.saved(&self.x);
        let x = operation::apply_known(share::new(), [&x, &self.extremes]);
        let y = if context.records() {
            power_norm(&x, self.p, &self.axes)
        } else {
            self.relative.clone()
        };
        let dx = slopes(Order::Power(self.p), &x, &y, &cotangent);
        Ok(smallvec![Some(dx)])
    }
}

/// Computes √Σ x² with the reduced axes kept.
pub(crate) fn euclidean(x: &Tensor, axes: &Reduced) -> Tensor {
    let sums = |x: &Tensor| {
        x.array()
            .reduce(SumOfSquares, &axes.reduced, axes.kept.clone())
    };
    let mut squares = sums(x);
    let scales = with_dtype!(x.dtype(), F => {
        let squares = &*squares.contiguous::<F>();
        let fits = |i: usize| is_accurate(squares[i], axes.count);
        x.array().scales(&axes.reduced, &axes.kept, false, fits)
    });
    let scales = scales.map(Scales::from);
    if let Some(scales) = &scales {
        squares = sums(&scales.apply(&x.detach()));
    }
    let root = Tensor::from(squares).sqrt();
    let output = match &scales {
        Some(scales) => arithmetic::times(&root, &scales.back),
        None => root,
    };
    Tensor::from_op(output.clone(), &[x], || Euclidean {
        x: x.clone(),
        output,
        scales: scales.map(|scales| (scales, axes.clone())),
    })
}

/// Returns powers of two that scale vectors so that the cubes of their norms, which second
/// derivatives use, stay in the range, unless all do. Vectors with norms below `least` are not
/// scaled.
pub(crate) fn scales_of_cubes(
    x: &Tensor,
    norms: &Tensor,
    least: f64,
    axes: &Reduced,
) -> Option<Tensor> {
    let scales = with_dtype!(x.dtype(), F => {
        let norms = &*norms.array().contiguous::<F>();
        let fits = |i: usize| norms[i].to_f64() < least || range::cubes_are_in_range(norms[i]);
        x.array().scales(&axes.reduced, &axes.kept, false, fits)
    });
    scales.map(Tensor::from)
}

/// y = √Σ x². Saves both.
struct Euclidean {
    x: Tensor,
    output: Tensor,
    scales: Option<(Scales, Reduced)>,
}

impl Op for Euclidean {
    fn name(&self) -> &'static str {
        "norm"
    }
    fn kind(&self) -> OpKind {
        OpKind::Reduction
    }
    /// Computes dx = x g / y.
    fn vjp(&self, cotangent: Tensor, context: &Vjp) -> Result<Cotangents> {
        let saved = context.saved(&self.x);
        let (x, y) = match &self.scales {
            None => (saved, context.output(&self.output)),
            // The output may have lost digits.
            Some((scales, axes)) => {
                let x = scales.apply(&saved);
                let y = euclidean(&x, axes);
                (x, y)
            }
        };
        let slope = over_or_zero(&cotangent, &y);
        Ok(smallvec![Some(arithmetic::times(&x, &slope))])
    }
}
