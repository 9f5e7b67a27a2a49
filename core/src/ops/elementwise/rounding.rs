//! Step functions, whose derivative is 0: rounding to whole numbers, and the sign.

use crate::autograd::{Cotangents, Op, OpKind, Tensor, Vjp};
use crate::error::Result;
use crate::kernel::{Map, Real};
use crate::tensor::Array;
use smallvec::smallvec;

macro_rules! steps {
    ($($(#[$doc:meta])* pub fn $method:ident as $name:ident value |$x:ident| $value:expr;)*) => {
        $(
        #[derive(Clone, Copy, Debug)]
        struct $name;

        impl Map<1> for $name {
            #[inline(always)]
            fn apply<T: Real>(self, [$x]: [T; 1]) -> T {
                $value
            }
        }
        )*

        /// # Elementwise functions
        impl Tensor {$(
            $(#[$doc])*
            pub fn $method(&self) -> Self {
                let y = Array::map($name, [self.array()], self.array().shape());
                record(stringify!($method), y.into(), self)
            }
        )*}
    };
}

steps! {
    /// Computes the largest integer not above x. The derivative is 0.
    ///
    /// ```
    /// # use cotangent::Tensor;
    /// assert_eq!(Tensor::from([1.5f32, -0.5]).floor().to_vec::<f32>()?, [1.0, -1.0]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn floor as Floor value |x| x.floor();

    /// Computes the smallest integer not below x. The derivative is 0.
    ///
    /// ```
    /// # use cotangent::Tensor;
    /// assert_eq!(Tensor::from([1.5f32, -1.5]).ceil().to_vec::<f32>()?, [2.0, -1.0]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn ceil as Ceil value |x| ceil(x);

    /// Rounds x to the nearest integer, ties to even. The derivative is 0.
    ///
    /// ```
    /// # use cotangent::Tensor;
    /// assert_eq!(Tensor::from([0.5f32, 1.5, -1.2]).round().to_vec::<f32>()?, [0.0, 2.0, -1.0]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn round as Round value |x| x.round();

    /// Computes the integer part of x, rounding towards 0. The derivative is 0.
    ///
    /// ```
    /// # use cotangent::Tensor;
    /// assert_eq!(Tensor::from([1.5f32, -1.5]).trunc().to_vec::<f32>()?, [1.0, -1.0]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    #[doc(alias = "fix")]
    pub fn trunc as Trunc value |x| T::select(x.lt(x.zero()), ceil(x), x.floor());

    /// Computes the sign of x: -1 below 0, 1 above, 0 at 0 and for NaN. The derivative is 0.
    ///
    /// ```
    /// # use cotangent::Tensor;
    /// assert_eq!(Tensor::from([-2.5f32, 0.0, 7.0]).sign().to_vec::<f32>()?, [-1.0, 0.0, 1.0]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    #[doc(alias = "sgn")]
    #[doc(alias = "signum")]
    pub fn sign as Sign value |x| sign(x);
}

/// Computes the sign of x: -1, 0 or 1; 0 for NaN.
#[inline(always)]
fn sign<T: Real>(x: T) -> T {
    let (zero, one) = (x.zero(), x.one());
    T::select(x.gt(zero), one, T::select(x.lt(zero), -one, zero))
}

#[inline(always)]
fn ceil<T: Real>(x: T) -> T {
    -(-x).floor()
}

/// Records `y` as a step function of `x`.
fn record(name: &'static str, y: Tensor, x: &Tensor) -> Tensor {
    Tensor::from_op(y, &[x], || Step { name })
}

/// A step function. Its derivative is 0 for every cotangent, and nothing is saved.
struct Step {
    name: &'static str,
}

impl Op for Step {
    fn name(&self) -> &'static str {
        self.name
    }
    fn kind(&self) -> OpKind {
        OpKind::Elementwise
    }

    fn vjp(&self, cotangent: Tensor, _: &Vjp) -> Result<Cotangents> {
        // Recorded as a step function of the cotangent, so that the gradient stays in the graph.
        let zero = cotangent.constant_like(0.0);
        Ok(smallvec![Some(record(self.name, zero, &cotangent))])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn derivatives_are_zero_for_an_infinite_cotangent() -> Result<()> {
        let x = Tensor::from([0.3f64, f64::NAN, f64::INFINITY]).tracked();
        let g = Tensor::from([f64::INFINITY, f64::NAN, 1.0]);
        for f in [
            Tensor::floor,
            Tensor::ceil,
            Tensor::round,
            Tensor::trunc,
            Tensor::sign,
        ] {
            let grads = f(&x).backward_with(&g)?;
            assert_eq!(grads.get(&x).map(Tensor::to_f64_vec), Some(vec![0.0; 3]));
        }
        Ok(())
    }
}
