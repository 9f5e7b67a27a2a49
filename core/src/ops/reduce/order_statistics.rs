//! Elements by their order along an axis: the k-th smallest, the median, quantiles, the mode.

use crate::autograd::{Cotangents, Op, OpKind, Tensor, Vjp};
use crate::error::{Error, Interval, Result};
use crate::kernel::Float;
use crate::kernel::reduce::order::{Lines, Pick, Rank};
use crate::ops::elementwise::arithmetic;
use crate::ops::reduce::extremes::attained;
use crate::ops::reduce::sum::{in_one_row, in_rows};
use crate::tensor::{Array, Axes, Indices, Reduced, Shape, resolve_axis, with_dtype};
use smallvec::smallvec;

/// The value of a quantile that lies between two elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Interpolation {
    /// The line between them, the default of PyTorch and NumPy.
    Linear,
    /// The smaller one.
    Lower,
    /// The larger one.
    Higher,
    /// The nearer one; in the middle the one whose number in the order, from 0, is even.
    Nearest,
    /// Their mean.
    Midpoint,
}

impl Interpolation {
    /// Returns the weight of the larger element, given the distance from the smaller one.
    fn weight(self, rank: Rank) -> f64 {
        match self {
            Self::Linear => rank.weight,
            Self::Lower => 0.0,
            Self::Higher | Self::Midpoint if rank.weight == 0.0 => 0.0,
            Self::Higher => 1.0,
            Self::Midpoint => 0.5,
            Self::Nearest if rank.weight == 0.5 => (rank.low % 2) as f64,
            Self::Nearest => rank.weight.round(),
        }
    }
}

/// # Reductions
impl Tensor {
    /// Returns the k-th smallest element along an axis, which is dropped, and its place. `k` counts
    /// from 1, as in PyTorch. NaN counts as the largest; of equal elements the first comes first.
    /// The gradient goes to the element at the place.
    ///
    /// # Errors
    /// [`Error::Index`] if there is no such axis; [`Error::Argument`] if `k` is 0 or larger than
    /// the length of the axis.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let x = Tensor::from([[3.0f32, 1.0, 2.0], [6.0, 5.0, 4.0]]);
    /// let (values, places) = x.kth_value(1, 2)?;
    /// assert_eq!(values.to_vec::<f32>()?, [2.0, 5.0]);
    /// assert_eq!(places.as_slice(), [2, 1]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    #[doc(alias = "kthvalue")]
    pub fn kth_value(&self, axis: isize, k: usize) -> Result<(Self, Indices)> {
        let len = self.as_vector().unwrap_or_else(|| self.clone());
        let len = len.shape()[resolve_axis("kth_value", axis, len.rank())?];
        if k == 0 || k > len {
            let reason = format!("k must be in 1 to {len}, the length of the axis, found {k}");
            return Err(Error::argument("kth_value", reason));
        }
        chosen("kth_value", self, axis, Pick::Nth(k - 1))
    }

    /// Returns the most frequent element along an axis, which is dropped, and its last place. Of
    /// equally frequent elements it is the smallest. A NaN is equal to no other, so that the result
    /// is NaN only if all elements are. The gradient goes to the element at the place.
    ///
    /// # Errors
    /// [`Error::Index`] if there is no such axis, [`Error::Shape`] if it is empty.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let (value, place) = Tensor::from([2.0f32, 3.0, 1.0, 3.0]).mode(0)?;
    /// assert_eq!(value.item()?, 3.0);
    /// assert_eq!(place.as_slice(), [3]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn mode(&self, axis: isize) -> Result<(Self, Indices)> {
        chosen("mode", self, axis, Pick::Mode)
    }

    /// Returns the median of all elements, a scalar, or NaN if there is a NaN. Of an even number
    /// the lower of the two in the middle is taken, as in PyTorch; the mean of both is
    /// `quantile(0.5)`. Elements equal to it share the gradient evenly.
    ///
    /// # Errors
    /// [`Error::Shape`] if there are no elements; in PyTorch the result is NaN then.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// assert_eq!(Tensor::from([3.0f32, 1.0, 9.0, 2.0]).median()?.item()?, 2.0);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn median(&self) -> Result<Self> {
        median_of_all("median", self, false)
    }

    /// Returns the medians over some axes, as [`median`](Self::median), except that the gradient
    /// goes to one element: of those equal to the median, the one that a stable sort puts in its
    /// place. PyTorch's `median(dim)` takes any of them.
    ///
    /// # Errors
    /// As [`sum_over`](Self::sum_over), and [`Error::Shape`] if a reduced axis is empty.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let x = Tensor::from([[3.0f32, 1.0, 2.0], [6.0, f32::NAN, 4.0]]);
    /// assert_eq!(x.median_over(0)?.to_string(), "[ 3. NaN  2.]");
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn median_over(&self, axes: impl Into<Axes>) -> Result<Self> {
        median_over("median_over", self, &axes.into(), false)
    }

    /// Returns the median of the elements that are not NaN, a scalar; NaN if there are none.
    /// Otherwise as [`median`](Self::median).
    ///
    /// # Errors
    /// [`Error::Shape`] if there are no elements.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// assert_eq!(Tensor::from([3.0f32, f32::NAN, 1.0]).nanmedian()?.item()?, 1.0);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn nanmedian(&self) -> Result<Self> {
        median_of_all("nanmedian", self, true)
    }

    /// Returns the medians over some axes of the elements that are not NaN; NaN if there are none.
    /// Otherwise as [`median_over`](Self::median_over).
    ///
    /// # Errors
    /// As [`median_over`](Self::median_over).
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let x = Tensor::from([[3.0f32, 1.0, 2.0], [6.0, f32::NAN, 4.0]]);
    /// assert_eq!(x.nanmedian_over(1)?.to_vec::<f32>()?, [2.0, 4.0]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn nanmedian_over(&self, axes: impl Into<Axes>) -> Result<Self> {
        median_over("nanmedian_over", self, &axes.into(), true)
    }

    /// Returns the quantile `q` of all elements, a scalar, or NaN if there is a NaN. Of n sorted
    /// elements it is the one with the number `q (n - 1)`, counted from 0, or the linear
    /// interpolation of the two beside it. The gradient goes to these two, by their weights.
    ///
    /// PyTorch's result is NaN if both are infinite; here it is only if they differ.
    ///
    /// # Errors
    /// [`Error::Argument`] if `q` is not in [0, 1], [`Error::Shape`] if there are no elements.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// assert_eq!(Tensor::from([3.0f32, 1.0, 2.0]).quantile(0.25)?.item()?, 1.5);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    #[doc(alias = "percentile")]
    pub fn quantile(&self, q: f64) -> Result<Self> {
        let quantiles = Quantiles {
            op: "quantile",
            levels: &[q],
            interpolation: Interpolation::Linear,
            skip_nan: false,
        };
        Ok(quantiles
            .of(self, &Reduced::all(self.shape()))?
            .reshaped(Shape::default()))
    }

    /// Returns several quantiles over some axes, as [`quantile`](Self::quantile): the first axis of
    /// the result has one for each of `q`. The elements are sorted at most once.
    ///
    /// # Errors
    /// As [`sum_over`](Self::sum_over); [`Error::Argument`] if one of `q` is not in [0, 1];
    /// [`Error::Shape`] if a reduced axis is empty.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let x = Tensor::from([[1.0f32, 2.0, 4.0], [5.0, 5.0, 8.0]]);
    /// let y = x.quantile_over(1, &[0.0, 0.75], Interpolation::Linear)?;
    /// assert_eq!(y.to_string(), "[[1.0 5.0]\n [3.0 6.5]]");
    /// let y = x.quantile_over(1, &[0.75], Interpolation::Lower)?;
    /// assert_eq!(y.to_vec::<f32>()?, [2.0, 5.0]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    #[doc(alias = "percentile")]
    pub fn quantile_over(
        &self,
        axes: impl Into<Axes>,
        q: &[f64],
        interpolation: Interpolation,
    ) -> Result<Self> {
        let quantiles = Quantiles {
            op: "quantile_over",
            levels: q,
            interpolation,
            skip_nan: false,
        };
        quantiles.of(self, &axes.into().resolve("quantile_over", self.shape())?)
    }

    /// Returns several quantiles over some axes of the elements that are not NaN; NaN if there are
    /// none. Otherwise as [`quantile_over`](Self::quantile_over).
    ///
    /// # Errors
    /// As [`quantile_over`](Self::quantile_over).
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let x = Tensor::from([3.0f32, f32::NAN, 1.0]);
    /// let y = x.nanquantile_over(0, &[0.25], Interpolation::Linear)?;
    /// assert_eq!(y.to_vec::<f32>()?, [1.5]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    #[doc(alias = "nanquantile")]
    pub fn nanquantile_over(
        &self,
        axes: impl Into<Axes>,
        q: &[f64],
        interpolation: Interpolation,
    ) -> Result<Self> {
        let op = "nanquantile_over";
        let quantiles = Quantiles {
            op,
            levels: q,
            interpolation,
            skip_nan: true,
        };
        quantiles.of(self, &axes.into().resolve(op, self.shape())?)
    }
}

/// Returns the chosen element along an axis, which is dropped, and its place.
fn chosen(op: &'static str, x: &Tensor, axis: isize, pick: Pick) -> Result<(Tensor, Indices)> {
    if let Some(vector) = x.as_vector() {
        return chosen(op, &vector, axis, pick);
    }
    let axis = resolve_axis(op, axis, x.rank())?;
    let mut shape = x.array().shape().clone();
    let lines = Lines {
        outer: shape[..axis].iter().product(),
        len: shape[axis],
        inner: shape[axis + 1..].iter().product(),
    };
    if lines.len == 0 {
        return Err(Error::shape(op, "the axis is empty", &[x.shape()]));
    }
    shape.as_mut()[axis] = 1;
    let places = Indices::from_vec(places(x, lines, pick), shape)?;
    let dropped = x.array().shape().without(axis);
    let values = x.taken_each(axis, &places).reshaped(dropped.clone());
    Ok((values, places.reshape(dropped)?))
}

fn places(x: &Tensor, lines: Lines, pick: Pick) -> Vec<usize> {
    with_dtype!(x.dtype(), F => lines.pick(&x.array().contiguous::<F>(), false, pick))
}

/// Returns the places of the chosen elements of each row, `(rows, chosen)`, or an error if the rows
/// are empty.
fn places_in_rows(op: &'static str, rows: &Tensor, chosen: usize, pick: Pick) -> Result<Indices> {
    let (count, len) = (rows.shape()[0], rows.shape()[1]);
    if len == 0 {
        let reason = "there are no elements to choose from";
        return Err(Error::shape(op, reason, &[rows.shape()]));
    }
    let shape = Shape::from([count, chosen]);
    shape.reserve(op, rows.dtype())?;
    let lines = Lines {
        outer: count,
        len,
        inner: 1,
    };
    Indices::from_vec(places(rows, lines, pick), shape)
}

fn median_of_all(op: &'static str, x: &Tensor, skip_nan: bool) -> Result<Tensor> {
    let row = in_one_row(&x.detach());
    let place = places_in_rows(op, &row, 1, Pick::Median { skip_nan })?;
    let kept = Reduced::all(x.shape()).kept;
    let output = row.taken_each(1, &place).reshaped(kept);
    Ok(attained(op, x, output).reshaped(Shape::default()))
}

fn median_over(op: &'static str, x: &Tensor, axes: &Axes, skip_nan: bool) -> Result<Tensor> {
    let axes = axes.resolve(op, x.shape())?;
    let rows = in_rows(x, &axes);
    let places = places_in_rows(op, &rows, 1, Pick::Median { skip_nan })?;
    Ok(rows.taken_each(1, &places).reshaped(axes.result))
}

/// The arguments of quantiles.
struct Quantiles<'a> {
    op: &'static str,
    levels: &'a [f64],
    interpolation: Interpolation,
    skip_nan: bool,
}

impl Quantiles<'_> {
    /// Returns the quantiles, each of which has the shape of the result of `axes`.
    fn of(&self, x: &Tensor, axes: &Reduced) -> Result<Tensor> {
        let Self {
            op,
            levels,
            interpolation,
            skip_nan,
        } = *self;
        for &q in levels {
            Interval::Share.check(op, "q", q)?;
        }
        let rows = in_rows(x, axes);
        let pick = Pick::Quantiles { levels, skip_nan };
        let chosen = levels.len().saturating_mul(2);
        let places = places_in_rows(op, &rows, chosen, pick)?;
        let (count, len) = (rows.shape()[0], rows.shape()[1]);
        let shape = Shape::from([count, levels.len()]);
        let weights = with_dtype!(x.dtype(), F => {
            let xs = &*rows.array().contiguous::<F>();
            Array::build::<F>(shape.clone(), |out| {
                for (i, out) in out.chunks_exact_mut(levels.len().max(1)).enumerate() {
                    let row = &xs[i * len..(i + 1) * len];
                    let numbers = if skip_nan {
                        row.iter().filter(|x| !x.is_nan()).count()
                    } else {
                        len
                    };
                    for (out, &level) in out.iter_mut().zip(levels) {
                        *out = F::from_f64(interpolation.weight(Rank::of(level, numbers)));
                    }
                }
            })
        });
        let pairs = rows.taken_each(1, &places);
        let pairs = pairs.reshaped(Shape::from([count, levels.len(), 2]));
        let by_row = between(&pairs, weights.into(), shape);
        let result = [levels.len()]
            .into_iter()
            .chain(axes.result.iter().copied());
        Ok(by_row.permuted(&[1, 0]).reshaped(result.collect()))
    }
}

/// Computes a + (b - a) w for the pairs (a, b) of the last axis.
fn between(pairs: &Tensor, weights: Tensor, shape: Shape) -> Tensor {
    let output = with_dtype!(pairs.dtype(), F => {
        let pairs = &*pairs.array().contiguous::<F>();
        let weights = &*weights.array().contiguous::<F>();
        Array::build::<F>(shape, |out| {
            for ((out, pair), &weight) in out.iter_mut().zip(pairs.chunks_exact(2)).zip(weights) {
                let (a, b, w) = (pair[0].to_f64(), pair[1].to_f64(), weight.to_f64());
                let difference = b - a;
                *out = F::from_f64(match w {
                    _ if a == b || w == 0.0 => a,
                    1.0 => b,
                    // Each formula is exact at its end.
                    _ if difference.is_finite() && w < 0.5 => a + w * difference,
                    _ if difference.is_finite() => b - (1.0 - w) * difference,
                    _ => a * (1.0 - w) + b * w,
                });
            }
        })
    });
    Tensor::from_op(output.into(), &[pairs], || Between { weights })
}

/// Saves the weights of the larger elements.
struct Between {
    weights: Tensor,
}

impl Op for Between {
    fn name(&self) -> &'static str {
        "quantile"
    }
    fn kind(&self) -> OpKind {
        OpKind::Reduction
    }
    /// Computes da = g (1 - w) and db = g w.
    fn vjp(&self, cotangent: Tensor, _: &Vjp) -> Result<Cotangents> {
        let rest = self.weights.constant_like(1.0);
        let rest = arithmetic::minus(&rest, &self.weights);
        let parts = [&rest, &self.weights].map(|weights| arithmetic::kept(&cotangent, weights));
        Ok(smallvec![Some(Tensor::stack(&parts, 2)?)])
    }
}
