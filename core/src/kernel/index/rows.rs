//! Taking by index and adding up by index, which all indexing operations reduce to.
//!
//! Arrays are (outer, axis, inner). Either each of `count` slices of the axis has one index, the
//! same for all of outer, or each element of (outer, count, inner) has its own.

use super::are_ascending;
use crate::kernel::float::Float;
use crate::kernel::threads::parallel::{self, GRAIN};

/// Slices that are added up one by one. Longer lists are split in halves.
const LEAF: usize = 32;

/// The number of slices taken, the length of the axis they are taken from, and the length of a
/// slice.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sizes {
    pub count: usize,
    pub len: usize,
    pub inner: usize,
}

/// Computes `out[o, k] = xs[o, indices[k]]`.
pub(crate) fn take_slices<F: Float>(sizes: Sizes, indices: &[usize], xs: &[F], out: &mut [F]) {
    let Sizes { count, len, inner } = sizes;
    for_runs(count, inner, out, &|o, first, out| {
        let block = &xs[o * len * inner..(o + 1) * len * inner];
        let indices = &indices[first..];
        if inner == 1 {
            for (out, &index) in out.iter_mut().zip(indices) {
                *out = block[index];
            }
        } else {
            for (out, &index) in out.chunks_exact_mut(inner).zip(indices) {
                out.copy_from_slice(&block[index * inner..(index + 1) * inner]);
            }
        }
    });
}

/// Computes `out[o, k, i] = xs[o, indices[o, k, i], i]`.
pub(crate) fn take_each<F: Float>(sizes: Sizes, indices: &[usize], xs: &[F], out: &mut [F]) {
    let Sizes { count, len, inner } = sizes;
    for_runs(count, inner, out, &|o, first, out| {
        let block = &xs[o * len * inner..(o + 1) * len * inner];
        let indices = &indices[(o * count + first) * inner..];
        if inner == 1 {
            for (out, &index) in out.iter_mut().zip(indices) {
                *out = block[index];
            }
        } else {
            let slices = out.chunks_exact_mut(inner).zip(indices.chunks_exact(inner));
            for (out, indices) in slices {
                for (i, (out, &index)) in out.iter_mut().zip(indices).enumerate() {
                    *out = block[index * inner + i];
                }
            }
        }
    });
}

/// Computes `out[o, indices[k]] += xs[o, k]`. Slices with equal index are added pairwise, in order.
pub(crate) fn add_slices<F: Float>(sizes: Sizes, indices: &[usize], xs: &[F], out: &mut [F]) {
    if xs.is_empty() {
        return;
    }
    let block = sizes.count * sizes.inner;
    if are_ascending(indices) {
        for_ascending(sizes, indices, out, &|o, k, out| {
            let start = o * block + k * sizes.inner;
            let xs = &xs[start..start + sizes.inner];
            out.iter_mut().zip(xs).for_each(|(out, &x)| *out += x);
        });
        return;
    }
    // A counting sort of the slices by index. First slot i + 2 counts the slices of index i; then
    // slot i + 1 is the start of the list of index i; at last it is its end, where the next one
    // starts.
    let mut bounds = vec![0usize; sizes.len + 2];
    for index in indices {
        bounds[index + 2] += 1;
    }
    for slot in 2..bounds.len() {
        bounds[slot] += bounds[slot - 1];
    }
    let mut listed = vec![0usize; indices.len()];
    for (k, index) in indices.iter().enumerate() {
        listed[bounds[index + 1]] = k;
        bounds[index + 1] += 1;
    }
    for_runs(sizes.len, sizes.inner, out, &|o, first, out| {
        let xs = &xs[o * block..(o + 1) * block];
        for (index, out) in (first..).zip(out.chunks_exact_mut(sizes.inner)) {
            add_listed(xs, &listed[bounds[index]..bounds[index + 1]], out);
        }
    });
}

/// The slices of each index that occurs, in ascending order of the indices.
pub(crate) struct Occurring {
    /// The indices that occur, each once.
    pub indices: Vec<usize>,
    /// Where the slices of each index start in `listed`, and the end of the last.
    bounds: Vec<usize>,
    /// Numbers of slices.
    listed: Vec<usize>,
}

impl Occurring {
    /// Sorts the slices by index, which takes no memory for indices that do not occur.
    pub(crate) fn of(indices: &[usize]) -> Self {
        let mut listed: Vec<usize> = (0..indices.len()).collect();
        listed.sort_unstable_by_key(|&k| (indices[k], k));
        let starts =
            |&place: &usize| place == 0 || indices[listed[place]] != indices[listed[place - 1]];
        let mut bounds: Vec<usize> = (0..listed.len()).filter(starts).collect();
        let indices = bounds.iter().map(|&place| indices[listed[place]]).collect();
        bounds.push(listed.len());
        Self {
            indices,
            bounds,
            listed,
        }
    }

    /// Computes the sum of the slices of each index that occurs, as [`add_slices`] does.
    pub(crate) fn sums<F: Float>(&self, xs: &[F], out: &mut [F]) {
        let inner = out.len() / self.indices.len().max(1);
        for_runs(self.indices.len(), inner, out, &|_, first, out| {
            out.fill(F::default());
            for (i, out) in (first..).zip(out.chunks_exact_mut(inner)) {
                add_listed(xs, &self.listed[self.bounds[i]..self.bounds[i + 1]], out);
            }
        });
    }
}

/// Writes a table of zeros with `values` in the rows `indices`, which are ascending.
pub(crate) fn place<F: Float>(indices: &[usize], values: &[F], out: &mut [F]) {
    let width = values.len() / indices.len().max(1);
    if width == 0 {
        return out.fill(F::default());
    }
    for_runs(out.len() / width, width, out, &|_, first, out| {
        out.fill(F::default());
        let after = first + out.len() / width;
        let found = indices.partition_point(|&row| row < first);
        let rows = indices[found..].iter().take_while(|&&row| row < after);
        for (row, values) in rows.zip(values[found * width..].chunks_exact(width)) {
            let start = (row - first) * width;
            out[start..start + width].copy_from_slice(values);
        }
    });
}

/// Adds the listed slices of `xs` to `out`.
fn add_listed<F: Float>(xs: &[F], listed: &[usize], out: &mut [F]) {
    let len = out.len();
    if listed.len() <= LEAF {
        for k in listed {
            let xs = &xs[k * len..(k + 1) * len];
            out.iter_mut().zip(xs).for_each(|(out, &x)| *out += x);
        }
        return;
    }
    let (first, second) = listed.split_at(listed.len() / 2);
    let mut sum = vec![F::default(); len];
    add_listed(xs, first, out);
    add_listed(xs, second, &mut sum);
    out.iter_mut().zip(sum).for_each(|(out, x)| *out += x);
}

/// Computes `out[o, indices[o, k, i], i] += xs[o, k, i]`. Elements with equal index are added in
/// order, in `f64`.
pub(crate) fn add_each<F: Float>(sizes: Sizes, indices: &[usize], xs: &[F], out: &mut [F]) {
    if xs.is_empty() {
        return;
    }
    let Sizes { count, len, inner } = sizes;
    let per_task = (GRAIN / ((len + count) * inner)).max(1);
    parallel::chunks_mut(out, per_task * len * inner, &|start, out| {
        let mut sums: Vec<f64> = Vec::with_capacity(len * inner);
        for (o, out) in (start / (len * inner)..).zip(out.chunks_exact_mut(len * inner)) {
            sums.clear();
            sums.extend(out.iter().map(|&x| x.to_f64()));
            let block = o * count * inner..(o + 1) * count * inner;
            for_places(inner, &xs[block.clone()], &indices[block], |place, &x| {
                sums[place] += x.to_f64();
            });
            let sums = out.iter_mut().zip(&sums);
            sums.for_each(|(out, &sum)| *out = F::from_f64(sum));
        }
    });
}

/// Calls `body(place, x)` for each element of a block (count, inner), where the place is that of
/// its index in (len, inner).
#[inline(always)]
pub(super) fn for_places<X>(
    inner: usize,
    xs: &[X],
    indices: &[usize],
    mut body: impl FnMut(usize, &X),
) {
    if inner == 1 {
        xs.iter()
            .zip(indices)
            .for_each(|(x, &index)| body(index, x));
        return;
    }
    for (xs, indices) in xs.chunks_exact(inner).zip(indices.chunks_exact(inner)) {
        for (i, (x, index)) in xs.iter().zip(indices).enumerate() {
            body(index * inner + i, x);
        }
    }
}

/// Calls `body(outer, k, slice)` for the slices `out[outer, indices[k]]`. The indices are strictly
/// ascending.
pub(super) fn for_ascending<F: Float>(
    sizes: Sizes,
    indices: &[usize],
    out: &mut [F],
    body: &(impl Fn(usize, usize, &mut [F]) + Sync),
) {
    for_runs(sizes.len, sizes.inner, out, &|o, first, out| {
        let after = first + out.len() / sizes.inner;
        let [found, end] = [first, after].map(|limit| indices.partition_point(|&i| i < limit));
        for (k, index) in (found..).zip(&indices[found..end]) {
            let start = (index - first) * sizes.inner;
            body(o, k, &mut out[start..start + sizes.inner]);
        }
    });
}

/// Calls `body(outer, first, run)` for runs of slices of `out` (outer, count, inner): consecutive
/// slices within one `outer`, from slice number `first` on.
fn for_runs<F: Float>(
    count: usize,
    inner: usize,
    out: &mut [F],
    body: &(impl Fn(usize, usize, &mut [F]) + Sync),
) {
    if out.is_empty() {
        return;
    }
    let per_task = (GRAIN / inner).max(1);
    parallel::chunks_mut(out, per_task * inner, &|start, out| {
        let (mut o, mut first) = (start / inner / count, start / inner % count);
        let mut rest = out;
        while !rest.is_empty() {
            let (run, behind) = rest.split_at_mut(((count - first) * inner).min(rest.len()));
            body(o, first, run);
            (o, first, rest) = (o + 1, 0, behind);
        }
    });
}
