//! Elementwise functions of one tensor.

use crate::autograd::{OpKind, Tensor};
use crate::kernel::{Float, Formula, Needs, Real};
use crate::ops::elementwise::functions::{called, functions};
use crate::ops::elementwise::operation::{Operation, apply_one};
use crate::tensor::with_dtype;
use cotangent_macros::elementwise;
use std::f64::consts::FRAC_2_SQRT_PI;

functions! { "# Elementwise functions" Elementwise:
    /// Computes the negative `-x`.
    ///
    /// ```
    /// # use cotangent::Tensor;
    /// assert_eq!(Tensor::from([1.0f32, -2.0]).neg().to_vec::<f32>()?, [-1.0, 2.0]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn neg(x) = { -x }

    /// Computes `x + scalar`. The operators `x + 1.0` and `1.0 + &x` do the
    /// same. The number takes the dtype of the tensor.
    ///
    /// ```
    /// # use cotangent::Tensor;
    /// assert_eq!(Tensor::from([1.0f32, 2.0]).add_scalar(0.5).to_vec::<f32>()?, [1.5, 2.5]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn add_scalar(x, scalar: f64) = { x + scalar }

    /// Computes the product `x · scalar`. The operators `x * 2.0` and `2.0 * &x` do
    /// the same. The number takes the dtype of the tensor.
    ///
    /// ```
    /// # use cotangent::Tensor;
    /// assert_eq!(Tensor::from([1.0f32, 2.0]).mul_scalar(3.0).to_vec::<f32>()?, [3.0, 6.0]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn mul_scalar(x, scalar: f64) = { x * scalar }

    /// Computes the quotient `x / scalar`. The operator `x / 2.0` does the same. The
    /// number takes the dtype of the tensor. `2.0 / &x` computes the quotient of a number and `x`.
    ///
    /// ```
    /// # use cotangent::Tensor;
    /// assert_eq!(Tensor::from([1.0f32, 3.0]).div_scalar(4.0).to_vec::<f32>()?, [0.25, 0.75]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn div_scalar(x, scalar: f64) = { x / scalar }

    /// Computes the absolute value `|x|`. The derivative at 0 and for NaN is 0.
    ///
    /// ```
    /// # use cotangent::Tensor;
    /// assert_eq!(Tensor::from([-1.5f32, 2.0]).abs().to_vec::<f32>()?, [1.5, 2.0]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn abs(x) = { abs(x) }

    /// Computes the square `x²`.
    ///
    /// ```
    /// # use cotangent::Tensor;
    /// assert_eq!(Tensor::from([-3.0f32, 2.0]).square().to_vec::<f32>()?, [9.0, 4.0]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn square(x) = { square(x) }

    /// Computes the square root `√x`; NaN below 0. The derivative at 0 is infinite.
    ///
    /// ```
    /// # use cotangent::Tensor;
    /// assert_eq!(Tensor::from([9.0f32, 2.25]).sqrt().to_vec::<f32>()?, [3.0, 1.5]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn sqrt(x) = { sqrt(x) }

    /// Computes the reciprocal of the square root `1 / √x`.
    ///
    /// ```
    /// # use cotangent::Tensor;
    /// assert_eq!(Tensor::from([4.0f32, 0.25]).rsqrt().to_vec::<f32>()?, [0.5, 2.0]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn rsqrt(x) = { recip(sqrt(x)) } derivative { result * result * result * -0.5 }

    /// Computes the reciprocal `1 / x`.
    ///
    /// ```
    /// # use cotangent::Tensor;
    /// assert_eq!(Tensor::from([4.0f32, -0.5]).recip().to_vec::<f32>()?, [0.25, -2.0]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    #[doc(alias = "reciprocal")]
    pub fn recip(x) = { recip(x) }

    /// Computes the exponential `e^x`.
    ///
    /// ```
    /// # use cotangent::Tensor;
    /// assert_eq!(Tensor::from([0.0f32, f32::NEG_INFINITY]).exp().to_vec::<f32>()?, [1.0, 0.0]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn exp(x) = { exp(x) }

    /// Computes `e^x - 1`, accurately near 0.
    ///
    /// ```
    /// # use cotangent::Tensor;
    /// assert_eq!(Tensor::from([1e-10f64]).exp_m1().to_vec::<f64>()?, [1e-10f64.exp_m1()]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    #[doc(alias = "expm1")]
    pub fn exp_m1(x) = { exp_m1(x) }

    /// Computes the natural logarithm `ln x`; NaN below 0, -∞ at 0. PyTorch: `log`.
    ///
    /// ```
    /// # use cotangent::Tensor;
    /// assert_eq!(Tensor::from([1.0f32, 0.0]).ln().to_vec::<f32>()?, [0.0, f32::NEG_INFINITY]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    #[doc(alias = "log")]
    pub fn ln(x) = { ln(x) }

    /// Computes `ln(1 + x)`, accurately near 0.
    ///
    /// ```
    /// # use cotangent::Tensor;
    /// assert_eq!(Tensor::from([1e-20f64]).ln_1p().to_vec::<f64>()?, [1e-20]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    #[doc(alias = "log1p")]
    pub fn ln_1p(x) = { ln_1p(x) }

    /// Computes the inverse of the logistic function, `ln(x / (1 - x))`, to within 3 units in the
    /// last place. It is -∞ at 0, ∞ at 1 and NaN outside of `[0, 1]`. The derivative at 0 and 1 is
    /// infinite.
    ///
    /// PyTorch's argument `eps` clamps the input first: `x.clamp(eps, 1.0 - eps).logit()`.
    ///
    /// ```
    /// # use cotangent::Tensor;
    /// let y = Tensor::from([0.0f64, 0.5, 1.0]).logit().to_vec::<f64>()?;
    /// assert_eq!(y, [f64::NEG_INFINITY, 0.0, f64::INFINITY]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn logit(x) = {
        let rest = 1.0 - x;
        // A quotient near 1 loses digits; its difference from 1 is computed without rounding.
        let near = ln_1p((x * 2.0 - 1.0) / rest);
        if abs(x - 0.5) < 0.25 { near } else { ln(x / rest) }
    } derivative {
        let inside = if x < 0.0 || x > 1.0 { f64::NAN } else { x };
        1.0 / (inside * (1.0 - inside))
    }

    /// Computes the error function `2/√π ∫₀ˣ e^(-t²) dt`.
    ///
    /// ```
    /// # use cotangent::Tensor;
    /// let y = Tensor::from([0.0f64, 6.0]).erf().to_vec::<f64>()?;
    /// assert_eq!(y, [0.0, 1.0]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn erf(x) = { erf(x) } derivative { bell(x) * FRAC_2_SQRT_PI }

    /// Computes the complementary error function `1 - erf x`, accurately where it is small.
    ///
    /// ```
    /// # use cotangent::Tensor;
    /// let y = Tensor::from([0.0f64, f64::NEG_INFINITY]).erfc().to_vec::<f64>()?;
    /// assert_eq!(y, [1.0, 2.0]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn erfc(x) = { erfc(x) } derivative { bell(x) * -FRAC_2_SQRT_PI }
}

functions! { "# Elementwise functions" Elementwise:
    /// Computes the sine of x radians, accurately for all finite x.
    ///
    /// ```
    /// # use cotangent::Tensor;
    /// assert_eq!(Tensor::from([0.0f32]).sin().to_vec::<f32>()?, [0.0]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn sin(x) = { sin(x) }

    /// Computes the cosine of x radians, accurately for all finite x.
    ///
    /// ```
    /// # use cotangent::Tensor;
    /// assert_eq!(Tensor::from([0.0f32]).cos().to_vec::<f32>()?, [1.0]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn cos(x) = { cos(x) }
}

/// # Elementwise functions
impl Tensor {
    /// Computes the inverse of the error function, the number whose [`erf`](Self::erf) is x, to
    /// within 3 units in the last place. It is ±∞ at ±1 and NaN outside of `[-1, 1]`. The
    /// derivative at -1 and 1 is infinite.
    ///
    /// ```
    /// # use cotangent::Tensor;
    /// let y = Tensor::from([-1.0f64, 0.0, 1.0]).erfinv().to_vec::<f64>()?;
    /// assert_eq!(y, [f64::NEG_INFINITY, 0.0, f64::INFINITY]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    #[doc(alias = "erf_inv")]
    #[track_caller]
    pub fn erfinv(&self) -> Self {
        apply_one(erfinv, self)
    }
}

/// The inverse of the error function, whose polynomials need loops over their coefficients.
#[doc(hidden)]
#[allow(non_camel_case_types)]
#[derive(Clone, Copy)]
pub struct erfinv;

impl Formula<1> for erfinv {
    const NEEDS: [Needs; 1] = [Needs {
        operands: 0,
        result: true,
    }];
    #[inline(always)]
    fn value<T: Real>(self, [x]: [T; 1]) -> T {
        inverse_erf(x)
    }
    #[inline(always)]
    fn pullback<T: Real, const WANTED: u32>(self, g: T, _: [T; 1], y: T) -> [T; 1] {
        [g * (y.square().exp() * (0.5 * std::f64::consts::PI.sqrt()))]
    }
}

impl Operation<1> for erfinv {
    const NAME: &'static str = "erfinv";
    const KIND: OpKind = OpKind::Elementwise;
}

called! { erfinv(x = 0) as erfinv => erfinv }

/// Computes erfinv x.
///
/// Near zero it is x plus x times a rational function of x². Farther out it is r plus r times a
/// rational function of r = √-ln(1 - |x|), in which erfinv is nearly linear. This is the form of
/// M. Wichura (1988, "Algorithm AS 241: the percentage points of the normal distribution"), which
/// M. Giles (2010, "Approximating the erfinv function") compares with polynomials. It uses 1 - |x|,
/// which is exact and decides the result near ±1. The added terms are small, so their errors are
/// too. The coefficients are those of rational interpolation at Chebyshev nodes.
#[inline(always)]
fn inverse_erf<T: Real>(x: T) -> T {
    const NEAR: f64 = 0.64;
    let near = ratio(
        (-x).mul_add(x, x.constant(NEAR)),
        [
            0.13274225304602902,
            0.576173019959629,
            -0.7610119358145409,
            -8.009882987153365,
            -16.39451285932922,
            -14.48700339853864,
            -5.752885922867228,
            -0.8910833906770147,
            -0.034790457255612466,
        ],
        [
            1.0,
            9.530497291727862,
            36.2834680181595,
            70.62795401655039,
            74.80062568793255,
            42.456783470481405,
            11.900152086569436,
            1.3674386286676437,
            0.04056264007784572,
        ],
    );
    // Infinite at ±1, NaN beyond.
    let r = (-(-x.abs() + 1.0).ln()).sqrt();
    let middle = ratio(
        r - 1.25,
        [
            -0.2902714154571834,
            -0.7414357571136307,
            -0.8056701961982285,
            -0.4632483697928304,
            -0.14418002103600847,
            -0.021778627407182165,
            -0.0011501571493733574,
            -4.999803647454107e-06,
            4.3249444102581905e-08,
        ],
        [
            1.0,
            3.4101363345553626,
            5.164511295482318,
            4.4712467062083725,
            2.3839060077031506,
            0.7848984043802788,
            0.15079134247590037,
            0.014556564512347488,
            0.000487410670742285,
        ],
    );
    let far = ratio(
        r - 2.75,
        [
            -0.10764245225908212,
            -0.1073437704696833,
            -0.040198644360310044,
            -0.006733684704990936,
            -0.00047643529892271345,
            -1.099015350702087e-05,
            -1.8856559045719374e-08,
            7.629609320453589e-11,
        ],
        [
            1.0,
            1.5110546522596024,
            0.9450450860493377,
            0.3116138032919201,
            0.05710187883264785,
            0.005607296862162167,
            0.00025882514340939007,
            3.996737978742701e-06,
        ],
    );
    let outer = T::select(r.lt(x.constant(2.75)), middle, far).mul_add(r, r);
    let outer = T::select(r.lt(x.constant(7.0)), outer, r);
    let outer = T::select(x.lt(x.zero()), -outer, outer);
    let y = T::select(x.square().lt(x.constant(NEAR)), near.mul_add(x, x), outer);
    // The sum loses the sign of zero.
    T::select(x.equals(x.zero()), x, y)
}

/// Computes a quotient of polynomials, whose coefficients begin with the lowest.
#[inline(always)]
fn ratio<T: Real, const N: usize>(x: T, above: [f64; N], below: [f64; N]) -> T {
    let horner = |coefficients: [f64; N]| {
        let powers = coefficients.into_iter().rev();
        powers.fold(x.zero(), |sum, coefficient| {
            sum.mul_add(x, x.constant(coefficient))
        })
    };
    horner(above) / horner(below)
}

/// e^(-x²). The argument is limited, because the derivative has the factor x and must be 0 where x
/// is infinite.
#[elementwise(crate = "crate")]
fn bell(x: Tensor) -> Tensor {
    let x = min(max(x, -100.0), 100.0);
    exp(-(x * x))
}

/// # Elementwise functions
impl Tensor {
    /// Limits x to `[low, high]`; NaN stays NaN. The derivative at the limits and beyond is 0.
    ///
    /// ```
    /// # use cotangent::Tensor;
    /// let y = Tensor::from([-3.0f32, 0.5, 2.0]).clamp(-1.0, 1.0);
    /// assert_eq!(y.to_vec::<f32>()?, [-1.0, 0.5, 1.0]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    #[doc(alias = "clip")]
    pub fn clamp(&self, low: f64, high: f64) -> Self {
        clamp(self, low, high)
    }
}

/// x, limited to an interval.
#[doc(hidden)]
#[elementwise(kind = Activation, crate = "crate")]
#[derivative(x = if x > low && x < high { 1.0 } else { 0.0 })]
pub fn clamp(x: Tensor, low: f64, high: f64) -> Tensor {
    let raised = if x < low { low } else { x };
    if raised > high { high } else { raised }
}

/// # Elementwise functions
impl Tensor {
    /// Replaces NaN by `nan`, ∞ by `positive` and -∞ by `negative`. PyTorch's defaults are 0 and
    /// `None`, for which the largest and the smallest finite number of the dtype are taken. The
    /// numbers take the dtype of the tensor. The derivative is 0 where a number is replaced.
    ///
    /// ```
    /// # use cotangent::Tensor;
    /// let y = Tensor::from([1.0f32, f32::NAN, f32::INFINITY]).nan_to_num(0.0, None, None);
    /// assert_eq!(y.to_vec::<f32>()?, [1.0, 0.0, f32::MAX]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    #[track_caller]
    pub fn nan_to_num(&self, nan: f64, positive: Option<f64>, negative: Option<f64>) -> Self {
        let largest = with_dtype!(self.dtype(), F => Float::to_f64(F::MAX));
        let (positive, negative) = (positive.unwrap_or(largest), negative.unwrap_or(-largest));
        finite(self, nan, positive, negative)
    }
}

#[elementwise(name = "nan_to_num", crate = "crate")]
fn finite(x: Tensor, nan: f64, positive: f64, negative: f64) -> Tensor {
    let replaced = if x > 0.0 { positive } else { negative };
    if abs(x) < f64::INFINITY {
        x
    } else if x == x {
        replaced
    } else {
        nan
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{DType, Result};

    type Function = fn(&Tensor) -> Tensor;

    /// Asserts that results in `f64` are within 3 units in the last place of the expected ones, and
    /// those in `f32`, for these and many more arguments, within 3 units of those in `f64`.
    fn accurate(f: Function, cases: &[(f64, f64)], from: f64, to: f64) -> Result<()> {
        for &(x, expected) in cases {
            let found = f(&Tensor::from(x)).item()?;
            let allowed = 3.0 * f64::EPSILON * expected.abs();
            assert!(
                (found - expected).abs() <= allowed,
                "f({x:e}) = {found:e}, expected {expected:e}"
            );
        }
        let many = (0..20_001).map(|i| from + (to - from) * f64::from(i) / 20_000.0);
        let x: Vec<f64> = cases.iter().map(|case| case.0).chain(many).collect();
        let x = Tensor::from(&x[..]).to_dtype(DType::F32);
        let (single, double) = (f(&x).to_f64_vec(), f(&x.to_dtype(DType::F64)).to_f64_vec());
        for ((x, single), double) in x.to_f64_vec().into_iter().zip(single).zip(double) {
            let allowed =
                3.0 * f64::from(f32::EPSILON) * double.abs() + f64::from(f32::from_bits(1));
            let close = (single - double).abs() <= allowed;
            assert!(
                single == double || close,
                "f({x:e}) = {single:e}, in f64 {double:e}"
            );
        }
        Ok(())
    }

    /// The expected values are those of mpmath.
    #[test]
    fn the_inverse_error_function_is_accurate() -> Result<()> {
        let cases = [
            (1.5e-323, 1.5e-323),
            (1e-300, 8.862_269_254_527_58e-301),
            (1e-9, 8.862_269_254_527_58e-10),
            (-0.3, -0.272_462_714_726_754_3),
            (0.5, 0.476_936_276_204_469_9),
            (-0.7999, -0.905_992_382_364_703_1),
            (0.8001, 0.906_395_296_064_444_8),
            (0.95, 1.385_903_824_349_677_7),
            (-0.999, -2.326_753_765_513_524_6),
            (0.9999, 2.751_063_905_712_08),
            (1.0 - 2f64.powi(-20), 3.465_505_025_803_331),
            (2f64.powi(-40) - 1.0, -5.051_254_085_249_39),
            (1.0 - 2f64.powi(-53), 5.863_584_748_755_167_6),
        ];
        accurate(Tensor::erfinv, &cases, -1.0, 1.0)
    }

    #[test]
    fn the_inverse_error_function_is_infinite_at_its_ends() {
        let x = Tensor::from([0.0f64, -0.0, 1.0, -1.0, 1.5, f64::NEG_INFINITY, f64::NAN]);
        assert_eq!(
            x.erfinv().to_string(),
            "[  0.  -0.  inf -inf  NaN  NaN  NaN]"
        );
    }

    /// The expected values are those of mpmath.
    #[test]
    fn logit_is_accurate() -> Result<()> {
        let cases = [
            (5e-324, -744.440_071_921_381_2),
            (1e-300, -690.775_527_898_213_7),
            (1e-9, -20.723_265_835_946_41),
            (0.2, -1.386_294_361_119_890_6),
            (0.2499, -1.099_145_693_134_684),
            (0.2501, -1.098_079_026_423_770_3),
            (0.4999, -0.000_400_000_005_333_289_4),
            (0.5 + 2f64.powi(-40), 2f64.powi(-38)),
            (0.6, 0.405_465_108_108_164_3),
            (0.7499, 1.098_079_026_423_770_3),
            (0.7501, 1.099_145_693_134_684),
            (0.999, 6.906_754_778_648_553),
            (1.0 - 2f64.powi(-53), 36.736_800_569_677_1),
        ];
        accurate(Tensor::logit, &cases, 0.0, 1.0)
    }

    #[test]
    fn logit_is_infinite_at_its_ends() {
        let x = Tensor::from([0.0f64, -0.0, 1.0, 1.5, -1e-9, f64::INFINITY, f64::NAN]);
        assert_eq!(
            x.logit().to_string(),
            "[-inf -inf  inf  NaN  NaN  NaN  NaN]"
        );
    }
}
