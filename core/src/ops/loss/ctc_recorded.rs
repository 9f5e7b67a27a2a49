//! The loss of connectionist temporal classification, composed of recorded operations: its
//! derivatives can be differentiated again.

use crate::autograd::Tensor;
use crate::error::Result;
use crate::kernel::loss::ctc::Sequence;
use crate::tensor::{DType, Indices, Mask};

/// The logarithm of a probability that counts as 0: a finite number, since infinite ones have no
/// derivatives. Sums of numbers of the range of `f32` do not reach it.
const NOTHING: f64 = -1e100;

/// Computes the losses `(batch)` of log-probabilities `(batch, time, classes)`, in `f64` as the
/// kernel does.
pub(crate) fn composed(x: &Tensor, sequences: &[Sequence], zero_infinity: bool) -> Result<Tensor> {
    let dtype = x.dtype();
    let x = x.to_dtype(DType::F64);
    let (batch, time) = (x.shape()[0], x.shape()[1]);
    let states = sequences
        .iter()
        .map(|sequence| sequence.states.classes.len());
    let states = states.max().unwrap_or(1);
    let rows = |f: &dyn Fn(&Sequence, usize) -> bool| -> Result<Mask> {
        let row = |sequence| (0..states).map(move |s| f(sequence, s));
        Mask::from_vec(sequences.iter().flat_map(row).collect(), [batch, states])
    };
    let mut emitted = Vec::with_capacity(batch * time * states);
    for sequence in sequences {
        let classes = &sequence.states.classes;
        let padded = (0..states).map(|s| classes.get(s).copied().unwrap_or(classes[0]));
        (0..time).for_each(|_| emitted.extend(padded.clone()));
    }
    let emitted = Indices::from_vec(emitted, [batch, time, states])?;
    let emitted = x.gather(2, &emitted)?.clamp(NOTHING, f64::INFINITY);
    let at = |t: usize| emitted.select(1, t as isize);
    let no_skip = rows(&|sequence, s| sequence.states.skips.get(s) != Some(&0.0))?;
    let nothing = |len: usize| Tensor::full([batch, len], NOTHING, x.dtype());
    // Before the first step, a path is about to enter the first blank or the first label.
    let mut logs = nothing(states)?;
    for t in 0..time {
        let next = if t == 0 {
            let later = rows(&|_, s| s > 1)?;
            at(0)?.masked_fill(&later, NOTHING)?
        } else {
            let shifted = |by: usize| {
                let by = by.min(states);
                let kept = logs.narrow(1, 0, states - by)?;
                Tensor::cat(&[nothing(by)?, kept], 1)
            };
            let skipped = shifted(2)?.masked_fill(&no_skip, NOTHING)?;
            let paths = Tensor::stack(&[logs.clone(), shifted(1)?, skipped], 0)?;
            paths.logsumexp_over(0)?.add(&at(t)?)?
        };
        let counts = sequences
            .iter()
            .map(|sequence| t < sequence.steps)
            .collect();
        logs = Mask::from_vec(counts, [batch, 1])?.select(&next, &logs)?;
    }
    let other = rows(&|sequence, s| {
        let len = sequence.states.classes.len();
        s >= len || s + 2 < len
    })?;
    let losses = logs.masked_fill(&other, NOTHING)?.logsumexp_over(1)?.neg();
    // Without steps, the empty sequence is certain.
    let certain = |s: &Sequence| s.steps == 0 && s.states.classes.len() == 1;
    let certain = Mask::from_vec(sequences.iter().map(certain).collect(), [batch])?;
    let losses = losses.masked_fill(&certain, 0.0)?;
    let impossible = losses.ge_scalar(-0.5 * NOTHING);
    let factor = if zero_infinity { 0.0 } else { f64::NAN };
    let [one, factor] = [1.0, factor].map(|value| losses.constant_like(value));
    let losses = losses.mul(&impossible.select(&factor, &one)?)?;
    Ok(losses.to_dtype(dtype))
}
