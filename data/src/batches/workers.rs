//! Threads that assemble batches ahead of the loop, which receives them in their order.

use std::any::Any;
use std::collections::BTreeMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use cotangent_core::Result;

use crate::dataset::Dataset;
use crate::error::Error;
use crate::shards::Shards;

use super::plan::Plan;

/// The threads of an epoch. They end when this is dropped, after the batch at which they are.
pub(super) struct Workers<S> {
    shared: Arc<Shared<S>>,
}

/// The batches between the threads and the loop.
struct Shared<S> {
    state: Mutex<State<S>>,
    /// A batch is ready.
    ready: Condvar,
    /// There is room for another batch, or the epoch is over.
    room: Condvar,
}

struct State<S> {
    /// The next batch that a worker begins.
    next: usize,
    /// The batch that the loop takes next.
    wanted: usize,
    /// The number of batches in the epoch.
    end: usize,
    ready: BTreeMap<usize, Result<S>>,
    stopped: bool,
}

impl<S> Shared<S> {
    /// Locks the state. No code of a data set runs under the lock, so that it is whole even if a
    /// thread has panicked.
    fn lock(&self) -> MutexGuard<'_, State<S>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Starts the workers of an epoch. Returns `None` if the system refuses threads.
pub(super) fn start<D: Dataset + 'static>(
    plan: &Arc<Plan<D>>,
    (workers, prefetch): (usize, usize),
    (first, end): (usize, usize),
) -> Option<Workers<Shards<D::Sample>>> {
    let state = State {
        next: first,
        wanted: first,
        end,
        ready: BTreeMap::new(),
        stopped: false,
    };
    let shared = Arc::new(Shared {
        state: Mutex::new(state),
        ready: Condvar::new(),
        room: Condvar::new(),
    });
    let mut started = 0;
    for _ in 0..workers.min(end - first) {
        let (plan, shared) = (Arc::clone(plan), Arc::clone(&shared));
        let thread = thread::Builder::new().name("cotangent-data".to_owned());
        let spawned = thread.spawn(move || work(&plan, &shared, prefetch));
        started += usize::from(spawned.is_ok());
    }
    (started > 0).then_some(Workers { shared })
}

/// Assembles batches until the epoch ends.
fn work<D: Dataset>(plan: &Plan<D>, shared: &Shared<Shards<D::Sample>>, prefetch: usize) {
    let mut state = shared.lock();
    while !state.stopped && state.next < state.end {
        if state.next >= state.wanted.saturating_add(prefetch) {
            let waited = shared.room.wait(state);
            state = waited.unwrap_or_else(PoisonError::into_inner);
            continue;
        }
        let number = state.next;
        state.next += 1;
        drop(state);
        let batch = plan.batch(number);
        state = shared.lock();
        if number >= state.wanted {
            state.ready.insert(number, batch);
            shared.ready.notify_one();
        }
    }
}

impl<S> Workers<S> {
    /// Waits for batch `number`. Earlier batches are dropped.
    pub(super) fn take(&self, number: usize) -> Result<S> {
        let mut state = self.shared.lock();
        state.wanted = number;
        state.next = state.next.max(number);
        state.ready = state.ready.split_off(&number);
        self.shared.room.notify_all();
        loop {
            if let Some(batch) = state.ready.remove(&number) {
                state.wanted = number + 1;
                self.shared.room.notify_all();
                return batch;
            }
            let waited = self.shared.ready.wait(state);
            state = waited.unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl<S> Drop for Workers<S> {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        state.stopped = true;
        let ready = std::mem::take(&mut state.ready);
        drop(state);
        self.shared.room.notify_all();
        drop(ready);
    }
}

/// Returns the error of a panic.
pub(crate) fn panicked(panic: &(dyn Any + Send)) -> Error {
    let text = panic.downcast_ref::<&str>().map(ToString::to_string);
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
    let message = text.unwrap_or_else(|| "without a message".to_owned());
    Error::Panic { message }
}
