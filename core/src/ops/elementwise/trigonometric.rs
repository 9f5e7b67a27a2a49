//! Trigonometric, hyperbolic and inverse functions, exponentials and logarithms to other bases, and
//! the logarithm of the gamma function with its derivatives.

use crate::autograd::{OpKind, Tensor};
use crate::kernel::{Formula, Needs, Real};
use crate::ops::elementwise::functions::called;
use crate::ops::elementwise::operation::{Operation, apply_one};
use crate::ops::elementwise::support::{larger, smaller};
use std::f64::consts::{LN_2, LN_10};

/// Defines functions that are methods of [`Real`], with their derivatives.
macro_rules! primitives {
    ($(
        $(#[$doc:meta])*
        pub fn $method:ident($x:ident) slope $slope:block $(angle $trigonometric:literal)?
    )*) => {
        /// # Elementwise functions
        impl Tensor {
            $($(#[$doc])*
            pub fn $method(&self) -> Self {
                apply_one(types::$method, self)
            })*
        }

        /// The functions as types, for calls in formulas.
        pub mod types {
            use super::*;

            $(
            #[doc(hidden)]
            #[allow(non_camel_case_types)]
            #[derive(Clone, Copy)]
            pub struct $method;

            impl Formula<1> for $method {
                $(const TRIGONOMETRIC: bool = $trigonometric;)?
                const NEEDS: [Needs; 1] = [OPERAND];
                #[inline(always)]
                fn value<T: Real>(self, [x]: [T; 1]) -> T {
                    x.$method()
                }
                #[inline(always)]
                fn pullback<T: Real, const WANTED: u32>(self, g: T, [$x]: [T; 1], _: T) -> [T; 1] {
                    [g * $slope]
                }
            }

            impl Operation<1> for $method {
                const NAME: &'static str = stringify!($method);
                const KIND: OpKind = OpKind::Elementwise;
            }

            called! { $method(x = 0) as $method => $method }
            )*
        }
    };
}

primitives! {
    /// Computes the tangent of x radians.
    ///
    /// ```
    /// # use cotangent::Tensor;
    /// assert_eq!(Tensor::from([0.0f32]).tan().to_vec::<f32>()?, [0.0]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn tan(x) slope { x.tan().square() + 1.0 } angle true

    /// Computes the inverse sine of x, an angle in radians from -π/2 to π/2; NaN outside of
    /// `[-1, 1]`. The derivative at -1 and 1 is infinite.
    ///
    /// ```
    /// # use cotangent::Tensor;
    /// assert_eq!(Tensor::from([0.0f32, 2.0]).asin().to_string(), "[ 0. NaN]");
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    #[doc(alias = "arcsin")]
    pub fn asin(x) slope { one_minus_square(x).sqrt().recip() }

    /// Computes the inverse cosine of x, an angle in radians from 0 to π; NaN outside of `[-1, 1]`.
    /// The derivative at -1 and 1 is infinite.
    ///
    /// ```
    /// # use cotangent::Tensor;
    /// let y = Tensor::from([1.0f64, -1.0]).acos().to_vec::<f64>()?;
    /// assert_eq!(y, [0.0, std::f64::consts::PI]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    #[doc(alias = "arccos")]
    pub fn acos(x) slope { -one_minus_square(x).sqrt().recip() }

    /// Computes the inverse tangent of x, an angle in radians from -π/2 to π/2.
    ///
    /// ```
    /// # use cotangent::Tensor;
    /// let y = Tensor::from([0.0f64, f64::INFINITY]).atan().to_vec::<f64>()?;
    /// assert_eq!(y, [0.0, std::f64::consts::FRAC_PI_2]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    #[doc(alias = "arctan")]
    pub fn atan(x) slope {
        let slope = or_far(x, x.abs(), |near| near * near + 1.0).recip();
        slope * or_far(x, slope, T::one)
    }

    /// Computes the hyperbolic sine `(e^x - e^-x) / 2`.
    ///
    /// ```
    /// # use cotangent::Tensor;
    /// let y = Tensor::from([0.0f32, f32::NEG_INFINITY]).sinh().to_vec::<f32>()?;
    /// assert_eq!(y, [0.0, f32::NEG_INFINITY]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn sinh(x) slope { x.cosh() }

    /// Computes the hyperbolic cosine `(e^x + e^-x) / 2`.
    ///
    /// ```
    /// # use cotangent::Tensor;
    /// let y = Tensor::from([0.0f32, f32::NEG_INFINITY]).cosh().to_vec::<f32>()?;
    /// assert_eq!(y, [1.0, f32::INFINITY]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn cosh(x) slope { x.sinh() }

    /// Computes the inverse hyperbolic sine of x.
    ///
    /// ```
    /// # use cotangent::Tensor;
    /// assert_eq!(Tensor::from([1e-20f64]).asinh().to_vec::<f64>()?, [1e-20]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    #[doc(alias = "arcsinh")]
    pub fn asinh(x) slope { or_far(x, x.abs(), |near| (near * near + 1.0).sqrt()).recip() }

    /// Computes the inverse hyperbolic cosine of x, which is not negative; NaN below 1. The
    /// derivative at 1 is infinite.
    ///
    /// ```
    /// # use cotangent::Tensor;
    /// assert_eq!(Tensor::from([1.0f32, 0.5]).acosh().to_string(), "[ 0. NaN]");
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    #[doc(alias = "arccosh")]
    pub fn acosh(x) slope {
        or_far(x, x.abs(), |near| {
            let factors = (near - 1.0) * (near + 1.0);
            T::select(near.gt(x.one()), factors, near.square() - 1.0).sqrt()
        })
        .recip()
    }

    /// Computes the inverse hyperbolic tangent of x; NaN outside of `[-1, 1]`.
    ///
    /// ```
    /// # use cotangent::Tensor;
    /// let y = Tensor::from([0.0f32, 1.0]).atanh().to_vec::<f32>()?;
    /// assert_eq!(y, [0.0, f32::INFINITY]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    #[doc(alias = "arctanh")]
    pub fn atanh(x) slope { one_minus_square(x).recip() }

    /// Computes the logarithm of x to base 2; NaN below 0.
    ///
    /// ```
    /// # use cotangent::Tensor;
    /// assert_eq!(Tensor::from([8.0f32, 0.25]).log2().to_vec::<f32>()?, [3.0, -2.0]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn log2(x) slope { x.constant(LN_2.recip()) / x }

    /// Computes the logarithm of x to base 10; NaN below 0.
    ///
    /// ```
    /// # use cotangent::Tensor;
    /// assert_eq!(Tensor::from([1000.0f64, 0.1]).log10().to_vec::<f64>()?, [3.0, -1.0]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn log10(x) slope { x.constant(LN_10.recip()) / x }

    /// Computes the power `2^x`.
    ///
    /// ```
    /// # use cotangent::Tensor;
    /// assert_eq!(Tensor::from([3.0f32, -2.0]).exp2().to_vec::<f32>()?, [8.0, 0.25]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn exp2(x) slope { x.exp2() * LN_2 }

    /// Computes `ln |Γ(x)|`, the logarithm of the gamma function; ∞ at 0 and the negative integers.
    ///
    /// For positive x the result is within 2 units in the last place, also near its zeros at 1 and
    /// 2. For negative x it is within 1e-15 times the larger of 1 and its size (`f64`), or 7e-8
    /// times (`f32`).
    ///
    /// ```
    /// # use cotangent::Tensor;
    /// let y = Tensor::from([5.0f64, 1.0, 0.0]).lgamma().to_vec::<f64>()?;
    /// assert_eq!(y, [24f64.ln(), 0.0, f64::INFINITY]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    #[doc(alias = "gammaln")]
    #[doc(alias = "loggamma")]
    pub fn lgamma(x) slope { x.digamma() }

    /// Computes the derivative of [`lgamma`](Self::lgamma); -∞ at 0, ∞ at -0, and NaN at the
    /// negative integers.
    ///
    /// For positive x the result is within 6 units in the last place, also near its zero at
    /// 1.4616, where PyTorch's loses digits. For negative x it is within 2e-15 times the larger of
    /// 1 and its size (`f64`), or 7e-8 times (`f32`).
    ///
    /// ```
    /// # use cotangent::Tensor;
    /// let y = Tensor::from([1.0f64, 2.0]).digamma().to_vec::<f64>()?;
    /// assert!((y[0] + 0.577_215_664_901_532_9).abs() < 1e-15); // Euler's constant
    /// assert!((y[1] - y[0] - 1.0).abs() < 1e-15);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    #[doc(alias = "psi")]
    pub fn digamma(x) slope { x.polygamma(1) }
}

/// # Elementwise functions
impl Tensor {
    /// Computes the derivative of this order of [`digamma`](Self::digamma), which is order 0; order
    /// 1 is known as trigamma. At 0 and the negative integers it is ∞ if the order is odd. If the
    /// order is even, it is NaN at the negative integers and has the limit from above at 0.
    ///
    /// For positive x and orders up to 10 the result is within 5 units in the last place. From
    /// order 171 on the factorial in it is infinite, and a positive x keeps about 11 digits; for
    /// negative x the result may be NaN. PyTorch's orders above 1 are NaN for most negative x.
    ///
    /// ```
    /// # use cotangent::Tensor;
    /// let y = Tensor::from([1.0f64]).polygamma(1).to_vec::<f64>()?;
    /// assert!((y[0] - std::f64::consts::PI.powi(2) / 6.0).abs() < 1e-15);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    #[doc(alias = "trigamma")]
    pub fn polygamma(&self, order: u32) -> Self {
        if order == 0 {
            return self.digamma();
        }
        apply_one(Polygamma { order }, self)
    }
}

/// The formula of the derivatives of digamma, which are computed one element at a time.
#[derive(Clone, Copy, Debug)]
struct Polygamma {
    order: u32,
}

const OPERAND: Needs = Needs {
    operands: 1,
    result: false,
};

impl Formula<1> for Polygamma {
    const NEEDS: [Needs; 1] = [OPERAND];
    #[inline(always)]
    fn value<T: Real>(self, [x]: [T; 1]) -> T {
        x.polygamma(self.order)
    }
    #[inline(always)]
    fn pullback<T: Real, const WANTED: u32>(self, g: T, [x]: [T; 1], _: T) -> [T; 1] {
        [g * x.polygamma(self.order.saturating_add(1))]
    }
}

impl Operation<1> for Polygamma {
    const NAME: &'static str = "polygamma";
    const KIND: OpKind = OpKind::Elementwise;
}

/// Returns `far` if x is so large that 1 does not change x², else a function of x. The square
/// itself, which may overflow, is not computed there.
#[inline(always)]
fn or_far<T: Real>(x: T, far: T, of_near: impl FnOnce(T) -> T) -> T {
    const FAR: f64 = 1e9;
    let near = smaller(larger(x, x.constant(-FAR)), x.constant(FAR));
    T::select(x.abs().gt(x.constant(FAR)), far, of_near(near))
}

/// Computes 1 - x². Near 1 the product (1 - x)(1 + x) keeps the digits; near 0 the difference keeps
/// those of the derivative. At 1 itself the difference is used, because a factor of 0 would be
/// multiplied by the infinite derivative of a root or a quotient.
#[inline(always)]
fn one_minus_square<T: Real>(x: T) -> T {
    let (size, plain) = (x.abs(), -x.square() + 1.0);
    let factors = (-x + 1.0) * (x + 1.0);
    let near = T::select(size.lt(x.one()), factors, plain);
    T::select(size.lt(x.constant(0.5)), plain, near)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Result, gradcheck};

    type Function = fn(&Tensor) -> Tensor;

    /// The arguments are those at which the usual formulas lose digits.
    #[test]
    fn inverse_hyperbolic_functions_are_accurate_everywhere() -> Result<()> {
        let cases: [(Function, f64, f64); 12] = [
            (Tensor::asinh, 1e-9, 1e-9),
            (Tensor::asinh, -0.5, -0.481_211_825_059_603_45),
            (Tensor::asinh, 3e8, 20.212_440_213_180_42),
            (Tensor::asinh, -1e300, -691.468_675_078_773_6),
            (
                Tensor::acosh,
                1.0 + 2f64.powi(-40),
                1.348_699_152_348_506_8e-6,
            ),
            (Tensor::acosh, 1.5, 0.962_423_650_119_206_9),
            (Tensor::acosh, 3e8, 20.212_440_213_180_42),
            (Tensor::acosh, 1e300, 691.468_675_078_773_6),
            (Tensor::atanh, 1e-9, 1e-9),
            (Tensor::atanh, -0.5, -0.549_306_144_334_054_8),
            (
                Tensor::atanh,
                -(1.0 - 2f64.powi(-40)),
                -14.209_517_201_478_652,
            ),
            (Tensor::atanh, 0.999, 3.800_201_167_250_2),
        ];
        for (f, x, expected) in cases {
            let found = f(&Tensor::from(x)).item()?;
            assert!(
                (found - expected).abs() <= 2e-15 * expected.abs(),
                "f({x:e}) = {found:e}, expected {expected:e}"
            );
        }
        Ok(())
    }

    #[test]
    fn derivatives_near_the_ends_keep_their_digits() -> Result<()> {
        let x = Tensor::from([0.999_999f32]).tracked();
        let slope = |y: Tensor| -> Result<f64> {
            let grads = y.sum().backward()?;
            grads.get(&x).map_or(Ok(f64::NAN), Tensor::item)
        };
        let exact = f64::from(0.999_999f32);
        let root = (1.0 - exact * exact).sqrt().recip();
        assert!((slope(x.asin())? / root - 1.0).abs() < 3e-7);
        assert!((slope(x.acos())? / -root - 1.0).abs() < 3e-7);
        assert!((slope(x.atanh())? / root.powi(2) - 1.0).abs() < 3e-7);
        Ok(())
    }

    #[test]
    fn names_match_the_methods_and_gradients_are_right() -> Result<()> {
        let small = Tensor::from([0.3f64, -0.7]);
        let large = Tensor::from([1.3f64, 4.0]);
        let cases: [(&str, &Tensor, Function); 17] = [
            ("tan", &small, Tensor::tan),
            ("asin", &small, Tensor::asin),
            ("acos", &small, Tensor::acos),
            ("atan", &small, Tensor::atan),
            ("sinh", &small, Tensor::sinh),
            ("cosh", &small, Tensor::cosh),
            ("asinh", &small, Tensor::asinh),
            ("acosh", &large, Tensor::acosh),
            ("atanh", &small, Tensor::atanh),
            ("log2", &large, Tensor::log2),
            ("log10", &large, Tensor::log10),
            ("exp2", &small, Tensor::exp2),
            ("lgamma", &small, Tensor::lgamma),
            ("lgamma", &large, Tensor::lgamma),
            ("digamma", &small, Tensor::digamma),
            ("polygamma", &small, |x| x.polygamma(1)),
            ("polygamma", &large, |x| x.polygamma(2)),
        ];
        for (name, x, f) in cases {
            gradcheck::function(std::slice::from_ref(x), |x| Ok(f(&x[0])))?.assert_ok();
            let y = f(&x.tracked());
            assert_eq!(y.node().map(|node| node.name), Some(name));
        }
        Ok(())
    }
}
