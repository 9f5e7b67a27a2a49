//! Stores the first panic of several pieces of work until all of them have ended.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Mutex, PoisonError};

/// Catches panics and stores the first one.
#[derive(Default)]
pub(crate) struct FirstPanic(Mutex<Option<Box<dyn Any + Send>>>);

impl FirstPanic {
    pub(crate) const fn new() -> Self {
        Self(Mutex::new(None))
    }

    /// Runs the work and returns whether it ended without a panic.
    #[inline]
    pub(crate) fn catch(&self, work: impl FnOnce()) -> bool {
        let result = catch_unwind(AssertUnwindSafe(work));
        result.map_err(|payload| self.record(payload)).is_ok()
    }

    #[cold]
    fn record(&self, payload: Box<dyn Any + Send>) {
        let mut first = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if first.is_none() {
            *first = Some(payload);
        } else {
            drop(first);
            discard(payload);
        }
    }

    fn take(&self) -> Option<Box<dyn Any + Send>> {
        let mut first = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        first.take()
    }

    /// Drops the stored panic, if any.
    pub(crate) fn clear(&self) {
        if let Some(payload) = self.take() {
            discard(payload);
        }
    }

    /// Resumes the stored panic, if any.
    pub(crate) fn resume(&self) {
        if let Some(payload) = self.take() {
            resume_unwind(payload);
        }
    }
}

/// Drops a payload whose `Drop` may panic too.
fn discard(payload: Box<dyn Any + Send>) {
    if let Err(another) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
        // Dropping `another` could panic again, without end.
        std::mem::forget(another);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct PanicsWhenDropped;

    impl Drop for PanicsWhenDropped {
        fn drop(&mut self) {
            std::panic::panic_any(PanicsWhenDropped);
        }
    }

    #[test]
    fn the_first_panic_is_resumed_and_later_ones_are_dropped() {
        let first = FirstPanic::new();
        assert!(first.catch(|| {}));
        first.resume();
        assert!(!first.catch(|| std::panic::panic_any(1)));
        assert!(!first.catch(|| std::panic::panic_any(PanicsWhenDropped)));
        let payload = catch_unwind(AssertUnwindSafe(|| first.resume())).unwrap_err();
        assert_eq!(payload.downcast_ref(), Some(&1));
        first.resume();
        assert!(!first.catch(|| std::panic::panic_any(PanicsWhenDropped)));
        first.clear();
        first.resume();
    }
}
