//! Overwriting by index, and means and extremes of the elements of one index, on arrays as in
//! [`rows`](super::rows).

use super::rows::{Sizes, for_ascending, for_places};
use crate::kernel::float::Float;
use crate::kernel::threads::parallel::{self, GRAIN};

/// Computes `out[o, indices[k]] = xs[o, k]`. The indices are strictly ascending.
pub(crate) fn write_slices<F: Float>(sizes: Sizes, indices: &[usize], xs: &[F], out: &mut [F]) {
    let Sizes { count, inner, .. } = sizes;
    for_ascending(sizes, indices, out, &|o, k, out| {
        let start = (o * count + k) * inner;
        match out {
            // A copy of one element would be a call.
            [out] => *out = xs[start],
            _ => out.copy_from_slice(&xs[start..start + inner]),
        }
    });
}

/// Computes `out[o, indices[o, k, i], i] = xs[o, k, i]`. Of several elements with one index, the
/// last stays.
pub(crate) fn write_each<F: Float>(sizes: Sizes, indices: &[usize], xs: &[F], out: &mut [F]) {
    fold_each(sizes, indices, xs, out, &|_, x| x);
}

/// Replaces `out[o, indices[o, k, i], i]` by the larger of it and `xs[o, k, i]`, or by the smaller.
/// NaN wins.
pub(crate) fn extreme_each<F: Float>(
    sizes: Sizes,
    indices: &[usize],
    smallest: bool,
    xs: &[F],
    out: &mut [F],
) {
    // Each selection has one comparison: then it is no branch.
    let or_nan = |old: F, best: F| if old.is_nan() { old } else { best };
    if smallest {
        fold_each(sizes, indices, xs, out, &|old, x| {
            or_nan(old, if old <= x { old } else { x })
        });
    } else {
        fold_each(sizes, indices, xs, out, &|old, x| {
            or_nan(old, if old >= x { old } else { x })
        });
    }
}

/// Replaces `out[o, indices[o, k, i], i]` by the mean of `xs[o, k, i]`, and of itself if it takes
/// part, or leaves it if there are none. `counts` are the numbers of elements.
pub(crate) fn mean_each<F: Float>(
    sizes: Sizes,
    indices: &[usize],
    counts: &[F],
    xs: &[F],
    out: &mut [F],
) {
    if xs.is_empty() {
        return;
    }
    let Sizes { count, len, inner } = sizes;
    let per_task = (GRAIN / ((len + count) * inner)).max(1);
    parallel::chunks_mut(out, per_task * len * inner, &|start, out| {
        let mut sums = Vec::with_capacity(len * inner);
        for (o, out) in (start / (len * inner)..).zip(out.chunks_exact_mut(len * inner)) {
            // The second sum does not overflow.
            let both = |x: F| [x.to_f64(), x.to_f64() * SMALL];
            sums.clear();
            sums.extend(out.iter().map(|&x| both(x)));
            let block = o * count * inner..(o + 1) * count * inner;
            for_places(inner, &xs[block.clone()], &indices[block], |place, &x| {
                let sum: &mut [f64; 2] = &mut sums[place];
                let added = both(x);
                *sum = [sum[0] + added[0], sum[1] + added[1]];
            });
            let counts = &counts[o * len * inner..(o + 1) * len * inner];
            for ((out, sum), count) in out.iter_mut().zip(&sums).zip(counts) {
                let count = Float::to_f64(*count);
                *out = F::from_f64(if sum[0].is_finite() {
                    sum[0] / count
                } else {
                    sum[1] / count / SMALL
                });
            }
        }
    });
}

/// 2^-64.
const SMALL: f64 = f64::from_bits((1023 - 64) << 52);

/// Replaces `out[o, indices[o, k, i], i]` by a function of it and of `xs[o, k, i]`, in order.
fn fold_each<F: Float>(
    sizes: Sizes,
    indices: &[usize],
    xs: &[F],
    out: &mut [F],
    next: &(impl Fn(F, F) -> F + Sync),
) {
    if xs.is_empty() {
        return;
    }
    let Sizes { count, len, inner } = sizes;
    let per_task = (GRAIN / ((len + count) * inner)).max(1);
    parallel::chunks_mut(out, per_task * len * inner, &|start, out| {
        for (o, out) in (start / (len * inner)..).zip(out.chunks_exact_mut(len * inner)) {
            let block = o * count * inner..(o + 1) * count * inner;
            for_places(inner, &xs[block.clone()], &indices[block], |place, &x| {
                out[place] = next(out[place], x);
            });
        }
    });
}

/// Computes whether [`write_each`] keeps each element.
pub(crate) fn kept_each(sizes: Sizes, indices: &[usize], out: &mut [bool]) {
    if indices.is_empty() {
        return;
    }
    let Sizes { count, len, inner } = sizes;
    let per_task = (GRAIN / ((len + count) * inner)).max(1);
    parallel::chunks_mut(out, per_task * count * inner, &|start, out| {
        let mut last = vec![0; len * inner];
        let numbers: Vec<usize> = (0..count * inner).collect();
        let blocks = indices[start..].chunks_exact(count * inner);
        for (out, indices) in out.chunks_exact_mut(count * inner).zip(blocks) {
            for_places(inner, &numbers, indices, |place, &k| last[place] = k);
            for_places(inner, &numbers, indices, |place, &k| {
                out[k] = last[place] == k;
            });
        }
    });
}

/// Sorts the elements of two arrays by their place in the first, (outer, len, inner): the element
/// of the first array, then those of the second, (outer, count, inner), that have its index, in
/// order. Returns their numbers, in which those of the second array follow on those of the first,
/// and the ends of the elements of each place.
pub(crate) fn sorted_by_place(
    sizes: Sizes,
    places: usize,
    indices: &[usize],
) -> (Vec<usize>, Vec<usize>) {
    let Sizes { count, len, inner } = sizes;
    let place = |k: usize| {
        let outer = k / (count * inner);
        (outer * len + indices[k]) * inner + k % inner
    };
    let mut ends = vec![1; places];
    (0..indices.len()).for_each(|k| ends[place(k)] += 1);
    let mut sum = 0;
    for end in &mut ends {
        sum += *end;
        *end = sum;
    }
    let mut order = vec![0; sum];
    // The next free slot of each place.
    let mut next: Vec<usize> = [0].iter().chain(&ends).copied().take(places).collect();
    let elements = (0..places).map(|p| (p, p));
    for (p, number) in elements.chain((0..indices.len()).map(|k| (place(k), places + k))) {
        order[next[p]] = number;
        next[p] += 1;
    }
    (order, ends)
}
