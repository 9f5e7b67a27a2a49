//! Running results along an axis: each element gets what has been accumulated up to it.

use crate::kernel::threads::parallel::{self, GRAIN};

/// Lines of elements, each of which has its own accumulator.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Lines<'a> {
    /// Those along the middle axis of (outer, len, inner): its length, and that of the inner axes.
    Axis([usize; 2]),
    /// Runs of a vector, which end in front of these places.
    Runs(&'a [usize]),
}

/// Calls `step(accumulator, i, [count, len])` for the elements of each line of `out`, and writes
/// the results to them. With `reverse` it runs from the last to the first. The accumulator of a
/// line starts as `first`. `i` is the index of the element in `out`, `count` the number of elements
/// of its line before it, and `len` that of all of them.
pub(crate) fn scan<A: Clone + Sync, T: Clone + Send>(
    reverse: bool,
    lines: Lines<'_>,
    first: A,
    out: &mut [T],
    step: &(impl Fn(&mut A, usize, [usize; 2]) -> T + Sync),
) {
    match lines {
        Lines::Axis(lengths) => along_axis(reverse, lengths, first, out, step),
        Lines::Runs(ends) => in_runs(reverse, ends, first, out, step),
    }
}

/// Lines of consecutive elements that are computed together: a step of one line waits for the step
/// before it.
const TOGETHER: usize = 4;

fn along_axis<A: Clone + Sync, T: Send>(
    reverse: bool,
    [len, inner]: [usize; 2],
    first: A,
    out: &mut [T],
    step: &(impl Fn(&mut A, usize, [usize; 2]) -> T + Sync),
) {
    let plane = len * inner;
    let planes = (GRAIN / plane.max(1)).max(1);
    let at = |count: usize| if reverse { len - 1 - count } else { count };
    if inner == 1 {
        let lines = planes.next_multiple_of(TOGETHER);
        parallel::chunks_mut(out, lines * len, &|start, out| {
            let mut lines = out.chunks_exact_mut(TOGETHER * len);
            let mut before = start;
            for out in &mut lines {
                let mut accumulators = std::array::from_fn::<A, TOGETHER, _>(|_| first.clone());
                for count in 0..len {
                    for (line, accumulator) in accumulators.iter_mut().enumerate() {
                        let i = line * len + at(count);
                        out[i] = step(accumulator, before + i, [count, len]);
                    }
                }
                before += out.len();
            }
            for out in lines.into_remainder().chunks_exact_mut(len) {
                let mut accumulator = first.clone();
                for count in 0..len {
                    let i = at(count);
                    out[i] = step(&mut accumulator, before + i, [count, len]);
                }
                before += len;
            }
        });
        return;
    }
    parallel::chunks_mut(out, planes * plane, &|start, out| {
        for (o, out) in out.chunks_exact_mut(plane).enumerate() {
            let mut line = vec![first.clone(); inner];
            for count in 0..len {
                let row = at(count) * inner;
                let before = start + o * plane + row;
                let slots = out[row..row + inner].iter_mut().zip(&mut line);
                for (j, (out, accumulator)) in slots.enumerate() {
                    *out = step(accumulator, before + j, [count, len]);
                }
            }
        }
    });
}

fn in_runs<A: Clone + Sync, T: Clone + Send>(
    reverse: bool,
    ends: &[usize],
    first: A,
    out: &mut [T],
    step: &(impl Fn(&mut A, usize, [usize; 2]) -> T + Sync),
) {
    let per_task = (GRAIN * ends.len() / out.len().max(1)).max(1);
    let found = parallel::collect(ends.len(), per_task, &|runs| {
        let mut results = Vec::new();
        for run in runs {
            let (start, end) = (
                run.checked_sub(1).map_or(0, |before| ends[before]),
                ends[run],
            );
            let (mut accumulator, len, before) = (first.clone(), end - start, results.len());
            for count in 0..len {
                let i = if reverse {
                    end - 1 - count
                } else {
                    start + count
                };
                results.push(step(&mut accumulator, i, [count, len]));
            }
            if reverse {
                results[before..].reverse();
            }
        }
        results
    });
    out.clone_from_slice(&found.concat());
}
