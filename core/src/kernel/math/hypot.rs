//! The hypotenuse √(x² + y²).
//!
//! Method: `f32` computes in `f64`, which represents the squares exactly and cannot overflow. `f64`
//! scales both numbers by a power of two if the larger is so large or small that its square leaves
//! the range.

use crate::kernel::fma::Fma;
use crate::kernel::isa::Isa;

/// Computes √(x² + y²) within 0.51 ULP; ∞ if either number is infinite, even if the other is NaN.
#[inline(always)]
pub(crate) fn hypot_f32<I: Isa>(x: f32, y: f32) -> f32 {
    let (a, b) = (f64::from(x), f64::from(y));
    let length = a.fma::<I>(a, b * b).sqrt() as f32;
    let is_infinite = (x.abs() == f32::INFINITY) | (y.abs() == f32::INFINITY);
    if is_infinite { f32::INFINITY } else { length }
}

/// Computes √(x² + y²) within 1.1 ULP; ∞ if either number is infinite, even if the other is NaN.
#[inline(always)]
pub(crate) fn hypot_f64<I: Isa>(x: f64, y: f64) -> f64 {
    /// 2^600, the inverse, and bounds beyond which the squares are scaled.
    const UP: f64 = f64::from_bits((1023 + 600) << 52);
    const DOWN: f64 = f64::from_bits((1023 - 600) << 52);
    const LARGE: f64 = 1e150;
    const SMALL: f64 = 1e-140;
    let (x, y) = (x.abs(), y.abs());
    let (larger, smaller) = if x < y { (y, x) } else { (x, y) };
    let scale = if larger > LARGE { DOWN } else { 1.0 };
    let scale = if larger < SMALL { UP } else { scale };
    let back = if larger > LARGE { UP } else { 1.0 };
    let back = if larger < SMALL { DOWN } else { back };
    let (a, b) = (larger * scale, smaller * scale);
    let length = a.fma::<I>(a, b * b).sqrt() * back;
    let is_infinite = x == f64::INFINITY || y == f64::INFINITY;
    if is_infinite { f64::INFINITY } else { length }
}

#[cfg(test)]
mod tests {
    use crate::kernel::isa::{Isa, Kernel, Tier, dispatch_on};

    /// The hypotenuses of pairs, as `f32` and as `f64`.
    struct Lengths<'a>(&'a [(f64, f64)]);

    impl Kernel for Lengths<'_> {
        type Output = (Vec<f32>, Vec<f64>);
        #[inline(always)]
        fn run<I: Isa>(self) -> Self::Output {
            let single = |&(x, y): &(f64, f64)| super::hypot_f32::<I>(x as f32, y as f32);
            let double = |&(x, y): &(f64, f64)| super::hypot_f64::<I>(x, y);
            (
                self.0.iter().map(single).collect(),
                self.0.iter().map(double).collect(),
            )
        }
    }

    /// The reference is the standard library's, whose own error of up to 1 ULP is added for `f64`.
    #[test]
    fn lengths_are_accurate_in_the_whole_range() {
        let pairs: Vec<(f64, f64)> = (0..100_000u32)
            .map(|i| {
                let t = f64::from(i);
                let size = 2f64.powi((i % 2100) as i32 - 1074);
                (
                    size * t.sin(),
                    size * (t * 1.7).cos() * 2f64.powi(-((i % 31) as i32)),
                )
            })
            .collect();
        for tier in Tier::available() {
            let (single, double) = dispatch_on(tier, Lengths(&pairs));
            for ((&(x, y), f32), f64) in pairs.iter().zip(single).zip(double) {
                let expected = f64::from(x as f32).hypot(f64::from(y as f32));
                let unit = f64::from(f32.next_up()) - f64::from(f32);
                assert!(
                    f32 == expected as f32 || (f64::from(f32) - expected).abs() <= 0.51 * unit,
                    "{tier:?}: {f32:e} of {x:e} and {y:e}, not {expected:e}"
                );
                let expected = x.hypot(y);
                let unit = expected.next_up() - expected;
                assert!(
                    f64 == expected || (f64 - expected).abs() <= 2.1 * unit,
                    "{tier:?}: {f64:e} of {x:e} and {y:e}, not {expected:e}"
                );
            }
        }
    }

    #[test]
    fn special_values() {
        const INF: f64 = f64::INFINITY;
        let pairs = [
            (0.0, -0.0),
            (3.0, -4.0),
            (5e-324, 0.0),
            (f64::MAX, 0.0),
            (f64::MAX, f64::MAX),
            (INF, f64::NAN),
            (f64::NAN, -INF),
            (f64::NAN, 1.0),
            (1.0, f64::NAN),
        ];
        let expected = [
            0.0,
            5.0,
            5e-324,
            f64::MAX,
            INF,
            INF,
            INF,
            f64::NAN,
            f64::NAN,
        ];
        for tier in Tier::available() {
            let (single, double) = dispatch_on(tier, Lengths(&pairs));
            assert_eq!(format!("{double:?}"), format!("{expected:?}"), "{tier:?}");
            assert_eq!(single[1], 5.0);
            assert_eq!(single[5..7], [f32::INFINITY; 2]);
            assert!(single[7].is_nan() && single[8].is_nan());
        }
    }
}
