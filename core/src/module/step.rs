//! The step of an optimizer over many parameters, in one sweep and in place.

use super::param::Param;
use crate::autograd::Tensor;
use crate::error::{Error, Result};
use crate::kernel::Step;
use crate::kernel::elementwise::map;
use crate::tensor::{Element, refusable};

/// One parameter in the step of an optimizer.
#[derive(Debug)]
pub struct Part<'a, const N: usize, U> {
    /// The parameter, which is changed.
    pub param: &'a mut Param,
    /// Its gradient.
    pub gradient: &'a Tensor,
    /// The state of the optimizer for it, which is changed.
    pub state: [&'a mut Tensor; N],
    /// The formula.
    pub step: U,
}

/// Computes `(w, state) := step(w, g, state)` for every element of every part, in place. If a live
/// graph still holds the old values, they are kept and new ones are written. The work is split over
/// threads, inside large parameters and across small ones.
///
/// # Errors
/// [`Error::Shape`] or [`Error::DType`] if a gradient or a state does not fit its parameter, or if
/// the system refuses memory. Nothing has changed then.
///
/// # Panics
/// If the formula panics. Some elements have changed then, and others have not. All shapes are the
/// same.
pub fn step<const N: usize, U: Step<N>>(parts: &mut [Part<'_, N, U>]) -> Result<()> {
    for part in &*parts {
        let value = part.param.value();
        let states = part.state.iter().map(|state| ("the state", &**state));
        for (name, operand) in states.chain([("the gradient", part.gradient)]) {
            Tensor::expect_one_dtype(
                "optimizer step",
                &[("the parameter", Some(value)), (name, Some(operand))],
            )?;
            if operand.shape() != value.shape() {
                let shapes = [value.shape(), operand.shape()];
                let reason = format!("{name} must have the shape of the parameter");
                return Err(Error::shape("optimizer step", reason, &shapes));
            }
        }
    }
    refusable("optimizer step", || {
        step_as::<f32, N, U>(parts);
        step_as::<f64, N, U>(parts);
        Ok(())
    })
}

/// Computes the step of the parts whose elements are of the type `F`.
fn step_as<F: Element, const N: usize, U: Step<N>>(parts: &mut [Part<'_, N, U>]) {
    let mut parts: Vec<_> = parts
        .iter_mut()
        .filter(|part| part.param.value().dtype() == F::DTYPE)
        .map(|part| (part.gradient.array().contiguous::<F>(), part))
        .collect();
    // All memory is requested before anything changes.
    let work = parts.iter_mut().map(|(gradient, part)| map::StepPart {
        step: part.step,
        w: part.param.elements_mut::<F>(),
        g: gradient,
        state: part.state.each_mut().map(|state| state.elements_mut::<F>()),
    });
    map::step(work.collect());
}
