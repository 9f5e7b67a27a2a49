//! Rows of golden values: the call, PyTorch's expression, and the tolerances.

use cotangent::prelude::*;
use cotangent::{BatchStatistics, Result};
use std::cell::RefCell;
use std::ops::Index;

/// The arguments of an operation in one golden case.
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
    /// Returns the indices or labels.
    pub fn indices(&self) -> &Indices {
        let indices = self.indices.as_ref();
        indices.expect("this operation needs `indices`")
    }

    /// Returns the given mean and variance.
    pub fn given(&self) -> (&Tensor, &Tensor) {
        let given = self.given.as_ref();
        let (mean, variance) = given.expect("this operation needs `given.mean`");
        (mean, variance)
    }

    /// Returns the weights of a loss.
    pub fn weight(&self) -> &Tensor {
        let weight = self.weights[0].as_ref();
        weight.expect("this operation needs `given.weight`")
    }

    /// Returns the weights of the positive class.
    pub fn positive(&self) -> &Tensor {
        let positive = self.weights[1].as_ref();
        positive.expect("this operation needs `given.positive`")
    }

    /// Returns the normalized tensor and stores its statistics for comparison.
    pub fn keep(&self, normalized: Result<(Tensor, BatchStatistics)>) -> Result<Tensor> {
        let (y, statistics) = normalized?;
        self.statistics.replace(Some(statistics));
        Ok(y)
    }

    /// Returns the sorted values; panics unless their positions are those of the file.
    pub fn placed(&self, ordered: Result<(Tensor, Indices)>) -> Result<Tensor> {
        let (values, positions) = ordered?;
        assert_eq!(&positions, self.indices(), "positions");
        Ok(values)
    }
}

/// The tolerance of a result, relative to the larger of its own magnitude and `floor`. With a
/// tolerance of 0 the result must equal PyTorch's, rounded to its dtype.
#[derive(Clone, Copy, Debug)]
pub struct Bound {
    /// The relative tolerance in `f64`.
    pub f64: f64,
    /// The relative tolerance in `f32`.
    pub f32: f64,
    /// The magnitude below which the tolerance is absolute.
    pub floor: f64,
    /// Whether the largest element of the tensor is such a magnitude too: where terms cancel, the
    /// error is relative to the terms.
    pub of_tensor: bool,
}

/// Elements at which this library intentionally differs from PyTorch. The test fails if a listed
/// difference does not occur.
#[derive(Clone, Copy)]
pub struct Difference {
    /// `output` or `grad.N`.
    pub tensor: &'static str,
    /// Returns whether the element with these operands differs.
    pub at: fn(&[f64]) -> bool,
    /// Returns this library's value, from the operands and the cotangent.
    pub found: fn(&[f64], f64) -> f64,
}

/// An operation of a golden file, with PyTorch's expression and its tolerances.
pub struct Golden {
    /// The file of `tests/golden/data`.
    pub file: &'static str,
    pub name: String,
    pub run: fn(&Operands) -> Result<Tensor>,
    /// PyTorch's expression in Python, of the operands `x`, `y`, `z` and the arguments of a case.
    pub torch: String,
    /// The cases: an expression of functions from `tests/golden/cases.py`.
    pub cases: String,
    pub output: Bound,
    pub gradient: Bound,
    pub signed_zeros: bool,
    /// Whether operands are broadcast to the shape of the result.
    pub stretches: bool,
    /// Cases with looser relative tolerances, in `f64` and `f32`.
    pub loose: &'static [(&'static str, f64, f64)],
    pub differences: Vec<Difference>,
}

impl From<Golden> for Vec<Golden> {
    fn from(golden: Golden) -> Self {
        vec![golden]
    }
}

/// Creates a row whose results may differ in their last digits only, as formulas do that are equal
/// in exact arithmetic.
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

/// The tolerance for errors in the last digits.
const ROUNDED: Bound = Bound {
    f64: 1e-14,
    f32: 2e-6,
    floor: 0.0,
    of_tensor: false,
};

/// The tolerance that compares with `==`.
const EXACT: Bound = Bound {
    f64: 0.0,
    f32: 0.0,
    floor: 0.0,
    of_tensor: false,
};

impl Golden {
    /// Sets PyTorch's expression and the cases.
    pub fn torch(self, expression: impl Into<String>, cases: impl Into<String>) -> Self {
        Self {
            torch: expression.into(),
            cases: cases.into(),
            ..self
        }
    }

    /// Loosens the tolerances for sums of products of numbers about 1, which may cancel.
    pub fn sums(self) -> Self {
        Self {
            output: self.sums_bound(),
            gradient: self.sums_bound(),
            ..self
        }
    }

    /// As [`sums`](Self::sums), for the gradients only.
    pub fn gradient_sums(self) -> Self {
        Self {
            gradient: self.sums_bound(),
            ..self
        }
    }

    /// Makes the tolerance of gradients absolute below 1: their formula subtracts from numbers
    /// about 1.
    pub fn gradient_near_one(self) -> Self {
        let gradient = Bound {
            floor: 1.0,
            ..self.gradient
        };
        Self { gradient, ..self }
    }

    /// As [`gradient_near_one`](Self::gradient_near_one), for the result too, which PyTorch
    /// computes by subtracting from 1.
    pub fn near_one(self) -> Self {
        let output = Bound {
            floor: 1.0,
            ..self.output
        };
        Self { output, ..self }.gradient_near_one()
    }

    /// Requires exact results and gradients, except for the sums of broadcast operands. For
    /// operations that select, round to integers, or round once.
    pub fn exact(self) -> Self {
        Self {
            gradient: EXACT,
            ..self.exact_output()
        }
    }

    /// Requires exact results, but not gradients.
    pub fn exact_output(self) -> Self {
        Self {
            output: EXACT,
            ..self
        }
    }

    /// Requires exact results and gradients: the operation moves or selects values.
    pub fn moves(self) -> Self {
        Self {
            stretches: false,
            ..self.exact()
        }
    }

    /// Requires exact results: the operation copies values, and sums the cotangents of the copies.
    pub fn copies(self) -> Self {
        let gradient = self.sums_bound();
        Self {
            gradient,
            ..self.moves()
        }
    }

    /// Ignores the sign of zero results, which PyTorch does not define either.
    pub fn unsigned_zeros(self) -> Self {
        Self {
            signed_zeros: false,
            ..self
        }
    }

    /// Sets looser relative tolerances for some cases, in `f64` and `f32`.
    pub fn loose(self, loose: &'static [(&'static str, f64, f64)]) -> Self {
        Self { loose, ..self }
    }

    /// Lists intended differences from PyTorch.
    pub fn differs(self, differences: impl Into<Vec<Difference>>) -> Self {
        Self {
            differences: differences.into(),
            ..self
        }
    }

    /// Returns the tolerance of sums with the relative tolerance of the gradients.
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
