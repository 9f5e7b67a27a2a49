//! The state that the threads of a rank share: of the main thread, and the error that ends the job.

use cotangent_core::Error;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// The state of a rank, for its main thread and its courier.
pub(crate) struct Shared {
    pub rank: usize,
    pub ranks: usize,
    /// How long a rank may keep others waiting.
    pub patience: Duration,
    main: Mutex<Main>,
    failure: Mutex<Option<Failure>>,
}

/// The state of the main thread of a rank.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) enum Main {
    /// It computes since then.
    Working(Instant),
    /// It does something that others wait for, however long it takes.
    Busy,
    /// It waits for an exchange.
    Waiting,
}

/// Why the job ends.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    pub rank: usize,
    pub reason: String,
}

impl Shared {
    pub fn new(rank: usize, ranks: usize, patience: Duration) -> Self {
        Self {
            rank,
            ranks,
            patience,
            main: Mutex::new(Main::Working(Instant::now())),
            failure: Mutex::new(None),
        }
    }

    pub fn main(&self) -> Main {
        *lock(&self.main)
    }

    /// Sets what the main thread does, and returns what it did.
    pub fn set_main(&self, main: Main) -> Main {
        std::mem::replace(&mut *lock(&self.main), main)
    }

    /// Says that the main thread has taken part in an exchange just now.
    pub fn works(&self) {
        let mut main = lock(&self.main);
        if !matches!(*main, Main::Busy) {
            *main = Main::Working(Instant::now());
        }
    }

    /// Sets why the job ends, unless that is known already. Returns whether it was not.
    pub fn fail(&self, failure: Failure) -> bool {
        let mut known = lock(&self.failure);
        let is_first = known.is_none();
        known.get_or_insert(failure);
        is_first
    }

    pub fn failure(&self) -> Option<Failure> {
        lock(&self.failure).clone()
    }

    /// Returns the error of a job that ends for this reason.
    pub fn error(&self, failure: Failure) -> Error {
        Error::other(failure.reason).of_rank(failure.rank, self.ranks)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Each value is replaced as a whole.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
