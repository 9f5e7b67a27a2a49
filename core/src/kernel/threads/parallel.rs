//! Splitting work over threads at places that do not depend on how many there are.
//!
//! The bodies are taken as `&dyn Fn`: a thread pool's machinery compiled anew for each of some
//! hundred kernels would be most of the build.

use crate::kernel::threads::panics::FirstPanic;
use crate::kernel::threads::pool;
use rayon::prelude::*;
use std::ops::Range;

/// Elements of cheap work that one task takes: large enough to pay for waking a thread.
pub(crate) const GRAIN: usize = 16 * 1024;

/// Calls `body` with the consecutive ranges of `0..len` that are `piece_len` long, the last
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
    let own_pool = rayon::current_thread_index().is_some();
    // The threads of a process are not there any more in its child.
    if threads() < 2 || pool::is_forked() {
        (0..pieces).for_each(piece);
    } else if own_pool || !pool::run(pieces, &piece) {
        // A pool may have more threads than can run: the others are not woken.
        let at_once = rayon::current_num_threads().min(pool::processors());
        let panic = FirstPanic::new();
        (0..pieces)
            .into_par_iter()
            .with_min_len(pieces.div_ceil(4 * at_once))
            .for_each(|i| {
                // A pool that meets several panics at once may end the process.
                panic.catch(|| piece(i));
            });
        panic.go_on();
    }
}

/// How many threads may work at once here: those of the `rayon` pool that this thread is one of,
/// else those of [`pool`].
pub(crate) fn threads() -> usize {
    if pool::is_forked() {
        1
    } else if rayon::current_thread_index().is_some() {
        rayon::current_num_threads().min(pool::processors())
    } else {
        pool::threads()
    }
}

/// Calls `body(first_index, piece)` for consecutive pieces of `out`, `piece_len` elements each.
pub(crate) fn chunks_mut<T: Send>(
    out: &mut [T],
    piece_len: usize,
    body: &(dyn Fn(usize, &mut [T]) + Sync),
) {
    let out = Shared::of(out);
    ranges(out.len, piece_len, &|range| {
        // SAFETY: the ranges of one call do not overlap, and `out` is borrowed for all of it.
        body(range.start, unsafe { out.piece(range) });
    });
}

/// Calls `body(i, range)` for pieces of `0..lens[i]`, for every `i`: at most `piece_len` long, and
/// small ones together in one task.
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

/// What `body` gives for each piece of `0..len`, in order.
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

/// The same range of each slice. (Plain loops over arrays, here and in the kernels: closures in
/// `array::map` are not reliably inlined, and what is not inlined is not vectorized.)
#[inline(always)]
pub(crate) fn cut<'a, F, const N: usize>(
    slices: [&'a [F]; N],
    range: &Range<usize>,
) -> [&'a [F]; N] {
    let mut pieces: [&[F]; N] = [&[]; N];
    for k in 0..N {
        pieces[k] = &slices[k][range.start..range.end];
    }
    pieces
}

/// A mutable slice whose disjoint pieces are handed to several threads.
pub(crate) struct Shared<T> {
    start: *mut T,
    pub len: usize,
}

// SAFETY: it is a mutable slice in parts; each part is used by one thread at a time (`piece`).
unsafe impl<T: Send> Sync for Shared<T> {}

impl<T> Shared<T> {
    pub(crate) fn of(slice: &mut [T]) -> Self {
        Self {
            start: slice.as_mut_ptr(),
            len: slice.len(),
        }
    }

    /// The elements of a range, which must lie within the slice.
    ///
    /// # Safety
    /// The slice that this was made of must still be mutably borrowed by the caller, and no two
    /// pieces that live at the same time may overlap.
    #[allow(clippy::mut_from_ref)] // That is its purpose, and why it is unsafe.
    pub(crate) unsafe fn piece(&self, range: Range<usize>) -> &mut [T] {
        assert!(
            range.start <= range.end && range.end <= self.len,
            "a piece outside its slice"
        );
        // SAFETY: the range lies within the slice (just checked), which is alive, and which nobody
        // else reads or writes there (the caller's promise).
        unsafe { std::slice::from_raw_parts_mut(self.start.add(range.start), range.len()) }
    }
}
