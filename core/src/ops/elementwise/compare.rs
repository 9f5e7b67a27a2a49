//! Comparisons, which return masks.

use crate::autograd::Tensor;
use crate::error::Result;
use crate::kernel::elementwise::compare::{
    Comparison, Equal, Less, LessOrEqual, SizeEqual, SizeLess, compare,
};
use crate::tensor::{Array, Mask, Shape, broadcast_shapes, refusable, with_dtype};

/// Compares two tensors of one dtype, broadcast to `shape`; `negated` inverts the mask.
fn mask<C: Comparison>(comparison: C, negated: bool, [a, b]: [&Tensor; 2], shape: &Shape) -> Mask {
    let (a, b) = (a.array().broadcast_to(shape), b.array().broadcast_to(shape));
    Mask::build(shape.clone(), |out| {
        with_dtype!(a.dtype(), F => {
            compare(comparison, negated, [&a.view::<F>(), &b.view::<F>()], out);
        });
    })
}

/// Computes 1 where the comparison of two tensors of one shape is true, else 0; untracked.
pub(crate) fn indicator<C: Comparison>(comparison: C, a: &Tensor, b: &Tensor) -> Tensor {
    mask(comparison, false, [a, b], a.array().shape()).to_tensor(a.dtype())
}

/// Returns a scalar in the dtype of `x`.
fn scalar_like(x: &Tensor, value: f64) -> Tensor {
    Array::full(x.dtype(), Shape::default(), value).into()
}

macro_rules! comparisons {
    ($(
        $(#[$doc:meta])*
        pub fn $method:ident, $scalar:ident:
            $symbol:literal as $comparison:ident $negated:literal |$a:ident, $b:ident| $order:expr,
            alias $alias:literal, $nan:literal;
    )*) => {
        /// # Comparisons
        impl Tensor {$(
            #[doc = concat!(
                "Returns a mask that is true where `self ", $symbol, " other`, broadcast; ",
                $nan, " for NaN."
            )]
            ///
            /// # Errors
            /// [`Error::Shape`](crate::Error::Shape) if the shapes do not broadcast,
            /// [`Error::DType`](crate::Error::DType) if the dtypes differ.
            ///
            $(#[$doc])*
            #[doc(alias = $alias)]
            pub fn $method(&self, other: &Self) -> Result<Mask> {
                let op = stringify!($method);
                self.expect_same_dtype(op, other)?;
                let shape = broadcast_shapes(op, self.shape(), other.shape())?;
                shape.checked_len(op)?;
                let ($a, $b) = (self, other);
                refusable(op, || Ok(mask($comparison, $negated, $order, &shape)))
            }

            #[doc = concat!(
                "Returns a mask that is true where `self ", $symbol, " scalar`, which is rounded ",
                "to this dtype; ", $nan, " for NaN."
            )]
            ///
            /// ```
            /// # use cotangent::Tensor;
            /// let x = Tensor::from([1.0f32, 2.0, f32::NAN]);
            #[doc = concat!("let mask = x.", stringify!($scalar), "(2.0);")]
            #[doc = concat!("let same = x.", stringify!($method), "(&Tensor::from(2.0f32))?;")]
            /// assert_eq!(mask, same);
            /// # Ok::<(), cotangent::Error>(())
            /// ```
            pub fn $scalar(&self, scalar: f64) -> Mask {
                let number = scalar_like(self, scalar);
                let ($a, $b) = (self, &number);
                mask($comparison, $negated, $order, self.array().shape())
            }
        )*}
    };
}

comparisons! {
    /// ```
    /// # use cotangent::Tensor;
    /// let mask = Tensor::from([1.0f32, 2.0, 3.0]).lt(&Tensor::from(2.0f32))?;
    /// assert_eq!(mask.as_slice(), [true, false, false]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn lt, lt_scalar: "<" as Less false |a, b| [a, b], alias "less", "false";

    /// ```
    /// # use cotangent::Tensor;
    /// let mask = Tensor::from([1.0f32, 2.0, 3.0]).le(&Tensor::from(2.0f32))?;
    /// assert_eq!(mask.as_slice(), [true, true, false]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn le, le_scalar: "<=" as LessOrEqual false |a, b| [a, b], alias "less_equal", "false";

    /// ```
    /// # use cotangent::Tensor;
    /// let mask = Tensor::from([1.0f32, 2.0, 3.0]).gt(&Tensor::from(2.0f32))?;
    /// assert_eq!(mask.as_slice(), [false, false, true]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn gt, gt_scalar: ">" as Less false |a, b| [b, a], alias "greater", "false";

    /// ```
    /// # use cotangent::Tensor;
    /// let mask = Tensor::from([1.0f32, 2.0, 3.0]).ge(&Tensor::from(2.0f32))?;
    /// assert_eq!(mask.as_slice(), [false, true, true]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn ge, ge_scalar: ">=" as LessOrEqual false |a, b| [b, a], alias "greater_equal", "false";

    /// ```
    /// # use cotangent::Tensor;
    /// let mask = Tensor::from([1.0f32, 2.0, 3.0]).eq(&Tensor::from(2.0f32))?;
    /// assert_eq!(mask.as_slice(), [false, true, false]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn eq, eq_scalar: "==" as Equal false |a, b| [a, b], alias "equal", "false";

    /// ```
    /// # use cotangent::Tensor;
    /// let mask = Tensor::from([1.0f32, 2.0, f32::NAN]).ne(&Tensor::from(2.0f32))?;
    /// assert_eq!(mask.as_slice(), [true, false, true]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn ne, ne_scalar: "!=" as Equal true |a, b| [a, b], alias "not_equal", "true";
}

/// # Comparisons
impl Tensor {
    /// Returns a mask that is true where an element is NaN.
    ///
    /// ```
    /// # use cotangent::Tensor;
    /// let mask = Tensor::from([1.0f32, f32::NAN, f32::INFINITY]).is_nan();
    /// assert_eq!(mask.as_slice(), [false, true, false]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    #[doc(alias = "isnan")]
    #[track_caller]
    pub fn is_nan(&self) -> Mask {
        mask(Equal, true, [self, self], self.array().shape())
    }

    /// Returns a mask that is true where an element is ∞ or -∞.
    ///
    /// ```
    /// # use cotangent::Tensor;
    /// let mask = Tensor::from([1.0f32, f32::NAN, f32::NEG_INFINITY]).is_infinite();
    /// assert_eq!(mask.as_slice(), [false, false, true]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    #[doc(alias = "isinf")]
    #[track_caller]
    pub fn is_infinite(&self) -> Mask {
        let infinity = scalar_like(self, f64::INFINITY);
        mask(SizeEqual, false, [self, &infinity], self.array().shape())
    }

    /// Returns a mask that is true where an element is neither infinite nor NaN.
    ///
    /// ```
    /// # use cotangent::Tensor;
    /// let mask = Tensor::from([1.0f32, f32::NAN, f32::INFINITY]).is_finite();
    /// assert_eq!(mask.as_slice(), [true, false, false]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    #[doc(alias = "isfinite")]
    #[track_caller]
    pub fn is_finite(&self) -> Mask {
        let infinity = scalar_like(self, f64::INFINITY);
        mask(SizeLess, false, [self, &infinity], self.array().shape())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comparisons_are_false_for_nan_and_need_shapes_that_broadcast() -> Result<()> {
        let (a, b) = (
            Tensor::from([1.0f32, f32::NAN, 2.0]),
            Tensor::from([1.0f32, f32::NAN, 1.0]),
        );
        assert_eq!(a.eq(&b)?.as_slice(), [true, false, false]);
        assert_eq!(a.ne(&b)?.as_slice(), [false, true, true]);
        assert_eq!(a.le(&b)?.as_slice(), [true, false, false]);
        assert_eq!(a.ge(&b)?.as_slice(), [true, false, true]);
        assert_eq!(a.lt(&b)?.count(), 0);
        let error = a.gt(&Tensor::from([1.0f32, 2.0])).unwrap_err().to_string();
        assert!(
            error.contains("gt") && error.contains("(3,) and (2,)"),
            "{error}"
        );
        let error = a.ge(&Tensor::from([1.0f64])).unwrap_err().to_string();
        assert!(
            error.starts_with("ge: the right operand is f64, the left operand is f32"),
            "{error}"
        );
        Ok(())
    }

    #[test]
    fn a_number_is_rounded_to_the_dtype() {
        let x = Tensor::from([0.1f32]);
        assert!(x.eq_scalar(0.1).all() && !x.lt_scalar(0.1).any());
        assert!(x.to_dtype(crate::DType::F64).ne_scalar(0.1).all());
        assert!(x.lt_scalar(f64::INFINITY).all() && x.ne_scalar(f64::NAN).all());
        assert_eq!(
            Tensor::from([[0.0f64; 0]; 3]).le_scalar(0.0).shape(),
            [3, 0]
        );
    }
}
