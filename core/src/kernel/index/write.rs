//! Overwriting by index, on arrays as in [`rows`](super::rows).

use super::rows::{Sizes, for_ascending};
use crate::kernel::float::Float;
use crate::kernel::threads::parallel::{self, GRAIN};

/// Computes `out[o, indices[k]] = xs[o, k]`. The indices are strictly ascending.
pub(crate) fn write_slices<F: Float>(sizes: Sizes, indices: &[usize], xs: &[F], out: &mut [F]) {
    let Sizes { count, inner, .. } = sizes;
    for_ascending(sizes, indices, out, &|o, k, out| {
        let start = (o * count + k) * inner;
        out.copy_from_slice(&xs[start..start + inner]);
    });
}

/// Computes `out[o, indices[o, k, i], i] = xs[o, k, i]`. Of several elements with one index, the
/// last stays.
pub(crate) fn write_each<F: Float>(sizes: Sizes, indices: &[usize], xs: &[F], out: &mut [F]) {
    if xs.is_empty() {
        return;
    }
    let Sizes { count, len, inner } = sizes;
    let per_task = (GRAIN / ((len + count) * inner)).max(1);
    parallel::chunks_mut(out, per_task * len * inner, &|start, out| {
        for (o, out) in (start / (len * inner)..).zip(out.chunks_exact_mut(len * inner)) {
            let block = o * count * inner..(o + 1) * count * inner;
            let slices = xs[block.clone()].chunks_exact(inner);
            for (xs, indices) in slices.zip(indices[block].chunks_exact(inner)) {
                for (i, (&x, index)) in xs.iter().zip(indices).enumerate() {
                    out[index * inner + i] = x;
                }
            }
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
        let blocks = indices[start..].chunks_exact(count * inner);
        for (out, indices) in out.chunks_exact_mut(count * inner).zip(blocks) {
            let place = |k: usize| indices[k] * inner + k % inner;
            (0..indices.len()).for_each(|k| last[place(k)] = k);
            for (k, out) in out.iter_mut().enumerate() {
                *out = last[place(k)] == k;
            }
        }
    });
}
