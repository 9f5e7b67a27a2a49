//! An optimizer's step over many parameters: one sweep, in place.

use super::param::Param;
use crate::autograd::Tensor;
use crate::error::{Error, Result};
use crate::kernel::{Step, map};
use crate::tensor::{Array, Element};

/// One parameter's part of an optimizer's step.
#[derive(Debug)]
pub struct Part<'a, const N: usize, U> {
    /// The parameter, which changes.
    pub param: &'a mut Param,
    /// Its gradient.
    pub gradient: &'a Tensor,
    /// The optimizer's state of it, which changes.
    pub state: &'a mut [Tensor; N],
    /// The formula.
    pub step: U,
}

/// `(w, state) := step(w, g, state)` for every element of every part, in place unless a live graph
/// still holds the old values (then these are kept and new ones written). The work is split over
/// threads inside large parameters and across small ones.
///
/// # Errors
/// [`Error::Shape`] or [`Error::DType`] if a gradient or a state does not fit its parameter; then
/// nothing has changed.
pub fn step<const N: usize, U: Step<N>>(parts: &mut [Part<'_, N, U>]) -> Result<()> {
    for part in &*parts {
        let value = part.param.value();
        for operand in part.state.iter().chain([part.gradient]) {
            operand.expect_dtype("optimizer step", value.dtype())?;
            if operand.shape() != value.shape() {
                let shapes = [value.shape(), operand.shape()];
                let reason = "gradient or state does not fit";
                return Err(Error::shape("optimizer step", reason, &shapes));
            }
        }
    }
    step_as::<f32, N, U>(parts);
    step_as::<f64, N, U>(parts);
    Ok(())
}

/// The step of the parts whose elements are of the type `F`.
fn step_as<F: Element, const N: usize, U: Step<N>>(parts: &mut [Part<'_, N, U>]) {
    let mut parts: Vec<_> = parts
        .iter_mut()
        .filter(|part| part.param.value().dtype() == F::DTYPE)
        .collect();
    let mut arrays: Vec<(Array, Array, [Array; N])> = parts
        .iter_mut()
        .map(|part| {
            let gradient = part.gradient.array().contiguous();
            let mut value = part.param.take_array();
            value.make_unique();
            let state = part.state.each_mut().map(|slot| {
                let mut slot = std::mem::replace(slot, Tensor::from(gradient.clone())).into_array();
                slot.make_unique();
                slot
            });
            (gradient, value, state)
        })
        .collect();
    let work = parts
        .iter()
        .zip(&mut arrays)
        .map(|(part, (g, w, state))| map::StepPart {
            step: part.step,
            w: w.get_mut::<F>().unwrap_or_default(),
            g: g.as_slice::<F>().unwrap_or_default(),
            state: state
                .each_mut()
                .map(|slot| slot.get_mut::<F>().unwrap_or_default()),
        });
    map::step(work.collect());
    for (part, (_, value, state)) in parts.iter_mut().zip(arrays) {
        part.param.put_array(value);
        for (slot, array) in part.state.iter_mut().zip(state) {
            *slot = Tensor::from(array);
        }
    }
}
