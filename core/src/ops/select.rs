//! Comparison and selection.

use crate::autograd::{Cotangents, Op, Tensor, Vjp};
use crate::error::Result;
use crate::kernel::{Map, Real};
use crate::tensor::Array;
use smallvec::smallvec;

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
