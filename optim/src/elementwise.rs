//! Runs a rule as an algorithm, in one sweep over the elements of all parameters.

use crate::algorithm::{Algorithm, ParamState, ParamStep};
use crate::rule::{Rule, StepInfo};
use cotangent_core::kernel::{Real, Step};
use cotangent_core::module::{Part, ZeroRows, step};
use cotangent_core::{Error, Result, Tensor};

/// The [`Algorithm`] that applies a [`Rule`] to every element, in one sweep over all parameters. If
/// the system refuses memory, no parameter has changed.
#[derive(Clone, Copy, Debug)]
pub struct Elementwise<R, const N: usize>(pub R);

impl<R: Rule<N>, const N: usize> Algorithm for Elementwise<R, N> {
    fn name(&self) -> &'static str {
        R::NAME
    }

    fn state_names(&self) -> Vec<Vec<&'static str>> {
        vec![R::STATE.into_iter().chain(R::CARRY).collect()]
    }

    fn init(&self, _path: &str, value: &Tensor) -> Result<ParamState> {
        let mut tensors = Vec::with_capacity(N);
        for (name, initial) in R::STATE.into_iter().zip(self.0.initial()) {
            let tensor = Tensor::full(value.shape(), initial, value.dtype())?;
            tensors.push((name, tensor));
        }
        tensors.extend(R::CARRY.map(|name| (name, Tensor::from(1.0f64))));
        Ok(ParamState { steps: 0, tensors })
    }

    fn has_lazy_rows(&self) -> bool {
        true
    }

    fn update(&self, step: &mut ParamStep<'_>) -> Result<()> {
        self.sweep(std::slice::from_mut(step))
    }

    fn update_all(&self, mut steps: Vec<ParamStep<'_>>) -> Result<()> {
        self.sweep(&mut steps)?;
        steps.into_iter().for_each(ParamStep::done);
        Ok(())
    }
}

impl<R: Rule<N>, const N: usize> Elementwise<R, N> {
    fn sweep(&self, steps: &mut [ParamStep<'_>]) -> Result<()> {
        let mut parts = Vec::with_capacity(steps.len());
        let mut carried = Vec::new();
        for step in steps {
            let tensors = &mut step.state.tensors;
            let Some((state, rest)) = tensors.split_first_chunk_mut::<N>() else {
                let reason = format!("expected {N} tensors of state");
                return Err(Error::argument(R::NAME, reason));
            };
            let mut at = StepInfo {
                number: step.number,
                settings: step.settings,
                carry: 1.0,
                shared: [0.0; 3],
            };
            if let Some((_, carry)) = rest.first_mut() {
                at.carry = carry.item()?;
                carried.push(carry);
            }
            self.0.prepare(&mut at);
            let zero_rows = if step.lazy_rows {
                ZeroRows::Skip
            } else if self.0.keeps_at_zero(&at) {
                ZeroRows::Keep
            } else {
                ZeroRows::Change
            };
            parts.push(Part {
                param: &mut *step.param,
                gradient: step.gradient,
                state: state.each_mut().map(|(_, slot)| slot),
                step: Element { rule: self.0, at },
                zero_rows,
            });
        }
        step(&mut parts)?;
        for (part, carry) in parts.iter().zip(carried) {
            *carry = Tensor::from(part.step.at.carry);
        }
        Ok(())
    }
}

/// A rule with the numbers of one step.
#[derive(Clone, Copy, Debug)]
struct Element<R> {
    rule: R,
    at: StepInfo,
}

impl<R: Rule<N>, const N: usize> Step<N> for Element<R> {
    #[inline(always)]
    fn apply<T: Real>(self, w: T, g: T, state: [T; N]) -> (T, [T; N]) {
        self.rule.update(self.at, w, g, state)
    }
}
