//! Formulas over whole tensors. The `Real` code that is compiled to a kernel for numbers runs here
//! on tensors and records operations, so that a derivative can be differentiated again.

use crate::autograd::Tensor;
use crate::kernel::Real;
use crate::kernel::elementwise::compare::{Equal, Less, LessOrEqual};
use crate::ops::activation::rectifier::exact;
use crate::ops::elementwise::operation::apply_known;
use crate::ops::elementwise::{arithmetic, division};
use std::any::Any;
use std::cell::RefCell;
use std::ops::{Add, BitAnd, BitOr, Div, Mul, Neg, Not, Sub};

/// The tensors of one evaluation of a formula.
#[derive(Default)]
pub(crate) struct Tape(RefCell<Vec<Tensor>>);

impl Tape {
    pub(crate) fn symbol(&self, tensor: &Tensor) -> Symbol<'_> {
        self.push(tensor.clone())
    }

    fn push(&self, tensor: Tensor) -> Symbol<'_> {
        let mut tensors = self.0.borrow_mut();
        tensors.push(tensor);
        Symbol {
            tape: self,
            index: tensors.len() - 1,
        }
    }
}

/// A handle of a tensor on a tape, which implements `Real`. All tensors of a tape have one shape
/// and dtype.
#[derive(Clone, Copy)]
pub(crate) struct Symbol<'a> {
    tape: &'a Tape,
    index: usize,
}

impl<'a> Symbol<'a> {
    pub(crate) fn tensor(self) -> Tensor {
        self.tape.0.borrow()[self.index].clone()
    }

    fn map(self, f: impl FnOnce(&Tensor) -> Tensor) -> Self {
        let result = f(&self.tensor());
        self.tape.push(result)
    }

    fn zip(self, other: Self, f: impl FnOnce(&Tensor, &Tensor) -> Tensor) -> Self {
        let result = f(&self.tensor(), &other.tensor());
        self.tape.push(result)
    }
}

macro_rules! symbol_operators {
    ($($trait:ident $method:ident $binary:ident $scalar:expr;)*) => {$(
        impl<'a> $trait for Symbol<'a> {
            type Output = Self;
            fn $method(self, other: Self) -> Self {
                self.zip(other, arithmetic::$binary)
            }
        }
        impl<'a> $trait<f64> for Symbol<'a> {
            type Output = Self;
            fn $method(self, other: f64) -> Self {
                let scalar: fn(&Tensor, f64) -> Tensor = $scalar;
                self.map(|x| scalar(x, other))
            }
        }
    )*};
}

symbol_operators! {
    Add add plus Tensor::add_scalar;
    Sub sub minus |x, c| x.add_scalar(-c);
    Mul mul times Tensor::mul_scalar;
    Div div over Tensor::div_scalar;
}

impl Neg for Symbol<'_> {
    type Output = Self;
    fn neg(self) -> Self {
        self.map(Tensor::neg)
    }
}

/// Conditions are 1 or 0.
impl BitAnd for Symbol<'_> {
    type Output = Self;
    #[allow(clippy::suspicious_arithmetic_impl)] // The product of 1 and 0.
    fn bitand(self, other: Self) -> Self {
        self * other
    }
}

impl BitOr for Symbol<'_> {
    type Output = Self;
    fn bitor(self, other: Self) -> Self {
        !(!self & !other)
    }
}

impl Not for Symbol<'_> {
    type Output = Self;
    #[allow(clippy::suspicious_arithmetic_impl)]
    fn not(self) -> Self {
        -self + 1.0
    }
}

macro_rules! symbol_functions {
    ($($method:ident)*) => {$(
        fn $method(self) -> Self {
            self.map(Tensor::$method)
        }
    )*};
}

macro_rules! symbol_pairs {
    ($($method:ident)*) => {$(
        fn $method(self, other: Self) -> Self {
            self.zip(other, |a, b| apply_known(division::$method, [a, b]))
        }
    )*};
}

impl<'a> Real for Symbol<'a> {
    type Bool = Self;

    symbol_functions! {
        abs sqrt exp exp_m1 ln ln_1p tanh sigmoid erf erfc sin cos floor round
        tan asin acos atan sinh cosh asinh acosh atanh log2 log10 exp2 lgamma digamma
    }

    fn softplus(self) -> Self {
        self.map(exact::softplus)
    }
    fn constant(self, value: f64) -> Self {
        self.map(|x| x.constant_like(value))
    }
    fn mul_add(self, factor: Self, term: Self) -> Self {
        self * factor + term
    }
    fn lt(self, other: Self) -> Self {
        self.zip(other, |a, b| {
            crate::ops::elementwise::compare::indicator(Less, a, b)
        })
    }
    fn le(self, other: Self) -> Self {
        self.zip(other, |a, b| {
            crate::ops::elementwise::compare::indicator(LessOrEqual, a, b)
        })
    }
    fn equals(self, other: Self) -> Self {
        self.zip(other, |a, b| {
            crate::ops::elementwise::compare::indicator(Equal, a, b)
        })
    }
    fn select(condition: Self, yes: Self, no: Self) -> Self {
        let condition = condition.tensor();
        yes.zip(no, |yes, no| {
            crate::ops::elementwise::select::select(&condition, yes, no)
        })
    }
    fn call<const N: usize>(
        operands: [Self; N],
        _formula: impl FnOnce([Self; N]) -> Self,
        whole: impl FnOnce([&dyn Any; N]) -> Box<dyn Any>,
    ) -> Self {
        let tensors = operands.map(Self::tensor);
        let result = whole(tensors.each_ref().map(|tensor| tensor as &dyn Any));
        let result = result.downcast::<Tensor>();
        operands[0]
            .tape
            .push(*result.expect("formulas over tensors return tensors"))
    }
    fn guard(self, condition: Self) -> Self {
        let condition = condition.tensor();
        self.map(|x| crate::ops::elementwise::select::guard(&condition, x))
    }
    fn powf(self, exponent: Self) -> Self {
        self.zip(exponent, arithmetic::power)
    }
    /// Records one operation. As several products, such as 1 / (x x x), it would multiply
    /// derivatives of 0 by infinite ones.
    fn powi(self, exponent: i64) -> Self {
        self.map(|x| crate::ops::elementwise::power::whole_power(x, exponent))
    }
    fn polygamma(self, order: u32) -> Self {
        self.map(|x| x.polygamma(order))
    }
    symbol_pairs! { fmod remainder floor_divide hypot copysign }
    fn atan2(self, x: Self) -> Self {
        self.zip(x, arithmetic::angle)
    }
}
