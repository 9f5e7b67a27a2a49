//! An allocator that records the largest request: a file that claims to be large must be refused
//! before memory is allocated for it.

#![allow(dead_code)] // Each test uses a part.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// The system's allocator, which records the largest request, and the sum per thread.
struct Remembering;

static LARGEST: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    static REQUESTED: Cell<usize> = const { Cell::new(0) };
}

fn remember(size: usize) {
    LARGEST.fetch_max(size, Relaxed);
    REQUESTED.set(REQUESTED.get() + size);
}

/// Returns how many bytes this thread requests while `f` runs.
pub fn requested<R>(f: impl FnOnce() -> R) -> (R, usize) {
    let before = REQUESTED.get();
    let result = f();
    (result, REQUESTED.get() - before)
}

// SAFETY: every request is passed on to the system's allocator.
unsafe impl GlobalAlloc for Remembering {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        remember(layout.size());
        // SAFETY: the caller keeps the contract of `System`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        remember(layout.size());
        // SAFETY: as in `alloc`.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        remember(size);
        // SAFETY: as in `alloc`.
        unsafe { System.realloc(pointer, layout, size) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as in `alloc`.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Remembering = Remembering;

/// No test of this program requests as much at once (a backtrace needs a third of it), and all
/// sizes that files claim are larger.
#[track_caller]
pub fn assert_small() {
    let largest = LARGEST.load(Relaxed);
    assert!(
        largest > 0 && largest <= 16 << 20,
        "{largest} bytes at once"
    );
}
