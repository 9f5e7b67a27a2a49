//! A thread pool whose threads spin briefly before they sleep.
//!
//! A training step is some hundred short parallel regions, a few microseconds apart. A pool whose
//! threads sleep in between spends more time on waking them than they work. Here the calling thread
//! takes part in the work. The other threads spin for a moment before they sleep, and the caller
//! does not wait for threads that have not begun.

use crate::kernel::threads::panics::FirstPanic;
use std::cell::UnsafeCell;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed, Ordering::SeqCst};
use std::sync::{Condvar, Mutex, MutexGuard, OnceLock, PoisonError, TryLockError};
use std::time::{Duration, Instant};

/// How long a thread spins before it sleeps.
const SPIN_TIME: Duration = Duration::from_micros(100);

/// A job: `body(i)` for each `i` below `count`.
#[derive(Clone, Copy)]
struct Job {
    body: *const (dyn Fn(usize) + Sync),
    count: usize,
}

/// A thread's position in its share of a job, on its own cache lines.
#[derive(Default)]
#[repr(align(128))]
struct Share {
    next: AtomicUsize,
}

struct Pool {
    /// Locked by the caller whose job is running.
    caller: Mutex<()>,
    job: UnsafeCell<Option<Job>>,
    /// Odd while a job is open. It is increased by one at each opening and closing.
    phase: AtomicUsize,
    /// The next piece to be taken of each thread's share.
    shares: Vec<Share>,
    /// Threads that are inside the open job, or that check whether it is still open.
    inside: AtomicUsize,
    /// Locked while a thread goes to sleep, and while all threads are woken.
    asleep: Mutex<()>,
    /// Threads that sleep or are about to.
    sleepers: AtomicUsize,
    wake: Condvar,
    /// The first panic of a piece.
    panic: FirstPanic,
    threads: usize,
}

// SAFETY: only the caller writes `job`, while no job is open and no thread is inside. Threads read
// it only while they are inside an open job.
unsafe impl Sync for Pool {}
// SAFETY: the pointer in `job` is used only as stated above.
unsafe impl Send for Pool {}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // No panic leaves one of these in a bad state: each mutex protects a number, a flag or nothing.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Returns the number of threads of the pool, including the caller: at most as many as `rayon`
/// would start, and at most as many as can run at once. If a thread is not running when its turn
/// comes, all others wait for it.
pub(crate) fn threads() -> usize {
    pool().threads
}

fn pool() -> &'static Pool {
    static POOL: OnceLock<&'static Pool> = OnceLock::new();
    POOL.get_or_init(|| Pool::start(rayon::current_num_threads().min(processors())))
}

/// Returns how many threads of this process can run at once.
pub(crate) fn processors() -> usize {
    static PROCESSORS: OnceLock<usize> = OnceLock::new();
    *PROCESSORS.get_or_init(|| std::thread::available_parallelism().map_or(1, usize::from))
}

/// Returns whether this process is a forked child of one that had started the pool. A child does
/// not have its parent's threads.
pub(crate) fn is_forked() -> bool {
    FORKED.load(Relaxed)
}

static FORKED: AtomicBool = AtomicBool::new(false);

/// Registers a handler that sets `FORKED` in every child forked from now on.
fn register_fork_handler() {
    #[cfg(unix)]
    {
        use std::ffi::c_int;
        type Handler = Option<unsafe extern "C" fn()>;
        unsafe extern "C" {
            // From POSIX.
            fn pthread_atfork(prepare: Handler, parent: Handler, child: Handler) -> c_int;
        }
        unsafe extern "C" fn in_child() {
            FORKED.store(true, Relaxed);
        }
        // SAFETY: the declaration is that of POSIX, and the handler does only what is allowed in a
        // signal handler. Registering can fail for lack of memory: then forks are not detected.
        unsafe { pthread_atfork(None, None, Some(in_child)) };
    }
}

/// Calls `body(i)` for each `i` below `count`, in parallel. If another thread's job is running, or
/// this call is made inside a piece, it does nothing and returns false.
pub(crate) fn run(count: usize, body: &(dyn Fn(usize) + Sync)) -> bool {
    pool().run(count, body)
}

impl Pool {
    fn start(threads: usize) -> &'static Self {
        register_fork_handler();
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
            // If a thread fails to start, the caller does its pieces.
            let name = format!("cotangent-{number}");
            let builder = std::thread::Builder::new().name(name);
            drop(builder.spawn(move || pool.thread_loop(number)));
        }
        pool
    }

    fn run(&self, count: usize, body: &(dyn Fn(usize) + Sync)) -> bool {
        let _caller = match self.caller.try_lock() {
            Ok(caller) => caller,
            // An earlier job panicked here, after it was closed.
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return false,
        };
        self.open(count, body);
        // `work` catches panics: the job must be closed before the lifetime of `body` ends.
        self.work(0, count, body);
        self.close();
        self.panic.resume();
        true
    }

    fn open(&self, count: usize, body: &(dyn Fn(usize) + Sync)) {
        // SAFETY: only the lifetime changes. `close` runs before the lifetime of `body` ends, and
        // after it no thread is inside that could use `body`.
        let body: &'static (dyn Fn(usize) + Sync) = unsafe { std::mem::transmute(body) };
        // SAFETY: no job is open and no thread is inside (`close` has waited), so nobody else reads
        // it.
        unsafe { *self.job.get() = Some(Job { body, count }) };
        for (thread, share) in self.shares.iter().enumerate() {
            share.next.store(self.share_start(thread, count), Relaxed);
        }
        self.phase.fetch_add(1, SeqCst);
        if self.sleepers.load(SeqCst) > 0 {
            drop(lock(&self.asleep));
            self.wake.notify_all();
        }
    }

    /// Returns the first piece of a thread's share.
    fn share_start(&self, thread: usize, count: usize) -> usize {
        thread * count / self.threads
    }

    /// Runs the pieces of a thread's own share, then the rest of the others'. So a thread mostly
    /// works on data that it wrote itself, in the previous region or the previous step, and that is
    /// in its cache.
    fn run_pieces(&self, thread: usize, count: usize, body: &(dyn Fn(usize) + Sync)) {
        for turn in 0..self.threads {
            let owner = (thread + turn) % self.threads;
            let end = self.share_start(owner + 1, count);
            loop {
                let i = self.shares[owner].next.fetch_add(1, Relaxed);
                if i >= end {
                    break;
                }
                body(i);
            }
        }
    }

    /// Runs [`run_pieces`](Self::run_pieces) and stores a panic for the caller.
    fn work(&self, thread: usize, count: usize, body: &(dyn Fn(usize) + Sync)) {
        if !self.panic.catch(|| self.run_pieces(thread, count, body)) {
            self.skip_rest();
        }
    }

    /// Skips all pieces that have not begun, after a panic.
    fn skip_rest(&self) {
        for share in &self.shares {
            share.next.fetch_max(usize::MAX / 2, Relaxed);
        }
    }

    fn close(&self) {
        self.phase.fetch_add(1, SeqCst);
        let mut turns = 0u32;
        // The loads see each thread's `fetch_sub`. So everything that the others have done happens
        // before what the caller does next.
        while self.inside.load(SeqCst) > 0 {
            pause(&mut turns);
        }
    }

    /// Runs the jobs of the pool, in each thread except the caller.
    fn thread_loop(&self, thread: usize) {
        let mut seen = 0;
        loop {
            let phase = self.wait_for_job(seen);
            seen = phase;
            self.inside.fetch_add(1, SeqCst);
            // Either this load sees the job open, and `close` sees a thread inside, or it sees the
            // job closed.
            if self.phase.load(SeqCst) == phase {
                // SAFETY: the job is open, and is not replaced while a thread is inside.
                if let Some(Job { body, count }) = unsafe { *self.job.get() } {
                    // SAFETY: `close` keeps `body` alive until no thread is inside.
                    self.work(thread, count, unsafe { &*body });
                }
            }
            self.inside.fetch_sub(1, SeqCst);
        }
    }

    /// Waits for an open job other than `seen` and returns its phase. It spins first, then sleeps.
    fn wait_for_job(&self, seen: usize) -> usize {
        let open = || {
            let phase = self.phase.load(SeqCst);
            (phase % 2 == 1 && phase != seen).then_some(phase)
        };
        let (mut turns, started) = (0u32, Instant::now());
        while started.elapsed() < SPIN_TIME {
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
            // Either this check sees the job open, or `open` sees a sleeper and wakes it.
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

/// Waits a moment: it spins at first, and later yields the processor to other threads.
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
    fn every_piece_runs_exactly_once() {
        let pool = Pool::start(3);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for round in 0..2000usize {
                        let count = round % 37;
                        let done: Vec<AtomicU64> = (0..count).map(|_| AtomicU64::new(0)).collect();
                        let body = |i: usize| {
                            done[i].fetch_add(1, Relaxed);
                            // A nested call is refused while its outer job runs.
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

    /// Runs another job and asserts that the pool does all of it.
    fn works(pool: &Pool) {
        let sum = AtomicUsize::new(0);
        let add = |i: usize| {
            sum.fetch_add(i, Relaxed);
        };
        assert!(pool.run(10, &add));
        assert_eq!(sum.load(Relaxed), 45);
    }

    #[test]
    fn a_panic_reaches_the_caller_and_the_next_job_runs() {
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
    fn one_of_several_panics_reaches_the_caller() {
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
    fn the_pool_has_at_most_one_thread_per_processor() {
        assert!(threads() <= processors());
        assert!(threads() <= rayon::current_num_threads());
    }
}
