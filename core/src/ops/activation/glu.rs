//! The gated linear unit.

use crate::autograd::{Cotangents, Op, OpKind, Tensor, Vjp};
use crate::error::{Error, Result};
use crate::kernel::elementwise::loops::{Choose, Compiled};
use crate::kernel::elementwise::sweep::pullback_of_halves;
use crate::ops::elementwise::operation::pulled_all;
use crate::tensor::{Array, resolve_axis, with_dtype};
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

/// The length of halves from which on their cotangents are written where they belong. Shorter ones
/// are computed together and joined.
const IN_ROWS: usize = 64;

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
        let x = context.saved(&self.x);
        let half = x.shape()[self.axis..].iter().product::<usize>() / 2;
        let halves = if context.records() {
            let [a, b] = self.halves(&x)?;
            let gate = b.sigmoid();
            let slope = gate.mul(&gate.neg().add_scalar(1.0))?;
            let first = cotangent.mul(&gate)?;
            vec![first, cotangent.mul(&a)?.mul(&slope)?]
        } else if half < IN_ROWS {
            let [a, b] = self.halves(&x)?;
            let operands = [Some(a.array()), Some(b.array())];
            let loops = Compiled(gated::new());
            pulled_all(&loops, cotangent, &operands, None).into_vec()
        } else {
            let loops = Compiled(gated::new());
            let dx = with_dtype!(x.dtype(), F => {
                let xs = &*x.array().contiguous::<F>();
                let gs = &*cotangent.array().contiguous::<F>();
                Array::build::<F>(x.array().shape().clone(), |out| {
                    pullback_of_halves(F::choose(&loops), half, xs, gs, out);
                })
            });
            return Ok(smallvec![Some(dx.into())]);
        };
        Ok(smallvec![Some(Tensor::cat(&halves, self.axis as isize)?)])
    }
}

#[elementwise(kind = Activation, name = "glu", crate = "crate")]
fn gated(a: Tensor, b: Tensor) -> Tensor {
    a * sigmoid(b)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{DType, grad};

    /// Halves that are written where they belong, and shorter ones.
    #[test]
    fn gradients_equal_those_of_the_halves() -> Result<()> {
        for (shape, axis) in [
            ([3, 2 * 67], -1),
            ([2 * 5, 50_001], 0),
            ([2, 2 * 70_003], 1),
            ([40, 2 * 3], -1),
        ] {
            let mut number = 0.0;
            let x = Tensor::from_fn(shape, DType::F32, || {
                number += 1.7;
                3.0 * f64::sin(number)
            })?;
            for x in [
                x.tracked(),
                x.transpose(0, 1)?
                    .add_scalar(0.0)
                    .transpose(0, 1)?
                    .tracked(),
            ] {
                let y = x.glu(axis)?;
                let weights = y.detach().add_scalar(0.3);
                let half = y.shape()[resolve_axis("glu", axis, 2)?];
                let (a, b) = (x.narrow(axis, 0, half)?, x.narrow(axis, half, half)?);
                let composed = gated(&a, &b)?;
                let found = grad(&y.mul(&weights)?.sum(), &[&x])?;
                let expected = grad(&composed.mul(&weights)?.sum(), &[&x])?;
                assert!(
                    found[0].to_vec::<f32>()? == expected[0].to_vec::<f32>()?,
                    "{shape:?}"
                );
            }
        }
        Ok(())
    }
}
