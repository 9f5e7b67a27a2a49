//! Sweeps over (samples, channels, inner) data with one coefficient per channel: the kernels of
//! batch normalization, forward and backward.

use crate::kernel::elementwise::map::Map;
use crate::kernel::float::Float;
use crate::kernel::isa::{Isa, Kernel, dispatch};
use crate::kernel::lane::{Lane, lanes};
use crate::kernel::math::trig::AnyAngle;
use crate::kernel::real::Real;
use crate::kernel::threads::parallel::{self, cut};
use crate::kernel::unroll::unroll;
use smallvec::SmallVec;

/// The sizes of channel data: samples, channels, and elements per sample and channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Channels {
    pub samples: usize,
    pub channels: usize,
    pub inner: usize,
}

impl Channels {
    /// Returns the number of elements that share a channel.
    pub(crate) fn per_channel(self) -> usize {
        self.samples * self.inner
    }

    fn per_sample(self) -> usize {
        self.channels * self.inner
    }

    /// Returns the number of samples in one task.
    fn samples_per_task(self) -> usize {
        (TASK / self.per_sample().max(1))
            .max(ROWS)
            .next_multiple_of(ROWS)
    }

    /// Returns the number of channels in one task that sums over as many samples.
    fn channels_per_task(self) -> usize {
        match self.inner {
            // The channels of a sample are neighbours.
            1 => self.channels,
            inner => TASK / (inner.max(1) * self.samples.clamp(1, self.samples_per_task())),
        }
        .clamp(1, self.channels.max(1))
    }
}

/// A formula over `X` elements and their channel's `P` coefficients that gives `K` terms to sum.
pub(crate) trait Terms<const X: usize, const P: usize, const K: usize>:
    Copy + Send + Sync
{
    /// Computes the terms.
    fn apply<T: Real>(self, elements: [T; X], coefficients: [T; P]) -> [T; K];
}

/// Elements of a task.
const TASK: usize = 32 * 1024;
/// Samples that are summed in one block. Blocks are summed pairwise.
const ROWS: usize = 32;
/// Samples of a block whose terms are added up before they go to the accumulators, which do not all
/// fit into registers.
const GROUP: usize = 4;
/// Sums of a line that run side by side: several vectors, since the next addition of a vector waits
/// for the last.
const LANES: usize = 64;
/// Neighbours that are summed in one line. Lines are summed pairwise.
const LINE: usize = 64 * LANES;
/// Channels that are summed together: few, or a page of memory, so that the hardware's prefetch
/// does not stop within rows of many.
const COLUMNS: [usize; 2] = [256, 1024];

/// Computes `out = map(elements…, coefficients of the channel…)`. The first `X` operands are data.
/// The others are coefficients, one per channel.
pub(crate) fn map<F: Float, const X: usize, const P: usize, const N: usize, M: Map<N>>(
    map: M,
    xs: [&[F]; X],
    coefficients: [&[F]; P],
    sizes: Channels,
    out: &mut [F],
) {
    const { assert!(X + P == N) };
    let piece = match sizes.inner {
        1 => sizes.samples_per_task() * sizes.per_sample(),
        inner => (TASK / inner.max(1)).max(1) * inner,
    };
    parallel::chunks_mut(out, piece, &|start, out| {
        let xs = cut(xs, &(start..start + out.len()));
        dispatch(MapChannels {
            map,
            xs,
            coefficients,
            sizes,
            first: start / sizes.inner.max(1),
            out,
        });
    });
}

struct MapChannels<'a, F, const X: usize, const P: usize, const N: usize, M> {
    map: M,
    xs: [&'a [F]; X],
    coefficients: [&'a [F]; P],
    sizes: Channels,
    /// The number of the first line: all elements of a sample and channel.
    first: usize,
    out: &'a mut [F],
}

impl<F: Float, const X: usize, const P: usize, const N: usize, M: Map<N>> Kernel
    for MapChannels<'_, F, X, P, N, M>
{
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(self) {
        let Channels {
            channels, inner, ..
        } = self.sizes;
        let mut args = [Lane::<F, I>::new(F::default()); N];
        if inner == 1 {
            for (row, out) in self.out.chunks_exact_mut(channels.max(1)).enumerate() {
                let xs = cut(self.xs, &(row * channels..(row + 1) * channels));
                map_line(self.map, args, xs, self.coefficients, out);
            }
            return;
        }
        for (line, out) in self.out.chunks_exact_mut(inner.max(1)).enumerate() {
            let channel = (self.first + line) % channels;
            for (arg, c) in args[X..].iter_mut().zip(self.coefficients) {
                *arg = Lane::new(c[channel]);
            }
            let xs = cut(self.xs, &(line * inner..(line + 1) * inner));
            map_line(self.map, args, xs, [], out);
        }
    }
}

/// Maps the elements of a line. The last arguments are coefficients, or those of `args` if there
/// are none.
#[inline(always)]
fn map_line<F: Float, I: Isa, const X: usize, const P: usize, const N: usize, M: Map<N>>(
    map: M,
    mut args: [Lane<F, I>; N],
    xs: [&[F]; X],
    coefficients: [&[F]; P],
    out: &mut [F],
) {
    // The compiler sees that these lengths are equal.
    let len = out.len();
    let (xs, coefficients) = (cut(xs, &(0..len)), cut(coefficients, &(0..len)));
    for i in 0..len {
        unroll!(k in X {
            args[k] = Lane::new(xs[k][i]);
        });
        unroll!(k in P {
            args[X + k] = Lane::new(coefficients[k][i]);
        });
        out[i] = map.apply(args).0;
    }
}

/// Computes the sums of `K` terms over each channel, pairwise.
pub(crate) fn sums<F: Float, const X: usize, const P: usize, const K: usize, M: Terms<X, P, K>>(
    terms: M,
    xs: [&[F]; X],
    coefficients: [&[F]; P],
    sizes: Channels,
) -> [Vec<F>; K] {
    let per_sample = sizes.per_sample();
    let (at_once, per_task) = (sizes.samples_per_task(), sizes.channels_per_task());
    let (blocks, chunks) = (
        sizes.samples.div_ceil(at_once),
        sizes.channels.div_ceil(per_task),
    );
    let parts = parallel::collect(blocks * chunks, 1, &|range| {
        let (block, chunk) = (range.start / chunks, range.start % chunks);
        let samples = block * at_once..((block + 1) * at_once).min(sizes.samples);
        let first = chunk * per_task;
        let xs = cut(xs, &(samples.start * per_sample..samples.end * per_sample));
        dispatch(Sums {
            terms,
            xs,
            coefficients,
            sizes,
            samples: samples.len(),
            chunk: first..(first + per_task).min(sizes.channels),
        })
    });
    let mut parts = parts.into_iter();
    // The chunks of a block follow each other.
    let join = |_| {
        let mut whole = [(); K].map(|()| Vec::with_capacity(sizes.channels));
        for part in parts.by_ref().take(chunks) {
            for (whole, part) in whole.iter_mut().zip(part) {
                whole.extend(part);
            }
        }
        whole
    };
    let add = |mut a: [Vec<F>; K], b: [Vec<F>; K]| {
        for (a, b) in a.iter_mut().zip(b) {
            for (a, b) in a.iter_mut().zip(b) {
                *a += b;
            }
        }
        a
    };
    let blocks = (0..blocks).map(join).collect();
    tree(blocks, add).unwrap_or_else(|| [(); K].map(|()| vec![F::zero(); sizes.channels]))
}

/// Combines the items as a balanced tree, in order.
fn tree<T>(mut items: Vec<T>, mut combine: impl FnMut(T, T) -> T) -> Option<T> {
    while items.len() > 1 {
        let mut pairs = items.into_iter();
        let mut next = Vec::new();
        while let Some(a) = pairs.next() {
            next.push(match pairs.next() {
                Some(b) => combine(a, b),
                None => a,
            });
        }
        items = next;
    }
    items.pop()
}

struct Sums<'a, F, const X: usize, const P: usize, const K: usize, M> {
    terms: M,
    xs: [&'a [F]; X],
    coefficients: [&'a [F]; P],
    sizes: Channels,
    samples: usize,
    /// The channels that are summed.
    chunk: std::ops::Range<usize>,
}

impl<F: Float, const X: usize, const P: usize, const K: usize, M: Terms<X, P, K>> Kernel
    for Sums<'_, F, X, P, K, M>
{
    type Output = [Vec<F>; K];

    #[inline(always)]
    fn run<I: Isa>(self) -> [Vec<F>; K] {
        if self.chunk.len() > COLUMNS[0] && self.sizes.inner == 1 {
            self.sums::<I, { COLUMNS[1] }, false>()
        } else {
            self.sums::<I, { COLUMNS[0] }, true>()
        }
    }
}

#[inline(always)]
fn add_blocks<F: Float, const K: usize, const C: usize>(
    into: &mut [[F; C]; K],
    from: &[[F; C]; K],
) {
    for (into, from) in into.iter_mut().zip(from) {
        for (into, from) in into.iter_mut().zip(from) {
            *into += *from;
        }
    }
}

impl<F: Float, const X: usize, const P: usize, const K: usize, M: Terms<X, P, K>>
    Sums<'_, F, X, P, K, M>
{
    /// Sums at most `C` channels at a time. `LINES` says that a channel may have several elements
    /// of a sample.
    #[inline(always)]
    fn sums<I: Isa, const C: usize, const LINES: bool>(self) -> [Vec<F>; K] {
        let inner = self.sizes.inner;
        let mut totals = [(); K].map(|()| vec![F::zero(); self.chunk.len()]);
        for first in self.chunk.clone().step_by(C) {
            let width = C.min(self.chunk.end - first);
            let mut slots: Vec<[[F; C]; K]> = Vec::new();
            let mut count = 0usize;
            for start in (0..self.samples).step_by(ROWS) {
                let rows = start..(start + ROWS).min(self.samples);
                let mut acc = if LINES && inner != 1 {
                    self.block_of_lines::<I, C>(first, width, rows)
                } else {
                    self.block_of_rows::<I, C>(first, width, rows)
                };
                // As in a binary counter: each trailing one bit is a finished subtree of equal
                // size.
                for _ in 0..count.trailing_ones() {
                    if let Some(slot) = slots.pop() {
                        add_blocks(&mut acc, &slot);
                    }
                }
                slots.push(acc);
                count += 1;
            }
            while slots.len() > 1 {
                if let (Some(last), Some(before)) = (slots.pop(), slots.last_mut()) {
                    add_blocks(before, &last);
                }
            }
            if let Some(sums) = slots.first() {
                for (total, sum) in totals.iter_mut().zip(sums) {
                    total[first - self.chunk.start..][..width].copy_from_slice(&sum[..width]);
                }
            }
        }
        totals
    }

    /// Sums a block with one element per sample and channel: channels are side by side in the
    /// accumulators.
    #[inline(always)]
    fn block_of_rows<I: Isa, const C: usize>(
        &self,
        first: usize,
        width: usize,
        rows: std::ops::Range<usize>,
    ) -> [[F; C]; K] {
        let mut acc = [[F::zero(); C]; K];
        let columns = first..first + width;
        let whole = rows.len() - rows.len() % GROUP;
        for row in (rows.start..rows.start + whole).step_by(GROUP) {
            self.add_rows::<I, GROUP, C>(row, columns.clone(), &mut acc);
        }
        for row in rows.start + whole..rows.end {
            self.add_rows::<I, 1, C>(row, columns.clone(), &mut acc);
        }
        acc
    }

    /// Sums the terms of `R` rows and adds the sums to the accumulators.
    #[inline(always)]
    fn add_rows<I: Isa, const R: usize, const C: usize>(
        &self,
        row: usize,
        columns: std::ops::Range<usize>,
        acc: &mut [[F; C]; K],
    ) {
        let width = columns.len().min(C);
        let coefficients = cut(self.coefficients, &columns);
        let mut rows = [[<&[F]>::default(); X]; R];
        for r in 0..R {
            let place = (row + r) * self.sizes.channels + columns.start;
            rows[r] = cut(self.xs, &(place..place + width));
        }
        for j in 0..width {
            let coefficients = lanes::<F, I, AnyAngle, P>(&coefficients, j);
            let mut sums = self
                .terms
                .apply(lanes::<F, I, AnyAngle, X>(&rows[0], j), coefficients);
            for r in 1..R {
                let terms = self
                    .terms
                    .apply(lanes::<F, I, AnyAngle, X>(&rows[r], j), coefficients);
                unroll!(k in K {
                    sums[k] = sums[k] + terms[k];
                });
            }
            unroll!(k in K {
                acc[k][j] += sums[k].0;
            });
        }
    }

    /// Sums a block with many elements per sample and channel: each line has several accumulators.
    #[inline(always)]
    fn block_of_lines<I: Isa, const C: usize>(
        &self,
        first: usize,
        width: usize,
        rows: std::ops::Range<usize>,
    ) -> [[F; C]; K] {
        let Channels {
            channels, inner, ..
        } = self.sizes;
        let mut acc = [[F::zero(); C]; K];
        let add = |mut a: [F; K], b: [F; K]| {
            a.iter_mut().zip(b).for_each(|(a, b)| *a += b);
            a
        };
        for row in rows {
            for j in 0..width {
                let coefficients = lanes::<F, I, AnyAngle, P>(&self.coefficients, first + j);
                let place = (row * channels + first + j) * inner;
                let mut lines = SmallVec::<[[F; K]; 1]>::new();
                for start in (0..inner).step_by(LINE) {
                    let len = LINE.min(inner - start);
                    lines.push(self.line::<I>(place + start, len, coefficients));
                }
                let sums = match lines[..] {
                    [sums] => Some(sums),
                    _ => tree(lines.into_vec(), add),
                };
                if let Some(sums) = sums {
                    for (acc, sum) in acc.iter_mut().zip(sums) {
                        acc[j] += sum;
                    }
                }
            }
        }
        acc
    }

    /// Sums the terms of neighbours.
    #[inline(always)]
    fn line<I: Isa>(&self, start: usize, len: usize, coefficients: [Lane<F, I>; P]) -> [F; K] {
        let xs = cut(self.xs, &(start..start + len));
        let mut sums = [[F::zero(); LANES]; K];
        let whole = len - len % LANES;
        for first in (0..whole).step_by(LANES) {
            for l in 0..LANES {
                let terms = self.terms.apply(lanes(&xs, first + l), coefficients);
                for k in 0..K {
                    sums[k][l] += terms[k].0;
                }
            }
        }
        for i in whole..len {
            let terms = self.terms.apply(lanes(&xs, i), coefficients);
            for k in 0..K {
                sums[k][i % LANES] += terms[k].0;
            }
        }
        let mut totals = [F::zero(); K];
        for k in 0..K {
            let mut half = LANES / 2;
            while half > 0 {
                for i in 0..half {
                    sums[k][i] += sums[k][i + half];
                }
                half /= 2;
            }
            totals[k] = sums[k][0];
        }
        totals
    }
}
