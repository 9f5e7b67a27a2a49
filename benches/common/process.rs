//! The resources that a process has used: memory, page faults, times that a thread slept.

use std::alloc::{GlobalAlloc, Layout, System};
use std::fs;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};

/// An allocator that counts its calls while it is enabled.
pub struct Counting;

static COUNTS: AtomicBool = AtomicBool::new(false);
static ALLOCATIONS: AtomicUsize = AtomicUsize::new(0);

fn count() {
    if COUNTS.load(Relaxed) {
        ALLOCATIONS.fetch_add(1, Relaxed);
    }
}

// SAFETY: every method forwards to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller guarantees the conditions of the system's allocator, which are the
        // same.
        unsafe { System.alloc(layout) }
    }
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: as above.
        unsafe { System.alloc_zeroed(layout) }
    }
    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        // SAFETY: as above.
        unsafe { System.realloc(pointer, layout, size) }
    }
    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }
}

/// Counters of this process at one moment.
#[derive(Clone, Copy, Debug)]
pub struct Usage {
    /// Calls of the allocator.
    pub allocations: usize,
    /// Times that tensor memory came from the system instead of recycled memory.
    pub system_requests: usize,
    /// Page faults that needed no disk.
    pub page_faults: f64,
    /// Times that any thread yielded the processor to wait.
    pub waits: f64,
    /// Processor seconds spent in the kernel.
    pub system_seconds: f64,
}

/// Returns the resources that `body` uses.
pub fn used_by(body: impl FnOnce() -> anyhow::Result<()>) -> anyhow::Result<Usage> {
    let before = usage();
    COUNTS.store(true, Relaxed);
    let result = body();
    COUNTS.store(false, Relaxed);
    result?;
    let after = usage();
    Ok(Usage {
        allocations: after.allocations - before.allocations,
        system_requests: after.system_requests - before.system_requests,
        page_faults: after.page_faults - before.page_faults,
        waits: after.waits - before.waits,
        system_seconds: after.system_seconds - before.system_seconds,
    })
}

fn usage() -> Usage {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // The second field is a name in parentheses, which may contain any characters.
    let fields = stat.rsplit(')').next().unwrap_or_default();
    let field = |number: usize| {
        let field = fields.split_whitespace().nth(number - 3);
        field.and_then(|f| f.parse().ok()).unwrap_or(f64::NAN)
    };
    let tasks = fs::read_dir("/proc/self/task").into_iter().flatten();
    let waits = tasks.flatten().map(|task| {
        let status = fs::read_to_string(task.path().join("status")).unwrap_or_default();
        number_after(&status, "\nvoluntary_ctxt_switches:").unwrap_or(0.0)
    });
    Usage {
        allocations: ALLOCATIONS.load(Relaxed),
        system_requests: cotangent::memory_use().system_requests,
        page_faults: field(10),
        waits: waits.sum(),
        system_seconds: field(15) / 100.0,
    }
}

/// Returns the resident memory of this process and its peak, in bytes, or NaN if the system does
/// not report them.
pub fn resident() -> [f64; 2] {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    ["\nVmRSS:", "\nVmHWM:"]
        .map(|name| number_after(&status, name).map_or(f64::NAN, |kilobytes| kilobytes * 1024.0))
}

/// Returns the part of the resident memory that is pages of files: the program's own code, as far
/// as it has run.
pub fn resident_of_files() -> f64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    number_after(&status, "\nRssFile:").map_or(f64::NAN, |kilobytes| kilobytes * 1024.0)
}

fn number_after(text: &str, name: &str) -> Option<f64> {
    let rest = text.split(name).nth(1)?;
    rest.split_whitespace().next()?.parse().ok()
}
