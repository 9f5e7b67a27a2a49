//! The step of an optimizer over many parameters, in one sweep and in place.

use super::param::Param;
use crate::autograd::Tensor;
use crate::error::{Error, Result};
use crate::kernel::Step;
use crate::kernel::elementwise::map;
use crate::tensor::{Array, Contiguous, Element, Rows, refusable};
use smallvec::SmallVec;

/// How a step treats rows of the first axis whose gradient is 0. The elements of a vector are its
/// rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ZeroRows {
    /// The formula changes them.
    Change,
    /// The formula leaves them as they are, so that the step need not visit them. It skips those
    /// that the gradient [does not store](crate::Tensor::sparse_rows).
    Keep,
    /// The step skips them, although the formula would change them.
    Skip,
}

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
    /// How the step treats rows whose gradient is 0.
    pub zero_rows: ZeroRows,
}

/// Computes `(w, state) := step(w, g, state)` for every element of every part, in place. If a live
/// graph still holds the old values, they are kept and new ones are written. The work is split over
/// threads, inside large parameters and across small ones. Rows whose gradient is 0 are left out as
/// [`Part::zero_rows`] says.
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
        .map(|part| {
            let swept = Swept::<F>::of(part.gradient.array(), part.zero_rows);
            (swept, part)
        })
        .collect();
    // All memory is requested before anything changes.
    let mut work = Vec::with_capacity(parts.len());
    for (Swept { elements, runs }, part) in &mut parts {
        let mut w = Rest(part.param.elements_mut::<F>());
        let mut state = part
            .state
            .each_mut()
            .map(|state| Rest(state.elements_mut::<F>()));
        let mut end = 0;
        for run in runs {
            let (skipped, len) = (run.start - end, run.len);
            end = run.start + len;
            work.push(map::StepPart {
                step: part.step,
                w: w.cut(skipped, len),
                g: &elements[run.place..run.place + len],
                state: state.each_mut().map(|state| state.cut(skipped, len)),
            });
        }
    }
    map::step(work);
}

/// The end of a slice, of which the front is cut off in pieces.
struct Rest<'a, F>(&'a mut [F]);

impl<'a, F> Rest<'a, F> {
    /// Cuts off `len` elements after those that are `skipped`.
    fn cut(&mut self, skipped: usize, len: usize) -> &'a mut [F] {
        let (_, rest) = std::mem::take(&mut self.0).split_at_mut(skipped);
        let (piece, rest) = rest.split_at_mut(len);
        self.0 = rest;
        piece
    }
}

/// The elements of a gradient that a step sweeps.
struct Swept<'a, F> {
    elements: Contiguous<'a, F>,
    runs: SmallVec<[Run; 1]>,
}

/// Adjacent elements of a parameter.
struct Run {
    /// The first one in the parameter.
    start: usize,
    /// Its place among the elements of the gradient, from which rows may be missing.
    place: usize,
    len: usize,
}

impl<'a, F: Element> Swept<'a, F> {
    fn of(gradient: &'a Array, zero_rows: ZeroRows) -> Self {
        let stored = gradient.rows().filter(|_| zero_rows != ZeroRows::Change);
        let elements = stored.map_or_else(|| gradient.contiguous(), Rows::values);
        let mut runs: SmallVec<[Run; 1]> = SmallVec::new();
        if stored.is_none() && zero_rows != ZeroRows::Skip {
            let len = elements.len();
            let (start, place) = (0, 0);
            runs.push(Run { start, place, len });
            return Self { elements, runs };
        }
        let len: usize = gradient.shape().iter().skip(1).product();
        for (i, row) in elements.chunks_exact(len.max(1)).enumerate() {
            if row.iter().all(|&x| x == F::default()) {
                continue;
            }
            let start = stored.map_or(i, |rows| rows.indices[i]) * len;
            let place = i * len;
            match runs.last_mut() {
                Some(run) if run.start + run.len == start && run.place + run.len == place => {
                    run.len += len;
                }
                _ => runs.push(Run { start, place, len }),
            }
        }
        Self { elements, runs }
    }
}
