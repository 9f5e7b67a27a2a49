//! Running sums and products along an axis.

use super::binary::{self, Times};
use crate::autograd::{Cotangents, Op, Tensor, Vjp};
use crate::error::Result;
use crate::kernel::Float;
use crate::kernel::scan::{Scan, scan};
use crate::tensor::{Array, resolve_axis, with_dtype};
use smallvec::smallvec;

impl Tensor {
    /// yᵢ = x₀ + … + xᵢ along an axis (negative ones count from the end). Accumulated in `f64`.
    ///
    /// # Errors
    /// [`Error::Index`](crate::Error::Index) if there is no such axis.
    ///
    /// ```
    /// # use cotangent_core::Tensor;
    /// let x = Tensor::from([1.0f32, 2.0, 3.0]);
    /// assert_eq!(x.cumsum(0)?.to_vec::<f32>()?, [1.0, 3.0, 6.0]);
    /// # Ok::<(), cotangent_core::Error>(())
    /// ```
    pub fn cumsum(&self, axis: isize) -> Result<Self> {
        if let Some(vector) = self.as_vector() {
            return Ok(vector.cumsum(axis)?.as_scalar());
        }
        let axis = resolve_axis("cumsum", axis, self.rank())?;
        Ok(running_sum(self, axis, false))
    }

    /// yᵢ = x₀ · … · xᵢ along an axis (negative ones count from the end). The derivative divides by
    /// nothing: it is right where elements are 0.
    ///
    /// # Errors
    /// [`Error::Index`](crate::Error::Index) if there is no such axis.
    ///
    /// ```
    /// # use cotangent_core::Tensor;
    /// let x = Tensor::from([2.0f32, 3.0, 4.0]);
    /// assert_eq!(x.cumprod(0)?.to_vec::<f32>()?, [2.0, 6.0, 24.0]);
    /// # Ok::<(), cotangent_core::Error>(())
    /// ```
    pub fn cumprod(&self, axis: isize) -> Result<Self> {
        if let Some(vector) = self.as_vector() {
            return Ok(vector.cumprod(axis)?.as_scalar());
        }
        let axis = resolve_axis("cumprod", axis, self.rank())?;
        Ok(binary::apply(
            Times,
            &products_before(self, axis, false),
            self,
        ))
    }
}

/// The length of an axis, and the number of elements of one of its slices behind it.
fn lengths(x: &Tensor, axis: usize) -> [usize; 2] {
    [x.shape()[axis], x.shape()[axis + 1..].iter().product()]
}

/// The sums of all elements up to each, or with `reverse` from each on.
fn running_sum(x: &Tensor, axis: usize, reverse: bool) -> Tensor {
    let way = Scan {
        reverse,
        exclusive: false,
    };
    let source = x.array().contiguous();
    let array = with_dtype!(x.dtype(), F => {
        let xs = source.as_slice::<F>().unwrap_or_default();
        Array::build::<F>(source.shape().clone(), |out| {
            scan(way, lengths(x, axis), 0.0, out, &|sum, i| sum + xs[i].to_f64());
        })
    });
    Tensor::from_op(array.into(), &[x], || RunningSum { axis, reverse })
}

/// Saves nothing.
struct RunningSum {
    axis: usize,
    reverse: bool,
}

impl Op for RunningSum {
    fn name(&self) -> &'static str {
        "cumsum"
    }
    /// The running sum of the cotangent, the other way.
    fn vjp(&self, cotangent: Tensor, _: &Vjp) -> Result<Cotangents> {
        Ok(smallvec![Some(running_sum(
            &cotangent,
            self.axis,
            !self.reverse
        ))])
    }
}

/// The product of all elements before each (with `reverse`: behind each), 1 for the first.
pub(super) fn products_before(x: &Tensor, axis: usize, reverse: bool) -> Tensor {
    let way = Scan {
        reverse,
        exclusive: true,
    };
    let source = x.array().contiguous();
    let array = with_dtype!(x.dtype(), F => {
        let xs = source.as_slice::<F>().unwrap_or_default();
        Array::build::<F>(source.shape().clone(), |out| {
            scan(way, lengths(x, axis), 1.0, out, &|product, i| product * xs[i].to_f64());
        })
    });
    let output = Tensor::from(array);
    Tensor::from_op(output.clone(), &[x], || ProductsBefore {
        x: x.clone(),
        output,
        axis,
        reverse,
    })
}

/// eᵢ = x₀ · … · xᵢ₋₁. Saves both.
struct ProductsBefore {
    x: Tensor,
    output: Tensor,
    axis: usize,
    reverse: bool,
}

impl Op for ProductsBefore {
    fn name(&self) -> &'static str {
        "cumprod"
    }
    /// dxᵢ = eᵢ · Σₖ gₖ xᵢ₊₁ · … · xₖ₋₁ over k > i.
    fn vjp(&self, cotangent: Tensor, context: &Vjp) -> Result<Cotangents> {
        let x = context.saved(&self.x);
        let behind = recurrence(&cotangent, &x, self.axis, !self.reverse);
        let before = context.output(&self.output);
        Ok(smallvec![Some(binary::apply(Times, &before, &behind))])
    }
}

/// r₀ = 0, rᵢ₊₁ = bᵢ + aᵢ rᵢ, or the same from the end; all of one shape.
fn recurrence(b: &Tensor, a: &Tensor, axis: usize, reverse: bool) -> Tensor {
    let way = Scan {
        reverse,
        exclusive: true,
    };
    let sources = [b, a].map(|x| x.array().contiguous());
    let array = with_dtype!(a.dtype(), F => {
        let [bs, values] = [0, 1].map(|i: usize| sources[i].as_slice::<F>().unwrap_or_default());
        Array::build::<F>(sources[1].shape().clone(), |out| {
            scan(way, lengths(a, axis), 0.0, out, &|r, i| bs[i].to_f64() + values[i].to_f64() * r);
        })
    });
    let output = Tensor::from(array);
    Tensor::from_op(output.clone(), &[b, a], || Recurrence {
        a: a.clone(),
        output,
        axis,
        reverse,
    })
}

/// Saves a and r.
struct Recurrence {
    a: Tensor,
    output: Tensor,
    axis: usize,
    reverse: bool,
}

impl Op for Recurrence {
    fn name(&self) -> &'static str {
        "recurrence"
    }
    /// db = the recurrence of g and a the other way, da = r db.
    fn vjp(&self, cotangent: Tensor, context: &Vjp) -> Result<Cotangents> {
        let a = context.saved(&self.a);
        let db = recurrence(&cotangent, &a, self.axis, !self.reverse);
        let da = context
            .wants(1)
            .then(|| binary::apply(Times, &context.output(&self.output), &db));
        Ok(smallvec![context.wants(0).then_some(db), da])
    }
}
