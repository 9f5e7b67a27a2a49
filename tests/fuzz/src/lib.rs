//! Functions for `#[elementwise]` that the build script has drawn, each in three forms: the
//! formula, a plain function of numbers, and the same composed of operations on tensors.

pub mod composed;
pub mod plain;

use cotangent::{Result, Tensor};
use plain::Trace;

/// A function that was drawn.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    /// Its name.
    pub name: &'static str,
    /// The formula.
    pub source: &'static str,
    /// The values of the numbers, in words.
    pub settings: &'static str,
    /// The number of operands.
    pub operands: usize,
    /// How the elements are reduced.
    pub reduction: Reduction,
    /// Points in its domain.
    pub points: &'static [&'static [f64]],
    /// The function that the macro made.
    pub apply: fn(&[Tensor]) -> Result<Tensor>,
    /// The value at one point.
    pub plain: fn(&Trace, &[f64]) -> f64,
    /// The elements, composed of operations on tensors.
    pub composed: fn(&[Tensor]) -> Tensor,
}

/// How the elements are reduced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reduction {
    /// Not at all.
    Tensor,
    /// Their sum.
    Sum,
    /// Their mean.
    Mean,
}

include!(concat!(env!("OUT_DIR"), "/functions.rs"));
