//! The mechanism that makes an elementwise function a few lines: a formula and its derivative, each
//! written once over `Real`.
//!
//! Most functions give their derivative, by which the cotangent is multiplied. A function that is
//! constant somewhere gives its pullback instead, which selects: there the gradient is 0 whatever
//! the cotangent, while a product would make NaN of an infinite one. While backward is recorded,
//! the pullback itself is differentiated, and what it does not select gets a cotangent of 0. That
//! is multiplied again, so its factors must be finite: a mask goes over the cotangent first, and
//! arguments are limited to where the formula is good.

use crate::autograd::{Cotangents, Op, OpKind, Tensor, Vjp};
use crate::error::Result;
use crate::kernel::{Baseline, Lane, Map, Real, Update};
use crate::ops::elementwise::symbolic::Tape;
use crate::tensor::Array;
use smallvec::smallvec;

/// What a derivative is a function of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Saves {
    /// The operand.
    Input,
    /// The result.
    Output,
    /// Nothing: it is constant.
    Nothing,
}

/// An elementwise function.
pub(crate) trait Unary: Copy + Send + Sync + 'static {
    /// [`OpKind::Activation`] if nets use it between their layers.
    const KIND: OpKind = OpKind::Elementwise;
    fn name(self) -> &'static str;
    /// Whether the value or the derivative is made from a sine or cosine; see [`Map::TRIGONOMETRIC`].
    const TRIGONOMETRIC: bool = false;
    /// What [`pullback`](Self::pullback) is given beside the cotangent.
    fn saves(self) -> Saves;
    /// y = f(x)
    fn value<T: Real>(self, x: T) -> T;
    /// g f'(x) from the cotangent g and what is saved (any number if nothing is: only its type
    /// matters then).
    fn pullback<T: Real>(self, g: T, saved: T) -> T;
}

/// Applies and records an elementwise function.
#[track_caller]
pub(crate) fn apply<U: Unary>(unary: U, x: &Tensor) -> Tensor {
    let output = Array::map(Value(unary), [x.array()], x.array().shape());
    Tensor::from_array_op(output, &[x], |output| {
        let saved = match unary.saves() {
            Saves::Input => Some(x.clone()),
            Saves::Output => Some(Tensor::from(output.clone())),
            Saves::Nothing => None,
        };
        Recorded { unary, saved }
    })
}

#[derive(Clone, Copy)]
struct Value<U>(U);

impl<U: Unary> Map<1> for Value<U> {
    const TRIGONOMETRIC: bool = U::TRIGONOMETRIC;
    #[inline(always)]
    fn apply<T: Real>(self, [x]: [T; 1]) -> T {
        self.0.value(x)
    }
}

/// g := g f'
#[derive(Clone, Copy)]
struct Chain<U>(U);

impl<U: Unary> Update<1, 1> for Chain<U> {
    const TRIGONOMETRIC: bool = U::TRIGONOMETRIC;
    #[inline(always)]
    fn apply<T: Real>(self, [g]: [T; 1], [saved]: [T; 1]) -> [T; 1] {
        [self.0.pullback(g, saved)]
    }
}

struct Recorded<U> {
    unary: U,
    saved: Option<Tensor>,
}

impl<U: Unary> Op for Recorded<U> {
    fn name(&self) -> &'static str {
        self.unary.name()
    }

    fn vjp(&self, cotangent: Tensor, context: &Vjp) -> Result<Cotangents> {
        let gradient = if context.records() {
            let saved = match (&self.saved, self.unary.saves()) {
                (Some(x), Saves::Input) => context.saved(x),
                (Some(y), _) => context.output(y),
                (None, _) => cotangent.detach(),
            };
            let tape = Tape::default();
            let [g, saved] = [&cotangent, &saved].map(|x| tape.symbol(x));
            self.unary.pullback(g, saved).tensor()
        } else {
            match &self.saved {
                Some(saved) => cotangent.update(Chain(self.unary), [saved.array()]),
                None => cotangent.scaled_in_place(constant(|one| self.unary.pullback(one, one))),
            }
        };
        Ok(smallvec![Some(gradient)])
    }

    fn kind(&self) -> OpKind {
        U::KIND
    }
}

/// A derivative that is a function of nothing: what a cotangent of 1 is pulled back to.
pub(crate) fn constant(pullback: impl FnOnce(Lane<f64, Baseline>) -> Lane<f64, Baseline>) -> f64 {
    pullback(Lane::new(1.0)).0
}

/// Defines elementwise functions: the documented signature, which value backward saves, the
/// formula, the derivative or the pullback. `activations:` in front gives them the kind and the
/// heading of activation functions; `angles:` says that they are computed from sines and cosines.
macro_rules! unary {
    (activations: $($functions:tt)*) => {
        $crate::ops::elementwise::formula::unary! {
            @ "# Activations" Activation false; $($functions)*
        }
    };
    (angles: $($functions:tt)*) => {
        $crate::ops::elementwise::formula::unary! {
            @ "# Elementwise functions" Elementwise true; $($functions)*
        }
    };
    (@ $heading:literal $kind:ident $turns:literal; $(
        $(#[$doc:meta])*
        $visibility:vis fn $method:ident($($parameter:ident: $type:ty),*) as $name:ident
            saves $saves:expr,
            value |$x:ident| $value:expr,
            $slope:ident |$($argument:ident),+| $formula:expr;
    )*) => {
        $(
        #[derive(Clone, Copy, Debug)]
        struct $name { $($parameter: $type),* }

        impl $crate::ops::elementwise::formula::Unary for $name {
            const KIND: $crate::autograd::OpKind = $crate::autograd::OpKind::$kind;
            const TRIGONOMETRIC: bool = $turns;
            fn name(self) -> &'static str {
                stringify!($method)
            }
            #[inline(always)]
            fn saves(self) -> $crate::ops::elementwise::formula::Saves {
                #[allow(unused_imports)]
                use $crate::ops::elementwise::formula::Saves::{Input, Nothing, Output};
                #[allow(unused_variables)]
                let Self { $($parameter),* } = self;
                $saves
            }
            #[inline(always)]
            fn value<T: Real>(self, $x: T) -> T {
                #[allow(unused_variables)]
                let Self { $($parameter),* } = self;
                $value
            }
            $crate::ops::elementwise::formula::pullback! { $slope |$($argument),+| $formula; $($parameter),* }
        }
        )*

        #[doc = $heading]
        impl Tensor {$(
            $(#[$doc])*
            #[track_caller]
            $visibility fn $method(&self, $($parameter: $type),*) -> Self {
                $crate::ops::elementwise::formula::apply($name { $($parameter),* }, self)
            }
        )*}
    };
    ($($functions:tt)*) => {
        $crate::ops::elementwise::formula::unary! {
            @ "# Elementwise functions" Elementwise false; $($functions)*
        }
    };
}
pub(crate) use unary;

/// The method [`Unary::pullback`] from a derivative or from itself.
macro_rules! pullback {
    (derivative |$saved:ident| $derivative:expr; $($parameter:ident),*) => {
        $crate::ops::elementwise::formula::pullback! { pullback |g, $saved| g * $derivative; $($parameter),* }
    };
    (pullback |$g:ident, $saved:ident| $pullback:expr; $($parameter:ident),*) => {
        #[inline(always)]
        fn pullback<T: Real>(self, $g: T, $saved: T) -> T {
            #[allow(unused_variables)]
            let Self { $($parameter),* } = self;
            $pullback
        }
    };
}
pub(crate) use pullback;
