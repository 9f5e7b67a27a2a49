//! Powers with a number as the exponent.

use crate::autograd::{OpKind, Tensor};
use crate::kernel::{Formula, Needs, Real};
use crate::ops::elementwise::operation::{Operation, apply_one};
use cotangent_macros::elementwise;

/// # Elementwise functions
impl Tensor {
    /// Computes the power `x^exponent`. Below 0 it is NaN unless the exponent is a whole number.
    /// The power `x^0` is 1 for all x including NaN, and has the derivative 0 everywhere.
    ///
    /// As in PyTorch, an exponent of 0.5 is [`sqrt`](Self::sqrt), 2 is [`square`](Self::square),
    /// and -2, -1 and 3 are [`powi`](Self::powi). The standard library computes other powers of
    /// `f64`, one element at a time. For small whole exponents [`powi`](Self::powi) is faster.
    ///
    /// ```
    /// # use cotangent::Tensor;
    /// let x = Tensor::from([4.0f32, 0.25]);
    /// assert_eq!(x.powf(1.5).to_vec::<f32>()?, [8.0, 0.125]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    #[doc(alias = "pow")]
    #[doc(alias = "float_power")]
    pub fn powf(&self, exponent: f64) -> Self {
        match exponent {
            0.5 => self.sqrt(),
            2.0 => self.square(),
            3.0 => self.powi(3),
            -1.0 => self.powi(-1),
            -2.0 => self.powi(-2),
            _ => powf(self, exponent),
        }
    }

    /// Computes the power `x^exponent` by repeated multiplication. The power `x^0` is 1 for all x
    /// including NaN, and has the derivative 0 everywhere.
    ///
    /// A negative power is 1 divided by the positive one, and therefore 0 where that overflows.
    /// Beyond exponents of ±64 rounding errors would accumulate; the standard library computes
    /// these powers.
    ///
    /// ```
    /// # use cotangent::Tensor;
    /// let x = Tensor::from([2.0f32, -3.0]);
    /// assert_eq!(x.powi(3).to_vec::<f32>()?, [8.0, -27.0]);
    /// assert_eq!(x.powi(-1).to_vec::<f32>()?, [0.5, -1.0 / 3.0]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    #[doc(alias = "pow")]
    pub fn powi(&self, exponent: i32) -> Self {
        whole_power(self, exponent.into())
    }
}

/// Computes x^exponent. The exponent is that of [`Tensor::powi`] or, of a derivative, a little
/// less.
pub(crate) fn whole_power(x: &Tensor, exponent: i64) -> Tensor {
    apply_one(Powi { exponent }, x)
}

#[elementwise(crate = "crate")]
fn powf(x: Tensor, exponent: f64) -> Tensor {
    powf(x, exponent)
}

/// x^exponent. The exponent of a derivative may be one that no `i32` can represent.
#[derive(Clone, Copy, Debug)]
struct Powi {
    exponent: i64,
}

impl Formula<1> for Powi {
    const NEEDS: [Needs; 1] = [Needs {
        operands: 1,
        result: false,
    }];
    #[inline(always)]
    fn value<T: Real>(self, [x]: [T; 1]) -> T {
        x.powi(self.exponent)
    }
    #[inline(always)]
    fn pullback<T: Real, const WANTED: u32>(self, g: T, [x]: [T; 1], _: T) -> [T; 1] {
        if self.exponent == 0 {
            // 0 as a function of the cotangent, so that a recorded gradient stays in the graph.
            return [T::select(g.lt(g), g, g.zero())];
        }
        [g * (x.powi(self.exponent - 1) * self.exponent as f64)]
    }
}

impl Operation<1> for Powi {
    const NAME: &'static str = "powi";
    const KIND: OpKind = OpKind::Elementwise;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Backward, Result, gradcheck};

    fn slope(x: f64, f: impl Fn(&Tensor) -> Tensor) -> Result<f64> {
        let x = Tensor::from(x).tracked();
        let gradients = Backward::new().allow_nonfinite().run(&f(&x))?;
        gradients.get(&x).map_or(Ok(f64::NAN), Tensor::item)
    }

    #[test]
    fn whole_powers_agree_with_the_standard_library() {
        let values = [
            0.0,
            -0.0,
            1.0,
            -1.0,
            1.7,
            -0.3,
            f64::INFINITY,
            f64::NEG_INFINITY,
            f64::NAN,
        ];
        let x = Tensor::from(values);
        for exponent in [0, 1, 2, 3, 7, 100, i32::MAX, -1, -2, -5, -101, i32::MIN] {
            let found = [x.powi(exponent), x.powf(f64::from(exponent))];
            for (i, x) in values.into_iter().enumerate() {
                let expected = x.powf(f64::from(exponent));
                for found in &found {
                    let found = found.to_f64_vec()[i];
                    let same = found == expected || (found.is_nan() && expected.is_nan());
                    assert!(
                        same || (found / expected - 1.0).abs() < 1e-13,
                        "{x}^{exponent} = {found}, expected {expected}"
                    );
                }
            }
        }
    }

    #[test]
    fn derivatives_at_zero() -> Result<()> {
        for (exponent, expected) in [
            (0, 0.0),
            (1, 1.0),
            (2, 0.0),
            (3, 0.0),
            (-1, f64::NEG_INFINITY),
        ] {
            assert_eq!(
                slope(0.0, |x| x.powi(exponent))?,
                expected,
                "powi({exponent})"
            );
            let power = |x: &Tensor| x.powf(f64::from(exponent));
            assert_eq!(slope(0.0, power)?, expected, "powf({exponent})");
        }
        assert_eq!(slope(0.0, |x| x.powf(0.5))?, f64::INFINITY);
        assert_eq!(slope(0.0, |x| x.powf(0.75))?, f64::INFINITY);
        assert_eq!(slope(0.0, |x| x.powf(1.5))?, 0.0);
        assert_eq!(slope(f64::NAN, |x| x.powf(0.0))?, 0.0);
        assert_eq!(slope(f64::NAN, |x| x.powi(0))?, 0.0);
        Ok(())
    }

    #[test]
    fn gradients() -> Result<()> {
        let (x, positive) = (
            Tensor::from([-1.3f64, 0.4, 2.0]),
            Tensor::from([0.4f64, 2.0]),
        );
        for exponent in [-3, -2, -1, 0, 1, 2, 3, 6] {
            gradcheck::function(std::slice::from_ref(&x), |x| Ok(x[0].powi(exponent)))?.assert_ok();
        }
        for exponent in [-2.5, -0.5, 0.0, 0.5, 1.0, 1.7, 4.0] {
            gradcheck::function(std::slice::from_ref(&positive), |x| Ok(x[0].powf(exponent)))?
                .assert_ok();
        }
        Ok(())
    }
}
