//! The two operations that the backward loop itself applies to cotangents: adding them if a tensor
//! was used more than once, and summing them over the axes along which an operand was broadcast.

use super::kind::OpKind;
use super::op::{Cotangents, Op, Vjp};
use super::tensor::Tensor;
use crate::error::Result;
use crate::kernel::reduce::fold;
use crate::kernel::{Map, Real, Update};
use crate::tensor::{Array, Shape};
use smallvec::{SmallVec, smallvec};

/// Returns `a + b`, which have one shape; in the storage of `a` if nothing else holds it and no
/// graph is recorded.
pub(crate) fn add_cotangents(a: Tensor, b: &Tensor) -> Tensor {
    if a.is_tracked() || b.is_tracked() {
        let sum = Array::map(Plus, [a.array(), b.array()], a.array().shape());
        return Tensor::from_op(Tensor::from(sum), &[&a, b], || Plus);
    }
    match a.array().sum_of_rows(b.array()) {
        Some(sum) => sum.into(),
        None => a.update(Plus, [b.array()]),
    }
}

#[derive(Clone, Copy, Debug)]
struct Plus;

impl Map<2> for Plus {
    #[inline(always)]
    fn apply<T: Real>(self, [a, b]: [T; 2]) -> T {
        a + b
    }
}

impl Update<1, 1> for Plus {
    #[inline(always)]
    fn apply<T: Real>(self, [a]: [T; 1], [b]: [T; 1]) -> [T; 1] {
        [a + b]
    }
}

impl Op for Plus {
    fn name(&self) -> &'static str {
        "add_cotangents"
    }
    fn kind(&self) -> OpKind {
        OpKind::Blend
    }
    fn vjp(&self, cotangent: Tensor, _: &Vjp) -> Result<Cotangents> {
        Ok(smallvec![Some(cotangent.clone()), Some(cotangent)])
    }
}

/// Returns the sum of `x` over the axes along which `shape` was broadcast to the shape of `x`.
#[track_caller]
pub(crate) fn sum_to_shape(x: &Tensor, shape: &Shape) -> Tensor {
    if x.array().shape() == shape {
        return x.clone();
    }
    let sum = sum_array_to(x.array(), shape);
    Tensor::from_op(Tensor::from(sum), &[x], || SumTo {
        from: x.array().shape().clone(),
    })
}

/// Sums an array over the leading axes that `shape` lacks and those that have length 1 in it.
#[track_caller]
fn sum_array_to(x: &Array, shape: &Shape) -> Array {
    let missing = x.shape().len() - shape.len();
    let summed: SmallVec<[bool; 4]> = (0..x.shape().len())
        .map(|axis| axis < missing || shape[axis - missing] == 1)
        .collect();
    x.reduce(fold::Sum, &summed, shape.clone())
}

struct SumTo {
    from: Shape,
}

impl Op for SumTo {
    fn name(&self) -> &'static str {
        "sum"
    }
    fn kind(&self) -> OpKind {
        OpKind::Reduction
    }
    fn vjp(&self, cotangent: Tensor, _: &Vjp) -> Result<Cotangents> {
        Ok(smallvec![Some(stretch(&cotangent, &self.from))])
    }
}

/// Returns `x` broadcast to `shape`; the caller has checked that it does.
pub(crate) fn stretch(x: &Tensor, shape: &Shape) -> Tensor {
    let stretched = Tensor::from(x.array().broadcast_to(shape));
    Tensor::from_op(stretched, &[x], || Stretch)
}

struct Stretch;

impl Op for Stretch {
    fn name(&self) -> &'static str {
        "broadcast_to"
    }
    fn kind(&self) -> OpKind {
        OpKind::Shape
    }
    /// Returns the cotangent unchanged: the backward loop sums it to the operand's shape.
    fn vjp(&self, cotangent: Tensor, _: &Vjp) -> Result<Cotangents> {
        Ok(smallvec![Some(cotangent)])
    }
}
