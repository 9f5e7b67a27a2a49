//! Linear maps of the spatial axes, each axis by itself, as an operation with its transpose.

use super::planes::{three, with_lengths};
use crate::autograd::{Cotangents, Op, OpKind, Tensor, Vjp};
use crate::error::Result;
use crate::kernel::pool::separable::{self, AxisMap};
use crate::tensor::{Array, Shape, refusable, with_dtype};
use smallvec::smallvec;
use std::sync::Arc;

/// A map of the three last axes and its transpose.
struct Maps {
    there: [AxisMap; 3],
    back: [AxisMap; 3],
}

impl Tensor {
    /// Maps the spatial axes. There is one map for each, 1 to 3.
    pub(super) fn mapped(
        &self,
        op: &'static str,
        kind: OpKind,
        axes: Vec<AxisMap>,
    ) -> Result<Self> {
        let lengths: Vec<usize> = axes.iter().map(AxisMap::outputs).collect();
        let shape = with_lengths(self.shape(), &lengths);
        shape.reserve(op, self.dtype())?;
        let there = three(axes, || AxisMap::identity(1));
        refusable(op, || {
            let y = apply(self, &there, &shape);
            Ok(Self::from_op(y, &[self], || Mapped {
                op,
                kind,
                from: self.array().shape().clone(),
                to: shape,
                maps: Arc::new(Maps {
                    back: there.each_ref().map(AxisMap::transposed),
                    there,
                }),
                is_transposed: false,
            }))
        })
    }
}

fn apply(x: &Tensor, axes: &[AxisMap; 3], shape: &Shape) -> Tensor {
    with_dtype!(x.dtype(), F => {
        let xs = &*x.array().contiguous::<F>();
        Array::build::<F>(shape.clone(), |out| separable::map(xs, axes, out)).into()
    })
}

struct Mapped {
    op: &'static str,
    kind: OpKind,
    from: Shape,
    to: Shape,
    maps: Arc<Maps>,
    is_transposed: bool,
}

impl Op for Mapped {
    fn name(&self) -> &'static str {
        self.op
    }
    fn kind(&self) -> OpKind {
        self.kind
    }
    /// Applies the transpose.
    fn vjp(&self, cotangent: Tensor, _: &Vjp) -> Result<Cotangents> {
        let axes = if self.is_transposed {
            &self.maps.there
        } else {
            &self.maps.back
        };
        let dx = apply(&cotangent, axes, &self.from);
        let dx = Tensor::from_op(dx, &[&cotangent], || Self {
            op: self.op,
            kind: self.kind,
            from: self.to.clone(),
            to: self.from.clone(),
            maps: Arc::clone(&self.maps),
            is_transposed: !self.is_transposed,
        });
        Ok(smallvec![Some(dx)])
    }
}
