//! Selection by masks.

use crate::autograd::{Cotangents, Op, OpKind, Tensor, Vjp, stretch};
use crate::error::Result;
use crate::kernel::{Map, Real};
use crate::tensor::{Array, Mask, broadcast_shapes};
use smallvec::smallvec;

/// # Indexing and sorting
impl Tensor {
    /// Replaces the elements where the mask, broadcast to this tensor's shape, is true by `value`.
    /// No gradient flows to them.
    ///
    /// # Errors
    /// [`Error::Shape`](crate::Error::Shape) if the mask does not broadcast to this shape.
    ///
    /// ```
    /// # use cotangent::Tensor;
    /// let x = Tensor::from([1.0f32, -2.0, 3.0]);
    /// let filled = x.masked_fill(&x.lt_scalar(0.0), 9.0)?;
    /// assert_eq!(filled.to_vec::<f32>()?, [1.0, 9.0, 3.0]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn masked_fill(&self, mask: &Mask, value: f64) -> Result<Self> {
        if broadcast_shapes("masked_fill", mask.shape(), self.shape())?[..] != *self.shape() {
            let shapes = [mask.shape(), self.shape()];
            let reason = "the mask must broadcast to the shape of the tensor";
            return Err(crate::Error::shape("masked_fill", reason, &shapes));
        }
        mask.select(&self.constant_like(value), self)
    }
}

/// # Indexing and sorting
impl Mask {
    /// Selects `yes` where this mask is true, else `no`; all three are broadcast together. PyTorch:
    /// `torch.where(mask, yes, no)`.
    ///
    /// # Errors
    /// [`Error::Shape`](crate::Error::Shape) if the shapes do not broadcast,
    /// [`Error::DType`](crate::Error::DType) if the dtypes differ.
    ///
    /// ```
    /// # use cotangent::{Mask, Tensor};
    /// let mask = Mask::from([true, false]);
    /// let chosen = mask.select(&Tensor::from([1.0f32, 2.0]), &Tensor::from(7.0f32))?;
    /// assert_eq!(chosen.to_vec::<f32>()?, [1.0, 7.0]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    #[doc(alias = "where")]
    pub fn select(&self, yes: &Tensor, no: &Tensor) -> Result<Tensor> {
        Tensor::expect_one_dtype("select", &[("yes", Some(yes)), ("no", Some(no))])?;
        let shape = broadcast_shapes("select", yes.shape(), no.shape())?;
        let shape = broadcast_shapes("select", self.shape(), &shape)?;
        shape.reserve("select", yes.dtype())?;
        let condition = Tensor::from(self.to_tensor(yes.dtype()).array().broadcast_to(&shape));
        Ok(select(
            &condition,
            &stretch(yes, &shape),
            &stretch(no, &shape),
        ))
    }
}

/// Selects `yes` where `condition` is not 0, else `no`; all have one shape.
pub(crate) fn select(condition: &Tensor, yes: &Tensor, no: &Tensor) -> Tensor {
    let inputs = [condition.array(), yes.array(), no.array()];
    let output = Tensor::from(Array::map(Choose, inputs, yes.array().shape()));
    Tensor::from_op(output, &[yes, no], || Select {
        condition: condition.detach(),
    })
}

/// Returns `x`, whose gradient is 0 where `condition` is 0, even if a cotangent that is infinite or
/// NaN arrives there.
pub(crate) fn guard(condition: &Tensor, x: &Tensor) -> Tensor {
    Tensor::from_op(x.detach(), &[x], || Guard {
        condition: condition.detach(),
    })
}

struct Guard {
    condition: Tensor,
}

impl Op for Guard {
    fn name(&self) -> &'static str {
        "guard"
    }
    fn kind(&self) -> OpKind {
        OpKind::Blend
    }
    fn vjp(&self, cotangent: Tensor, _: &Vjp) -> Result<Cotangents> {
        let zero = cotangent.constant_like(0.0);
        Ok(smallvec![Some(select(&self.condition, &cotangent, &zero))])
    }
}

#[derive(Clone, Copy, Debug)]
struct Choose;

impl Map<3> for Choose {
    #[inline(always)]
    fn apply<T: Real>(self, [condition, yes, no]: [T; 3]) -> T {
        T::select(condition.equals(condition.zero()), no, yes)
    }
}

struct Select {
    condition: Tensor,
}

impl Op for Select {
    fn name(&self) -> &'static str {
        "where"
    }
    fn kind(&self) -> OpKind {
        OpKind::Blend
    }
    fn vjp(&self, cotangent: Tensor, context: &Vjp) -> Result<Cotangents> {
        let zero = cotangent.constant_like(0.0);
        let yes = context
            .wants(0)
            .then(|| select(&self.condition, &cotangent, &zero));
        let no = context
            .wants(1)
            .then(|| select(&self.condition, &zero, &cotangent));
        Ok(smallvec![yes, no])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gradcheck;

    #[test]
    fn selection_is_differentiable_and_broadcasts() -> Result<()> {
        let yes = Tensor::from([[1.0f64, -2.0, 0.5], [3.0, 0.1, -1.0]]);
        let no = Tensor::from([0.3f64, -0.7, 2.0]);
        let mask = yes.gt(&Tensor::from([[0.2f64], [0.0]]))?;
        assert_eq!(mask.as_slice(), [true, false, true, true, true, false]);
        gradcheck::function(&[yes.clone(), no], |x| {
            mask.select(&x[0].tanh(), &x[1].square())
        })?
        .assert_ok();
        gradcheck::function(&[yes], |x| x[0].tanh().masked_fill(&mask, 0.5))?.assert_ok();
        Ok(())
    }

    #[test]
    fn a_mask_with_more_axes_is_an_error() -> Result<()> {
        let x = Tensor::from([1.0f32, 2.0, 3.0]);
        let wide = Mask::from_vec(vec![true; 6], [2, 3])?;
        assert!(x.masked_fill(&wide, 0.0).is_err());
        Ok(())
    }
}
