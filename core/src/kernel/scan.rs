//! Running results along an axis: what has been accumulated up to each element.

use super::parallel::{self, GRAIN};
use super::real::Float;

/// In which order a scan goes along its axis, and what it writes at an element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Scan {
    /// From the last element to the first.
    pub reverse: bool,
    /// What was accumulated before the element, without it.
    pub exclusive: bool,
}

/// Writes, along the middle axis of `out` (outer, len, inner), the values of an accumulator that
/// starts as `first` and at the element number `i` becomes `step(accumulator, i)`.
///
/// It accumulates in `f64`, so that single precision rounds each result once.
pub(crate) fn scan<F: Float>(
    scan: Scan,
    [len, inner]: [usize; 2],
    first: f64,
    out: &mut [F],
    step: &(impl Fn(f64, usize) -> f64 + Sync),
) {
    let plane = len * inner;
    let planes = (GRAIN / plane.max(1)).max(1);
    parallel::chunks_mut(out, planes * plane, &|start, out| {
        let mut line = vec![first; inner];
        for (o, out) in out.chunks_exact_mut(plane).enumerate() {
            line.fill(first);
            for i in 0..len {
                let row = if scan.reverse { len - 1 - i } else { i } * inner;
                let before = start + o * plane + row;
                for (j, (out, value)) in out[row..row + inner].iter_mut().zip(&mut line).enumerate()
                {
                    let old = *value;
                    *value = step(old, before + j);
                    *out = F::from_f64(if scan.exclusive { old } else { *value });
                }
            }
        }
    });
}
