//! The index of the largest or the smallest element along an axis.

use crate::kernel::float::Float;
use crate::kernel::threads::parallel::{self, GRAIN};

/// Finds the index of the largest (or smallest) element of each line along the middle axis of `xs`
/// (outer, len, inner). Of equal elements the first counts, and the first NaN if there is one.
/// `len` is not 0.
pub(crate) fn places<F: Float>(
    xs: &[F],
    [len, inner]: [usize; 2],
    smallest: bool,
    out: &mut [usize],
) {
    if smallest {
        places_by(xs, [len, inner], out, &|x: F, best: F| x < best);
    } else {
        places_by(xs, [len, inner], out, &|x: F, best: F| x > best);
    }
}

fn places_by<F: Float>(
    xs: &[F],
    [len, inner]: [usize; 2],
    out: &mut [usize],
    beats: &(impl Fn(F, F) -> bool + Sync),
) {
    let wins = |x: F, best: F| beats(x, best) || (x.is_nan() && !best.is_nan());
    let planes = (GRAIN / (len * inner).max(1)).max(1);
    parallel::chunks_mut(out, planes * inner.max(1), &|start, out| {
        let xs = &xs[start * len..(start + out.len()) * len];
        if inner == 1 {
            for (xs, out) in xs.chunks_exact(len).zip(out) {
                let (mut best, mut place) = (xs[0], 0);
                for (i, &x) in xs.iter().enumerate() {
                    if wins(x, best) {
                        (best, place) = (x, i);
                    }
                }
                *out = place;
            }
            return;
        }
        for (xs, out) in xs
            .chunks_exact(len * inner)
            .zip(out.chunks_exact_mut(inner))
        {
            let mut best = xs[..inner].to_vec();
            out.fill(0);
            for (i, row) in xs.chunks_exact(inner).enumerate() {
                for ((&x, best), place) in row.iter().zip(&mut best).zip(out.iter_mut()) {
                    if wins(x, *best) {
                        (*best, *place) = (x, i);
                    }
                }
            }
        }
    });
}
