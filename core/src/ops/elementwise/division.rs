//! Remainders, the whole quotient, the hypotenuse, and a number with the sign of another.

use crate::autograd::{OpKind, Tensor};
use crate::error::Result;
use crate::kernel::{Formula, Needs, Real};
use crate::ops::elementwise::operation::{Operation, apply};

/// Defines functions of two tensors that are methods of [`Real`], with their pullbacks.
macro_rules! pairs {
    ($(
        $(#[$doc:meta])*
        pub fn $method:ident($g:ident, $a:ident, $b:ident) pullback $pullback:block
            $(quotient $divides:literal)?
    )*) => {
        /// # Arithmetic
        impl Tensor {
            $($(#[$doc])*
            ///
            /// # Errors
            /// [`Error::Shape`](crate::Error::Shape) if the shapes do not broadcast,
            /// [`Error::DType`](crate::Error::DType) if the dtypes differ.
            pub fn $method(&self, other: &Self) -> Result<Self> {
                apply($method, [self, other])
            })*
        }

        $(
        #[allow(non_camel_case_types)]
        #[derive(Clone, Copy, Debug)]
        pub(super) struct $method;

        impl Formula<2> for $method {
            $(const TRIGONOMETRIC: bool = $divides;)?
            const NEEDS: [Needs; 2] = [Needs { operands: 3, result: false }; 2];
            #[inline(always)]
            fn value<T: Real>(self, [a, b]: [T; 2]) -> T {
                a.$method(b)
            }
            #[inline(always)]
            fn pullback<T: Real, const WANTED: u32>(
                self,
                $g: T,
                [$a, $b]: [T; 2],
                _: T,
            ) -> [T; 2] $pullback
            #[inline(always)]
            fn angle<T: Real>(self, [a, b]: [T; 2]) -> T {
                a / b * 4.0
            }
        }

        impl Operation<2> for $method {
            const NAME: &'static str = stringify!($method);
            const KIND: OpKind = OpKind::Elementwise;
        }
        )*
    };
}

/// Returns 0 as a function of the cotangent, so that a recorded gradient stays in the graph.
#[inline(always)]
fn nothing<T: Real>(g: T) -> T {
    T::select(g.lt(g), g, g.zero())
}

pairs! {
    /// Computes the remainder of `self / other` with the sign of `other`, as Python's `%` does:
    /// `self - other · floor(self / other)` without rounding errors of the quotient; NaN if `other`
    /// is 0. [`fmod`](Self::fmod) has the sign of `self`.
    ///
    /// ```
    /// # use cotangent::Tensor;
    /// let rest = Tensor::from([5.0f32, -5.0]).remainder(&Tensor::from(3.0f32))?;
    /// assert_eq!(rest.to_vec::<f32>()?, [2.0, 1.0]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    #[doc(alias = "mod")]
    #[doc(alias = "rem_euclid")]
    pub fn remainder(g, a, b) pullback { [g, -(g * a.floor_divide(b))] } quotient true

    /// Computes the remainder of `self / other` with the sign of `self`, as Rust's `%` does:
    /// `self - other · trunc(self / other)` without rounding errors; NaN if `other` is 0.
    /// [`remainder`](Self::remainder) has the sign of `other`.
    ///
    /// ```
    /// # use cotangent::Tensor;
    /// let rest = Tensor::from([5.0f32, -5.0]).fmod(&Tensor::from(3.0f32))?;
    /// assert_eq!(rest.to_vec::<f32>()?, [2.0, -2.0]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    #[doc(alias = "rem")]
    pub fn fmod(g, a, b) pullback {
        let quotient = a / b;
        let up = -(-quotient).floor();
        let whole = T::select(quotient.lt(g.zero()), up, quotient.floor());
        [g, -(g * whole)]
    } quotient true

    /// Computes `floor(self / other)` of the exact quotient, as Python's `//` does. The derivatives
    /// are 0. For the quotient rounded towards 0, use [`div`](Self::div) and
    /// [`trunc`](Self::trunc).
    ///
    /// ```
    /// # use cotangent::Tensor;
    /// let quotient = Tensor::from([5.0f32, -5.0]).floor_divide(&Tensor::from(3.0f32))?;
    /// assert_eq!(quotient.to_vec::<f32>()?, [1.0, -2.0]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    #[doc(alias = "floordiv")]
    #[doc(alias = "div_euclid")]
    pub fn floor_divide(g, a, b) pullback { let _ = (a, b); [nothing(g), nothing(g)] } quotient true

    /// Computes `√(self² + other²)`, also if the squares are beyond the range of the dtype. The
    /// derivatives at the origin are 0; PyTorch's are NaN.
    ///
    /// ```
    /// # use cotangent::Tensor;
    /// let length = Tensor::from([3.0f32, 3e30]).hypot(&Tensor::from([4.0f32, 4e30]))?;
    /// assert_eq!(length.to_vec::<f32>()?, [5.0, 5e30]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn hypot(g, a, b) pullback {
        // The length may overflow or lose digits when the derivative does not, so both are scaled
        // by a power of two.
        let larger = T::select(a.abs().lt(b.abs()), b.abs(), a.abs());
        let mut scale = g.one();
        scale = T::select(larger.gt(g.constant(1e37)), g.constant(0.25), scale);
        let up = g.constant(2f64.powi(96));
        scale = T::select(larger.lt(g.constant(1e-30)), up, scale);
        let (a, b) = (a * scale, b * scale);
        let length = a.hypot(b);
        let flat = length.equals(g.zero());
        let length = T::select(flat, g.one(), length);
        [g * (a.guard(!flat) / length), g * (b.guard(!flat) / length)]
    }

    /// Returns `self` with the sign of `other`, also that of a zero. The derivative by `self` is 1
    /// or -1, and 0 at 0; that by `other` is 0.
    ///
    /// ```
    /// # use cotangent::Tensor;
    /// let signed = Tensor::from([3.0f32, -2.0]).copysign(&Tensor::from([-1.0f32, 0.0]))?;
    /// assert_eq!(signed.to_vec::<f32>()?, [-3.0, 2.0]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn copysign(g, a, b) pullback {
        let sign = |x: T| g.one().copysign(x);
        let slope = sign(a) * sign(b);
        [g * T::select(a.equals(g.zero()), g.zero(), slope), nothing(g)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn remainders_and_whole_quotients_are_exact() -> Result<()> {
        // The quotients round to whole numbers.
        let (a, b) = (
            Tensor::from([1.0f64, 1e300, -5.5]),
            Tensor::from([0.1f64, 3.0, 5e-324]),
        );
        let expected = [1.0 % 0.1, 1e300 % 3.0, -5.5 % 5e-324];
        assert_eq!(a.fmod(&b)?.to_f64_vec(), expected);
        let quotient = Tensor::from([1.0f64, -1.0, 1.0, 6.0]);
        let quotient = quotient.floor_divide(&Tensor::from([0.1f64, 0.1, -0.1, -3.0]))?;
        assert_eq!(quotient.to_f64_vec(), [9.0, -10.0, -10.0, -2.0]);
        let limits = Tensor::from([-1.0f64, 1.0, -1.0]);
        let divisors = Tensor::from([f64::INFINITY, f64::INFINITY, 0.0]);
        let quotient = limits.floor_divide(&divisors)?.to_f64_vec();
        assert_eq!(quotient, [-1.0, 0.0, f64::NEG_INFINITY]);
        let rest = limits.remainder(&divisors)?.to_f64_vec();
        assert_eq!(rest[..2], [f64::INFINITY, 1.0]);
        assert!(rest[2].is_nan());
        Ok(())
    }

    #[test]
    fn errors_name_the_function() {
        let (a, b) = (
            Tensor::from([1.0f32, 2.0]),
            Tensor::from([1.0f32, 2.0, 3.0]),
        );
        let error = a.hypot(&b).unwrap_err().to_string();
        assert!(error.starts_with("hypot: "), "{error}");
        let error = a.copysign(&Tensor::from([1.0f64])).unwrap_err().to_string();
        assert!(error.starts_with("copysign: "), "{error}");
    }

    #[test]
    fn derivatives_at_the_origin_are_zero() -> Result<()> {
        let (a, b) = (
            Tensor::from([0.0f64]).tracked(),
            Tensor::from([0.0f64]).tracked(),
        );
        for recorded in [false, true] {
            let y = a.hypot(&b)?.sum();
            let backward = if recorded {
                crate::Backward::new().create_graph()
            } else {
                crate::Backward::new()
            };
            let grads = backward.grad(&y, &[&a, &b])?;
            assert_eq!(
                grads.iter().map(Tensor::to_f64_vec).collect::<Vec<_>>(),
                [[0.0]; 2]
            );
        }
        Ok(())
    }
}
