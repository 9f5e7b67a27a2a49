//! Formulas of several numbers with their derivatives.

use crate::kernel::real::Real;

/// The largest number of operands of a formula.
pub(crate) const OPERANDS: usize = 8;

/// The values that the cotangent of an operand is computed from, besides that of the result.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Needs {
    /// The operands: bit k is set for operand k.
    pub operands: u32,
    /// Whether the result is needed.
    pub result: bool,
}

/// A function of `N` numbers and its derivatives. `#[elementwise]` writes implementations.
pub trait Formula<const N: usize>: Copy + Send + Sync + 'static {
    /// Whether the formula contains sines, cosines or tangents of numbers that vary, or remainders.
    /// Then [`angle`](Self::angle) returns the size of the largest argument, or four times the
    /// largest quotient.
    const TRIGONOMETRIC: bool = false;
    /// The values that the cotangent of each operand is computed from.
    const NEEDS: [Needs; N];
    /// Computes the formula.
    fn value<T: Real>(self, operands: [T; N]) -> T;
    /// Computes the cotangents of the operands whose bits are set in `WANTED`, which are all of
    /// them or one. The other numbers of the result are arbitrary, and so are the operands and the
    /// result if no wanted cotangent [needs](Self::NEEDS) them.
    fn pullback<T: Real, const WANTED: u32>(
        self,
        cotangent: T,
        operands: [T; N],
        result: T,
    ) -> [T; N];
    /// Returns the constant by which the cotangent of the result is multiplied to get that of
    /// `operand`, if it is a constant.
    fn factor(self, _operand: usize) -> Option<f64> {
        None
    }
    /// Returns the size of the largest argument of a sine, cosine or tangent, or four times the
    /// largest quotient of a remainder.
    #[inline(always)]
    fn angle<T: Real>(self, operands: [T; N]) -> T {
        operands[0]
    }
}
