//! e^x, and the range reduction that every function built on it uses.
//!
//! Method: x = n ln 2 + r with |r| <= ln(2)/2. ln 2 is split in two parts, so that n times the
//! first part is exact (W. J. Cody and W. Waite, 1980, *Software Manual for the Elementary
//! Functions*). e^r = 1 + r + r^2 q(r) with a minimax polynomial q. The factor 2^n is applied as
//! two factors, so that results are right from the smallest subnormal up to overflow.
//!
//! Largest errors found: `f32` 0.987 ULP (all arguments, every tier), `f64` 0.966 ULP (1.2 million
//! arguments, half of them where the error is largest).

use super::{ROUND_F32, ROUND_F64};
use crate::kernel::fma::Fma;
use crate::kernel::isa::Isa;
use std::f32::consts::LOG2_E as LOG2_E_F32;
use std::f64::consts::LOG2_E as LOG2_E_F64;

/// The first 10 bits of ln 2.
pub(super) const LN2_HIGH_F32: f32 = 0.693359375;
/// ln 2 minus [`LN2_HIGH_F32`].
pub(super) const LN2_LOW_F32: f32 = -2.1219444005469057e-4;
/// The first 33 bits of ln 2.
pub(super) const LN2_HIGH_F64: f64 = 6.93147180369123816490e-1;
/// ln 2 minus [`LN2_HIGH_F64`].
pub(super) const LN2_LOW_F64: f64 = 1.9082149292705877e-10;

/// A number x, represented as n ln 2 + r.
pub(super) struct Reduced<F, Bits> {
    pub(super) n: F,
    /// x minus n times the first part of ln 2, exact.
    pub(super) high: F,
    /// n + bias in the low 9 bits (of `u32`) or 12 bits (of `u64`); the bits above are arbitrary.
    pub(super) exponent: Bits,
}

/// Splits x if |x| < 2^10. NaN gives NaN and an arbitrary exponent.
#[inline(always)]
pub(super) fn reduce_f32<I: Isa>(x: f32, bias: u16) -> Reduced<f32, u32> {
    let shift = ROUND_F32 + f32::from(bias);
    let shifted = x.fma::<I>(LOG2_E_F32, shift);
    let n = shifted - shift;
    Reduced {
        n,
        high: (-n).fma::<I>(LN2_HIGH_F32, x),
        exponent: shifted.to_bits(),
    }
}

/// Splits x as [`reduce_f32`] does.
#[inline(always)]
pub(super) fn reduce_f64<I: Isa>(x: f64, bias: u16) -> Reduced<f64, u64> {
    let shift = ROUND_F64 + f64::from(bias);
    let shifted = x.fma::<I>(LOG2_E_F64, shift);
    let n = shifted - shift;
    Reduced {
        n,
        high: (-n).fma::<I>(LN2_HIGH_F64, x),
        exponent: shifted.to_bits(),
    }
}

impl Reduced<f32, u32> {
    /// Returns the exponential of the number, if the bias is twice that of the dtype.
    ///
    /// 2^n may overflow or underflow although the result does not, so it is applied in two halves.
    #[inline(always)]
    pub(super) fn power<I: Isa>(&self) -> f32 {
        let half = self.exponent >> 1;
        let scale = f32::from_bits(half << 23);
        let rest = f32::from_bits(self.exponent.wrapping_sub(half) << 23);
        (self.tail::<I>() + 1.0) * scale * rest
    }

    /// Returns e^r - 1 to the absolute accuracy of e^r.
    #[inline(always)]
    pub(super) fn tail<I: Isa>(&self) -> f32 {
        let r = (-self.n).fma::<I>(LN2_LOW_F32, self.high);
        let q = horner!(I, r;
            5.000000000e-01, 1.666664779e-01, 4.166648164e-02, 8.337868378e-03, 1.393332612e-03,
            1.733809477e-04,
        );
        (r * r).fma::<I>(q, r)
    }

    /// Returns e^r - 1 to an eighth of a unit in the last place of e^r, for sums in which it is a
    /// small part.
    #[inline(always)]
    pub(super) fn short_tail<I: Isa>(&self) -> f32 {
        let r = (-self.n).fma::<I>(LN2_LOW_F32, self.high);
        let q = horner!(I, r;
            5.000000000e-01, 1.666648835e-01, 4.166555032e-02, 8.372288197e-03, 1.403590897e-03,
        );
        (r * r).fma::<I>(q, r)
    }
}

impl Reduced<f64, u64> {
    /// Returns the exponential of the number, if the bias is twice that of the dtype.
    ///
    /// 2^n may overflow or underflow although the result does not, so it is applied in two halves.
    #[inline(always)]
    pub(super) fn power<I: Isa>(&self) -> f64 {
        let half = self.exponent >> 1;
        let scale = f64::from_bits(half << 52);
        let rest = f64::from_bits(self.exponent.wrapping_sub(half) << 52);
        (self.tail::<I>() + 1.0) * scale * rest
    }

    /// Returns e^r - 1 to the absolute accuracy of e^r.
    #[inline(always)]
    pub(super) fn tail<I: Isa>(&self) -> f64 {
        let r = (-self.n).fma::<I>(LN2_LOW_F64, self.high);
        let q = horner!(I, r;
            0.5, 0.16666666666666688, 0.041666666666666824, 0.00833333333331389,
            0.001388888888877836, 0.0001984126990337076, 2.4801587557277824e-05,
            2.7557228690000275e-06, 2.755707041826398e-07, 2.5113926772720366e-08,
            2.097659712318274e-09,
        );
        (r * r).fma::<I>(q, r)
    }
}

/// Computes e^x within 1.0 ULP, subnormal results included.
#[inline(always)]
pub(crate) fn exp_f32<I: Isa>(x: f32) -> f32 {
    // Beyond these limits the result is infinite or zero anyway. This order of the operands keeps
    // NaN.
    let x = if 89.0 < x { 89.0 } else { x };
    let x = if -104.0 > x { -104.0 } else { x };
    reduce_f32::<I>(x, 2 * 127).power::<I>()
}

/// Computes e^x within 1.1 ULP, subnormal results included.
#[inline(always)]
pub(crate) fn exp_f64<I: Isa>(x: f64) -> f64 {
    let x = if 710.0 < x { 710.0 } else { x };
    let x = if -746.0 > x { -746.0 } else { x };
    reduce_f64::<I>(x, 2 * 1023).power::<I>()
}

#[cfg(test)]
mod tests {
    use super::super::check::{agrees, exact, exhaustive, functions, sampled, table};

    functions!(super::exp_f32, super::exp_f64);

    #[test]
    fn special_values() {
        exact::<F32>(&[
            (0.0, 1.0),
            (-0.0, 1.0),
            (f32::INFINITY, f32::INFINITY),
            (f32::NEG_INFINITY, 0.0),
            (f32::NAN, f32::NAN),
            (f32::MAX, f32::INFINITY),
            (f32::MIN, 0.0),
            (88.72284, f32::INFINITY),
            (-103.97209, 0.0),
            (-103.2789, f32::from_bits(1)),
        ]);
        exact::<F64>(&[
            (0.0, 1.0),
            (-0.0, 1.0),
            (f64::INFINITY, f64::INFINITY),
            (f64::NEG_INFINITY, 0.0),
            (f64::NAN, f64::NAN),
            (f64::MAX, f64::INFINITY),
            (f64::MIN, 0.0),
            (709.7827128933841, f64::INFINITY),
            (-745.1332191019412, 0.0),
            (-744.4400719213812, f64::from_bits(1)),
        ]);
    }

    #[test]
    fn f32_sampled() {
        let near = &[
            0.0,
            88.72284,
            -87.33655,
            -103.97208,
            0.34657359,
            -0.34657359,
        ];
        sampled::<F32>(f64::exp, 1.0, near, f32::INFINITY);
    }

    #[test]
    fn f64_table() {
        table::<F64>(include_str!("testdata/exp.txt"), 1.1);
    }

    #[test]
    fn f64_agrees_with_the_standard_library() {
        agrees::<F64>(f64::exp, 1.1, f64::INFINITY);
    }

    #[test]
    #[ignore = "minutes in a release build: all 2^32 arguments"]
    fn f32_exhaustive() {
        exhaustive::<F32>(f64::exp, 1.0, f32::INFINITY);
    }
}
