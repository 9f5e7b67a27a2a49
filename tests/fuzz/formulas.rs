//! The formulas that the build script drew.
#![allow(warnings, clippy::all, clippy::pedantic)]

use crate::reference::{Num, Whole};
use cotangent::prelude::*;
use cotangent::{Axes, elementwise};

const ALPHA: f64 = 0.75;

mod scope {
    pub const BETA: f64 = -1.25;
}

/// What a function returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Output {
    Tensor,
    Sum,
    Mean,
    /// The sum over axis 1.
    SumOver,
    /// The mean over axis 0.
    MeanOver,
}

/// A formula.
pub struct Case {
    pub source: &'static str,
    pub operands: usize,
    pub numbers: usize,
    pub wholes: usize,
    pub output: Output,
    /// Whether its derivative is wrong.
    pub planted: bool,
    pub apply: fn(&[Tensor], &[f64], &[i32]) -> Result<Tensor>,
    pub plain: fn(&[f64], &[f64], &[i32]) -> f64,
    pub composed: fn(&[Whole], &[f64], &[i32]) -> Whole,
}

include!(concat!(env!("OUT_DIR"), "/formulas.rs"));
