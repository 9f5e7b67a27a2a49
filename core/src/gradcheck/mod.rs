//! Checks gradients of functions and whole models against numeric differences, in `f64`.
//!
//! A clone of the model is converted to `f64`. Each parameter and each input is moved along random
//! directions. The slope of the output along a direction is extrapolated from central differences,
//! with an error bar, and compared with the slope from backward. If the two differ, the direction
//! is halved until the wrong element is found. Small tensors are checked element by element.
//!
//! A gradient passes if it differs from the slope by at most the tolerance and the error bar, and
//! if the error bar is within the tolerance. The error bar is the last change of the extrapolation,
//! plus the rounding error of the function's value: its size times 2^-51, divided by the step.
//!
//! If rounding errors are too large, larger steps are tried. If the function ends, bends or jumps
//! nearby (`ln` at 1e-9), smaller steps are tried. If no step gives an answer, the verdict is
//! [inconclusive](Verdict::Inconclusive), which is not a pass.
//!
//! Only the model and the inputs are converted to `f64`. A tensor that the closure captures is not:
//! pass it as an input, or convert it with `to_dtype(x.dtype())`. The evaluations for numeric
//! slopes record nothing: the inputs are untracked, and the pass does not record. A function that
//! differentiates itself tracks its inputs and calls [`Pass::record`].
//!
//! ```
//! use cotangent::{Tensor, gradcheck};
//! let x = Tensor::from([[0.5f32, -1.0], [2.0, 0.1]]);
//! gradcheck::function(&[x], |x| x[0].tanh().mul(&x[0])?.softmax(1)).unwrap().assert_ok();
//! ```

mod check;
mod elementwise;
mod macros;
mod numeric;
mod report;
mod subject;

#[doc(hidden)]
pub use elementwise::elementwise;
pub use macros::Operand;
#[doc(hidden)]
pub use macros::of_operands;
pub use report::{Entry, Report, Tally, Verdict};

use crate::autograd::Tensor;
use crate::error::Result;
use crate::module::{Module, Pass};
use check::check;
use subject::{Inputs, Model};

/// Checks the gradients of `forward` with respect to all parameters of `module` and all inputs,
/// with default settings; see [`Gradcheck::module`].
///
/// # Errors
/// Those of [`Gradcheck::module`].
pub fn module<M: Module + Clone>(
    module: &M,
    inputs: &[Tensor],
    forward: impl Fn(&M, &[Tensor], &Pass) -> Result<Tensor>,
) -> Result<Report> {
    Gradcheck::new().module(module, inputs, forward)
}

/// Checks the gradients of `f` with respect to all inputs, with default settings; see
/// [`Gradcheck::function`]. PyTorch: `torch.autograd.gradcheck`.
///
/// # Errors
/// Those of [`Gradcheck::function`].
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
    /// Creates the default settings: a tolerance of 1e-8 + 1e-6 · the larger slope, 3 random
    /// directions per tensor, and all elements of tensors with at most 64 elements.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the seed of the random directions, of the cotangent for an output with several
    /// elements, and of the training pass of a model.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Sets the tolerance: two slopes match if they differ by at most `absolute + relative * size`.
    /// The size is the larger of the two slopes, or along a direction the norm of the gradient.
    pub fn tolerances(mut self, absolute: f64, relative: f64) -> Self {
        self.absolute_tolerance = absolute;
        self.relative_tolerance = relative;
        self
    }

    /// Also checks second derivatives: the gradients of a random combination of all gradients, with
    /// respect to all tensors and to the cotangent. PyTorch: `torch.autograd.gradgradcheck`.
    ///
    /// ```
    /// use cotangent::{Tensor, gradcheck::Gradcheck};
    /// let x = Tensor::from([0.5f64, -1.0]);
    /// let check = Gradcheck::new().second_order();
    /// let report = check.function(&[x], |x| Ok(x[0].tanh().exp())).unwrap();
    /// report.assert_ok();
    /// assert_eq!(report.entries().len(), 3);
    /// ```
    pub fn second_order(mut self) -> Self {
        self.second_order = true;
        self
    }

    /// Checks along random directions only, also for small tensors: use it for large models. A
    /// tensor with a correct gradient usually takes 6 to 18 evaluations per direction, at any size.
    /// A direction with a wrong slope is still halved until the element is found.
    pub fn fast(self) -> Self {
        self.every_element_up_to(0)
    }

    /// Sets the number of random directions per tensor, at least 1.
    pub fn directions(mut self, directions: usize) -> Self {
        self.directions = directions.max(1);
        self
    }

    /// Sets up to which number of elements a tensor is checked element by element.
    pub fn every_element_up_to(mut self, elements: usize) -> Self {
        self.every_element_up_to = elements;
        self
    }

    /// Checks a model with its inputs. A clone of the model and the inputs are converted to `f64`.
    /// Frozen parameters are skipped.
    ///
    /// `forward` runs under a new `Pass::train(seed)` for each evaluation, so that dropout drops
    /// the same elements each time. Running statistics are not updated. An output with several
    /// elements is multiplied by a random cotangent and summed.
    ///
    /// Only the model and the inputs are converted, not tensors that the closure captures. Captured
    /// tensors, and those that `forward` creates, must have the dtype of the inputs, not a fixed
    /// one.
    ///
    /// The evaluations for numeric slopes record nothing: the inputs are untracked, and the pass
    /// has [`no_grad`](Pass::no_grad). A `forward` that differentiates itself tracks its inputs and
    /// calls [`Pass::record`].
    ///
    /// # Errors
    /// Those of `forward`, and [`Error::Argument`](crate::Error::Argument) if there is nothing to
    /// check, if two evaluations at the same place differ, or if `forward` mixes `f32` with `f64`.
    pub fn module<M: Module + Clone>(
        &self,
        module: &M,
        inputs: &[Tensor],
        forward: impl Fn(&M, &[Tensor], &Pass) -> Result<Tensor>,
    ) -> Result<Report> {
        check(self, &mut Model::new(module, inputs, forward, self.seed))
    }

    /// Checks a function of tensors, which are converted to `f64`. The function must be pure: the
    /// same inputs give the same result.
    ///
    /// # Errors
    /// Those of [`module`](Self::module).
    pub fn function(
        &self,
        inputs: &[Tensor],
        f: impl Fn(&[Tensor]) -> Result<Tensor>,
    ) -> Result<Report> {
        check(self, &mut Inputs::new(inputs, f))
    }
}
