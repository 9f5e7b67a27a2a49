//! The mechanism by which an elementwise function takes only a few lines: a formula and its
//! derivative, each written once over `Real`.
//!
//! Most functions define their derivative, by which the cotangent is multiplied. A function that is
//! constant somewhere defines its pullback instead, which selects: the gradient there is 0 for
//! every cotangent, while the product of 0 and an infinite cotangent would be NaN.
//!
//! While backward is recorded, the pullback itself is differentiated. Branches that it does not
//! select get a cotangent of 0, which is multiplied again, so their factors must be finite.
//! Therefore a pullback masks the cotangent first, and limits arguments to the range in which the
//! formula is finite.

use crate::autograd::{Cotangents, Op, OpKind, Tensor, Vjp};
use crate::error::Result;
use crate::kernel::{Baseline, Lane, Map, Real, Update};
use crate::ops::elementwise::symbolic::Tape;
use crate::tensor::Array;
use smallvec::smallvec;

/// The value of which a derivative is a function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Saves {
    /// The operand.
    Input,
    /// The result.
    Output,
    /// None: the derivative is constant.
    Nothing,
}

/// An elementwise function of one tensor.
pub(crate) trait Unary: Copy + Send + Sync + 'static {
    /// The kind: [`OpKind::Activation`] if nets use the function between layers.
    const KIND: OpKind = OpKind::Elementwise;
    fn name(self) -> &'static str;
    /// Whether the value or the derivative contains a sine or cosine; see [`Map::TRIGONOMETRIC`].
    const TRIGONOMETRIC: bool = false;
    /// Returns which value [`pullback`](Self::pullback) gets besides the cotangent.
    fn saves(self) -> Saves;
    /// Computes y = f(x).
    fn value<T: Real>(self, x: T) -> T;
    /// Computes g f'(x) from the cotangent g and the saved value. If nothing is saved, the value is
    /// any number of the right type.
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

/// Returns a constant derivative: the pullback of a cotangent of 1.
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
            $crate::ops::elementwise::formula::pullback! {
                $slope |$($argument),+| $formula; $($parameter),*
            }
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

/// Defines the method [`Unary::pullback`], from a derivative or directly.
macro_rules! pullback {
    (derivative |$saved:ident| $derivative:expr; $($parameter:ident),*) => {
        $crate::ops::elementwise::formula::pullback! {
            pullback |g, $saved| g * $derivative; $($parameter),*
        }
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
