//! Measures the values inside a recurrent layer or attention.

use super::record::{Inside, Steps};
use super::statistics::{Share, Sizes, saturated_share};
use cotangent_core::{Forward, OpKind, Tensor};

/// Measures the values inside a recurrent layer or attention. `limit` is the derivative below which
/// an activation is saturated.
pub(super) fn inside(step: &Forward<'_>, limit: f64) -> Inside {
    let mut inside = Inside::default();
    if let Some([values, slopes]) = step.inner_activations()
        && !values.is_empty()
    {
        inside.saturated = Some(saturated_share(&values, &slopes, limit));
        if step.kind() == OpKind::Attention {
            let of = values.len();
            let mean = values.mean().item().ok();
            inside.largest_weight = mean.map(|mean| Share {
                sum: mean * of as f64,
                of,
            });
        }
    }
    if step.kind() == OpKind::Recurrence {
        inside.steps = steps(step);
    }
    inside
}

/// Measures the size of a gradient at each step on its way back through a recurrent layer: that of
/// the gradient of the input, from a gradient of ±1 at the last step. Returns `None` for fewer than
/// three steps.
fn steps(step: &Forward<'_>) -> Option<Steps> {
    let (output, (_, input)) = (step.output(), step.operands().next()?);
    let time = *input.shape().first()?;
    if time < 3 || output.is_empty() {
        return None;
    }
    // The states of all steps, then or only the last ones. That of the last step is the one of the
    // longest sequences.
    let results = output.shape()[0];
    let last = if results < time { 0 } else { time - 1 };
    let len = output.len() / results;
    let places = last * len..(last + 1) * len;
    let (samples, units) = (seeds(&input)?, *output.shape().last()?);
    let sign = |i: usize| {
        let seed = samples.get(i / units).copied().unwrap_or_default();
        let positive = mixed(seed ^ (i % units) as u64) >> 63 == 0;
        if positive { 1.0 } else { -1.0 }
    };
    let cotangent = (0..output.len()).map(|i| {
        let in_last = places.contains(&i);
        if in_last { sign(i - places.start) } else { 0.0 }
    });
    let cotangent = Tensor::from(&cotangent.collect::<Vec<f64>>()[..]);
    let cotangent = cotangent
        .to_dtype(output.dtype())
        .reshape(output.shape())
        .ok()?;
    let gradient = step.vjp(cotangent, 0).ok()??;
    Some(Steps {
        result: step.id(),
        sizes: Sizes::along_first(&gradient)?,
    })
}

/// Returns a seed for each sample of an input of the axes time, samples and features. It depends on
/// the values of the sample alone, so that a sample is measured the same in any batch.
fn seeds(input: &Tensor) -> Option<Vec<u64>> {
    let [_, samples, ref features @ ..] = *input.shape() else {
        return None;
    };
    let features = features.iter().product::<usize>().max(1);
    let mut seeds = vec![0u64; samples];
    for (i, x) in input.to_f64_vec().into_iter().enumerate() {
        let seed = &mut seeds[i / features % samples];
        *seed = mixed(*seed ^ x.to_bits());
    }
    Some(seeds)
}

/// Returns bits all of which depend on all bits of `x` (Steele, Lea and Flood, 2014, Fast
/// splittable pseudorandom number generators).
fn mixed(x: u64) -> u64 {
    let x = x.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}
