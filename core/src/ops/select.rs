//! Comparison and selection.

use crate::autograd::{Cotangents, Op, Tensor, Vjp, stretch};
use crate::error::Result;
use crate::kernel::{Float, Map, Real};
use crate::tensor::{Array, DType, Mask, Shape, broadcast_shapes, with_dtype};
use smallvec::smallvec;

/// Where the comparison of two tensors holds, broadcast.
fn compare<C: Map<2>>(op: &'static str, comparison: C, a: &Tensor, b: &Tensor) -> Result<Mask> {
    b.expect_dtype(op, a.dtype())?;
    let shape = broadcast_shapes(op, a.shape(), b.shape())?;
    let ones = Array::map(comparison, [a.array(), b.array()], &shape);
    Mask::from_vec(
        ones.to_f64_vec()
            .into_iter()
            .map(|one| one != 0.0)
            .collect(),
        shape,
    )
}

impl Tensor {
    /// Where `self < other`, broadcast; false for NaN.
    ///
    /// # Errors
    /// [`Error::Shape`](crate::Error::Shape) if the shapes do not broadcast,
    /// [`Error::DType`](crate::Error::DType) if the dtypes differ.
    ///
    /// ```
    /// # use cotangent_core::Tensor;
    /// let mask = Tensor::from([1.0f32, 2.0, 3.0]).lt(&Tensor::from(2.0f32))?;
    /// assert_eq!(mask.as_slice(), [true, false, false]);
    /// # Ok::<(), cotangent_core::Error>(())
    /// ```
    #[doc(alias = "less")]
    pub fn lt(&self, other: &Self) -> Result<Mask> {
        compare("lt", Less, self, other)
    }

    /// Where `self <= other`, broadcast; false for NaN.
    ///
    /// # Errors
    /// As [`lt`](Self::lt).
    #[doc(alias = "less_equal")]
    pub fn le(&self, other: &Self) -> Result<Mask> {
        compare("le", LessOrEqual, self, other)
    }

    /// Where `self > other`, broadcast; false for NaN.
    ///
    /// # Errors
    /// As [`lt`](Self::lt).
    #[doc(alias = "greater")]
    pub fn gt(&self, other: &Self) -> Result<Mask> {
        compare("gt", Less, other, self)
    }

    /// Where `self >= other`, broadcast; false for NaN.
    ///
    /// # Errors
    /// As [`lt`](Self::lt).
    #[doc(alias = "greater_equal")]
    pub fn ge(&self, other: &Self) -> Result<Mask> {
        compare("ge", LessOrEqual, other, self)
    }

    /// Where `self == other`, broadcast; false for NaN.
    ///
    /// # Errors
    /// As [`lt`](Self::lt).
    #[doc(alias = "equal")]
    pub fn eq(&self, other: &Self) -> Result<Mask> {
        compare("eq", Equal, self, other)
    }

    /// `value` where the mask, broadcast to this tensor's shape, is true, else this tensor's
    /// element. No gradient flows where the value stands.
    ///
    /// # Errors
    /// [`Error::Shape`](crate::Error::Shape) if the mask does not broadcast to this shape.
    ///
    /// ```
    /// # use cotangent_core::Tensor;
    /// let x = Tensor::from([1.0f32, -2.0, 3.0]);
    /// let filled = x.masked_fill(&x.lt(&Tensor::from(0.0f32))?, 9.0)?;
    /// assert_eq!(filled.to_vec::<f32>()?, [1.0, 9.0, 3.0]);
    /// # Ok::<(), cotangent_core::Error>(())
    /// ```
    pub fn masked_fill(&self, mask: &Mask, value: f64) -> Result<Self> {
        if broadcast_shapes("masked_fill", mask.shape(), self.shape())?[..] != *self.shape() {
            let shapes = [mask.shape(), self.shape()];
            let reason = "the mask has axes that the tensor lacks";
            return Err(crate::Error::shape("masked_fill", reason, &shapes));
        }
        mask.select(&self.constant_like(value), self)
    }
}

impl Mask {
    /// `yes` where this mask is true, else `no`, all three broadcast together. PyTorch:
    /// `torch.where(mask, yes, no)`.
    ///
    /// # Errors
    /// [`Error::Shape`](crate::Error::Shape) if the shapes do not broadcast,
    /// [`Error::DType`](crate::Error::DType) if the dtypes differ.
    ///
    /// ```
    /// # use cotangent_core::{Mask, Tensor};
    /// let mask = Mask::from_vec(vec![true, false], [2])?;
    /// let chosen = mask.select(&Tensor::from([1.0f32, 2.0]), &Tensor::from(7.0f32))?;
    /// assert_eq!(chosen.to_vec::<f32>()?, [1.0, 7.0]);
    /// # Ok::<(), cotangent_core::Error>(())
    /// ```
    #[doc(alias = "where")]
    pub fn select(&self, yes: &Tensor, no: &Tensor) -> Result<Tensor> {
        no.expect_dtype("select", yes.dtype())?;
        let shape = broadcast_shapes("select", yes.shape(), no.shape())?;
        let shape = broadcast_shapes("select", self.shape(), &shape)?;
        let condition = Tensor::from(self.to_array(yes.dtype()).broadcast_to(&shape));
        Ok(select(
            &condition,
            &stretch(yes, &shape),
            &stretch(no, &shape),
        ))
    }

    /// 1 for true, 0 for false.
    fn to_array(&self, dtype: DType) -> Array {
        with_dtype!(dtype, F => Array::build::<F>(Shape::from(self.shape()), |out| {
            for (out, &value) in out.iter_mut().zip(self.as_slice()) {
                *out = F::from_f64(f64::from(u8::from(value)));
            }
        }))
    }
}

macro_rules! comparisons {
    ($($name:ident $method:ident;)*) => {$(
        /// 1 where the comparison holds, else 0.
        #[derive(Clone, Copy, Debug)]
        pub(super) struct $name;
        impl Map<2> for $name {
            #[inline(always)]
            fn apply<T: Real>(self, [a, b]: [T; 2]) -> T {
                T::select(a.$method(b), a.one(), a.zero())
            }
        }
    )*};
}
comparisons! { Less lt; LessOrEqual le; Equal equals; }

/// 1 where the comparison of two tensors of one shape holds, else 0; not tracked.
pub(super) fn indicator<C: Map<2>>(comparison: C, a: &Tensor, b: &Tensor) -> Tensor {
    Tensor::from(Array::map(
        comparison,
        [a.array(), b.array()],
        a.array().shape(),
    ))
}

/// `yes` where `condition` is not 0, else `no`; all of one shape.
pub(super) fn select(condition: &Tensor, yes: &Tensor, no: &Tensor) -> Tensor {
    let inputs = [condition.array(), yes.array(), no.array()];
    let output = Tensor::from(Array::map(Choose, inputs, yes.array().shape()));
    Tensor::from_op(output, &[yes, no], || Select {
        condition: condition.detach(),
    })
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
    fn comparisons_are_false_for_nan_and_refuse_what_does_not_fit() -> Result<()> {
        let (a, b) = (
            Tensor::from([1.0f32, f32::NAN, 2.0]),
            Tensor::from([1.0f32, f32::NAN, 1.0]),
        );
        assert_eq!(a.eq(&b)?.as_slice(), [true, false, false]);
        assert_eq!(a.le(&b)?.as_slice(), [true, false, false]);
        assert_eq!(a.ge(&b)?.as_slice(), [true, false, true]);
        assert_eq!(a.lt(&b)?.count(), 0);
        assert!(a.lt(&Tensor::from([1.0f32, 2.0])).is_err());
        assert!(a.lt(&Tensor::from([1.0f64])).is_err());
        let wide = Mask::from_vec(vec![true; 6], [2, 3])?;
        assert!(a.masked_fill(&wide, 0.0).is_err());
        Ok(())
    }
}
