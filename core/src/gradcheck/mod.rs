//! Gradients checked against numeric differences, in `f64`, for functions and for whole models.
//!
//! A model is promoted to `f64` as it is; each parameter (and each input) is moved along random
//! signed directions, and the slope of the output along them, extrapolated from central
//! differences with an error bar, is held against the one that backward gives. A direction that
//! disagrees is halved until the element is found. Small tensors are checked element by element.
//!
//! A gradient passes if it differs from the slope by no more than the tolerance and the error bar,
//! and the error bar is within the tolerance. The error bar is what the extrapolation still
//! changes, and the rounding of the function's value: its size times 2^-51, divided by the step.
//! Where rounding is too large, larger steps are tried; where the function ends, bends or jumps
//! nearby (`ln` at 1e-9), smaller ones. What no step can tell is
//! [inconclusive](Verdict::Inconclusive), which is no pass.
//!
//! ```
//! use cotangent::{Tensor, gradcheck};
//! let x = Tensor::from([[0.5f32, -1.0], [2.0, 0.1]]);
//! gradcheck::function(&[x], |x| x[0].tanh().mul(&x[0])?.softmax(1)).unwrap().assert_ok();
//! ```

mod check;
mod macros;
mod numeric;
mod report;
mod subject;

pub use macros::Operand;
#[doc(hidden)]
pub use macros::of_operands;
pub use report::{Entry, Report, Tally, Verdict};

use crate::autograd::Tensor;
use crate::error::Result;
use crate::module::{Module, Pass};
use check::check;
use subject::{Inputs, Model};

/// Checks the gradients of `forward` with respect to every parameter of `module` and every input,
/// with default settings; see [`Gradcheck::module`].
///
/// # Errors
/// As [`Gradcheck::module`].
pub fn module<M: Module + Clone>(
    module: &M,
    inputs: &[Tensor],
    forward: impl Fn(&M, &[Tensor], &Pass) -> Result<Tensor>,
) -> Result<Report> {
    Gradcheck::new().module(module, inputs, forward)
}

/// Checks the gradients of `f` with respect to every input, with default settings; see
/// [`Gradcheck::function`].
///
/// # Errors
/// As [`Gradcheck::function`].
pub fn function(inputs: &[Tensor], f: impl Fn(&[Tensor]) -> Result<Tensor>) -> Result<Report> {
    Gradcheck::new().function(inputs, f)
}

/// The settings of a gradient check.
#[derive(Clone, Debug)]
#[must_use]
pub struct Gradcheck {
    seed: u64,
    absolute_tolerance: f64,
    relative_tolerance: f64,
    directions: usize,
    every_element_up_to: usize,
    second_order: bool,
}

impl Default for Gradcheck {
    fn default() -> Self {
        Self {
            seed: 0,
            absolute_tolerance: 1e-8,
            relative_tolerance: 1e-6,
            directions: 3,
            every_element_up_to: 64,
            second_order: false,
        }
    }
}

impl Gradcheck {
    /// The default settings: tolerances 1e-8 + 1e-6 · the larger slope, 3 random directions per
    /// tensor, tensors of at most 64 elements element by element.
    pub fn new() -> Self {
        Self::default()
    }

    /// The seed of the random directions, of the cotangent that reduces an output of several
    /// elements, and of the training pass under which a model is run.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// A slope agrees if it differs by at most `absolute + relative * size`, where size is the
    /// larger of the two slopes (along a direction: the norm of the gradient).
    pub fn tolerances(mut self, absolute: f64, relative: f64) -> Self {
        self.absolute_tolerance = absolute;
        self.relative_tolerance = relative;
        self
    }

    /// Checks the gradients of the gradients too: those of a random combination of all gradients,
    /// with respect to every tensor and to the cotangent.
    ///
    /// ```
    /// use cotangent::{Tensor, gradcheck::Gradcheck};
    /// let x = Tensor::from([0.5f64, -1.0]);
    /// let report = Gradcheck::new().second_order().function(&[x], |x| Ok(x[0].tanh().exp())).unwrap();
    /// report.assert_ok();
    /// assert_eq!(report.entries().len(), 3);
    /// ```
    pub fn second_order(mut self) -> Self {
        self.second_order = true;
        self
    }

    /// Along random directions only, however small a tensor is, for large models: a tensor whose
    /// gradient is right takes 6 to 18 evaluations per direction as a rule, whatever its size. A
    /// direction that disagrees is still halved until the element is found.
    pub fn fast(self) -> Self {
        self.every_element_up_to(0)
    }

    /// How many random directions are tried per tensor; at least 1.
    pub fn directions(mut self, directions: usize) -> Self {
        self.directions = directions.max(1);
        self
    }

    /// Tensors of at most this many elements are checked element by element.
    pub fn every_element_up_to(mut self, elements: usize) -> Self {
        self.every_element_up_to = elements;
        self
    }

    /// Checks a model. It is cloned and promoted to `f64`, as are the inputs; frozen parameters are
    /// left out. `forward` runs under `Pass::train(seed)` with running statistics held still, made
    /// anew for each evaluation, so that dropout drops the same elements every time. An output of
    /// several elements is reduced with a random cotangent.
    ///
    /// # Errors
    /// Those of `forward`, and [`Error::Argument`](crate::Error::Argument) if there is nothing to
    /// check, or if two evaluations at the same place differ.
    pub fn module<M: Module + Clone>(
        &self,
        module: &M,
        inputs: &[Tensor],
        forward: impl Fn(&M, &[Tensor], &Pass) -> Result<Tensor>,
    ) -> Result<Report> {
        check(self, &mut Model::new(module, inputs, forward, self.seed))
    }

    /// Checks a function of tensors, which are promoted to `f64`. It must be a pure function: the
    /// same result for the same inputs.
    ///
    /// # Errors
    /// As [`module`](Self::module).
    pub fn function(
        &self,
        inputs: &[Tensor],
        f: impl Fn(&[Tensor]) -> Result<Tensor>,
    ) -> Result<Report> {
        check(self, &mut Inputs::new(inputs, f))
    }
}
