//! Golden values: the call that PyTorch's is held against, and how far the results may be off.

use cotangent::prelude::*;
use cotangent::{BatchStatistics, Result};
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
        let indices = self.indices.as_ref();
        indices.expect("this operation needs `indices`")
    }

    /// Mean and variance.
    pub fn given(&self) -> (&Tensor, &Tensor) {
        let given = self.given.as_ref();
        let (mean, variance) = given.expect("this operation needs `given.mean`");
        (mean, variance)
    }

    pub fn weight(&self) -> &Tensor {
        let weight = self.weights[0].as_ref();
        weight.expect("this operation needs `given.weight`")
    }

    pub fn positive(&self) -> &Tensor {
        let positive = self.weights[1].as_ref();
        positive.expect("this operation needs `given.positive`")
    }

    /// The result, with the statistics that came with it kept for comparison.
    pub fn keep(&self, normalized: Result<(Tensor, BatchStatistics)>) -> Result<Tensor> {
        let (y, statistics) = normalized?;
        self.statistics.replace(Some(statistics));
        Ok(y)
    }

    /// The values, whose places must be those of the file.
    pub fn placed(&self, ordered: Result<(Tensor, Indices)>) -> Result<Tensor> {
        let (values, places) = ordered?;
        assert_eq!(&places, self.indices(), "the places");
        Ok(values)
    }
}

/// How far a result may be off: `relative` of the larger of its own size and `floor`. A bound of 0
/// is kept exactly: the result is that of PyTorch, rounded to its dtype.
#[derive(Clone, Copy, Debug)]
pub struct Bound {
    /// In `f64`.
    pub f64: f64,
    /// In `f32`.
    pub f32: f64,
    /// A size below which elements may be off by as much as one of this size.
    pub floor: f64,
    /// Whether the largest element of the tensor is such a size: where terms cancel, the error is
    /// that of the terms.
    pub of_tensor: bool,
}

/// Elements at which this library means to give something else than PyTorch. If a difference is
/// gone, its test says that its entry must go too.
#[derive(Clone, Copy)]
pub struct Difference {
    /// `output` or `grad.N`.
    pub tensor: &'static str,
    /// Whether the element with these operands is meant.
    pub at: fn(&[f64]) -> bool,
    /// What is found there, from the operands and the cotangent.
    pub found: fn(&[f64], f64) -> f64,
}

/// An operation as a golden file names it, what PyTorch computes, and how exact it must be.
pub struct Golden {
    /// The file of `tests/golden/data`.
    pub file: &'static str,
    pub name: String,
    pub run: fn(&Operands) -> Result<Tensor>,
    /// PyTorch's expression of the operands `x`, `y`, `z` and of what the cases give, in Python.
    pub torch: String,
    /// The cases: an expression of `tests/golden/cases.py`.
    pub cases: String,
    pub output: Bound,
    pub gradient: Bound,
    pub signed_zeros: bool,
    /// Whether operands of another shape than the result's are stretched to it.
    pub stretches: bool,
    /// Cases with relative tolerances of their own, in `f64` and `f32`.
    pub loose: &'static [(&'static str, f64, f64)],
    pub differences: Vec<Difference>,
}

impl From<Golden> for Vec<Golden> {
    fn from(golden: Golden) -> Self {
        vec![golden]
    }
}

/// An operation whose results must be right to all but their last digits: those in which formulas
/// that are equal in exact arithmetic may differ.
pub fn golden(
    file: &'static str,
    name: impl Into<String>,
    run: fn(&Operands) -> Result<Tensor>,
) -> Golden {
    Golden {
        file,
        name: name.into(),
        run,
        torch: String::new(),
        cases: String::new(),
        output: ROUNDED,
        gradient: ROUNDED,
        signed_zeros: true,
        stretches: true,
        loose: &[],
        differences: Vec::new(),
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

impl Golden {
    /// PyTorch's expression, and the cases that it is evaluated on.
    pub fn torch(self, expression: impl Into<String>, cases: impl Into<String>) -> Self {
        Self {
            torch: expression.into(),
            cases: cases.into(),
            ..self
        }
    }

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
        let gradient = Bound {
            floor: 1.0,
            ..self.gradient
        };
        Self { gradient, ..self }
    }

    /// As [`gradient_near_one`](Self::gradient_near_one), for the result too: PyTorch computes it
    /// by subtracting from 1.
    pub fn near_one(self) -> Self {
        let output = Bound {
            floor: 1.0,
            ..self.output
        };
        Self { output, ..self }.gradient_near_one()
    }

    /// Is exact, and so are its gradients, but for the sums where an operand was stretched: it
    /// selects, rounds to whole numbers, or is one operation that rounds once.
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

    /// Where the results are other than PyTorch's, and meant to be.
    pub fn differs(self, differences: impl Into<Vec<Difference>>) -> Self {
        Self {
            differences: differences.into(),
            ..self
        }
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
