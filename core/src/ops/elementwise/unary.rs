//! Elementwise functions of one tensor.

use crate::autograd::{OpKind, Tensor};
use crate::kernel::Real;
use crate::ops::elementwise::formula::{Saves, Unary, apply, unary};

unary! {
    /// -x.
    ///
    /// ```
    /// # use cotangent_core::Tensor;
    /// assert_eq!(Tensor::from([1.0f32, -2.0]).neg().to_vec::<f32>()?, [-1.0, 2.0]);
    /// # Ok::<(), cotangent_core::Error>(())
    /// ```
    pub fn neg() as Negative
        saves Nothing,
        value |x| -x,
        derivative |any| any.constant(-1.0);

    /// x + scalar.
    ///
    /// ```
    /// # use cotangent_core::Tensor;
    /// assert_eq!(Tensor::from([1.0f32, 2.0]).add_scalar(0.5).to_vec::<f32>()?, [1.5, 2.5]);
    /// # Ok::<(), cotangent_core::Error>(())
    /// ```
    pub fn add_scalar(scalar: f64) as AddScalar
        saves Nothing,
        value |x| x + scalar,
        derivative |any| any.one();

    /// x · scalar.
    ///
    /// ```
    /// # use cotangent_core::Tensor;
    /// assert_eq!(Tensor::from([1.0f32, 2.0]).mul_scalar(3.0).to_vec::<f32>()?, [3.0, 6.0]);
    /// # Ok::<(), cotangent_core::Error>(())
    /// ```
    pub fn mul_scalar(scalar: f64) as MulScalar
        saves Nothing,
        value |x| x * scalar,
        derivative |any| any.constant(scalar);

    /// x / scalar.
    ///
    /// ```
    /// # use cotangent_core::Tensor;
    /// assert_eq!(Tensor::from([1.0f32, 3.0]).div_scalar(4.0).to_vec::<f32>()?, [0.25, 0.75]);
    /// # Ok::<(), cotangent_core::Error>(())
    /// ```
    pub fn div_scalar(scalar: f64) as DivScalar
        saves Nothing,
        value |x| x / scalar,
        derivative |any| any.one() / scalar;

    /// |x|; the derivative at 0 (and for NaN) is 0.
    ///
    /// ```
    /// # use cotangent_core::Tensor;
    /// assert_eq!(Tensor::from([-1.5f32, 2.0]).abs().to_vec::<f32>()?, [1.5, 2.0]);
    /// # Ok::<(), cotangent_core::Error>(())
    /// ```
    pub fn abs() as Absolute
        saves Input,
        value |x| x.abs(),
        pullback |g, x| T::select(x.gt(x.zero()), g, T::select(x.lt(x.zero()), -g, g.zero()));

    /// x².
    ///
    /// ```
    /// # use cotangent_core::Tensor;
    /// assert_eq!(Tensor::from([-3.0f32, 2.0]).square().to_vec::<f32>()?, [9.0, 4.0]);
    /// # Ok::<(), cotangent_core::Error>(())
    /// ```
    pub fn square() as Square
        saves Input,
        value |x| x * x,
        derivative |x| x * 2.0;

    /// √x; the derivative at 0 is infinite.
    ///
    /// ```
    /// # use cotangent_core::Tensor;
    /// assert_eq!(Tensor::from([9.0f32, 2.25]).sqrt().to_vec::<f32>()?, [3.0, 1.5]);
    /// # Ok::<(), cotangent_core::Error>(())
    /// ```
    pub fn sqrt() as SquareRoot
        saves Output,
        value |x| x.sqrt(),
        derivative |y| y.constant(0.5) / y;

    /// 1 / √x.
    ///
    /// ```
    /// # use cotangent_core::Tensor;
    /// assert_eq!(Tensor::from([4.0f32, 0.25]).rsqrt().to_vec::<f32>()?, [0.5, 2.0]);
    /// # Ok::<(), cotangent_core::Error>(())
    /// ```
    pub fn rsqrt() as ReciprocalSquareRoot
        saves Output,
        value |x| x.sqrt().recip(),
        derivative |y| y * y * y * -0.5;

    /// 1 / x.
    ///
    /// ```
    /// # use cotangent_core::Tensor;
    /// assert_eq!(Tensor::from([4.0f32, -0.5]).recip().to_vec::<f32>()?, [0.25, -2.0]);
    /// # Ok::<(), cotangent_core::Error>(())
    /// ```
    #[doc(alias = "reciprocal")]
    pub fn recip() as Reciprocal
        saves Output,
        value |x| x.recip(),
        derivative |y| -(y * y);

    /// e^x.
    ///
    /// ```
    /// # use cotangent_core::Tensor;
    /// assert_eq!(Tensor::from([0.0f32, f32::NEG_INFINITY]).exp().to_vec::<f32>()?, [1.0, 0.0]);
    /// # Ok::<(), cotangent_core::Error>(())
    /// ```
    pub fn exp() as Exponential
        saves Output,
        value |x| x.exp(),
        derivative |y| y;

    /// e^x - 1, accurate near 0.
    ///
    /// ```
    /// # use cotangent_core::Tensor;
    /// assert_eq!(Tensor::from([1e-10f64]).exp_m1().to_vec::<f64>()?, [1e-10f64.exp_m1()]);
    /// # Ok::<(), cotangent_core::Error>(())
    /// ```
    #[doc(alias = "expm1")]
    pub fn exp_m1() as ExponentialMinusOne
        saves Output,
        value |x| x.exp_m1(),
        derivative |y| y + 1.0;

    /// The natural logarithm; NaN below 0.
    ///
    /// ```
    /// # use cotangent_core::Tensor;
    /// assert_eq!(Tensor::from([1.0f32, 0.0]).ln().to_vec::<f32>()?, [0.0, f32::NEG_INFINITY]);
    /// # Ok::<(), cotangent_core::Error>(())
    /// ```
    #[doc(alias = "log")]
    pub fn ln() as Logarithm
        saves Input,
        value |x| x.ln(),
        derivative |x| x.recip();

    /// ln(1 + x), accurate near 0.
    ///
    /// ```
    /// # use cotangent_core::Tensor;
    /// assert_eq!(Tensor::from([1e-20f64]).ln_1p().to_vec::<f64>()?, [1e-20]);
    /// # Ok::<(), cotangent_core::Error>(())
    /// ```
    #[doc(alias = "log1p")]
    pub fn ln_1p() as LogarithmOnePlus
        saves Input,
        value |x| x.ln_1p(),
        derivative |x| (x + 1.0).recip();

    /// The error function 2/√π ∫₀ˣ e^(-t²) dt.
    ///
    /// ```
    /// # use cotangent_core::Tensor;
    /// let y = Tensor::from([0.0f64, 6.0]).erf().to_vec::<f64>()?;
    /// assert_eq!(y, [0.0, 1.0]);
    /// # Ok::<(), cotangent_core::Error>(())
    /// ```
    pub fn erf() as ErrorFunction
        saves Input,
        value |x| x.erf(),
        derivative |x| bell(x) * std::f64::consts::FRAC_2_SQRT_PI;

    /// The complementary error function 1 - erf x, accurate where it is small.
    ///
    /// ```
    /// # use cotangent_core::Tensor;
    /// let y = Tensor::from([0.0f64, f64::NEG_INFINITY]).erfc().to_vec::<f64>()?;
    /// assert_eq!(y, [1.0, 2.0]);
    /// # Ok::<(), cotangent_core::Error>(())
    /// ```
    pub fn erfc() as ComplementaryErrorFunction
        saves Input,
        value |x| x.erfc(),
        derivative |x| bell(x) * -std::f64::consts::FRAC_2_SQRT_PI;
}

unary! { angles:
    /// The sine of x radians, accurate for all finite x.
    ///
    /// ```
    /// # use cotangent_core::Tensor;
    /// assert_eq!(Tensor::from([0.0f32]).sin().to_vec::<f32>()?, [0.0]);
    /// # Ok::<(), cotangent_core::Error>(())
    /// ```
    pub fn sin() as Sine
        saves Input,
        value |x| x.sin(),
        derivative |x| x.cos();

    /// The cosine of x radians, accurate for all finite x.
    ///
    /// ```
    /// # use cotangent_core::Tensor;
    /// assert_eq!(Tensor::from([0.0f32]).cos().to_vec::<f32>()?, [1.0]);
    /// # Ok::<(), cotangent_core::Error>(())
    /// ```
    pub fn cos() as Cosine
        saves Input,
        value |x| x.cos(),
        derivative |x| -x.sin();
}

/// e^(-x²), of a limited x: its derivative has x for a factor, and must be 0 where x is infinite.
#[inline(always)]
fn bell<T: Real>(x: T) -> T {
    let x = limited(x, 100.0);
    (-(x * x)).exp()
}

/// x, but not below `low`. NaN stays NaN.
#[inline(always)]
pub(crate) fn at_least<T: Real>(x: T, low: f64) -> T {
    T::select(x.lt(x.constant(low)), x.constant(low), x)
}

/// x, but not beyond ±`bound`. NaN stays NaN.
#[inline(always)]
pub(crate) fn limited<T: Real>(x: T, bound: f64) -> T {
    let raised = at_least(x, -bound);
    T::select(raised.gt(x.constant(bound)), x.constant(bound), raised)
}

/// -1, 0 or 1; 0 for NaN.
#[inline(always)]
pub(crate) fn sign<T: Real>(x: T) -> T {
    let (zero, one) = (x.zero(), x.one());
    T::select(x.gt(zero), one, T::select(x.lt(zero), -one, zero))
}

impl Tensor {
    /// x limited to `[low, high]`; the derivative at the limits and beyond is 0. NaN stays NaN.
    ///
    /// ```
    /// # use cotangent_core::Tensor;
    /// assert_eq!(Tensor::from([-3.0f32, 0.5, 2.0]).clamp(-1.0, 1.0).to_vec::<f32>()?, [-1.0, 0.5, 1.0]);
    /// # Ok::<(), cotangent_core::Error>(())
    /// ```
    #[doc(alias = "clip")]
    pub fn clamp(&self, low: f64, high: f64) -> Self {
        Clamp::new("clamp", low, high).apply(self)
    }
}

/// x limited to an interval, under one of several names.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clamp {
    name: &'static str,
    low: f64,
    high: f64,
}

impl Clamp {
    pub(crate) fn new(name: &'static str, low: f64, high: f64) -> Self {
        Self { name, low, high }
    }

    pub(crate) fn apply(self, x: &Tensor) -> Tensor {
        apply(self, x)
    }
}

impl Unary for Clamp {
    const KIND: OpKind = OpKind::Activation;
    fn name(self) -> &'static str {
        self.name
    }
    #[inline(always)]
    fn saves(self) -> Saves {
        Saves::Input
    }
    #[inline(always)]
    fn value<T: Real>(self, x: T) -> T {
        let (low, high) = (x.constant(self.low), x.constant(self.high));
        let raised = T::select(x.lt(low), low, x);
        T::select(raised.gt(high), high, raised)
    }
    #[inline(always)]
    fn pullback<T: Real>(self, g: T, x: T) -> T {
        let (low, high) = (x.constant(self.low), x.constant(self.high));
        let below = T::select(x.lt(high), g, g.zero());
        T::select(x.gt(low), below, g.zero())
    }
}
