//! Matrix products by tiles of the result that stay in registers.
//!
//! `a` is read in place, whatever its strides, one element at a time, since each is multiplied into
//! a whole row of the tile; of `b` a panel of a few columns is copied into the order in which it is
//! read, where it does not lie so already. Every element of the result is a sum over k in order,
//! whatever the blocks and the threads. (Goto, van de Geijn 2008, Anatomy of High-Performance
//! Matrix Multiplication, for the blocks; copying `a` does not pay at the sizes of nets.)

use crate::kernel::float::Float;
use crate::kernel::isa::{Isa, Kernel, Tier, dispatch};
use crate::kernel::linear::matrix::Matrix;
use crate::kernel::threads::parallel::{self, Shared};
use std::cell::Cell;
use std::ops::Range;

/// Vectors in a row of a tile.
const VECTORS: usize = 3;
/// The bytes of a copied panel: 512 terms of a sum for the widest tile. More would go over the
/// result less often, but are far for the processor.
const PANEL: usize = 512 * VECTORS * 64;
/// Multiplications that pay for waking a thread.
const TASK: usize = 1 << 20;
/// Tasks for each thread, so that all end at about the same time; more would copy a panel more
/// often.
const TASKS_PER_THREAD: usize = 6;
/// Up to so many rows a panel that lies in order is read in place: it is not read often enough to
/// copy.
const ROWS_IN_PLACE: usize = 64;

/// `c = a b + beta c` as [`gemm`](crate::kernel::linear::gemm::gemm), whose layouts have been
/// checked; false, and nothing is done, on instruction sets for which there are no tiles.
pub(crate) fn product<F: Float>(
    [m, k, n]: [usize; 3],
    a: Matrix<'_, F>,
    b: Matrix<'_, F>,
    beta: F,
    c: &mut [F],
) -> bool {
    let lanes = match Tier::current() {
        Tier::Avx512 => 64 / size_of::<F>(),
        Tier::Avx2 => 32 / size_of::<F>(),
        _ => return false,
    };
    if m * k * n == 0 {
        return false;
    }
    // A panel that must be turned over is that of the smaller operand: then the result is too.
    let turned = b.column_stride != 1 && a.column_stride == 1 && m < n;
    let (a, b, rows, columns) = if turned {
        (b.transposed(), a.transposed(), n, m)
    } else {
        (a, b, m, n)
    };
    let width = VECTORS * lanes;
    let column_tasks = columns.div_ceil(width);
    // The number of threads decides who computes an element, not how: its sum is over k in order.
    let row_tasks = (TASKS_PER_THREAD * parallel::threads()).div_ceil(column_tasks);
    let paying = (TASK / (k * width.min(columns))).max(1);
    let rows_per_task = rows.div_ceil(row_tasks).max(paying).next_multiple_of(8);
    let row_tasks = rows.div_ceil(rows_per_task);
    let c = Shared::of(c);
    let task = |index: usize| {
        let (row, column) = (
            index / column_tasks * rows_per_task,
            index % column_tasks * width,
        );
        dispatch(Block {
            a,
            b,
            depth: k,
            rows: row..(row + rows_per_task).min(rows),
            columns: column..(column + width).min(columns),
            beta,
            out: Out {
                c: &c,
                len: n,
                turned,
            },
        });
    };
    // Small products in one task: several tasks would wake threads.
    let tasks = row_tasks * column_tasks;
    let together = (TASK / (rows_per_task.min(rows) * k * width.min(columns))).max(1);
    parallel::ranges(tasks, together, &|range| range.for_each(task));
    true
}

/// Where panels are copied to: memory that each thread keeps for it. The stack may be too small,
/// and memory for each product would cost as much as a small product.
struct PanelMemory(Vec<Line>);

/// A cache line.
#[derive(Clone, Copy)]
#[repr(align(64))]
struct Line(#[allow(dead_code, reason = "read as elements")] [u64; 8]);

thread_local! {
    static KEPT: Cell<Vec<Line>> = const { Cell::new(Vec::new()) };
}

impl PanelMemory {
    /// What the thread keeps.
    #[inline(never)]
    fn take() -> Self {
        // There is nothing kept at first, and none at all while the thread ends.
        let mut lines = KEPT.try_with(Cell::take).unwrap_or_default();
        if lines.is_empty() {
            let enough = PANEL / size_of::<Line>();
            assert!(
                lines.try_reserve_exact(enough).is_ok(),
                "matmul: the system refuses {PANEL} bytes of memory"
            );
            lines.resize(enough, Line([0; 8]));
        }
        Self(lines)
    }

    fn elements<F: Float>(&mut self) -> &mut [F] {
        let len = PANEL / size_of::<F>();
        // SAFETY: so many bytes, aligned for either dtype, of which all patterns are numbers.
        unsafe { std::slice::from_raw_parts_mut(self.0.as_mut_ptr().cast(), len) }
    }
}

impl Drop for PanelMemory {
    fn drop(&mut self) {
        let lines = std::mem::take(&mut self.0);
        // While the thread ends it is dropped here.
        let _ = KEPT.try_with(|kept| kept.set(lines));
    }
}

/// Where the tiles of the result go.
#[derive(Clone, Copy)]
struct Out<'a, F> {
    c: &'a Shared<F>,
    /// The length of a row of `c`.
    len: usize,
    /// Whether rows of tiles are columns of `c`.
    turned: bool,
}

/// A block of rows and at most a panel of columns of the result.
struct Block<'a, F> {
    a: Matrix<'a, F>,
    b: Matrix<'a, F>,
    depth: usize,
    rows: Range<usize>,
    columns: Range<usize>,
    beta: F,
    out: Out<'a, F>,
}

impl<F: Float> Kernel for Block<'_, F> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(self) {
        match I::VECTOR_BYTES / size_of::<F>() {
            16 => self.panel::<I, 8, 16>(),
            8 if I::VECTOR_BYTES == 64 => self.panel::<I, 8, 8>(),
            8 => self.panel::<I, 4, 8>(),
            _ => self.panel::<I, 4, 4>(),
        }
    }
}

impl<F: Float> Block<'_, F> {
    /// The block by tiles of at most `R` rows of vectors of `L` lanes.
    #[inline(always)]
    fn panel<I: Isa, const R: usize, const L: usize>(&self) {
        match self.columns.len().div_ceil(L) {
            1 => self.wide::<I, R, 1, L>(),
            2 => self.wide::<I, R, 2, L>(),
            _ => self.wide::<I, R, VECTORS, L>(),
        }
    }

    #[inline(always)]
    fn wide<I: Isa, const R: usize, const V: usize, const L: usize>(&self) {
        let width = V * L;
        let mut memory = PanelMemory::take();
        let copy = memory.elements::<F>();
        let blocks = self.depth.div_ceil(copy.len() / width);
        let depth = self.depth.div_ceil(blocks);
        let in_place = self.b.column_stride == 1
            && self.columns.len() == width
            && self.rows.len() <= ROWS_IN_PLACE;
        for start in (0..self.depth).step_by(depth) {
            let terms = start..(start + depth).min(self.depth);
            // SAFETY: an element of `b`: `gemm` has checked that all are within its slice.
            let first = unsafe { at(&self.b, terms.start, self.columns.start) };
            let panel = if in_place {
                (first, self.b.row_stride)
            } else {
                self.copy::<L>(terms.clone(), width, copy);
                // `copy` has written as many rows of `width` as there are terms; no other is read.
                (copy.as_ptr(), width as isize)
            };
            let mut row = self.rows.start;
            while row + R <= self.rows.end {
                self.tile::<I, R, V, L>(row, &terms, panel);
                row += R;
            }
            if row + 4 <= self.rows.end {
                self.tile::<I, 4, V, L>(row, &terms, panel);
                row += 4;
            }
            if row + 2 <= self.rows.end {
                self.tile::<I, 2, V, L>(row, &terms, panel);
                row += 2;
            }
            if row < self.rows.end {
                self.tile::<I, 1, V, L>(row, &terms, panel);
            }
        }
    }

    /// Copies rows of the panel, `width` elements each, the rest of it zeros.
    #[inline(always)]
    fn copy<const L: usize>(&self, terms: Range<usize>, width: usize, copy: &mut [F]) {
        let (b, columns) = (&self.b, self.columns.len());
        if b.column_stride == 1 {
            for (k, row) in terms.zip(copy.chunks_exact_mut(width)) {
                let place = b.offset as isize + k as isize * b.row_stride;
                let place = place as usize + self.columns.start;
                let (copied, rest) = row.split_at_mut(columns);
                for (out, &x) in copied.iter_mut().zip(&b.data[place..place + columns]) {
                    *out = x;
                }
                for out in rest {
                    *out = F::zero();
                }
            }
            return;
        }
        // By squares, which are turned over.
        for start in terms.clone().step_by(L) {
            let len = L.min(terms.end - start);
            let turned = &mut copy[(start - terms.start) * width..][..len * width];
            for column in (0..width).step_by(L) {
                let mut square = [[F::zero(); L]; L];
                for j in 0..L.min(columns.saturating_sub(column)) {
                    let column = self.columns.start + column + j;
                    // SAFETY: as in `wide`.
                    let from = unsafe { at(b, start, column) };
                    if len == L && b.row_stride == 1 {
                        for l in 0..L {
                            // SAFETY: as in `wide`.
                            square[j][l] = unsafe { *from.add(l) };
                        }
                    } else {
                        for l in 0..len {
                            // SAFETY: as in `wide`.
                            square[j][l] = unsafe { *from.offset(l as isize * b.row_stride) };
                        }
                    }
                }
                let square = transposed(square);
                for l in 0..len {
                    let row = &mut turned[l * width + column..][..L];
                    row.copy_from_slice(&square[l]);
                }
            }
        }
    }

    /// A tile's terms, added to the result, which they begin if they are the first.
    #[inline(always)]
    fn tile<I: Isa, const R: usize, const V: usize, const L: usize>(
        &self,
        row: usize,
        terms: &Range<usize>,
        (panel, stride): (*const F, isize),
    ) {
        // Copies, here and below: what is indexed in memory would not stay in registers.
        let before = self.before::<R, V, L>(row, terms.start == 0);
        let mut sums = [[[F::zero(); L]; V]; R];
        for i in 0..R {
            for v in 0..V {
                sums[i][v] = before[i][v];
            }
        }
        // SAFETY: an element of `a`, as `b`'s in `wide`.
        let mut a = unsafe { at(&self.a, row, terms.start) };
        let mut b = panel;
        for _ in terms.clone() {
            let mut bs = [[F::zero(); L]; V];
            for v in 0..V {
                for l in 0..L {
                    // SAFETY: a row of the panel has `V * L` elements, be it in place or copied.
                    bs[v][l] = unsafe { *b.add(v * L + l) };
                }
            }
            for i in 0..R {
                // SAFETY: an element of `a` in the next of its rows, which the tile covers.
                let x = unsafe { *a.offset(i as isize * self.a.row_stride) };
                for v in 0..V {
                    for l in 0..L {
                        sums[i][v][l] = x.fma::<I>(bs[v][l], sums[i][v][l]);
                    }
                }
            }
            a = a.wrapping_offset(self.a.column_stride);
            b = b.wrapping_offset(stride);
        }
        let mut done = [[[F::zero(); L]; V]; R];
        for i in 0..R {
            for v in 0..V {
                done[i][v] = sums[i][v];
            }
        }
        self.store(row, &done);
    }

    /// What a tile's terms are added to: what the result was times `beta` before the first, then
    /// what it is.
    #[inline(always)]
    fn before<const R: usize, const V: usize, const L: usize>(
        &self,
        row: usize,
        begins: bool,
    ) -> [[[F; L]; V]; R] {
        let mut before = [[[F::zero(); L]; V]; R];
        if begins && self.beta == F::zero() {
            return before;
        }
        let beta = if begins { self.beta } else { F::one() };
        if self.out.turned {
            let mut tile = [[[F::zero(); L]; V]; R];
            for j in 0..self.columns.len() {
                // SAFETY: one slice of the result at a time.
                let column = unsafe { self.column::<R>(row, j) };
                for i in 0..R {
                    tile[i][j / L][j % L] = column[i];
                }
            }
            for i in 0..R {
                for v in 0..V {
                    for l in 0..L {
                        before[i][v][l] = beta * tile[i][v][l];
                    }
                }
            }
            return before;
        }
        for i in 0..R {
            // SAFETY: one slice of the result at a time.
            let out = unsafe { self.row(row + i) };
            for v in 0..V {
                if let Some(whole) = whole::<F, L>(out, v) {
                    for l in 0..L {
                        before[i][v][l] = beta * whole[l];
                    }
                } else {
                    let mut part = [F::zero(); L];
                    let rest = out.iter().skip(v * L);
                    part.iter_mut().zip(rest).for_each(|(x, &out)| *x = out);
                    for l in 0..L {
                        before[i][v][l] = beta * part[l];
                    }
                }
            }
        }
        before
    }

    #[inline(always)]
    fn store<const R: usize, const V: usize, const L: usize>(
        &self,
        row: usize,
        sums: &[[[F; L]; V]; R],
    ) {
        if self.out.turned {
            for j in 0..self.columns.len() {
                // SAFETY: one slice of the result at a time.
                let column = unsafe { self.column::<R>(row, j) };
                for i in 0..R {
                    column[i] = sums[i][j / L][j % L];
                }
            }
            return;
        }
        for i in 0..R {
            // SAFETY: one slice of the result at a time.
            let out = unsafe { self.row(row + i) };
            for v in 0..V {
                if let Some(whole) = whole::<F, L>(out, v) {
                    *whole = sums[i][v];
                } else {
                    let rest = out.iter_mut().skip(v * L);
                    rest.zip(&sums[i][v]).for_each(|(out, &sum)| *out = sum);
                }
            }
        }
    }

    /// The elements of the result in a row of this block.
    ///
    /// # Safety
    /// No other slice of them may be in use. (Blocks do not overlap, and `product` borrows `c` for
    /// all of its tasks.)
    #[inline(always)]
    #[allow(clippy::mut_from_ref, reason = "that is why it is unsafe")]
    unsafe fn row(&self, row: usize) -> &mut [F] {
        let place = row * self.out.len + self.columns.start;
        // SAFETY: the caller's promise.
        unsafe { self.out.c.piece(place..place + self.columns.len()) }
    }

    /// Those in rows `row` to `row + R` and one of its columns, of a result that is turned over.
    ///
    /// # Safety
    /// As of [`row`](Self::row).
    #[inline(always)]
    #[allow(clippy::mut_from_ref, reason = "that is why it is unsafe")]
    unsafe fn column<const R: usize>(&self, row: usize, column: usize) -> &mut [F] {
        let place = (self.columns.start + column) * self.out.len + row;
        // SAFETY: the caller's promise.
        unsafe { self.out.c.piece(place..place + R) }
    }
}

/// Vector `v` of a row, if the row holds all of it.
#[inline(always)]
fn whole<F, const L: usize>(row: &mut [F], v: usize) -> Option<&mut [F; L]> {
    row.get_mut(v * L..v * L + L)?.try_into().ok()
}

/// A square turned over, whose side is a power of two: merging its two halves element by element,
/// as one does with cards, moves the first bit of an element's row number to the end of its column
/// number, and as often as there are such bits changes rows for columns.
#[inline(always)]
fn transposed<F: Float, const L: usize>(square: [[F; L]; L]) -> [[F; L]; L] {
    let mut from = square;
    for _ in 0..L.ilog2() {
        let mut to = [[F::zero(); L]; L];
        let (first, second) = from.as_flattened().split_at(L * L / 2);
        let pairs = to.as_flattened_mut().chunks_exact_mut(2);
        for ((pair, &a), &b) in pairs.zip(first).zip(second) {
            pair[0] = a;
            pair[1] = b;
        }
        from = to;
    }
    from
}

/// Where the element (`row`, `column`) of a matrix is.
///
/// # Safety
/// It must be one of the matrix, within its slice.
#[inline(always)]
unsafe fn at<F>(matrix: &Matrix<'_, F>, row: usize, column: usize) -> *const F {
    let place = matrix.offset as isize
        + row as isize * matrix.row_stride
        + column as isize * matrix.column_stride;
    // SAFETY: the caller's promise.
    unsafe { matrix.data.as_ptr().offset(place) }
}
