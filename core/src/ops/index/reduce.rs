//! Reductions of all elements that are scattered to one place.

use super::gather::Picks;
use crate::autograd::{Cotangents, Op, OpKind, Tensor, Vjp};
use crate::error::Result;
use crate::kernel::index::write;
use crate::ops::elementwise::arithmetic;
use crate::ops::reduce::cumulative::{Lines, running_product};
use crate::ops::reduce::extremes::Attains;
use crate::tensor::{Array, Indices, refusable, with_dtype};
use smallvec::smallvec;

/// A combination of the elements for one place, in [`Tensor::scatter_reduce`].
///
/// ```
/// use cotangent::{Indices, ScatterReduction, Tensor};
/// let values = Tensor::from([3.0f32, 1.0, 2.0]);
/// let groups = Indices::from([0, 1, 0]);
/// let means = Tensor::from([0.0f32, 0.0])
///     .scatter_reduce(0, &groups, &values, ScatterReduction::Mean, false)?;
/// assert_eq!(means.to_vec::<f32>()?, [2.5, 1.0]);
/// # Ok::<(), cotangent::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ScatterReduction {
    /// Their sum, as [`Tensor::scatter_add`] computes it.
    Sum,
    /// Their mean, which is finite if they are.
    Mean,
    /// Their product, with the exactness and the derivatives of [`Tensor::prod`], also if elements
    /// are 0.
    Prod,
    /// The largest of them, or NaN if there is a NaN. Equally large ones, or all NaN, share the
    /// gradient evenly.
    #[doc(alias = "amax")]
    Max,
    /// The smallest of them, or NaN if there is a NaN, with the gradient of [`Max`](Self::Max).
    #[doc(alias = "amin")]
    Min,
}

impl ScatterReduction {
    /// Returns the element that changes no result.
    fn identity(self) -> f64 {
        match self {
            Self::Sum | Self::Mean => 0.0,
            Self::Prod => 1.0,
            Self::Max => f64::NEG_INFINITY,
            Self::Min => f64::INFINITY,
        }
    }
}

/// # Indexing and sorting
impl Tensor {
    /// Combines the elements of `source` at `indices` along `axis`, and with `include_self` also
    /// the element of this tensor there. For axis 1 of three, y\[i, j, k\] is the reduction of all
    /// source\[i, l, k\] with indices\[i, l, k\] = j. Places without an index keep their element.
    ///
    /// In PyTorch `include_self` is true unless it is given. If a maximum is NaN, PyTorch makes the
    /// gradients of its place NaN. Without `include_self` it also divides the gradient of a maximum
    /// by one more if the element that is left out happens to equal it.
    ///
    /// # Errors
    /// As [`scatter_add`](Self::scatter_add).
    ///
    /// ```
    /// use cotangent::{Indices, ScatterReduction, Tensor};
    /// let x = Tensor::from([5.0f32, 2.0, 9.0]);
    /// let (indices, source) = (Indices::from([0, 1, 0]), Tensor::from([7.0f32, 1.0, 3.0]));
    /// let reduce = |reduction, own| x.scatter_reduce(0, &indices, &source, reduction, own);
    /// assert_eq!(reduce(ScatterReduction::Max, true)?.to_vec::<f32>()?, [7.0, 2.0, 9.0]);
    /// assert_eq!(reduce(ScatterReduction::Prod, false)?.to_vec::<f32>()?, [21.0, 1.0, 9.0]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    #[doc(alias = "index_reduce")]
    #[doc(alias = "segment_reduce")]
    pub fn scatter_reduce(
        &self,
        axis: isize,
        indices: &Indices,
        source: &Self,
        reduction: ScatterReduction,
        include_self: bool,
    ) -> Result<Self> {
        let op = "scatter_reduce";
        self.scattered(op, axis, indices, source, &|x, picks, source| {
            let filled = |x: &Self, value: f64| {
                let shape = source.array().shape();
                x.written(picks, &Self::constant_of(shape, value, x.dtype()))
            };
            let own = if include_self {
                x.clone()
            } else {
                filled(x, reduction.identity())
            };
            Ok(match reduction {
                ScatterReduction::Sum => own.put(picks, source),
                ScatterReduction::Mean => {
                    let ones = source.constant_like(1.0);
                    let counts = x.constant_like(1.0);
                    let counts = if include_self {
                        counts
                    } else {
                        filled(&counts, 0.0)
                    };
                    mean(&own, picks, source, counts.put(picks, &ones))
                }
                ScatterReduction::Prod => refusable(op, || product(&own, picks, source))?,
                ScatterReduction::Max | ScatterReduction::Min => {
                    let smallest = reduction == ScatterReduction::Min;
                    extreme(&own, picks, source, smallest, include_self)
                }
            })
        })
    }
}

/// Computes the mean of the elements of each place, of which there are so many.
fn mean(x: &Tensor, picks: &Picks, source: &Tensor, counts: Tensor) -> Tensor {
    let (sizes, indices) = (picks.sizes(x.shape()), picks.indices.as_slice());
    let output = with_dtype!(x.dtype(), F => {
        let (xs, counts) = (source.array().contiguous::<F>(), counts.array().contiguous::<F>());
        Array::build::<F>(x.array().shape().clone(), |out| {
            x.array().copy_to(out);
            write::mean_each(sizes, indices, &counts, &xs, out);
        })
    });
    Tensor::from_op(output.into(), &[x, source], || Mean {
        picks: picks.clone(),
        counts,
    })
}

/// Saves the places and the numbers of elements.
struct Mean {
    picks: Picks,
    counts: Tensor,
}

impl Op for Mean {
    fn name(&self) -> &'static str {
        self.picks.op
    }
    fn kind(&self) -> OpKind {
        OpKind::Reduction
    }
    fn vjp(&self, cotangent: Tensor, context: &Vjp) -> Result<Cotangents> {
        let share = arithmetic::over(&cotangent, &self.counts);
        let source = (context.wants(1)).then(|| share.taken(&self.picks));
        Ok(smallvec![(context.wants(0)).then_some(share), source])
    }
}

/// Computes the products of the elements of each place: their running products, of which the last
/// is taken.
fn product(x: &Tensor, picks: &Picks, source: &Tensor) -> Result<Tensor> {
    let (sizes, indices) = (picks.sizes(x.shape()), picks.indices.as_slice());
    let (order, ends) = write::sorted_by_place(sizes, x.len(), indices);
    let last: Indices = ends.iter().map(|end| end - 1).collect();
    let factors = Tensor::cat(&[x.flatten(), source.flatten()], 0)?;
    let factors = factors.slices(picks.op, 0, &Indices::from(order))?;
    let running = running_product(&factors, &[], &Lines::Runs(ends.into()));
    let products = running.slices(picks.op, 0, &last)?;
    Ok(products.reshaped(x.array().shape().clone()))
}

/// Computes the largest or smallest element of each place. Without `include_self` the elements of
/// x at the places take no part; there they are the first that any other replaces.
fn extreme(
    x: &Tensor,
    picks: &Picks,
    source: &Tensor,
    smallest: bool,
    include_self: bool,
) -> Tensor {
    let (sizes, indices) = (picks.sizes(x.shape()), picks.indices.as_slice());
    let output = with_dtype!(x.dtype(), F => {
        let xs = &*source.array().contiguous::<F>();
        Array::build::<F>(x.array().shape().clone(), |out| {
            x.array().copy_to(out);
            write::extreme_each(sizes, indices, smallest, xs, out);
        })
    });
    let output = Tensor::from(output);
    Tensor::from_op(output.clone(), &[x, source], || Extreme {
        picks: picks.clone(),
        x: x.detach(),
        source: source.detach(),
        output,
        include_self,
    })
}

/// Saves x, the source and y, to compare them.
struct Extreme {
    picks: Picks,
    x: Tensor,
    source: Tensor,
    output: Tensor,
    include_self: bool,
}

impl Op for Extreme {
    fn name(&self) -> &'static str {
        self.picks.op
    }
    fn kind(&self) -> OpKind {
        OpKind::Reduction
    }
    /// Gives g in equal shares to the elements that are equal to y.
    fn vjp(&self, cotangent: Tensor, context: &Vjp) -> Result<Cotangents> {
        let attains = |x: &Tensor, y: &Tensor| {
            let operands = [x.array(), y.array()];
            Tensor::from(Array::map(Attains, operands, x.array().shape()))
        };
        let mut own = attains(&self.x, &self.output);
        if !self.include_self {
            own = own.written(&self.picks, &self.source.constant_like(0.0));
        }
        let others = attains(&self.source, &self.output.taken(&self.picks));
        let share = arithmetic::over(&cotangent, &own.put(&self.picks, &others));
        Ok(smallvec![
            (context.wants(0)).then(|| arithmetic::kept(&share, &own)),
            (context.wants(1)).then(|| arithmetic::kept(&share.taken(&self.picks), &others)),
        ])
    }
}
