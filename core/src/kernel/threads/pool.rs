//! A thread pool whose threads spin briefly before they sleep.
//!
//! A step of training is some hundred short parallel regions, a few microseconds apart. A pool
//! whose threads sleep in between spends longer on waking them than they work. Here the caller
//! takes part, the others watch for the next region for a moment before they sleep, and the caller
//! waits for nobody who has not begun.

use crate::kernel::threads::panics::FirstPanic;
use std::cell::UnsafeCell;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed, Ordering::SeqCst};
use std::sync::{Condvar, Mutex, MutexGuard, OnceLock, PoisonError, TryLockError};
use std::time::{Duration, Instant};

/// How long a thread watches for work before it sleeps.
const WATCH: Duration = Duration::from_micros(100);

/// What there is to do: `body(i)` for each `i` below `count`.
#[derive(Clone, Copy)]
struct Job {
    body: *const (dyn Fn(usize) + Sync),
    count: usize,
}

/// Where a thread is in its share of a job, on cache lines of its own.
#[derive(Default)]
#[repr(align(128))]
struct Share {
    next: AtomicUsize,
}

struct Pool {
    /// Held by the caller whose job it is.
    caller: Mutex<()>,
    job: UnsafeCell<Option<Job>>,
    /// Odd while a job is open; one more with each opening and closing.
    phase: AtomicUsize,
    /// The next piece to be taken of each thread's share.
    shares: Vec<Share>,
    /// Threads that are inside the open job, or look whether it still is.
    inside: AtomicUsize,
    /// Held while a thread goes to sleep, and while all are woken.
    asleep: Mutex<()>,
    /// Threads that sleep, or are about to.
    sleepers: AtomicUsize,
    wake: Condvar,
    /// That of a piece.
    panic: FirstPanic,
    threads: usize,
}

// SAFETY: `job` is written by the caller alone, while no job is open and no thread is inside, and
// read by threads that are inside an open one.
unsafe impl Sync for Pool {}
// SAFETY: the pointer in `job` is not used but as said above.
unsafe impl Send for Pool {}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // No panic leaves one of these in a bad state: each is a number, a flag or nothing.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How many threads the pool has, the caller included: no more than `rayon` would start, and no
/// more than may run at once, since a thread that is not running when its turn comes lets all
/// others wait.
pub(crate) fn threads() -> usize {
    pool().threads
}

fn pool() -> &'static Pool {
    static POOL: OnceLock<&'static Pool> = OnceLock::new();
    POOL.get_or_init(|| Pool::start(rayon::current_num_threads().min(processors())))
}

/// How many threads of this process may run at once.
pub(crate) fn processors() -> usize {
    static PROCESSORS: OnceLock<usize> = OnceLock::new();
    *PROCESSORS.get_or_init(|| std::thread::available_parallelism().map_or(1, usize::from))
}

/// Whether this process is the child of a `fork` in one that had threads: a copy without them.
pub(crate) fn is_forked() -> bool {
    FORKED.load(Relaxed)
}

static FORKED: AtomicBool = AtomicBool::new(false);

/// Has `FORKED` set in every child from now on.
fn notice_forks() {
    #[cfg(unix)]
    {
        use std::ffi::c_int;
        type Handler = Option<unsafe extern "C" fn()>;
        unsafe extern "C" {
            // Of POSIX.
            fn pthread_atfork(prepare: Handler, parent: Handler, child: Handler) -> c_int;
        }
        unsafe extern "C" fn in_child() {
            FORKED.store(true, Relaxed);
        }
        // SAFETY: the declaration is that of POSIX, and the handler does what a signal handler may
        // do. It can fail for want of memory: then forks go unnoticed.
        unsafe { pthread_atfork(None, None, Some(in_child)) };
    }
}

/// Calls `body(i)` for each `i` below `count`, in parallel; false, and nothing is done, if another
/// thread's job is going on (or one that this call is a piece of).
pub(crate) fn run(count: usize, body: &(dyn Fn(usize) + Sync)) -> bool {
    pool().run(count, body)
}

impl Pool {
    fn start(threads: usize) -> &'static Self {
        notice_forks();
        let pool: &'static Self = Box::leak(Box::new(Self {
            caller: Mutex::new(()),
            job: UnsafeCell::new(None),
            phase: AtomicUsize::new(0),
            shares: (0..threads).map(|_| Share::default()).collect(),
            inside: AtomicUsize::new(0),
            asleep: Mutex::new(()),
            sleepers: AtomicUsize::new(0),
            wake: Condvar::new(),
            panic: FirstPanic::new(),
            threads,
        }));
        for number in 1..threads {
            // Should a thread not start there are fewer: the caller does what is left.
            let name = format!("cotangent-{number}");
            let builder = std::thread::Builder::new().name(name);
            drop(builder.spawn(move || pool.serve(number)));
        }
        pool
    }

    fn run(&self, count: usize, body: &(dyn Fn(usize) + Sync)) -> bool {
        let _caller = match self.caller.try_lock() {
            Ok(caller) => caller,
            // A panic went on from here; its job was closed before.
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return false,
        };
        self.open(count, body);
        // Panics are caught: the job must be closed before the end of `body`'s life.
        self.work(0, count, body);
        self.close();
        self.panic.go_on();
        true
    }

    fn open(&self, count: usize, body: &(dyn Fn(usize) + Sync)) {
        // SAFETY: only the lifetime changes. `close` comes before the end of `body`'s life, and
        // after it no thread is inside that could use it.
        let body: &'static (dyn Fn(usize) + Sync) = unsafe { std::mem::transmute(body) };
        // SAFETY: no job is open, and none is inside (`close` has waited): nobody else looks at it.
        unsafe { *self.job.get() = Some(Job { body, count }) };
        for (thread, share) in self.shares.iter().enumerate() {
            share.next.store(self.first(thread, count), Relaxed);
        }
        self.phase.fetch_add(1, SeqCst);
        if self.sleepers.load(SeqCst) > 0 {
            drop(lock(&self.asleep));
            self.wake.notify_all();
        }
    }

    /// The first piece of a thread's share.
    fn first(&self, thread: usize, count: usize) -> usize {
        thread * count / self.threads
    }

    /// Does the pieces of a thread's own share, then what is left of the others'. So a thread
    /// mostly finds near it what it has written itself, in the region before or in the step before.
    fn take_part(&self, thread: usize, count: usize, body: &(dyn Fn(usize) + Sync)) {
        for turn in 0..self.threads {
            let owner = (thread + turn) % self.threads;
            let end = self.first(owner + 1, count);
            loop {
                let i = self.shares[owner].next.fetch_add(1, Relaxed);
                if i >= end {
                    break;
                }
                body(i);
            }
        }
    }

    /// As [`take_part`](Self::take_part), and keeps a panic for the caller.
    fn work(&self, thread: usize, count: usize, body: &(dyn Fn(usize) + Sync)) {
        if !self.panic.catch(|| self.take_part(thread, count, body)) {
            self.give_up();
        }
    }

    /// Leaves what has not begun undone, after a panic.
    fn give_up(&self) {
        for share in &self.shares {
            share.next.fetch_max(usize::MAX / 2, Relaxed);
        }
    }

    fn close(&self) {
        self.phase.fetch_add(1, SeqCst);
        let mut turns = 0u32;
        // What the others have done comes before what the caller does next: their `fetch_sub` is
        // seen.
        while self.inside.load(SeqCst) > 0 {
            pause(&mut turns);
        }
    }

    /// What each thread but the caller does.
    fn serve(&self, thread: usize) {
        let mut seen = 0;
        loop {
            let phase = self.watch(seen);
            seen = phase;
            self.inside.fetch_add(1, SeqCst);
            // Either this sees the job open, and `close` sees a thread inside, or it sees it
            // closed.
            if self.phase.load(SeqCst) == phase {
                // SAFETY: the job is open, and cannot be replaced while a thread is inside.
                if let Some(Job { body, count }) = unsafe { *self.job.get() } {
                    // SAFETY: `close` keeps `body` alive until no thread is inside.
                    self.work(thread, count, unsafe { &*body });
                }
            }
            self.inside.fetch_sub(1, SeqCst);
        }
    }

    /// The phase of the next open job that is not `seen`: watches, then sleeps.
    fn watch(&self, seen: usize) -> usize {
        let open = || {
            let phase = self.phase.load(SeqCst);
            (phase % 2 == 1 && phase != seen).then_some(phase)
        };
        let (mut turns, started) = (0u32, Instant::now());
        while started.elapsed() < WATCH {
            for _ in 0..16 {
                if let Some(phase) = open() {
                    return phase;
                }
                turns = turns.wrapping_add(1);
                std::hint::spin_loop();
            }
        }
        let mut asleep = lock(&self.asleep);
        self.sleepers.fetch_add(1, SeqCst);
        let phase = loop {
            // Either this sees the job open, or `open` sees a sleeper and wakes it.
            if let Some(phase) = open() {
                break phase;
            }
            asleep = self
                .wake
                .wait(asleep)
                .unwrap_or_else(PoisonError::into_inner);
        };
        self.sleepers.fetch_sub(1, SeqCst);
        phase
    }
}

/// Waits a moment: shortly at first, later so that another thread can have the processor.
fn pause(turns: &mut u32) {
    *turns += 1;
    if *turns < 200 {
        std::hint::spin_loop();
    } else {
        std::thread::yield_now();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::panic::{AssertUnwindSafe, catch_unwind, panic_any};
    use std::sync::atomic::AtomicU64;

    #[test]
    fn every_piece_is_done_once_by_whoever_has_time() {
        let pool = Pool::start(3);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for round in 0..2000usize {
                        let count = round % 37;
                        let done: Vec<AtomicU64> = (0..count).map(|_| AtomicU64::new(0)).collect();
                        let body = |i: usize| {
                            done[i].fetch_add(1, Relaxed);
                            // A piece that has pieces does them itself.
                            assert!(!pool.run(2, &|_| {}) || i >= count);
                        };
                        if pool.run(count, &body) {
                            assert!(done.iter().all(|done| done.load(Relaxed) == 1), "{round}");
                        }
                    }
                });
            }
        });
    }

    /// Does the next job, and asserts that it is done, all of it, by the pool.
    fn works(pool: &Pool) {
        let sum = AtomicUsize::new(0);
        let add = |i: usize| {
            sum.fetch_add(i, Relaxed);
        };
        assert!(pool.run(10, &add));
        assert_eq!(sum.load(Relaxed), 45);
    }

    #[test]
    fn a_panic_comes_back_to_the_caller_and_the_next_job_is_done() {
        for threads in 1..4 {
            let pool = Pool::start(threads);
            for piece in 0..64 {
                let job = || pool.run(64, &|i| assert!(i != piece, "piece {piece}"));
                let payload = catch_unwind(AssertUnwindSafe(job)).unwrap_err();
                let text = payload.downcast_ref::<String>();
                assert_eq!(text, Some(&format!("piece {piece}")));
                works(pool);
            }
        }
    }

    #[test]
    fn of_many_panics_one_comes_back() {
        /// Panics when it is dropped.
        struct Bomb(bool);
        impl Drop for Bomb {
            fn drop(&mut self) {
                assert!(!self.0, "dropped");
            }
        }
        let pool = Pool::start(3);
        for _ in 0..50 {
            let job = || pool.run(64, &|_| panic_any(Bomb(true)));
            let payload = catch_unwind(AssertUnwindSafe(job)).unwrap_err();
            payload.downcast::<Bomb>().unwrap().0 = false;
            works(pool);
        }
    }

    #[test]
    fn no_more_threads_than_may_run() {
        assert!(threads() <= processors());
        assert!(threads() <= rayon::current_num_threads());
    }
}
