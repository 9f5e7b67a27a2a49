//! Running results along an axis: each element gets what has been accumulated up to it.

use crate::kernel::threads::parallel::{self, GRAIN};

/// Calls `step(accumulator, i, count)` for the elements along the middle axis of `out` (outer, len,
/// inner), and writes the results to them. With `reverse` it runs from the last to the first. Each
/// line of the axis has its own accumulator, which starts as `first`. `i` is the index of the
/// element in `out`, and `count` the number of elements of its line before it.
pub(crate) fn scan<A: Clone + Sync, T: Send>(
    reverse: bool,
    [len, inner]: [usize; 2],
    first: A,
    out: &mut [T],
    step: &(impl Fn(&mut A, usize, usize) -> T + Sync),
) {
    let plane = len * inner;
    let planes = (GRAIN / plane.max(1)).max(1);
    parallel::chunks_mut(out, planes * plane, &|start, out| {
        for (o, out) in out.chunks_exact_mut(plane).enumerate() {
            let mut line = vec![first.clone(); inner];
            for count in 0..len {
                let row = if reverse { len - 1 - count } else { count } * inner;
                let before = start + o * plane + row;
                let slots = out[row..row + inner].iter_mut().zip(&mut line);
                for (j, (out, accumulator)) in slots.enumerate() {
                    *out = step(accumulator, before + j, count);
                }
            }
        }
    });
}
