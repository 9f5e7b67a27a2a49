//! The first panic of several pieces of work, kept until all of them have ended.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Mutex, PoisonError};

/// Catches panics, and keeps the first.
#[derive(Default)]
pub(crate) struct FirstPanic(Mutex<Option<Box<dyn Any + Send>>>);

impl FirstPanic {
    pub(crate) const fn new() -> Self {
        Self(Mutex::new(None))
    }

    /// Does the work; whether it ended without a panic.
    #[inline]
    pub(crate) fn catch(&self, work: impl FnOnce()) -> bool {
        let result = catch_unwind(AssertUnwindSafe(work));
        result.map_err(|payload| self.keep(payload)).is_ok()
    }

    #[cold]
    fn keep(&self, payload: Box<dyn Any + Send>) {
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

    /// Forgets the panic that was caught, if any.
    pub(crate) fn clear(&self) {
        if let Some(payload) = self.take() {
            discard(payload);
        }
    }

    /// Goes on with the panic that was caught, if any.
    pub(crate) fn go_on(&self) {
        if let Some(payload) = self.take() {
            resume_unwind(payload);
        }
    }
}

/// Drops a payload, whose `Drop` may panic too.
fn discard(payload: Box<dyn Any + Send>) {
    if let Err(another) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
        // This could go on for ever.
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
    fn the_first_panic_goes_on_and_the_others_are_forgotten() {
        let first = FirstPanic::new();
        assert!(first.catch(|| {}));
        first.go_on();
        assert!(!first.catch(|| std::panic::panic_any(1)));
        assert!(!first.catch(|| std::panic::panic_any(PanicsWhenDropped)));
        let payload = catch_unwind(AssertUnwindSafe(|| first.go_on())).unwrap_err();
        assert_eq!(payload.downcast_ref(), Some(&1));
        first.go_on();
        assert!(!first.catch(|| std::panic::panic_any(PanicsWhenDropped)));
        first.clear();
        first.go_on();
    }
}
