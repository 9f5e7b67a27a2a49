//! Group normalization: each group of channels of a sample is a row that is normalized by its own
//! mean and variance. Gamma and beta belong to the channels.

use super::layer_norm::{Coefficients, STATISTICS, Statistics, affine, normalized, row_sum};
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

    /// Returns the number of groups of a task.
    fn per_task(self) -> usize {
        (GRAIN / self.len().max(1)).max(1)
    }
}

/// Groups with their [`Statistics`].
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
    /// Returns the elements and the statistics of row `row`.
    #[inline(always)]
    fn row(&self, row: usize) -> (&'a [F], [F; STATISTICS]) {
        let len = self.size.len();
        let statistics = self.statistics.as_chunks().0;
        (&self.xs[row * len..(row + 1) * len], statistics[row])
    }

    /// Returns the coefficients of a row's channels.
    #[inline(always)]
    fn of_row<'c>(&self, coefficients: &'c [F], row: usize) -> &'c [F] {
        if coefficients.is_empty() {
            return coefficients;
        }
        let first = row % self.count * self.size.channels;
        &coefficients[first..first + self.size.channels]
    }
}

/// Computes the statistics of the groups of `xs`, and `out = normalized x · gamma + beta` while a
/// group is in the cache. A sample has `count` groups.
pub(crate) fn forward<F: Float>(
    xs: &[F],
    (count, size): (usize, Group),
    epsilon: f64,
    Coefficients { gamma, beta }: Coefficients<'_, F>,
    statistics: &mut [F],
    out: &mut [F],
) {
    let len = size.len();
    let rows = size.per_task();
    parallel::pairs_mut(
        [STATISTICS, len],
        rows,
        statistics,
        out,
        &|first, statistics, out| {
            let xs = &xs[first * len..first * len + out.len()];
            dispatch(Statistics {
                xs,
                len,
                centred: true,
                epsilon,
                out: statistics,
            });
            dispatch(Normalize {
                groups: Groups {
                    xs,
                    statistics,
                    count,
                    size,
                    gamma,
                },
                beta,
                first,
                out,
            });
        },
    );
}

/// Some groups, of which the first has the number `first` among all.
struct Normalize<'a, F> {
    groups: Groups<'a, F>,
    /// The summand of each channel, or empty for zeros.
    beta: &'a [F],
    first: usize,
    out: &'a mut [F],
}

impl<F: Float> Kernel for Normalize<'_, F> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(self) {
        let Group { channels, inner } = self.groups.size;
        let rows = self.out.chunks_exact_mut(self.groups.size.len());
        for (i, out) in rows.enumerate() {
            let (xs, statistics) = self.groups.row(i);
            let gamma = self.groups.of_row(self.groups.gamma, self.first + i);
            let beta = self.groups.of_row(self.beta, self.first + i);
            if inner == 1 {
                affine(xs, statistics, Coefficients { gamma, beta }, out);
                continue;
            }
            for c in 0..channels {
                let channel = c * inner..(c + 1) * inner;
                let gamma = gamma.get(c).copied().unwrap_or(F::one());
                // A sum with -0 is the other summand, also if that is -0.
                let beta = beta.get(c).copied().unwrap_or(-F::zero());
                for (out, &x) in out[channel.clone()].iter_mut().zip(&xs[channel]) {
                    *out = normalized(x, statistics) * gamma + beta;
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
    let rows = groups.size.per_task();
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
        let mut weighted = vec![F::zero(); channels];
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
                    // A loop: the sum is compiled for each place of the code.
                    for (sums, xs) in [(&mut *sums_g, gs), (&mut *sums_gx, &products)] {
                        sums[c] = row_sum::<F, I, _>(Sum, xs);
                    }
                }
            }
            if self.out.is_empty() {
                continue;
            }
            let gamma = match self.groups.of_row(self.groups.gamma, row) {
                [] => &ones,
                gamma => gamma,
            };
            let mut means = [F::zero(); 2];
            for (mean, sums) in means.iter_mut().zip([&*sums_g, &*sums_gx]) {
                for c in 0..channels {
                    weighted[c] = sums[c] * gamma[c];
                }
                *mean = pairwise::<F, I, _>(Sum, &weighted) / count;
            }
            let [mean, slope] = means;
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
