//! What the tables are made of: the call that a golden operation stands for, and the bound on its
//! error.

use crate::compare::Bound;
use cotangent::BatchStatistics;
use cotangent::prelude::*;
use std::cell::RefCell;
use std::ops::Index;

/// What a case gives to an operation.
pub struct Operands<'a> {
    pub tensors: &'a [Tensor],
    pub indices: Option<Indices>,
    pub given: Option<(Tensor, Tensor)>,
    /// `given.weight` and `given.positive` of losses.
    pub weights: [Option<Tensor>; 2],
    pub statistics: RefCell<Option<BatchStatistics>>,
}

impl Index<usize> for Operands<'_> {
    type Output = Tensor;
    fn index(&self, index: usize) -> &Tensor {
        &self.tensors[index]
    }
}

impl Operands<'_> {
    pub fn indices(&self) -> &Indices {
        self.indices
            .as_ref()
            .expect("this operation needs `indices`")
    }

    /// Mean and variance.
    pub fn given(&self) -> (&Tensor, &Tensor) {
        let (mean, variance) = self
            .given
            .as_ref()
            .expect("this operation needs `given.mean`");
        (mean, variance)
    }

    pub fn weight(&self) -> &Tensor {
        self.weights[0]
            .as_ref()
            .expect("this operation needs `given.weight`")
    }

    pub fn positive(&self) -> &Tensor {
        self.weights[1]
            .as_ref()
            .expect("this operation needs `given.positive`")
    }

    /// The result, with the statistics that came with it kept for comparison.
    pub fn keep(&self, normalized: Result<(Tensor, BatchStatistics)>) -> Result<Tensor> {
        let (y, statistics) = normalized?;
        self.statistics.replace(Some(statistics));
        Ok(y)
    }
}

/// An operation as the golden files name it, and how exact it must be.
pub struct Operation {
    pub name: &'static str,
    pub run: fn(&Operands) -> Result<Tensor>,
    pub output: Bound,
    pub gradient: Bound,
    pub signed_zeros: bool,
    /// Whether operands of another shape than the result's are stretched to it.
    pub stretches: bool,
    /// Cases with relative tolerances of their own, in `f64` and `f32`.
    pub loose: &'static [(&'static str, f64, f64)],
}

/// An operation whose results must be right to all but their last digits: those in which formulas
/// that are equal in exact arithmetic may differ.
pub fn op(name: &'static str, run: fn(&Operands) -> Result<Tensor>) -> Operation {
    Operation {
        name,
        run,
        output: ROUNDED,
        gradient: ROUNDED,
        signed_zeros: true,
        stretches: true,
        loose: &[],
    }
}

/// Allows errors in the last digits.
const ROUNDED: Bound = Bound {
    f64: 1e-14,
    f32: 2e-6,
    floor: 0.0,
    of_tensor: false,
};

/// Compares with `==`.
const EXACT: Bound = Bound {
    f64: 0.0,
    f32: 0.0,
    floor: 0.0,
    of_tensor: false,
};

impl Operation {
    /// Sums of products of numbers about 1, which may cancel.
    pub fn sums(self) -> Self {
        Self {
            output: self.sums_bound(),
            gradient: self.sums_bound(),
            ..self
        }
    }

    /// As [`sums`](Self::sums), where only the gradients are such.
    pub fn gradient_sums(self) -> Self {
        Self {
            gradient: self.sums_bound(),
            ..self
        }
    }

    /// Gradients whose formula subtracts from a number about 1: exact to its digits.
    pub fn gradient_near_one(self) -> Self {
        Self {
            gradient: Bound {
                floor: 1.0,
                ..self.gradient
            },
            ..self
        }
    }

    /// Is exact, and so are its gradients, but for the sums where an operand was stretched: it selects,
    /// rounds to whole numbers, or is one operation that rounds once.
    pub fn exact(self) -> Self {
        Self {
            gradient: EXACT,
            ..self.exact_output()
        }
    }

    /// Is exact, while its gradients are not.
    pub fn exact_output(self) -> Self {
        Self {
            output: EXACT,
            ..self
        }
    }

    /// Moves values and changes none, or selects some of them.
    pub fn moves(self) -> Self {
        Self {
            stretches: false,
            ..self.exact()
        }
    }

    /// Moves values, some to several places, whose cotangents are summed.
    pub fn copies(self) -> Self {
        let gradient = self.sums_bound();
        Self {
            gradient,
            ..self.moves()
        }
    }

    /// The sign of a zero result is not defined, in PyTorch neither.
    pub fn unsigned_zeros(self) -> Self {
        Self {
            signed_zeros: false,
            ..self
        }
    }

    /// Cases with relative tolerances of their own, in `f64` and `f32`.
    pub fn loose(self, loose: &'static [(&'static str, f64, f64)]) -> Self {
        Self { loose, ..self }
    }

    pub fn sums_bound(&self) -> Bound {
        Bound {
            floor: 1.0,
            of_tensor: true,
            ..if self.gradient.f64 == 0.0 {
                ROUNDED
            } else {
                self.gradient
            }
        }
    }
}
