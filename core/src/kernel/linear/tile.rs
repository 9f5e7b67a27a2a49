//! Matrix products by tiles of the result that stay in registers.
//!
//! `a` is read in place with any strides, one element at a time, because each element is multiplied
//! by a whole row of the tile. A panel of a few columns of `b` is copied into the order in which it
//! is read, unless it has this order already. Every element of the result is a sum over k in order,
//! for all blocks and all numbers of threads. The blocks follow Goto, van de Geijn 2008, Anatomy of
//! High-Performance Matrix Multiplication. Unlike there, `a` is copied only if its columns are
//! contiguous and the sums are long, as in the gradient of a weight over many samples: then each
//! term of a sum is in another cache line, and often in the same cache set.

use crate::kernel::float::Float;
use crate::kernel::isa::{Isa, Kernel, Lanes, Tier, dispatch};
use crate::kernel::linear::matrix::Matrix;
use crate::kernel::threads::parallel::{self, Shared};
use crate::kernel::threads::scratch::Scratch;
use std::hint::black_box;
use std::ops::Range;

/// Vectors in a row of a tile.
const VECTORS: usize = 3;
/// The bytes of a copied panel: 512 terms of a sum for the widest tile. A longer panel would pass
/// over the result less often, but would not fit in the near caches.
const PANEL: usize = 512 * VECTORS * 64;
/// Terms from which on columns of `a` are copied, and the limit of terms that are copied at once.
const COPIED_TERMS: [usize; 2] = [256, 512];
/// The bytes of one term of copied columns: a cache line.
const LINE: usize = 64;
/// Multiplications that pay for waking a thread.
const TASK: usize = 1 << 20;
/// Tasks per thread, so that all threads end at about the same time. More tasks would copy a panel
/// more often.
const TASKS_PER_THREAD: usize = 6;
/// The limit of rows up to which a contiguous panel is read in place. It is read too few times to
/// pay for a copy.
const ROWS_IN_PLACE: usize = 64;

/// Computes `c = a b + beta c` as [`gemm`](crate::kernel::linear::gemm::gemm) does, which has
/// checked the layouts. It does nothing and returns false on instruction sets without tiles, and
/// for empty products.
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
    // If panels must be transposed, those of the smaller operand are, and the result is computed
    // transposed.
    let transposed = b.column_stride != 1 && a.column_stride == 1 && m < n;
    let (a, b, rows, columns) = if transposed {
        (b.transposed(), a.transposed(), n, m)
    } else {
        (a, b, m, n)
    };
    let width = VECTORS * lanes;
    let column_tasks = columns.div_ceil(width);
    // The number of threads decides which thread computes an element, but not how: its sum is over
    // k in order.
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
                transposed,
            },
        });
    };
    // Small products run in one task, because several tasks would wake threads.
    let tasks = row_tasks * column_tasks;
    let together = (TASK / (rows_per_task.min(rows) * k * width.min(columns))).max(1);
    parallel::ranges(tasks, together, &|range| range.for_each(task));
    true
}

/// Whether `N` is below `R`, as a constant: what the compiler need not compute it drops early.
pub(crate) struct Below<const N: usize, const R: usize>;

impl<const N: usize, const R: usize> Below<N, R> {
    pub(crate) const YES: bool = N < R;
}

/// Returns the rows of the next tile if `left` rows are left: `R`, and fewer at the end.
#[inline(always)]
pub(crate) fn next_rows<const R: usize>(left: usize) -> usize {
    match left {
        left if left >= R => R,
        4.. if Below::<4, R>::YES => 4,
        2.. => 2,
        _ => 1,
    }
}

/// Calls a function that is generic over the rows of a tile, for the rows that [`next_rows`] has
/// returned: `by_rows!(rows, R, self.tile::<I, _, V, L>(arguments))`.
macro_rules! by_rows {
    (
        $rows:ident, $most:ident,
        $this:ident.$tile:ident::<$isa:ident, _, $vectors:ident, $lanes:ident>($($argument:expr),*)
    ) => {
        if $rows == $most {
            $this.$tile::<$isa, $most, $vectors, $lanes>($($argument),*);
        } else if $crate::kernel::linear::tile::Below::<4, $most>::YES && $rows == 4 {
            $this.$tile::<$isa, 4, $vectors, $lanes>($($argument),*);
        } else if $rows == 2 {
            $this.$tile::<$isa, 2, $vectors, $lanes>($($argument),*);
        } else {
            $this.$tile::<$isa, 1, $vectors, $lanes>($($argument),*);
        }
    };
}
pub(crate) use by_rows;

/// The destination of the tiles of the result.
#[derive(Clone, Copy)]
struct Out<'a, F> {
    c: &'a Shared<F>,
    /// The length of a row of `c`.
    len: usize,
    /// Whether the result is computed transposed: rows of tiles are columns of `c`.
    transposed: bool,
}

/// The operands of the tile of some rows.
struct Tiles<F> {
    terms: usize,
    /// The first term of the first row of `a`, and the distances of rows and of terms.
    a: (*const F, isize, isize),
    /// The first row of the panel, and the distance of rows.
    panel: (*const F, isize),
    /// Whether the sums begin at zero.
    begins_at_zero: bool,
    /// The first row, if the sums are whole vectors of the result.
    stored: Option<usize>,
}

/// A block of the result: some rows, and at most a panel of columns.
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
    // `product` returns before.
    const NARROW: bool = false;

    #[inline(always)]
    fn run<I: Isa>(self) {
        match Lanes::<I, F>::COUNT {
            16 => self.panel::<I, 8, 16>(),
            8 if I::WIDE => self.panel::<I, 8, 8>(),
            8 => self.panel::<I, 4, 8>(),
            _ => self.panel::<I, 4, 4>(),
        }
    }
}

impl<F: Float> Block<'_, F> {
    /// Computes the block by tiles of at most `R` rows of vectors of `L` lanes.
    // The copy of the panel, and loads and stores of parts of vectors, are at one place of the
    // code, whatever the numbers of rows and of vectors: each place would be compiled for itself.
    #[inline(always)]
    fn panel<I: Isa, const R: usize, const L: usize>(&self) {
        let vectors = self.columns.len().div_ceil(L);
        let width = vectors * L;
        let mut scratch = Scratch::take(PANEL + COPIED_TERMS[1] * LINE);
        let (copy, columns) = scratch.elements::<F>().split_at_mut(PANEL / size_of::<F>());
        let copies_columns = self.a.column_stride != 1
            && self.a.row_stride == 1
            && self.depth >= COPIED_TERMS[0]
            && self.rows.len() >= R;
        let mut most = copy.len() / width;
        if copies_columns {
            most = most.min(COPIED_TERMS[1]);
        }
        let depth = self.depth.div_ceil(self.depth.div_ceil(most));
        let is_whole = self.columns.len() == width;
        let in_place = self.b.column_stride == 1 && is_whole && self.rows.len() <= ROWS_IN_PLACE;
        // A cache line of columns of `a` has the rows of several tiles.
        let line = LINE / size_of::<F>();
        let copied = if copies_columns {
            self.rows.len() / line * line
        } else {
            0
        };
        let mut lanes = [[[F::zero(); L]; VECTORS]; R];
        for start in (0..self.depth).step_by(depth) {
            let terms = start..(start + depth).min(self.depth);
            // SAFETY: this is an element of `b`, and `gemm` has checked that all of them are within
            // its slice.
            let first = unsafe { at(&self.b, terms.start, self.columns.start) };
            let panel = if in_place {
                (first, self.b.row_stride)
            } else {
                self.copy::<L>(terms.clone(), width, copy);
                // `copy` has written as many rows of `width` elements as there are terms. No other
                // element is read.
                (copy.as_ptr(), width as isize)
            };
            let begins_at_zero = start == 0 && self.beta == F::zero();
            let stores_vectors = is_whole && !self.out.transposed;
            let mut row = self.rows.start;
            while row < self.rows.end {
                let rows = next_rows::<R>(self.rows.end - row);
                let place = row - self.rows.start;
                let a = if place < copied {
                    if place.is_multiple_of(line) {
                        self.copy_columns(row, &terms, columns);
                    }
                    // With a stride known to be 1 the compiler would load the elements of all rows
                    // as one vector and shuffle it.
                    (
                        columns[place % line..].as_ptr(),
                        black_box(1),
                        line as isize,
                    )
                } else {
                    // SAFETY: this is an element of `a`, and `gemm` has checked that all of them
                    // are within its slice.
                    let first = unsafe { at(&self.a, row, terms.start) };
                    (first, self.a.row_stride, self.a.column_stride)
                };
                if !begins_at_zero {
                    let beta = if start == 0 { self.beta } else { F::one() };
                    self.load(row, beta, &mut lanes[..rows]);
                }
                let tiles = Tiles {
                    terms: terms.len(),
                    a,
                    panel,
                    begins_at_zero,
                    stored: stores_vectors.then_some(row),
                };
                match vectors {
                    1 => self.rows::<I, R, 1, L>(rows, &tiles, &mut lanes),
                    2 => self.rows::<I, R, 2, L>(rows, &tiles, &mut lanes),
                    _ => self.rows::<I, R, VECTORS, L>(rows, &tiles, &mut lanes),
                }
                if !stores_vectors {
                    self.store(row, &lanes[..rows]);
                }
                row += rows;
            }
        }
    }

    /// Computes the tile of some rows.
    #[inline(always)]
    fn rows<I: Isa, const R: usize, const V: usize, const L: usize>(
        &self,
        rows: usize,
        tile: &Tiles<F>,
        lanes: &mut [[[F; L]; VECTORS]; R],
    ) {
        by_rows!(rows, R, self.tile::<I, _, V, L>(tile, lanes));
    }

    /// Copies a cache line of rows of `a`, whose columns are contiguous, term by term.
    #[inline(always)]
    fn copy_columns(&self, row: usize, terms: &Range<usize>, copy: &mut [F]) {
        let a = &self.a;
        let line = LINE / size_of::<F>();
        for (k, out) in terms.clone().zip(copy.chunks_exact_mut(line)) {
            let place = a.offset as isize + row as isize + k as isize * a.column_stride;
            out.copy_from_slice(&a.data[place as usize..][..line]);
        }
    }

    /// Copies rows of the panel, `width` elements each. Elements beyond the block's columns are
    /// zeros.
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
        // By squares, which are transposed in registers.
        for start in terms.clone().step_by(L) {
            let len = L.min(terms.end - start);
            let target = &mut copy[(start - terms.start) * width..][..len * width];
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
                let square = transpose(square);
                for l in 0..len {
                    let row = &mut target[l * width + column..][..L];
                    row.copy_from_slice(&square[l]);
                }
            }
        }
    }

    /// Adds the products of a tile's terms to zero or to `lanes`. The sums go to the result or to
    /// `lanes`.
    #[inline(always)]
    fn tile<I: Isa, const R: usize, const V: usize, const L: usize>(
        &self,
        tile: &Tiles<F>,
        lanes: &mut [[[F; L]; VECTORS]],
    ) {
        let mut sums = [[[F::zero(); L]; V]; R];
        if !tile.begins_at_zero {
            for i in 0..R {
                for v in 0..V {
                    sums[i][v] = lanes[i][v];
                }
            }
        }
        let (mut a, row_stride, term_stride) = tile.a;
        let (mut b, stride) = tile.panel;
        for _ in 0..tile.terms {
            let mut bs = [[F::zero(); L]; V];
            for v in 0..V {
                for l in 0..L {
                    // SAFETY: a row of the panel has `V * L` elements, whether it is copied or read
                    // in place.
                    bs[v][l] = unsafe { *b.add(v * L + l) };
                }
            }
            for i in 0..R {
                // SAFETY: this is an element of `a` in one of the `R` rows of the tile, in place or
                // copied.
                let x = unsafe { *a.offset(i as isize * row_stride) };
                for v in 0..V {
                    for l in 0..L {
                        sums[i][v][l] = x.fma::<I>(bs[v][l], sums[i][v][l]);
                    }
                }
            }
            a = a.wrapping_offset(term_stride);
            b = b.wrapping_offset(stride);
        }
        // A copy: an array that is indexed in memory would not stay in registers.
        let mut done = [[[F::zero(); L]; V]; R];
        for i in 0..R {
            for v in 0..V {
                done[i][v] = sums[i][v];
            }
        }
        if let Some(row) = tile.stored {
            for i in 0..R {
                // SAFETY: only one slice of the result is in use at a time.
                let out = unsafe { self.row(row + i) };
                for v in 0..V {
                    out[v * L..(v + 1) * L].copy_from_slice(&done[i][v]);
                }
            }
        } else {
            for i in 0..R {
                for v in 0..V {
                    lanes[i][v] = done[i][v];
                }
            }
        }
    }

    /// Reads `beta` times the current result of some rows.
    #[inline(always)]
    fn load<const L: usize>(&self, row: usize, beta: F, lanes: &mut [[[F; L]; VECTORS]]) {
        if self.out.transposed {
            for j in 0..self.columns.len() {
                // SAFETY: only one slice of the result is in use at a time.
                let column = unsafe { self.column(row, lanes.len(), j) };
                for (lanes, &out) in lanes.iter_mut().zip(&*column) {
                    lanes[j / L][j % L] = beta * out;
                }
            }
            return;
        }
        for (i, lanes) in lanes.iter_mut().enumerate() {
            // SAFETY: only one slice of the result is in use at a time.
            let out = unsafe { self.row(row + i) };
            let lanes = lanes.as_flattened_mut().iter_mut();
            lanes.zip(&*out).for_each(|(lane, &out)| *lane = beta * out);
        }
    }

    /// Stores some rows of the result.
    #[inline(always)]
    fn store<const L: usize>(&self, row: usize, lanes: &[[[F; L]; VECTORS]]) {
        if self.out.transposed {
            for j in 0..self.columns.len() {
                // SAFETY: only one slice of the result is in use at a time.
                let column = unsafe { self.column(row, lanes.len(), j) };
                for (out, lanes) in column.iter_mut().zip(lanes) {
                    *out = lanes[j / L][j % L];
                }
            }
            return;
        }
        for (i, lanes) in lanes.iter().enumerate() {
            // SAFETY: only one slice of the result is in use at a time.
            let out = unsafe { self.row(row + i) };
            out.copy_from_slice(&lanes.as_flattened()[..out.len()]);
        }
    }

    /// Returns the elements of the result in a row of this block.
    ///
    /// # Safety
    /// No other slice of them may be in use. (Blocks do not overlap, and `product` borrows `c`
    /// until all tasks have ended.)
    #[inline(always)]
    #[allow(clippy::mut_from_ref, reason = "that is why it is unsafe")]
    unsafe fn row(&self, row: usize) -> &mut [F] {
        let place = row * self.out.len + self.columns.start;
        // SAFETY: guaranteed by the caller.
        unsafe { self.out.c.piece(place..place + self.columns.len()) }
    }

    /// Returns the elements in some rows of one column of this block, if the result is computed
    /// transposed.
    ///
    /// # Safety
    /// As for [`row`](Self::row).
    #[inline(always)]
    #[allow(clippy::mut_from_ref, reason = "that is why it is unsafe")]
    unsafe fn column(&self, row: usize, rows: usize, column: usize) -> &mut [F] {
        let place = (self.columns.start + column) * self.out.len + row;
        // SAFETY: guaranteed by the caller.
        unsafe { self.out.c.piece(place..place + rows) }
    }
}

/// Transposes an L×L block in log₂ L perfect shuffles, where L is a power of two.
///
/// A perfect shuffle interleaves the two halves of the block. It moves the first bit of an
/// element's row index to the end of its column index. After log₂ L shuffles the two indices are
/// exchanged.
#[inline(always)]
pub(crate) fn transpose<F: Float, const L: usize>(square: [[F; L]; L]) -> [[F; L]; L] {
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

/// Returns a pointer to the element (`row`, `column`) of a matrix.
///
/// # Safety
/// The element must be one of the matrix, within its slice.
#[inline(always)]
unsafe fn at<F>(matrix: &Matrix<'_, F>, row: usize, column: usize) -> *const F {
    let place = matrix.offset as isize
        + row as isize * matrix.row_stride
        + column as isize * matrix.column_stride;
    // SAFETY: guaranteed by the caller.
    unsafe { matrix.data.as_ptr().offset(place) }
}
