//! The formulas again: for single numbers, with branches, and for whole tensors, with masks.

use crate::functions::{OTHERS, UNARY};
use cotangent::prelude::*;
use std::cell::Cell;

/// What a formula computes with.
pub trait Num: Clone {
    type Bool: Clone;
    fn number(&self, value: f64) -> Self;
    fn unary(function: usize, a: Self) -> Self;
    fn binary(op: char, a: Self, b: Self) -> Self;
    fn other(function: usize, arguments: [Self; 3]) -> Self;
    fn powi(a: Self, exponent: i32) -> Self;
    /// Compares, by the index of the comparison.
    fn compare(op: usize, a: Self, b: Self) -> Self::Bool;
    fn not(a: Self::Bool) -> Self::Bool;
    fn and(a: Self::Bool, b: impl FnOnce() -> Self::Bool) -> Self::Bool;
    fn choose(c: Self::Bool, yes: impl FnOnce() -> Self, no: impl FnOnce() -> Self) -> Self;
    fn choose_condition(
        condition: Self::Bool,
        yes: impl FnOnce() -> Self::Bool,
        no: impl FnOnce() -> Self::Bool,
    ) -> Self::Bool {
        let holds = condition.clone();
        let taken = Self::and(condition, yes);
        let other = Self::and(Self::not(holds), no);
        Self::not(Self::and(Self::not(taken), || Self::not(other)))
    }
}

thread_local! {
    /// A hash of the decisions since the last [`traced`] began.
    static DECISIONS: Cell<u64> = const { Cell::new(0) };
}

fn decide(piece: i64) {
    let mix = |hash: u64| {
        (hash ^ piece as u64)
            .wrapping_mul(0x0100_0000_01b3)
            .rotate_left(17)
            + 1
    };
    DECISIONS.set(mix(DECISIONS.get()));
}

/// Returns a value and a hash of all comparisons on the way. The function is smooth where the hash
/// does not change.
pub fn traced(f: impl FnOnce() -> f64) -> (f64, u64) {
    DECISIONS.set(0);
    (f(), DECISIONS.get())
}

impl Num for f64 {
    type Bool = bool;

    fn number(&self, value: f64) -> Self {
        value
    }

    fn unary(function: usize, a: Self) -> Self {
        decide((UNARY[function].piece)(a));
        (UNARY[function].value)(a)
    }

    fn binary(op: char, a: Self, b: Self) -> Self {
        match op {
            '+' => a + b,
            '-' => a - b,
            '*' => a * b,
            _ => a / b,
        }
    }

    fn other(function: usize, arguments: [Self; 3]) -> Self {
        decide((OTHERS[function].piece)(arguments));
        (OTHERS[function].value)(arguments)
    }

    fn powi(a: Self, exponent: i32) -> Self {
        f64::powi(a, exponent)
    }

    fn compare(op: usize, a: Self, b: Self) -> bool {
        // All three, so that equality near a point is seen.
        decide(i64::from(a > b) - i64::from(a < b));
        [a < b, a <= b, a > b, a >= b, a == b, a != b][op]
    }

    fn not(a: bool) -> bool {
        !a
    }

    fn and(a: bool, b: impl FnOnce() -> bool) -> bool {
        a && b()
    }

    fn choose(c: bool, yes: impl FnOnce() -> Self, no: impl FnOnce() -> Self) -> Self {
        if c { yes() } else { no() }
    }
}

/// All elements at once, by operations on tensors.
#[derive(Clone)]
pub struct Whole(pub Tensor);

impl Whole {
    /// The number that all elements are.
    fn uniform(&self) -> f64 {
        self.0.to_f64_vec()[0]
    }
}

const FIT: &str = "all tensors have one shape and dtype";

impl Num for Whole {
    type Bool = Mask;

    fn number(&self, value: f64) -> Self {
        Self(self.0.full_like(value).expect(FIT))
    }

    fn unary(function: usize, Self(a): Self) -> Self {
        Self(match UNARY[function].name {
            "abs" => a.abs(),
            "neg" => a.neg(),
            "square" => a.square(),
            "sqrt" => a.sqrt(),
            "rsqrt" => a.rsqrt(),
            "recip" => a.recip(),
            "exp" => a.exp(),
            "exp_m1" => a.exp_m1(),
            "ln" => a.ln(),
            "ln_1p" => a.ln_1p(),
            "log2" => a.log2(),
            "log10" => a.log10(),
            "logit" => a.logit(),
            "erf" => a.erf(),
            "erfc" => a.erfc(),
            "erfinv" => a.erfinv(),
            "sin" => a.sin(),
            "cos" => a.cos(),
            "tan" => a.tan(),
            "asin" => a.asin(),
            "acos" => a.acos(),
            "atan" => a.atan(),
            "sinh" => a.sinh(),
            "cosh" => a.cosh(),
            "tanh" => a.tanh(),
            "asinh" => a.asinh(),
            "acosh" => a.acosh(),
            "atanh" => a.atanh(),
            "sigmoid" => a.sigmoid(),
            "softplus" => a.softplus(),
            "log_sigmoid" => a.log_sigmoid(),
            "relu" => a.relu(),
            "relu6" => a.relu6(),
            "gelu" => a.gelu(),
            "gelu_tanh" => a.gelu_tanh(),
            "silu" => a.silu(),
            "mish" => a.mish(),
            "selu" => a.selu(),
            "hard_sigmoid" => a.hard_sigmoid(),
            "hard_swish" => a.hard_swish(),
            "hard_tanh" => a.hard_tanh(),
            "floor" => a.floor(),
            "ceil" => a.ceil(),
            "round" => a.round(),
            "trunc" => a.trunc(),
            "sign" => a.sign(),
            name => unreachable!("{name}"),
        })
    }

    fn binary(op: char, Self(a): Self, Self(b): Self) -> Self {
        let result = match op {
            '+' => a.add(&b),
            '-' => a.sub(&b),
            '*' => a.mul(&b),
            _ => a.div(&b),
        };
        Self(result.expect(FIT))
    }

    fn other(function: usize, [a, b, c]: [Self; 3]) -> Self {
        let x = &a.0;
        let result = match OTHERS[function].name {
            "max" | "maximum" => x.maximum(&b.0),
            "min" | "minimum" => x.minimum(&b.0),
            "pow" | "powf" => x.pow(&b.0),
            "atan2" => x.atan2(&b.0),
            "mul_add" => x.mul(&b.0).and_then(|product| product.add(&c.0)),
            "leaky_relu" => Ok(x.leaky_relu(b.uniform())),
            "elu" => Ok(x.elu(b.uniform())),
            // A side that is not chosen may have an alpha of 0.
            "celu" if b.uniform() == 0.0 => x.full_like(f64::NAN),
            "celu" => x.celu(b.uniform()),
            "clamp" => Ok(x.clamp(b.uniform(), c.uniform())),
            name => unreachable!("{name}"),
        };
        Self(result.expect(FIT))
    }

    fn powi(Self(a): Self, exponent: i32) -> Self {
        Self(a.powi(exponent))
    }

    fn compare(op: usize, Self(a): Self, Self(b): Self) -> Mask {
        let result = match op {
            0 => a.lt(&b),
            1 => a.le(&b),
            2 => a.gt(&b),
            3 => a.ge(&b),
            4 => a.eq(&b),
            _ => a.ne(&b),
        };
        result.expect(FIT)
    }

    fn not(a: Mask) -> Mask {
        !a
    }

    fn and(a: Mask, b: impl FnOnce() -> Mask) -> Mask {
        a & b()
    }

    fn choose(c: Mask, yes: impl FnOnce() -> Self, no: impl FnOnce() -> Self) -> Self {
        Self(c.select(&yes().0, &no().0).expect(FIT))
    }
}
