//! Splits work over threads, at places that do not depend on the number of threads.
//!
//! The bodies are taken as `&dyn Fn`. If a thread pool's machinery were compiled anew for each of
//! some hundred kernels, it would take most of the build.

use crate::kernel::threads::panics::FirstPanic;
use crate::kernel::threads::{pool, regions};
use crate::kernel::unroll::unroll;
use rayon::prelude::*;
use std::ops::Range;

/// Elements of cheap work in one task: enough to pay for waking a thread.
pub(crate) const GRAIN: usize = 16 * 1024;

/// Calls `body` with consecutive ranges of `0..len`. Each has `piece_len` elements; the last may be
/// shorter.
pub(crate) fn ranges(len: usize, piece_len: usize, body: &(dyn Fn(Range<usize>) + Sync)) {
    let piece_len = piece_len.max(1);
    let pieces = len.div_ceil(piece_len);
    let range = |i: usize| i * piece_len..((i + 1) * piece_len).min(len);
    if pieces < 2 {
        if pieces == 1 {
            body(range(0));
        }
        return;
    }
    let piece = |i| body(range(i));
    if regions::run(pieces, &piece) {
        return;
    }
    let in_rayon = rayon::current_thread_index().is_some();
    // A forked child does not have the threads of its parent.
    if threads() < 2 || pool::is_forked() {
        (0..pieces).for_each(piece);
    } else if in_rayon || !pool::run(pieces, &piece) {
        // A rayon pool may have more threads than can run at once. The surplus threads are not
        // woken.
        let at_once = rayon::current_num_threads().min(pool::processors());
        let panic = FirstPanic::new();
        (0..pieces)
            .into_par_iter()
            .with_min_len(pieces.div_ceil(4 * at_once))
            .for_each(|i| {
                // If several pieces panic at once, rayon may abort the process.
                panic.catch(|| piece(i));
            });
        panic.resume();
    }
}

/// Returns how many threads may work at once here: the threads of the `rayon` pool that the current
/// thread belongs to, or else those of [`pool`].
pub(crate) fn threads() -> usize {
    if let Some(threads) = regions::threads() {
        threads
    } else if pool::is_forked() {
        1
    } else if rayon::current_thread_index().is_some() {
        rayon::current_num_threads().min(pool::processors())
    } else {
        pool::threads()
    }
}

/// Calls `body(first_index, piece)` for consecutive pieces of `out` with `piece_len` elements each.
pub(crate) fn chunks_mut<T: Send>(
    out: &mut [T],
    piece_len: usize,
    body: &(dyn Fn(usize, &mut [T]) + Sync),
) {
    let out = Shared::of(out);
    ranges(out.len, piece_len, &|range| {
        // SAFETY: the ranges of one call do not overlap, and `out` is borrowed until the call ends.
        body(range.start, unsafe { out.piece(range) });
    });
}

/// A function of the number of a row and of the rows of two slices from there on.
type OnRows<'f, A, B> = dyn Fn(usize, &mut [A], &mut [B]) + Sync + 'f;

/// Calls `body(first_row, pieces…)` for the same rows of two slices, whose rows have these lengths.
/// A piece has `rows` rows; the last may have fewer.
pub(crate) fn pairs_mut<A: Send, B: Send>(
    row_lens: [usize; 2],
    rows: usize,
    a: &mut [A],
    b: &mut [B],
    body: &OnRows<'_, A, B>,
) {
    let count = a.len().checked_div(row_lens[0]).unwrap_or(0);
    let (a, b) = (Shared::of(a), Shared::of(b));
    ranges(count, rows, &|range| {
        let part = |len: usize| range.start * len..range.end * len;
        // SAFETY: the ranges of one call do not overlap, and both slices are borrowed until the
        // call ends.
        let (a, b) = unsafe { (a.piece(part(row_lens[0])), b.piece(part(row_lens[1]))) };
        body(range.start, a, b);
    });
}

/// Calls `body(i, range)` for pieces of `0..lens[i]`, for every `i`. Pieces have at most
/// `piece_len` elements, and several small ones share a task.
pub(crate) fn batches(
    lens: &[usize],
    piece_len: usize,
    body: &(dyn Fn(usize, Range<usize>) + Sync),
) {
    let mut pieces = Vec::new();
    let mut tasks = vec![0];
    let mut load = 0;
    for (i, &len) in lens.iter().enumerate() {
        for start in (0..len).step_by(piece_len) {
            let end = len.min(start + piece_len);
            pieces.push((i, start..end));
            load += end - start;
            if load >= piece_len {
                tasks.push(pieces.len());
                load = 0;
            }
        }
    }
    if load > 0 {
        tasks.push(pieces.len());
    }
    ranges(tasks.len() - 1, 1, &|task| {
        for (i, range) in &pieces[tasks[task.start]..tasks[task.end]] {
            body(*i, range.clone());
        }
    });
}

/// Returns the results of `body` for each piece of `0..len`, in order.
pub(crate) fn collect<R: Send>(
    len: usize,
    piece_len: usize,
    body: &(dyn Fn(Range<usize>) -> R + Sync),
) -> Vec<R> {
    let piece_len = piece_len.max(1);
    let mut results: Vec<Option<R>> = Vec::new();
    results.resize_with(len.div_ceil(piece_len), || None);
    chunks_mut(&mut results, 1, &|i, slot| {
        slot[0] = Some(body(i * piece_len..((i + 1) * piece_len).min(len)));
    });
    results.into_iter().flatten().collect()
}

/// Returns the same range of each slice.
///
/// There is no closure, as in all kernels: those of `array::map` are not reliably inlined, and code
/// that is not inlined is not vectorized.
#[inline(always)]
pub(crate) fn cut<'a, F, const N: usize>(
    slices: [&'a [F]; N],
    range: &Range<usize>,
) -> [&'a [F]; N] {
    let mut pieces: [&[F]; N] = [&[]; N];
    unroll!(k in N {
        pieces[k] = &slices[k][range.start..range.end];
    });
    pieces
}

/// A mutable slice whose disjoint pieces are given to several threads.
pub(crate) struct Shared<T> {
    start: *mut T,
    pub len: usize,
}

// SAFETY: it is a mutable slice in parts, and one thread at a time uses each part (see `piece`).
unsafe impl<T: Send> Sync for Shared<T> {}

impl<T> Shared<T> {
    pub(crate) fn of(slice: &mut [T]) -> Self {
        Self {
            start: slice.as_mut_ptr(),
            len: slice.len(),
        }
    }

    /// Returns the elements of a range, which must lie within the slice.
    ///
    /// # Safety
    /// The caller must still mutably borrow the slice that this was made from, and no two pieces
    /// that live at the same time may overlap.
    #[allow(clippy::mut_from_ref)] // That is its purpose, and why it is unsafe.
    pub(crate) unsafe fn piece(&self, range: Range<usize>) -> &mut [T] {
        assert!(
            range.start <= range.end && range.end <= self.len,
            "a piece outside its slice"
        );
        // SAFETY: the range lies within the slice (just checked). The caller guarantees that the
        // slice is alive and that nobody else reads or writes the range.
        unsafe { std::slice::from_raw_parts_mut(self.start.add(range.start), range.len()) }
    }
}
