//! The gated linear unit.

use crate::autograd::{Cotangents, Op, OpKind, Tensor, Vjp};
use crate::error::{Error, Result};
use crate::kernel::elementwise::loops::{Compiled, Wanted};
use crate::tensor::resolve_axis;
use cotangent_macros::elementwise;
use smallvec::smallvec;

/// # Activations
impl Tensor {
    /// Computes the gated linear unit `a sigmoid(b)`, where a is the first and b the second half of
    /// x along an axis (Dauphin, Fan, Auli, Grangier 2017, Language Modeling with Gated
    /// Convolutional Networks). The result has half the length there. PyTorch's default axis is -1.
    ///
    /// # Errors
    /// [`Error::Index`] if there is no such axis, [`Error::Shape`] if its length is odd.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let y = Tensor::from([[3.0f32, 4.0, 0.0, 1e4]]).glu(-1)?;
    /// assert_eq!(y.to_vec::<f32>()?, [1.5, 4.0]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn glu(&self, axis: isize) -> Result<Self> {
        let axis = resolve_axis("glu", axis, self.rank())?;
        if !self.shape()[axis].is_multiple_of(2) {
            let reason = format!("axis {axis} must have an even length, for two halves");
            return Err(Error::shape("glu", reason, &[self.shape()]));
        }
        let glu = Glu {
            x: self.clone(),
            axis,
        };
        let [a, b] = glu.halves(&self.detach())?;
        Ok(Tensor::from_op(gated(&a, &b)?, &[self], || glu))
    }
}

struct Glu {
    x: Tensor,
    axis: usize,
}

impl Glu {
    fn halves(&self, x: &Tensor) -> Result<[Tensor; 2]> {
        let half = x.shape()[self.axis] / 2;
        let axis = self.axis as isize;
        Ok([x.narrow(axis, 0, half)?, x.narrow(axis, half, half)?])
    }
}

impl Op for Glu {
    fn name(&self) -> &'static str {
        "glu"
    }
    fn kind(&self) -> OpKind {
        OpKind::Activation
    }

    /// The cotangents of both halves, joined.
    fn vjp(&self, cotangent: Tensor, context: &Vjp) -> Result<Cotangents> {
        let [a, b] = self.halves(&context.saved(&self.x))?;
        let halves = if context.records() {
            let gate = b.sigmoid();
            let slope = gate.mul(&gate.neg().add_scalar(1.0))?;
            let first = cotangent.mul(&gate)?;
            vec![first, cotangent.mul(&a)?.mul(&slope)?]
        } else {
            let operands = [Some(a.array()), Some(b.array())];
            let loops = Compiled(gated::new());
            let g = cotangent.into_array();
            let halves = g.pullback(&loops, Wanted::All, &operands, None, 2);
            halves.into_iter().map(Tensor::from).collect()
        };
        Ok(smallvec![Some(Tensor::cat(&halves, self.axis as isize)?)])
    }
}

#[elementwise(kind = Activation, name = "glu", crate = "crate")]
fn gated(a: Tensor, b: Tensor) -> Tensor {
    a * sigmoid(b)
}
