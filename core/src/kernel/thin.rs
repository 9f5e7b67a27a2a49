//! Products of a few rows by a matrix: one sample through a layer. Such a product reads the matrix once and
//! is bound by that, where a general product would first copy it into its own order.

use super::gemm::Matrix;
use super::isa::{Isa, Kernel, dispatch};
use super::parallel::{self, Shared};
use super::real::Float;
use std::ops::Range;

/// More rows than this are a general product.
const MOST_ROWS: usize = 4;
/// Accumulators that run side by side.
const LANES: usize = 16;
/// Columns of the matrix whose products run side by side.
const COLUMNS: usize = 4;
/// Elements of the result that are accumulated together.
const STRETCH: usize = 1024;
/// Multiplications that one task does.
const TASK: usize = 512 * 1024;

/// `c = a b + beta c` as [`gemm`](super::gemm::gemm), if `a` has few rows and `b` lies in order, by rows or
/// by columns; else false, and nothing is done. The layouts must have been checked.
pub(super) fn product<F: Float>(
    [m, k, n]: [usize; 3],
    a: Matrix<'_, F>,
    b: Matrix<'_, F>,
    beta: F,
    c: &mut [F],
) -> bool {
    let ordered = a.column_stride == 1 && a.row_stride >= 0;
    let by_columns = b.row_stride == 1 && b.column_stride >= 0;
    let by_rows = b.column_stride == 1 && b.row_stride >= 0;
    if !ordered || !(by_columns || by_rows) || m * k * n == 0 {
        return false;
    }
    match m {
        1 => sized::<F, 1>([k, n], a, b, by_columns, beta, c),
        2 => sized::<F, 2>([k, n], a, b, by_columns, beta, c),
        3 => sized::<F, 3>([k, n], a, b, by_columns, beta, c),
        MOST_ROWS => sized::<F, MOST_ROWS>([k, n], a, b, by_columns, beta, c),
        _ => return false,
    }
    true
}

/// The product with `M` rows.
fn sized<F: Float, const M: usize>(
    [k, n]: [usize; 2],
    a: Matrix<'_, F>,
    b: Matrix<'_, F>,
    by_columns: bool,
    beta: F,
    c: &mut [F],
) {
    let mut rows: [&[F]; M] = [&[]; M];
    for i in 0..M {
        let start = a.offset + i * a.row_stride as usize;
        rows[i] = &a.data[start..start + k];
    }
    let c = Shared::of(c);
    let per_task = (TASK / (k * M)).max(1).next_multiple_of(4 * LANES);
    parallel::ranges(n, per_task, &|range| {
        let mut out = [(); M].map(|()| <&mut [F]>::default());
        for i in 0..M {
            // SAFETY: the ranges of one call do not overlap, rows are `n` apart, and `c` is borrowed
            // for all of it.
            out[i] = unsafe { c.piece(i * n + range.start..i * n + range.end) };
        }
        for out in &mut out {
            if beta == F::zero() {
                out.fill(F::zero());
            } else if beta != F::one() {
                out.iter_mut().for_each(|x| *x *= beta);
            }
        }
        if by_columns {
            dispatch(Dots {
                rows,
                b,
                range,
                out,
            });
        } else {
            dispatch(Sums {
                rows,
                b,
                range,
                out,
            });
        }
    });
}

/// `out[i][j] += rows[i] · column j`, the columns being in order.
struct Dots<'a, F, const M: usize> {
    rows: [&'a [F]; M],
    b: Matrix<'a, F>,
    range: Range<usize>,
    out: [&'a mut [F]; M],
}

impl<F: Float, const M: usize> Kernel for Dots<'_, F, M> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(mut self) {
        let len = self.range.len();
        let whole = len - len % COLUMNS;
        for j in (0..whole).step_by(COLUMNS) {
            self.columns::<I, COLUMNS>(j);
        }
        for j in whole..len {
            self.columns::<I, 1>(j);
        }
    }
}

impl<F: Float, const M: usize> Dots<'_, F, M> {
    #[inline(always)]
    fn columns<I: Isa, const J: usize>(&mut self, first: usize) {
        let k = self.rows[0].len();
        let mut columns: [&[F]; J] = [&[]; J];
        for j in 0..J {
            let column = (self.range.start + first + j) * self.b.column_stride as usize;
            columns[j] = &self.b.data[self.b.offset + column..][..k];
        }
        let mut sums = [[[F::zero(); LANES]; J]; M];
        let whole = k - k % LANES;
        for start in (0..whole).step_by(LANES) {
            for i in 0..M {
                let x = chunk(self.rows[i], start);
                for j in 0..J {
                    add_products::<F, I>(&mut sums[i][j], &x, &chunk(columns[j], start));
                }
            }
        }
        // The rest is padded with zeros: an accumulator that is indexed with a variable would not stay in
        // a register.
        let padded = |rest: &[F]| {
            let mut whole = [F::zero(); LANES];
            whole[..rest.len()].copy_from_slice(rest);
            whole
        };
        for i in 0..M {
            let x = padded(&self.rows[i][whole..]);
            for j in 0..J {
                add_products::<F, I>(&mut sums[i][j], &x, &padded(&columns[j][whole..]));
                self.out[i][first + j] += total(sums[i][j]);
            }
        }
    }
}

/// The elements from `start` on, of which there must be enough.
#[inline(always)]
fn chunk<F: Float>(xs: &[F], start: usize) -> [F; LANES] {
    let mut chunk = [F::zero(); LANES];
    chunk.copy_from_slice(&xs[start..start + LANES]);
    chunk
}

#[inline(always)]
fn add_products<F: Float, I: Isa>(sums: &mut [F; LANES], x: &[F; LANES], w: &[F; LANES]) {
    for l in 0..LANES {
        sums[l] = x[l].fma::<I>(w[l], sums[l]);
    }
}

#[inline(always)]
fn total<F: Float>(mut lanes: [F; LANES]) -> F {
    let mut half = LANES / 2;
    while half > 0 {
        for l in 0..half {
            lanes[l] += lanes[l + half];
        }
        half /= 2;
    }
    lanes[0]
}

/// `out[i] += Σ rows[i][k] · row k`, the rows being in order.
struct Sums<'a, F, const M: usize> {
    rows: [&'a [F]; M],
    b: Matrix<'a, F>,
    range: Range<usize>,
    out: [&'a mut [F]; M],
}

impl<F: Float, const M: usize> Kernel for Sums<'_, F, M> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(mut self) {
        let k = self.rows[0].len();
        for start in (0..self.range.len()).step_by(STRETCH) {
            let end = (start + STRETCH).min(self.range.len());
            let whole = k - k % COLUMNS;
            for row in (0..whole).step_by(COLUMNS) {
                self.add::<I, COLUMNS>(row, start..end);
            }
            for row in whole..k {
                self.add::<I, 1>(row, start..end);
            }
        }
    }
}

impl<F: Float, const M: usize> Sums<'_, F, M> {
    #[inline(always)]
    fn add<I: Isa, const J: usize>(&mut self, first: usize, stretch: Range<usize>) {
        let len = stretch.len();
        let mut rows: [&[F]; J] = [&[]; J];
        for j in 0..J {
            let row = (first + j) * self.b.row_stride as usize;
            let start = self.b.offset + row + self.range.start + stretch.start;
            rows[j] = &self.b.data[start..start + len];
        }
        for i in 0..M {
            let mut factors = [F::zero(); J];
            factors.copy_from_slice(&self.rows[i][first..first + J]);
            let out = &mut self.out[i][stretch.start..stretch.end];
            for l in 0..len {
                let mut sum = out[l];
                for j in 0..J {
                    sum = factors[j].fma::<I>(rows[j][l], sum);
                }
                out[l] = sum;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::gemm::gemm;

    /// Numbers that are exact in any order of summation, so that all ways give the same.
    fn whole_numbers<F: Float>(len: usize, seed: usize) -> Vec<F> {
        (0..len)
            .map(|i| F::from_f64(((i * 7 + seed * 13) % 11) as f64 - 5.0))
            .collect()
    }

    fn check<F: Float>() {
        let sizes = [1, 2, 3, 4, 5, 15, 16, 17, 33, 64, 130, 1030];
        for m in (1..=5).chain([40]) {
            for (seed, &k) in sizes.iter().enumerate() {
                for &n in &sizes {
                    let a = whole_numbers::<F>(m * k + 3, seed);
                    let b = whole_numbers::<F>(k * n + 5, seed + 1);
                    for (by_columns, beta) in [(true, 0.0), (true, 1.0), (false, 0.0), (false, 1.0)]
                    {
                        let (row_stride, column_stride) = if by_columns { (1, k) } else { (n, 1) };
                        let a = Matrix {
                            data: &a,
                            offset: 3,
                            row_stride: k as isize,
                            column_stride: 1,
                        };
                        let b = Matrix {
                            data: &b,
                            offset: 5,
                            row_stride: row_stride as isize,
                            column_stride: column_stride as isize,
                        };
                        let before = whole_numbers::<F>(m * n, seed + 2);
                        let mut found = before.clone();
                        gemm([m, k, n], a, b, F::from_f64(beta), &mut found);
                        for i in 0..m {
                            for j in 0..n {
                                let products = (0..k).map(|l| {
                                    let x = a.data[3 + i * k + l].to_f64();
                                    x * b.data[5 + l * row_stride + j * column_stride].to_f64()
                                });
                                let expected =
                                    products.sum::<f64>() + beta * before[i * n + j].to_f64();
                                assert_eq!(
                                    found[i * n + j].to_f64(),
                                    expected,
                                    "{m} {k} {n} {i} {j}"
                                );
                            }
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn thin_products_are_what_their_definition_says() {
        check::<f32>();
        check::<f64>();
    }
}
