//! Functions that `#[elementwise]` calls in the code that it writes.

use crate::autograd::Tensor;
use crate::error::Result;
use crate::kernel::{Baseline, Lane, Real};
use std::any::Any;

/// A number that is the same for all elements.
pub type Number = Lane<f64, Baseline>;

/// Returns a number that is the same for all elements.
#[doc(hidden)]
#[inline(always)]
pub fn number(value: f64) -> Number {
    Lane::new(value)
}

/// Returns `yes` where the condition is true, else `no`.
#[doc(hidden)]
#[inline(always)]
pub fn select<T: Real>(condition: T::Bool, yes: T, no: T) -> T {
    T::select(condition, yes, no)
}

/// Returns the larger number, or NaN if either is NaN.
#[doc(hidden)]
#[inline(always)]
pub fn larger<T: Real>(a: T, b: T) -> T {
    T::select(b.equals(b), T::select(a.lt(b), b, a), b)
}

/// Returns the smaller number, or NaN if either is NaN.
#[doc(hidden)]
#[inline(always)]
pub fn smaller<T: Real>(a: T, b: T) -> T {
    T::select(b.equals(b), T::select(b.lt(a), b, a), b)
}

/// Returns the larger of `largest` and the size of `x`, ignoring NaN.
#[doc(hidden)]
#[inline(always)]
pub fn larger_size<T: Real>(largest: T, x: T) -> T {
    let size = x.abs();
    T::select(largest.lt(size), size, largest)
}

/// The result of a function of tensors.
pub trait Applied {
    /// Returns the tensor of operands that fit.
    fn tensor(self) -> Tensor;
}

impl Applied for Tensor {
    fn tensor(self) -> Tensor {
        self
    }
}

impl Applied for Result<Tensor> {
    fn tensor(self) -> Tensor {
        self.expect("the operands of a formula have one shape")
    }
}

/// Calls a function of tensors from a recorded formula.
#[doc(hidden)]
pub fn whole<const N: usize, R: Applied>(
    operands: [&dyn Any; N],
    function: impl FnOnce([&Tensor; N]) -> R,
) -> Box<dyn Any> {
    let tensors = operands.map(|operand| {
        let tensor = operand.downcast_ref::<Tensor>();
        tensor.expect("formulas over tensors have tensors as operands")
    });
    Box::new(function(tensors).tensor())
}
