//! x^y for `f32`, by way of `f64`: e^(y ln |x|) with the sign of an odd power.
//!
//! The logarithm and the exponential of `f64` have errors of about 1 ULP. y ln |x| is below 110 in
//! magnitude unless the result overflows or vanishes, so that the result has a relative error below
//! 3e-14, far below that of rounding it to `f32`.

use crate::kernel::isa::Isa;

/// The size from which all numbers are integers, and even.
const EVEN: f32 = 16_777_216.0;

/// Computes x^y as the standard library does: x^0 and 1^y are 1 even for NaN, and negative numbers
/// have powers for whole exponents only.
#[inline(always)]
#[allow(clippy::needless_bitwise_bool)] // A lazy operator would be a branch.
pub(crate) fn pow_f32<I: Isa>(x: f32, y: f32) -> f32 {
    let logarithm = super::ln::ln_f64::<I>(f64::from(x.abs()));
    let size = super::exp::exp_f64::<I>(f64::from(y) * logarithm) as f32;
    // Adding 2^23 rounds to an integer. An infinite exponent is even.
    let magnitude = y.abs();
    let nearest = (magnitude + 8_388_608.0) - 8_388_608.0;
    let half = magnitude * 0.5;
    let nearest_half = (half + 8_388_608.0) - 8_388_608.0;
    let is_large = magnitude >= EVEN;
    let is_whole = (magnitude >= 0.5 * EVEN) | (nearest == magnitude);
    let is_odd = !is_large & is_whole & (nearest_half != half);
    let negative = x.is_sign_negative();
    let signed = if negative & is_odd { -size } else { size };
    // Zeros and infinities have all powers.
    let refused = (x < 0.0) & (x != f32::NEG_INFINITY) & !is_whole;
    let power = if refused { f32::NAN } else { signed };
    // 0 times an infinite logarithm is NaN, as is an infinite exponent times 0.
    let is_one = (y == 0.0) | (x == 1.0) | ((x == -1.0) & (magnitude == f32::INFINITY));
    if is_one { 1.0 } else { power }
}

/// Computes x^y by the standard library, one element at a time.
#[inline(always)]
pub(crate) fn pow_f64<I: Isa>(x: f64, y: f64) -> f64 {
    x.powf(y)
}

#[cfg(test)]
mod tests {
    use crate::kernel::isa::{Isa, Kernel, Tier, dispatch_on};

    struct Power<'a>(&'a [(f32, f32)]);

    impl Kernel for Power<'_> {
        type Output = Vec<f32>;
        #[inline(always)]
        fn run<I: Isa>(self) -> Vec<f32> {
            self.0
                .iter()
                .map(|&(x, y)| super::pow_f32::<I>(x, y))
                .collect()
        }
    }

    /// The reference is the standard library's power of `f64`, rounded. It differs where the true
    /// value is next to the middle of two `f32`.
    #[test]
    fn powers_are_rounded_correctly_and_special_cases_are_the_standard_library_s() {
        let special = [
            0.0,
            -0.0,
            1.0,
            -1.0,
            0.5,
            -0.5,
            2.0,
            -2.0,
            3.0,
            -3.0,
            1e-45,
            -1e-45,
            1e-38,
            3e38,
            -3e38,
            16_777_215.0,
            16_777_216.0,
            -16_777_215.0,
            8_388_607.5,
            4_194_303.5,
            0.999_999_94,
            1.000_000_1,
            f32::INFINITY,
            f32::NEG_INFINITY,
            f32::NAN,
        ];
        let mut pairs: Vec<(f32, f32)> = special
            .iter()
            .flat_map(|&x| special.iter().map(move |&y| (x, y)))
            .collect();
        let mut state = 1u32;
        let mut bits = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            state >> 8
        };
        for _ in 0..20_000 {
            let x = (bits() as f32 / 16_777_216.0 - 0.2) * 40.0;
            let y = (bits() as f32 / 16_777_216.0 - 0.5) * 60.0;
            pairs.push((x.abs(), y));
            pairs.push((x, y.round()));
        }
        for tier in Tier::available() {
            for (&(x, y), found) in pairs.iter().zip(dispatch_on(tier, Power(&pairs))) {
                let expected = f64::from(x).powf(f64::from(y)) as f32;
                let same = found.to_bits() == expected.to_bits()
                    || (found.is_nan() && expected.is_nan())
                    || (found.to_bits().abs_diff(expected.to_bits()) <= 1 && y.abs() > 2.0);
                assert!(
                    same,
                    "{x:e}^{y:e} on {tier:?}: {found:e}, expected {expected:e}"
                );
            }
        }
    }
}
