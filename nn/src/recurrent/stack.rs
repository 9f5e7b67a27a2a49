//! Layers and directions: what all recurrent layers have in common.

use super::weights::{Read, RecurrentWeights, op};
use cotangent_core::module::{Module, Pass, Walk, WalkMut};
use cotangent_core::{Error, Indices, Recurrence, RecurrentCell, Result, Steps, Tensor};

/// The weights of all layers and directions, and the options of their run.
#[derive(Clone, Debug, Default)]
pub struct Stack {
    /// For each layer the weights of its directions.
    pub(super) weights: Vec<RecurrentWeights>,
    pub(super) bidirectional: bool,
    pub(super) dropout: f64,
    pub(super) time_first: bool,
    pub(super) last_only: bool,
}

/// A call: the input and its options.
#[derive(Clone, Copy, Debug)]
pub(super) struct Call<'a> {
    pub x: &'a Tensor,
    /// The initial states, each (layers · directions, batch, hidden), or none.
    pub initial: &'a [&'a Tensor],
    pub lengths: Option<&'a [usize]>,
    /// Whether the last states are returned.
    pub states: bool,
}

/// Calls `child(name, module)` for the parameters of each layer and direction, by PyTorch's names.
macro_rules! children {
    ($stack:expr, $walk:expr, $iter:ident, ($($mutability:tt)?)) => {
        let directions = $stack.directions();
        for (i, weights) in $stack.weights.$iter().enumerate() {
            let reverse = if i % directions == 1 { "_reverse" } else { "" };
            let suffix = format!("_l{}{reverse}", i / directions);
            let name = |name: &str| format!("{name}{suffix}");
            $walk.field(&name("weight_ih"), & $($mutability)? weights.weight_ih);
            $walk.field(&name("weight_hh"), & $($mutability)? weights.weight_hh);
            $walk.field(&name("bias_ih"), & $($mutability)? weights.bias_ih);
            $walk.field(&name("bias_hh"), & $($mutability)? weights.bias_hh);
        }
    };
}

impl Module for Stack {
    fn visit<'a>(&'a self, walk: &mut Walk<'a, '_>) {
        children!(self, walk, iter, ());
    }
    fn visit_mut<'a>(&'a mut self, walk: &mut WalkMut<'a, '_>) {
        children!(self, walk, iter_mut, (mut));
    }
}

impl Stack {
    pub(super) fn of_one(weights: RecurrentWeights) -> Self {
        Self {
            weights: vec![weights],
            ..Self::default()
        }
    }

    pub(super) fn directions(&self) -> usize {
        if self.bidirectional { 2 } else { 1 }
    }

    /// Returns the output and, if they are wanted, the last states, each (layers · directions,
    /// batch, hidden).
    pub(super) fn run(
        &self,
        cell: RecurrentCell,
        call: Call<'_>,
        pass: &Pass,
    ) -> Result<(Tensor, Vec<Tensor>)> {
        let mut x = self.with_time_first(cell, call.x)?;
        let batch = x.shape()[1];
        self.check(cell, &call, batch)?;
        let directions = self.directions();
        let layers = self.weights.len() / directions;
        let mut states = Vec::new();
        let mut outputs = Vec::new();
        for (layer, weights) in self.weights.chunks(directions).enumerate() {
            if layer > 0 && self.dropout > 0.0 {
                x = pass.dropout(&x, self.dropout)?;
            }
            let is_last = layer + 1 == layers;
            let steps = match (is_last && self.last_only, call.states) {
                (true, _) => Steps::Last,
                (false, true) => Steps::AllAndLast,
                (false, false) => Steps::All,
            };
            outputs.clear();
            for (direction, weights) in weights.iter().enumerate() {
                let place = layer * directions + direction;
                let initial = call.initial.iter();
                let initial = initial.map(|state| state.select(0, place as isize));
                let initial: Vec<Tensor> = initial.collect::<Result<_>>()?;
                let initial: Vec<&Tensor> = initial.iter().collect();
                let weights = Read::of(weights, pass);
                let recurrence = Recurrence {
                    initial: &initial,
                    lengths: call.lengths,
                    steps,
                    ..weights.recurrence(cell)
                };
                let reversed = direction == 1;
                let result = if reversed {
                    reverse(&x, call.lengths)?.recurrent(&recurrence)?
                } else {
                    x.recurrent(&recurrence)?
                };
                let time = x.shape()[0];
                let (output, last) = match steps {
                    Steps::All => (result, None),
                    Steps::Last => (result.select(0, 0)?, Some(result)),
                    Steps::AllAndLast => {
                        let count = result.shape()[0] - time;
                        let last = result.narrow(0, time, count)?;
                        (result.narrow(0, 0, time)?, Some(last))
                    }
                };
                states.extend(last);
                let backwards = reversed && steps != Steps::Last;
                outputs.push(if backwards {
                    reverse(&output, call.lengths)?
                } else {
                    output
                });
            }
            x = match &outputs[..] {
                [output] => output.clone(),
                outputs => Tensor::cat(outputs, -1)?,
            };
        }
        if !self.time_first && !self.last_only {
            x = x.transpose(0, 1)?;
        }
        if !call.states {
            return Ok((x, Vec::new()));
        }
        let kinds = states[0].shape()[0];
        let of_kind = |kind: usize| {
            let parts = states.iter().map(|state| state.narrow(0, kind, 1));
            match &parts.collect::<Result<Vec<_>>>()?[..] {
                [state] => Ok(state.clone()),
                parts => Tensor::cat(parts, 0),
            }
        };
        Ok((x, (0..kinds).map(of_kind).collect::<Result<_>>()?))
    }

    /// Returns the input as (time, batch, in).
    fn with_time_first(&self, cell: RecurrentCell, x: &Tensor) -> Result<Tensor> {
        let (order, time) = if self.time_first {
            ("(time, batch, in)", 0)
        } else {
            ("(batch, time, in)", 1)
        };
        if x.rank() != 3 || x.shape()[time] == 0 {
            let reason = format!("expected input {order} with at least one step");
            return Err(Error::shape(op(cell), reason, &[x.shape()]));
        }
        if self.time_first {
            Ok(x.clone())
        } else {
            x.transpose(0, 1)
        }
    }

    /// Checks the initial states.
    fn check(&self, cell: RecurrentCell, call: &Call<'_>, batch: usize) -> Result<()> {
        let hidden = self.weights[0].weight_hh.shape()[1];
        let count = self.weights.len();
        for state in call.initial {
            if state.shape() != [count, batch, hidden] {
                let reason = format!(
                    "expected initial states (layers · directions, batch, hidden), here ({count}, \
                     {batch}, {hidden})"
                );
                return Err(Error::shape(op(cell), reason, &[state.shape()]));
            }
        }
        Ok(())
    }
}

/// Reverses the steps of each sequence of (time, batch, features) within its length.
fn reverse(x: &Tensor, lengths: Option<&[usize]>) -> Result<Tensor> {
    let &[time, batch, features] = x.shape() else {
        return x.flip(0);
    };
    let lengths = match lengths {
        Some(lengths) if lengths.iter().any(|&length| length != time) => lengths,
        _ => return x.flip(0),
    };
    let place = |step: usize, (sample, &length): (usize, &usize)| {
        let step = if step < length {
            length - 1 - step
        } else {
            step
        };
        step * batch + sample
    };
    let places = (0..time).flat_map(|step| {
        let samples = lengths.iter().enumerate();
        samples.map(move |sample| place(step, sample))
    });
    let places: Vec<usize> = places.collect();
    let rows = x.reshape([time * batch, features])?;
    rows.index_select(0, &Indices::from(places))?
        .reshape([time, batch, features])
}
