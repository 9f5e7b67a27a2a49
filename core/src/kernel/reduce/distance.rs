//! Distances between all pairs of rows of two matrices, and their gradients.

use crate::kernel::float::Float;
use crate::kernel::isa::{Isa, Kernel, dispatch};
use crate::kernel::reduce::range::is_accurate;
use crate::kernel::threads::parallel::{self, GRAIN};

/// The order of a norm.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Order {
    /// The number of elements that are not 0.
    Nonzeros,
    L1,
    L2,
    /// The largest size for 1, the smallest for -1.
    Extreme(f64),
    Power(f64),
}

/// The norm of differences between the rows of two matrices: `xs` (rows, width) and `ys`
/// (columns, width), of which `by_axis` is the transpose.
#[derive(Clone, Copy)]
pub(crate) struct Pairs<'a, F> {
    pub order: Order,
    pub width: usize,
    pub xs: &'a [F],
    pub ys: &'a [F],
    pub by_axis: &'a [F],
}

/// Columns that are computed together, so that their distances stay in the nearest cache.
const TILE: usize = 256;
/// Accumulators of a sum over columns, which fill vectors.
const LANES: usize = 32;

impl<F: Float> Pairs<'_, F> {
    fn columns(&self) -> usize {
        self.ys.len() / self.width
    }

    /// Returns the number of rows that one task computes.
    fn rows_of_task(&self) -> usize {
        (GRAIN / (self.columns() * self.width)).max(1)
    }

    /// Computes the distances (rows, columns). There are columns, and the width is not 0.
    pub(crate) fn distances(self, out: &mut [F]) {
        let columns = self.columns();
        parallel::chunks_mut(out, self.rows_of_task() * columns, &|start, out| {
            let first = start / columns;
            let rows = out.len() / columns;
            let xs = &self.xs[first * self.width..(first + rows) * self.width];
            dispatch(Forward {
                pairs: Pairs { xs, ..self },
                out,
            });
        });
    }

    /// Computes for each row x the sum over all columns of g times the derivative of the distance
    /// by x. `distances` and `g` are (rows, columns).
    pub(crate) fn pullback(self, distances: &[F], g: &[F], out: &mut [F]) {
        let (columns, width) = (self.columns(), self.width);
        parallel::chunks_mut(out, self.rows_of_task() * width, &|start, out| {
            let rows = start / width..(start + out.len()) / width;
            let pairs = rows.start * columns..rows.end * columns;
            dispatch(Backward {
                pairs: Pairs {
                    xs: &self.xs[rows.start * width..rows.end * width],
                    ..self
                },
                distances: &distances[pairs.clone()],
                g: &g[pairs],
                out,
            });
        });
    }

    /// Computes one distance by the elements of two rows, in `f64`. The sizes are divided by an
    /// extreme one, so that powers stay in the range.
    fn exact(&self, row: usize, column: usize) -> F {
        let width = self.width;
        let x = &self.xs[row * width..(row + 1) * width];
        let y = &self.ys[column * width..(column + 1) * width];
        let sizes = || x.iter().zip(y).map(|(&x, &y)| (x - y).to_f64().abs());
        let extreme = |sign: f64| {
            let larger = |a: f64, b: f64| if b.is_nan() || b > a { b } else { a };
            sign * sizes()
                .map(|size| sign * size)
                .fold(f64::NEG_INFINITY, larger)
        };
        F::from_f64(match self.order {
            Order::Nonzeros => sizes().filter(|&size| size != 0.0).count() as f64,
            Order::L1 => sizes().sum(),
            Order::Extreme(sign) => extreme(sign),
            Order::L2 => {
                let whole = extreme(1.0);
                if whole == 0.0 || whole.is_infinite() {
                    whole
                } else {
                    whole
                        * sizes()
                            .map(|size| (size / whole).powi(2))
                            .sum::<f64>()
                            .sqrt()
                }
            }
            Order::Power(p) => {
                let whole = extreme(p.signum());
                if whole == 0.0 || whole.is_infinite() {
                    whole
                } else {
                    let sum: f64 = sizes().map(|size| (size / whole).powf(p)).sum();
                    whole * sum.powf(p.recip())
                }
            }
        })
    }
}

struct Forward<'a, F> {
    pairs: Pairs<'a, F>,
    out: &'a mut [F],
}

impl<F: Float> Kernel for Forward<'_, F> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(self) {
        let Self { pairs, out } = self;
        match pairs.order {
            Order::L1 => accumulate(pairs, out, |sum, d| sum + d.abs()),
            Order::L2 => {
                accumulate(pairs, out, |sum, d| sum + d * d);
                let columns = pairs.columns();
                for (block, out) in out.chunks_mut(TILE).enumerate() {
                    let mut accurate = true;
                    for &square in &*out {
                        accurate &= is_accurate(square, pairs.width);
                    }
                    if accurate {
                        for out in out {
                            *out = out.sqrt();
                        }
                        continue;
                    }
                    for (i, out) in (block * TILE..).zip(out) {
                        *out = if is_accurate(*out, pairs.width) {
                            out.sqrt()
                        } else {
                            pairs.exact(i / columns, i % columns)
                        };
                    }
                }
            }
            Order::Extreme(sign) if sign > 0.0 => accumulate(pairs, out, |most, d| {
                let size = d.abs();
                // NaN stays.
                if most >= size || most.is_nan() {
                    most
                } else {
                    size
                }
            }),
            _ => {
                let columns = pairs.columns();
                for (i, out) in out.iter_mut().enumerate() {
                    *out = pairs.exact(i / columns, i % columns);
                }
            }
        }
    }
}

/// Adds all differences of each pair to its element of `out`, beginning with 0.
#[inline(always)]
fn accumulate<F: Float>(pairs: Pairs<F>, out: &mut [F], add: impl Fn(F, F) -> F) {
    let (columns, width) = (pairs.columns(), pairs.width);
    let mut start = 0;
    while start < columns {
        let len = TILE.min(columns - start);
        for (x, out) in pairs
            .xs
            .chunks_exact(width)
            .zip(out.chunks_exact_mut(columns))
        {
            let out = &mut out[start..start + len];
            out.fill(F::zero());
            for (k, &x) in x.iter().enumerate() {
                let ys = &pairs.by_axis[k * columns + start..][..len];
                for (out, &y) in out.iter_mut().zip(ys) {
                    *out = add(*out, x - y);
                }
            }
        }
        start += len;
    }
}

struct Backward<'a, F> {
    pairs: Pairs<'a, F>,
    distances: &'a [F],
    g: &'a [F],
    out: &'a mut [F],
}

impl<F: Float> Kernel for Backward<'_, F> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(self) {
        let Self {
            pairs,
            distances,
            g,
            out,
        } = self;
        let zero = F::zero();
        match pairs.order {
            Order::Nonzeros => out.fill(zero),
            Order::L1 => all_slopes(pairs, distances, g, out, |d, _, g| g * sign(d)),
            Order::L2 => {
                let mut factors = vec![zero; pairs.columns()];
                for (i, out) in out.chunks_exact_mut(pairs.width).enumerate() {
                    pairs.l2_slopes(i, distances, g, &mut factors, out);
                }
            }
            Order::Extreme(_) => {
                let shares = shares(pairs, distances, g);
                all_slopes(pairs, distances, &shares, out, |d, distance, g| {
                    if d.abs() == distance {
                        g * sign(d)
                    } else {
                        zero
                    }
                });
            }
            Order::Power(p) => all_slopes(pairs, distances, g, out, |d, distance, g| {
                if d == zero || distance == zero {
                    zero
                } else {
                    let power = (d / distance).abs().to_f64().powf(p - 1.0);
                    g * sign(d) * F::from_f64(power)
                }
            }),
        }
    }
}

impl<F: Float> Pairs<'_, F> {
    /// Computes the slopes of a row of Euclidean distances. `factors` has room for the columns.
    #[inline(always)]
    fn l2_slopes(self, i: usize, distances: &[F], g: &[F], factors: &mut [F], out: &mut [F]) {
        let columns = self.columns();
        let row = i * columns..(i + 1) * columns;
        let (distances, g) = (&distances[row.clone()], &g[row]);
        let zero = F::zero();
        // One division for each pair, if the quotient keeps its digits.
        let mut keeps = true;
        for ((factor, &distance), &g) in factors.iter_mut().zip(distances).zip(g) {
            let quotient = g / distance;
            let size = quotient.abs();
            let is_zero = distance == zero;
            keeps &= is_zero || g == zero || (size > F::from_f64(TINY) && size < F::from_f64(HUGE));
            *factor = if is_zero { zero } else { quotient };
        }
        let x = &self.xs[i * self.width..(i + 1) * self.width];
        if keeps {
            slopes(self, x, [factors, g], out, |d, factor, _| d * factor);
        } else {
            slopes(self, x, [distances, g], out, |d, distance, g| {
                if distance == zero {
                    zero
                } else {
                    d / distance * g
                }
            });
        }
    }
}

/// The sizes between which a quotient times a difference that is not above the divisor has all its
/// digits, unless it is negligible.
const TINY: f64 = 1e-30;
const HUGE: f64 = 1e30;

/// Computes the sums of `slope(difference, distance, g)` over all columns, for each row.
#[inline(always)]
fn all_slopes<F: Float>(
    pairs: Pairs<F>,
    distances: &[F],
    g: &[F],
    out: &mut [F],
    slope: impl Fn(F, F, F) -> F,
) {
    let (columns, width) = (pairs.columns(), pairs.width);
    let rows = pairs
        .xs
        .chunks_exact(width)
        .zip(out.chunks_exact_mut(width));
    for (i, (x, out)) in rows.enumerate() {
        let row = i * columns..(i + 1) * columns;
        slopes(pairs, x, [&distances[row.clone()], &g[row]], out, &slope);
    }
}

/// Computes the sums of `slope(difference, of_pair…)` over all columns for one row.
#[inline(always)]
fn slopes<F: Float>(
    pairs: Pairs<F>,
    x: &[F],
    [first, second]: [&[F]; 2],
    out: &mut [F],
    slope: impl Fn(F, F, F) -> F,
) {
    let columns = pairs.columns();
    let (first, second) = (&first[..columns], &second[..columns]);
    for (k, (&x, out)) in x.iter().zip(out).enumerate() {
        let ys = &pairs.by_axis[k * columns..(k + 1) * columns];
        let mut sums = [F::zero(); LANES];
        let blocks = ys.chunks_exact(LANES).zip(first.chunks_exact(LANES));
        for ((ys, first), second) in blocks.zip(second.chunks_exact(LANES)) {
            for l in 0..LANES {
                sums[l] += slope(x - ys[l], first[l], second[l]);
            }
        }
        let mut total = F::zero();
        for l in columns / LANES * LANES..columns {
            total += slope(x - ys[l], first[l], second[l]);
        }
        for sum in sums {
            total += sum;
        }
        *out = total;
    }
}

/// Divides g among the elements of each pair whose size is the distance.
#[inline(always)]
fn shares<F: Float>(pairs: Pairs<F>, distances: &[F], g: &[F]) -> Vec<F> {
    let (columns, width) = (pairs.columns(), pairs.width);
    let mut shares = vec![F::zero(); g.len()];
    for (i, shares) in shares.chunks_exact_mut(columns).enumerate() {
        let distances = &distances[i * columns..(i + 1) * columns];
        for (k, &x) in pairs.xs[i * width..(i + 1) * width].iter().enumerate() {
            let ys = &pairs.by_axis[k * columns..(k + 1) * columns];
            for ((count, &y), &distance) in shares.iter_mut().zip(ys).zip(distances) {
                *count += if (x - y).abs() == distance {
                    F::one()
                } else {
                    F::zero()
                };
            }
        }
        for (share, &g) in shares.iter_mut().zip(&g[i * columns..]) {
            *share = g / share.max(F::one());
        }
    }
    shares
}

#[inline(always)]
fn sign<F: Float>(x: F) -> F {
    if x > F::zero() {
        F::one()
    } else if x < F::zero() {
        -F::one()
    } else {
        F::zero()
    }
}
