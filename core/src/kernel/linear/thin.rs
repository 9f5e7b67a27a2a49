//! Products of a few rows by a matrix, such as one sample through a layer.
//!
//! Reading the matrix takes most of the time. A general product would first copy it into the order
//! of its panels.

use crate::kernel::float::Float;
use crate::kernel::isa::{Isa, Kernel, dispatch};
use crate::kernel::linear::matrix::Matrix;
use crate::kernel::threads::parallel::{self, Shared};
use std::ops::Range;

/// Rows that are multiplied side by side. With more rows the product is a general one, except as
/// [`MOST_ROWS_BY_COLUMNS`] says.
const MOST_ROWS: usize = 4;
/// The limit of rows if the columns of the matrix are contiguous and long, as in the forward pass
/// of a layer. A general product would compute the transposed result, with a vector of so few
/// elements.
const MOST_ROWS_BY_COLUMNS: usize = 8;
/// Columns of at least this length are long: then the sums over accumulators at their ends cost
/// little.
const LONG: usize = 256;
/// Accumulators that run side by side.
const LANES: usize = 16;
/// Columns of the matrix whose products are computed side by side.
const COLUMNS: usize = 4;
/// Elements of the result that are accumulated together.
const STRETCH: usize = 1024;
/// Multiplications in one task.
const TASK: usize = 512 * 1024;

/// Computes `c = a b + beta c` as [`gemm`](crate::kernel::linear::gemm::gemm) does, if `a` has few
/// rows and `b` is contiguous by rows or by columns. Otherwise it does nothing and returns false.
/// The caller has checked the layouts.
pub(crate) fn product<F: Float>(
    [m, k, n]: [usize; 3],
    a: Matrix<'_, F>,
    b: Matrix<'_, F>,
    beta: F,
    c: &mut [F],
) -> bool {
    let ordered = a.column_stride == 1 && a.row_stride >= 0;
    let by_columns = b.row_stride == 1 && b.column_stride >= 0;
    let by_rows = b.column_stride == 1 && b.row_stride >= 0;
    let most_rows = if by_columns && k >= LONG {
        MOST_ROWS_BY_COLUMNS
    } else {
        MOST_ROWS
    };
    if !ordered || !(by_columns || by_rows) || m * k * n == 0 || m > most_rows {
        return false;
    }
    let product = Product {
        a,
        b,
        by_columns,
        beta,
        c: Shared::of(c),
        k,
        n,
    };
    let per_task = (TASK / (k * m)).max(1).next_multiple_of(LANES);
    parallel::ranges(n, per_task, &|range| {
        // A few columns stay in the cache while all rows are multiplied by them.
        let few = if m > MOST_ROWS { 2 * COLUMNS } else { n };
        for start in range.clone().step_by(few) {
            let columns = start..(start + few).min(range.end);
            for row in (0..m).step_by(MOST_ROWS) {
                match m - row {
                    1 => product.part::<1>(row, columns.clone()),
                    2 => product.part::<2>(row, columns.clone()),
                    3 => product.part::<3>(row, columns.clone()),
                    _ => product.part::<MOST_ROWS>(row, columns.clone()),
                }
            }
        }
    });
    true
}

struct Product<'a, F> {
    a: Matrix<'a, F>,
    b: Matrix<'a, F>,
    by_columns: bool,
    beta: F,
    c: Shared<F>,
    k: usize,
    n: usize,
}

impl<F: Float> Product<'_, F> {
    /// Computes `M` rows of some columns of the result.
    fn part<const M: usize>(&self, first: usize, range: Range<usize>) {
        let mut rows: [&[F]; M] = [&[]; M];
        let mut out = [(); M].map(|()| <&mut [F]>::default());
        for i in 0..M {
            let start = self.a.offset + (first + i) * self.a.row_stride as usize;
            rows[i] = &self.a.data[start..start + self.k];
            let row = (first + i) * self.n;
            // SAFETY: no part is computed twice, the ranges of the tasks do not overlap, rows are
            // `n` apart, and `product` borrows `c` until all tasks have ended.
            out[i] = unsafe { self.c.piece(row + range.start..row + range.end) };
            if self.beta == F::zero() {
                out[i].fill(F::zero());
            } else if self.beta != F::one() {
                out[i].iter_mut().for_each(|x| *x *= self.beta);
            }
        }
        let b = self.b;
        if self.by_columns {
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
    }
}

/// The kernel `out[i][j] += rows[i] · column j`, for contiguous columns.
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
        if self.rows[0].len() < LANES {
            self.all::<I, true>();
        } else {
            self.all::<I, false>();
        }
    }
}

impl<F: Float, const M: usize> Dots<'_, F, M> {
    /// Computes all columns. `SHORT` says that their length is below `LANES`.
    #[inline(always)]
    fn all<I: Isa, const SHORT: bool>(&mut self) {
        let len = self.range.len();
        let mut whole = 0;
        // Of narrow vectors, the accumulators of several columns would not fit in the registers.
        if !I::NARROW {
            whole = len - len % COLUMNS;
            for j in (0..whole).step_by(COLUMNS) {
                self.columns::<I, COLUMNS, SHORT>(j);
            }
        }
        for j in whole..len {
            self.columns::<I, 1, SHORT>(j);
        }
    }

    /// Computes `J` columns. `SHORT` says that their length is below `LANES`.
    #[inline(always)]
    fn columns<I: Isa, const J: usize, const SHORT: bool>(&mut self, first: usize) {
        let k = self.rows[0].len();
        let mut columns: [&[F]; J] = [&[]; J];
        for j in 0..J {
            let column = (self.range.start + first + j) * self.b.column_stride as usize;
            columns[j] = &self.b.data[self.b.offset + column..][..k];
        }
        let mut sums = [[[F::zero(); LANES]; J]; M];
        let whole = (k - 1) / LANES * LANES;
        for start in (0..whole).step_by(LANES) {
            let mut ws = [[F::zero(); LANES]; J];
            for j in 0..J {
                ws[j].copy_from_slice(&columns[j][start..start + LANES]);
            }
            for i in 0..M {
                let mut x = [F::zero(); LANES];
                x.copy_from_slice(&self.rows[i][start..start + LANES]);
                for j in 0..J {
                    for l in 0..LANES {
                        sums[i][j][l] = x[l].fma::<I>(ws[j][l], sums[i][j][l]);
                    }
                }
            }
        }
        // A copy: an array that is indexed in memory would not stay in registers.
        let mut done = [[[F::zero(); LANES]; J]; M];
        for i in 0..M {
            for j in 0..J {
                done[i][j] = sums[i][j];
            }
        }
        // The last lanes, with 0 for those that are in the sums already or do not exist. A copy of
        // constant length is one load.
        let added = whole + LANES - k;
        let padded = |values: &[F]| {
            let mut lanes = [F::zero(); LANES];
            if SHORT {
                lanes[..k].copy_from_slice(values);
                return lanes;
            }
            lanes.copy_from_slice(&values[k - LANES..]);
            for l in 0..LANES {
                lanes[l] = if l < added { F::zero() } else { lanes[l] };
            }
            lanes
        };
        for i in 0..M {
            let x = padded(self.rows[i]);
            for j in 0..J {
                let w = padded(columns[j]);
                for l in 0..LANES {
                    done[i][j][l] = x[l].fma::<I>(w[l], done[i][j][l]);
                }
                self.out[i][first + j] += total(done[i][j]);
            }
        }
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

/// The kernel `out[i] += Σ rows[i][k] · row k`, for contiguous rows.
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
