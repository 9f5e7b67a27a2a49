//! Group normalization: each group of channels of a sample is a row that is normalized by its own
//! mean and variance. Gamma and beta belong to the channels.

use super::layer_norm::{STATISTICS, normalized};
use crate::kernel::float::Float;
use crate::kernel::isa::{Isa, Kernel, dispatch};
use crate::kernel::reduce::fold::{Sum, pairwise};
use crate::kernel::threads::parallel::{self, GRAIN};

/// The sizes of a group: its channels, and the elements of each.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Group {
    pub channels: usize,
    pub inner: usize,
}

impl Group {
    pub(crate) fn len(self) -> usize {
        self.channels * self.inner
    }
}

/// Groups with their [`statistics`](super::layer_norm::statistics).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Groups<'a, F> {
    pub xs: &'a [F],
    pub statistics: &'a [F],
    /// The number of groups of a sample.
    pub count: usize,
    pub size: Group,
    /// The scale of each channel, or empty for ones.
    pub gamma: &'a [F],
}

impl<'a, F: Float> Groups<'a, F> {
    fn rows_per_task(&self) -> usize {
        (GRAIN / self.size.len()).max(1)
    }

    /// Returns the elements and the statistics of row `row`.
    fn row(&self, row: usize) -> (&'a [F], &'a [F]) {
        let len = self.size.len();
        (
            &self.xs[row * len..(row + 1) * len],
            &self.statistics[row * STATISTICS..(row + 1) * STATISTICS],
        )
    }

    /// Returns the coefficients of a row's channels.
    fn of_row<'c>(&self, coefficients: &'c [F], row: usize) -> &'c [F] {
        if coefficients.is_empty() {
            return coefficients;
        }
        let first = row % self.count * self.size.channels;
        &coefficients[first..first + self.size.channels]
    }
}

/// Multiplies each channel of a row by its coefficient; no coefficients are ones.
#[inline(always)]
fn scale<F: Float>(row: &mut [F], inner: usize, coefficients: &[F]) {
    if inner == 1 {
        row.iter_mut().zip(coefficients).for_each(|(x, &c)| *x *= c);
        return;
    }
    for (channel, &c) in row.chunks_exact_mut(inner).zip(coefficients) {
        for x in channel {
            *x *= c;
        }
    }
}

/// Computes `out = normalized x · gamma + beta`. Empty coefficients are ones and zeros.
pub(crate) fn normalize<F: Float>(groups: Groups<'_, F>, beta: &[F], out: &mut [F]) {
    let len = groups.size.len();
    parallel::chunks_mut(out, groups.rows_per_task() * len, &|start, out| {
        dispatch(Normalize {
            groups,
            beta,
            first: start / len,
            out,
        });
    });
}

struct Normalize<'a, F> {
    groups: Groups<'a, F>,
    beta: &'a [F],
    /// The number of the first row.
    first: usize,
    out: &'a mut [F],
}

impl<F: Float> Kernel for Normalize<'_, F> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(self) {
        let Group { inner, .. } = self.groups.size;
        let rows = self.out.chunks_exact_mut(self.groups.size.len());
        for (row, out) in rows.enumerate() {
            let row = self.first + row;
            let (xs, statistics) = self.groups.row(row);
            for (out, &x) in out.iter_mut().zip(xs) {
                *out = normalized(x, statistics);
            }
            // The row is in the cache, so these loops do not sweep over memory again.
            scale(out, inner, self.groups.of_row(self.groups.gamma, row));
            let beta = self.groups.of_row(self.beta, row);
            if inner == 1 {
                out.iter_mut().zip(beta).for_each(|(out, &c)| *out += c);
                continue;
            }
            for (channel, &c) in out.chunks_exact_mut(inner).zip(beta) {
                for out in channel {
                    *out += c;
                }
            }
        }
    }
}

/// Computes, in one sweep, for each channel of each sample Σ g and Σ g · normalized x, and the
/// cotangent of the rows, unless `out` is empty. `sums` is (rows, 2, channels of a group).
///
/// With h = g gamma the cotangent is `(h - mean of h - normalized x · mean of (h · normalized x)) /
/// sqrt(variance + epsilon)`.
pub(crate) fn backward<F: Float>(groups: Groups<'_, F>, gs: &[F], sums: &mut [F], out: &mut [F]) {
    let len = groups.size.len();
    let lens = [
        2 * groups.size.channels,
        if out.is_empty() { 0 } else { len },
    ];
    let rows = groups.rows_per_task();
    parallel::pairs_mut(lens, rows, sums, out, &|first, sums, out| {
        let rows = sums.len() / lens[0];
        dispatch(Backward {
            groups,
            gs: &gs[first * len..(first + rows) * len],
            first,
            sums,
            out,
        });
    });
}

struct Backward<'a, F> {
    groups: Groups<'a, F>,
    gs: &'a [F],
    /// The number of the first row.
    first: usize,
    sums: &'a mut [F],
    out: &'a mut [F],
}

impl<F: Float> Kernel for Backward<'_, F> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(self) {
        let (len, Group { channels, inner }) = (self.groups.size.len(), self.groups.size);
        let count = F::from_f64(len as f64);
        let ones = vec![F::one(); channels];
        let mut products = vec![F::zero(); inner];
        let mut weighted = vec![F::zero(); 2 * channels];
        let rows = self.gs.chunks_exact(len);
        let rows = rows.zip(self.sums.chunks_exact_mut(2 * channels));
        for (i, (gs, sums)) in rows.enumerate() {
            let row = self.first + i;
            let (xs, statistics) = self.groups.row(row);
            let (sums_g, sums_gx) = sums.split_at_mut(channels);
            if inner == 1 {
                sums_g.copy_from_slice(gs);
                for ((sum, &g), &x) in sums_gx.iter_mut().zip(gs).zip(xs) {
                    *sum = g * normalized(x, statistics);
                }
            } else {
                for c in 0..channels {
                    let channel = c * inner..(c + 1) * inner;
                    let (gs, xs) = (&gs[channel.clone()], &xs[channel]);
                    for ((product, &g), &x) in products.iter_mut().zip(gs).zip(xs) {
                        *product = g * normalized(x, statistics);
                    }
                    sums_g[c] = pairwise::<F, I, _>(Sum, gs);
                    sums_gx[c] = pairwise::<F, I, _>(Sum, &products);
                }
            }
            if self.out.is_empty() {
                continue;
            }
            let gamma = match self.groups.of_row(self.groups.gamma, row) {
                [] => &ones,
                gamma => gamma,
            };
            weighted.copy_from_slice(sums);
            for half in weighted.chunks_exact_mut(channels) {
                scale(half, 1, gamma);
            }
            let mean = pairwise::<F, I, _>(Sum, &weighted[..channels]) / count;
            let slope = pairwise::<F, I, _>(Sum, &weighted[channels..]) / count;
            let factor = statistics[0] * statistics[3];
            let pulled = |g: F, x: F, gamma: F| {
                ((g * gamma - mean) - normalized(x, statistics) * slope) * factor
            };
            let out = &mut self.out[i * len..(i + 1) * len];
            if inner == 1 {
                for j in 0..channels {
                    out[j] = pulled(gs[j], xs[j], gamma[j]);
                }
                continue;
            }
            for c in 0..channels {
                let channel = c * inner..(c + 1) * inner;
                let (gs, xs) = (&gs[channel.clone()], &xs[channel.clone()]);
                for ((out, &g), &x) in out[channel].iter_mut().zip(gs).zip(xs) {
                    *out = pulled(g, x, gamma[c]);
                }
            }
        }
    }
}
