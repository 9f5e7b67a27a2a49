//! Functions that `#[elementwise]` calls in the code that it writes.

use crate::autograd::Tensor;
use crate::kernel::{Baseline, Formula, Lane, Needs, Real};
use crate::ops::elementwise::operation::{Operation, apply_known};
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

/// An argument of a call within a formula: an operand, a number or an integer. Calls of the
/// function itself check that it fits the parameter, so that none of these methods panics.
pub trait Argument<T>: Sized {
    /// Returns an operand or a number in the dtype of `like`.
    fn operand(self, like: T) -> T {
        let _ = like;
        unreachable!("an integer for an operand")
    }
    /// Returns a number.
    fn number(self) -> f64 {
        unreachable!("an operand or an integer for a number")
    }
    /// Returns an integer.
    fn integer(self) -> i32 {
        unreachable!("an operand or a number for an integer")
    }
}

impl<T: Real> Argument<T> for T {
    #[inline(always)]
    fn operand(self, _: T) -> T {
        self
    }
}

impl<T: Real> Argument<T> for f64 {
    #[inline(always)]
    fn operand(self, like: T) -> T {
        like.constant(self)
    }
    #[inline(always)]
    fn number(self) -> f64 {
        self
    }
}

impl<T: Real> Argument<T> for i32 {
    #[inline(always)]
    fn integer(self) -> i32 {
        self
    }
}

/// A constant in scope as an argument of a call. If it is an integer, `f64` represents it exactly.
#[derive(Clone, Copy)]
pub struct Named(pub f64);

impl<T: Real> Argument<T> for Named {
    #[inline(always)]
    fn operand(self, like: T) -> T {
        like.constant(self.0)
    }
    #[inline(always)]
    fn number(self) -> f64 {
        self.0
    }
    #[inline(always)]
    fn integer(self) -> i32 {
        self.0 as i32
    }
}

/// Returns a constant of the type `f64` or `i32`. The check of the call refuses other types.
#[doc(hidden)]
pub fn named(constant: impl Any) -> Number {
    let constant: &dyn Any = &constant;
    let integer = constant.downcast_ref::<i32>().copied().map(f64::from);
    number(
        integer
            .or(constant.downcast_ref().copied())
            .unwrap_or(f64::NAN),
    )
}

/// Computes a called formula.
#[doc(hidden)]
#[inline(always)]
pub fn call<T: Real, E: Operation<N>, const N: usize>((formula, operands): (E, [T; N])) -> T {
    T::call(
        operands,
        |operands| formula.value(operands),
        |operands| Box::new(apply_known(formula, operands.map(tensor))),
    )
}

fn tensor(operand: &dyn Any) -> &Tensor {
    let tensor = operand.downcast_ref();
    tensor.expect("formulas over tensors have tensors as operands")
}

/// Computes the cotangents of all operands of a called formula.
#[doc(hidden)]
#[inline(always)]
pub fn pull<T: Real, E: Formula<N>, const N: usize>(
    g: T,
    (formula, operands): (E, [T; N]),
) -> [T; N] {
    let result = if const { any_result(&E::NEEDS) } {
        formula.value(operands)
    } else {
        g
    };
    formula.pullback::<T, { u32::MAX }>(g, operands, result)
}

/// Returns whether a cotangent is computed from the result.
const fn any_result(needs: &[Needs]) -> bool {
    let mut k = 0;
    while k < needs.len() {
        if needs[k].result {
            return true;
        }
        k += 1;
    }
    false
}

/// Returns the size of the largest argument of a sine or cosine in a called formula.
#[doc(hidden)]
#[inline(always)]
pub fn angle<T: Real, E: Formula<N>, const N: usize>((formula, operands): (E, [T; N])) -> T {
    formula.angle(operands)
}

/// The checks of the functions that a formula calls, and of their arguments. The generated code
/// calls each function with arguments from here. It is compiled and never runs.
pub mod check {
    use crate::autograd::Tensor;
    use crate::error::Result;

    /// A function that a formula can call.
    #[diagnostic::on_unimplemented(
        message = "a formula cannot call `{Self}`, which reduces its result",
        label = "returns `Sum` or `Mean`",
        note = "a formula calls functions of the library, and `#[elementwise]` functions that \
                return `Tensor`"
    )]
    pub trait Callable {
        /// Expects the result of the function.
        fn returns<R>(_: R)
        where
            Self: Sized,
        {
        }
    }

    /// The result of a function that a formula can call.
    #[diagnostic::on_unimplemented(
        message = "a formula cannot call a function that returns `{Self}`",
        label = "not an `#[elementwise]` function",
        note = "a formula calls functions of the library, and `#[elementwise]` functions that \
                return `Tensor`; a number is computed before the call and passed as a parameter"
    )]
    pub trait Returned {}
    #[diagnostic::do_not_recommend]
    impl Returned for Tensor {}
    #[diagnostic::do_not_recommend]
    impl Returned for Result<Tensor> {}

    /// Expects the result of a call without operands.
    #[doc(hidden)]
    pub fn returned<R: Returned>(result: R) -> R {
        result
    }

    /// The type of a parameter that takes an operand.
    #[diagnostic::on_unimplemented(
        message = "expected a parameter of the type `Tensor`, found `{Self}`",
        label = "an operand, for a parameter of the type `{Self}`",
        note = "a formula calls functions of the library and `#[elementwise]` functions",
        note = "their parameters of the type `f64` take numbers that are the same for all \
                elements: numbers such as `2.0`, parameters, constants, and what is computed from \
                these"
    )]
    pub trait TakesOperand {}
    #[diagnostic::do_not_recommend]
    impl TakesOperand for &Tensor {}

    /// The type of a parameter that takes a number.
    #[diagnostic::on_unimplemented(
        message = "expected an integer, found a number",
        label = "a number, for a parameter of the type `{Self}`",
        note = "integers are literals such as `2`, and parameters and constants of the type `i32`"
    )]
    pub trait TakesNumber {}
    #[diagnostic::do_not_recommend]
    impl TakesNumber for f64 {}
    #[diagnostic::do_not_recommend]
    impl TakesNumber for &Tensor {}

    /// The type of a parameter that takes an integer.
    #[diagnostic::on_unimplemented(
        message = "expected a number, found an integer",
        label = "an integer, for a parameter of the type `{Self}`",
        note = "numbers have a decimal point, such as `2.0`; `n as f64` converts an integer"
    )]
    pub trait TakesInteger {}
    #[diagnostic::do_not_recommend]
    impl TakesInteger for i32 {}

    /// The type of a parameter that takes a constant of the type `C`.
    #[diagnostic::on_unimplemented(
        message = "expected a constant of the type `{Self}`, found `{C}`",
        label = "of the type `{C}`",
        note = "constants are of the type `f64`, or `i32` for a parameter of this type"
    )]
    pub trait TakesConstant<C> {}
    #[diagnostic::do_not_recommend]
    impl TakesConstant<f64> for f64 {}
    #[diagnostic::do_not_recommend]
    impl TakesConstant<f64> for &Tensor {}
    #[diagnostic::do_not_recommend]
    impl TakesConstant<i32> for i32 {}

    /// Returns an operand.
    #[doc(hidden)]
    pub fn operand<P: TakesOperand>() -> P {
        unreachable!("only compiled")
    }

    /// Returns a number.
    #[doc(hidden)]
    pub fn number<P: TakesNumber>() -> P {
        unreachable!("only compiled")
    }

    /// Returns an integer.
    #[doc(hidden)]
    pub fn integer<P: TakesInteger>() -> P {
        unreachable!("only compiled")
    }

    /// Returns a constant.
    #[doc(hidden)]
    pub fn constant<C, P: TakesConstant<C>>(_: C) -> P {
        unreachable!("only compiled")
    }
}
